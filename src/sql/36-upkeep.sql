-- What is done to evidence long after it came in. Nothing here changes what was observed.

CREATE FUNCTION attendance.rebuild(INOUT room text DEFAULT NULL, OUT events bigint, OUT changed boolean) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    rooms text[];
    one text;
    before text;
    heartbeats jsonb;
BEGIN
    rooms := ARRAY(SELECT DISTINCT e.room FROM attendance.event e WHERE e.room = rebuild.room OR rebuild.room IS NULL);
    PERFORM attendance.claim_rooms(rooms);
    FOREACH one IN ARRAY rooms LOOP
        before := attendance.fingerprint(one);
        SELECT jsonb_object_agg(p.participant_sid, p.heartbeat_at) INTO heartbeats
        FROM attendance.participation p WHERE p.room = one AND p.heartbeat_at IS NOT NULL;
        DELETE FROM attendance.participation p WHERE p.room = one;
        DELETE FROM attendance.room_instance i WHERE i.room = one;
        DELETE FROM attendance.snapshot n WHERE n.room = one;

        room := one;
        SELECT count(attendance.fold_fact(attendance.parse(attendance.bytes(e.body::text)))) INTO events
        FROM attendance.event e WHERE e.room = one AND e.source = 'webhook';
        SELECT events + count(*) INTO events
        FROM attendance.event e
        CROSS JOIN attendance.fold_snapshot(e.room, e.event_id, e.occurred_at, attendance.listed(e.room, e.body, e.occurred_at))
        WHERE e.room = one AND e.source = 'snapshot';
        UPDATE attendance.participation p SET heartbeat_at = h.value::timestamptz
        FROM jsonb_each_text(heartbeats) h
        WHERE p.room = one AND p.participant_sid = h.key;

        changed := before <> attendance.fingerprint(one);
        IF changed THEN
            PERFORM attendance.reopen(one, '-infinity');
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION attendance.rebuild(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.rebuild(text) IS
'Folds the event log anew into empty tables, for one room or all; a row for each room: events replayed, and whether the tables came out different (they should not), in which case its sessions are reopened. Ingest of these rooms waits meanwhile.';

CREATE FUNCTION attendance.fingerprint(room text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT concat((SELECT md5(string_agg(p::text, E'\n' ORDER BY p.participant_sid))
                   FROM attendance.participation p WHERE p.room = fingerprint.room),
                  (SELECT md5(string_agg(i::text, E'\n' ORDER BY i.room_sid))
                   FROM attendance.room_instance i WHERE i.room = fingerprint.room),
                  (SELECT md5(string_agg(n::text, E'\n' ORDER BY n.observed_at))
                   FROM attendance.snapshot n WHERE n.room = fingerprint.room));
END;
REVOKE ALL ON FUNCTION attendance.fingerprint(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.fingerprint(text) IS 'A hash of the stays, instances and snapshots of a room: the same evidence, the same hash.';

CREATE FUNCTION attendance.retry_quarantine(INOUT sha256 bytea DEFAULT NULL, body text DEFAULT NULL,
    OUT outcome text, OUT reason text, OUT event_id text) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted bytea := retry_quarantine.sha256;
    corrected bytea := attendance.bytes(retry_quarantine.body);
    q attendance.quarantine;
BEGIN
    IF wanted IS NULL AND corrected IS NOT NULL THEN
        RAISE EXCEPTION 'a corrected body needs the hash of the body it corrects'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Give sha256 as attendance.quarantine has it.';
    ELSIF NOT EXISTS (SELECT FROM attendance.quarantine k WHERE k.sha256 = wanted) AND wanted IS NOT NULL THEN
        RAISE EXCEPTION 'no such body is in quarantine'
            USING ERRCODE = 'no_data_found', HINT = 'SELECT sha256, reason FROM attendance.quarantine lists them.';
    END IF;
    FOR q IN
        SELECT k.* FROM attendance.quarantine k
        WHERE (k.sha256 = wanted OR wanted IS NULL) AND (corrected IS NOT NULL OR k.length <= 1048576)  -- not cut
        ORDER BY k.received_at, k.sha256
        FOR UPDATE
    LOOP
        sha256 := q.sha256;
        q.body := coalesce(corrected, q.body);
        q.signed_by := CASE WHEN corrected IS NULL THEN q.signed_by END;
        reason := (attendance.parse(q.body)).problem;
        IF reason IS NOT NULL THEN
            outcome := 'quarantined';
            event_id := NULL;
        ELSE
            SELECT r.outcome, r.reason, r.event_id INTO outcome, reason, event_id
            FROM attendance.record(attendance.parse(q.body), q.body, q.signed_by) r;
            DELETE FROM attendance.quarantine k WHERE k.sha256 = q.sha256;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION attendance.retry_quarantine(bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.retry_quarantine(bytea, text) IS
'Tries the bodies in quarantine again, or the one with this hash, or that one corrected by hand; what is recorded or a duplicate leaves it. One that was cut needs its body. Raises no_data_found for a hash that is not there.';
