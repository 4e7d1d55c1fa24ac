-- The same work by a careful PL/pgSQL function on jsonb: one event a call, tables, keys and indexes as in src/sql.
CREATE SCHEMA careful;
SET search_path = careful, pg_catalog, pg_temp;

CREATE TABLE event (
    room            text COLLATE "C" NOT NULL,
    event_id        text COLLATE "C" NOT NULL,
    event           text COLLATE "C" NOT NULL,
    occurred_at     timestamptz NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT now(),
    room_sid        text COLLATE "C",
    participant_sid text COLLATE "C",
    identity        text COLLATE "C",
    body            jsonb NOT NULL,
    PRIMARY KEY (room, event_id)
);
CREATE INDEX ON event (received_at);

CREATE TABLE room_instance (
    room        text COLLATE "C" NOT NULL,
    room_sid    text COLLATE "C" NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (room, room_sid)
);
CREATE INDEX ON room_instance (room, started_at);

CREATE TYPE room_range AS RANGE (subtype = text, collation = "C");
CREATE FUNCTION room_key(room text) RETURNS room_range LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT room_range(room, room, '[]');
END;

CREATE TABLE participation (
    room            text COLLATE "C" NOT NULL,
    participant_sid text COLLATE "C" NOT NULL,
    room_sid        text COLLATE "C",
    identity        text COLLATE "C" NOT NULL,
    name            text,
    role            text,
    counted         boolean NOT NULL,
    joined_at       timestamptz NOT NULL,
    left_at         timestamptz NOT NULL,
    ended_by        smallint NOT NULL CHECK (ended_by BETWEEN 0 AND 2),  -- open, left, aborted
    seen_at         timestamptz NOT NULL CHECK (seen_at >= joined_at),
    heartbeat_at    timestamptz,
    state_version   integer NOT NULL,
    state_at        timestamptz NOT NULL,
    state_event_id  text COLLATE "C" NOT NULL,
    PRIMARY KEY (room, participant_sid)
) WITH (fillfactor = 80);
CREATE INDEX ON participation USING gist (room_key(room), tstzrange(joined_at, left_at));
CREATE INDEX ON participation (room, identity, joined_at, participant_sid);
CREATE INDEX ON participation (room, identity) WHERE ended_by = 0;

CREATE TABLE session (
    room         text COLLATE "C" NOT NULL,
    session_id   text COLLATE "C" NOT NULL UNIQUE,
    starts_at    timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    finalised_at timestamptz,
    judged_until timestamptz,
    reopened_at  timestamptz,
    sealed_at    timestamptz,
    PRIMARY KEY (room, session_id)
);
CREATE INDEX ON session (room, judged_until) WHERE finalised_at IS NOT NULL AND reopened_at IS NULL AND sealed_at IS NULL;

CREATE TABLE quarantine (
    sha256      bytea NOT NULL PRIMARY KEY,
    reason      text NOT NULL,
    body        jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    times       integer NOT NULL DEFAULT 1
);

-- A Unix time sent as a string or a number; NULL for what is none.
CREATE FUNCTION unix_time(value text, per_second numeric) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN value ~ '^[0-9]{1,15}$' AND value <> '0'
                THEN to_timestamp((value::numeric / per_second)::double precision) END;
END;

CREATE FUNCTION reject(body jsonb, reason text) RETURNS text
LANGUAGE plpgsql SET search_path = careful, pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO quarantine AS q (sha256, reason, body) VALUES (sha256(convert_to(body::text, 'UTF8')), reason, body)
    ON CONFLICT (sha256) DO UPDATE SET times = q.times + 1;
    RETURN 'quarantined';
END
$$;

CREATE FUNCTION ingest(body jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = careful, pg_catalog, pg_temp
AS $$
DECLARE
    event text := body ->> 'event';
    event_id text := body ->> 'id';
    room jsonb := body -> 'room';
    room_name text := coalesce(room ->> 'name', '');
    instance text := room ->> 'sid';
    participant jsonb := body -> 'participant';
    sid text := participant ->> 'sid';
    who text := participant ->> 'identity';
    occurred_at timestamptz := unix_time(body ->> 'createdAt', 1);
    about_stay boolean := event IN ('participant_joined', 'participant_left', 'participant_connection_aborted');
    started timestamptz;
    finished timestamptz;
    joined timestamptz;
    rank smallint;
    since timestamptz;  -- how far back this event may matter
    silent_since timestamptz;
    older timestamptz;
    is_news boolean := false;
BEGIN
    IF jsonb_typeof(body) <> 'object' OR coalesce(event, '') = '' THEN
        RETURN reject(body, 'event: missing');
    ELSIF occurred_at IS NULL THEN
        RETURN reject(body, 'createdAt: missing');
    ELSIF coalesce(event_id, '') = '' THEN
        RETURN reject(body, 'id: missing');
    ELSIF about_stay AND (room_name = '' OR coalesce(sid, '') = '' OR coalesce(who, '') = '') THEN
        RETURN reject(body, 'participant: incomplete');
    END IF;

    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'wrong isolation level';
    END IF;
    PERFORM pg_advisory_xact_lock_shared(1, hashtext(room_name) & 1023);

    INSERT INTO event AS e (room, event_id, event, occurred_at, room_sid, participant_sid, identity, body)
    VALUES (room_name, event_id, event, occurred_at, instance, sid, who,
            CASE WHEN room ? 'turnPassword' THEN jsonb_set(body, '{room,turnPassword}', '"[redacted]"') ELSE body END)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN 'duplicate';
    END IF;

    IF room_name <> '' AND instance <> '' THEN
        started := coalesce(unix_time(room ->> 'creationTimeMs', 1000), unix_time(room ->> 'creationTime', 1),
                            CASE event WHEN 'room_started' THEN occurred_at END);
        finished := CASE event WHEN 'room_finished' THEN occurred_at END;
        IF num_nonnulls(started, finished) > 0 AND NOT EXISTS (
               SELECT FROM room_instance i
               WHERE i.room = room_name AND i.room_sid = instance
                 AND i.started_at IS NOT DISTINCT FROM least(i.started_at, started)
                 AND i.finished_at IS NOT DISTINCT FROM greatest(i.finished_at, finished)) THEN
            INSERT INTO room_instance AS i VALUES (room_name, instance, started, finished)
            ON CONFLICT ON CONSTRAINT room_instance_pkey DO UPDATE SET
                started_at = least(i.started_at, excluded.started_at),
                finished_at = greatest(i.finished_at, excluded.finished_at);
            is_news := true;
        END IF;
    END IF;

    IF room_name <> '' AND sid <> '' AND who <> '' THEN
        joined := coalesce(unix_time(participant ->> 'joinedAtMs', 1000), unix_time(participant ->> 'joinedAt', 1));
        about_stay := about_stay OR joined IS NOT NULL;
        joined := coalesce(joined, occurred_at);
        rank := CASE event WHEN 'participant_left' THEN 1 WHEN 'participant_connection_aborted' THEN 2 ELSE 0 END;
        since := joined;
        IF NOT about_stay THEN  -- it shows an open stay alive that may have been thought gone
            SELECT greatest(p.seen_at, p.heartbeat_at) INTO silent_since
            FROM participation p
            WHERE p.room = room_name AND p.participant_sid = sid AND p.ended_by = 0;
        END IF;
        INSERT INTO participation AS p
            (room, participant_sid, room_sid, identity, name, role, counted, joined_at, left_at, ended_by, seen_at,
             state_version, state_at, state_event_id)
        VALUES (room_name, sid, instance, who,
                CASE WHEN about_stay THEN participant ->> 'name' END,
                CASE WHEN about_stay THEN
                    coalesce(participant -> 'attributes' ->> 'role',
                             substring(participant ->> 'metadata' FROM '"role"\s*:\s*"([^"]*)"')) END,
                coalesce(participant ->> 'kind', CASE WHEN who LIKE 'EG\_%' THEN 'EGRESS' ELSE 'STANDARD' END)
                        IN ('STANDARD', 'SIP', 'CONNECTOR')
                    AND NOT coalesce(participant -> 'permission' ->> 'hidden' = 'true', false)
                    AND NOT coalesce(participant -> 'permission' ->> 'recorder' = 'true', false)
                    AND NOT coalesce(participant -> 'permission' ->> 'agent' = 'true', false)
                    AND NOT coalesce(participant -> 'kindDetails' ?| '{FORWARDED,SIMULATION}', false),
                joined, CASE WHEN rank = 0 THEN 'infinity' ELSE greatest(occurred_at, joined) END, rank,
                greatest(occurred_at, joined),
                CASE WHEN NOT about_stay THEN -1
                     WHEN participant ->> 'version' ~ '^[0-9]{1,9}$' THEN (participant ->> 'version')::integer
                     ELSE 0 END,
                occurred_at, event_id)
        ON CONFLICT ON CONSTRAINT participation_pkey DO UPDATE SET
            room_sid = greatest(p.room_sid, excluded.room_sid),
            -- Within one second the join in milliseconds is the finer one.
            joined_at = CASE WHEN date_trunc('second', p.joined_at) = date_trunc('second', excluded.joined_at)
                             THEN greatest(p.joined_at, excluded.joined_at)
                             ELSE least(p.joined_at, excluded.joined_at) END,
            (ended_by, left_at) = (
                SELECT e.ended_by, greatest(e.left_at, p.joined_at, excluded.joined_at)
                FROM (VALUES (p.ended_by, p.left_at), (excluded.ended_by, excluded.left_at)) e (ended_by, left_at)
                ORDER BY e.ended_by DESC, e.left_at DESC LIMIT 1),
            seen_at = greatest(p.seen_at, excluded.seen_at),
            (identity, name, role, counted, state_version, state_at, state_event_id) = (
                SELECT s.*
                FROM (VALUES
                    (p.identity, p.name, p.role, p.counted, p.state_version, p.state_at, p.state_event_id),
                    (excluded.identity, excluded.name, excluded.role, excluded.counted,
                     excluded.state_version, excluded.state_at, excluded.state_event_id)
                ) s (identity, name, role, counted, version, at, event_id)
                ORDER BY s.version DESC, s.at DESC, s.event_id DESC
                LIMIT 1);

        SELECT CASE WHEN o.ended_by = 0 THEN o.joined_at END INTO older
        FROM participation o
        WHERE o.room = room_name AND o.identity = who AND o.joined_at < since
        ORDER BY o.joined_at DESC LIMIT 1;
        since := least(since, silent_since, older);
    END IF;

    IF is_news THEN
        SELECT least(since, min(p.joined_at)) INTO since
        FROM participation p
        WHERE p.room = room_name AND p.ended_by = 0
          AND (p.room_sid = instance
               OR p.joined_at < started AND NOT EXISTS (
                   SELECT FROM room_instance b
                   WHERE b.room = room_name AND b.started_at > p.joined_at AND b.started_at < started));
    END IF;

    IF since IS NOT NULL THEN
        UPDATE session s SET reopened_at = now()
        WHERE s.room = room_name AND s.judged_until > since AND s.finalised_at IS NOT NULL AND s.reopened_at IS NULL
          AND s.sealed_at IS NULL;
    END IF;
    RETURN 'recorded';
END
$$;

RESET search_path;
