-- Why somebody got the mark they got, in sentences: one case for each kind of sentence.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
    attendance.session CASCADE;

-- A stay as its webhooks would leave it, all of one day. The identity is what the case is about.
CREATE PROCEDURE pg_temp.stay(identity text, joined time, gone time, room text DEFAULT 'r', ended_by text DEFAULT NULL,
    seen time DEFAULT NULL, heartbeat time DEFAULT NULL, role text DEFAULT NULL, counted boolean DEFAULT true) LANGUAGE sql AS $$
    INSERT INTO attendance.participation (room, participant_sid, room_sid, identity, role, counted, cycle, seen_at, heartbeat_at,
                                          state_version, state_at, state_event_id)
    SELECT room, format('PA %s %s', identity, to_char(joined, 'HH24:MI')), 'RM_' || room, identity, role, counted,
           attendance.cycle(d + joined, d + gone, ended_by), d + coalesce(seen, gone, joined), d + heartbeat, 1, d, ''
    FROM CAST('2026-01-05' AS timestamptz) d
$$;
-- What explains a mark from the fourth sentence on: the first three tell of the session, the roster and the policy.
CREATE FUNCTION pg_temp.why(attendee text, session_id text DEFAULT 's', as_of timestamptz DEFAULT '2026-01-06')
    RETURNS TABLE (fact text) LANGUAGE sql AS $$
    SELECT e.fact FROM attendance.explain(session_id, attendee, as_of) e WHERE e.line > 3 ORDER BY e.line
$$;

SELECT attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', 's');

-- There from start to end: every sentence, numbered.
SELECT attendance.enrol('s', '1', 'teacher');
CALL pg_temp.stay('1_yusuf', '11:00', '12:00');
SELECT * FROM attendance.explain('s', '1', '2026-01-06');

-- Before the start and after the end.
CALL pg_temp.stay('around', '10:30', '12:10');
SELECT * FROM pg_temp.why('around');
-- Gone before the start, come after the end; further than an hour away nothing is told.
CALL pg_temp.stay('beside', '10:30', '10:50');
CALL pg_temp.stay('beside', '12:05', '12:10');
CALL pg_temp.stay('beside', '09:00', '09:50');
CALL pg_temp.stay('beside', '13:10', '13:20');
SELECT attendance.enrol('s', 'beside');
SELECT * FROM pg_temp.why('beside');

-- A second device, a third within the others.
CALL pg_temp.stay('3_phone', '11:00', '11:40');
CALL pg_temp.stay('3_laptop', '11:20', '11:50');
CALL pg_temp.stay('3', '11:25', '11:30');
SELECT * FROM pg_temp.why('3');

-- Who was not there though LiveKit told of them: never connected, gone at once (which is no stay), hidden, of a role that
-- is not judged, said by LiveKit or by the roster.
CALL pg_temp.stay('aborted', '11:00', '11:05', ended_by => 'aborted');
CALL pg_temp.stay('at once', '11:00', '11:00');
CALL pg_temp.stay('hidden', '11:00', '12:00', counted => false);
CALL pg_temp.stay('inspector', '11:00', '12:00', role => 'observer');
CALL pg_temp.stay('trainee', '11:00', '12:00');
SELECT attendance.enrol('s', 'aborted'), attendance.enrol('s', 'at once'), attendance.enrol('s', 'trainee', 'observer');
SELECT * FROM pg_temp.why('aborted');
SELECT * FROM pg_temp.why('at once');
SELECT * FROM pg_temp.why('hidden');
SELECT * FROM pg_temp.why('inspector');
SELECT * FROM pg_temp.why('trainee');

-- Ends that nobody saw. Missing: the room was listed without it.
SELECT attendance.schedule_session('missing', '2026-01-05 11:00', '2026-01-05 12:00', 'missing');
CALL pg_temp.stay('missing', '11:00', NULL, 'missing', seen => '11:05');
INSERT INTO attendance.snapshot VALUES ('missing', '2026-01-05 11:05:10', 0, 'too soon'), ('missing', '2026-01-05 11:20', 0, 'EV_1');
SELECT * FROM pg_temp.why('missing', 'missing');
-- Replaced: the same identity connected again.
CALL pg_temp.stay('replaced', '11:00', NULL);
CALL pg_temp.stay('replaced', '11:30', '12:00');
SELECT * FROM pg_temp.why('replaced');
-- The room finished; the room started anew.
SELECT attendance.schedule_session('finished', '2026-01-05 11:00', '2026-01-05 12:00', 'finished'),
       attendance.schedule_session('anew', '2026-01-05 11:00', '2026-01-05 12:00', 'anew');
CALL pg_temp.stay('finished', '11:00', NULL, 'finished');
CALL pg_temp.stay('anew', '11:00', NULL, 'anew');
INSERT INTO attendance.room_instance VALUES
    ('finished', 'RM_finished', '2026-01-05 10:50', '2026-01-05 11:45'),
    ('anew', 'RM_anew', '2026-01-05 10:50', NULL), ('anew', 'RM_2', '2026-01-05 11:50', NULL);
SELECT * FROM pg_temp.why('finished', 'finished');
SELECT * FROM pg_temp.why('anew', 'anew');
-- Its heartbeat stopped: five minutes later that is known, until then it is there.
CALL pg_temp.stay('silent', '11:00', NULL, heartbeat => '11:35');
SELECT * FROM pg_temp.why('silent', as_of => '2026-01-05 11:40');
SELECT * FROM pg_temp.why('silent', as_of => '2026-01-05 11:40:00.000001');
-- Stale: no sign of life for three hours.
CALL pg_temp.stay('stale', '08:25', NULL, seen => '08:40');
SELECT * FROM pg_temp.why('stale');

-- Open, while the lesson lasts; and before its join nothing is known of it.
CALL pg_temp.stay('open', '11:10', NULL);
SELECT * FROM pg_temp.why('open', as_of => '2026-01-05 11:30');
SELECT * FROM pg_temp.why('open', as_of => '2026-01-05 11:05');

-- A policy that bridges gaps and counts around the session says so, and so does the sum.
INSERT INTO attendance.policy (policy, bridge_gap, count_early, count_overtime) VALUES ('bridged', '2 min', '10 min', '5 min');
SELECT attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', 'bridged', 'bridged');
CALL pg_temp.stay('bridged', '10:45', '11:20');
CALL pg_temp.stay('bridged', '11:22', '11:40');
CALL pg_temp.stay('bridged', '11:43', '12:00');
SELECT fact FROM attendance.explain('bridged', 'bridged', '2026-01-06') WHERE line > 2;

-- Each rule that decides, after those that did not.
INSERT INTO attendance.policy (policy, late_after, absent_after, absent_below, partial_below)
    VALUES ('limits', '15 min', '30 min', 10, 33.3333), ('lenient', NULL, NULL, 0, 0);
SELECT attendance.schedule_session('rules', '2026-01-05 11:00', '2026-01-05 12:00', 'limits', 'limits'),
       attendance.schedule_session('rules', '2026-01-05 11:00', '2026-01-05 12:00', 'lenient', 'lenient');
CALL pg_temp.stay('ill', '11:00', '11:20', 'rules');
CALL pg_temp.stay('half an hour late', '11:30', '12:00', 'rules');
CALL pg_temp.stay('short', '11:00', '11:05:59', 'rules');
CALL pg_temp.stay('a third', '11:00', '11:19:59', 'rules');
CALL pg_temp.stay('late', '11:15:01', '12:00', 'rules');
CALL pg_temp.stay('in time', '11:15', '12:00', 'rules');
SELECT attendance.enrol('limits', 'ill', excused => 'has a cold'), attendance.enrol('limits', 'away');
SELECT rule, fact
FROM unnest('{ill,away,half an hour late,short,a third,late,in time}'::text[]) WITH ORDINALITY w (who, n),
     attendance.assess('limits', '2026-01-06') a, attendance.explain('limits', w.who, '2026-01-06') e
WHERE a.attendee = w.who
  AND e.line > CASE w.who WHEN 'ill' THEN 1 ELSE 3 END
ORDER BY w.n, e.line;
SELECT * FROM pg_temp.why('half an hour late', 'lenient');

-- A mark set by hand, and taken back: beside what was computed, with who, when and why.
SELECT attendance.enrol('s', '2');
INSERT INTO attendance.override (room, session_id, attendee, status, reason, set_by, set_at)
    VALUES ('r', 's', '2', 'present', 'was in the library', 'head', '2026-01-05 14:00');
SELECT * FROM pg_temp.why('2');
INSERT INTO attendance.override (room, session_id, attendee, status, reason, set_by, set_at)
    VALUES ('r', 's', '2', NULL, 'was not', 'deputy', '2026-01-05 15:00');
SELECT * FROM pg_temp.why('2');

-- Not on the roster, but there; somebody of whom nothing is known; a session of which nothing is.
CALL pg_temp.stay('guest', '11:00', '12:00');
SELECT fact FROM attendance.explain('s', 'guest', '2026-01-06') WHERE line IN (2, 4, 5);
SELECT fact FROM attendance.explain('s', 'nobody', '2026-01-06');
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT * FROM attendance.explain('t', '1', '2026-01-06');
\echo :LAST_ERROR_SQLSTATE

-- A session of no length has no share; a cancelled one says so.
SELECT attendance.schedule_session('r', '2026-01-05 11:30', '2026-01-05 11:30', 'moment', 'bridged');
SELECT * FROM pg_temp.why('1', 'moment');
SELECT attendance.cancel_session('moment');
UPDATE attendance.session SET cancelled_at = '2026-01-05 09:00' WHERE session_id = 'moment';
SELECT fact FROM attendance.explain('moment', '1', '2026-01-06') WHERE line = 1;

-- In the time zone of who asks.
SET timezone = 'Europe/Berlin';
SELECT fact FROM attendance.explain('missing', 'missing', '2026-01-06 00:00Z');
SET timezone = 'UTC';

-- For everybody in the recorded lesson, at any moment: the last "therefore" is the computed mark, and what counts adds up.
\set webhooks `cat "$PG_ABS_SRCDIR/test/recordings/lesson/webhooks.jsonl"`
SELECT count(*)
FROM string_to_table(:'webhooks', E'\n') line, attendance.ingest(line::json ->> 'body') r
WHERE line::json ->> 'status' = '200';
INSERT INTO attendance.policy (policy, bridge_gap, count_early, count_overtime, stale_after) VALUES ('all', '3 min', '10 min', '3 min', '5 min');
SELECT attendance.schedule_session('session-96', '2026-11-21 01:43:45.485Z', '2026-11-21 02:28:45.485Z', 'lesson, ' || policy, policy)
FROM unnest('{all,default,limits}'::text[]) policy;
SELECT count(attendance.enrol(session_id, attendee))
FROM attendance.session, unnest('{1,5,7,8,9,10,11,12,13,14,15,16}'::text[]) attendee
WHERE room = 'session-96';
WITH told AS (
    SELECT s.session_id, m.as_of, a.attendee, a.computed_status, a.attended,
           (SELECT substring(e.fact FROM '^therefore (.*)') FROM attendance.explain(s.session_id, a.attendee, m.as_of) e
            WHERE e.fact LIKE 'therefore %' ORDER BY e.line DESC LIMIT 1) AS therefore,
           (SELECT coalesce(sum(substring(e.fact FROM '^(?:  counts|gaps between stays, bridged:) ([0-9].*)')::interval), '0')
            FROM attendance.explain(s.session_id, a.attendee, m.as_of) e) AS counted
    FROM attendance.session s
    CROSS JOIN generate_series(s.starts_at, s.ends_at + interval '10 min', '5 min') m (as_of)
    CROSS JOIN LATERAL attendance.assess(s.session_id, m.as_of) a
    WHERE s.room = 'session-96'
)
SELECT session_id, count(*) AS marks, count(DISTINCT attendee) AS people, count(*) FILTER (WHERE therefore = computed_status) AS told,
       count(*) FILTER (WHERE counted = attended) AS add_up
FROM told
GROUP BY session_id ORDER BY session_id;

DELETE FROM attendance.policy WHERE policy <> 'default';
