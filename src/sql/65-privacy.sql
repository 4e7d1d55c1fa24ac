-- Evidence is kept as long as somebody needs it, and names as long as they may be known.

CREATE FUNCTION attendance.purge(before timestamptz) RETURNS TABLE (room text, events bigint, stays bigint, sessions bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    horizon timestamptz;  -- of one room: no session that can still change looks further back
BEGIN
    FOR room IN
        SELECT r.room
        FROM (SELECT DISTINCT e.room FROM attendance.event e WHERE e.occurred_at < before) r
        ORDER BY attendance.room_lock(r.room), r.room
    LOOP
        PERFORM attendance.share_rooms(ARRAY[room]);
        WITH sealed AS (
            UPDATE attendance.session s SET sealed_at = now()
            WHERE s.room = purge.room AND s.sealed_at IS NULL AND coalesce(s.judged_until, s.ends_at) <= before
              AND (s.cancelled_at IS NOT NULL OR s.finalised_at IS NOT NULL AND s.reopened_at IS NULL)
            RETURNING 1
        )
        SELECT count(*) INTO sessions FROM sealed;
        SELECT least(before, min(s.starts_at - (SELECT max(t.count_early + t.bridge_gap) FROM attendance.terms(s, NULL) t)))
        INTO horizon
        FROM attendance.session s
        WHERE s.room = purge.room AND s.sealed_at IS NULL;

        WITH patience AS (  -- of the policy that believes in a stay for longest
            SELECT max(t.heartbeat_timeout) AS heartbeat_timeout, max(t.stale_after) AS stale_after
            FROM (SELECT p.heartbeat_timeout, p.stale_after FROM attendance.policy p
                  UNION ALL SELECT f.heartbeat_timeout, f.stale_after FROM attendance.frozen_policy f) t
        ), gone AS (
            DELETE FROM attendance.participation p
            USING attendance.stay t, patience
            WHERE p.room = purge.room AND t.room = p.room AND t.participant_sid = p.participant_sid
              AND p.cycle OPERATOR(attendance.=) t.cycle AND p.seen_at = t.seen_at  -- an event may come in between
              AND attendance.left_at(attendance.resolve(t.cycle, t.seen_at, t.heartbeat_at, t.room_finished_at,
                                                        t.replaced_at, t.missing_at, now(),
                                                        patience.heartbeat_timeout, patience.stale_after)) <= horizon
              AND p.seen_at < horizon
            RETURNING 1
        )
        SELECT count(*) INTO stays FROM gone;
        DELETE FROM attendance.room_instance i
        WHERE i.room = purge.room AND coalesce(i.finished_at, i.started_at) < horizon
          AND NOT EXISTS (SELECT FROM attendance.participation p WHERE p.room = i.room AND p.room_sid = i.room_sid);
        -- What a remaining stay or instance is made of remains, or rebuild() would find less.
        WITH gone AS (
            DELETE FROM attendance.event e
            WHERE e.room = purge.room AND e.occurred_at < horizon
              AND NOT EXISTS (SELECT FROM attendance.participation p
                              WHERE p.room = e.room AND p.participant_sid = e.participant_sid)
              AND NOT (e.participant_sid IS NULL
                       AND EXISTS (SELECT FROM attendance.room_instance i WHERE i.room = e.room AND i.room_sid = e.room_sid))
              AND (e.source = 'webhook'
                   OR NOT EXISTS (SELECT FROM attendance.participation p
                                  WHERE p.room = e.room AND attendance.joined_at(p.cycle) <= e.occurred_at))
            RETURNING 1
        )
        SELECT count(*) INTO events FROM gone;
        DELETE FROM attendance.snapshot n
        WHERE n.room = purge.room
          AND NOT EXISTS (SELECT FROM attendance.event e WHERE e.room = n.room AND e.event_id = n.source);
        WITH shortened AS (
            UPDATE attendance.event e
            SET body = json_build_object('participants', ARRAY(
                SELECT l FROM attendance.participants(e.body) l
                WHERE EXISTS (SELECT FROM attendance.participation p WHERE p.room = e.room AND p.participant_sid = l ->> 'sid')))
            WHERE e.room = purge.room AND e.source = 'snapshot' AND e.occurred_at < horizon
            RETURNING e.*
        )
        UPDATE attendance.snapshot n SET listed = cardinality(attendance.listed(e.room, e.body, e.occurred_at))
        FROM shortened e
        WHERE n.room = purge.room AND n.source = e.event_id;
        IF events + stays + sessions > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
    DELETE FROM attendance.change c WHERE c.changed_at < before;
    DELETE FROM attendance.quarantine q WHERE q.last_received_at < before;
    DELETE FROM attendance.refusal r WHERE r.day < before;
END
$$;
REVOKE ALL ON FUNCTION attendance.purge(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.purge(timestamptz) IS
'Removes evidence of before that instant, room by room without keeping ingest waiting, and seals the sessions it belonged to: their results stay for ever as they are, also when LiveKit sends an event again. What a session that is not final may need stays. A row for each room in which there was something to do.';

CREATE FUNCTION attendance.body_of(f attendance.fact) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'event', f.event, 'id', f.event_id, 'createdAt', extract(epoch FROM f.occurred_at)::bigint::text,
        'room', jsonb_build_object(
            'name', nullif(f.room, ''), 'sid', f.room_sid,
            'creationTimeMs', (extract(epoch FROM f.instance_started_at) * 1000)::bigint::text),
        'participant', CASE WHEN f.identity IS NOT NULL THEN jsonb_build_object(
            'sid', f.participant_sid, 'identity', f.identity, 'name', f.name,
            'kind', CASE WHEN NOT f.counted THEN 'AGENT' END,
            'joinedAtMs', CASE WHEN f.version >= 0 THEN (extract(epoch FROM attendance.joined_at(f.cycle)) * 1000)::bigint::text END,
            'version', nullif(f.version, -1),
            'attributes', CASE WHEN f.role IS NOT NULL THEN jsonb_build_object('role', f.role) END) END))::json;
END;
REVOKE ALL ON FUNCTION attendance.body_of(attendance.fact) FROM PUBLIC;
COMMENT ON FUNCTION attendance.body_of(attendance.fact) IS 'The least body that parse() reads as this fact.';

CREATE FUNCTION attendance.forget(attendee text) RETURNS TABLE (relation text, changed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    nobody text := 'forgotten-' || gen_random_uuid();
    known jsonb;  -- identity: the one that takes its place
    names text[];
    quoted text;  -- pattern of a body that quotes one of them, also within a string of JSON, or cut
BEGIN
    SELECT jsonb_object_agg(i.identity, nobody || '-' || i.n) INTO known
    FROM (SELECT d.identity, row_number() OVER (ORDER BY d.identity) AS n
          FROM (SELECT identity FROM attendance.participation
                UNION SELECT a.identity FROM attendance.identity_alias a) d
          CROSS JOIN LATERAL attendance.attendee_of(d.identity) o
          WHERE o.attendee = forget.attendee) i;
    known := coalesce(known, '{}');
    PERFORM attendance.claim_rooms(ARRAY(
        SELECT p.room FROM attendance.participation p WHERE known ? p.identity
        UNION SELECT e.room FROM attendance.enrolment e WHERE e.attendee = forget.attendee
        UNION SELECT r.room FROM attendance.result r WHERE r.attendee = forget.attendee));
    names := ARRAY(SELECT p.name FROM attendance.participation p WHERE known ? p.identity
                   UNION SELECT e.name FROM attendance.enrolment e WHERE e.attendee = forget.attendee
                   UNION SELECT r.name FROM attendance.result r WHERE r.attendee = forget.attendee
                   UNION SELECT v.name FROM attendance.result_revision v WHERE v.attendee = forget.attendee);
    SELECT format('"(?:%s)(?:\\*"|$)', string_agg(regexp_replace(encode(attendance.bytes(t.text), 'escape'), '([^[:alnum:]])', '\\\1', 'g'), '|'))
    INTO quoted
    FROM (SELECT forget.attendee UNION SELECT unnest(names) UNION SELECT k.key FROM jsonb_each_text(known) k) t (text)
    WHERE t.text <> '';

    -- The new aliases first and the old ones last: neither is in a final session when its row comes or goes, so none reopens.
    INSERT INTO attendance.identity_alias (identity, attendee) SELECT k.value, nobody FROM jsonb_each_text(known) k;

    relation := 'participation';
    UPDATE attendance.participation p SET identity = known ->> p.identity, name = NULL WHERE known ? p.identity;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;
    DELETE FROM attendance.identity_alias a WHERE known ? a.identity;

    relation := 'event';
    UPDATE attendance.event e
    SET identity = coalesce(known ->> e.identity, e.identity),
        body = attendance.body_of(jsonb_populate_record(
            attendance.parse(attendance.bytes(e.body::text)),
            jsonb_build_object('event_id', e.event_id)
            || CASE WHEN known ? e.identity THEN jsonb_build_object('identity', known ->> e.identity, 'name', NULL) ELSE '{}' END))
    WHERE e.source = 'webhook' AND (known ? e.identity OR encode(attendance.bytes(e.body::text), 'escape') ~ quoted);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;

    relation := 'event (snapshots)';
    UPDATE attendance.event e SET body = n.body
    FROM (SELECT v.room, v.event_id,
                 json_build_object('participants', json_agg(
                     CASE WHEN known ? (p ->> 'identity') THEN
                         ((attendance.body_of(jsonb_populate_record(
                             attendance.listed_fact(v.room, p, v.occurred_at),
                             jsonb_build_object('identity', known ->> (p ->> 'identity'), 'name', NULL)))::jsonb
                          -> 'participant') || jsonb_build_object('state', p -> 'state'))::json
                     ELSE p END)) AS body,
                 bool_or(known ? (p ->> 'identity')) AS concerned
          FROM attendance.event v
          CROSS JOIN LATERAL attendance.participants(v.body) p
          WHERE v.source = 'snapshot'
          GROUP BY v.room, v.event_id) n
    WHERE n.concerned AND e.room = n.room AND e.event_id = n.event_id;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;

    relation := 'enrolment';
    UPDATE attendance.enrolment e
    SET attendee = nobody, name = NULL, excused = CASE WHEN e.excused IS NOT NULL THEN 'forgotten' END
    WHERE e.attendee = forget.attendee;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;

    relation := 'result';
    UPDATE attendance.result r SET attendee = nobody, name = NULL WHERE r.attendee = forget.attendee;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;

    relation := 'result_revision';
    UPDATE attendance.result_revision r SET attendee = nobody, name = NULL WHERE r.attendee = forget.attendee;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;

    relation := 'change';
    UPDATE attendance.change c SET attendee = nobody WHERE c.attendee = forget.attendee;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;

    relation := 'override';
    UPDATE attendance.override o
    SET attendee = CASE o.attendee WHEN forget.attendee THEN nobody ELSE o.attendee END,
        reason = CASE o.attendee WHEN forget.attendee THEN 'forgotten' ELSE o.reason END,
        set_by = CASE o.set_by WHEN forget.attendee THEN nobody ELSE o.set_by END
    WHERE forget.attendee IN (o.attendee, o.set_by);
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;

    -- A body that could not be read may be about anybody: one that so much as quotes the person goes.
    relation := 'quarantine';
    DELETE FROM attendance.quarantine q WHERE encode(q.body, 'escape') ~ quoted;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION attendance.forget(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.forget(text) IS
'Removes a person''s names, identities and bodies everywhere; a pseudonym takes their place, so that the totals of reports stay right. A row for each table: how many rows changed.';
