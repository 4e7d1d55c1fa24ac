-- A lesson of 45 minutes on a real server: what the webhooks say against what its people did.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;

\set webhooks `cat "$PG_ABS_SRCDIR/test/recordings/lesson/webhooks.jsonl"`
\set actions `cat "$PG_ABS_SRCDIR/test/recordings/lesson/actions.jsonl"`
CREATE TEMP TABLE request AS
    SELECT n, line::json ->> 'body' AS body, line::json ->> 'status' = '200' AS kept
    FROM string_to_table(:'webhooks', E'\n') WITH ORDINALITY r (line, n);
CREATE TEMP TABLE action AS
    SELECT (line::json ->> 'at')::timestamptz AS at, line::json ->> 'who' AS who, line::json ->> 'what' AS what
    FROM string_to_table(:'actions', E'\n') line;

-- 12 never comes, the guest is not on the roster.
CREATE PROCEDURE pg_temp.prepare() LANGUAGE sql AS $$
    TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
        attendance.session CASCADE;
    SELECT attendance.schedule_session('session-96', '2026-11-21 01:43:45.485Z', '2026-11-21 02:28:45.485Z', 'lesson');
    SELECT attendance.enrol('lesson', '1', 'teacher');
    SELECT attendance.enrol('lesson', attendee) FROM unnest('{5,7,8,9,10,11,12,13,14,15,16}'::text[]) attendee;
$$;

-- As recorded: what was answered with 503 has not been stored, its retry has.
CALL pg_temp.prepare();
SELECT r.outcome, r.http_status, count(*)
FROM request q, attendance.ingest(q.body) r
WHERE q.kept
GROUP BY r.outcome, r.http_status;
SELECT attendance.finalise('lesson', '2026-11-21 02:34Z');

SELECT attendee, role, enrolled, status, rule, round(extract(epoch FROM attended) / 60, 1) AS minutes, percent,
       round(extract(epoch FROM late_by) / 60, 1) AS late_by, round(extract(epoch FROM early_by) / 60, 1) AS early_by,
       is_late, left_early, cycles, rejoins, date_trunc('second', longest_gap) AS longest_gap, inferred, state, revision
FROM attendance.report
WHERE session_id = 'lesson'
ORDER BY lpad(attendee, 9);

-- The truth by the clock of those who drove the clients. Each connection lasts until the next action of its identity; a
-- killed client is noticed after 20 s. The agent, the recorder and the hidden supervisor do not count. Nobody's time
-- differs by more than the 2 s that the recordings allow for each leave.
WITH connection AS (
    SELECT who, what, tstzrange(at, lead(at) OVER w + CASE lead(what) OVER w WHEN 'killed' THEN interval '20 s' ELSE '0' END) AS during
    FROM action
    WHERE what <> 'second connection, same identity' AND who NOT IN ('agent-transcriber', 'EG_fakeRecorder1', '99_supervisor')
    WINDOW w AS (PARTITION BY who ORDER BY at)
), truth AS (
    SELECT coalesce(substring(who FROM '^(?:user-)?(\d+)'), who) AS attendee, count(*) AS connections,
           range_agg(during) * tstzmultirange(tstzrange('2026-11-21 01:43:45.485Z', '2026-11-21 02:28:45.485Z')) AS during
    FROM connection
    WHERE what = 'connected'
    GROUP BY 1
), compared AS (
    SELECT attendee, t.connections, r.attended,
           (SELECT coalesce(sum(upper(d) - lower(d)), '0') FROM unnest(t.during) d) AS truth
    FROM truth t
    FULL JOIN (SELECT * FROM attendance.report WHERE session_id = 'lesson') r USING (attendee)
)
SELECT count(*) AS people, string_agg(attendee, ' ') FILTER (WHERE connections IS NULL) AS never_connected,
       bool_and(attended BETWEEN truth - interval '2 s' * connections AND truth + interval '2 s' * connections) AS agree,
       max(greatest(attended - truth, truth - attended)) AS furthest
FROM compared;

-- Order and repetition do not matter: whichever way the same webhooks come, the same tables to the byte.
CREATE FUNCTION pg_temp.tables() RETURNS TABLE (name text, rows bigint, hash text) LANGUAGE sql AS $$
    SELECT name, count(*), md5(string_agg(r::text, E'\n' ORDER BY r::text COLLATE "C"))
    FROM (SELECT 'participation', to_jsonb(p) FROM attendance.participation p
          UNION ALL SELECT 'room_instance', to_jsonb(i) FROM attendance.room_instance i
          UNION ALL SELECT 'event', to_jsonb(e) - 'received_at' || jsonb_build_object('body', e.body::text) FROM attendance.event e
          UNION ALL SELECT 'result', to_jsonb(r) - 'computed_at' FROM attendance.result r) t (name, r)
    GROUP BY name
$$;
CREATE TEMP TABLE expected AS SELECT * FROM pg_temp.tables();
CREATE TEMP TABLE judged AS SELECT to_jsonb(r) - '{computed_at,revision}'::text[] AS row FROM attendance.result r;
SELECT name, rows FROM expected ORDER BY name;

-- Every request twice, those answered with 503 too, in an order that depends on the seed.
CREATE FUNCTION pg_temp.shuffled(seed integer) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(body ORDER BY md5(seed || ' ' || n || ' ' || copy)) FROM request, generate_series(1, 2) copy
$$;
CREATE FUNCTION pg_temp.same() RETURNS TABLE (same boolean, revision integer) LANGUAGE sql AS $$
    SELECT attendance.finalise('lesson', '2026-11-21 02:34Z');
    SELECT count(*) = 4 AND bool_and(t = e), (SELECT max(r.revision) FROM attendance.result r)
    FROM pg_temp.tables() t FULL JOIN expected e USING (name)
$$;

-- One by one, as text.
CALL pg_temp.prepare();
SELECT r.outcome, count(*) FROM unnest(pg_temp.shuffled(1)) body, attendance.ingest(body) r GROUP BY 1 ORDER BY 1;
SELECT * FROM pg_temp.same();

-- One by one, as bytea.
CALL pg_temp.prepare();
SELECT r.outcome, count(*) FROM unnest(pg_temp.shuffled(2)) body, attendance.ingest(convert_to(body, 'UTF8')) r GROUP BY 1 ORDER BY 1;
SELECT * FROM pg_temp.same();

-- All at once, as text: receipts come in the order of the array.
CALL pg_temp.prepare();
SELECT r.outcome, count(*), bool_and(r.event_id = bodies[r.ordinal]::json ->> 'id') AS in_order
FROM pg_temp.shuffled(3) bodies, attendance.ingest_batch(bodies) r
GROUP BY 1 ORDER BY 1;
SELECT * FROM pg_temp.same();

-- In batches of ten, as bytea.
CALL pg_temp.prepare();
SELECT r.outcome, count(*)
FROM (SELECT array_agg(convert_to(body, 'UTF8') ORDER BY n) AS bodies
      FROM unnest(pg_temp.shuffled(1)) WITH ORDINALITY b (body, n)
      GROUP BY n / 10) batch,
     attendance.ingest_batch(batch.bodies) r
GROUP BY 1 ORDER BY 1;
SELECT * FROM pg_temp.same();

-- Some one by one, the rest in a batch that has them again.
CALL pg_temp.prepare();
SELECT count(*) FROM unnest((pg_temp.shuffled(2))[:40]) body, attendance.ingest(body) r;
SELECT count(*) FROM attendance.ingest_batch(pg_temp.shuffled(3)) r;
SELECT * FROM pg_temp.same();

-- INSERT into the view.
CALL pg_temp.prepare();
INSERT INTO attendance.webhook (body) SELECT unnest(pg_temp.shuffled(2));
SELECT * FROM pg_temp.same();

-- COPY into the view.
CALL pg_temp.prepare();
COPY (SELECT unnest(pg_temp.shuffled(3))) TO STDOUT \g results/lesson.copy
\copy attendance.webhook (body) from results/lesson.copy
\! rm results/lesson.copy
SELECT * FROM pg_temp.same();

-- The result written halfway and then again: the same, but for the revisions that say what changed meanwhile.
CALL pg_temp.prepare();
SELECT count(*) FROM unnest((pg_temp.shuffled(1))[:40]) body, attendance.ingest(body) r;
SELECT attendance.finalise('lesson', '2026-11-21 02:34Z') > 0 AS written;
SELECT count(*) FROM unnest((pg_temp.shuffled(1))[41:]) body, attendance.ingest(body) r;
SELECT outcome, changed > 0 AS changed FROM attendance.tick(as_of => '2026-11-21 02:35Z');
SELECT count(*) AS rows, count(*) FILTER (WHERE to_jsonb(r) - '{computed_at,revision}'::text[] IN (SELECT row FROM judged)) AS same,
       max(r.revision) AS revision
FROM attendance.result r;
