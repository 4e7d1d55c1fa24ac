-- How much of a session the stays of one attendee cover.

CREATE TYPE attendance.coverage AS (
    attended interval, first_presence timestamptz, last_presence timestamptz,
    first_join timestamptz, last_leave timestamptz,
    cycles integer, rejoins integer, longest_gap interval, inferred boolean
);
COMMENT ON TYPE attendance.coverage IS
'attended: length of the union of stays within the window; first_presence, last_presence: within the window; first_join, last_leave: unclipped, infinity while there; cycles: stays; rejoins: returns after a gap that was not bridged; longest_gap: the longest of those; inferred: an end was not observed.';

CREATE FUNCTION attendance.cover_step(internal, attendance.cycle, timestamptz, timestamptz, interval, timestamptz) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_cover_step';
CREATE FUNCTION attendance.cover_combine(internal, internal) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_cover_combine';
CREATE FUNCTION attendance.cover_serialise(internal) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_cover_serialise';
CREATE FUNCTION attendance.cover_deserialise(bytea, internal) RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_cover_deserialise';
CREATE FUNCTION attendance.cover_final(internal) RETURNS attendance.coverage
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_cover_final';
COMMENT ON FUNCTION attendance.cover_step(internal, attendance.cycle, timestamptz, timestamptz, interval, timestamptz) IS 'transition function of cover()';
COMMENT ON FUNCTION attendance.cover_combine(internal, internal) IS 'combine function of cover()';
COMMENT ON FUNCTION attendance.cover_serialise(internal) IS 'serialisation of the state of cover()';
COMMENT ON FUNCTION attendance.cover_deserialise(bytea, internal) IS 'deserialisation of the state of cover()';
COMMENT ON FUNCTION attendance.cover_final(internal) IS 'final function of cover()';

CREATE AGGREGATE attendance.cover(cycle attendance.cycle, counts_from timestamptz, counts_until timestamptz,
                                  bridge_gap interval, as_of timestamptz) (
    SFUNC = attendance.cover_step, STYPE = internal,
    COMBINEFUNC = attendance.cover_combine, SERIALFUNC = attendance.cover_serialise, DESERIALFUNC = attendance.cover_deserialise,
    FINALFUNC = attendance.cover_final, FINALFUNC_MODIFY = SHAREABLE,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE attendance.cover(attendance.cycle, timestamptz, timestamptz, interval, timestamptz) IS
'What resolved stays of one attendee cover of the window [counts_from, counts_until): overlaps once, gaps up to bridge_gap closed before clipping, open stays until as_of, aborted and empty ones nothing. All but the cycle must be the same in every row.';
