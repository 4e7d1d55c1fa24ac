-- What has changed, for those who keep a copy or a page up to date: a feed to read from a cursor, and a wake-up.

CREATE TABLE attendance.change (
    changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    change_id  bigint GENERATED ALWAYS AS IDENTITY,
    changed_at timestamptz NOT NULL DEFAULT now(),
    room       text COLLATE "C" NOT NULL,
    session_id text COLLATE "C",
    attendee   text COLLATE "C",
    event_id   text COLLATE "C"
);
CREATE INDEX change_order ON attendance.change (changed_in, change_id);
ALTER TABLE attendance.change REPLICA IDENTITY FULL;  -- no key of its own, and purge() deletes
COMMENT ON TABLE attendance.change IS
'The feed that changes_since() reads. Not in dumps: the numbers of transactions mean nothing to another cluster.';
COMMENT ON COLUMN attendance.change.changed_in IS 'transaction that made the change';
COMMENT ON COLUMN attendance.change.change_id IS 'order within that transaction';
COMMENT ON COLUMN attendance.change.changed_at IS 'when that transaction began';
COMMENT ON COLUMN attendance.change.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.change.session_id IS 'session that changed; NULL: an event was logged';
COMMENT ON COLUMN attendance.change.attendee IS 'whose result in it changed; NULL: its times, its roster or its state';
COMMENT ON COLUMN attendance.change.event_id IS 'event that was logged';

-- Not UNLOGGED: with wal_level = minimal, in a database made from a template, PostgreSQL 15 finds the index of such a table
-- unreadable after a crash, and nothing could be recorded any more.
CREATE TABLE attendance.wake_up (
    slot integer PRIMARY KEY,
    at   timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE attendance.wake_up IS 'When rooms were last announced by NOTIFY. Not in dumps.';
COMMENT ON COLUMN attendance.wake_up.slot IS 'one of 64 that share the rooms';
COMMENT ON COLUMN attendance.wake_up.at IS 'when one of them was announced last';

CREATE FUNCTION attendance.announce(room text, session_id text, attendee text, event_id text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Only one transaction of a database can commit a NOTIFY at a time: 64 a second at most, however many rooms there are.
    own_slot integer := attendance.room_lock(room) & 63;
    due boolean;
BEGIN
    INSERT INTO attendance.change (room, session_id, attendee, event_id)
    VALUES (announce.room, announce.session_id, announce.attendee, announce.event_id)
    RETURNING coalesce((SELECT w.at + interval '1 s' FROM attendance.wake_up w WHERE w.slot = own_slot) <= clock_timestamp(), true)
    INTO due;
    -- Never waits: whoever has the lock is announcing the room.
    IF due AND pg_try_advisory_xact_lock(1635021925, own_slot) THEN
        INSERT INTO attendance.wake_up AS w VALUES (own_slot, clock_timestamp())
        ON CONFLICT (slot) DO UPDATE SET at = excluded.at WHERE w.at + interval '1 s' <= excluded.at;
        IF FOUND THEN
            PERFORM pg_notify('attendance', CASE WHEN octet_length(room) < 8000 THEN room ELSE '' END);
        END IF;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.announce(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.announce(text, text, text, text) IS
'Appends a change to the feed, and tells those who LISTEN to attendance the name of the room, at most once a second. A change within that second goes untold: whoever listens looks again after a while.';

-- A transaction may commit long after one with a higher number, so a cursor is no number but the set of transactions
-- that it has seen: a snapshot. Between two calls that page through one set it is that before, that after, and the place.
CREATE FUNCTION attendance.seen_now() RETURNS pg_snapshot
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    present pg_snapshot := pg_current_snapshot();
    finished xid8 := least(pg_snapshot_xmin(present), pg_current_xact_id_if_assigned());
BEGIN
    -- Where it does not tell which transactions are running still (of a standby it has none, and never the caller's own),
    -- only what is older than all of them.
    IF pg_is_in_recovery() OR pg_current_xact_id_if_assigned() IS NOT NULL THEN
        present := format('%s:%s:', finished, finished);
    END IF;
    RETURN present;
END
$$;
REVOKE ALL ON FUNCTION attendance.seen_now() FROM PUBLIC;
COMMENT ON FUNCTION attendance.seen_now() IS 'The transactions whose changes the caller sees and that can make no more.';

CREATE FUNCTION attendance.current_cursor() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('%s/%s', c.system_identifier, attendance.seen_now()) FROM pg_control_system() c;
END;
REVOKE ALL ON FUNCTION attendance.current_cursor() FROM PUBLIC;
COMMENT ON FUNCTION attendance.current_cursor() IS
'The cursor for changes_since() behind everything that is there now. In one REPEATABLE READ transaction with a query of report it joins exactly onto what that query saw.';

CREATE FUNCTION attendance.changes_since(INOUT cursor text, max_rows integer DEFAULT 1000,
    OUT changed_at timestamptz, OUT kind text, OUT room text, OUT session_id text, OUT attendee text,
    OUT event text, OUT event_id text) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    cluster text := (SELECT c.system_identifier FROM pg_control_system() c);
    part text[] := regexp_match(changes_since.cursor, '^(\d+)/(\d+:\d+:[\d,]*)(?:/(\d+:\d+:[\d,]*)/(\d+)/(\d+))?$');
    present pg_snapshot := attendance.seen_now();
    before pg_snapshot := coalesce(part[2], '1:1:');
    after pg_snapshot := part[3];
    last_in xid8 := part[4];
    last_id bigint := part[5];
BEGIN
    IF max_rows < 1 THEN
        RAISE EXCEPTION 'max_rows is %', max_rows
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Take at least one row at a time: none means that there is no more.';
    ELSIF changes_since.cursor IS NOT NULL AND part IS NULL THEN
        RAISE EXCEPTION 'no cursor of changes_since(): "%"', left(changes_since.cursor, 100)
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Pass the column cursor of the last row you have taken, or NULL for all there is.';
    ELSIF part[1] <> cluster
          OR NOT pg_is_in_recovery() AND pg_snapshot_xmax(coalesce(after, before)) > pg_snapshot_xmax(pg_current_snapshot()) THEN
        RAISE EXCEPTION 'the cursor is of another database cluster, or of a later state of this one'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'After a restore read attendance.report anew, and go on from attendance.current_cursor().';
    END IF;
    LOOP
        IF after IS NULL THEN
            after := present;
            last_in := pg_snapshot_xmin(before);
            last_id := 0;
        END IF;
        RETURN QUERY
        SELECT concat_ws('/', cluster, CASE WHEN c.more THEN concat_ws('/', before, after, c.changed_in, c.change_id) ELSE after::text END),
               c.changed_at,
               CASE WHEN c.event_id IS NOT NULL THEN 'event' WHEN c.attendee IS NOT NULL THEN 'result' ELSE 'session' END,
               c.room, c.session_id,
               coalesce(c.attendee, (SELECT o.attendee FROM attendance.attendee_of(e.identity) o WHERE e.identity IS NOT NULL)),
               e.event, c.event_id
        FROM (SELECT n.*, lead(true, 1, false) OVER (ORDER BY n.changed_in, n.change_id) AS more
              FROM (SELECT * FROM attendance.change l
                    WHERE (l.changed_in, l.change_id) > (last_in, last_id) AND l.changed_in < pg_snapshot_xmax(after)
                      AND NOT pg_visible_in_snapshot(l.changed_in, before) AND pg_visible_in_snapshot(l.changed_in, after)
                    ORDER BY l.changed_in, l.change_id
                    LIMIT max_rows + 1::bigint) n) c
        LEFT JOIN attendance.event e ON e.room = c.room AND e.event_id = c.event_id
        ORDER BY c.changed_in, c.change_id
        LIMIT max_rows;
        EXIT WHEN FOUND OR last_id = 0;
        before := after;
        after := NULL;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION attendance.changes_since(text, integer) FROM PUBLIC;
COMMENT ON FUNCTION attendance.changes_since(text, integer) IS
'What was committed since a cursor (NULL: all the feed still has), at most max_rows of it, each with the cursor behind it. Call it again with the last one until nothing comes. Nothing is left out, in whatever order transactions commit; on a standby, and in a transaction that has written, something may come twice. Raises invalid_parameter_value for what is no cursor or fewer than one row, object_not_in_prerequisite_state for one of another cluster.';
