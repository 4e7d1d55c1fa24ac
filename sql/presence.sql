-- Evidence that does not come by webhook, and what is made of the present: heartbeats, snapshots, live, status_json.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
    attendance.session CASCADE;

-- A webhook of 2026-01-05, when not told otherwise; `n` tells connections of one identity apart.
CREATE FUNCTION pg_temp.said(event text, room text, who text, joined time, at time, n integer DEFAULT 1, instance text DEFAULT 'RM') RETURNS text
LANGUAGE sql AS $$
    SELECT r.outcome
    FROM attendance.ingest(json_build_object(
        'event', event, 'id', concat_ws(' ', 'EV', event, room, who, n, at, instance), 'createdAt', extract(epoch FROM date '2026-01-05' + at)::bigint,
        'room', json_build_object('sid', instance, 'name', room),
        'participant', CASE WHEN who IS NOT NULL THEN json_build_object('sid', concat_ws('_', 'PA', who, n), 'identity', who,
            'joinedAt', extract(epoch FROM date '2026-01-05' + joined)::bigint) END)::text) r
$$;
CREATE FUNCTION pg_temp.beat(room text, who text, at time) RETURNS integer LANGUAGE sql AS $$
    SELECT attendance.heartbeat(room, who, date '2026-01-05' + at)
$$;
-- ListParticipants' answer: sid, identity, and when they joined, of each.
CREATE FUNCTION pg_temp.answer(VARIADIC who text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT json_build_object('participants', coalesce(json_agg(json_build_object('sid', w[1], 'identity', w[2], 'state', 'ACTIVE',
        'joined_at', extract(epoch FROM date '2026-01-05' + w[3]::time)::bigint::text, 'kind', 'STANDARD') ORDER BY n), '[]'))::text
    FROM unnest(who) WITH ORDINALITY u (one, n), string_to_array(one, ' ') w
$$;
-- One hash over all that is stored, but for when it was.
CREATE FUNCTION pg_temp.stored() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat((SELECT string_agg((to_jsonb(e) - 'body')::text || e.body::text, ' ' ORDER BY e.room, e.event_id) FROM attendance.event e),
                      (SELECT string_agg(p::text, ' ' ORDER BY p.room, p.participant_sid) FROM attendance.participation p),
                      (SELECT string_agg(n::text, ' ' ORDER BY n.room, n.observed_at) FROM attendance.snapshot n),
                      (SELECT string_agg(s::text, ' ' ORDER BY s.session_id) FROM attendance.session s),
                      (SELECT count(*) FROM attendance.quarantine)))
$$;
CREATE FUNCTION pg_temp.stays(as_of time DEFAULT '23:00') RETURNS TABLE (sid text, seen time, heartbeat time, resolved attendance.cycle) LANGUAGE sql AS $$
    SELECT participant_sid, seen_at::time, heartbeat_at::time,
           attendance.resolve(cycle, seen_at, heartbeat_at, room_finished_at, replaced_at, missing_at, date '2026-01-05' + as_of)
    FROM attendance.stay ORDER BY 1
$$;
CREATE FUNCTION pg_temp.reopened() RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(session_id, ', ' ORDER BY session_id), 'none') FROM attendance.session WHERE reopened_at IS NOT NULL
$$;
CREATE PROCEDURE pg_temp.start_anew() LANGUAGE sql AS $$
    TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.session CASCADE
$$;

-- heartbeat(). One who left, one who is there, one who is there in a third connection while the leaves of two were lost.
SELECT pg_temp.said('participant_left', 'r', 'gone', '10:00', '10:20'), pg_temp.said('participant_joined', 'r', 'there', '10:00', '10:00'),
       pg_temp.said('participant_joined', 'r', 'again', '10:00', '10:00', 1), pg_temp.said('participant_joined', 'r', 'again', '10:05', '10:05', 2),
       pg_temp.said('participant_joined', 'r', 'again', '10:10', '10:10', 3);
SELECT who, at, pg_temp.beat('r', who, at)
FROM (VALUES (1, 'there', time '10:01'), (2, 'again', '10:11'), (3, 'there', '09:59'), (4, 'gone', '10:10'), (5, 'gone', '10:21'),
             (6, 'stranger', '10:01'), (7, 'there', '10:04'), (8, 'there', '10:02')) v (n, who, at)
ORDER BY n;
SELECT * FROM pg_temp.stays('10:16');
-- Once the latest connection has left, nothing revives an older one whose leave was lost.
SELECT pg_temp.said('participant_left', 'r', 'again', '10:10', '10:30', 3);
SELECT pg_temp.beat('r', 'again', '10:31');
SELECT sid, heartbeat FROM pg_temp.stays() WHERE sid LIKE 'PA_again%';
-- Nobody is there who is in no room; without a finite time it is now.
SELECT attendance.heartbeat(NULL, 'there'), attendance.heartbeat('r', NULL), attendance.heartbeat('R', 'there'), attendance.heartbeat('r', 'there', '-infinity');
BEGIN;
SELECT at, attendance.heartbeat('r', 'there', at::timestamptz) FROM unnest('{infinity,NULL}'::text[]) at;
SELECT heartbeat_at = now() AS now FROM attendance.participation WHERE participant_sid = 'PA_there_1';
ROLLBACK;

-- Lost after more than five minutes of silence, there again as soon as one comes.
SELECT sid, resolved FROM pg_temp.stays('10:09') WHERE sid = 'PA_there_1'
UNION ALL SELECT sid, resolved FROM pg_temp.stays('10:09:00.000001') WHERE sid = 'PA_there_1';
SELECT pg_temp.beat('r', 'there', '10:12');
SELECT sid, resolved FROM pg_temp.stays('10:14') WHERE sid = 'PA_there_1';
-- Whatever heartbeats say, it ends when LiveKit says so.
SELECT pg_temp.said('room_finished', 'r', NULL, NULL, '10:11');
SELECT sid, heartbeat, resolved FROM pg_temp.stays('10:14') WHERE sid = 'PA_there_1';

-- It reopens the final sessions that took somebody for gone who turns out to have been there, and no other: not the one
-- before they came, not one that was judged while they were there for certain, none of another room, none that is sealed.
CALL pg_temp.start_anew();
SELECT pg_temp.said('participant_joined', 'r', '1', '09:50', '09:50'), pg_temp.said('participant_joined', 'other', '1', '09:50', '09:50');
SELECT attendance.schedule_session(room, date '2026-01-05' + starts, date '2026-01-05' + ends, id)
FROM (VALUES ('r', 'before', time '09:00', time '09:45'), ('r', 'first', '10:00', '11:00'), ('r', 'second', '11:00', '12:00'),
             ('other', 'elsewhere', '10:00', '11:00'), ('r', 'sealed', '10:10', '10:50'), ('r', 'cancelled', '10:10', '10:50')) v (room, id, starts, ends);
SELECT attendance.cancel_session('cancelled');
SELECT pg_temp.beat('r', '1', '10:20'), pg_temp.beat('other', '1', '10:20');
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:05');
UPDATE attendance.session SET sealed_at = now() WHERE session_id = 'sealed';
SELECT attended, last_leave, inferred, state FROM attendance.report WHERE session_id = 'first';
SELECT pg_temp.beat('r', '1', '10:19'), pg_temp.beat('r', '2', '10:40'), pg_temp.reopened();
SELECT pg_temp.beat('r', '1', '10:40');
SELECT pg_temp.reopened();
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:06');
SELECT attended, last_leave, inferred, state FROM attendance.report WHERE session_id = 'first';
SELECT count(pg_temp.beat('r', '1', time '10:40' + n * interval '1 min')) FROM generate_series(1, 26) n;
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:07');
SELECT attended, last_leave, inferred, state FROM attendance.report WHERE session_id = 'first';
-- From now on nobody doubts that they are there: an hour of heartbeats, and nothing is judged again.
SELECT count(pg_temp.beat('r', '1', time '11:06' + n * interval '1 min')) FROM generate_series(1, 58) n;
SELECT pg_temp.reopened();
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 12:05');
SELECT count(pg_temp.beat('r', '1', time '12:04' + n * interval '1 min')) FROM generate_series(1, 58) n;
SELECT pg_temp.reopened();
SELECT session_id, attended, last_leave, inferred FROM attendance.result WHERE attendee = '1' ORDER BY session_id;

-- The first heartbeat of a stay may come so late that it says they fell silent after it.
CALL pg_temp.start_anew();
SELECT pg_temp.said('participant_joined', 'r', '1', '10:00', '10:00'), attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 11:00', 'first');
SELECT outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:05');
SELECT pg_temp.beat('r', '1', '10:20');
SELECT outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:06');
SELECT attended, last_leave, inferred FROM attendance.result;
-- An event that shows them later reopens it too.
SELECT pg_temp.said('track_published', 'r', '1', '10:00', '10:50');
SELECT outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:07');
SELECT attended, last_leave, inferred FROM attendance.result;

-- One who fell silent, and connects again an hour later: the old connection lasted until then, which nobody knew.
CALL pg_temp.start_anew();
SELECT pg_temp.said('participant_joined', 'r', '1', '10:00', '10:00'), pg_temp.beat('r', '1', '10:20'),
       attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 11:00', 'first');
SELECT outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:05');
SELECT pg_temp.said('participant_joined', 'r', '1', '11:10', '11:10', 2);
SELECT outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:21');
SELECT attended, last_leave, inferred FROM attendance.result;

-- Forty people, fifty rounds: no update but within its page, so no index grows; and none holds heartbeat_at.
CALL pg_temp.start_anew();
SELECT count(pg_temp.said('participant_joined', 'r', n::text, '10:00', '10:00')) FROM generate_series(1, 40) n;
VACUUM attendance.participation;
SELECT pg_stat_force_next_flush();
SELECT pg_indexes_size('attendance.participation') AS indexes, pg_relation_size('attendance.participation') AS heap,
       n_tup_upd AS upd, n_tup_hot_upd AS hot
FROM pg_stat_user_tables WHERE relid = 'attendance.participation'::regclass \gset before_
SET synchronous_commit = off;
DO $$
BEGIN
    FOR minute IN 1 .. 50 LOOP
        FOR n IN 1 .. 40 LOOP
            PERFORM pg_temp.beat('r', n::text, time '10:00' + minute * interval '1 min');
            COMMIT;
        END LOOP;
    END LOOP;
    PERFORM pg_stat_force_next_flush();
END
$$;
RESET synchronous_commit;
SELECT n_tup_upd - :before_upd AS updates, (n_tup_hot_upd - :before_hot) * 100 / (n_tup_upd - :before_upd) >= 95 AS hot,
       pg_indexes_size('attendance.participation') - :before_indexes AS indexes_grew_by,
       pg_relation_size('attendance.participation') <= 2 * :before_heap AS heap_stays_small
FROM pg_stat_user_tables WHERE relid = 'attendance.participation'::regclass;
SELECT count(*) AS indexes, count(*) FILTER (WHERE pg_get_indexdef(indexrelid) LIKE '%heartbeat%') AS hold_it
FROM pg_index WHERE indrelid = 'attendance.participation'::regclass;

-- reconcile(). There are 1, whose join was lost; 2, known; not 3, known for a minute; not 4, but they came 10 s ago; not 5, who
-- has left as LiveKit said; not 6, whose room has finished. The preview says it beforehand.
CALL pg_temp.start_anew();
SELECT pg_temp.said('participant_joined', 'r', '6', '08:00', '08:00', 1, 'RM_1'), pg_temp.said('room_finished', 'r', NULL, NULL, '09:00', 1, 'RM_1'),
       pg_temp.said('participant_joined', 'r', '2', '10:00', '10:00'), pg_temp.said('participant_joined', 'r', '3', '10:00', '10:00'),
       pg_temp.said('participant_joined', 'r', '4', '10:00:50', '10:00:50'), pg_temp.said('participant_left', 'r', '5', '10:00', '10:00:30');
SELECT pg_temp.stored() AS before \gset
SELECT pg_temp.answer('PA_1_1 1 10:00:20', 'PA_2_1 2 10:00') AS answer \gset
SELECT * FROM attendance.reconcile_preview('r', :'answer', '2026-01-05 10:01');
SELECT pg_temp.stored() = :'before' AS unchanged;
SELECT * FROM attendance.reconcile('r', :'answer', '2026-01-05 10:01');
SELECT * FROM pg_temp.stays();
SELECT event_id, source, event, occurred_at, body::text = :'answer' AS whole FROM attendance.event WHERE source = 'snapshot';
-- Again, and with another answer of the same instant: no change.
SELECT pg_temp.stored() AS before \gset
SELECT * FROM attendance.reconcile_preview('r', :'answer', '2026-01-05 10:01');
SELECT * FROM attendance.reconcile('r', :'answer', '2026-01-05 10:01');
SELECT * FROM attendance.reconcile_preview('r', pg_temp.answer('PA_9_1 9 10:00'), '2026-01-05 10:01');
SELECT * FROM attendance.reconcile('r', pg_temp.answer('PA_9_1 9 10:00'), '2026-01-05 10:01');
SELECT pg_temp.stored() = :'before' AS unchanged;
-- A minute later: who is missing already is no news. An older one, of when 2 was not there yet and 3 was, comes late, as jsonb.
SELECT * FROM attendance.reconcile('r', :'answer', '2026-01-05 10:02');
SELECT * FROM attendance.reconcile('r', pg_temp.answer('PA_3_1 3 10:00')::jsonb, '2026-01-05 10:00:30');
SELECT * FROM pg_temp.stays() WHERE sid IN ('PA_3_1', 'PA_4_1');
-- 3 turns up again, in a listing and in an event: nothing is left of what was inferred. Everybody is gone; a bare list is an answer too.
SELECT * FROM attendance.reconcile('r', pg_temp.answer('PA_3_1 3 10:00', 'PA_2_1 2 10:00'), '2026-01-05 10:03');
SELECT pg_temp.said('track_published', 'r', '4', '10:00:50', '10:04');
SELECT * FROM pg_temp.stays('10:04:20') WHERE sid IN ('PA_3_1', 'PA_4_1');
SELECT * FROM attendance.reconcile('r', '[]', '2026-01-05 10:05');
SELECT * FROM pg_temp.stays();
-- Late, and of when all of them were there.
SELECT * FROM attendance.reconcile('r', pg_temp.answer('PA_1_1 1 10:00:20', 'PA_2_1 2 10:00', 'PA_3_1 3 10:00', 'PA_4_1 4 10:00:50'), '2026-01-05 10:04:50');
SELECT sid, seen, resolved FROM pg_temp.stays();
-- A room nobody has heard of, with and without people; only who is ACTIVE is there.
SELECT * FROM attendance.reconcile('unknown', pg_temp.answer(), '2026-01-05 10:00');
SELECT * FROM attendance.reconcile('unknown', '{"participants":[{"sid":"PA_7","identity":"7","state":"ACTIVE","joined_at":"1767607200"},
    {"sid":"PA_8","identity":"8","state":"JOINED"},{"sid":"PA_9","identity":"9","state":0},{"sid":"PA_10","identity":"10","state":2}]}', '2026-01-05 10:05');
SELECT observed_at, listed FROM attendance.snapshot WHERE room = 'unknown' ORDER BY 1;
-- The log has all of it.
SELECT room, changed FROM attendance.rebuild() ORDER BY 1;

-- What is no answer changes nothing, and says what is wrong with it.
CREATE FUNCTION pg_temp.refused(room text, answer text, observed_at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
BEGIN
    PERFORM attendance.reconcile(room, answer, observed_at);
    RETURN 'taken';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
    RETURN SQLSTATE || ' ' || message;
END
$$;
SELECT pg_temp.stored() AS before \gset
SELECT what, pg_temp.refused('r', answer, '2026-01-05 10:06')
FROM (VALUES
    (1, 'nothing', NULL), (2, 'an empty body', ''), (3, 'an error page', '<html><body>502 Bad Gateway</body></html>'),
    (4, 'a body cut short', left(:'answer', 60)), (5, 'two bodies', :'answer' || :'answer'), (6, 'null', 'null'), (7, 'a string', '"ok"'), (8, 'a number', '200'),
    (9, 'an error of twirp', '{"code":"unauthenticated","msg":"permissions denied","meta":{}}'), (10, 'an empty object', '{}'),
    (11, 'another answer', '{"rooms":[]}'), (12, 'an object for a list', '{"participants":{}}'), (13, 'null for a list', '{"participants":null}'),
    (14, 'no sid', '{"participants":[{"identity":"1","state":"ACTIVE"}]}'), (15, 'no identity', '{"participants":[{"sid":"PA_1","state":"ACTIVE"}]}'),
    (16, 'an empty one', '{"participants":[{"sid":"PA_1","identity":"","state":"ACTIVE"}]}'),
    (17, 'one good, one bad', '{"participants":[{"sid":"PA_1","identity":"1","state":"ACTIVE"},{"sid":"PA_2","state":"ACTIVE"}]}'),
    (18, 'no state', '{"participants":[{"sid":"PA_1","identity":"1"}]}'), (19, 'no objects', '{"participants":[null,7,"PA_1"]}'),
    (20, 'nonsense for a time', '{"participants":[{"sid":"PA_1","identity":"1","state":"ACTIVE","joined_at":"soon"}]}'),
    (21, 'a NUL', '{"participants":[{"sid":"PA_1","identity":"1\u0000","state":"ACTIVE"}]}')) v (n, what, answer)
ORDER BY n;
SELECT at, room, pg_temp.refused(room, '{"participants":[]}', at::timestamptz)
FROM (VALUES (1, NULL, 'r'), (2, 'infinity', 'r'), (3, '-infinity', 'r'), (4, '2026-01-05 10:06', NULL), (5, '2026-01-05 10:06', '')) v (n, at, room)
ORDER BY n;
SELECT pg_temp.stored() = :'before' AS unchanged;
SELECT attendance.reconcile('r', '{"code":"not_found","msg":"no such room"}'::text);
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.reconcile_preview('r', '<html>'::text);
\echo :LAST_ERROR_SQLSTATE

-- It reopens the final sessions whose results it changes, and a room asked every minute stays final. 1 stays for all, the
-- leave of 2 was lost, and the join of 3.
CALL pg_temp.start_anew();
SELECT pg_temp.said('participant_joined', 'r', '1', '09:50', '09:50'), pg_temp.said('participant_joined', 'r', '2', '10:00', '10:00'),
       pg_temp.said('participant_joined', 'other', '2', '10:00', '10:00');
SELECT attendance.schedule_session(room, date '2026-01-05' + starts, date '2026-01-05' + ends, id)
FROM (VALUES ('r', 'before', time '09:00', time '09:45'), ('r', 'first', '10:00', '11:00'), ('r', 'second', '11:00', '12:00'),
             ('other', 'elsewhere', '10:00', '11:00')) v (room, id, starts, ends);
SELECT count(*) FROM generate_series(0, 40) n,
    attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50', 'PA_2_1 2 10:00'), '2026-01-05 10:00'::timestamptz + n * interval '1 min');
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:05');
SELECT change, participant_sid, pg_temp.reopened() FROM attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50'), '2026-01-05 10:41');
SELECT pg_temp.reopened();
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:06');
SELECT attendee, attended, inferred, state FROM attendance.report WHERE session_id = 'first' ORDER BY 1;
SELECT count(*) FROM generate_series(42, 66) n, attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50'), '2026-01-05 10:00'::timestamptz + n * interval '1 min');
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:07');
SELECT count(*) FROM generate_series(67, 90) n, attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50'), '2026-01-05 10:00'::timestamptz + n * interval '1 min');
SELECT pg_temp.reopened();
SELECT * FROM attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50', 'PA_3_1 3 10:30'), '2026-01-05 11:31');
SELECT pg_temp.reopened();
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:32');
-- 2 was there all the time, in a connection that a snapshot tells of: the older one was replaced by it, and not missing.
SELECT * FROM attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50', 'PA_2_2 2 10:40:30', 'PA_3_1 3 10:30'), '2026-01-05 10:41:30');
SELECT pg_temp.reopened();
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 11:33');
SELECT attendee, attended, cycles, inferred, state FROM attendance.report WHERE session_id = 'first' ORDER BY 1;
-- 3 is not listed at 11:45, and the second lesson is judged by that. Older listings that have them do not change it, a later one does.
SELECT change FROM attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50'), '2026-01-05 11:45');
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 12:05');
SELECT change FROM attendance.reconcile('r', pg_temp.answer('PA_3_1 3 10:30'), '2026-01-05 11:30:30');
SELECT pg_temp.reopened();
SELECT change FROM attendance.reconcile('r', pg_temp.answer('PA_3_1 3 10:30'), '2026-01-05 11:44');
SELECT pg_temp.reopened();
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 12:06');
SELECT change FROM attendance.reconcile('r', pg_temp.answer('PA_1_1 1 09:50', 'PA_3_1 3 10:30'), '2026-01-05 11:50');
SELECT pg_temp.reopened();
SELECT session_id, outcome, changed FROM attendance.tick(as_of => '2026-01-05 12:07');
SELECT attendee, attended, last_leave, inferred FROM attendance.result WHERE session_id = 'second' ORDER BY 1;
SELECT count(*) AS differ
FROM attendance.session s, attendance.assess(s.session_id, '2026-01-05 12:07') a, attendance.result r
WHERE s.finalised_at IS NOT NULL AND r.session_id = s.session_id AND r.attendee = a.attendee
  AND to_jsonb(a) IS DISTINCT FROM to_jsonb(r) - '{room,revision,computed_at}'::text[];

-- Servers that were killed or stopped, and a receiver that was down, as recorded; but nothing reached the backend after that,
-- neither the start of the room's next instance nor its end. How far off are the ends with nothing else, with the answers of
-- ListParticipants that were recorded, with one every 10 s, or with a heartbeat every 2 s of each client that is connected? A
-- stay is held against the end of its connection, and of those that followed unheard: heartbeats tell of a person.
\set v1_13_5 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.13.5/webhooks.jsonl"`
\set v1_8_4 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.8.4/webhooks.jsonl"`
\set cluster `cat "$PG_ABS_SRCDIR/test/recordings/cluster-v1.13.5/webhooks.jsonl"`
\set outages `cat "$PG_ABS_SRCDIR/test/recordings/outages-v1.13.5/webhooks.jsonl"`
\set snapshots_v1_13_5 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.13.5/snapshots.jsonl"`
\set snapshots_v1_8_4 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.8.4/snapshots.jsonl"`
\set snapshots_cluster `cat "$PG_ABS_SRCDIR/test/recordings/cluster-v1.13.5/snapshots.jsonl"`
\set snapshots_outages `cat "$PG_ABS_SRCDIR/test/recordings/outages-v1.13.5/snapshots.jsonl"`
\set actions_v1_13_5 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.13.5/actions.jsonl"`
\set actions_v1_8_4 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.8.4/actions.jsonl"`
\set actions_cluster `cat "$PG_ABS_SRCDIR/test/recordings/cluster-v1.13.5/actions.jsonl"`
\set actions_outages `cat "$PG_ABS_SRCDIR/test/recordings/outages-v1.13.5/actions.jsonl"`
CREATE TEMP TABLE request AS
    SELECT v.version, (line::json ->> 'received_at')::timestamptz AS at, line::json ->> 'status' AS status, line::json ->> 'body' AS body,
           (line::json ->> 'body')::json AS b
    FROM (VALUES ('v1.13.5', :'v1_13_5'), ('v1.8.4', :'v1_8_4'), ('cluster', :'cluster'), ('outages', :'outages')) v (version, lines),
         string_to_table(v.lines, E'\n') line;
CREATE TEMP TABLE listing AS
    SELECT v.version, (line::json ->> 'observed_at')::timestamptz AS at, line::json ->> 'room' AS room, line::json ->> 'body' AS body
    FROM (VALUES ('v1.13.5', :'snapshots_v1_13_5'), ('v1.8.4', :'snapshots_v1_8_4'), ('cluster', :'snapshots_cluster'),
                 ('outages', :'snapshots_outages')) v (version, lines),
         string_to_table(v.lines, E'\n') line;
CREATE TEMP TABLE action AS
    SELECT v.version, (line::json ->> 'at')::timestamptz AS at, line::json ->> 'room' AS room, line::json ->> 'who' AS who, line::json ->> 'what' AS what
    FROM (VALUES ('v1.13.5', :'actions_v1_13_5'), ('v1.8.4', :'actions_v1_8_4'), ('cluster', :'actions_cluster'),
                 ('outages', :'actions_outages')) v (version, lines),
         string_to_table(v.lines, E'\n') line;
-- When nothing came any more, and since when what a scene is about.
CREATE TEMP TABLE scene AS
    SELECT version, room, min(at) AS deaf_from
    FROM action
    WHERE what IN ('kill -9', 'SIGTERM', 'answers 503')
    GROUP BY version, room;
-- Each connection there was, and by actions.jsonl its end: the next thing that happened to its client or to its server.
CREATE TEMP TABLE connection AS
    SELECT c.*, (SELECT min(a.at) FROM action a
                 WHERE a.version = c.version AND a.room = c.room AND a.at > c.joined_at
                   AND (a.who = c.identity AND a.what ~ '^(leaving|client process ended)' OR a.what IN ('kill -9', 'SIGTERM'))) AS ended_at
    FROM (SELECT DISTINCT r.version, s.room, r.b #>> '{participant,sid}' AS sid, r.b #>> '{participant,identity}' AS identity,
                 to_timestamp((r.b #>> '{participant,joinedAtMs}')::bigint / 1000.0) AS joined_at
          FROM request r
          JOIN scene s ON s.version = r.version AND s.room = r.b #>> '{room,name}'
          WHERE r.b ->> 'event' = 'participant_joined') c;
SELECT version, room, deaf_from, (SELECT count(*) FROM connection c WHERE c.version = s.version AND c.room = s.room) AS connections
FROM scene s ORDER BY 1, 2;

CREATE TEMP TABLE outcome (version text, room text, told_by text, identity text, joined_at timestamptz, ended_by text, off interval);
CREATE PROCEDURE pg_temp.play(told_by text) LANGUAGE plpgsql AS $$
DECLARE
    s scene;
BEGIN
    FOR s IN SELECT * FROM scene LOOP
        CALL pg_temp.start_anew();
        PERFORM attendance.ingest(r.body) FROM request r
        WHERE r.version = s.version AND r.b #>> '{room,name}' = s.room AND r.status = '200' AND r.at < s.deaf_from;
        PERFORM attendance.reconcile(s.room, l.body, l.at) FROM listing l
        WHERE play.told_by = 'recorded snapshots' AND l.version = s.version AND l.room = s.room;
        PERFORM attendance.reconcile(s.room, json_build_object('participants', ARRAY(
                SELECT json_build_object('sid', c.sid, 'identity', c.identity, 'state', 'ACTIVE', 'joined_at_ms', (1000 * extract(epoch FROM c.joined_at))::bigint::text)
                FROM connection c WHERE c.version = s.version AND c.room = s.room AND c.joined_at <= at AND c.ended_at > at))::text, at)
        FROM generate_series(s.deaf_from, s.deaf_from + interval '2 min', '10 s') at
        WHERE play.told_by = 'snapshots every 10 s';
        PERFORM attendance.heartbeat(s.room, c.identity, at)
        FROM connection c, generate_series(c.joined_at, c.ended_at, '2 s') at
        WHERE play.told_by = 'heartbeats every 2 s' AND c.version = s.version AND c.room = s.room;
        INSERT INTO outcome
        SELECT s.version, s.room, play.told_by, p.identity, c.joined_at, attendance.ended_by(r),
               attendance.left_at(r) - (SELECT max(o.ended_at) FROM connection o
                                        WHERE o.version = s.version AND o.room = s.room AND o.identity = p.identity
                                          AND o.joined_at < coalesce(p.replaced_at, 'infinity'))
        FROM attendance.stay p
        JOIN connection c ON c.sid = p.participant_sid,
        attendance.resolve(p.cycle, p.seen_at, p.heartbeat_at, p.room_finished_at, p.replaced_at, p.missing_at, '2026-11-22', '10 s', '3 h') r;
    END LOOP;
END
$$;
CALL pg_temp.play('nothing');
CALL pg_temp.play('recorded snapshots');
CALL pg_temp.play('snapshots every 10 s');
CALL pg_temp.play('heartbeats every 2 s');
SELECT version, room, identity, joined_at::time, told_by, ended_by, round(extract(epoch FROM off), 1) AS seconds_off
FROM outcome ORDER BY 1, 2, 3, 4, told_by = 'nothing' DESC, told_by DESC;
-- Heartbeats are off by one interval at most. Snapshots are off by one interval, and by another since nobody is missing who was
-- seen 10 s ago. As recorded they are off by 20 and 30 s in the cluster, whose dead node's people stayed listed; by 81 s in the
-- outage, after which the room was asked once; and where it was not asked again nothing tells.
SELECT told_by, count(*), count(*) FILTER (WHERE off BETWEEN '-2 s' AND '2 s') AS within_2_s, count(*) FILTER (WHERE off BETWEEN '-2 s' AND '20 s') AS within_20_s,
       count(*) FILTER (WHERE off > '2 h') AS lost
FROM outcome GROUP BY told_by ORDER BY told_by;

-- live and status_json. A lesson from 10:00 to 11:00, another in the same room from 11:30; people in the waiting room,
-- there, gone and back on two devices, excused, marked by hand, late, guests, an agent, an observer, somebody with a policy
-- of their own.
CALL pg_temp.start_anew();
INSERT INTO attendance.policy (policy, count_early, partial_below) VALUES ('own', '10 min', 90);
SELECT attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 11:00', 'lesson', title => 'Tajweed'),
       attendance.schedule_session('r', '2026-01-05 11:30', '2026-01-05 12:30', 'next'),
       attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 10:00', 'moment'),
       attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 11:00', 'cancelled');
SELECT attendance.enrol('lesson', 'early', policy => 'own'), attendance.enrol('lesson', 'back', name => 'Back Again'),
       attendance.enrol('lesson', 'excused', excused => 'ill'), attendance.enrol('lesson', 'marked'), attendance.enrol('lesson', 'late'),
       attendance.enrol('lesson', 'never'), attendance.enrol('lesson', 'observer', role => 'observer'), attendance.enrol('lesson', 'gone'),
       attendance.enrol('cancelled', 'gone'), attendance.enrol('next', 'early');
SELECT attendance.cancel_session('cancelled');
SELECT attendance.override('lesson', 'marked', 'excused', 'takes notes for the others');
INSERT INTO attendance.identity_alias VALUES ('back-phone', 'back');
SELECT count(pg_temp.said('participant_joined', 'r', who, joined, joined, n))
FROM (VALUES ('early', time '09:40', 1), ('back', '10:10', 1), ('back-phone', '10:25', 1), ('excused', '09:52', 1), ('marked', '10:05', 1),
             ('late', '10:20', 1), ('guest', '10:00', 1), ('observer', '10:00', 1), ('gone', '10:00', 1), ('back', '10:22', 2)) v (who, joined, n);
SELECT pg_temp.said('participant_left', 'r', 'back', '10:10', '10:20', 1), pg_temp.said('participant_left', 'r', 'gone', '10:00', '10:15', 1);
SELECT outcome FROM attendance.ingest('{"event":"participant_joined","id":"EV agent","createdAt":"1767607200","room":{"name":"r"},
    "participant":{"sid":"PA_agent","identity":"agent","kind":"AGENT","joinedAt":"1767607200"}}');
CREATE FUNCTION pg_temp.live(at time) RETURNS TABLE (session_id text, attendee text, name text, enrolled boolean, since time, status text, rule text,
    attended interval, percent numeric, cycles integer) LANGUAGE sql AS $$
    SELECT session_id, attendee, name, enrolled, since::time, status, rule, attended, percent, cycles
    FROM attendance.live_at(date '2026-01-05' + at) ORDER BY session_id COLLATE "C", attendee COLLATE "C"
$$;
-- Nobody is in it before their presence counts, by their own policy. At half past: percent is of the half hour so far, and 90 % of that is asked of
-- early. Who left is not there, nor is the agent, nor the observer.
SELECT * FROM pg_temp.live('09:49');
SELECT * FROM pg_temp.live('09:55');
SELECT * FROM pg_temp.live('10:00');
SELECT * FROM pg_temp.live('10:30');
SELECT title, role, first_join::time, late_by, is_late, rejoins, starts_at, ends_at FROM attendance.live_at('2026-01-05 10:30') WHERE attendee = 'back';
-- What they would get if it ended now is what they get if it does.
CREATE TEMP TABLE shown AS SELECT * FROM attendance.live_at('2026-01-05 10:30');
SELECT attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 10:30', 'lesson');
SELECT count(*) AS shown, count(*) FILTER (WHERE (l.name, l.role, l.enrolled, l.status, l.rule, l.attended, l.percent, l.first_join, l.late_by, l.is_late, l.cycles, l.rejoins)
    IS NOT DISTINCT FROM (a.name, a.role, a.enrolled, a.status, a.rule, a.attended, a.percent, a.first_join, a.late_by, a.is_late, a.cycles, a.rejoins)) AS same
FROM shown l LEFT JOIN attendance.assess('lesson', '2026-01-05 10:30') a USING (attendee);
SELECT attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 11:00', 'lesson');
-- After the end they are there until it is due; a guest who comes then gets no mark. In the next one they are from its start.
SELECT pg_temp.said('participant_joined', 'r', 'latest', '11:01', '11:01');
SELECT * FROM pg_temp.live('11:04:59');
SELECT * FROM pg_temp.live('11:05');
SELECT session_id, count(*) FROM pg_temp.live('11:35') GROUP BY 1;
-- Final: no longer. Reopened before it was due (its end was put off): again.
SELECT attendance.finalise('lesson', '2026-01-05 11:02');
SELECT count(*) FROM pg_temp.live('11:02');
SELECT pg_temp.said('participant_left', 'r', 'late', '10:20', '10:50');
SELECT attendee, status FROM pg_temp.live('11:02:30') WHERE session_id = 'lesson';

-- status_json, before, while, after, final, cancelled; by whom it does not know, and of nothing it knows.
CREATE FUNCTION pg_temp.status(at time, session_id text, attendee text) RETURNS TABLE (at time, there boolean, status text, percent numeric,
    minutes integer, joins integer, late boolean, late_by integer, ever boolean, state text, starts_in integer) LANGUAGE sql AS $$
    SELECT at, s.* FROM json_to_record(attendance.status_json(session_id, attendee, date '2026-01-05' + at)) s (is_currently_in_meeting boolean,
        attendance_status text, attendance_percentage numeric, duration_minutes integer, join_count integer, is_late boolean, late_minutes integer,
        has_ever_joined boolean, session_state text, minutes_until_start integer)
$$;
SELECT attendance.status_json('lesson', 'early', '2026-01-05 10:29:59');
SELECT s.* FROM unnest('{09:30,09:45:30,09:55,10:00,10:29:59,10:59:59,11:00,11:04:59,11:05}'::time[]) at, pg_temp.status(at, 'lesson', 'early') s;
SELECT a, s.* FROM unnest('{back,excused,marked,late,never,gone,guest,observer,nobody}'::text[]) a, pg_temp.status('10:59', 'lesson', a) s;
SELECT a, s.* FROM (VALUES ('moment', 'guest'), ('cancelled', 'gone'), ('cancelled', 'guest'), ('next', 'early')) v (id, a), pg_temp.status('10:05', id, a) s;
SELECT attendance.finalise('lesson', '2026-01-05 11:05');
SELECT a, s.* FROM unnest('{gone,late}'::text[]) a, pg_temp.status('12:00', 'lesson', a) s;
SELECT attendance.cancel_session('next');
SELECT attendance.finalise('moment', '2026-01-05 11:05');
SELECT sessions FROM attendance.purge('2026-01-06') WHERE room = 'r';
SELECT a, s.* FROM unnest('{gone,late,nobody}'::text[]) a, pg_temp.status('12:00', 'lesson', a) s;
SELECT count(*) FROM pg_temp.live('10:30');
SELECT attendance.status_json('no such lesson', 'gone');
\echo :LAST_ERROR_SQLSTATE

-- The view: of now.
CALL pg_temp.start_anew();
SELECT count(attendance.schedule_session('r', now() - interval '10 min', now() + interval '50 min', 'now'));
SELECT outcome FROM attendance.ingest(json_build_object('event', 'participant_joined', 'id', 'EV', 'createdAt', extract(epoch FROM now())::bigint,
    'room', json_build_object('name', 'r'), 'participant', json_build_object('sid', 'PA', 'identity', '5_ameer',
    'joinedAtMs', (1000 * extract(epoch FROM now() - interval '4 min'))::bigint))::text);
SELECT session_id, attendee, date_trunc('minute', now() - since + interval '1 s') AS since, status, floor(percent) AS percent FROM attendance.live;

-- open_cycle: what is made of stays whose leave did not come. recent_event: the latest fifty.
CALL pg_temp.start_anew();
SELECT count(pg_temp.said('participant_joined', 'r', who, joined, joined, n)) FROM (VALUES ('finished', time '09:00', 1)) v (who, joined, n);
SELECT pg_temp.said('room_finished', 'r', NULL, NULL, '09:30'), pg_temp.said('participant_joined', 'r', 'replaced', '10:00', '10:00', 1, 'RM_2'),
       pg_temp.said('participant_left', 'r', 'replaced', '10:10', '10:20', 2, 'RM_2'), pg_temp.said('participant_joined', 'r', 'missing', '10:00', '10:00', 1, 'RM_2'),
       pg_temp.said('participant_joined', 's', 'silent', '10:00', '10:00', 1, 'RM_3'), pg_temp.said('participant_joined', 's', 'stale', '10:00', '10:00', 1, 'RM_3'),
       pg_temp.beat('s', 'silent', '10:07');
SELECT change FROM attendance.reconcile('r', '[]', '2026-01-05 10:30');
SELECT outcome FROM attendance.ingest(json_build_object('event', 'participant_joined', 'id', 'EV', 'createdAt', extract(epoch FROM now())::bigint,
    'room', json_build_object('name', 't'), 'participant', json_build_object('sid', 'PA', 'identity', 'open', 'joinedAt', extract(epoch FROM now())::bigint))::text);
SELECT room, identity, counted, heartbeat_at::time AS heartbeat, attendance.left_at(resolved) AS ended, attendance.ended_by(resolved) AS because
FROM attendance.open_cycle ORDER BY room, joined_at, identity;
SELECT count(pg_temp.said('track_published', 's', 'stale', '10:00', time '10:00' + n * interval '1 s')) FROM generate_series(1, 60) n;
SELECT count(*), count(*) FILTER (WHERE event = 'track_published' AND identity = 'stale' AND origin = 'vouched for' AND lag > '0') AS tracks, max(received_at) = min(received_at) AS same
FROM attendance.recent_event;
