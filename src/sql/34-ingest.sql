-- The one write path: webhooks in, log and stays out.

CREATE FUNCTION attendance.quarantine(body bytea, reason text, signed_by text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hash bytea := sha256(coalesce(body, ''));
BEGIN
    UPDATE attendance.quarantine q SET times = q.times + 1, last_received_at = now() WHERE q.sha256 = hash;
    IF FOUND THEN
        RETURN;
    END IF;
    -- What is there may be worth mending; a flood is not worth making room for.
    IF (SELECT coalesce(sum(least(q.length, 1048576) + 256), 0) FROM attendance.quarantine q)
       + least(coalesce(length(body), 0), 1048576) + 256
       > (SELECT c.quarantine_limit FROM attendance.configuration c) THEN
        PERFORM attendance.count_refusals(ARRAY['quarantine: full']);
        RETURN;
    END IF;
    INSERT INTO attendance.quarantine AS q (sha256, reason, length, body, signed_by)
    VALUES (hash, quarantine.reason, coalesce(length(quarantine.body), 0),
            attendance.redact(substring(quarantine.body FOR 1048576)), quarantine.signed_by)
    ON CONFLICT ON CONSTRAINT quarantine_pkey DO UPDATE SET times = q.times + 1, last_received_at = now();
END
$$;
REVOKE ALL ON FUNCTION attendance.quarantine(bytea, text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.quarantine(bytea, text, text) IS
'Keeps a body that could not be used, once however often it comes; when quarantine_limit is reached, only counts it in refusal.';

CREATE FUNCTION attendance.record(bodies bytea[], signers text[] DEFAULT NULL, refusals text[] DEFAULT NULL)
    RETURNS TABLE (ordinal bigint, outcome text, http_status integer, reason text, event_id text)
-- A plan made for one event fits a thousand; left to itself, PostgreSQL would plan every statement at every call.
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
    facts attendance.fact[] := ARRAY(  -- what each admitted body says: an event or a problem
        SELECT CASE WHEN refusals[b.n] IS NULL THEN attendance.parse(b.body) END
        FROM unnest(bodies) WITH ORDINALITY b (body, n)
        ORDER BY b.n);
    fresh bigint[];  -- ordinals of the events that were not known
BEGIN
    PERFORM attendance.require_read_committed();
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

    IF EXISTS (SELECT FROM unnest(facts) f WHERE f.problem IS NOT NULL) THEN
        PERFORM attendance.quarantine(b.body, f.problem, signers[b.n])
        FROM unnest(facts) WITH ORDINALITY f
        JOIN unnest(bodies) WITH ORDINALITY b (body, n) ON b.n = f.ordinality
        WHERE f.problem IS NOT NULL
        ORDER BY sha256(coalesce(b.body, ''));
    END IF;

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
REVOKE ALL ON FUNCTION attendance.record(bytea[], text[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.record(bytea[], text[], text[]) IS
'Logs, folds or quarantines bodies, and says what became of each. By place in the arrays: the key that signed (NULL: the caller vouches), and why the token was refused, in which case the body is not looked at.';

CREATE FUNCTION attendance.authenticate(bodies bytea[], auth_tokens text[], OUT signers text[], OUT refusals text[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    SELECT array_agg(c.api_key ORDER BY b.n), array_agg(c.refusal ORDER BY b.n) INTO signers, refusals
    FROM unnest(bodies) WITH ORDINALITY b (body, n), attendance.check_token(auth_tokens[b.n], b.body) c
    WHERE auth_tokens IS NOT NULL;
    PERFORM attendance.count_refusals(refusals);
END
$$;
REVOKE ALL ON FUNCTION attendance.authenticate(bytea[], text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.authenticate(bytea[], text[]) IS
'Checks the token of each body and counts the refused; by place in the array: the key that signed, and why a token was refused. Without auth_tokens nothing is checked.';

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
BEGIN
    RETURN attendance.ingest(attendance.bytes(body));
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
    FROM attendance.authenticate(ARRAY[body], ARRAY[auth_token]) a, attendance.record(ARRAY[body], a.signers, a.refusals) r;
    RETURN receipt;
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_signed(bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_signed(bytea, text) IS
'Takes one webhook with the Authorization header it came with, checked against livekit_key over the raw bytes. One that is not proven gets unauthorized, 401 and a reason, and nothing of it is stored.';

CREATE FUNCTION attendance.ingest_signed(body text, auth_token text) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN attendance.ingest_signed(attendance.bytes(body), auth_token);
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
    RETURN QUERY
    SELECT r.*
    FROM attendance.authenticate(bodies, auth_tokens) a, attendance.record(bodies, a.signers, a.refusals) r;
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
    RETURN QUERY
    SELECT *
    FROM attendance.ingest_batch(
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
DECLARE
    receipt attendance.receipt := CASE WHEN NEW.auth_token IS NULL THEN attendance.ingest(NEW.body)
                                       ELSE attendance.ingest_signed(NEW.body, NEW.auth_token) END;
BEGIN
    NEW.outcome := receipt.outcome;
    NEW.http_status := receipt.http_status;
    NEW.reason := receipt.reason;
    NEW.event_id := receipt.event_id;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_row() FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_row() IS 'The INSTEAD OF trigger of the view webhook.';
CREATE TRIGGER ingest INSTEAD OF INSERT ON attendance.webhook
    FOR EACH ROW EXECUTE FUNCTION attendance.ingest_row();
