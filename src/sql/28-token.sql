-- Whose webhooks are believed: LiveKit's keys, and what is signed with them.

CREATE FUNCTION attendance.token_key(auth_token text) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_token_key';
COMMENT ON FUNCTION attendance.token_key(text) IS 'The API key that a token names (iss), proven or not; NULL when it is no token.';

CREATE FUNCTION attendance.refuse_token(auth_token text, body bytea, secret text, at timestamptz, clock_skew interval) RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_refuse_token';
COMMENT ON FUNCTION attendance.refuse_token(text, bytea, text, timestamptz, interval) IS
'Why a token does not prove that the holder of the secret sent these bytes about this time; NULL: it does. LiveKit''s scheme: a JWT by HS256 with iss, exp and the base64 of the body''s SHA-256.';

CREATE TABLE attendance.livekit_key (
    api_key       text COLLATE "C" PRIMARY KEY,
    secret        text NOT NULL CHECK (secret <> ''),
    former_secret text,
    changed_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE attendance.livekit_key IS
'Keys that webhooks may be signed with. Granted to nobody, and not in dumps: add the keys again after a restore.';
COMMENT ON COLUMN attendance.livekit_key.api_key IS 'iss of the tokens it signs';
COMMENT ON COLUMN attendance.livekit_key.secret IS 'what LiveKit signs with';
COMMENT ON COLUMN attendance.livekit_key.former_secret IS 'the secret before, good for what was received until an hour after the change, and handed over within a day: LiveKit repeats what it signed before';
COMMENT ON COLUMN attendance.livekit_key.changed_at IS 'when the key was added or its secret changed';

CREATE FUNCTION attendance.add_livekit_key(api_key text, secret text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF coalesce(api_key, '') = '' OR coalesce(secret, '') = '' THEN
        RAISE EXCEPTION 'a key needs a name and a secret'
            USING ERRCODE = 'null_value_not_allowed',
                  HINT = 'They stand under keys: in LiveKit''s configuration, the one that webhook.api_key names among them.';
    END IF;
    INSERT INTO attendance.livekit_key AS k (api_key, secret) VALUES (api_key, secret)
    ON CONFLICT ON CONSTRAINT livekit_key_pkey DO UPDATE
    SET secret = excluded.secret, former_secret = k.secret, changed_at = excluded.changed_at
    WHERE k.secret <> excluded.secret;
END
$$;
REVOKE ALL ON FUNCTION attendance.add_livekit_key(text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.add_livekit_key(text, text) IS
'Believes webhooks signed with this key from now on; several may be good at once. A new secret for a known key leaves the old one good for an hour.';

CREATE FUNCTION attendance.drop_livekit_key(api_key text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM attendance.livekit_key k WHERE k.api_key = drop_livekit_key.api_key;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no key "%"', api_key
            USING ERRCODE = 'no_data_found', HINT = 'SELECT api_key FROM attendance.livekit_key lists them, for its owner.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.drop_livekit_key(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.drop_livekit_key(text) IS 'Believes a key no longer, neither its secret nor the one before. Raises no_data_found.';

CREATE FUNCTION attendance.check_token(auth_token text, body bytea, received_at timestamptz,
    OUT api_key text, OUT refusal text, OUT lag interval)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    k attendance.livekit_key;
    secret text;
    said_at timestamptz;
    skew interval := (SELECT c.clock_skew FROM attendance.configuration c);
    at timestamptz := coalesce(received_at, clock_timestamp());
BEGIN
    IF received_at > clock_timestamp() + skew THEN
        refusal := 'received_at: in the future';
        RETURN;
    END IF;
    SELECT * INTO k FROM attendance.livekit_key k WHERE k.api_key = attendance.token_key(auth_token);
    api_key := k.api_key;
    secret := k.secret;
    refusal := attendance.refuse_token(auth_token, body, secret, at, skew);
    IF refusal = 'token: wrong signature' AND k.former_secret IS NOT NULL
       AND at < k.changed_at + interval '1 hour' AND clock_timestamp() < k.changed_at + interval '1 day' THEN
        secret := k.former_secret;
        refusal := attendance.refuse_token(auth_token, body, secret, at, skew);
    END IF;
    IF refusal IN ('token: expired', 'token: not yet valid') THEN
        said_at := (attendance.parse(body)).occurred_at;
        IF attendance.refuse_token(auth_token, body, secret, coalesce(said_at, at), skew) IS NULL THEN
            lag := at - said_at;  -- was good when its body was made
        END IF;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.check_token(text, bytea, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.check_token(text, bytea, timestamptz) IS
'Holds a token against the keys and the instant at which it was received (NULL: now): the key that signed, and why the token is refused (NULL: it is not). lag: of one that is refused for the time alone, how far that instant is past the createdAt of its body.';

CREATE TABLE attendance.refusal (
    day     date NOT NULL,
    reason  text COLLATE "C" NOT NULL,
    slot    integer NOT NULL,
    times   bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    lag     interval,
    PRIMARY KEY (day, reason, slot)
);
COMMENT ON TABLE attendance.refusal IS
'How many bodies were not kept, and why: a few rows a day, whatever comes. Sum over slot.';
COMMENT ON COLUMN attendance.refusal.day IS 'day, in the time zone of the session that received them';
COMMENT ON COLUMN attendance.refusal.reason IS 'why, without the place in the text';
COMMENT ON COLUMN attendance.refusal.slot IS 'one of 16, so that callers do not wait for each other';
COMMENT ON COLUMN attendance.refusal.times IS 'how often';
COMMENT ON COLUMN attendance.refusal.first_at IS 'when first';
COMMENT ON COLUMN attendance.refusal.last_at IS 'when last';
COMMENT ON COLUMN attendance.refusal.lag IS
'of tokens refused for the time alone: how far this clock was past createdAt, at the least; negative: behind it';
SELECT pg_catalog.pg_extension_config_dump('attendance.refusal', '');

CREATE FUNCTION attendance.count_refusals(reasons text[], lags interval[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO attendance.refusal AS f (day, reason, slot, times, first_at, last_at, lag)
    SELECT current_date, regexp_replace(r.reason, ' at byte \d+$', '') AS reason, pg_backend_pid() % 16, count(*), now(), now(), min(r.lag)
    FROM unnest(reasons, lags) r (reason, lag)
    WHERE r.reason IS NOT NULL
    GROUP BY 2
    ORDER BY 2
    ON CONFLICT (day, reason, slot) DO UPDATE
    SET times = f.times + excluded.times, last_at = excluded.last_at, lag = least(f.lag, excluded.lag);
END
$$;
REVOKE ALL ON FUNCTION attendance.count_refusals(text[], interval[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.count_refusals(text[], interval[]) IS
'Counts reasons for which a body was not kept; NULLs are none. lags: beside each, as check_token() measured it.';
