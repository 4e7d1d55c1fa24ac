-- Order and repetition do not matter, end to end: whatever was recorded, in any order, in any mix of calls, judged in
-- between or not, leaves the same log, the same stays, the same results.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
    attendance.session CASCADE;

\set lesson `cat "$PG_ABS_SRCDIR/test/recordings/lesson/webhooks.jsonl"`
\set v1_13_5 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.13.5/webhooks.jsonl"`
\set v1_8_4 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.8.4/webhooks.jsonl"`
\set cluster `cat "$PG_ABS_SRCDIR/test/recordings/cluster-v1.13.5/webhooks.jsonl"`
\set snapshots `cat "$PG_ABS_SRCDIR"/test/recordings/*/snapshots.jsonl`
-- What came, in the order it came: webhooks, and answers of ListParticipants, which have an observed_at.
CREATE TEMP TABLE heard AS
    SELECT row_number() OVER (ORDER BY received_at, body) AS n, *
    FROM (SELECT (line::json ->> 'received_at')::timestamptz AS received_at, line::json ->> 'body' AS body,
                 NULL AS room, NULL::timestamptz AS observed_at
          FROM (VALUES (:'lesson'), (:'v1_13_5'), (:'v1_8_4'), (:'cluster')) v (lines), string_to_table(v.lines, E'\n') line
          UNION ALL
          SELECT (line::json ->> 'observed_at')::timestamptz, line::json ->> 'body',
                 coalesce(line::json ->> 'room', 'session-96'), (line::json ->> 'observed_at')::timestamptz
          FROM string_to_table(:'snapshots', E'\n') line) h;

-- The lesson, and a session in every other room, as long as the recordings of it.
SELECT attendance.schedule_session('session-96', '2026-11-21 01:43:45.485Z', '2026-11-21 02:28:45.485Z', 'lesson');
SELECT count(attendance.enrol('lesson', attendee)) FROM unnest('{1,5,7,8,9,10,11,12,13,14,15,16}'::text[]) attendee;
SELECT count(attendance.schedule_session(r.room, r.starts_at, r.ends_at, r.room))
FROM (SELECT body::json #>> '{room,name}' AS room, min(received_at) AS starts_at, max(received_at) AS ends_at
      FROM heard WHERE observed_at IS NULL GROUP BY 1) r
WHERE r.room <> 'session-96';

-- All that must be the same: stays, instances and snapshots of every room, the log, the results. Not when it was written.
CREATE FUNCTION pg_temp.outcome() RETURNS TABLE (name text, rows bigint, hash text) LANGUAGE sql AS $$
    SELECT 'evidence', count(*), md5(string_agg(attendance.fingerprint(r.room), ' ' ORDER BY r.room))
    FROM (SELECT DISTINCT room FROM attendance.event) r
    UNION ALL
    SELECT 'event', count(*), md5(string_agg((to_jsonb(e) - '{received_at,body}'::text[])::text || e.body::text, ' ' ORDER BY e.room, e.event_id))
    FROM attendance.event e
    UNION ALL
    SELECT 'result', count(*), md5(string_agg((to_jsonb(r) - '{computed_at,revision}'::text[])::text, ' ' ORDER BY r.session_id, r.attendee))
    FROM attendance.result r
$$;

-- Takes a stretch of what was heard by one of four ways to call.
CREATE TEMP TABLE call (way text, receipts bigint, recorded bigint);
CREATE PROCEDURE pg_temp.hear(way text, stretch heard[]) LANGUAGE plpgsql AS $$
DECLARE
    bodies text[] := ARRAY(SELECT h.body FROM unnest(stretch) WITH ORDINALITY h WHERE h.observed_at IS NULL ORDER BY h.ordinality);
BEGIN
    INSERT INTO call
    SELECT way, count(*), count(*) FILTER (WHERE r.outcome = 'recorded')
    FROM (SELECT r.outcome FROM unnest(bodies) body, attendance.ingest(body) r WHERE way = 'one by one, text'
          UNION ALL
          SELECT r.outcome FROM unnest(bodies) body, attendance.ingest(convert_to(body, 'UTF8')) r WHERE way = 'one by one, bytea'
          UNION ALL
          SELECT r.outcome FROM attendance.ingest_batch(bodies) r WHERE way = 'batch, text'
          UNION ALL
          SELECT r.outcome FROM attendance.ingest_batch(ARRAY(
              SELECT convert_to(b.body, 'UTF8') FROM unnest(bodies) WITH ORDINALITY b (body, n) ORDER BY b.n)) r WHERE way = 'batch, bytea') r;
    PERFORM attendance.reconcile(h.room, h.body, h.observed_at) FROM unnest(stretch) h WHERE h.observed_at IS NOT NULL;
END
$$;

CREATE PROCEDURE pg_temp.prepare() LANGUAGE sql AS $$
    TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.result,
        attendance.result_revision;
    UPDATE attendance.session SET finalised_at = NULL, judged_until = NULL, reopened_at = NULL;
$$;

-- As it came.
CALL pg_temp.prepare();
SELECT array_agg(h ORDER BY n) AS all FROM heard h \gset
CALL pg_temp.hear('batch, text', :'all');
SELECT count(*) AS sessions, count(*) FILTER (WHERE outcome = 'finalised') AS finalised FROM attendance.tick(as_of => '2026-11-22');
CREATE TEMP TABLE expected AS SELECT * FROM pg_temp.outcome();
SELECT name, rows FROM expected ORDER BY name;
TRUNCATE call;

-- Two hundred permutations, each by a seed of its own: some things said twice or three times, in stretches of up to 120,
-- judged now and then meanwhile, and at the end replayed from the log.
CREATE TEMP TABLE round (seed integer, same boolean, rebuilt_same boolean, judged integer);
CREATE PROCEDURE pg_temp.permute(rounds integer) LANGUAGE plpgsql AS $$
DECLARE
    said heard[];
    at integer;
    way text;
    many integer;
    replayed boolean;
BEGIN
    FOR seed IN 1 .. rounds LOOP
        CALL pg_temp.prepare();
        PERFORM setseed(seed / 1000.0);
        said := ARRAY(SELECT h FROM heard h, generate_series(1, 1 + floor(3 * random() * random())::integer) ORDER BY random());
        at := 1;
        WHILE at <= cardinality(said) LOOP
            way := (ARRAY['one by one, text', 'one by one, bytea', 'batch, text', 'batch, bytea'])[1 + floor(4 * random())];
            many := 1 + floor(random() * CASE WHEN way LIKE 'batch%' THEN 120 ELSE 20 END);
            CALL pg_temp.hear(way, said[at : at + many - 1]);
            at := at + many;
            IF random() < 0.05 THEN
                PERFORM attendance.tick(as_of => '2026-11-22');
            END IF;
        END LOOP;
        PERFORM attendance.tick(as_of => '2026-11-22');
        SELECT NOT bool_or(r.changed) INTO replayed FROM attendance.rebuild() r;
        INSERT INTO round
        SELECT seed, count(*) = 3 AND bool_and(o = e), replayed, (SELECT max(r.revision) FROM attendance.result r)
        FROM pg_temp.outcome() o
        FULL JOIN expected e USING (name);
        COMMIT;
    END LOOP;
END
$$;
CALL pg_temp.permute(200);
SELECT count(*) AS permutations, count(*) FILTER (WHERE same) AS same, count(*) FILTER (WHERE rebuilt_same) AS rebuilt_same FROM round;
SELECT way, count(*) > 500 AS often, sum(receipts) > 5000 AS many FROM call GROUP BY way ORDER BY way;
-- Judged in between there were results to replace; and each event was news exactly once in each round.
SELECT max(judged) > 3 AS judged_in_between FROM round;
SELECT sum(recorded) = 200 * (SELECT count(*) FROM attendance.event WHERE source = 'webhook') AS once FROM call;
