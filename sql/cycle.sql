-- The type attendance.cycle.
SET search_path = public, attendance;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

-- Text in and out.
SELECT text, text::cycle FROM (VALUES
    ('[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)left'),
    ('[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)'),
    ('[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)aborted'),
    ('[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)heartbeat_lost'),
    ('[2026-01-01 10:45:00+00,)'),
    ('[2026-01-01 10:45:00+00,)open'),
    ('[2026-01-01 10:45:00+00,infinity)'),
    ('[2026-01-01 10:45:00+00,2026-01-01 10:45:00+00)'),
    ('[2026-01-01T10:45:00.123456Z,2026-01-01T12:45+01:30)'),
    (E'  [ 2026-01-01 10:45:00+00 ,\t2026-01-01 11:15:00+00 )  left\n')
) v (text);

SELECT word, ('[2026-01-01,2026-01-02)' || word)::cycle
FROM unnest('{left,aborted,missing,replaced,room_finished,heartbeat_lost,stale}'::text[]) word;

-- The text follows the session, the value does not.
SET timezone = 'Asia/Dubai';
SELECT '[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)'::cycle;
SET datestyle = 'SQL, DMY';
SELECT '[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)'::cycle;
SET datestyle = 'Postgres, DMY';
SELECT '[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)'::cycle;
SELECT c, c::text::cycle = c AS same
FROM (SELECT '[2026-01-01 10:45:00.000001+00,2026-01-01 11:15:00+00)stale'::cycle) v (c);
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';

-- Text that is no cycle.
SELECT ''::cycle;
SELECT '2026-01-01,2026-01-02)'::cycle;
SELECT '(2026-01-01,2026-01-02)'::cycle;
SELECT '[2026-01-01 2026-01-02)'::cycle;
SELECT '[2026-01-01,2026-01-02'::cycle;
SELECT '[2026-01-01),2026-01-02'::cycle;
SELECT '[2026-01-01,2026-01-02]'::cycle;
SELECT '[,2026-01-02)'::cycle;
SELECT '[yesterdayish,2026-01-02)'::cycle;
SELECT '[2026-01-01,2026-01-02)gone'::cycle;
SELECT '[2026-01-01,2026-01-02)Left'::cycle;
SELECT '[2026-01-01,2026-01-02)left)'::cycle;

-- Text of a cycle that cannot be.
SELECT '[2026-01-02,2026-01-01)'::cycle;
SELECT '[2026-01-02,-infinity)'::cycle;
SELECT '[-infinity,2026-01-01)'::cycle;
SELECT '[infinity,)'::cycle;
SELECT '[2026-01-01,2026-01-02)open'::cycle;
SELECT '[2026-01-01,)left'::cycle;

-- Each mistake has its SQLSTATE; PostgreSQL 16 can ask for it, and must get the same answer without a raise.
CREATE FUNCTION pg_temp.fault(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM $1::attendance.cycle;
    RETURN NULL;
EXCEPTION WHEN others THEN
    RETURN SQLSTATE;
END
$$;
CREATE TEMP TABLE sample AS
SELECT * FROM unnest(
    '{"", "[x,)", "[2026-01-01,x)", "[2026-01-01,)gone", "[2026-01-01,)left", "[2026-01-01,)"}'::text[]) text;
SELECT text, pg_temp.fault(text) FROM sample;
SELECT current_setting('server_version_num')::int >= 160000 AS soft \gset
\if :soft
SELECT bool_and(pg_temp.fault(text) IS NOT DISTINCT FROM (pg_input_error_info(text, 'attendance.cycle')).sql_error_code)
    AS agreed FROM sample \gset
\else
\set agreed t
\endif
\echo :agreed

-- The constructor says what text says.
SELECT cycle('2026-01-01 10:45+00', '2026-01-01 11:15+00');
SELECT cycle('2026-01-01 10:45+00'::timestamptz);
SELECT cycle('2026-01-01 10:45+00', 'infinity');
SELECT cycle('2026-01-01 10:45+00', '2026-01-01 11:15+00', 'aborted');
SELECT cycle(ended_by => 'room_finished', left_at => '2026-01-01 11:15+00', joined_at => '2026-01-01 10:45+00');
SELECT cycle('2026-01-01 10:45+00', NULL, NULL), cycle(NULL, '2026-01-01', 'left') IS NULL AS nobody;
SELECT cycle('2026-01-02', '2026-01-01');
SELECT cycle('-infinity', '2026-01-01');
SELECT cycle('infinity'::timestamptz);
SELECT cycle('2026-01-01', '2026-01-02', 'open');
SELECT cycle('2026-01-01', NULL, 'left');
SELECT cycle('2026-01-01', '2026-01-02', 'gone');

-- Accessors.
CREATE TABLE stay (id int, c cycle);
INSERT INTO stay VALUES
    (1, '[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)'),
    (2, '[2026-01-01 10:45:00+00,)'),
    (3, '[2026-01-01 11:00:00+00,2026-01-02 12:00:00.5+00)aborted'),
    (4, '[2026-01-01 11:00:00+00,2026-01-01 11:00:00+00)stale'),
    (5, NULL);
SELECT id, joined_at(c), left_at(c), ended_by(c), is_open(c), duration(c) FROM stay ORDER BY id;

-- Casts.
SELECT id, c::tstzrange, c::jsonb FROM stay ORDER BY id;
SELECT id, isempty(c::tstzrange), upper_inf(c::tstzrange), upper_inc(c::tstzrange) FROM stay WHERE id < 5 ORDER BY id;
SET timezone = 'Asia/Dubai';
SELECT c::jsonb FROM stay WHERE id = 1;
SET timezone = 'UTC';
CREATE TABLE stretch (r tstzrange);
INSERT INTO stretch SELECT c FROM stay WHERE id = 1;
SELECT * FROM stretch;

-- Ranges, GiST and EXCLUDE through the cast.
SELECT id FROM stay WHERE c::tstzrange && '[2026-01-01 11:15,2026-01-01 12:00)' ORDER BY id;
SELECT id FROM stay WHERE c::tstzrange @> '2026-01-01 11:10'::timestamptz ORDER BY id;
SELECT range_agg(c::tstzrange) FROM stay WHERE id <> 2;
CREATE INDEX stay_gist ON stay USING gist ((c::tstzrange));
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM stay WHERE c::tstzrange && '[2026-01-01 11:15,2026-01-01 12:00)';
SELECT id FROM stay WHERE c::tstzrange && '[2026-01-01 11:15,2026-01-01 12:00)' ORDER BY id;
RESET enable_seqscan;
CREATE TABLE seat (c cycle, CONSTRAINT one_at_a_time EXCLUDE USING gist ((c::tstzrange) WITH &&));
INSERT INTO seat VALUES ('[2026-01-01 10:00,2026-01-01 11:00)'), ('[2026-01-01 11:00,2026-01-01 12:00)');
INSERT INTO seat VALUES ('[2026-01-01 10:59,2026-01-01 11:00)');

-- Merging: the earlier join, and the end that is stronger, else later.
SELECT a, b, a || b AS merged, a || b = b || a AND merge(a, b) = a || b AND (a || b) || a = a || b AS lawful
FROM (VALUES
    ('[2026-01-01 10:00,)'::cycle, '[2026-01-01 09:00,2026-01-01 11:00)'::cycle),
    ('[2026-01-01 10:00,2026-01-01 12:00)', '[2026-01-01 10:30,2026-01-01 11:00)'),
    ('[2026-01-01 10:00,2026-01-01 12:00)', '[2026-01-01 10:30,2026-01-01 11:00)aborted'),
    ('[2026-01-01 10:00,)', '[2026-01-01 10:30,)')
) v (a, b);
SELECT count(*) AS triples, bool_and((x.c || y.c) || z.c = x.c || (y.c || z.c)) AS associative
FROM stay x, stay y, stay z WHERE x.id < 5 AND y.id < 5 AND z.id < 5;
SELECT '[2026-01-01,)'::cycle || NULL AS nothing;
SELECT merge(c), fold(c), min(c), max(c) FROM stay;
SELECT merge(c), fold(c), min(c), max(c) FROM stay WHERE id = 5;

-- Folding: a whole second knows no more than its second; a leave in the second of the join is an empty stay.
SELECT a, b, fold(a, b) AS folded, fold(a, b) = fold(b, a) AND fold(fold(a, b), a) = fold(a, b) AS lawful
FROM (VALUES
    ('[2026-01-01 10:00:00,)'::cycle, '[2026-01-01 10:00:00.7,)'::cycle),
    ('[2026-01-01 10:00:00.2,)', '[2026-01-01 10:00:00.7,)'),
    ('[2026-01-01 10:00:00,)', '[2026-01-01 10:00:01.7,)'),
    ('[2026-01-01 10:00:00,2026-01-01 10:00:00)', '[2026-01-01 10:00:00.7,)'),
    ('[2026-01-01 10:00:00.7,2026-01-01 10:00:00.7)', '[2026-01-01 09:59:59.1,)'),
    ('[1999-12-31 23:59:59,1999-12-31 23:59:59)', '[1999-12-31 23:59:59.7,)')
) v (a, b);
CREATE TABLE report (c cycle);
INSERT INTO report
SELECT cycle(join_second + join_rest, greatest(join_second + join_rest, leave), NULL)
FROM unnest('{2026-01-01 10:00:00,2026-01-01 10:00:01}'::timestamptz[]) join_second,
     unnest('{0,0.2 s,0.7 s}'::interval[]) join_rest,
     unnest('{2026-01-01 10:00:00,2026-01-01 10:00:01,2026-01-01 10:00:05,infinity}'::timestamptz[]) leave;
SELECT count(*) AS triples, bool_and(fold(fold(x.c, y.c), z.c) = fold(x.c, fold(y.c, z.c))) AS associative
FROM report x, report y, report z;

-- Order: by join, end, reason.
SELECT id, c FROM stay ORDER BY c, id;
SELECT x.id AS a, y.id AS b, x.c < y.c AS lt, x.c <= y.c AS le, x.c = y.c AS eq, x.c <> y.c AS ne, x.c >= y.c AS ge,
       x.c > y.c AS gt, cycle_cmp(x.c, y.c) AS cmp
FROM stay x, stay y WHERE x.id < 4 AND y.id < 4 ORDER BY 1, 2;
SELECT '[2026-01-01,2026-01-02)left'::cycle < '[2026-01-01,2026-01-02)aborted' AS by_reason;

-- min and max can be read off an index, and everything can be aggregated in parallel.
SELECT aggfnoid::regprocedure, aggcombinefn, nullif(aggsortop, 0)::regoperator AS sortop, proparallel
FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid
WHERE aggfnoid IN ('merge(cycle)'::regprocedure, 'fold(cycle)'::regprocedure, 'min(cycle)'::regprocedure,
                   'max(cycle)'::regprocedure)
ORDER BY proname;

-- Indexes, joins and hashing.
CREATE TABLE many AS
SELECT i AS id, cycle('2026-01-01'::timestamptz + i % 1000 * '1 min'::interval,
                      '2026-01-02'::timestamptz + i % 1000 * '1 min'::interval) AS c
FROM generate_series(1, 5000) i;
CREATE INDEX many_btree ON many (c);
CREATE INDEX many_hash ON many USING hash (c);
ANALYZE many;
SELECT count(DISTINCT c), min(c), max(c) FROM many;
SELECT count(*) FROM (SELECT DISTINCT cycle_hash(c), cycle_hash_extended(c, 0), cycle_hash_extended(c, 1) FROM many) h;
SELECT bool_and((cycle_hash(c)::bigint & 4294967295) = (cycle_hash_extended(c, 0) & 4294967295)) AS low_half FROM many;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM many WHERE c < '[2026-01-01 00:01:00+00,)';
SELECT count(*) FROM many WHERE c < '[2026-01-01 00:02:00+00,)';
DROP INDEX many_btree;
SELECT count(*) FROM many WHERE c = '[2026-01-01 00:01:00+00,2026-01-02 00:01:00+00)';
RESET enable_bitmapscan;
RESET enable_seqscan;
SET enable_mergejoin = off;
SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM many x JOIN many y USING (c);
SELECT count(*) FROM many x JOIN many y USING (c);
RESET enable_mergejoin;
SET enable_hashjoin = off;
SELECT count(*) FROM many x JOIN many y USING (c);
RESET enable_nestloop;
RESET enable_hashjoin;

-- The aggregates run in parallel.
SET max_parallel_workers_per_gather = 2;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
EXPLAIN (COSTS OFF) SELECT merge(c), fold(c), min(c), max(c) FROM many;
SELECT merge(c), fold(c), min(c), max(c) FROM many;
RESET max_parallel_workers_per_gather;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;

-- Binary: two timestamps and a byte; \copy gives the results directory of pg_regress to a shell.
SELECT encode(cycle_send('[2000-01-01 00:00:01+00,2000-01-01 00:00:02+00)aborted'), 'hex');
SELECT encode(cycle_send('[2000-01-01 00:00:01+00,)'), 'hex');
\copy stay to program 'cat > "$PG_ABS_BUILDDIR/results/cycle.bin"' (format binary)
CREATE TABLE received (LIKE stay);
\copy received from program 'cat "$PG_ABS_BUILDDIR/results/cycle.bin"' (format binary)
SELECT count(*) AS same FROM stay JOIN received USING (id) WHERE stay.c IS NOT DISTINCT FROM received.c;

-- What text input refuses, binary input refuses: an unknown reason, an end before its join, an open stay with an end,
-- one without an end that is not open, an infinite join, a timestamp out of range, a value cut short.
\set VERBOSITY sqlstate
CREATE TABLE one (c cycle);
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\21"; printf "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\1\377\377"; }' (format binary)
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\21"; printf "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\10\377\377"; }' (format binary)
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\21"; printf "\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\1\377\377"; }' (format binary)
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\21"; printf "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\377\377"; }' (format binary)
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\21"; printf "\0\0\0\0\0\0\0\1\177\377\377\377\377\377\377\377\1\377\377"; }' (format binary)
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\21"; printf "\200\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\377\377"; }' (format binary)
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\21"; printf "\0\0\0\0\0\0\0\1\177\377\377\377\377\377\377\376\1\377\377"; }' (format binary)
\copy one from program '{ printf "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\20"; printf "\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\377\377"; }' (format binary)
\set VERBOSITY default
SELECT c FROM one;

-- Nothing of the type depends on the session but its text.
SELECT proname, provolatile FROM pg_proc p
WHERE pronamespace = 'attendance'::regnamespace AND provolatile <> 'i'
  AND ('cycle'::regtype = ANY (proargtypes) OR prorettype = 'cycle'::regtype)
  AND proname IN ('cycle_in', 'cycle_out', 'cycle_recv', 'cycle_send', 'cycle', 'joined_at', 'left_at', 'ended_by',
                  'is_open', 'duration', 'tstzrange', 'jsonb', 'merge', 'fold', 'cycle_cmp', 'cycle_hash')
ORDER BY proname;
SELECT amname, opcname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'cycle'::regtype ORDER BY amname;

DROP TABLE stay, stretch, seat, report, many, received, one;
