-- Where a stay ends, as far as anybody can tell.

CREATE FUNCTION attendance.resolve(cycle attendance.cycle, seen_at timestamptz, heartbeat_at timestamptz,
    room_finished_at timestamptz, replaced_at timestamptz, missing_at timestamptz, as_of timestamptz,
    heartbeat_timeout interval DEFAULT '5 min', stale_after interval DEFAULT '3 h') RETURNS attendance.cycle
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_resolve';
COMMENT ON FUNCTION attendance.resolve(attendance.cycle, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, timestamptz, interval, interval) IS
'The stay with its end inferred if need be: a recorded end stands; else the earliest of the three bounds not after as_of; else heartbeat_timeout after falling silent; else stale_after the last evidence; else it is still open.';

-- Each stay with the bounds that resolve() needs. Only open stays have any: the rest cost no look-up.
CREATE VIEW attendance.stay AS
    SELECT p.*, b.room_finished_at, b.replaced_at, b.missing_at
    FROM attendance.participation p
    LEFT JOIN LATERAL (
        SELECT least(own.finished_at,
                     (SELECT min(i.started_at)
                      FROM attendance.room_instance i
                      WHERE i.room = p.room AND i.room_sid IS DISTINCT FROM p.room_sid
                        AND i.started_at > coalesce(own.started_at, attendance.joined_at(p.cycle)))) AS room_finished_at,
               (SELECT attendance.joined_at(q.cycle)
                FROM attendance.participation q
                WHERE q.room = p.room AND q.identity = p.identity
                  AND (attendance.joined_at(q.cycle), q.participant_sid) > (attendance.joined_at(p.cycle), p.participant_sid)
                ORDER BY attendance.joined_at(q.cycle), q.participant_sid
                LIMIT 1) AS replaced_at,
               (SELECT min(s.observed_at)
                FROM attendance.snapshot s
                WHERE s.room = p.room AND s.observed_at > p.seen_at + interval '10 s') AS missing_at
        FROM (SELECT WHERE attendance.is_open(p.cycle)) one
        LEFT JOIN attendance.room_instance own ON own.room = p.room AND own.room_sid = p.room_sid
    ) b ON true;
COMMENT ON VIEW attendance.stay IS 'participation, and beside each open stay the evidence that bounds it.';
COMMENT ON COLUMN attendance.stay.room_finished_at IS 'when its room instance finished, or the next one started; NULL: neither, or the stay is not open';
COMMENT ON COLUMN attendance.stay.replaced_at IS 'when the same identity connected again; NULL: never, or the stay is not open';
COMMENT ON COLUMN attendance.stay.missing_at IS 'the first snapshot more than 10 s after seen_at; NULL: none, or the stay is not open';

DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT a.attname, pg_catalog.col_description(a.attrelid, a.attnum) AS text
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = 'attendance.participation'::regclass AND a.attnum > 0
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN attendance.stay.%I IS %L', c.attname, c.text);
    END LOOP;
END
$$;
