-- The one write path: webhooks in, log and stays out.

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

-- Evidence and judgement of one room meet at an advisory lock: writers of evidence share it, a finalisation has it alone
-- from before its snapshot until it commits. So an event is either in the result or finds the session final and reopens
-- it. Rooms share 1024 locks, so that a backfill of any size fits the lock table; in order, so that nobody deadlocks.
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
    PERFORM attendance.require_read_committed();
    PERFORM pg_advisory_xact_lock_shared(1635021924, l.lock)
    FROM (SELECT DISTINCT attendance.room_lock(r) AS lock FROM unnest(rooms) r ORDER BY 1) l;
END
$$;
REVOKE ALL ON FUNCTION attendance.share_rooms(text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.share_rooms(text[]) IS 'Waits for finalisations of these rooms, and keeps new ones waiting until this transaction ends.';

CREATE FUNCTION attendance.absorb(facts attendance.fact[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    instances attendance.room_instance[];
BEGIN
    -- Nearly every event repeats when its room started: only news is written, since a write would lock the room's row.
    WITH news AS (
        SELECT f.room, f.room_sid, min(f.instance_started_at) AS started_at, max(f.instance_finished_at) AS finished_at
        FROM unnest(facts) f
        WHERE num_nonnulls(f.instance_started_at, f.instance_finished_at) > 0
        GROUP BY f.room, f.room_sid
    ), written AS (
        INSERT INTO attendance.room_instance AS i (room, room_sid, started_at, finished_at)
        SELECT n.* FROM news n
        WHERE NOT EXISTS (
            SELECT FROM attendance.room_instance i
            WHERE (i.room, i.room_sid) = (n.room, n.room_sid)
              AND i.started_at IS NOT DISTINCT FROM least(i.started_at, n.started_at)
              AND i.finished_at IS NOT DISTINCT FROM greatest(i.finished_at, n.finished_at))
        ORDER BY n.room, n.room_sid
        ON CONFLICT (room, room_sid) DO UPDATE SET
            started_at = least(i.started_at, excluded.started_at),
            finished_at = greatest(i.finished_at, excluded.finished_at)
        RETURNING i
    )
    SELECT array_agg(w.i) INTO instances FROM written w;

    INSERT INTO attendance.participation AS p
        (room, participant_sid, room_sid, identity, name, role, counted, state_version, state_at, state_event_id, cycle, seen_at)
    SELECT DISTINCT ON (f.room, f.participant_sid)
        f.room, f.participant_sid, max(f.room_sid) OVER stay, f.identity, f.name, f.role, f.counted,
        f.version, f.occurred_at, f.event_id, attendance.fold(f.cycle) OVER stay, max(f.seen_at) OVER stay
    FROM unnest(facts) f
    WHERE f.identity IS NOT NULL
    WINDOW stay AS (PARTITION BY f.room, f.participant_sid)
    ORDER BY f.room, f.participant_sid, f.version DESC, f.occurred_at DESC, f.event_id DESC
    ON CONFLICT (room, participant_sid) DO UPDATE SET
        room_sid = greatest(p.room_sid, excluded.room_sid),
        cycle = attendance.fold(p.cycle, excluded.cycle),
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

    PERFORM attendance.reopen(t.room, min(t.since))
    FROM (
        SELECT f.room, attendance.joined_at(f.cycle) AS since
        FROM unnest(facts) f
        WHERE f.identity IS NOT NULL
    UNION ALL  -- the connection that a new one of the same identity replaces
        SELECT f.room, attendance.joined_at(older.cycle)
        FROM unnest(facts) f
        CROSS JOIN LATERAL (
            SELECT p.cycle
            FROM attendance.participation p
            WHERE p.room = f.room AND p.identity = f.identity
              AND attendance.joined_at(p.cycle) < attendance.joined_at(f.cycle)
            ORDER BY attendance.joined_at(p.cycle) DESC
            LIMIT 1) older
        WHERE attendance.is_open(older.cycle)
    UNION ALL  -- open stays of an instance that finished, or that another one succeeds
        SELECT i.room, attendance.joined_at(p.cycle)
        FROM unnest(instances) i
        JOIN attendance.participation p ON p.room = i.room AND attendance.is_open(p.cycle)
        WHERE p.room_sid = i.room_sid
           OR (attendance.joined_at(p.cycle) < i.started_at
               AND NOT EXISTS (
                   SELECT FROM attendance.room_instance b
                   WHERE b.room = i.room AND b.started_at > attendance.joined_at(p.cycle) AND b.started_at < i.started_at))
    ) t
    GROUP BY t.room
    ORDER BY t.room;
END
$$;
REVOKE ALL ON FUNCTION attendance.absorb(attendance.fact[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.absorb(attendance.fact[]) IS
'Merges facts into room_instance and participation, in any order and any number of times, and reopens the sessions they may change.';

CREATE FUNCTION attendance.reopen(room text, since timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE attendance.session s SET reopened_at = now()
    FROM (SELECT t.session_id
          FROM attendance.session t
          WHERE t.room = reopen.room AND t.judged_until > since AND t.finalised_at IS NOT NULL AND t.reopened_at IS NULL
          ORDER BY t.session_id
          FOR UPDATE) touched
    WHERE s.session_id = touched.session_id AND s.room = reopen.room;
END
$$;
REVOKE ALL ON FUNCTION attendance.reopen(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reopen(text, timestamptz) IS
'Marks the final sessions of a room for which evidence reaching back to `since` may matter; tick() looks at them again.';

CREATE FUNCTION attendance.record(bodies bytea[], auth_tokens text[] DEFAULT NULL)
    RETURNS TABLE (ordinal bigint, outcome text, http_status integer, reason text, event_id text)
-- A plan made for one event fits a thousand; left to itself, PostgreSQL would plan every statement at every call.
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    signers text[];    -- by ordinal, as all of these: the key that signed; NULL where the caller vouches
    refusals text[];   -- why a token was refused
    facts attendance.fact[];  -- what an admitted body says: an event or a problem; else nothing
    fresh bigint[];    -- ordinals of the events that were not known
BEGIN
    IF auth_tokens IS NOT NULL THEN
        SELECT array_agg(c.api_key ORDER BY b.n), array_agg(c.refusal ORDER BY b.n) INTO signers, refusals
        FROM unnest(bodies) WITH ORDINALITY b (body, n), attendance.check_token(auth_tokens[b.n], b.body) c;

        INSERT INTO attendance.refusal AS f (day, reason, slot, times, last_at)
        SELECT current_date, regexp_replace(r, ' at byte \d+$', '') AS reason, pg_backend_pid() % 16, count(*), now()
        FROM unnest(refusals) r
        WHERE r IS NOT NULL
        GROUP BY 2
        ORDER BY 2
        ON CONFLICT (day, reason, slot) DO UPDATE SET times = f.times + excluded.times, last_at = excluded.last_at;
    END IF;
    facts := ARRAY(SELECT CASE WHEN refusals[b.n] IS NULL THEN attendance.parse(b.body) END
                   FROM unnest(bodies) WITH ORDINALITY b (body, n) ORDER BY b.n);

    PERFORM attendance.share_rooms(ARRAY(SELECT DISTINCT f.room FROM unnest(facts) f WHERE f.event IS NOT NULL));

    WITH usable AS (
        SELECT DISTINCT ON (f.room, f.event_id) f.*, signers[f.ordinality] AS signed_by
        FROM unnest(facts) WITH ORDINALITY f
        WHERE f.event IS NOT NULL
        ORDER BY f.room, f.event_id, f.ordinality
    ), logged AS (
        INSERT INTO attendance.event AS e
            (room, event_id, event, occurred_at, room_sid, participant_sid, identity, signed_by, body)
        SELECT u.room, u.event_id, u.event, u.occurred_at, u.room_sid, u.participant_sid, u.identity, u.signed_by, u.body
        FROM usable u
        ORDER BY u.room, u.event_id
        ON CONFLICT (room, event_id) DO NOTHING
        RETURNING e.room, e.event_id
    )
    SELECT array_agg(u.ordinality) INTO fresh FROM usable u JOIN logged USING (room, event_id);

    IF fresh IS NOT NULL THEN
        PERFORM attendance.absorb(ARRAY(SELECT facts[n] FROM unnest(fresh) n));
    END IF;

    INSERT INTO attendance.quarantine AS q (sha256, reason, length, body, signed_by, times)
    SELECT DISTINCT ON (b.hash) b.hash, f.problem, coalesce(length(b.body), 0),
           attendance.redact(substring(b.body FOR 1048576)), signers[b.n], count(*) OVER (PARTITION BY b.hash)
    FROM unnest(facts) WITH ORDINALITY f
    JOIN (SELECT sha256(coalesce(b.body, '')) AS hash, b.* FROM unnest(bodies) WITH ORDINALITY b (body, n)) b
        ON b.n = f.ordinality
    WHERE f.problem IS NOT NULL
    ORDER BY b.hash, b.n
    ON CONFLICT (sha256) DO UPDATE SET times = q.times + excluded.times, last_received_at = excluded.last_received_at;

    RETURN QUERY
    SELECT f.ordinality, o.outcome, CASE o.outcome WHEN 'unauthorized' THEN 401 ELSE 200 END,
           coalesce(refusals[f.ordinality], f.problem), f.event_id::text
    FROM unnest(facts) WITH ORDINALITY f,
         LATERAL (SELECT CASE WHEN refusals[f.ordinality] IS NOT NULL THEN 'unauthorized'
                              WHEN f.problem IS NOT NULL THEN 'quarantined'
                              WHEN f.ordinality = ANY (fresh) THEN 'recorded'
                              ELSE 'duplicate' END AS outcome) o;
END
$$;
REVOKE ALL ON FUNCTION attendance.record(bytea[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.record(bytea[], text[]) IS
'Logs, folds, quarantines or refuses bodies, and says what became of each. Without auth_tokens the caller vouches for them all; with, each body needs a good one.';

CREATE FUNCTION attendance.ingest(body bytea) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    receipt attendance.receipt;
BEGIN
    SELECT r.outcome, r.http_status, r.reason, r.event_id INTO receipt
    FROM attendance.record(ARRAY[body]) r;
    RETURN receipt;
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest(bytea) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest(bytea) IS
'Takes one webhook that the caller vouches for: the raw body, in UTF-8. Never raises for bad input, which is quarantined; raises for faults of the server, so that LiveKit retries.';

CREATE FUNCTION attendance.ingest(body text) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    receipt attendance.receipt;
BEGIN
    SELECT r.outcome, r.http_status, r.reason, r.event_id INTO receipt
    FROM attendance.record(ARRAY[attendance.bytes(body)]) r;
    RETURN receipt;
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest(text) IS
'ingest(bytea) for a body that the driver sends as text.';

CREATE FUNCTION attendance.ingest_signed(body bytea, auth_token text) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    receipt attendance.receipt;
BEGIN
    SELECT r.outcome, r.http_status, r.reason, r.event_id INTO receipt
    FROM attendance.record(ARRAY[body], ARRAY[auth_token]) r;
    RETURN receipt;
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_signed(bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_signed(bytea, text) IS
'Takes one webhook with the Authorization header it came with, checked against livekit_key over the raw bytes. One that is not proven gets unauthorized, 401 and a reason, and nothing of it is stored.';

CREATE FUNCTION attendance.ingest_signed(body text, auth_token text) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    receipt attendance.receipt;
BEGIN
    SELECT r.outcome, r.http_status, r.reason, r.event_id INTO receipt
    FROM attendance.record(ARRAY[attendance.bytes(body)], ARRAY[auth_token]) r;
    RETURN receipt;
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_signed(text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_signed(text, text) IS
'ingest_signed(bytea, text) for a body that the driver sends as text.';

CREATE FUNCTION attendance.ingest_batch(bodies bytea[], auth_tokens text[] DEFAULT NULL)
    RETURNS TABLE (ordinal bigint, outcome text, http_status integer, reason text, event_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM attendance.record(
        bodies, auth_tokens);
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_batch(bytea[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_batch(bytea[], text[]) IS
'Many webhooks in one transaction: a receipt for each, by its place in the array. With auth_tokens as ingest_signed(), without as ingest().';

CREATE FUNCTION attendance.ingest_batch(bodies text[], auth_tokens text[] DEFAULT NULL)
    RETURNS TABLE (ordinal bigint, outcome text, http_status integer, reason text, event_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT * FROM attendance.record(
        ARRAY(SELECT attendance.bytes(b.body) FROM unnest(bodies) WITH ORDINALITY b (body, n) ORDER BY b.n), auth_tokens);
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_batch(text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_batch(text[], text[]) IS
'ingest_batch(bytea[], text[]) for bodies that the driver sends as text.';

CREATE VIEW attendance.webhook AS
    SELECT NULL::text AS body, NULL::text AS auth_token,
           NULL::text AS outcome, NULL::integer AS http_status, NULL::text AS reason, NULL::text AS event_id
    WHERE false;
COMMENT ON VIEW attendance.webhook IS
'INSERT or COPY webhooks here: ingest(), or ingest_signed() where auth_token is given. RETURNING gives the receipt. Reads as empty.';
COMMENT ON COLUMN attendance.webhook.body IS 'raw body of a webhook';
COMMENT ON COLUMN attendance.webhook.auth_token IS 'its Authorization header; NULL: the caller vouches for the body';
COMMENT ON COLUMN attendance.webhook.outcome IS 'RETURNING only: recorded, duplicate, quarantined or unauthorized';
COMMENT ON COLUMN attendance.webhook.http_status IS 'RETURNING only: what to answer LiveKit with';
COMMENT ON COLUMN attendance.webhook.reason IS 'RETURNING only: why it was quarantined or refused';
COMMENT ON COLUMN attendance.webhook.event_id IS 'RETURNING only: id under which it was logged';

CREATE FUNCTION attendance.ingest_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT r.outcome, r.http_status, r.reason, r.event_id INTO NEW.outcome, NEW.http_status, NEW.reason, NEW.event_id
    FROM attendance.record(ARRAY[attendance.bytes(NEW.body)], CASE WHEN NEW.auth_token IS NOT NULL THEN ARRAY[NEW.auth_token] END) r;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_row() FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_row() IS 'The INSTEAD OF trigger of the view webhook.';
CREATE TRIGGER ingest INSTEAD OF INSERT ON attendance.webhook
    FOR EACH ROW EXECUTE FUNCTION attendance.ingest_row();
