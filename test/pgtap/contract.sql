-- What the catalog promises: comments, privileges, search paths, dumps, keys, and the names that others call by.
BEGIN;
SELECT plan(20);

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
    'duration', 'ended_by', 'fold', 'is_open', 'is_open_support', 'is_share', 'is_span', 'joined_at', 'jsonb', 'judge', 'left_at', 'length', 'max',
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
    WHERE relnamespace = 'attendance'::regnamespace AND relkind IN ('r', 'S')
      AND relname NOT IN ('livekit_key', 'change', 'change_change_id_seq', 'wake_up', 'ticked')
$$, 'pg_dump carries every table and sequence, but no secrets, and nothing that only means something to this cluster');

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

-- Names that others call by: function, parameters, how many of them must be given, what it gives.
CREATE TEMP TABLE api (name text, parameters text, required integer, gives text);
INSERT INTO api VALUES
    ('ingest', '{body}', 1, 'attendance.receipt'),
    ('ingest_signed', '{body,auth_token}', 2, 'attendance.receipt'),
    ('ingest_signed', '{body,auth_token,received_at}', 3, 'attendance.receipt'),
    ('ingest_batch', '{bodies,auth_tokens}', 1, '{ordinal,outcome,http_status,reason,event_id}'),
    ('add_livekit_key', '{api_key,secret}', 2, 'void'),
    ('drop_livekit_key', '{api_key}', 1, 'void'),
    ('heartbeat', '{room,identity,at}', 2, 'integer'),
    ('reconcile', '{room,participants,observed_at}', 2, 'SETOF attendance.listing_change'),
    ('reconcile_preview', '{room,participants,observed_at}', 2, 'SETOF attendance.listing_change'),
    ('schedule_session', '{room,starts_at,ends_at,session_id,policy,title}', 3, 'text'),
    ('cancel_session', '{session_id}', 1, 'void'),
    ('enrol', '{session_id,attendee,role,name,excused,policy}', 2, 'void'),
    ('unenrol', '{session_id,attendee}', 2, 'void'),
    ('assess', '{session_id,as_of,policy}', 1, 'SETOF attendance.assessment'),
    ('finalise', '{session_id,as_of}', 1, 'integer'),
    ('tick', '{max_sessions,as_of}', 0, '{session_id,outcome,changed,error}'),
    ('recompute', '{session_id,policy}', 1, 'integer'),
    ('simulate', '{policy,from_at,to_at}', 3, '{session_id,attendee,name,status,new_status,percent,new_percent,new_rule}'),
    ('override', '{session_id,attendee,status,reason}', 4, 'void'),
    ('clear_override', '{session_id,attendee,reason}', 3, 'void'),
    ('explain', '{session_id,attendee,as_of}', 2, '{line,fact}'),
    ('status_json', '{session_id,attendee,as_of}', 2, 'json'),
    ('report_as_of', '{at}', 1, 'SETOF attendance.report'),
    ('revisions', '{session_id,attendee}', 2, '{revision,computed_at,field,was,became,because}'),
    ('rebuild', '{room}', 0, '{room,events,changed}'),
    ('retry_quarantine', '{sha256,body}', 0, '{sha256,outcome,reason,event_id}'),
    ('purge', '{before}', 1, '{room,events,stays,sessions}'),
    ('forget', '{attendee}', 1, '{relation,changed}'),
    ('changes_since', '{cursor,max_rows}', 1, '{cursor,changed_at,kind,room,session_id,attendee,event,event_id}'),
    ('current_cursor', '{}', 0, 'text'),
    ('diagnose', '{as_of}', 0, 'SETOF attendance.finding'),
    ('schedule_jobs', '{}', 0, 'bigint'),
    ('unschedule_jobs', '{}', 0, 'boolean');
SELECT set_has($$
    SELECT proname::text, ins::text, pronargs - pronargdefaults,
           CASE WHEN cardinality(outs) > 0 THEN outs::text
                ELSE CASE WHEN proretset THEN 'SETOF ' ELSE '' END || prorettype::regtype END
    FROM routine r
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(a.name ORDER BY a.n) FILTER (WHERE coalesce(a.mode, 'i') IN ('i', 'b')), '{}') AS ins,
               coalesce(array_agg(a.name ORDER BY a.n) FILTER (WHERE a.mode IN ('o', 'b', 't')), '{}') AS outs
        FROM unnest(r.proargnames, r.proargmodes) WITH ORDINALITY a (name, mode, n)) a
$$, 'TABLE api', 'functions, parameters and results are called what the documentation calls them');
SELECT is_empty($$
    SELECT signature FROM routine
    WHERE proname IN (SELECT name FROM api) AND (public OR 'boolean'::regtype = ANY (proargtypes))
$$, 'none of them is granted to PUBLIC, and none has a boolean parameter');
SELECT set_eq($$SELECT proname::text FROM routine WHERE proname IN (SELECT name FROM api) AND provolatile <> 'v'$$, ARRAY[
    'assess', 'explain', 'simulate', 'report_as_of', 'revisions', 'status_json', 'reconcile_preview', 'changes_since',
    'current_cursor', 'diagnose'
], 'those that only look cannot write, so they work on a standby');
SELECT bag_eq($$
    SELECT proname::text, proargtypes::regtype[]::text FROM routine WHERE proname IN ('ingest', 'ingest_signed', 'ingest_batch')
$$, $$VALUES
    ('ingest', '[0:0]={text}'), ('ingest', '[0:0]={bytea}'),
    ('ingest_signed', '[0:1]={text,text}'), ('ingest_signed', '[0:1]={bytea,text}'),
    ('ingest_signed', '[0:2]={text,text,"timestamp with time zone"}'),
    ('ingest_signed', '[0:2]={bytea,text,"timestamp with time zone"}'),
    ('ingest_batch', '[0:1]={text[],text[]}'), ('ingest_batch', '[0:1]={bytea[],text[]}')
$$, 'bodies are text or bytea');

-- Columns of what others read: views and types.
SELECT set_has($$
    SELECT c.relname::text, array_agg(a.attname ORDER BY a.attnum)::text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'attendance'::regnamespace AND c.relkind IN ('v', 'c')
    GROUP BY c.relname
$$, $$VALUES
    ('receipt', '{outcome,http_status,reason,event_id}'),
    ('webhook', '{body,auth_token,outcome,http_status,reason,event_id}'),
    ('assessment', '{session_id,attendee,name,role,enrolled,status,computed_status,rule,attended,percent,first_join,last_leave,'
        'late_by,early_by,is_late,left_early,cycles,rejoins,longest_gap,inferred,overridden}'),
    ('report', '{session_id,attendee,name,role,enrolled,status,computed_status,rule,attended,percent,first_join,last_leave,'
        'late_by,early_by,is_late,left_early,cycles,rejoins,longest_gap,inferred,overridden,'
        'room,starts_at,ends_at,title,state,revision,computed_at}'),
    ('session_summary', '{session_id,room,starts_at,ends_at,title,enrolled,present,late,partial,absent,excused,mean_percent,state}'),
    ('attendee_summary', '{attendee,name,sessions,present,late,partial,absent,excused,rate,attended,late_by}'),
    ('live', '{session_id,attendee,name,role,enrolled,since,status,rule,attended,percent,first_join,late_by,is_late,'
        'cycles,rejoins,room,starts_at,ends_at,title}'),
    ('open_cycle', '{room,participant_sid,identity,name,counted,joined_at,seen_at,heartbeat_at,resolved}'),
    ('recent_event', '{received_at,lag,room,event,identity,origin,event_id}'),
    ('metrics', '{metric,kind,value,help}'),
    ('listing_change', '{participant_sid,identity,change}'),
    ('finding', '{severity,finding,problem,since,evidence,fix}')
$$, 'columns are called what the documentation calls them');

SELECT * FROM finish();
ROLLBACK;
