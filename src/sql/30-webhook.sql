-- What a webhook says, and what its sender is told.

CREATE TYPE attendance.fact AS (
    problem text, event_id text COLLATE "C", event text COLLATE "C", occurred_at timestamptz,
    room text COLLATE "C", room_sid text COLLATE "C", instance_started_at timestamptz, instance_finished_at timestamptz,
    participant_sid text COLLATE "C", identity text COLLATE "C", name text, role text, counted boolean, version integer,
    cycle attendance.cycle, seen_at timestamptz, body json
);
COMMENT ON TYPE attendance.fact IS
'What one webhook says, normalised; with a problem set, nothing else is. identity is NULL when it proves nobody''s presence.';

CREATE FUNCTION attendance.parse(body bytea) RETURNS attendance.fact
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_parse';
COMMENT ON FUNCTION attendance.parse(bytea) IS
'Reads the body of a webhook (UTF-8). Never raises for what it contains: fact.problem names the field and what is wrong with it.';

CREATE FUNCTION attendance.redact(body bytea) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_redact';
COMMENT ON FUNCTION attendance.redact(bytea) IS 'The same bytes with the value of every turnPassword blanked, also in broken JSON.';

CREATE FUNCTION attendance.bytes(body text) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_bytes';
COMMENT ON FUNCTION attendance.bytes(text) IS 'The bytes of a text as they are, without the conversion that convert_to() makes.';

CREATE TYPE attendance.receipt AS (outcome text, http_status integer, reason text, event_id text);
COMMENT ON TYPE attendance.receipt IS
'What became of a webhook: outcome (recorded, duplicate, quarantined, unauthorized), http_status to answer LiveKit with, reason where there is one, event_id.';
