-- What is wrong is kept, and said: bodies that cannot be used are quarantined, calls that cannot be meant are refused.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine, attendance.session CASCADE;

-- No webhook: a reason for each, and 200, since what cannot be used once cannot be used at the next attempt either.
SELECT case_, r.outcome, r.http_status, r.reason, r.event_id
FROM (VALUES
    ('nothing', ''),
    ('no JSON', 'hello'),
    ('cut short', '{"event":"room_started","id":"EV_1","createdAt":"1767610800","room":{"sid":"RM_1"'),
    ('two of them', '{"event":"a","createdAt":1767610800}{"event":"b","createdAt":1767610800}'),
    ('an array', '[]'),
    ('a number', '42'),
    ('null', 'null'),
    ('other JSON', '{"hello":"world"}'),
    ('event is a number', '{"event":1,"createdAt":"1767610800"}'),
    ('no time', '{"event":"room_started","room":{"sid":"RM_1","name":"r"}}'),
    ('no room', '{"event":"room_started","createdAt":"1767610800"}'),
    ('room without sid', '{"event":"room_finished","createdAt":"1767610800","room":{"name":"r"}}'),
    ('join without participant', '{"event":"participant_joined","createdAt":"1767610800","room":{"sid":"RM_1","name":"r"}}'),
    ('leave without identity', '{"event":"participant_left","createdAt":"1767610800","room":{"sid":"RM_1","name":"r"},"participant":{"sid":"PA_1"}}'),
    ('NUL in the name', '{"event":"participant_joined","createdAt":"1767610800","room":{"sid":"RM_1","name":"r"},"participant":{"sid":"PA_1","identity":"1","name":"a\u0000b"}}'),
    ('NUL in the room', '{"event":"room_started","createdAt":"1767610800","room":{"sid":"RM_1","name":"r\u0000"}}'),
    ('half a surrogate pair', '{"event":"\ud800","createdAt":"1767610800"}'),
    ('time beyond 64 bits', '{"event":"x","createdAt":"99999999999999999999"}'),
    ('time beyond a double', '{"event":"x","createdAt":1e999}'),
    ('time in milliseconds', '{"event":"x","createdAt":"1767610800000"}'),
    ('time before LiveKit', '{"event":"x","createdAt":-1}'),
    ('time with a fraction', '{"event":"x","createdAt":1767610800.5}'),
    ('time in words', '{"event":"x","createdAt":"2026-01-05T11:00:00Z"}'),
    ('joined beyond range', '{"event":"participant_joined","createdAt":"1767610800","room":{"sid":"RM_1","name":"r"},"participant":{"sid":"PA_1","identity":"1","joinedAt":"9223372036854775807"}}'),
    ('version beyond range', '{"event":"participant_joined","createdAt":"1767610800","room":{"sid":"RM_1","name":"r"},"participant":{"sid":"PA_1","identity":"1","version":2147483648}}')
) v (case_, body), attendance.ingest(v.body) r;

-- Bytes that are no text: not UTF-8, a byte order mark, a NUL, and NULL itself.
SELECT case_, r.outcome, r.http_status, r.reason
FROM (VALUES ('not UTF-8', convert_to('{"event":"', 'UTF8') || '\xff'::bytea || convert_to('"}', 'UTF8')),
             ('UTF-16', '\xfffe7b007d00'::bytea),
             ('byte order mark', '\xefbbbf7b7d'::bytea),
             ('NUL', '\x7b7d00'::bytea),
             ('NULL', NULL)) v (case_, body), attendance.ingest(v.body) r;
SELECT r.outcome, r.reason FROM attendance.ingest(NULL::text) r;
INSERT INTO attendance.webhook (body) VALUES (NULL), ('[]') RETURNING outcome, http_status, reason, event_id;

-- A megabyte of brackets ends at the depth that is allowed, one byte more is not even parsed.
SELECT r.outcome, r.reason FROM attendance.ingest(repeat('[', 1048576)) r;
SELECT r.outcome, r.reason FROM attendance.ingest(repeat('{"a":', 200000)) r;
SELECT r.outcome, r.reason FROM attendance.ingest(repeat('[', 1048577)) r;

-- In a batch the good survive the bad, each receipt at its place; the same bad body twice is one row that counts. No bodies
-- give no receipts.
SELECT r.* FROM attendance.ingest_batch(ARRAY['x', '{"event":"ok","id":"EV_ok","createdAt":"1767610800"}', NULL, 'x', '{"event":"ok","id":"EV_ok","createdAt":"1767610800"}']) r;
SELECT reason, length, times FROM attendance.quarantine WHERE body = 'x';
SELECT count(*) FROM attendance.ingest_batch('{}'::text[]);
SELECT count(*) FROM attendance.ingest_batch(NULL::bytea[]);

-- Quarantine has every body whole, by its hash; NULL is the same as nothing. None of it got into evidence.
SELECT count(*), bool_and(length = octet_length(body)) AS whole, bool_and(sha256 = sha256(body)) AS hashed
FROM attendance.quarantine WHERE body IS NOT NULL AND length <= 1048576;
SELECT length, times FROM attendance.quarantine WHERE length = 0;
SELECT event_id FROM attendance.event;
SELECT (SELECT count(*) FROM attendance.participation) AS stays, (SELECT count(*) FROM attendance.room_instance) AS instances;

-- What is longer than 1 MiB is cut there; its length and the hash of all of it are kept.
TRUNCATE attendance.quarantine;
CREATE TEMP TABLE long AS
    SELECT '{"event":"room_started","id":"EV_1","createdAt":"1767610800","room":{"sid":"RM_1","name":"r","metadata":"'
           || repeat('é', 600000) || '","turnPassword":"s3cret"}}' AS body;
SELECT r.outcome, r.reason, r.event_id FROM long, attendance.ingest(long.body) r;
SELECT q.length = octet_length(long.body) AS length, octet_length(q.body) AS kept, q.sha256 = sha256(convert_to(long.body, 'UTF8')) AS hashed
FROM attendance.quarantine q, long;

-- Events that no rule knows are logged all the same, with the room they name or none. Unknown kinds of participants are not
-- taken for people. Numbers and snake_case are as good as LiveKit's own spelling.
SELECT r.outcome, r.event_id
FROM (VALUES ('{"event":"agent_job_started","id":"EV_a","createdAt":"1767610800","job":{"id":"AJ_1"}}'),
             ('{"event":"egress_ended","id":"EV_b","createdAt":1767610801,"egressInfo":{"roomName":"r"}}'),
             ('{"event":"participant_waved","id":"EV_c","created_at":"1767610802","room":{"name":"r"},"participant":{"sid":"PA_9","identity":"9"}}'),
             ('{"event":"participant_joined","id":"EV_d","createdAt":"1767610803","room":{"name":"r"},"participant":{"sid":"PA_8","identity":"8","kind":"ANDROID"}}')
) v (body), attendance.ingest(v.body) r;
SELECT event_id, room, event, occurred_at, participant_sid FROM attendance.event WHERE event_id LIKE 'EV\__' ORDER BY event_id;
SELECT participant_sid, counted, cycle, seen_at FROM attendance.participation ORDER BY participant_sid;

-- One id is one event, whatever its body says the second time; in another room it is another. Without an id the bytes are.
SELECT r.outcome, r.reason, left(r.event_id, 12) AS event_id
FROM (VALUES ('{"event":"x","id":"EV_d","createdAt":"1767610803","room":{"name":"r"}}'),
             ('{"event":"x","id":"EV_d","createdAt":"1767610803","room":{"name":"s"}}'),
             ('{"event":"x","createdAt":"1767610803","room":{"name":"r"}}'),
             ('{"event":"x","createdAt":"1767610803","room":{"name":"r"}}'),
             ('{"event":"x", "createdAt":"1767610803","room":{"name":"r"}}'),
             ('{"event":"x","id":"","createdAt":"1767610803","room":{"name":"r"}}')) v (body), attendance.ingest(v.body) r;

-- A secret is nowhere: not in the log, not in quarantine, in either spelling, in broken JSON, in JSON within a string, nor
-- cut in half at 1 MiB.
SELECT r.outcome, r.reason
FROM (VALUES ('{"event":"x","id":"EV_s1","createdAt":"1767610804","room":{"name":"r","turnPassword":"s3cret"}}'),
             ('{"event":"x","id":"EV_s2","createdAt":"1767610804","room":{"name":"r","turn_password" : "s3cret"}}'),
             ('{"event":"x","id":"EV_s3","createdAt":"1767610804","room":{"name":"r","metadata":"{\"turnPassword\":\"s3cret\"}"}}'),
             ('{"event":"x","room":{"name":"r","turnPassword":"s3cret"'),
             ('{"event":"x","room":{"name":"r","turnPassword":"s3cret'),
             ('{"event":"x","room":{"name":"r","turnPassword":"a\"s3cret"}}'),
             (rpad('{"metadata":"', 1048576 - 22, '.') || '","turnPassword":"s3cret"}')) v (body), attendance.ingest(v.body) r;
SELECT count(*) AS bodies, count(*) FILTER (WHERE body ~ 's3c') AS secrets, count(*) FILTER (WHERE body ~ 'turn_?[pP]assword') AS keys
FROM (SELECT body::text FROM attendance.event UNION ALL SELECT convert_from(body, 'UTF8') FROM attendance.quarantine WHERE length < 1048576
      UNION ALL SELECT convert_from(substring(body FROM 1048000), 'UTF8') FROM attendance.quarantine WHERE body LIKE '%....%'::bytea) b;

-- Calls that are refused say what is wrong and how to mend it.
CREATE FUNCTION pg_temp.fault(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n    ', SQLSTATE, replace(message, current_database(), 'contrib_regression'), nullif(hint, ''));
END
$$;
SELECT attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', 'lesson'),
       attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', 'cancelled');
SELECT attendance.cancel_session('cancelled');
\pset format unaligned
\pset tuples_only on

-- Sessions.
SELECT pg_temp.fault(statement) FROM unnest(ARRAY[
    $$SELECT attendance.schedule_session('r', '2026-01-05 12:00', '2026-01-05 11:00')$$,
    $$SELECT attendance.schedule_session('r', '2026-01-05 12:00', 'infinity')$$,
    $$SELECT attendance.schedule_session('', '2026-01-05 11:00', '2026-01-05 12:00')$$,
    $$SELECT attendance.schedule_session('r', NULL, '2026-01-05 12:00')$$,
    $$SELECT attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', policy => 'nonsense')$$,
    $$SELECT attendance.cancel_session('nonsense')$$]) statement;

-- The roster.
SELECT pg_temp.fault(statement) FROM unnest(ARRAY[
    $$SELECT attendance.enrol('nonsense', '1')$$,
    $$SELECT attendance.enrol('lesson', '')$$,
    $$SELECT attendance.enrol('lesson', NULL)$$,
    $$SELECT attendance.enrol('lesson', '1', policy => 'nonsense')$$,
    $$SELECT attendance.unenrol('nonsense', '1')$$,
    $$SELECT attendance.unenrol('lesson', '1')$$]) statement;

-- Judgement.
SELECT pg_temp.fault(statement) FROM unnest(ARRAY[
    $$SELECT * FROM attendance.assess('nonsense')$$,
    $$SELECT * FROM attendance.assess(NULL)$$,
    $$SELECT * FROM attendance.assess('lesson', policy => 'nonsense')$$,
    $$SELECT attendance.finalise('nonsense')$$,
    $$SELECT attendance.finalise('cancelled')$$,
    $$SELECT attendance.schedule_jobs()$$]) statement;

-- Policies. A day is 23 hours long in spring: what is meant is given in hours.
SELECT pg_temp.fault(statement) FROM unnest(ARRAY[
    $$INSERT INTO attendance.policy (policy, partial_below) VALUES ('p', 101)$$,
    $$INSERT INTO attendance.policy (policy, partial_below) VALUES ('p', -1)$$,
    $$INSERT INTO attendance.policy (policy, partial_below) VALUES ('p', 33.33333)$$,
    $$INSERT INTO attendance.policy (policy, partial_below) VALUES ('p', 'NaN')$$,
    $$INSERT INTO attendance.policy (policy, absent_below, partial_below) VALUES ('p', 60, 50)$$,
    $$INSERT INTO attendance.policy (policy, late_after) VALUES ('p', '1 month')$$,
    $$INSERT INTO attendance.policy (policy, late_after) VALUES ('p', '1 day')$$,
    $$INSERT INTO attendance.policy (policy, late_after) VALUES ('p', '-1 min')$$,
    $$INSERT INTO attendance.policy (policy, bridge_gap) VALUES ('p', '1 year')$$]) statement;

-- The pattern of identities: an expression that is one, also within another, and has a group.
BEGIN;
SELECT pg_temp.fault(statement) FROM unnest(ARRAY[
    $$UPDATE attendance.configuration SET identity_pattern = '('$$,
    $$UPDATE attendance.configuration SET identity_pattern = '^[0-9]+$'$$,
    $$UPDATE attendance.configuration SET identity_pattern = '^(?:[0-9]+)$'$$,
    $$UPDATE attendance.configuration SET identity_pattern = 'a)|(b'$$,
    $$UPDATE attendance.configuration SET identity_pattern = 'a(b)\'$$,
    $$UPDATE attendance.configuration SET identity_pattern = ''$$]) statement;
SELECT identity_pattern FROM attendance.configuration;
SELECT pg_temp.fault(statement) FROM unnest(ARRAY[
    $$UPDATE attendance.configuration SET identity_pattern = '(?i)^user-(.*)$'$$,
    $$UPDATE attendance.configuration SET identity_pattern = '^([0-9]*)'$$]) statement;
ROLLBACK;

-- A transaction whose snapshot may be older than a finalisation neither records nor finalises.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.fault(statement) FROM unnest(ARRAY[
    $$SELECT attendance.ingest('{"event":"x","id":"EV_z","createdAt":"1767610800"}')$$,
    $$SELECT attendance.finalise('lesson')$$,
    $$SELECT attendance.tick()$$]) statement;
ROLLBACK;
