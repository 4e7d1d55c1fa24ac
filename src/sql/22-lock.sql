-- Evidence and judgement of one room meet at an advisory lock: whoever writes evidence or changes a session shares it, a
-- finalisation has it alone from before its snapshot until it commits. So an event is either in the result or finds the
-- session final and reopens it. It comes before any row of the room, so that nobody deadlocks. Rooms share 1024 locks, so
-- that a backfill of any size fits the lock table.
CREATE FUNCTION attendance.room_lock(room text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT hashtext(room) & 1023;
END;
REVOKE ALL ON FUNCTION attendance.room_lock(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.room_lock(text) IS 'The second key of a room''s advisory lock; the first is 1635021924 (attd).';

CREATE FUNCTION attendance.require_read_committed() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'attendance cannot be recorded or finalised in a % transaction', current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state',
                  HINT = 'Its snapshot may be older than a finalisation it must see. Use READ COMMITTED, PostgreSQL''s default.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.require_read_committed() FROM PUBLIC;
COMMENT ON FUNCTION attendance.require_read_committed() IS
'Raises invalid_transaction_state where a lock would be no use, because the snapshot is older than the lock.';

CREATE FUNCTION attendance.share_rooms(rooms text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1635021924, l.lock)
    FROM (SELECT DISTINCT attendance.room_lock(r) AS lock FROM unnest(rooms) r ORDER BY 1) l;
END
$$;
REVOKE ALL ON FUNCTION attendance.share_rooms(text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.share_rooms(text[]) IS 'Waits for finalisations of these rooms, and keeps new ones waiting until this transaction ends.';

CREATE FUNCTION attendance.claim_rooms(rooms text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM attendance.require_read_committed();
    PERFORM pg_advisory_xact_lock(1635021924, l.lock)
    FROM (SELECT DISTINCT attendance.room_lock(r) AS lock FROM unnest(rooms) r ORDER BY 1) l;
END
$$;
REVOKE ALL ON FUNCTION attendance.claim_rooms(text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.claim_rooms(text[]) IS 'Waits until nobody writes evidence of these rooms, and keeps everybody from it until this transaction ends.';
