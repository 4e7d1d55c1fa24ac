-- What the catalog promises: comments, privileges, search paths, dumps, keys, and the names that others call by.
BEGIN;
SELECT plan(19);

CREATE TEMP VIEW member AS
    SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS object
    FROM pg_depend d
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
      AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'attendance')
      -- PostgreSQL makes some objects by itself: the constructors of a range, the sequence of an identity column.
      AND NOT EXISTS (SELECT FROM pg_depend i WHERE (i.classid, i.objid) = (d.classid, d.objid) AND i.deptype = 'i');
CREATE TEMP VIEW routine AS
    SELECT p.*, p.oid::regprocedure::text AS signature, l.lanname, has_function_privilege('public', p.oid, 'EXECUTE') AS public
    FROM member m
    JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
    JOIN pg_language l ON l.oid = p.prolang;
CREATE TEMP VIEW relation AS
    SELECT c.* FROM member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid;

-- The views above see something.
SELECT cmp_ok(count(*), '>', 100::bigint, 'the extension has members') FROM member;
SELECT cmp_ok(count(*), '>', 15::bigint, 'and tables among them') FROM relation WHERE relkind = 'r';

-- Comments.
SELECT is_empty($$
    SELECT object FROM member
    WHERE obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid)) IS NULL
$$, 'every object has a comment');
SELECT is_empty($$
    SELECT c.relname, a.attname FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
$$, 'every column of a table or view has a comment');

-- Privileges.
SELECT set_eq($$SELECT proname::text FROM routine WHERE public$$, ARRAY[
    'bytes', 'cover', 'cover_combine', 'cover_deserialise', 'cover_final', 'cover_serialise', 'cover_step',
    'cycle', 'cycle_cmp', 'cycle_eq', 'cycle_ge', 'cycle_gt', 'cycle_hash', 'cycle_hash_extended', 'cycle_in', 'cycle_larger',
    'cycle_le', 'cycle_lt', 'cycle_ne', 'cycle_out', 'cycle_recv', 'cycle_send', 'cycle_smaller', 'cycle_sortsupport',
    'duration', 'ended_by', 'fold', 'is_open', 'is_share', 'is_span', 'joined_at', 'jsonb', 'judge', 'left_at', 'max',
    'merge', 'min', 'parse', 'redact', 'refuse_token', 'require', 'resolve', 'room_key', 'token_key', 'tstzrange'
], 'PUBLIC may execute the pure functions and no other');
SELECT is_empty($$SELECT signature FROM routine WHERE public AND (prosecdef OR provolatile = 'v' OR proparallel <> 's')$$,
    'what PUBLIC may execute is pure: not volatile, parallel safe, with the rights of its caller');
SELECT is_empty($$
    SELECT c.relname, p.privilege
    FROM pg_class c, unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) p (privilege)
    WHERE c.relnamespace = 'attendance'::regnamespace AND c.relkind IN ('r', 'v')
      AND has_any_column_privilege('public', c.oid, p.privilege)
UNION ALL
    SELECT c.relname, p.privilege
    FROM pg_class c, unnest('{DELETE,TRUNCATE,TRIGGER}'::text[]) p (privilege)
    WHERE c.relnamespace = 'attendance'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege('public', c.oid, p.privilege)
UNION ALL
    SELECT c.relname, p.privilege
    FROM pg_class c, unnest('{USAGE,SELECT,UPDATE}'::text[]) p (privilege)
    WHERE c.relnamespace = 'attendance'::regnamespace AND c.relkind = 'S' AND has_sequence_privilege('public', c.oid, p.privilege)
$$, 'PUBLIC has no privilege on any table, view or sequence');
SELECT schema_privs_are('attendance', 'public', ARRAY['USAGE'], 'PUBLIC may use the schema and make nothing in it');

-- Search paths.
SELECT is_empty($$
    SELECT signature FROM routine
    WHERE (lanname = 'plpgsql' OR prosecdef) AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false)
$$, 'every function in PL/pgSQL and every SECURITY DEFINER one pins its search_path');
SELECT is_empty($$SELECT signature FROM routine WHERE lanname = 'sql' AND prosqlbody IS NULL$$,
    'every function in SQL is bound when it is created');

-- Dumps.
SELECT set_eq($$SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'attendance'$$, $$
    SELECT oid::regclass::text FROM pg_class
    WHERE relnamespace = 'attendance'::regnamespace AND relkind IN ('r', 'S') AND relname <> 'livekit_key'
$$, 'pg_dump carries every table and sequence, but no secrets');

-- Sharding.
SELECT set_eq($$
    SELECT i.indexrelid::regclass::text
    FROM pg_index i JOIN relation c ON c.oid = i.indrelid
    WHERE i.indisunique
      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'room')
      AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0]) <> 'room'
$$, $$VALUES ('attendance.session_session_id_key')$$,
    'room leads every key of a table that has a room, but for the id of a session, which is unique by itself');
SELECT set_has($$
    SELECT c.relname::text FROM relation c JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attname = 'room'
$$, $$VALUES ('event'), ('room_instance'), ('participation'), ('snapshot')$$, 'the tables of high volume have such a key');
SELECT is_empty($$
    SELECT k.conname FROM pg_constraint k JOIN relation c ON c.oid = k.conrelid
    WHERE k.contype = 'f'
      AND ((SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1]) <> 'room'
           OR (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = k.confrelid AND a.attnum = k.confkey[1]) <> 'room')
$$, 'no foreign key leaves the room');
SELECT is_empty($$
    SELECT t.tgrelid::regclass, t.tgname FROM pg_trigger t JOIN relation c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relname IN ('event', 'room_instance', 'participation', 'snapshot')
$$, 'the tables of high volume have no trigger');

-- Names that others call by.
SELECT set_has($$SELECT proname::text, proargnames[1:pronargs]::text FROM routine$$, $$VALUES
    ('ingest', '{body}'),
    ('ingest_signed', '{body,auth_token}'),
    ('ingest_batch', '{bodies,auth_tokens}'),
    ('add_livekit_key', '{api_key,secret}'),
    ('drop_livekit_key', '{api_key}'),
    ('schedule_session', '{room,starts_at,ends_at,session_id,policy,title}'),
    ('cancel_session', '{session_id}'),
    ('enrol', '{session_id,attendee,role,name,excused,policy}'),
    ('unenrol', '{session_id,attendee}'),
    ('assess', '{session_id,as_of,policy}'),
    ('finalise', '{session_id,as_of}'),
    ('tick', '{max_sessions,as_of}'),
    ('recompute', '{session_id,policy}'),
    ('simulate', '{policy,from_at,to_at}'),
    ('override', '{session_id,attendee,status,reason}'),
    ('clear_override', '{session_id,attendee,reason}'),
    ('rebuild', '{room}'),
    ('purge', '{before}'),
    ('forget', '{attendee}'),
    ('schedule_jobs', NULL),
    ('unschedule_jobs', NULL)
$$, 'functions and parameters are called what the documentation calls them');
SELECT bag_eq($$
    SELECT proname::text, proargtypes::regtype[]::text FROM routine WHERE proname IN ('ingest', 'ingest_signed', 'ingest_batch')
$$, $$VALUES
    ('ingest', '[0:0]={text}'), ('ingest', '[0:0]={bytea}'),
    ('ingest_signed', '[0:1]={text,text}'), ('ingest_signed', '[0:1]={bytea,text}'),
    ('ingest_batch', '[0:1]={text[],text[]}'), ('ingest_batch', '[0:1]={bytea[],text[]}')
$$, 'bodies are text or bytea');
SELECT columns_are('attendance', 'report', ARRAY[
    'session_id', 'attendee', 'name', 'role', 'enrolled', 'status', 'computed_status', 'rule', 'attended', 'percent',
    'first_join', 'last_leave', 'late_by', 'early_by', 'is_late', 'left_early', 'cycles', 'rejoins', 'longest_gap', 'inferred',
    'overridden', 'room', 'starts_at', 'ends_at', 'title', 'state', 'revision', 'computed_at'], 'the columns of the report');
SELECT set_eq($$
    SELECT c.relname::text, array_agg(a.attname ORDER BY a.attnum)::text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.oid IN ('attendance.receipt'::regclass, 'attendance.assessment'::regclass)
    GROUP BY c.relname
$$, $$VALUES
    ('assessment', '{session_id,attendee,name,role,enrolled,status,computed_status,rule,attended,percent,first_join,last_leave,'
        'late_by,early_by,is_late,left_early,cycles,rejoins,longest_gap,inferred,overridden}'),
    ('receipt', '{outcome,http_status,reason,event_id}')
$$, 'the columns of a receipt and of an assessment');

SELECT * FROM finish();
ROLLBACK;
