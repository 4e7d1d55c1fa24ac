-- The recorded lesson once more, as whoever watched it would have seen it: its webhooks come in when they came, and every
-- 4.7 seconds of it (so that looks drift against the whole seconds in which things happen) somebody looks at live.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
    attendance.session CASCADE;

\set webhooks `cat "$PG_ABS_SRCDIR/test/recordings/lesson/webhooks.jsonl"`
\set actions `cat "$PG_ABS_SRCDIR/test/recordings/lesson/actions.jsonl"`
CREATE TEMP TABLE request AS
    SELECT (line::json ->> 'received_at')::timestamptz AS received_at, line::json ->> 'body' AS body
    FROM string_to_table(:'webhooks', E'\n') line
    WHERE line::json ->> 'status' = '200';
CREATE TEMP TABLE action AS
    SELECT (line::json ->> 'at')::timestamptz AS at, line::json ->> 'who' AS who, line::json ->> 'what' AS what
    FROM string_to_table(:'actions', E'\n') line;

\set starts_at '2026-11-21 01:43:45.485Z'
\set ends_at '2026-11-21 02:28:45.485Z'
SELECT attendance.schedule_session('session-96', :'starts_at', :'ends_at', 'lesson');
SELECT count(attendance.enrol('lesson', attendee)) FROM unnest('{1,5,7,8,9,10,11,12,13,14,15,16}'::text[]) attendee;

-- Looks from five minutes before the lesson until it is due for its final result; once at its very end.
CREATE TEMP TABLE sample AS
    SELECT generate_series(:'starts_at'::timestamptz - interval '5 min', :'ends_at'::timestamptz + interval '5 min 5 s', interval '4.7 s') AS at
    UNION SELECT :'ends_at';
CREATE TEMP TABLE looked AS SELECT now() AS at, l.* FROM attendance.live l;
CREATE TEMP TABLE asked (at timestamptz, attendee text, is_currently_in_meeting boolean, attendance_status text, attendance_percentage numeric,
    duration_minutes integer, join_count integer, session_state text);
CREATE PROCEDURE pg_temp.watch() LANGUAGE plpgsql AS $$
DECLARE
    before timestamptz := '-infinity';
    at timestamptz;
BEGIN
    FOR at IN SELECT s.at FROM sample s ORDER BY s.at LOOP
        PERFORM attendance.ingest(r.body) FROM (
            SELECT * FROM request r WHERE r.received_at > before AND r.received_at <= at ORDER BY r.received_at) r;
        INSERT INTO looked SELECT at, l.* FROM attendance.live_at(at) l;
        INSERT INTO asked
        SELECT at, p.attendee, a.* FROM unnest('{5,10}'::text[]) p (attendee), json_to_record(attendance.status_json('lesson', p.attendee, at))
            a (is_currently_in_meeting boolean, attendance_status text, attendance_percentage numeric, duration_minutes integer,
               join_count integer, session_state text);
        before := at;
    END LOOP;
END
$$;
CALL pg_temp.watch();
SELECT (SELECT count(*) FROM sample) AS samples, count(*) AS rows, count(DISTINCT attendee) AS people, min(at) AS first, max(at) AS last
FROM looked;

-- Who is there, by the clock of those who drove the clients: from `connected` until the next action of that identity, 20 s
-- longer if that was a kill, since LiveKit takes as long to notice. The agent, the recorder and the hidden supervisor do not
-- count. Nobody is in the lesson before it starts, nor when it is due. Within 2 s of such a moment either answer is right:
-- a webhook that was answered with 503 comes again after 1 s, and a leave is told in whole seconds.
CREATE TEMP TABLE truth AS
    SELECT coalesce(substring(who FROM '^(?:user-)?(\d+)'), who) AS attendee, at AS since, until
    FROM (SELECT who, what, at, lead(at) OVER w + CASE lead(what) OVER w WHEN 'killed' THEN interval '20 s' ELSE '0' END AS until
          FROM action
          WHERE what <> 'second connection, same identity' AND who NOT IN ('agent-transcriber', 'EG_fakeRecorder1', '99_supervisor')
          WINDOW w AS (PARTITION BY who ORDER BY at)) connection
    WHERE what = 'connected';
CREATE TEMP TABLE compared AS
    SELECT s.at, p.attendee, l.attendee IS NOT NULL AS live, l.since, t.since AS truly_since,
           t.since IS NOT NULL AND s.at >= :'starts_at' AND s.at < :'ends_at'::timestamptz + interval '5 min' AS there,
           EXISTS (SELECT FROM truth t
                   WHERE t.attendee = p.attendee
                     AND (abs(extract(epoch FROM t.since - s.at)) < 2 OR abs(extract(epoch FROM t.until - s.at)) < 2)) AS doubtful
    FROM sample s
    CROSS JOIN (SELECT DISTINCT attendee FROM truth UNION SELECT DISTINCT attendee FROM looked) p
    LEFT JOIN looked l ON l.at = s.at AND l.attendee = p.attendee
    LEFT JOIN LATERAL (SELECT min(t.since) AS since FROM truth t
                       WHERE t.attendee = p.attendee AND t.since <= s.at AND t.until > s.at) t ON true;
SELECT count(*) AS answers, count(*) FILTER (WHERE live) AS live, count(*) FILTER (WHERE live <> there) AS other_than_true,
       count(*) FILTER (WHERE doubtful) AS doubtful, count(*) FILTER (WHERE live <> there AND NOT doubtful) AS wrong,
       count(*) FILTER (WHERE live AND there AND NOT doubtful AND abs(extract(epoch FROM since - truly_since)) < 2) AS since_right,
       count(*) FILTER (WHERE live AND there AND NOT doubtful AND NOT abs(extract(epoch FROM since - truly_since)) < 2) AS since_wrong
FROM compared;

-- Minutes, percent and status once more, in plain SQL, from the bodies that had come until then.
CREATE TEMP TABLE told AS
    SELECT r.received_at, b.body ->> 'event' AS event, b.body #>> '{participant,sid}' AS sid,
           coalesce(substring(b.body #>> '{participant,identity}' FROM '^(?:user-)?(\d+)'), b.body #>> '{participant,identity}') AS attendee,
           to_timestamp((b.body #>> '{participant,joinedAtMs}')::bigint / 1000.0) AS joined_at,
           to_timestamp((b.body ->> 'createdAt')::bigint) AS created_at
    FROM request r, CAST(r.body AS json) b (body);
CREATE TEMP TABLE computed AS
    SELECT at, attendee, sum(upper(r) - lower(r)) AS attended, min(lower(r)) AS first_presence, least(at, :'ends_at') - :'starts_at' AS elapsed
    FROM (SELECT s.at, t.attendee, range_agg(tstzrange(
                     t.joined_at, greatest(t.joined_at, coalesce((SELECT l.created_at FROM told l
                                                                  WHERE l.sid = t.sid AND l.event = 'participant_left' AND l.received_at <= s.at), s.at))))
                     * tstzmultirange(tstzrange(:'starts_at', least(s.at, :'ends_at'))) AS stays
          FROM sample s
          JOIN told t ON t.event = 'participant_joined' AND t.received_at <= s.at
          WHERE s.at > :'starts_at'
          GROUP BY s.at, t.attendee) a, unnest(a.stays) r
    GROUP BY at, attendee;
SELECT count(*) AS compared, count(*) FILTER (WHERE l.attended = c.attended) AS attended,
       count(*) FILTER (WHERE l.percent = round(100 * extract(epoch FROM c.attended) / extract(epoch FROM c.elapsed), 2)) AS percent,
       count(*) FILTER (WHERE l.status = CASE WHEN 2 * c.attended < c.elapsed THEN 'partial'
                                              WHEN c.first_presence > :'starts_at'::timestamptz + interval '15 min' THEN 'late'
                                              ELSE 'present' END) AS status
FROM looked l
LEFT JOIN computed c USING (at, attendee)
WHERE l.attended > '0';
SELECT status, count(*), count(DISTINCT attendee) AS people FROM looked GROUP BY status ORDER BY status;

-- What those who were there at its end were shown then is what they get.
SELECT count(*) AS people, count(*) FILTER (WHERE l.status = a.status AND l.rule = a.rule) AS same_status,
       count(*) FILTER (WHERE abs(extract(epoch FROM l.attended - a.attended)) < 1 AND abs(l.percent - a.percent) < 0.04) AS same_share
FROM looked l
LEFT JOIN attendance.assess('lesson', '2026-11-22') a USING (attendee)
WHERE l.at = :'ends_at';

-- The status endpoint: who is in the room is there, before the lesson too. Its share is of the whole lesson, so it grows to
-- what they get; but a leave is told in whole seconds, which may take back less than one.
SELECT count(*) AS answers, count(*) FILTER (WHERE a.is_currently_in_meeting <> (l.attendee IS NOT NULL)) AS other_than_live,
       count(*) FILTER (WHERE a.is_currently_in_meeting AND a.at < :'starts_at') AS waiting,
       count(*) FILTER (WHERE a.duration_minutes <> floor(extract(epoch FROM c.attended) / 60)) AS other_minutes,
       count(*) FILTER (WHERE abs(a.attendance_percentage - 100 * extract(epoch FROM c.attended) / 2700) > 0.005) AS other_share
FROM asked a
LEFT JOIN looked l USING (at, attendee)
LEFT JOIN computed c USING (at, attendee);
SELECT attendee, max(before - attendance_percentage) < 0.04 AS steady, max(attendance_percentage) AS percent, max(duration_minutes) AS minutes,
       max(join_count) AS joins, string_agg(DISTINCT attendance_status, ', ' ORDER BY attendance_status) AS statuses
FROM (SELECT *, lag(attendance_percentage) OVER (PARTITION BY attendee ORDER BY at) AS before FROM asked) a
GROUP BY attendee ORDER BY attendee;
SELECT session_state, min(at), max(at) FROM asked GROUP BY session_state ORDER BY min(at);

-- Looked back upon, now that all has come, it was the same, but where a webhook was on its way, and that 13 is called what
-- the phone calls them last. Once the session is final there is nothing more to see.
CREATE TEMP TABLE again AS SELECT s.at, l.* FROM sample s, attendance.live_at(s.at) l;
SELECT count(*) AS rows, count(*) FILTER (WHERE differs) AS differ,
       count(*) FILTER (WHERE differs AND NOT EXISTS (
           SELECT FROM told t WHERE t.attendee = d.attendee AND d.at BETWEEN t.created_at - interval '1 s' AND t.received_at)) AS unexplained
FROM (SELECT *, to_jsonb(l) - 'name' IS DISTINCT FROM to_jsonb(a) - 'name' AS differs
      FROM looked l FULL JOIN again a USING (at, attendee)) d;
SELECT attendance.finalise('lesson', :'ends_at'::timestamptz + interval '5 min');
SELECT count(*) FROM sample s, attendance.live_at(s.at);
