-- Webhooks are believed by LiveKit's signature over their very bytes, and by nothing less.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine, attendance.refusal;

-- Another implementation of the signature, in SQL alone. HMAC first, against RFC 4231's cases 2 and 6.
CREATE FUNCTION pg_temp.hmac(secret bytea, message bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(string_agg(set_byte('\x00', 0, get_byte(k, n) # 92), '' ORDER BY n)
                  || sha256(string_agg(set_byte('\x00', 0, get_byte(k, n) # 54), '' ORDER BY n) || message))
    FROM (SELECT CASE WHEN length(secret) > 64 THEN sha256(secret) ELSE secret END) short (secret),
         LATERAL (SELECT short.secret || decode(repeat('00', 64 - length(short.secret)), 'hex')) padded (k),
         generate_series(0, 63) n
$$;
SELECT pg_temp.hmac('Jefe', 'what do ya want for nothing?')
           = '\x5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843' AS case_2,
       pg_temp.hmac(decode(repeat('aa', 131), 'hex'), 'Test Using Larger Than Block-Size Key - Hash Key First')
           = '\x60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54' AS case_6;

CREATE FUNCTION pg_temp.base64url(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT rtrim(translate(encode(bytes, 'base64'), E'+/\n', '-_'), '=')
$$;
CREATE FUNCTION pg_temp.jwt(header text, claims text, secret text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT m.signed_part || '.' || pg_temp.base64url(pg_temp.hmac(secret::bytea, m.signed_part::bytea))
    FROM (SELECT pg_temp.base64url(header::bytea) || '.' || pg_temp.base64url(claims::bytea)) m (signed_part)
$$;
-- The token that LiveKit would send now with this body, good for five minutes; what is NULL is left out.
CREATE FUNCTION pg_temp.token(body text, secret text DEFAULT 's3cret-of-signed-1', api_key text DEFAULT 'signed-1',
                              valid_in integer DEFAULT 0, expires_in integer DEFAULT 300,
                              header text DEFAULT '{"alg":"HS256","typ":"JWT"}', hashed boolean DEFAULT true)
RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_temp.jwt(header, json_strip_nulls(json_build_object(
               'iss', api_key, 'exp', now.epoch + expires_in, 'nbf', now.epoch + valid_in,
               'sha256', CASE WHEN hashed THEN encode(sha256(convert_to(body, 'UTF8')), 'base64') END))::text, secret)
    FROM (SELECT floor(extract(epoch FROM clock_timestamp()))::bigint) now (epoch)
$$;
CREATE FUNCTION pg_temp.body(id text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT format('{"event":"track_published","id":"EV_%s","createdAt":"1767610800","room":{"sid":"RM_s","name":"signed"},'
                  '"participant":{"sid":"PA_%s","identity":"7_نور"}}', id, id)
$$;
-- What of it got into the tables.
CREATE VIEW pg_temp.kept AS
    SELECT (SELECT count(*) FROM attendance.event) AS events, (SELECT count(*) FROM attendance.participation) AS stays,
           (SELECT count(*) FROM attendance.quarantine) AS quarantined;

-- Every token that a real server sent proves its body when it came, without any skew. The signature above finds the same.
-- Six minutes later it is too late, a minute before too early; a space more is another body; nor is another secret good.
\set webhooks `cat "$PG_ABS_SRCDIR"/test/recordings/*/webhooks.jsonl`
CREATE TEMP TABLE request AS
    SELECT (line::json ->> 'received_at')::timestamptz AS received_at, line::json ->> 'authorization' AS auth_token,
           convert_to(line::json ->> 'body', 'UTF8') AS body, 'recording-secret-0123456789abcdef-0123456789' AS secret
    FROM regexp_split_to_table(rtrim(:'webhooks', E'\n'), '\n') line;
SELECT count(*) AS tokens, count(DISTINCT auth_token) AS differing,
       count(*) FILTER (WHERE attendance.token_key(auth_token) = 'devkey') AS by_devkey,
       count(*) FILTER (WHERE attendance.refuse_token(auth_token, body, secret, received_at, '0') IS NULL) AS good,
       count(*) FILTER (WHERE pg_temp.base64url(pg_temp.hmac(secret::bytea, substring(auth_token FROM '(.*)\.')::bytea))
                              = substring(auth_token FROM '[^.]*$')) AS found_the_same
FROM request;
SELECT refusal, count(*)
FROM request r,
     LATERAL (VALUES (attendance.refuse_token(auth_token, body, secret, received_at + '6 min', '0')),
                     (attendance.refuse_token(auth_token, body, secret, received_at - interval '1 min', '0')),
                     (attendance.refuse_token(auth_token, body || ' ', secret, received_at, '0')),
                     (attendance.refuse_token(auth_token, body, secret || ' ', received_at, '0')),
                     (attendance.refuse_token(auth_token, body, NULL, received_at, '0')),
                     (attendance.refuse_token(auth_token, NULL, secret, received_at, '0')),
                     (attendance.refuse_token(NULL, body, secret, received_at, '0'))) v (refusal)
GROUP BY refusal
ORDER BY refusal;

-- Without a key nobody is believed. With it: recorded, with who signed; the retry is a duplicate; both as text and as bytes.
SELECT r.* FROM attendance.ingest_signed(pg_temp.body('1'), pg_temp.token(pg_temp.body('1'))) r;
SELECT attendance.add_livekit_key('signed-1', 's3cret-of-signed-1');
SELECT pg_temp.body('1') AS body, pg_temp.token(pg_temp.body('1')) AS token \gset
SELECT r.* FROM attendance.ingest_signed(:'body', :'token') r;
SELECT r.* FROM attendance.ingest_signed(:'body', :'token') r;
SELECT r.* FROM attendance.ingest_signed(convert_to(:'body', 'UTF8'), :'token') r;
SELECT r.* FROM attendance.ingest_signed(body => convert_to(pg_temp.body('2'), 'UTF8'), auth_token => pg_temp.token(pg_temp.body('2'))) r;
SELECT room, event_id, signed_by, identity FROM attendance.event ORDER BY event_id;
SELECT * FROM pg_temp.kept;

-- All that makes a token good, and all that makes it bad: the answer, and the reason for the backend's log.
CREATE TEMP TABLE attempt AS
    SELECT n, case_, body, auth_token
    FROM unnest(ARRAY[
             'good', 'Bearer', 'bearer', 'expired within the skew', 'valid within the skew', 'no nbf', 'long secret',
             'NULL', 'empty', 'blank', 'garbage', 'two parts', 'four parts', 'no signature', 'cut short', 'a space behind',
             'alg none', 'alg none, no signature', 'alg HS512', 'alg missing', 'alg in lower case',
             'unknown key', 'no key', 'another key''s secret', 'wrong secret', 'signature of another body''s token',
             'expired', 'not yet valid', 'no exp', 'no sha256', 'another body''s token', 'too long'])
         WITH ORDINALITY v (case_, n),
         LATERAL (SELECT pg_temp.body('a' || n) AS body) b,
         LATERAL (SELECT pg_temp.token(body) AS good) g,
         LATERAL (SELECT CASE case_
              WHEN 'good' THEN good
              WHEN 'Bearer' THEN 'Bearer ' || good
              WHEN 'bearer' THEN 'bearer ' || good
              WHEN 'expired within the skew' THEN pg_temp.token(body, valid_in => -310, expires_in => -10)
              WHEN 'valid within the skew' THEN pg_temp.token(body, valid_in => 30)
              WHEN 'no nbf' THEN pg_temp.token(body, valid_in => NULL)
              WHEN 'long secret' THEN pg_temp.token(body, repeat('s3cret', 20), 'signed-2')
              WHEN 'empty' THEN ''
              WHEN 'blank' THEN ' '
              WHEN 'garbage' THEN 'hello.there.world'
              WHEN 'two parts' THEN substring(good FROM '(.*)\.')
              WHEN 'four parts' THEN good || '.' || substring(good FROM '[^.]*$')
              WHEN 'no signature' THEN substring(good FROM '.*\.')
              WHEN 'cut short' THEN left(good, -1)
              WHEN 'a space behind' THEN good || ' '
              WHEN 'alg none' THEN pg_temp.token(body, header => '{"alg":"none","typ":"JWT"}')
              WHEN 'alg none, no signature' THEN substring(pg_temp.token(body, header => '{"alg":"none"}') FROM '.*\.')
              WHEN 'alg HS512' THEN pg_temp.token(body, header => '{"alg":"HS512","typ":"JWT"}')
              WHEN 'alg missing' THEN pg_temp.token(body, header => '{"typ":"JWT"}')
              WHEN 'alg in lower case' THEN pg_temp.token(body, header => '{"alg":"hs256"}')
              WHEN 'unknown key' THEN pg_temp.token(body, api_key => 'signed-0')
              WHEN 'no key' THEN pg_temp.token(body, api_key => NULL)
              WHEN 'another key''s secret' THEN pg_temp.token(body, repeat('s3cret', 20))
              WHEN 'wrong secret' THEN pg_temp.token(body, 's3cret-of-signed-1 ')
              WHEN 'signature of another body''s token' THEN substring(good FROM '.*\.') || substring(:'token' FROM '[^.]*$')
              WHEN 'expired' THEN pg_temp.token(body, valid_in => -420, expires_in => -120)
              WHEN 'not yet valid' THEN pg_temp.token(body, valid_in => 120)
              WHEN 'no exp' THEN pg_temp.token(body, expires_in => NULL)
              WHEN 'no sha256' THEN pg_temp.token(body, hashed => false)
              WHEN 'another body''s token' THEN pg_temp.token(body || ' ')
              WHEN 'too long' THEN good || repeat('A', 8192)
              END AS auth_token) t;
SELECT attendance.add_livekit_key('signed-2', repeat('s3cret', 20));
SELECT case_, r.outcome, r.http_status, r.reason, r.event_id
FROM (SELECT * FROM attempt ORDER BY n) a, attendance.ingest_signed(a.body, a.auth_token) r;
SELECT r.* FROM attendance.ingest_signed(NULL::text, :'token') r;
SELECT signed_by, string_agg(event_id, ' ' ORDER BY lpad(event_id, 9)) AS events
FROM attendance.event GROUP BY signed_by ORDER BY signed_by;

-- A refused body leaves nothing but a count. What was signed and cannot be used is kept, with who signed.
SELECT * FROM pg_temp.kept;
SELECT reason, sum(times) AS times, bool_and(last_at = day + last_at::time AND slot BETWEEN 0 AND 15) AS sound
FROM attendance.refusal GROUP BY reason ORDER BY reason;
SELECT attname AS column FROM pg_attribute WHERE attrelid = 'attendance.refusal'::regclass AND attnum > 0 ORDER BY attnum;
SELECT r.* FROM attendance.ingest_signed('no JSON', pg_temp.token('no JSON')) r;
SELECT reason, body, signed_by FROM attendance.quarantine;

-- In a batch each has its receipt: the good are recorded beside the bad. A token that is not given is missing.
CREATE TEMP TABLE batch AS
    SELECT array_agg(body ORDER BY n) AS bodies, array_agg(auth_token ORDER BY n) AS auth_tokens
    FROM (VALUES (1, pg_temp.body('b1'), pg_temp.token(pg_temp.body('b1'))),
                 (2, pg_temp.body('b2'), pg_temp.token(pg_temp.body('b1'))),
                 (3, 'no JSON either', pg_temp.token('no JSON either')),
                 (4, 'nor signed', 'hello'),
                 (5, pg_temp.body('b1'), pg_temp.token(pg_temp.body('b1'))),
                 (6, pg_temp.body('b3'), NULL),
                 (7, pg_temp.body('b4'), pg_temp.token(pg_temp.body('b4'), repeat('s3cret', 20), 'signed-2'))) v (n, body, auth_token);
SELECT r.* FROM batch, attendance.ingest_batch(bodies, auth_tokens) r;
SELECT r.* FROM attendance.ingest_batch(ARRAY[pg_temp.body('b5'), pg_temp.body('b6')], ARRAY[pg_temp.token(pg_temp.body('b5'))]) r;
SELECT r.* FROM attendance.ingest_batch(ARRAY[convert_to(pg_temp.body('b7'), 'UTF8'), NULL], '{}') r;
SELECT count(*) FROM attendance.ingest_batch('{}'::text[], ARRAY[:'token']);
SELECT event_id, signed_by FROM attendance.event WHERE event_id LIKE 'EV\_b%' ORDER BY event_id;
SELECT * FROM pg_temp.kept;

-- The view takes a token too. Without one the caller vouches, with an empty one nobody does.
INSERT INTO attendance.webhook (body, auth_token)
VALUES (pg_temp.body('v1'), pg_temp.token(pg_temp.body('v1'))), (pg_temp.body('v2'), 'hello'), (pg_temp.body('v3'), ''), (pg_temp.body('v4'), NULL)
RETURNING outcome, http_status, reason, event_id;
SELECT event_id, signed_by FROM attendance.event WHERE event_id LIKE 'EV\_v%' ORDER BY event_id;

-- The skew is what the configuration says.
CREATE FUNCTION pg_temp.try_skew(skew interval) RETURNS TABLE (case_ text, outcome text, reason text) LANGUAGE plpgsql AS $$
BEGIN
    UPDATE attendance.configuration SET clock_skew = skew;
    RETURN QUERY
    SELECT v.case_, r.outcome, r.reason
    FROM (VALUES ('expired 30 s ago', -330, -30), ('expired 2 min ago', -420, -120), ('valid in 30 s', 30, 330),
                 ('valid in 2 min', 120, 420), ('valid now', 0, 300)) v (case_, valid_in, expires_in),
         attendance.ingest_signed(pg_temp.body('1'),
                                  pg_temp.token(pg_temp.body('1'), valid_in => v.valid_in, expires_in => v.expires_in)) r;
END
$$;
SELECT * FROM pg_temp.try_skew('0');
SELECT * FROM pg_temp.try_skew('10 min');
SELECT * FROM pg_temp.try_skew('1 min');

-- What a backend kept is held against the instant at which it came, be its token expired by now: as bytes, as text, and
-- NULL is now. Nothing else is believed for it, and an instant that is yet to come prolongs no token.
CREATE TEMP TABLE kept_request AS
    SELECT case_, body, received_in, pg_temp.token(body || other, secret, valid_in => signed_in, expires_in => signed_in + 300) AS auth_token
    FROM (VALUES ('kept for 10 min', 'k1', '', 's3cret-of-signed-1', -600, '-600 s'::interval),
                 ('kept for a year', 'k2', '', 's3cret-of-signed-1', -31536000, '-31536000 s'),
                 ('came within the skew', 'k3', '', 's3cret-of-signed-1', -600, '-250 s'),
                 ('came too late', 'k4', '', 's3cret-of-signed-1', -600, '-120 s'),
                 ('came too early', 'k5', '', 's3cret-of-signed-1', -600, '-700 s'),
                 ('NULL, fresh', 'k6', '', 's3cret-of-signed-1', 0, NULL),
                 ('NULL, expired', 'k7', '', 's3cret-of-signed-1', -600, NULL),
                 ('to come, within the skew', 'k8', '', 's3cret-of-signed-1', 0, '30 s'),
                 ('to come', 'k9', '', 's3cret-of-signed-1', 0, '2 min'),
                 ('to come, expired', 'k10', '', 's3cret-of-signed-1', -600, '2 min'),
                 ('another body', 'k11', ' ', 's3cret-of-signed-1', -600, '-600 s'),
                 ('wrong secret', 'k12', '', 's3cret-of-signed-1 ', -600, '-600 s')) v (case_, id, other, secret, signed_in, received_in),
         LATERAL (SELECT pg_temp.body(id) AS body) b;
TRUNCATE attendance.refusal;
SELECT case_, r.outcome, r.http_status, r.reason, b.outcome AS as_bytes, b.reason AS reason_as_bytes
FROM kept_request k,
     LATERAL attendance.ingest_signed(k.body, k.auth_token, clock_timestamp() + received_in) r,
     LATERAL attendance.ingest_signed(body => convert_to(k.body, 'UTF8'), auth_token => k.auth_token,
                                      received_at => clock_timestamp() + received_in) b;
SELECT r.* FROM kept_request k, attendance.ingest_signed(k.body, k.auth_token) r WHERE case_ = 'kept for a year';
SELECT r.* FROM attendance.ingest_signed(pg_temp.body('k9'), pg_temp.token(pg_temp.body('k9')), 'infinity') r;
SELECT r.* FROM attendance.ingest_signed(pg_temp.body('k9'), pg_temp.token(pg_temp.body('k9')), '-infinity') r;
SELECT reason, sum(times) AS times FROM attendance.refusal GROUP BY reason ORDER BY reason;
SELECT string_agg(event_id, ' ' ORDER BY event_id) AS events FROM attendance.event WHERE event_id LIKE 'EV\_k%';

-- A new secret leaves the one before good, and it alone; for an hour. The same secret again changes nothing.
CREATE FUNCTION pg_temp.try_secrets() RETURNS TABLE (secret text, outcome text, reason text) LANGUAGE sql AS $$
    SELECT s, r.outcome, r.reason
    FROM unnest(ARRAY['first s3cret', 'second s3cret', 'third s3cret']) s,
         attendance.ingest_signed(pg_temp.body('1'), pg_temp.token(pg_temp.body('1'), s, 'signed-3')) r
$$;
SELECT attendance.add_livekit_key('signed-3', 'first s3cret');
SELECT attendance.add_livekit_key('signed-3', 'second s3cret');
SELECT * FROM pg_temp.try_secrets();
SELECT attendance.add_livekit_key('signed-3', 'second s3cret');
SELECT * FROM pg_temp.try_secrets();
SELECT attendance.add_livekit_key('signed-3', 'third s3cret');
SELECT * FROM pg_temp.try_secrets();
UPDATE attendance.livekit_key SET changed_at = changed_at - interval '1 hour' WHERE api_key = 'signed-3';
SELECT * FROM pg_temp.try_secrets();
-- What came within that hour is believed when it is handed over later, what came after it is not.
SELECT came, r.outcome, r.reason
FROM unnest('{-5400,-1800,0}'::int[]) came,
     attendance.ingest_signed(pg_temp.body('1'), pg_temp.token(pg_temp.body('1'), 'second s3cret', 'signed-3', came, came + 300),
                              clock_timestamp() + came * interval '1 s') r;
-- Expired is expired by either secret, and so is what was said of another body.
SELECT attendance.add_livekit_key('signed-3', 'second s3cret');
SELECT r.reason
FROM unnest(ARRAY[pg_temp.token(:'body', 'third s3cret', 'signed-3', expires_in => -120),
                  pg_temp.token(:'body' || ' ', 'third s3cret', 'signed-3')]) token, attendance.ingest_signed(:'body', token) r;

-- A dropped key is believed no longer; the others are.
SELECT attendance.drop_livekit_key('signed-3');
SELECT * FROM pg_temp.try_secrets();
SELECT r.outcome FROM attendance.ingest_signed(:'body', :'token') r;

-- What is refused about keys never tells a secret.
CREATE FUNCTION pg_temp.fault(statement text)
RETURNS TABLE (state text, message text, hint text, tells_secret boolean) LANGUAGE plpgsql AS $$
DECLARE
    detail text;
    context text;
BEGIN
    EXECUTE statement;
    state := 'no error';
    RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT,
        detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_CONTEXT;
    -- The context ends with the statement above, whose own text is the caller's.
    tells_secret := concat_ws(' ', message, hint, detail, replace(context, statement, '')) ~ 's3cret';
    message := regexp_replace(message, 'size \d+', 'size N');
    hint := nullif(hint, '');
    RETURN NEXT;
END
$$;
\pset format unaligned
\pset tuples_only on
\pset fieldsep '\n    '
\pset recordsep '\n\n'
SELECT f.* FROM unnest(ARRAY[
    $$SELECT attendance.add_livekit_key(NULL, 's3cret')$$,
    $$SELECT attendance.add_livekit_key('', 's3cret')$$,
    $$SELECT attendance.add_livekit_key('signed-4', NULL)$$,
    $$SELECT attendance.add_livekit_key('signed-4', '')$$,
    $$SELECT attendance.add_livekit_key((SELECT string_agg(sha256(n::text::bytea)::text, '') FROM generate_series(1, 100) n), 's3cret')$$,
    $$SELECT attendance.drop_livekit_key('signed-3')$$,
    $$SELECT attendance.drop_livekit_key(NULL)$$]) statement, pg_temp.fault(statement) f;
\pset format aligned
\pset tuples_only off
\pset recordsep '\n'

-- Nor does a dump: of the data of both tables it has only the counts.
SELECT attendance_table, attendance_table::regclass = ANY (extconfig) AS dumped
FROM pg_extension, unnest('{attendance.livekit_key,attendance.refusal}'::text[]) attendance_table
WHERE extname = 'attendance';

-- Who may only feed can feed, and read nothing.
CREATE ROLE regress_attendance_feeder;
GRANT EXECUTE ON FUNCTION attendance.ingest_signed(text, text), attendance.ingest_signed(bytea, text) TO regress_attendance_feeder;
SELECT pg_temp.body('f1') AS body, pg_temp.token(pg_temp.body('f1')) AS token \gset feeder_
SET ROLE regress_attendance_feeder;
SELECT r.* FROM attendance.ingest_signed(:'feeder_body', :'feeder_token') r;
SELECT r.* FROM attendance.ingest_signed(convert_to(:'feeder_body', 'UTF8'), :'feeder_token') r;
SELECT r.* FROM attendance.ingest_signed(:'feeder_body', 'hello') r;
SELECT r.* FROM attendance.ingest_signed(:'feeder_body', :'feeder_token', now()) r;
SELECT * FROM attendance.livekit_key;
SELECT * FROM attendance.event;
SELECT * FROM attendance.quarantine;
SELECT * FROM attendance.refusal;
SELECT * FROM attendance.configuration;
SELECT * FROM attendance.check_token(:'feeder_token', '', NULL);
SELECT attendance.ingest(:'feeder_body');
SELECT attendance.ingest_batch(ARRAY[:'feeder_body']);
SELECT attendance.record(attendance.parse('x'), 'x', 'devkey');
SELECT attendance.add_livekit_key('mine', 'mine');
SELECT attendance.drop_livekit_key('signed-1');
INSERT INTO attendance.webhook (body) VALUES (:'feeder_body');
RESET ROLE;

-- A good token with any one of its characters replaced by any other that a token may have: none is believed.
TRUNCATE attendance.refusal;
SELECT pg_temp.body('forged') AS body, pg_temp.token(pg_temp.body('forged')) AS token \gset
SELECT r.outcome, r.http_status, count(*) AS tried
FROM (SELECT array_agg(overlay(:'token' PLACING letter FROM place FOR 1)) AS tokens
      FROM generate_series(1, length(:'token')) place,
           string_to_table('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.', NULL) letter
      WHERE letter <> substr(:'token', place, 1)) forged,
     attendance.ingest_batch(array_fill(:'body'::text, ARRAY[cardinality(tokens)]), tokens) r
GROUP BY r.outcome, r.http_status;
SELECT sum(times) AS refused FROM attendance.refusal;
SELECT count(*) AS forged FROM attendance.event WHERE event_id = 'EV_forged';
SELECT r.* FROM attendance.ingest_signed(:'body', :'token') r;

REVOKE ALL ON FUNCTION attendance.ingest_signed(text, text), attendance.ingest_signed(bytea, text) FROM regress_attendance_feeder;
DROP ROLE regress_attendance_feeder;
SELECT attendance.drop_livekit_key('signed-1'), attendance.drop_livekit_key('signed-2');
SELECT clock_skew FROM attendance.configuration;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine, attendance.refusal;
