-- The present: the same calculation, as of now.

CREATE FUNCTION attendance.there(s attendance.session, terms attendance.policy[], as_of timestamptz)
    RETURNS TABLE (attendee text, since timestamptz, counts_from timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT st.attendee, min(attendance.joined_at(st.cycle)), min(st.counts_from)
    FROM attendance.stays_of(s, terms, s.policy, tstzrange(as_of, as_of, '[]'), as_of) st
    JOIN unnest(terms) t ON t.policy = s.policy
    WHERE st.counted AND NOT st.excluded
      AND attendance.joined_at(st.cycle) <= as_of AND attendance.left_at(st.cycle) > as_of
      AND s.cancelled_at IS NULL AND as_of < s.ends_at + t.finalise_after
    GROUP BY st.attendee;
END;
REVOKE ALL ON FUNCTION attendance.there(attendance.session, attendance.policy[], timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.there(attendance.session, attendance.policy[], timestamptz) IS
'Who of those that count is in the room of a session at an instant, and since when; nobody once the session is due for its final result. From counts_from on their presence counts.';

CREATE FUNCTION attendance.live_at(as_of timestamptz) RETURNS TABLE (
    session_id text, attendee text, name text, role text, enrolled boolean, since timestamptz, status text, rule text,
    attended interval, percent numeric, first_join timestamptz, late_by interval, is_late boolean,
    cycles integer, rejoins integer, room text, starts_at timestamptz, ends_at timestamptz, title text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    s attendance.session;
    so_far attendance.session;
    terms attendance.policy[];
BEGIN
    FOR s IN
        SELECT d.* FROM attendance.session d
        WHERE d.cancelled_at IS NULL AND (d.finalised_at IS NULL OR d.reopened_at IS NOT NULL) AND d.sealed_at IS NULL
          AND d.ends_at > as_of - (SELECT max(p.finalise_after) FROM attendance.policy p)
          AND d.starts_at <= as_of + (SELECT max(p.count_early) FROM attendance.policy p)
        ORDER BY d.starts_at, d.session_id
    LOOP
        terms := attendance.terms_of(s, NULL);
        so_far := s;
        so_far.ends_at := greatest(least(s.ends_at, as_of), s.starts_at);
        RETURN QUERY
        SELECT s.session_id, j.attendee, j.name, j.role, j.enrolled, t.since, j.status, j.rule,
               j.attended, j.percent, j.first_join, j.late_by, j.is_late, j.cycles, j.rejoins,
               s.room, s.starts_at, s.ends_at, s.title
        FROM attendance.there(s, terms, as_of) t
        JOIN attendance.judged(so_far, as_of, NULL) j ON j.attendee = t.attendee
        WHERE as_of >= t.counts_from
        ORDER BY j.attendee;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION attendance.live_at(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.live_at(timestamptz) IS
'The view live as of an instant about now; sessions that are final are no longer in it.';

CREATE VIEW attendance.live AS SELECT * FROM attendance.live_at(now());
COMMENT ON VIEW attendance.live IS
'Who is in which session now: from its start (or count_early before) to its end, and after that until it is due for its final result. All but since is what assess() says of a session that ends this moment.';
DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.attname, coalesce(d.text, pg_catalog.col_description(r.attrelid, r.attnum)) AS text
        FROM pg_catalog.pg_attribute v
        LEFT JOIN pg_catalog.pg_attribute r ON r.attrelid = 'attendance.report'::regclass AND r.attname = v.attname
        LEFT JOIN (VALUES ('since', 'start of the earliest of their stays that are open now'),
              ('status', 'what they would get if the session ended now, an override applied'),
              ('attended', 'time that counts, so far'),
              ('percent', 'attended of the time from the start until now or the end, at most 100; NULL until the start')) d (name, text)
            ON d.name = v.attname
        WHERE v.attrelid = 'attendance.live'::regclass
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN attendance.live.%I IS %L', c.attname, c.text);
    END LOOP;
END
$$;

CREATE FUNCTION attendance.status_json(session_id text, attendee text, as_of timestamptz DEFAULT now()) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    s attendance.session := attendance.session_of(session_id);
    terms attendance.policy[] := attendance.terms_of(s, NULL);
    a record;
    there boolean := false;
BEGIN
    IF s.sealed_at IS NOT NULL THEN
        SELECT * INTO a FROM attendance.result r
        WHERE r.room = s.room AND r.session_id = s.session_id AND r.attendee = status_json.attendee;
    ELSE
        SELECT * INTO a FROM attendance.judged(s, as_of, NULL) j WHERE j.attendee = status_json.attendee;
        there := EXISTS (SELECT FROM attendance.there(s, terms, as_of) t WHERE t.attendee = status_json.attendee);
    END IF;
    RETURN json_build_object(
        'is_currently_in_meeting', there,
        'attendance_status', CASE WHEN s.cancelled_at IS NULL THEN a.status END,
        'attendance_percentage', coalesce(a.percent, 0),
        'duration_minutes', coalesce(floor(extract(epoch FROM a.attended) / 60), 0)::integer,
        'join_count', coalesce(a.cycles, 0),
        'is_late', coalesce(a.is_late, false),
        'late_minutes', coalesce(floor(extract(epoch FROM a.late_by) / 60), 0)::integer,
        'has_ever_joined', coalesce(a.cycles, 0) > 0 OR there,
        'session_state', CASE WHEN s.cancelled_at IS NOT NULL THEN 'cancelled'
                              WHEN s.finalised_at IS NOT NULL AND s.reopened_at IS NULL THEN 'final'
                              WHEN as_of < s.starts_at THEN 'scheduled'
                              WHEN as_of < s.ends_at THEN 'running'
                              ELSE 'ended' END,
        'minutes_until_start', greatest(0, ceil(extract(epoch FROM s.starts_at - as_of) / 60))::integer,
        'last_updated', as_of);
END
$$;
REVOKE ALL ON FUNCTION attendance.status_json(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.status_json(text, text, timestamptz) IS
'The answer of a host application''s status endpoint for one attendee: the numbers of assess() as of that instant, of the whole session, in whole minutes, rounded down (minutes_until_start: up). attendance_status is NULL for somebody who is neither on the roster nor was there, and in a cancelled session. Raises no_data_found for an unknown session.';

CREATE VIEW attendance.open_cycle AS
    SELECT p.room, p.participant_sid, p.identity, p.name, p.counted, attendance.joined_at(p.cycle) AS joined_at,
           p.seen_at, p.heartbeat_at,
           attendance.resolve(p.cycle, p.seen_at, p.heartbeat_at, p.room_finished_at, p.replaced_at, p.missing_at, now()) AS resolved
    FROM attendance.stay p
    WHERE attendance.is_open(p.cycle);
COMMENT ON VIEW attendance.open_cycle IS
'Stays without a recorded end, and what they resolve to now by the default timeouts: open if believed to go on, else the inferred end and why.';
COMMENT ON COLUMN attendance.open_cycle.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.open_cycle.participant_sid IS 'LiveKit''s participant.sid (PA_…)';
COMMENT ON COLUMN attendance.open_cycle.identity IS 'identity in the participant''s token';
COMMENT ON COLUMN attendance.open_cycle.name IS 'display name, newest known';
COMMENT ON COLUMN attendance.open_cycle.counted IS 'a person who counts';
COMMENT ON COLUMN attendance.open_cycle.joined_at IS 'start of the stay';
COMMENT ON COLUMN attendance.open_cycle.seen_at IS 'latest event or listing that shows it';
COMMENT ON COLUMN attendance.open_cycle.heartbeat_at IS 'latest heartbeat; NULL: never one';
COMMENT ON COLUMN attendance.open_cycle.resolved IS 'the stay as it is judged now';

CREATE VIEW attendance.recent_event AS
    SELECT e.received_at, e.received_at - e.occurred_at AS lag, e.room, e.event, e.identity,
           CASE WHEN e.source = 'snapshot' THEN 'snapshot'
                ELSE coalesce('signed by ' || e.signed_by, 'vouched for') END AS origin,
           e.event_id
    FROM attendance.event e
    ORDER BY e.received_at DESC, e.event_id
    LIMIT 50;
COMMENT ON VIEW attendance.recent_event IS 'The latest 50 events, newest first: something to \watch.';
COMMENT ON COLUMN attendance.recent_event.received_at IS 'when it came';
COMMENT ON COLUMN attendance.recent_event.lag IS 'how long after LiveKit says it happened';
COMMENT ON COLUMN attendance.recent_event.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.recent_event.event IS 'LiveKit''s name of the event';
COMMENT ON COLUMN attendance.recent_event.identity IS 'whom it is about';
COMMENT ON COLUMN attendance.recent_event.origin IS 'who says so';
COMMENT ON COLUMN attendance.recent_event.event_id IS 'its id in the log';
