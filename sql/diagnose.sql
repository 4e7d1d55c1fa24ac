-- diagnose() says what is wrong, unasked, and nothing while all is well. Webhooks arrive now, whatever a test does: so
-- each scene is told in hours from its beginning, and looked at from there.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;

CREATE TEMP TABLE start AS SELECT date_trunc('second', now()) AS now;
CREATE FUNCTION pg_temp.at(hours text) RETURNS timestamptz LANGUAGE sql AS $$SELECT now + hours::interval FROM pg_temp.start$$;
CREATE PROCEDURE pg_temp.anew() LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
        attendance.refusal, attendance.session, attendance.identity_alias, attendance.livekit_key CASCADE;
    DELETE FROM attendance.policy WHERE policy <> 'default';
    UPDATE pg_temp.start SET now = date_trunc('second', clock_timestamp());
    UPDATE attendance.ticked SET by_cron_at = NULL, by_other_at = NULL, other = NULL;
END
$$;
-- A webhook as LiveKit sends it; who joined when, and when it happened.
CREATE FUNCTION pg_temp.body(event text, room text, identity text, at timestamptz, joined timestamptz DEFAULT NULL, precise integer DEFAULT 1)
RETURNS text LANGUAGE sql AS $$
    SELECT json_strip_nulls(json_build_object(
        'event', event, 'id', concat_ws(' ', 'EV', event, room, identity, at, joined),
        'createdAt', floor(extract(epoch FROM at))::bigint::text,
        'room', json_build_object('sid', 'RM_' || room, 'name', room),
        'participant', json_build_object('sid', concat_ws(' ', 'PA', room, identity, coalesce(joined, at)), 'identity', identity,
            'joinedAt', floor(extract(epoch FROM coalesce(joined, at)))::bigint::text,
            'joinedAtMs', CASE WHEN precise = 1 THEN floor(1000 * extract(epoch FROM coalesce(joined, at)))::bigint::text END)))::text
$$;
CREATE FUNCTION pg_temp.said(event text, room text, identity text, at timestamptz DEFAULT pg_temp.at('0'), joined timestamptz DEFAULT NULL, precise integer DEFAULT 1)
RETURNS text LANGUAGE sql AS $$SELECT r.outcome FROM attendance.ingest(pg_temp.body(event, room, identity, at, joined, precise)) r$$;
-- A session from `starts` on, of 45 minutes, and its roster.
CREATE FUNCTION pg_temp.lesson(id text, room text, starts text, people text[]) RETURNS void LANGUAGE sql AS $$
    SELECT attendance.schedule_session(room, pg_temp.at(starts), pg_temp.at(starts) + '45 min', id);
    SELECT attendance.enrol(id, p) FROM unnest(people) p;
$$;
-- The findings, since how many minutes from now; without the times that they quote. Somebody calls tick() every minute.
CREATE FUNCTION pg_temp.look(hours text DEFAULT '0') RETURNS TABLE (severity text, finding text, minutes numeric, evidence text, fix text)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM attendance.tick(as_of => pg_temp.at(hours));
    RETURN QUERY
    SELECT f.severity, f.finding, round(extract(epoch FROM f.since - pg_temp.at('0')) / 60),
           regexp_replace(f.evidence, '\d{4}-\d\d-\d\d [0-9:.]+\+00', '<time>', 'g'),
           regexp_replace(f.fix, '\d{4}-\d\d-\d\d [0-9:.]+\+00', '<time>', 'g')
    FROM attendance.diagnose(pg_temp.at(hours)) WITH ORDINALITY f
    ORDER BY f.ordinality;
END
$$;
-- Does what the fix says: its first statement.
CREATE PROCEDURE pg_temp.mend(wanted text, hours text) LANGUAGE plpgsql AS $$
DECLARE
    statement text := (SELECT substring(f.fix FROM '(?:SELECT|UPDATE|INSERT|DELETE) [^;]*') FROM attendance.diagnose(pg_temp.at(hours)) f WHERE f.finding = wanted LIMIT 1);
BEGIN
    RAISE INFO '%', coalesce(statement, 'nothing to mend');
    EXECUTE statement;
END
$$;
CALL pg_temp.anew();

-- A fresh install has nothing to say, and nor has one in use.
SELECT * FROM attendance.diagnose();
SELECT count(*) FROM attendance.diagnose('-infinity') UNION ALL SELECT count(*) FROM attendance.diagnose(pg_temp.at('1000 h'));
SELECT pg_temp.lesson('h' || n, 'hall', n || ' h', '{1,2,3,4}') FROM generate_series(-1, 0) n;
SELECT pg_temp.said('participant_joined', 'hall', p || '_pupil'), pg_temp.said('participant_joined', 'hall', 'guest-' || p)
FROM unnest('{1,2,3,4}'::text[]) p;
SELECT pg_temp.said('participant_joined', 'staff-room', 'head');
-- Nobody is awaited: on holiday, in a session that is cancelled, that has no roster, where all are excused, that is entered afterwards.
SELECT attendance.schedule_session('nobody', pg_temp.at('0'), pg_temp.at('1 h'), 'no roster'),
       attendance.schedule_session('nobody', pg_temp.at('0'), pg_temp.at('1 h'), 'cancelled'),
       attendance.schedule_session('nobody', pg_temp.at('0'), pg_temp.at('1 h'), 'excused'),
       attendance.schedule_session('nobody', pg_temp.at('-90 h'), pg_temp.at('-89 h'), 'afterwards');
SELECT attendance.enrol('cancelled', '1'), attendance.enrol('afterwards', '1'), attendance.enrol('excused', '1', excused => 'ill');
SELECT attendance.cancel_session('cancelled');
SELECT hours, l.* FROM unnest('{1 min,10 min,45 min,1 h,1 h 30 min,2 h 10 min,900 h}'::text[]) hours, pg_temp.look(hours) l;

-- webhooks_stopped: one lesson may have been empty, two are strange, three are not.
CALL pg_temp.anew();
SELECT pg_temp.lesson('w' || n, 'hall', n || ' h', '{1,2,3,4,5}') FROM generate_series(0, 3) n;
SELECT pg_temp.said('participant_joined', 'hall', '1');
SELECT hours, l.severity, l.finding, l.minutes, l.evidence
FROM unnest('{1 h 4 min 59 s,1 h 5 min,2 h 4 min 59 s,2 h 5 min,3 h 5 min,500 h}'::text[]) hours, pg_temp.look(hours) l;
-- One alone is forgotten after a day.
BEGIN;
SELECT attendance.cancel_session('w2'), attendance.cancel_session('w3');
SELECT hours, l.severity, l.finding, l.minutes, l.evidence FROM unnest('{24 h 59 min,25 h 1 min}'::text[]) hours, pg_temp.look(hours) l;
ROLLBACK;
SELECT fix FROM pg_temp.look('3 h 10 min') WHERE finding = 'webhooks_stopped';
-- What is refused and quarantined meanwhile is counted. Answers of ListParticipants are no webhooks. What is, ends it.
SELECT outcome FROM attendance.ingest_signed('{}', 'no token') UNION ALL SELECT outcome FROM attendance.ingest('no JSON');
UPDATE attendance.event SET received_at = received_at - interval '4 h';
UPDATE attendance.session SET starts_at = starts_at - interval '4 h', ends_at = ends_at - interval '4 h', scheduled_at = starts_at - interval '1 day';
SELECT finding, evidence FROM pg_temp.look('1 min') WHERE finding = 'webhooks_stopped';
SELECT count(*) FROM attendance.reconcile('hall', '{"participants":[]}'::text, pg_temp.at('-1 min'));
SELECT finding FROM pg_temp.look('1 min') WHERE finding = 'webhooks_stopped';
SELECT pg_temp.said('participant_joined', 'hall', '2', pg_temp.at('-2 min'));
SELECT finding FROM pg_temp.look('2 min') WHERE finding = 'webhooks_stopped';
-- Never one at all.
CALL pg_temp.anew();
SELECT pg_temp.lesson('w' || n, 'hall', n * 10 || ' min', '{1,2,3,4,5}') FROM generate_series(1, 3) n;
SELECT hours, l.severity, l.finding, l.minutes, l.evidence FROM unnest('{1 h 9 min,1 h 10 min}'::text[]) hours, pg_temp.look(hours) l;

-- However many begin at once, the hour is told by all of them.
CALL pg_temp.anew();
SELECT count(pg_temp.lesson(concat_ws(' ', 'w', n, h), 'hall ' || n, h || ' h', '{1,2}')) FROM generate_series(1, 101) n, generate_series(1, 2) h;
SELECT hours, l.severity, l.finding, l.minutes, l.evidence FROM unnest('{1 h 59 min,2 h 10 min}'::text[]) hours, pg_temp.look(hours) l;

-- room_silent: not at once, a notice where a known room is empty; the room that was meant is named.
CALL pg_temp.anew();
SELECT pg_temp.lesson('ok', 'hall', '-10 min', '{1,2,3,4}'), pg_temp.lesson('lost', 'Room 7B', '0', '{5,6,7}');
SELECT pg_temp.said('participant_joined', 'hall', p) FROM unnest('{1,2,3,4}'::text[]) p;
SELECT count(*) FROM pg_temp.look('4 min 59 s');
SELECT * FROM pg_temp.look('5 min');
SELECT pg_temp.said('participant_joined', room, 'guest') FROM unnest('{cellar,room-7b,another}'::text[]) room;
SELECT evidence, fix FROM pg_temp.look('5 min');
-- While nothing is heard at all it is not the room's fault.
SELECT pg_temp.lesson('later', 'Room 9', '30 min', '{8,9}');
SELECT evidence FROM pg_temp.look('36 min');
SELECT attendance.cancel_session('later');
-- One of its people elsewhere may have strayed, two have not. Then it is said after the end of the session too.
SELECT pg_temp.said('participant_joined', 'cellar', '5_x');
SELECT evidence FROM pg_temp.look('5 min');
SELECT count(*) FROM pg_temp.look('1 h');
-- Nor do a recorder and somebody who was forgotten there days ago fill a room.
SELECT pg_temp.said('participant_joined', 'Room 7B', 'EG_recorder'), pg_temp.said('participant_joined', 'Room 7B', 'ghost', pg_temp.at('-72 h'));
SELECT pg_temp.said('participant_joined', 'cellar', '6_y');
SELECT severity, evidence, fix FROM pg_temp.look('1 h');
CALL pg_temp.mend('room_silent', '1 h');
SELECT * FROM pg_temp.look('1 h');

-- rooms_unmatched: what is scheduled and what arrives have nothing in common, these days.
CALL pg_temp.anew();
SELECT attendance.schedule_session('MATHS-2', pg_temp.at('-900 h'), pg_temp.at('-899 h'), 'last month');
SELECT pg_temp.lesson('u' || n, 'maths ' || n, '-10 min', ARRAY[n || '1', n || '2']) FROM generate_series(1, 2) n;
SELECT pg_temp.said('participant_joined', 'staff-room', 'head');
SELECT count(*) FROM pg_temp.look('1 min');
SELECT pg_temp.said('participant_joined', 'MATHS-1', '11'), pg_temp.said('participant_joined', 'MATHS-2', '21'), pg_temp.said('participant_joined', 'MATHS-2', '22');
SELECT * FROM pg_temp.look('1 min');
CALL pg_temp.mend('rooms_unmatched', '1 min');
SELECT severity, finding, evidence FROM pg_temp.look('1 min');
-- Three sessions in vain are enough, also where nobody is recognised.
CALL pg_temp.anew();
SELECT pg_temp.lesson('u' || n, 'maths ' || n, '-10 min', ARRAY[n || '1', n || '2']) FROM generate_series(1, 3) n;
SELECT pg_temp.said('participant_joined', 'MATHS-' || n, 'guest') FROM generate_series(1, 3) n;
SELECT severity, finding, evidence FROM pg_temp.look('1 min');
-- One room that is heard of makes it a matter of the others; one that somebody saw people in, of none.
BEGIN;
SELECT outcome FROM attendance.ingest('{"event":"room_started","id":"EV_r","createdAt":"1767610800","room":{"sid":"RM_r","name":"maths 2"}}');
SELECT severity, finding, evidence FROM pg_temp.look('1 min');
ROLLBACK;
BEGIN;
SELECT pg_temp.lesson('u4', 'maths 4', '-10 min', '{41,42}');
SELECT change FROM attendance.reconcile('maths 2', '{"participants":[{"sid":"PA_r","identity":"21","state":"ACTIVE"}]}'::text, pg_temp.at('0'));
SELECT finding FROM pg_temp.look('1 min');
ROLLBACK;
-- What was said before they began, or after they ended, was not said in their stead.
UPDATE attendance.session SET starts_at = pg_temp.at('1 h'), ends_at = pg_temp.at('2 h');
SELECT finding FROM pg_temp.look('1 h 10 min');
UPDATE attendance.session SET starts_at = pg_temp.at('-3 h'), ends_at = pg_temp.at('-2 h'), scheduled_at = pg_temp.at('-9 h');
SELECT finding FROM pg_temp.look('1 min');

-- Tokens. Another implementation of the signature, as in signed.sql; a key of up to 64 bytes.
CREATE FUNCTION pg_temp.hmac(secret bytea, message bytea) RETURNS bytea LANGUAGE sql AS $$
    SELECT sha256(string_agg(set_byte('\x00', 0, get_byte(k, n) # 92), '' ORDER BY n)
                  || sha256(string_agg(set_byte('\x00', 0, get_byte(k, n) # 54), '' ORDER BY n) || message))
    FROM (SELECT secret || decode(repeat('00', 64 - length(secret)), 'hex')) padded (k), generate_series(0, 63) n
$$;
CREATE FUNCTION pg_temp.base64url(bytes bytea) RETURNS text LANGUAGE sql AS $$SELECT rtrim(translate(encode(bytes, 'base64'), E'+/\n', '-_'), '=')$$;
CREATE FUNCTION pg_temp.token(body text, secret text, api_key text, signed_at timestamptz) RETURNS text LANGUAGE sql AS $$
    SELECT m.part || '.' || pg_temp.base64url(pg_temp.hmac(secret::bytea, m.part::bytea))
    FROM (SELECT pg_temp.base64url('{"alg":"HS256","typ":"JWT"}') || '.' || pg_temp.base64url(convert_to(json_build_object(
              'iss', api_key, 'nbf', floor(extract(epoch FROM signed_at)), 'exp', floor(extract(epoch FROM signed_at)) + 300,
              'sha256', encode(sha256(convert_to(body, 'UTF8')), 'base64'))::text, 'UTF8'))) m (part)
$$;
-- Webhooks of the persons first to last, made `late` ago, signed like that: how many got which answer.
CREATE FUNCTION pg_temp.signed(first integer, last integer, secret text DEFAULT 'good', api_key text DEFAULT 'devkey', late interval DEFAULT '0', suffix text DEFAULT '')
RETURNS TABLE (outcome text, reason text, count bigint) LANGUAGE sql AS $$
    SELECT r.outcome, r.reason, count(*)
    FROM generate_series(first, last) n, LATERAL (SELECT clock_timestamp() - late AS at) c,
         LATERAL (SELECT pg_temp.body('participant_joined', 'hall', n::text, c.at) AS body) b,
         attendance.ingest_signed(b.body || suffix, pg_temp.token(b.body, secret, api_key, c.at)) r
    GROUP BY r.outcome, r.reason
$$;
CALL pg_temp.anew();
SELECT attendance.add_livekit_key('devkey', 'good');
SELECT * FROM pg_temp.signed(1, 100);
-- A stray refusal among good ones is nothing: strangers try. Too many of them are something, the less said the fewer they are.
SELECT * FROM pg_temp.signed(1, 5, 'bad');
SELECT count(*) FROM pg_temp.look('1 min');
SELECT * FROM pg_temp.signed(6, 6, 'bad');
SELECT * FROM pg_temp.look('1 min');
SELECT * FROM pg_temp.signed(7, 101, 'bad');
SELECT severity, finding, evidence FROM pg_temp.look('1 min');
SELECT count(*) FROM attendance.reconcile('hall', '{"participants":[]}'::text, pg_temp.at('1 min'));
-- After a day it is forgotten; after an hour, if good ones came since. The right secret mends it at once.
SELECT hours, l.finding FROM unnest('{61 min,23 h,25 h}'::text[]) hours, pg_temp.look(hours) l;
SELECT * FROM pg_temp.signed(102, 102);
SELECT hours, l.finding FROM unnest('{59 min,61 min}'::text[]) hours, pg_temp.look(hours) l;
SELECT attendance.add_livekit_key('devkey', 'bad');
SELECT * FROM pg_temp.look('1 min');
SELECT * FROM pg_temp.signed(103, 104, 'bad');
SELECT * FROM pg_temp.look('1 min');

-- Without any key, as after a restore: a notice while they are few.
CALL pg_temp.anew();
SELECT * FROM pg_temp.signed(1, 4);
SELECT severity, finding, minutes, evidence, fix FROM pg_temp.look('1 min');
SELECT * FROM pg_temp.signed(5, 5);
SELECT severity, finding, evidence FROM pg_temp.look('1 min');
SELECT attendance.add_livekit_key('devkey', 'good');
SELECT * FROM pg_temp.look('1 min');

-- The clock: behind LiveKit's, ahead of it, or a backend that passes late. How far is told by createdAt, the least lag counts.
-- What is not genuine measures nothing.
SELECT reason, outcome, count FROM pg_temp.signed(1, 5, late => '-3 min');
SELECT reason, outcome, count FROM pg_temp.signed(1, 5, 'bad', late => '-9 min');
SELECT reason, times, date_trunc('minute', lag - interval '30 s') AS lag FROM attendance.refusal ORDER BY reason;
SELECT severity, finding, regexp_replace(evidence, '\d\d:\d\d(:\d\d\.\d+)? behind', 'about 3 min behind') AS evidence, fix FROM pg_temp.look('1 min') WHERE finding = 'token_untimely';
CALL pg_temp.mend('token_untimely', '1 min');
SELECT clock_skew FROM attendance.configuration;
SELECT reason, outcome, count FROM pg_temp.signed(11, 20, late => '-3 min');
SELECT finding FROM pg_temp.look('1 min');
SELECT finding FROM pg_temp.look('61 min') WHERE finding LIKE 'token%';
UPDATE attendance.configuration SET clock_skew = '1 min';
CALL pg_temp.anew();
SELECT attendance.add_livekit_key('devkey', 'good');
SELECT r.outcome, r.reason, count(*)
FROM (SELECT array_agg(b.body) AS bodies, array_agg(pg_temp.token(b.body, 'good', 'devkey', pg_temp.at(late))) AS tokens
      FROM unnest('{-8 h,-6 h,-7 h,-9 h,-10 h}'::text[]) late,
           LATERAL (SELECT pg_temp.body('participant_joined', 'hall', '1', pg_temp.at(late)) AS body) b) a,
     attendance.ingest_batch(a.bodies, a.tokens) r
GROUP BY r.outcome, r.reason;
SELECT * FROM pg_temp.signed(1, 1, late => '8 h');
SELECT severity, finding, regexp_replace(evidence, '06:\d\d:\d\d(\.\d+)? past', 'about 6 h past') AS evidence, fix FROM pg_temp.look('1 min');
-- An expired token that came with some other body says nothing of the clock.
CALL pg_temp.anew();
SELECT attendance.add_livekit_key('devkey', 'good');
SELECT * FROM pg_temp.signed(1, 1, late => '8 h', suffix => ' ');
SELECT lag FROM attendance.refusal;
-- One by the secret before does.
SELECT attendance.add_livekit_key('devkey', 'better');
SELECT * FROM pg_temp.signed(1, 1, late => '8 h');
SELECT date_trunc('hour', lag) AS lag FROM attendance.refusal;

-- A body that was written anew, requests without a token or with none to speak of.
CALL pg_temp.anew();
SELECT attendance.add_livekit_key('devkey', 'good');
SELECT * FROM pg_temp.signed(1, 5, suffix => ' ');
SELECT r.reason, count(*) FROM generate_series(1, 5) n, attendance.ingest_signed('{}' || n, NULL) r GROUP BY r.reason;
SELECT r.reason, count(*) FROM generate_series(1, 5) n, attendance.ingest_signed('{}', CASE WHEN n < 3 THEN 'Basic eHg6eHg=' ELSE 'a.b.c' END) r GROUP BY r.reason ORDER BY r.reason;
SELECT severity, finding, evidence, fix FROM pg_temp.look('1 min');

-- quarantine, until it is looked at; full, until there is room.
CALL pg_temp.anew();
SELECT r.reason
FROM (VALUES ('no JSON'), ('{}'), ('{"event":"participant_left","id":"EV_p","createdAt":"1767610800"}'),
             ('{"event":"participant_left","id":"EV_q","createdAt":"1767610800"}')) v (body), attendance.ingest(v.body) r;
SELECT severity, finding, minutes, evidence, fix FROM pg_temp.look('1 min');
SELECT sha256 FROM attendance.quarantine WHERE convert_from(body, 'UTF8') LIKE '%EV\_q%' \gset
SELECT outcome FROM attendance.retry_quarantine(:'sha256', pg_temp.body('participant_left', 'hall', '1', pg_temp.at('0')));
DELETE FROM attendance.quarantine;
SELECT * FROM pg_temp.look('1 min');
UPDATE attendance.configuration SET quarantine_limit = 1500;
SELECT count(*) FROM generate_series(1, 10) n, attendance.ingest('no JSON ' || n) r;
SELECT severity, finding, evidence, fix FROM pg_temp.look('1 min');
CALL pg_temp.mend('quarantine_full', '1 min');
SELECT quarantine_limit FROM attendance.configuration;
SELECT finding FROM pg_temp.look('1 min');
UPDATE attendance.configuration SET quarantine_limit = 64 * 1024 * 1024;

-- clock_skew, as seen in what is accepted: most of the webhooks came before they were sent, or all equally late. One, and a
-- backlog that a backend passes on after an outage, are nothing.
CALL pg_temp.anew();
SELECT count(pg_temp.said('participant_joined', 'hall', n::text, clock_timestamp())) FROM generate_series(1, 5) n;
SELECT pg_temp.said('participant_joined', 'hall', 'ahead', clock_timestamp() + '5 min');
SELECT count(pg_temp.said('participant_joined', 'hall', 'backlog' || n, clock_timestamp() - n * interval '5 min')) FROM generate_series(1, 4) n;
SELECT * FROM pg_temp.look('1 min');
SELECT count(pg_temp.said('participant_joined', 'hall', 'ahead' || n, clock_timestamp() + '10 s')) FROM generate_series(1, 11) n;
SELECT severity, finding, regexp_replace(evidence, '[0-9:.-]*[0-9:.]{6,}', '<lag>', 'g') AS evidence, fix FROM pg_temp.look('1 min');
CALL pg_temp.anew();
SELECT count(pg_temp.said('participant_joined', 'hall', n::text, clock_timestamp() - interval '5 min')) FROM generate_series(1, 5) n;
SELECT * FROM pg_temp.look('1 min');
UPDATE attendance.event SET received_at = received_at - interval '1 min', occurred_at = occurred_at - interval '1 min' WHERE identity = '3';
SELECT severity, finding, regexp_replace(evidence, '[0-9:.]{6,}', '<lag>', 'g') AS evidence, fix FROM pg_temp.look('1 min');
CALL pg_temp.anew();
SELECT count(pg_temp.said('participant_joined', 'hall', 'backlog' || n, clock_timestamp() - n * interval '5 min')) FROM generate_series(1, 9) n;
SELECT * FROM pg_temp.look('1 min');
UPDATE attendance.event SET received_at = received_at - interval '1 min', occurred_at = occurred_at - interval '1 min' WHERE identity = 'backlog9';
SELECT * FROM pg_temp.look('1 min');

-- joins_by_second: an old LiveKit. A hand test or two is none.
CALL pg_temp.anew();
SELECT count(pg_temp.said('participant_joined', 'hall', n::text, precise => 0)) FROM generate_series(1, 4) n;
SELECT * FROM pg_temp.look('1 min');
SELECT pg_temp.said('participant_left', 'hall', '1', precise => 0);
SELECT severity, finding, evidence, fix FROM pg_temp.look('1 min');
SELECT count(pg_temp.said('participant_left', 'hall', n::text)) FROM generate_series(2, 5) n;
SELECT * FROM pg_temp.look('1 min');

-- leaves_missing: of today's stays more than four, more than a tenth, and more than usual. Whoever is still there is not missed.
CALL pg_temp.anew();
SELECT pg_temp.lesson('today', 'hall', '-5 h', NULL), pg_temp.lesson('before', 'hall', '-50 h', NULL);
SELECT count(pg_temp.said('participant_left', 'hall', n::text, pg_temp.at('-4 h'), pg_temp.at('-5 h'))) FROM generate_series(1, 18) n;
SELECT count(pg_temp.said('participant_joined', 'hall', 'gone' || n, pg_temp.at('-4 h -40 min'))) FROM generate_series(1, 4) n;
SELECT count(pg_temp.said('participant_joined', 'hall', 'there' || n, pg_temp.at('-4 h -30 min'))) FROM generate_series(1, 10) n;
SELECT count(pg_temp.said('track_published', 'hall', 'there' || n, pg_temp.at('-1 min'), pg_temp.at('-4 h -30 min'))) FROM generate_series(1, 10) n;
SELECT * FROM pg_temp.look('0');
SELECT pg_temp.said('participant_joined', 'hall', 'gone5', pg_temp.at('-4 h -40 min'));
SELECT count(pg_temp.said('participant_left', 'hall', n::text, pg_temp.at('-4 h'), pg_temp.at('-5 h'))) FROM generate_series(19, 55) n;
SELECT * FROM pg_temp.look('0');
SELECT count(pg_temp.said('participant_joined', 'hall', 'gone' || n, pg_temp.at('-4 h -40 min'))) FROM generate_series(6, 7) n;
SELECT severity, finding, minutes, evidence, fix FROM pg_temp.look('0');
-- A session whose stays may yet turn out to have ended does not count.
SELECT pg_temp.lesson('just now', 'cellar', '-3 h', NULL);
SELECT count(pg_temp.said('participant_left', 'cellar', n::text, pg_temp.at('-2 h -20 min'), pg_temp.at('-3 h'))) FROM generate_series(1, 100) n;
SELECT evidence FROM pg_temp.look('0');
-- Where that is usual it is nothing new.
SELECT count(pg_temp.said('participant_joined', 'hall', 'b' || n, pg_temp.at('-49 h -40 min'))) FROM generate_series(1, 2) n;
SELECT count(pg_temp.said('participant_left', 'hall', 'c' || n, pg_temp.at('-49 h -30 min'), pg_temp.at('-49 h -40 min'))) FROM generate_series(1, 18) n;
SELECT * FROM pg_temp.look('0');
SELECT count(pg_temp.said('participant_left', 'hall', 'b1', pg_temp.at('-49 h -30 min'), pg_temp.at('-49 h -40 min')));
SELECT evidence FROM pg_temp.look('0');
-- The leaves come after all.
SELECT count(pg_temp.said('participant_left', 'hall', 'gone' || n, pg_temp.at('-4 h'), pg_temp.at('-4 h -40 min'))) FROM generate_series(1, 7) n;
SELECT * FROM pg_temp.look('0');

-- identities_unmatched: the pattern that recognises most is named. Guests beside people who are recognised are none of it.
CALL pg_temp.anew();
SELECT pg_temp.lesson('i', 'hall', '-10 min', '{41,42,43}');
SELECT pg_temp.said('participant_joined', 'hall', i) FROM unnest('{student:41,student:42,guest,visitor}'::text[]) i;
SELECT severity, finding, minutes, evidence, fix FROM pg_temp.look('1 s');
CALL pg_temp.mend('identities_unmatched', '1 s');
SELECT * FROM pg_temp.look('1 s');
UPDATE attendance.configuration SET identity_pattern = DEFAULT;
INSERT INTO attendance.identity_alias VALUES ('student:41', '41'), ('student:42', '42');
SELECT * FROM pg_temp.look('1 s');
-- One that another pattern would recognise may be chance.
DELETE FROM attendance.identity_alias WHERE attendee = '41';
SELECT * FROM pg_temp.look('1 s');
-- Where no pattern helps, five have to come in vain; where one would recognise the only one who came, it is said at once.
CALL pg_temp.anew();
SELECT pg_temp.lesson('i' || n, 'room ' || n, '-10 min', '{anna,bert,carl}') FROM generate_series(1, 3) n;
SELECT pg_temp.said('participant_joined', 'room ' || n, i) FROM generate_series(1, 2) n, unnest('{u:a,u:b,u:c,u:d}'::text[]) i;
SELECT * FROM pg_temp.look('1 s') WHERE finding = 'identities_unmatched';
SELECT pg_temp.said('participant_joined', 'room 2', 'u:e');
BEGIN;
CALL pg_temp.anew();
SELECT pg_temp.lesson('i', 'hall', '-10 min', '{41,42,43}'), pg_temp.said('participant_joined', 'hall', 'student:41');
SELECT severity, finding, fix FROM pg_temp.look('1 s') WHERE finding = 'identities_unmatched';
ROLLBACK;
SELECT severity, finding, minutes, evidence, fix FROM pg_temp.look('1 s');
INSERT INTO attendance.identity_alias VALUES ('u:a', 'anna');
SELECT pg_temp.said('participant_joined', 'room 3', 'u:f');
SELECT * FROM pg_temp.look('1 s');

-- sessions_overdue and tick_stopped: nobody calls tick() any more; then somebody does. Until the end of a session nothing is due.
CALL pg_temp.anew();
SELECT pg_temp.lesson('o', 'hall', '0', '{1}');
SELECT pg_temp.said('participant_joined', 'hall', '1');
SET application_name = 'nightly.sh';
SELECT * FROM pg_temp.look('1 min');
SELECT minutes, f.severity, f.finding, f.since = pg_temp.at('50 min') AS since_due, f.since = pg_temp.at('1 min') AS since_ticked,
       regexp_replace(f.evidence, '\d{4}-\d\d-\d\d [0-9:.]+\+00', '<time>', 'g') AS evidence
FROM unnest('{5,6,50,55,56,110,111}'::integer[]) minutes, attendance.diagnose(pg_temp.at('0') + minutes * interval '1 min') f
WHERE f.finding NOT LIKE 'webhooks%' ORDER BY minutes, f.severity, f.finding;
SELECT finding, fix FROM attendance.diagnose(pg_temp.at('56 min'));
SELECT * FROM pg_temp.look('56 min');
-- Overdue though somebody does: who has its room keeps it waiting.
UPDATE attendance.session SET reopened_at = pg_temp.at('57 min');
UPDATE attendance.ticked SET by_other_at = pg_temp.at('63 min');
SELECT finding, since = pg_temp.at('57 min') AS since_reopened, fix FROM attendance.diagnose(pg_temp.at('63 min'));
-- One entered afterwards is due from then on.
CALL pg_temp.anew();
SELECT pg_temp.lesson('o', 'hall', '-500 h', '{1}');
UPDATE attendance.ticked SET by_other_at = pg_temp.at('4 min');
SELECT finding FROM attendance.diagnose(pg_temp.at('4 min'));

-- finalising_fails, critical the third time.
CALL pg_temp.anew();
SELECT pg_temp.lesson('f', 'hall', '-2 h', '{1,13}'), pg_temp.said('participant_joined', 'hall', '1');
ALTER TABLE attendance.result ADD CONSTRAINT no_thirteen CHECK (attendee <> '13');
SELECT hours, l.severity, l.finding, l.minutes, l.evidence, l.fix FROM unnest('{0,1 min,3 min,9 min}'::text[]) hours, pg_temp.look(hours) l;
ALTER TABLE attendance.result DROP CONSTRAINT no_thirteen;
CALL pg_temp.mend('finalising_fails', '9 min');
SELECT * FROM pg_temp.look('9 min');

-- policy_missing: deleted though sessions to come, or people in them, have it. Final sessions keep its numbers.
CALL pg_temp.anew();
INSERT INTO attendance.policy (policy) VALUES ('exam'), ('strict');
SELECT attendance.schedule_session('hall', pg_temp.at('-2 h'), pg_temp.at('-1 h'), 'past', policy => 'exam'),
       attendance.schedule_session('hall', pg_temp.at('20 h'), pg_temp.at('21 h'), 'next', policy => 'exam'),
       attendance.schedule_session('hall', pg_temp.at('30 h'), pg_temp.at('31 h'), 'later', policy => 'exam');
SELECT attendance.enrol('next', '1', policy => 'strict');
SELECT * FROM pg_temp.look('0');
DELETE FROM attendance.policy WHERE policy <> 'default';
SELECT severity, finding, minutes, evidence, fix FROM pg_temp.look('0');
CALL pg_temp.mend('policy_missing', '0');
SELECT evidence FROM pg_temp.look('0');
CALL pg_temp.mend('policy_missing', '0');
SELECT * FROM pg_temp.look('0');

-- policy_unused: not one that sessions or people have.
INSERT INTO attendance.policy (policy) VALUES ('old');
SELECT severity, finding, minutes, evidence, fix FROM pg_temp.look('0');
CALL pg_temp.mend('policy_unused', '0');
SELECT * FROM pg_temp.look('0');

-- Worst first, then oldest.
CALL pg_temp.anew();
SELECT count(pg_temp.said('participant_joined', 'hall', n::text, precise => 0)) FROM generate_series(1, 5) n;
SELECT outcome FROM attendance.ingest('no JSON');
SELECT pg_temp.lesson('x' || n, 'cellar', n || ' h', '{1,2,3,4,5}') FROM generate_series(1, 3) n;
SELECT severity, finding FROM pg_temp.look('23 h');

-- It says what it takes for a fault.
SELECT t.* FROM attendance.threshold t \gx
CALL pg_temp.anew();
