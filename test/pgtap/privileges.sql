-- What each role can do and what it cannot.
BEGIN;
SELECT plan(67);

CREATE ROLE attendance_test_plain;
CREATE ROLE attendance_test_feeder;
CREATE ROLE attendance_test_inserter;
CREATE ROLE attendance_test_reader;
GRANT EXECUTE ON FUNCTION attendance.ingest(text) TO attendance_test_feeder;
GRANT INSERT ON attendance.webhook TO attendance_test_inserter;
GRANT SELECT ON attendance.report TO attendance_test_reader;
GRANT EXECUTE ON FUNCTION attendance.assess(text, timestamptz, text) TO attendance_test_reader;

-- What a statement gives that a role executes: its first value, or the SQLSTATE it fails with.
CREATE FUNCTION attempt(role text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SET LOCAL ROLE attendance_test_%s', role);
    EXECUTE statement INTO result;
    RESET ROLE;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
-- All privileges of a role on relations and functions, beyond PUBLIC's.
CREATE FUNCTION held(role text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT p.privilege || ' ' || c.relname
    FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) p (privilege)
    WHERE c.relnamespace = 'attendance'::regnamespace AND c.relkind IN ('r', 'v')
      AND has_table_privilege('attendance_test_' || held.role, c.oid, p.privilege)
UNION ALL
    SELECT 'EXECUTE ' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')'
    FROM pg_proc p
    WHERE p.pronamespace = 'attendance'::regnamespace AND has_function_privilege('attendance_test_' || held.role, p.oid, 'EXECUTE')
      AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
$$;

SELECT attendance.schedule_session('r', '2026-01-05 11:00Z', '2026-01-05 12:00Z', 's');
SELECT attendance.enrol('s', '1');

-- Somebody without any privilege.
SELECT is_empty($$SELECT held('plain')$$, 'plain: has no privilege');
SELECT is(attempt('plain', $$SELECT attendance.duration('[2026-01-05 11:00Z,2026-01-05 11:20Z)'::attendance.cycle)$$), '00:20:00',
    'plain: uses the type');
SELECT is(attempt('plain', $$SELECT (attendance.parse('{"event":"x","createdAt":"1767610800"}')).event$$), 'x', 'plain: parses');
SELECT is(attempt('plain', $$SELECT attendance.ingest('{}'::text)$$), '42501', 'plain: does not feed');
SELECT is(attempt('plain', $$INSERT INTO attendance.webhook (body) VALUES ('{}')$$), '42501', 'plain: does not insert');
SELECT is(attempt('plain', $$SELECT 1 FROM attendance.report$$), '42501', 'plain: does not read the report');
SELECT is(attempt('plain', $$SELECT 1 FROM attendance.assess('s')$$), '42501', 'plain: does not judge');
SELECT is(attempt('plain', $$SELECT attendance.finalise('s')$$), '42501', 'plain: does not finalise');
SELECT is(attempt('plain', $$SELECT 1 FROM attendance.tick()$$), '42501', 'plain: does not tick');
SELECT is(attempt('plain', $$CREATE TABLE attendance.mine ()$$), '42501', 'plain: makes nothing in the schema');

-- A backend that may feed and nothing else.
SELECT set_eq($$SELECT held('feeder')$$, ARRAY['EXECUTE ingest(body text)'], 'feeder: may execute ingest(text) and nothing else');
SELECT is(attempt('feeder', $$SELECT outcome FROM attendance.ingest('{"event":"participant_left","id":"EV_1","createdAt":"1767612600",
    "room":{"sid":"RM_1","name":"r"},"participant":{"sid":"PA_1","identity":"1","joinedAt":"1767610800"}}'::text)$$),
    'recorded', 'feeder: feeds');
SELECT is(attempt('feeder', $$SELECT outcome FROM attendance.ingest('nonsense'::text)$$), 'quarantined', 'feeder: feeds what is no webhook');
SELECT is((SELECT count(*) FROM attendance.participation WHERE room = 'r'), 1::bigint, 'feeder: what it fed is there');
SELECT is(attempt('feeder', $$SELECT attendance.ingest('{}'::bytea)$$), '42501', 'feeder: has not the other overload');
SELECT is(attempt('feeder', 'SELECT 1 FROM attendance.event'), '42501', 'feeder: does not read the log');
SELECT is(attempt('feeder', 'SELECT 1 FROM attendance.quarantine'), '42501', 'feeder: does not read quarantine');
SELECT is(attempt('feeder', 'SELECT 1 FROM attendance.livekit_key'), '42501', 'feeder: does not read keys');
SELECT is(attempt('feeder', $$SELECT attendance.absorb(attendance.parse('{}'))$$), '42501', 'feeder: does not write past the log');
SELECT is(attempt('feeder', $$SELECT attendance.record(attendance.parse('{}'), '{}', 'devkey')$$), '42501', 'feeder: does not say itself who signed');

SELECT is(attempt('feeder', $$SELECT attendance.override('s', '1', 'late', 'why')$$), '42501', 'feeder: sets no marks');
SELECT is(attempt('feeder', $$SELECT 1 FROM attendance.forget('1')$$), '42501', 'feeder: forgets nobody');

-- One that inserts, as an ORM does.
SELECT set_eq($$SELECT held('inserter')$$, ARRAY['INSERT webhook'], 'inserter: may insert into webhook and nothing else');
SELECT is(attempt('inserter', $$WITH w AS (INSERT INTO attendance.webhook (body) VALUES ('{"event":"x","id":"EV_2","createdAt":"1767610800","room":{"name":"r"}}'))
    SELECT 'done'$$), 'done', 'inserter: inserts');
SELECT is((SELECT event FROM attendance.event WHERE (room, event_id) = ('r', 'EV_2')), 'x', 'inserter: what it inserted is there');
SELECT is(attempt('inserter', $$SELECT attendance.ingest('{}'::text)$$), '42501', 'inserter: does not call');
SELECT is(attempt('inserter', 'SELECT 1 FROM attendance.webhook'), '42501', 'inserter: does not read');

-- One that reads the report, provisional and final.
SELECT set_eq($$SELECT held('reader')$$, ARRAY['SELECT report', 'EXECUTE assess(session_id text, as_of timestamp with time zone, policy text)'],
    'reader: may read the report, execute assess and nothing else');
SELECT is(attempt('reader', $$SELECT state || ' ' || attended FROM attendance.report WHERE session_id = 's'$$), 'provisional 00:30:00',
    'reader: reads a provisional report');
SELECT attendance.finalise('s', '2026-01-05 13:00Z');
SELECT is(attempt('reader', $$SELECT state || ' ' || attended FROM attendance.report WHERE session_id = 's'$$), 'final 00:30:00',
    'reader: reads a final report');
SELECT is(attempt('reader', 'SELECT 1 FROM attendance.result'), '42501', 'reader: does not read results');
SELECT is(attempt('reader', 'DELETE FROM attendance.result'), '42501', 'reader: does not write');

-- A search_path full of traps: whatever of these is called by mistake raises. The functions run as the owner of the
-- extension, so calling one would hand that owner's rights to whoever set the trap.
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
DO $do$
DECLARE
    f record;
BEGIN
    FOR f IN SELECT * FROM (VALUES
        ('now()', 'timestamptz'), ('clock_timestamp()', 'timestamptz'), ('sha256(bytea)', 'bytea'), ('hashtext(text)', 'integer'),
        ('length(bytea)', 'integer'), ('isfinite(timestamptz)', 'boolean'), ('to_jsonb(anyelement)', 'jsonb'),
        ('unnest(anyarray)', 'SETOF anyelement'), ('pg_advisory_xact_lock(integer, integer)', 'void'),
        ('pg_advisory_xact_lock_shared(integer, integer)', 'void'), ('pg_try_advisory_xact_lock(integer, integer)', 'boolean'),
        ('pg_is_in_recovery()', 'boolean'), ('current_setting(text)', 'text'), ('round(numeric, integer)', 'numeric'),
        ('regexp_match(text, text)', 'text[]'), ('tstzrange(timestamptz, timestamptz)', 'tstzrange'),
        ('int4pl(integer, integer)', 'integer'), ('tstzrange(attendance.cycle)', 'tstzrange'),
        ('joined_at(attendance.cycle)', 'timestamptz'), ('is_open(attendance.cycle)', 'boolean')) v (signature, result)
    LOOP
        EXECUTE format('CREATE FUNCTION trap.%s RETURNS %s LANGUAGE plpgsql AS $$BEGIN RAISE ''trapped''; END$$', f.signature, f.result);
    END LOOP;
    FOR f IN SELECT v.*, row_number() OVER () AS n FROM (VALUES
        ('=', 'text', 'boolean'), ('=', 'integer', 'boolean'), ('=', 'bigint', 'boolean'), ('=', 'jsonb', 'boolean'),
        ('=', 'timestamptz', 'boolean'), ('<', 'timestamptz', 'boolean'), ('<=', 'timestamptz', 'boolean'),
        ('>', 'timestamptz', 'boolean'), ('<>', 'text', 'boolean'), ('<', 'integer', 'boolean'), ('+', 'integer', 'integer'),
        ('*', 'numeric', 'numeric'), ('/', 'numeric', 'numeric'), ('&&', 'tstzrange', 'boolean'), ('||', 'text', 'text'),
        ('&', 'integer', 'integer'), ('||', 'attendance.cycle', 'attendance.cycle'), ('~', 'text', 'boolean')
    ) v (name, operand, result)
    LOOP
        EXECUTE format('CREATE FUNCTION trap.operator_%s(%s, %2$s) RETURNS %s LANGUAGE plpgsql AS $$BEGIN RAISE ''trapped''; END$$',
                       f.n, f.operand, f.result);
        EXECUTE format('CREATE OPERATOR trap.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = trap.operator_%s)', f.name, f.operand, f.n);
    END LOOP;
END
$do$;
CREATE TEMP TABLE pg_extension (extname name);
CREATE FUNCTION hostile(statement text) RETURNS text LANGUAGE plpgsql SET search_path = pg_temp, trap, pg_catalog AS $$
DECLARE
    result text;
BEGIN
    EXECUTE statement INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;

SELECT is(hostile($$SELECT 'a'::text = 'b'::text$$), 'trapped', 'hostile: an operator is a trap');
SELECT is(hostile($$SELECT now()$$), 'trapped', 'hostile: a function is a trap');
SELECT is(attempt('feeder', $attempt$SELECT public.hostile($$SELECT outcome FROM attendance.ingest('{"event":"participant_left",
    "id":"EV_3","createdAt":"1767614400","room":{"sid":"RM_1","name":"r","creationTime":"1767610800"},
    "participant":{"sid":"PA_2","identity":"2","joinedAt":"1767610800","kind":"SIP"}}'::text)$$)$attempt$), 'recorded', 'hostile: ingest');
SELECT is(attempt('feeder', $attempt$SELECT public.hostile($$SELECT outcome FROM attendance.ingest('[]'::text)$$)$attempt$),
    'quarantined', 'hostile: ingest of what is no webhook');
SELECT is(attempt('inserter', $attempt$SELECT public.hostile($$WITH w AS (INSERT INTO attendance.webhook (body) VALUES
    ('{"event":"x","id":"EV_4","createdAt":"1767610800","room":{"name":"r"}}')) SELECT 'done'$$)$attempt$), 'done', 'hostile: insert');
SELECT is(hostile($$SELECT outcome FROM attendance.ingest_batch(ARRAY['{}', '{}'])$$), 'quarantined', 'hostile: ingest_batch');
SELECT is(hostile($$SELECT attendance.add_livekit_key('key', 'secret')$$), '', 'hostile: add_livekit_key');
SELECT is(hostile($$SELECT outcome FROM attendance.ingest_signed('{}'::text, 'no token')$$), 'unauthorized', 'hostile: ingest_signed');
SELECT is(hostile($$SELECT reason FROM attendance.ingest_signed('{}'::bytea, 'no token', 'infinity')$$), 'received_at: in the future',
    'hostile: ingest_signed of what was kept');
SELECT is(attempt('reader', $attempt$SELECT public.hostile($$SELECT rule FROM attendance.assess('s', '2026-01-05 13:00Z')$$)$attempt$),
    'present', 'hostile: assess');
SELECT is(attempt('reader', $attempt$SELECT public.hostile($$SELECT percent FROM attendance.report$$)$attempt$), '50.00',
    'hostile: the report');
SELECT is(hostile($$SELECT attendance.finalise('s', '2026-01-05 13:00Z')$$), '1', 'hostile: finalise');
SELECT is(hostile($$SELECT attendance.schedule_session('r', '2026-01-05 11:00Z', '2026-01-05 11:30Z', 't')$$), 't', 'hostile: schedule_session');
SELECT is(hostile($$SELECT attendance.enrol('t', '1', policy => 'default')$$), '', 'hostile: enrol');
SELECT is(hostile($$SELECT error FROM attendance.tick(as_of => '2026-01-05 13:00Z')$$), NULL, 'hostile: tick');
SELECT is((SELECT count(*) FROM attendance.result WHERE session_id = 't'), 2::bigint, 'hostile: tick has finalised');
SELECT is(hostile($$SELECT attendance.override('t', '1', 'late', 'said so')$$), '', 'hostile: override');
SELECT is(hostile($$SELECT new_status FROM attendance.simulate('default', '2026-01-05', '2026-01-06')$$), NULL, 'hostile: simulate');
SELECT is(hostile($$SELECT attendance.recompute('t', 'default')$$), '0', 'hostile: recompute');
SELECT is(hostile($$SELECT fact FROM attendance.explain('t', '1', '2026-01-05 13:00Z') WHERE fact LIKE 'therefore%'$$),
    'therefore present', 'hostile: explain');
SELECT is(hostile($$SELECT attendance.status_json('t', '1', '2026-01-05 13:00Z') ->> 'attendance_status'$$), 'late', 'hostile: status_json');
SELECT is(hostile($$SELECT attendance.clear_override('t', '1', 'was not')$$), '', 'hostile: clear_override');
SELECT is(hostile($$SELECT became FROM attendance.revisions('t', '1')$$), 'true', 'hostile: revisions');
SELECT is(hostile($$SELECT status FROM attendance.report_as_of('infinity')$$), NULL, 'hostile: report_as_of');
SELECT is(hostile($$SELECT sum(present) FROM attendance.session_summary$$), '4', 'hostile: session_summary');
SELECT is(hostile($$SELECT attendance.heartbeat('r', '1')$$), '0', 'hostile: heartbeat');
SELECT is(hostile($$SELECT change FROM attendance.reconcile('r', '{"participants":[{"sid":"PA_9","identity":"9","state":"ACTIVE"}]}'::text,
    '2026-01-05 11:50Z')$$), 'added', 'hostile: reconcile');
SELECT is(hostile($$SELECT identity FROM attendance.open_cycle$$), '9', 'hostile: open_cycle');
SELECT is(hostile($$SELECT changed FROM attendance.rebuild('r')$$), 'false', 'hostile: rebuild');
SELECT is(hostile($$SELECT outcome FROM attendance.retry_quarantine()$$), 'quarantined', 'hostile: retry_quarantine');
SELECT is(hostile($$SELECT finding FROM attendance.diagnose('2026-01-05 13:00Z')$$), 'webhooks_stopped', 'hostile: diagnose');
SELECT is(hostile($$SELECT attendance.unenrol('t', '1')$$), '', 'hostile: unenrol');
SELECT is(hostile($$SELECT attendance.cancel_session('t')$$), '', 'hostile: cancel_session');
SELECT is(hostile($$SELECT changed FROM attendance.forget('9') LIMIT 1$$), '1', 'hostile: forget');
SELECT is(hostile($$SELECT room FROM attendance.purge('2026-01-06') LIMIT 1$$), 'r', 'hostile: purge');

SELECT * FROM finish();
ROLLBACK;
