-- The type attendance.cycle: one join-to-leave stay of one participant.

CREATE TYPE attendance.cycle;

CREATE FUNCTION attendance.cycle_in(cstring) RETURNS attendance.cycle
    AS 'MODULE_PATHNAME', 'attendance_cycle_in' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_out(attendance.cycle) RETURNS cstring
    AS 'MODULE_PATHNAME', 'attendance_cycle_out' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_recv(internal) RETURNS attendance.cycle
    AS 'MODULE_PATHNAME', 'attendance_cycle_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_send(attendance.cycle) RETURNS bytea
    AS 'MODULE_PATHNAME', 'attendance_cycle_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE attendance.cycle (
    INPUT = attendance.cycle_in,
    OUTPUT = attendance.cycle_out,
    RECEIVE = attendance.cycle_recv,
    SEND = attendance.cycle_send,
    INTERNALLENGTH = 24,
    ALIGNMENT = double,
    STORAGE = plain
);

COMMENT ON TYPE attendance.cycle IS 'one join-to-leave stay of one participant, half-open: [joined_at,left_at)ended_by';
COMMENT ON FUNCTION attendance.cycle_in(cstring) IS 'I/O';
COMMENT ON FUNCTION attendance.cycle_out(attendance.cycle) IS 'I/O';
COMMENT ON FUNCTION attendance.cycle_recv(internal) IS 'I/O';
COMMENT ON FUNCTION attendance.cycle_send(attendance.cycle) IS 'I/O';

-- Construction and access

CREATE FUNCTION attendance.cycle(joined_at timestamptz, left_at timestamptz DEFAULT NULL, ended_by text DEFAULT NULL)
    RETURNS attendance.cycle
    AS 'MODULE_PATHNAME', 'attendance_cycle' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION attendance.joined_at(attendance.cycle) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'attendance_cycle_joined_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.left_at(attendance.cycle) RETURNS timestamptz
    AS 'MODULE_PATHNAME', 'attendance_cycle_left_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.ended_by(attendance.cycle) RETURNS text
    AS 'MODULE_PATHNAME', 'attendance_cycle_ended_by' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.is_open_support(internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'attendance_cycle_is_open_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.is_open(attendance.cycle) RETURNS boolean
    AS 'MODULE_PATHNAME', 'attendance_cycle_is_open' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
    SUPPORT attendance.is_open_support;
CREATE FUNCTION attendance.duration(attendance.cycle) RETURNS interval
    AS 'MODULE_PATHNAME', 'attendance_cycle_duration' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION attendance.cycle(timestamptz, timestamptz, text) IS
    'a cycle of its parts: open without left_at, left without ended_by, NULL without joined_at';
COMMENT ON FUNCTION attendance.joined_at(attendance.cycle) IS 'start of the stay';
COMMENT ON FUNCTION attendance.left_at(attendance.cycle) IS 'end of the stay, infinity while it is open';
COMMENT ON FUNCTION attendance.ended_by(attendance.cycle) IS
    'open, left or aborted as recorded; missing, replaced, room_finished, heartbeat_lost or stale as computed';
COMMENT ON FUNCTION attendance.is_open_support(internal) IS 'planner support of is_open(): of a long history hardly any stay is open';
COMMENT ON FUNCTION attendance.is_open(attendance.cycle) IS 'has the stay no end yet?';
COMMENT ON FUNCTION attendance.duration(attendance.cycle) IS 'left_at - joined_at, NULL while the stay is open';

-- Casts

CREATE FUNCTION attendance.tstzrange(attendance.cycle) RETURNS tstzrange
    AS 'MODULE_PATHNAME', 'attendance_cycle_to_tstzrange' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.jsonb(c attendance.cycle) RETURNS jsonb
    LANGUAGE SQL STABLE STRICT PARALLEL SAFE
    RETURN jsonb_build_object(
        'joined_at', attendance.joined_at(c),
        'left_at', nullif(attendance.left_at(c), 'infinity'),
        'ended_by', attendance.ended_by(c));

CREATE CAST (attendance.cycle AS tstzrange) WITH FUNCTION attendance.tstzrange(attendance.cycle) AS ASSIGNMENT;
CREATE CAST (attendance.cycle AS jsonb) WITH FUNCTION attendance.jsonb(attendance.cycle);

COMMENT ON FUNCTION attendance.tstzrange(attendance.cycle) IS
    'the stay as a half-open range, without an upper bound while it is open';
COMMENT ON FUNCTION attendance.jsonb(attendance.cycle) IS
    'the stay as an object of joined_at, left_at (null while it is open) and ended_by';
COMMENT ON CAST (attendance.cycle AS tstzrange) IS
    'the stay as a half-open range, without an upper bound while it is open';
COMMENT ON CAST (attendance.cycle AS jsonb) IS
    'the stay as an object of joined_at, left_at (null while it is open) and ended_by';

-- Merging

CREATE FUNCTION attendance.merge(attendance.cycle, attendance.cycle) RETURNS attendance.cycle
    AS 'MODULE_PATHNAME', 'attendance_cycle_merge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.fold(attendance.cycle, attendance.cycle) RETURNS attendance.cycle
    AS 'MODULE_PATHNAME', 'attendance_cycle_fold' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR attendance.|| (
    LEFTARG = attendance.cycle, RIGHTARG = attendance.cycle, FUNCTION = attendance.merge,
    COMMUTATOR = OPERATOR(attendance.||)
);

CREATE AGGREGATE attendance.merge(attendance.cycle) (
    SFUNC = attendance.merge, STYPE = attendance.cycle, COMBINEFUNC = attendance.merge, PARALLEL = SAFE
);
CREATE AGGREGATE attendance.fold(attendance.cycle) (
    SFUNC = attendance.fold, STYPE = attendance.cycle, COMBINEFUNC = attendance.fold, PARALLEL = SAFE
);

COMMENT ON FUNCTION attendance.merge(attendance.cycle, attendance.cycle) IS
    'two reports of one stay as one: the earlier join and the stronger, then later, end';
COMMENT ON FUNCTION attendance.fold(attendance.cycle, attendance.cycle) IS
    'merge for evidence from LiveKit: within one second a join in milliseconds goes before one in whole seconds';
COMMENT ON OPERATOR attendance.|| (attendance.cycle, attendance.cycle) IS
    'two reports of one stay as one: the earlier join and the stronger, then later, end';
COMMENT ON AGGREGATE attendance.merge(attendance.cycle) IS
    'all reports of one stay as one: the earliest join and the strongest, then latest, end';
COMMENT ON AGGREGATE attendance.fold(attendance.cycle) IS
    'merge for evidence from LiveKit: within one second a join in milliseconds goes before one in whole seconds';

-- Order

CREATE FUNCTION attendance.cycle_lt(attendance.cycle, attendance.cycle) RETURNS boolean
    AS 'MODULE_PATHNAME', 'attendance_cycle_lt' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_le(attendance.cycle, attendance.cycle) RETURNS boolean
    AS 'MODULE_PATHNAME', 'attendance_cycle_le' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_eq(attendance.cycle, attendance.cycle) RETURNS boolean
    AS 'MODULE_PATHNAME', 'attendance_cycle_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_ne(attendance.cycle, attendance.cycle) RETURNS boolean
    AS 'MODULE_PATHNAME', 'attendance_cycle_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_ge(attendance.cycle, attendance.cycle) RETURNS boolean
    AS 'MODULE_PATHNAME', 'attendance_cycle_ge' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_gt(attendance.cycle, attendance.cycle) RETURNS boolean
    AS 'MODULE_PATHNAME', 'attendance_cycle_gt' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_cmp(attendance.cycle, attendance.cycle) RETURNS integer
    AS 'MODULE_PATHNAME', 'attendance_cycle_cmp' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_sortsupport(internal) RETURNS void
    AS 'MODULE_PATHNAME', 'attendance_cycle_sortsupport' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_hash(attendance.cycle) RETURNS integer
    AS 'MODULE_PATHNAME', 'attendance_cycle_hash' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_hash_extended(attendance.cycle, bigint) RETURNS bigint
    AS 'MODULE_PATHNAME', 'attendance_cycle_hash_extended' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_smaller(attendance.cycle, attendance.cycle) RETURNS attendance.cycle
    AS 'MODULE_PATHNAME', 'attendance_cycle_smaller' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION attendance.cycle_larger(attendance.cycle, attendance.cycle) RETURNS attendance.cycle
    AS 'MODULE_PATHNAME', 'attendance_cycle_larger' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE OPERATOR attendance.< (
    LEFTARG = attendance.cycle, RIGHTARG = attendance.cycle, FUNCTION = attendance.cycle_lt,
    COMMUTATOR = OPERATOR(attendance.>), NEGATOR = OPERATOR(attendance.>=),
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR attendance.<= (
    LEFTARG = attendance.cycle, RIGHTARG = attendance.cycle, FUNCTION = attendance.cycle_le,
    COMMUTATOR = OPERATOR(attendance.>=), NEGATOR = OPERATOR(attendance.>),
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR attendance.= (
    LEFTARG = attendance.cycle, RIGHTARG = attendance.cycle, FUNCTION = attendance.cycle_eq,
    COMMUTATOR = OPERATOR(attendance.=), NEGATOR = OPERATOR(attendance.<>),
    RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR attendance.<> (
    LEFTARG = attendance.cycle, RIGHTARG = attendance.cycle, FUNCTION = attendance.cycle_ne,
    COMMUTATOR = OPERATOR(attendance.<>), NEGATOR = OPERATOR(attendance.=),
    RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR attendance.>= (
    LEFTARG = attendance.cycle, RIGHTARG = attendance.cycle, FUNCTION = attendance.cycle_ge,
    COMMUTATOR = OPERATOR(attendance.<=), NEGATOR = OPERATOR(attendance.<),
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
CREATE OPERATOR attendance.> (
    LEFTARG = attendance.cycle, RIGHTARG = attendance.cycle, FUNCTION = attendance.cycle_gt,
    COMMUTATOR = OPERATOR(attendance.<), NEGATOR = OPERATOR(attendance.<=),
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);

CREATE OPERATOR CLASS attendance.cycle_ops DEFAULT FOR TYPE attendance.cycle USING btree AS
    OPERATOR 1 attendance.<,
    OPERATOR 2 attendance.<=,
    OPERATOR 3 attendance.=,
    OPERATOR 4 attendance.>=,
    OPERATOR 5 attendance.>,
    FUNCTION 1 attendance.cycle_cmp(attendance.cycle, attendance.cycle),
    FUNCTION 2 attendance.cycle_sortsupport(internal),
    FUNCTION 4 btequalimage(oid);

CREATE OPERATOR CLASS attendance.cycle_ops DEFAULT FOR TYPE attendance.cycle USING hash AS
    OPERATOR 1 attendance.=,
    FUNCTION 1 attendance.cycle_hash(attendance.cycle),
    FUNCTION 2 attendance.cycle_hash_extended(attendance.cycle, bigint);

CREATE AGGREGATE attendance.min(attendance.cycle) (
    SFUNC = attendance.cycle_smaller, STYPE = attendance.cycle, COMBINEFUNC = attendance.cycle_smaller,
    SORTOP = OPERATOR(attendance.<), PARALLEL = SAFE
);
CREATE AGGREGATE attendance.max(attendance.cycle) (
    SFUNC = attendance.cycle_larger, STYPE = attendance.cycle, COMBINEFUNC = attendance.cycle_larger,
    SORTOP = OPERATOR(attendance.>), PARALLEL = SAFE
);

COMMENT ON FUNCTION attendance.cycle_lt(attendance.cycle, attendance.cycle) IS 'implementation of < operator';
COMMENT ON FUNCTION attendance.cycle_le(attendance.cycle, attendance.cycle) IS 'implementation of <= operator';
COMMENT ON FUNCTION attendance.cycle_eq(attendance.cycle, attendance.cycle) IS 'implementation of = operator';
COMMENT ON FUNCTION attendance.cycle_ne(attendance.cycle, attendance.cycle) IS 'implementation of <> operator';
COMMENT ON FUNCTION attendance.cycle_ge(attendance.cycle, attendance.cycle) IS 'implementation of >= operator';
COMMENT ON FUNCTION attendance.cycle_gt(attendance.cycle, attendance.cycle) IS 'implementation of > operator';
COMMENT ON FUNCTION attendance.cycle_cmp(attendance.cycle, attendance.cycle) IS
    'less-equal-greater by joined_at, left_at, ended_by';
COMMENT ON FUNCTION attendance.cycle_sortsupport(internal) IS 'sort support';
COMMENT ON FUNCTION attendance.cycle_hash(attendance.cycle) IS 'hash';
COMMENT ON FUNCTION attendance.cycle_hash_extended(attendance.cycle, bigint) IS 'hash';
COMMENT ON FUNCTION attendance.cycle_smaller(attendance.cycle, attendance.cycle) IS 'smaller of two';
COMMENT ON FUNCTION attendance.cycle_larger(attendance.cycle, attendance.cycle) IS 'larger of two';
COMMENT ON OPERATOR attendance.< (attendance.cycle, attendance.cycle) IS 'less than';
COMMENT ON OPERATOR attendance.<= (attendance.cycle, attendance.cycle) IS 'less than or equal';
COMMENT ON OPERATOR attendance.= (attendance.cycle, attendance.cycle) IS 'equal';
COMMENT ON OPERATOR attendance.<> (attendance.cycle, attendance.cycle) IS 'not equal';
COMMENT ON OPERATOR attendance.>= (attendance.cycle, attendance.cycle) IS 'greater than or equal';
COMMENT ON OPERATOR attendance.> (attendance.cycle, attendance.cycle) IS 'greater than';
COMMENT ON OPERATOR FAMILY attendance.cycle_ops USING btree IS 'cycles by joined_at, left_at, ended_by';
COMMENT ON OPERATOR FAMILY attendance.cycle_ops USING hash IS 'cycles by equality';
COMMENT ON OPERATOR CLASS attendance.cycle_ops USING btree IS 'cycles by joined_at, left_at, ended_by';
COMMENT ON OPERATOR CLASS attendance.cycle_ops USING hash IS 'cycles by equality';
COMMENT ON AGGREGATE attendance.min(attendance.cycle) IS 'minimum value of all cycles';
COMMENT ON AGGREGATE attendance.max(attendance.cycle) IS 'maximum value of all cycles';
