-- Why: the same calculation as assess(), told in sentences.

CREATE FUNCTION attendance.length(ranges tstzmultirange) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(make_interval(secs => sum(extract(epoch FROM upper(r) - lower(r)))::double precision), '0') FROM unnest(ranges) r;
END;
COMMENT ON FUNCTION attendance.length(tstzmultirange) IS 'How long the ranges are together.';

CREATE FUNCTION attendance.tell(c attendance.cycle, seen_at timestamptz, heartbeat_at timestamptz, as_of timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE attendance.ended_by(c)
        WHEN 'open' THEN format(CASE WHEN attendance.joined_at(c) > as_of THEN 'not there yet at %s' ELSE 'still there at %s' END, as_of)
        WHEN 'left' THEN format('left %s, as LiveKit reported', attendance.left_at(c))
        WHEN 'aborted' THEN 'was never connected: LiveKit reported the connection as aborted'
        WHEN 'missing' THEN format('end inferred: %s, the first time the room was listed without it; last seen %s', attendance.left_at(c), seen_at)
        WHEN 'replaced' THEN format('end inferred: %s, when the same identity connected again', attendance.left_at(c))
        WHEN 'room_finished' THEN format('end inferred: %s, when the room finished or started anew', attendance.left_at(c))
        WHEN 'heartbeat_lost' THEN format('end inferred: %s, its last sign of life; the last heartbeat was %s', attendance.left_at(c), heartbeat_at)
        WHEN 'stale' THEN format('end inferred: %s, believed no longer after its last sign of life %s', attendance.left_at(c), greatest(seen_at, heartbeat_at))
    END;
END;
REVOKE ALL ON FUNCTION attendance.tell(attendance.cycle, timestamptz, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.tell(attendance.cycle, timestamptz, timestamptz, timestamptz) IS 'How a resolved stay ended, and from which evidence that is known.';

CREATE FUNCTION attendance.explain(session_id text, attendee text, as_of timestamptz DEFAULT now())
    RETURNS TABLE (line integer, fact text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    s attendance.session := attendance.session_of(session_id);
    terms attendance.policy[] := attendance.terms_of(s, NULL);
    t attendance.policy;
    e attendance.enrolment;
    o attendance.override;
    a attendance.assessment;
    stay record;
    facts text[];
    lasts interval := s.ends_at - s.starts_at;
    share numeric;
    around tstzrange;
    counts tstzrange;
    part tstzrange;
    before tstzmultirange := '{}';  -- what earlier stays covered
    once tstzmultirange;
BEGIN
    PERFORM attendance.require_evidence(s);
    SELECT * INTO e FROM attendance.enrolment n
    WHERE n.room = s.room AND n.session_id = s.session_id AND n.attendee = explain.attendee;
    SELECT * INTO t FROM unnest(terms) n WHERE n.policy = coalesce(e.policy, s.policy);
    SELECT * INTO a FROM attendance.compute(s, as_of, NULL) n WHERE n.attendee = explain.attendee;
    counts := tstzrange(s.starts_at - t.count_early, s.ends_at + t.count_overtime);
    around := tstzrange(lower(counts) - greatest(t.bridge_gap, '1 h'), upper(counts) + greatest(t.bridge_gap, '1 h'));

    facts := ARRAY[
        format('session %s in room %s lasts from %s to %s: %s', s.session_id, s.room, s.starts_at, s.ends_at, lasts)
            || CASE WHEN s.cancelled_at IS NOT NULL THEN format('; it was cancelled %s', s.cancelled_at) ELSE '' END,
        CASE WHEN e.attendee IS NULL THEN format('%s is not on the roster', attendee)
             ELSE format('%s is on the roster as %s', attendee, e.role)
                  || CASE WHEN e.excused IS NOT NULL THEN format(', excused: %s', e.excused) ELSE '' END END,
        format('judged as of %s by policy %s', as_of, t.policy)
            || CASE WHEN t.count_early > '0' THEN format('; presence counts from %s before the start', t.count_early) ELSE '' END
            || CASE WHEN t.count_overtime > '0' THEN format('; presence counts until %s after the end', t.count_overtime) ELSE '' END
            || CASE WHEN t.bridge_gap > '0' THEN format('; gaps up to %s count as presence', t.bridge_gap) ELSE '' END];

    FOR stay IN
        SELECT st.* FROM attendance.stays_of(s, terms, s.policy, around, as_of) st
        WHERE st.attendee = explain.attendee
        ORDER BY attendance.joined_at(st.cycle), st.participant_sid
    LOOP
        facts := facts || format('%s (%s): joined %s; %s', stay.participant_sid, stay.identity,
            attendance.joined_at(stay.cycle), attendance.tell(stay.cycle, stay.seen_at, stay.heartbeat_at, as_of));
        part := tstzrange(attendance.joined_at(stay.cycle),
                          greatest(least(attendance.left_at(stay.cycle),
                                         CASE WHEN attendance.is_open(stay.cycle) THEN as_of ELSE 'infinity' END),
                                   attendance.joined_at(stay.cycle)));
        IF attendance.ended_by(stay.cycle) = 'aborted' OR isempty(part) THEN
            facts := facts || '  counts nothing'::text;
        ELSIF NOT stay.counted THEN
            facts := facts || '  counts nothing: hidden, or not a person (agent, recorder, bridge, simulation)'::text;
        ELSIF stay.excluded THEN
            facts := facts || format('  counts nothing: role %s is not judged', coalesce(e.role, stay.role));
        ELSE
            once := tstzmultirange(part * counts) - before;
            facts := facts || ARRAY(
                SELECT '  ' || w.fact
                FROM (VALUES
                    (1, CASE WHEN lower(part) < lower(counts) THEN
                        format('not counted: %s before the start', least(upper(part), lower(counts)) - lower(part)) END),
                    (2, CASE WHEN upper(part) > upper(counts) THEN
                        format('not counted: %s after the end', upper(part) - greatest(lower(part), upper(counts))) END),
                    (3, CASE WHEN NOT isempty(part * counts) AND attendance.length(tstzmultirange(part * counts) * before) > '0' THEN
                        format('not counted again: %s, there on another connection too',
                               attendance.length(tstzmultirange(part * counts) * before)) END),
                    (4, CASE WHEN NOT isempty(part * counts) THEN format('counts %s', attendance.length(once)) END)
                ) w (n, fact)
                WHERE w.fact IS NOT NULL
                ORDER BY w.n);
            before := before + tstzmultirange(part);
        END IF;
    END LOOP;

    once := before * tstzmultirange(counts);
    IF a.attended > attendance.length(once) THEN
        facts := facts || format('gaps between stays, bridged: %s', a.attended - attendance.length(once));
    END IF;
    IF a.attendee IS NULL THEN
        facts := facts || CASE WHEN e.attendee IS NULL THEN 'nobody of this name was there in the window that counts, so there is no mark'
                               ELSE format('role %s is not judged, so there is no mark', e.role) END;
    ELSE
        share := 100 * extract(epoch FROM a.attended) / nullif(extract(epoch FROM lasts), 0);
        facts := facts
            || CASE WHEN a.cycles = 0 THEN 'no stay in the window that counts'
                    ELSE format('attended %s of %s: %s', a.attended, lasts, coalesce(a.percent || ' %', 'no share of no length')) END
            || (ARRAY[
                   CASE WHEN e.excused IS NULL THEN 'excused: no' ELSE 'excused: yes' END,
                   CASE WHEN a.late_by IS NULL THEN 'there at all: no' ELSE 'there at all: yes' END,
                   CASE WHEN t.absent_after IS NULL THEN 'absent for coming late: never'
                        ELSE format('came %s after the start; absent from %s on', a.late_by, t.absent_after) END,
                   format('%s attended; absent below %s %%', coalesce(round(share, 4) || ' %', 'no share'), t.absent_below),
                   format('%s attended; partial below %s %%', coalesce(round(share, 4) || ' %', 'no share'), t.partial_below),
                   CASE WHEN t.late_after IS NULL THEN 'late: never'
                        ELSE format('came %s after the start; late after %s', a.late_by, t.late_after) END
               ])[1:coalesce(array_position('{excused,no_presence,absent_after,absent_below,partial_below,late_after}'::text[],
                                            a.rule::text), 6)]
            || format('therefore %s', a.computed_status);
    END IF;

    SELECT * INTO o FROM attendance.override n
    WHERE n.room = s.room AND n.session_id = s.session_id AND n.attendee = explain.attendee
    ORDER BY n.override_id DESC LIMIT 1;
    IF o.override_id IS NOT NULL THEN
        facts := facts || CASE WHEN o.status IS NULL THEN format('an override was taken back by %s at %s: %s', o.set_by, o.set_at, o.reason)
                               ELSE format('but %s set %s at %s: %s', o.set_by, o.status, o.set_at, o.reason) END;
    END IF;
    RETURN QUERY SELECT f.n::integer, f.fact FROM unnest(facts) WITH ORDINALITY f (fact, n);
END
$$;
REVOKE ALL ON FUNCTION attendance.explain(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.explain(text, text, timestamptz) IS
'Why somebody got the status they got, in sentences: the session, each stay within an hour of it, how it ended and how that is known, what counted and what did not, the sum, the rules in the order they were tried until one applied, an override. Times in the session time zone. Raises no_data_found for an unknown session.';
