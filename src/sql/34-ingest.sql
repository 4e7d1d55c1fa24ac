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

CREATE FUNCTION attendance.log(f attendance.fact, body bytea, signed_by text) RETURNS attendance.receipt
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN  -- asked here, since the call costs more
        PERFORM attendance.require_read_committed();
    END IF;
    IF f.problem IS NOT NULL THEN
        PERFORM attendance.quarantine(body, f.problem, signed_by);
        RETURN ROW('quarantined', 200, f.problem, NULL)::attendance.receipt;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(1635021924, attendance.room_lock(f.room));
    INSERT INTO attendance.event (room, event_id, event, occurred_at, room_sid, participant_sid, identity, signed_by, body)
    VALUES (f.room, f.event_id, f.event, f.occurred_at, f.room_sid, f.participant_sid, f.identity, log.signed_by, f.body)
    ON CONFLICT ON CONSTRAINT event_pkey DO NOTHING;
    IF NOT FOUND THEN
        RETURN ROW('duplicate', 200, NULL, f.event_id)::attendance.receipt;
    END IF;
    PERFORM attendance.announce(f.room, NULL, NULL, f.event_id);
    RETURN ROW('recorded', 200, NULL, f.event_id)::attendance.receipt;
END
$$;
REVOKE ALL ON FUNCTION attendance.log(attendance.fact, bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.log(attendance.fact, bytea, text) IS
'Logs what a body says, or quarantines the body; signed_by: the key that signed it, NULL: the caller vouches. What is recorded is for the caller to absorb().';

CREATE FUNCTION attendance.record(f attendance.fact, body bytea, signed_by text) RETURNS attendance.receipt
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    receipt attendance.receipt := attendance.log(f, body, signed_by);
    since timestamptz;
BEGIN
    IF receipt.outcome = 'recorded' THEN
        since := attendance.absorb(f);
        IF since IS NOT NULL THEN
            PERFORM attendance.reopen(f.room, since);
        END IF;
    END IF;
    RETURN receipt;
END
$$;
REVOKE ALL ON FUNCTION attendance.record(attendance.fact, bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.record(attendance.fact, bytea, text) IS 'log() and absorb() of one body, and reopen() of what it touches.';

CREATE FUNCTION attendance.ingest(body bytea) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN attendance.record(attendance.parse(body), body, NULL);
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

CREATE FUNCTION attendance.ingest_signed(body bytea, auth_token text, received_at timestamptz) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    token record := attendance.check_token(auth_token, body, received_at);
BEGIN
    IF token.refusal IS NOT NULL THEN
        PERFORM attendance.count_refusals(ARRAY[token.refusal], ARRAY[token.lag]);
        RETURN ROW('unauthorized', 401, token.refusal, NULL)::attendance.receipt;
    END IF;
    RETURN attendance.record(attendance.parse(body), body, token.api_key);
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_signed(bytea, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_signed(bytea, text, timestamptz) IS
'ingest_signed(bytea, text) for a webhook that the backend kept for a while, and received at this instant (NULL: now): its token has not expired since. Safe, because the signature still covers every byte, and expiry only keeps old requests from being sent again, which here makes a duplicate. Further in the future than clock_skew is refused, so nobody prolongs a token.';

CREATE FUNCTION attendance.ingest_signed(body bytea, auth_token text) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN attendance.ingest_signed(body, auth_token, NULL);
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_signed(bytea, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_signed(bytea, text) IS
'Takes one webhook with the Authorization header it came with, checked against livekit_key over the raw bytes. One that is not proven gets unauthorized, 401 and a reason, and nothing of it is stored.';

CREATE FUNCTION attendance.ingest_signed(body text, auth_token text, received_at timestamptz) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN attendance.ingest_signed(attendance.bytes(body), auth_token, received_at);
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_signed(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_signed(text, text, timestamptz) IS
'ingest_signed(bytea, text, timestamptz) for a body that the driver sends as text.';

CREATE FUNCTION attendance.ingest_signed(body text, auth_token text) RETURNS attendance.receipt
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN attendance.ingest_signed(attendance.bytes(body), auth_token, NULL);
END
$$;
REVOKE ALL ON FUNCTION attendance.ingest_signed(text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.ingest_signed(text, text) IS
'ingest_signed(bytea, text) for a body that the driver sends as text.';

CREATE FUNCTION attendance.ingest_batch(bodies bytea[], auth_tokens text[] DEFAULT NULL)
    RETURNS TABLE (ordinal bigint, outcome text, http_status integer, reason text, event_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    facts attendance.fact[] := ARRAY(
        SELECT attendance.parse(b.body) FROM unnest(bodies) WITH ORDINALITY b (body, n) ORDER BY b.n);
    receipts attendance.receipt[];
    since timestamptz[];
    refusals text[];
    lags interval[];
    signer text;
    refusal text;
    lag interval;
    next integer;
BEGIN
    PERFORM attendance.share_rooms(ARRAY(SELECT DISTINCT f.room FROM unnest(facts) f WHERE f.room IS NOT NULL));
    -- First all events, then all stays, then all sessions, each in the order of their keys, as single calls take them one
    -- by one: so nobody deadlocks. Of one event sent twice the first counts.
    FOR next IN
        SELECT f.n
        FROM unnest(facts) WITH ORDINALITY f (problem, event_id, event, occurred_at, room, room_sid, started, finished,
                                              participant_sid, identity, name, role, counted, version, cycle, seen_at, body, n)
        ORDER BY f.room, f.event_id, sha256(coalesce(bodies[f.n], '')), f.n
    LOOP
        IF auth_tokens IS NOT NULL THEN
            SELECT c.api_key, c.refusal, c.lag INTO signer, refusal, lag
            FROM attendance.check_token(auth_tokens[next], bodies[next], NULL) c;
        END IF;
        IF refusal IS NULL THEN
            receipts[next] := attendance.log(facts[next], bodies[next], signer);
        ELSE
            receipts[next] := ROW('unauthorized', 401, refusal, NULL)::attendance.receipt;
            refusals := refusals || refusal;
            lags := lags || lag;
        END IF;
    END LOOP;
    FOR next IN
        SELECT f.n
        FROM unnest(facts) WITH ORDINALITY f (problem, event_id, event, occurred_at, room, room_sid, started, finished,
                                              participant_sid, identity, name, role, counted, version, cycle, seen_at, body, n)
        WHERE (receipts[f.n]).outcome = 'recorded'
        ORDER BY f.room, f.room_sid, f.participant_sid, f.n
    LOOP
        since[next] := attendance.absorb(facts[next]);
    END LOOP;
    PERFORM attendance.reopen(f.room, min(since[f.n]))
    FROM unnest(facts) WITH ORDINALITY f (problem, event_id, event, occurred_at, room, room_sid, started, finished,
                                          participant_sid, identity, name, role, counted, version, cycle, seen_at, body, n)
    WHERE since[f.n] IS NOT NULL
    GROUP BY f.room
    ORDER BY f.room;
    PERFORM attendance.count_refusals(refusals, lags);
    RETURN QUERY SELECT r.n, r.outcome, r.http_status, r.reason, r.event_id
                 FROM unnest(receipts) WITH ORDINALITY r (outcome, http_status, reason, event_id, n);
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
