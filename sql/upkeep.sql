-- What is done to evidence long after it came in: rebuilding, retrying, purging, forgetting.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
    attendance.refusal, attendance.session, attendance.identity_alias CASCADE;

-- A webhook as LiveKit sends it, and its body alone. All are of one day.
CREATE FUNCTION pg_temp.body(event text, room text, identity text, joined time, at time, name text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
    SELECT json_build_object(
        'event', event, 'id', concat_ws(' ', 'EV', event, room, joined, at, left(md5(identity), 4)),
        'createdAt', extract(epoch FROM '2026-01-05'::timestamptz + at)::bigint::text,
        'room', json_build_object('sid', 'RM_' || room, 'name', room, 'creationTime', 1767600000),
        'participant', json_build_object('sid', concat_ws(' ', 'PA', room, joined, left(md5(identity), 4)), 'identity', identity,
            'name', name, 'joinedAtMs', (1000 * extract(epoch FROM '2026-01-05'::timestamptz + joined))::bigint::text))::text
$$;
CREATE FUNCTION pg_temp.said(event text, room text, identity text, joined time, at time, name text DEFAULT NULL) RETURNS text
LANGUAGE sql AS $$
    SELECT r.outcome FROM attendance.ingest(pg_temp.body(event, room, identity, joined, at, name)) r
$$;
-- One hash over some tables of the schema, or all.
CREATE FUNCTION pg_temp.tables(names text[] DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hash text := '';
    here text;
    relation regclass;
BEGIN
    FOR relation IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'attendance'::regnamespace AND relkind = 'r' AND (names IS NULL OR relname = ANY (names))
        ORDER BY relname
    LOOP
        EXECUTE format('SELECT md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %s t', relation) INTO here;
        hash := md5(concat(hash, here));
    END LOOP;
    RETURN hash;
END
$$;

-- Every recording: webhooks, those refused too, and what ListParticipants answered.
\set lesson `cat "$PG_ABS_SRCDIR/test/recordings/lesson/webhooks.jsonl"`
\set v1_13_5 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.13.5/webhooks.jsonl"`
\set v1_8_4 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.8.4/webhooks.jsonl"`
\set cluster `cat "$PG_ABS_SRCDIR/test/recordings/cluster-v1.13.5/webhooks.jsonl"`
\set outages `cat "$PG_ABS_SRCDIR/test/recordings/outages-v1.13.5/webhooks.jsonl"`
\set snapshots `cat "$PG_ABS_SRCDIR"/test/recordings/*/snapshots.jsonl`
SELECT outcome, count(*)
FROM (VALUES (:'lesson'), (:'v1_13_5'), (:'v1_8_4'), (:'cluster'), (:'outages')) v (lines), string_to_table(v.lines, E'\n') line,
     attendance.ingest(line::json ->> 'body')
GROUP BY outcome ORDER BY outcome;
SELECT count(DISTINCT line::json ->> 'observed_at') AS snapshots, change, count(r)
FROM string_to_table(:'snapshots', E'\n') line
LEFT JOIN LATERAL attendance.reconcile(coalesce(line::json ->> 'room', 'session-96'), line::json ->> 'body',
                                       (line::json ->> 'observed_at')::timestamptz) r ON true
GROUP BY change ORDER BY change;
SELECT sum(attendance.heartbeat(p.room, p.identity, p.seen_at + interval '1 min 1 us')) AS heartbeats
FROM attendance.participation p WHERE attendance.is_open(p.cycle);
SELECT attendance.schedule_session('session-96', '2026-11-21 01:43:45.485Z', '2026-11-21 02:28:45.485Z', 'lesson');
SELECT attendance.finalise('lesson', '2026-11-21 02:34Z') AS judged;

-- rebuild: the log, folded into empty tables, gives the tables there are. Heartbeats are not in the log and stay.
SELECT pg_temp.tables() AS before \gset
SELECT count(*) AS rooms, sum(events) AS events, (SELECT count(*) FROM attendance.event) AS logged, bool_or(changed) AS changed
FROM attendance.rebuild();
SELECT * FROM attendance.rebuild('rejoin');
SELECT * FROM attendance.rebuild('no such room');
SELECT count(heartbeat_at) > 0 AS heartbeats FROM attendance.participation;
SELECT pg_temp.tables() = :'before' AS unchanged;

-- Wrong rows, whoever wrote them, do not outlive it, and what was made of them is judged again.
UPDATE attendance.participation SET cycle = attendance.cycle(attendance.joined_at(cycle)) WHERE identity = '9_layla-hassan';
DELETE FROM attendance.room_instance WHERE room = 'clean';
INSERT INTO attendance.snapshot VALUES ('killed', '2026-11-21 01:41Z', 0, 'nowhere');
SELECT attendance.finalise('lesson', '2026-11-21 02:35Z') AS judged;
SELECT room, changed FROM attendance.rebuild() WHERE changed ORDER BY room;
SELECT session_id, reopened_at IS NOT NULL AS reopened FROM attendance.session;
SELECT changed FROM attendance.tick(as_of => '2026-11-21 02:36Z');
SELECT pg_temp.tables('{event,participation,room_instance,snapshot}') AS evidence \gset
SELECT attendee, revision, attended FROM attendance.result WHERE attendee = '9'
UNION ALL
SELECT attendee, revision, attended FROM attendance.result_revision WHERE attendee = '9' ORDER BY revision;
SELECT bool_or(changed) AS changed FROM attendance.rebuild();
SELECT pg_temp.tables('{event,participation,room_instance,snapshot}') = :'evidence' AS unchanged;

-- retry_quarantine. As bodies are that no version could read yet, and this one can: put there by hand.
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.session CASCADE;
CREATE FUNCTION pg_temp.kept(body text, signed_by text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO attendance.quarantine (sha256, reason, length, body, signed_by, received_at)
    SELECT sha256(b), 'by hand', length(b), substring(b FOR 1048576), signed_by,
           '2026-01-05'::timestamptz + (SELECT count(*) FROM attendance.quarantine) * interval '1 s'
    FROM convert_to(body, 'UTF8') b
$$;
SELECT pg_temp.kept(pg_temp.body('participant_left', 'r', '1', '11:00', '11:30'), 'devkey'),
       pg_temp.kept(pg_temp.body('participant_left', 'r', '2', '11:00', '11:40')),
       pg_temp.kept('{"event":"participant_left","id":"EV_3","createdAt":"never"}', 'devkey'),
       pg_temp.kept(rpad(pg_temp.body('participant_left', 'r', '4', '11:00', '11:30'), 1048577), 'devkey');
SELECT pg_temp.said('participant_left', 'r', '2', '11:00', '11:40');
-- What leaves is in the log, signed by whoever signed it; a duplicate leaves too. What still cannot be read stays, and what
-- was cut is not tried.
SELECT convert_from(q.body, 'UTF8')::json ->> 'id' AS body, r.outcome, r.reason, r.event_id
FROM attendance.quarantine q, attendance.retry_quarantine(q.sha256) r WHERE q.signed_by IS NULL;
SELECT left(r.sha256::text, 6) AS sha256, r.outcome, r.reason, r.event_id FROM attendance.retry_quarantine() r;
SELECT event_id, signed_by FROM attendance.event ORDER BY event_id;
SELECT length, octet_length(body) AS kept, reason FROM attendance.quarantine ORDER BY length;
-- By hand: nobody signed what was corrected. A correction that is none changes nothing.
SELECT sha256 AS broken FROM attendance.quarantine WHERE length < 1000 \gset
SELECT sha256 AS cut FROM attendance.quarantine WHERE length > 1000 \gset
SELECT r.outcome, r.reason, r.event_id FROM attendance.retry_quarantine(:'broken', '{"event":"participant_left"}') r;
SELECT r.outcome, r.reason, r.event_id
FROM attendance.retry_quarantine(:'broken', pg_temp.body('participant_left', 'r', '3', '11:00', '11:30')) r;
SELECT count(*) FROM attendance.retry_quarantine(:'cut');
SELECT r.outcome, r.reason, r.event_id
FROM attendance.retry_quarantine(:'cut', pg_temp.body('participant_left', 'r', '4', '11:00', '11:30')) r;
SELECT event_id, signed_by FROM attendance.event ORDER BY event_id;
SELECT count(*) FROM attendance.quarantine;
SELECT count(*) FROM attendance.retry_quarantine();
-- It is evidence like any other: what is final is judged again.
SELECT attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', 's');
SELECT attendance.finalise('s', '2026-01-05 12:05');
SELECT pg_temp.kept(pg_temp.body('participant_left', 'r', '1', '11:40', '12:00'));
SELECT outcome FROM attendance.retry_quarantine();
SELECT changed FROM attendance.tick(as_of => '2026-01-05 12:06');

SELECT * FROM attendance.retry_quarantine('\x00');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM attendance.retry_quarantine(body => '{}');
\echo :LAST_ERROR_SQLSTATE

-- quarantine_limit: what comes beyond it is counted, and gets the same receipt. What is there already still counts itself.
UPDATE attendance.configuration SET quarantine_limit = 1000;
SELECT count(*), min(r.outcome) AS outcome, max(r.http_status) AS status, min(r.reason) AS reason
FROM generate_series(1, 10) n, attendance.ingest(n || repeat(' ', 99)) r;
SELECT count(*), sum(length + 256) <= 1000 AS within FROM attendance.quarantine;
SELECT reason, sum(times) AS times FROM attendance.refusal GROUP BY reason;
SELECT outcome FROM attendance.ingest('1' || repeat(' ', 99));
SELECT times, count(*) FROM attendance.quarantine GROUP BY times ORDER BY times;
SELECT sum(times) AS times FROM attendance.refusal;
-- In a batch too. With a limit of 0 nothing is kept.
TRUNCATE attendance.quarantine, attendance.refusal;
SELECT outcome, count(*) FROM attendance.ingest_batch(ARRAY(SELECT n || repeat(' ', 99) FROM generate_series(1, 10) n)) GROUP BY outcome;
SELECT count(*), (SELECT sum(times) FROM attendance.refusal) AS counted FROM attendance.quarantine;
UPDATE attendance.configuration SET quarantine_limit = 0;
TRUNCATE attendance.quarantine, attendance.refusal;
SELECT outcome FROM attendance.ingest('{}'::text);
SELECT count(*), (SELECT sum(times) FROM attendance.refusal) AS counted FROM attendance.quarantine;
UPDATE attendance.configuration SET quarantine_limit = DEFAULT;

-- purge. In the room, by the hour: a lesson that is final, one that is final and revised, then the horizon at 13:00, and one
-- that is not final. Elsewhere: a lesson that was reopened, one that was never final, and one that reaches over the horizon.
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.session,
    attendance.quarantine, attendance.refusal CASCADE;
SELECT attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 11:00', 'ten'),
       attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', 'eleven'),
       attendance.schedule_session('r', '2026-01-05 13:00', '2026-01-05 14:00', 'one'),
       attendance.schedule_session('open', '2026-01-05 10:00', '2026-01-05 11:00', 'reopened'),
       attendance.schedule_session('late', '2026-01-05 12:30', '2026-01-05 13:30', 'late');
SELECT count(attendance.enrol(session_id, attendee)) FROM attendance.session, unnest('{1,2,3}'::text[]) attendee;
-- 1 comes to each lesson; 2 stays for all of them; 3 comes at ten and never leaves, as far as anybody knows. 1 and 3 are
-- listed once. The last sign of 4 is after what is known of their end.
SELECT pg_temp.said('participant_joined', 'r', '1', '10:00', '10:00'), pg_temp.said('participant_left', 'r', '1', '10:00', '11:00'),
       pg_temp.said('participant_left', 'r', '1', '11:00', '12:00'), pg_temp.said('participant_joined', 'r', '1', '13:00', '13:00'),
       pg_temp.said('participant_joined', 'r', '2', '10:05', '10:05'), pg_temp.said('participant_joined', 'r', '3', '09:30', '09:30'),
       pg_temp.said('participant_left', 'r', '4', '10:00', '11:00'), pg_temp.said('track_unpublished', 'r', '4', '10:00', '13:00');
SELECT pg_temp.said('track_published', 'r', '2', '10:05', '12:30');
SELECT * FROM attendance.reconcile('r', json_build_object('participants', ARRAY(
    SELECT json_build_object('sid', participant_sid, 'identity', identity, 'state', 'ACTIVE', 'kind', 'STANDARD', 'version', 9,
                             'joinedAtMs', (extract(epoch FROM attendance.joined_at(cycle)) * 1000)::bigint::text)
    FROM attendance.participation WHERE room = 'r' AND attendance.joined_at(cycle) < '2026-01-05 10:30' AND identity <> '4'
    ORDER BY identity))::text, '2026-01-05 10:30');
SELECT pg_temp.said('participant_left', room, '1', joined, gone)
FROM (VALUES ('open', time '10:00', time '11:00'), ('late', '12:30', '13:30')) v (room, joined, gone);
SELECT session_id, changed FROM attendance.tick(as_of => '2026-01-05 12:05');
SELECT attendance.override('eleven', '1', 'late', 'said so');
SELECT attendance.finalise('late', '2026-01-05 13:40');
SELECT attendance.schedule_session('never', '2026-01-05 10:00', '2026-01-05 11:00', 'never');
SELECT pg_temp.said('participant_left', 'open', '2', '10:00', '11:00'), pg_temp.said('participant_left', 'never', '1', '09:50', '10:50'),
       pg_temp.said('participant_left', 'never', '1', '09:40', '10:00');
SELECT attendance.ingest('nonsense'::text), attendance.ingest_signed('{}'::text, 'no token');
UPDATE attendance.quarantine SET last_received_at = '2026-01-05 12:00';
UPDATE attendance.refusal SET day = '2026-01-04';
SELECT pg_temp.tables('{result,result_revision,override,frozen_policy,enrolment}') AS before \gset
SELECT pg_temp.tables('{participation,room_instance,snapshot}') AS evidence \gset
CREATE TEMP TABLE judged AS SELECT a.* FROM unnest('{one,reopened,never,late}'::text[]) s, attendance.assess(s, '2026-01-05 15:00') a;

SELECT * FROM attendance.purge('2026-01-05 09:00');
SELECT pg_temp.tables('{participation,room_instance,snapshot}') = :'evidence' AS unchanged;
SELECT * FROM attendance.purge('2026-01-05 13:00') ORDER BY room;
SELECT session_id, sealed_at IS NOT NULL AS sealed, reopened_at IS NOT NULL AS reopened FROM attendance.session ORDER BY session_id;
SELECT room, event_id FROM attendance.event ORDER BY room, event_id;
SELECT room, participant_sid, cycle FROM attendance.participation ORDER BY room, participant_sid;
SELECT (SELECT count(*) FROM attendance.quarantine) AS quarantine, (SELECT count(*) FROM attendance.refusal) AS refusal;
-- Results stand, and whoever is judged yet is judged as before. What is left of the log still gives what is left of the stays.
SELECT pg_temp.tables('{result,result_revision,override,frozen_policy,enrolment}') = :'before' AS unchanged;
SELECT count(*) AS judged, count(*) FILTER (WHERE a = j) AS same
FROM judged j LEFT JOIN attendance.assess(j.session_id, '2026-01-05 15:00') a USING (attendee);
SELECT room, changed FROM attendance.rebuild() ORDER BY room;
SELECT count(*) AS judged, count(*) FILTER (WHERE a = j) AS same
FROM judged j LEFT JOIN attendance.assess(j.session_id, '2026-01-05 15:00') a USING (attendee);
-- Again there is nothing to do.
SELECT * FROM attendance.purge('2026-01-05 13:00') ORDER BY room;

-- A sealed session: its evidence is gone, and its result stays. Nobody can change it, and every way to try says why.
SELECT session_id, state, count(*) FROM attendance.report WHERE session_id IN ('ten', 'eleven') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM attendance.assess('ten', '2026-01-05 15:00');
\echo :LAST_ERROR_SQLSTATE
\set VERBOSITY terse
SELECT * FROM attendance.explain('ten', '1', '2026-01-05 15:00');
SELECT attendance.finalise('ten', '2026-01-05 15:00');
SELECT attendance.recompute('ten');
SELECT attendance.recompute('ten', 'default');
SELECT attendance.override('ten', '1', 'absent', 'why');
SELECT attendance.clear_override('eleven', '1', 'why');
SELECT attendance.enrol('ten', '5');
SELECT attendance.unenrol('ten', '1');
SELECT attendance.cancel_session('ten');
SELECT attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 11:30', 'ten');
\set VERBOSITY default
SELECT session_id, attendee, new_status FROM attendance.simulate('default', '2026-01-05', '2026-01-06');
-- LiveKit repeats itself, or somebody changes an alias: nothing of it moves.
SELECT pg_temp.said('participant_left', 'r', '1', '10:00', '11:00'), pg_temp.said('participant_left', 'r', '3', '09:30', '10:45');
INSERT INTO attendance.identity_alias VALUES ('1', '2');
DELETE FROM attendance.identity_alias;
SELECT session_id, reopened_at IS NOT NULL AS reopened FROM attendance.session WHERE session_id IN ('ten', 'eleven') ORDER BY 1;
SELECT pg_temp.tables('{result,result_revision,override,frozen_policy,enrolment}') = :'before' AS unchanged;
SELECT session_id, outcome FROM attendance.tick(as_of => '2026-01-05 15:00') ORDER BY 1;
-- When all is final, all of it goes.
SELECT * FROM attendance.purge('2026-01-06') ORDER BY room;
SELECT count(*) FILTER (WHERE sealed_at IS NULL) AS unsealed FROM attendance.session;
SELECT count(*) AS evidence FROM (SELECT room FROM attendance.event UNION ALL SELECT room FROM attendance.participation
    UNION ALL SELECT room FROM attendance.room_instance UNION ALL SELECT room FROM attendance.snapshot) e;

-- A policy that believes a silent stay for longer than most keeps its evidence for as long.
INSERT INTO attendance.policy (policy, stale_after) VALUES ('patient', '24 h');
SELECT attendance.schedule_session('patient', '2026-01-05 15:00', '2026-01-05 16:00', 'patient', 'patient');
SELECT pg_temp.said('participant_joined', 'patient', '1', '10:00', '10:00');
SELECT attended FROM attendance.assess('patient', '2026-01-07');
SELECT * FROM attendance.purge('2026-01-05 14:00');
SELECT attended FROM attendance.assess('patient', '2026-01-07');
-- A cancelled session is sealed like a final one: it cannot take place after all when nobody knows who came.
SELECT attendance.schedule_session('cancelled', '2026-01-05 10:00', '2026-01-05 11:00', 'cancelled');
SELECT pg_temp.said('participant_left', 'cancelled', '1', '10:00', '11:00');
SELECT attendance.cancel_session('cancelled');
SELECT * FROM attendance.purge('2026-01-05 14:00');
SELECT attendance.schedule_session('cancelled', '2026-01-05 10:00', '2026-01-05 11:00', 'cancelled');
SELECT session_id, sealed_at IS NOT NULL AS sealed FROM attendance.session WHERE session_id = 'cancelled';

-- forget. Somebody who is everywhere: two identities of one pattern and an alias, on the roster, excused, in results, with a
-- mark by hand, listed, recorded, quarantined. Beside them somebody whom nothing of it concerns.
DELETE FROM attendance.policy WHERE policy <> 'default';
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.session,
    attendance.quarantine, attendance.identity_alias CASCADE;
INSERT INTO attendance.identity_alias VALUES ('guest-zorba', '770055'), ('guest-other', '880066');
SELECT attendance.schedule_session('r', '2026-01-05 11:00', '2026-01-05 12:00', 'first'),
       attendance.schedule_session('r', '2026-01-05 12:00', '2026-01-05 13:00', 'second'),
       attendance.schedule_session('r', '2026-01-05 13:00', '2026-01-05 14:00', 'third');
SELECT attendance.enrol('third', '770055', name => ''), attendance.enrol('first', '770055', name => 'Zorba Quixote'), attendance.enrol('first', '880066', name => 'Other'),
       attendance.enrol('second', '770055', name => 'Zorba Quixote', excused => 'Zorba has a cold');
SELECT pg_temp.said('participant_joined', 'r', '770055_zorba', '11:00', '11:00', 'Zorba Quixote'),
       pg_temp.said('track_published', 'r', '770055_zorba', '11:00', '11:01'),
       pg_temp.said('participant_left', 'r', '770055_zorba', '11:00', '11:20', 'Zorba'),
       pg_temp.said('participant_connection_aborted', 'r', 'user-770055', '11:21', '11:22', 'Zorba Quixote'),
       pg_temp.said('participant_left', 'r', 'guest-zorba', '11:30', '11:50', 'Zorba on a phone'),
       pg_temp.said('participant_joined', 'r', '770055_zorba', '12:30', '12:30', 'Zorba Quixote'),
       pg_temp.said('participant_left', 'r', '880066_other', '11:05', '12:00', 'Other'),
       pg_temp.said('participant_left', 'r', 'guest-other', '12:30', '13:00', 'Other');
SELECT outcome FROM attendance.ingest(json_build_object('event', 'egress_started', 'id', 'EV_egress', 'createdAt', '1767610800',
    'egressInfo', json_build_object('egressId', 'EG_1', 'roomName', 'r', 'participant', json_build_object('identity', '770055_zorba')))::text);
SELECT change FROM attendance.reconcile('r', json_build_object('participants', ARRAY(
    SELECT json_build_object('sid', participant_sid, 'identity', identity, 'name', name, 'state', 'ACTIVE', 'kind', 'STANDARD',
                             'version', 9, 'joinedAtMs', (extract(epoch FROM attendance.joined_at(cycle)) * 1000)::bigint::text)
    FROM attendance.participation WHERE attendance.joined_at(cycle) = '2026-01-05 12:30' ORDER BY identity))::text, '2026-01-05 12:45');
SELECT attendance.finalise(session_id, ends_at + '5 min') FROM attendance.session ORDER BY starts_at;
SET attendance.actor = '880066';
SELECT attendance.override('first', '770055', 'late', 'Zorba came by bus');
SET attendance.actor = '770055';
SELECT attendance.override('first', '880066', 'present', 'helped');
RESET attendance.actor;
SELECT pg_temp.said('participant_left', 'r', '770055_zorba', '12:30', '12:50', 'Zorba Quixote');
SELECT session_id, changed FROM attendance.tick(as_of => '2026-01-05 14:10') ORDER BY 1;
-- Bodies that cannot be read: by identity, by name, by id alone, as JSON in a string, cut short; and two of others.
SELECT r.outcome
FROM (VALUES ('{"participant":{"identity":"770055_zorba"}}'), ('{"participant":{"name":"Zorba Quixote"}}'),
             ('{"participant":{"identity":"770055"}}'), ('"{\"participant\":{\"identity\":\"770055_zorba\"}}"'),
             ('{"participant":{"identity":"770055_zorba'), ('{"participant":{"identity":"880066_other"}}'),
             ('{"participant":{"identity":"1770055","name":""}}')) v (body), attendance.ingest(v.body) r;

-- How many values in each column of each table of the schema tell of the person.
CREATE FUNCTION pg_temp.traces(pattern text) RETURNS TABLE (place text, times bigint) LANGUAGE plpgsql AS $$
BEGIN
    FOR place IN
        SELECT a.attrelid::regclass || '.' || a.attname
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'attendance'::regnamespace AND c.relkind = 'r'
        ORDER BY c.relname, a.attname
    LOOP
        EXECUTE format('SELECT count(*) FROM %s t WHERE CASE WHEN pg_typeof(t.%I) = ''bytea''::regtype
                            THEN encode(t.%2$I::text::bytea, ''escape'') ELSE t.%2$I::text END ~* %L',
                       split_part(place, '.', 1) || '.' || split_part(place, '.', 2), split_part(place, '.', 3), pattern) INTO times;
        IF times > 0 THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
SELECT * FROM pg_temp.traces('(?<![0-9])770055|zorba|quixote');
CREATE TEMP TABLE others AS SELECT * FROM pg_temp.traces('880066|other');
CREATE TEMP TABLE summary AS SELECT * FROM attendance.session_summary;
CREATE TEMP TABLE other_result AS SELECT * FROM attendance.report WHERE attendee = '880066';

SELECT * FROM attendance.forget('770055');
SELECT * FROM pg_temp.traces('(?<![0-9])770055|zorba|quixote');
SELECT count(*) AS differences
FROM (TABLE summary EXCEPT TABLE attendance.session_summary UNION ALL (TABLE attendance.session_summary EXCEPT TABLE summary)) d;
SELECT session_id, reopened_at IS NOT NULL AS reopened FROM attendance.session ORDER BY session_id;
SELECT regexp_replace(attendee, '-.*', '') AS attendee, session_id, name, status, computed_status, attended, revision
FROM attendance.report ORDER BY session_id, attendee;
SELECT count(DISTINCT attendee) AS people FROM attendance.report WHERE attendee LIKE 'forgotten-%';
-- Replaying the log, or judging again, does not bring them back.
SELECT * FROM attendance.rebuild();
SELECT session_id, changed FROM attendance.tick(as_of => '2026-01-05 14:20');
SELECT attendance.finalise(session_id, '2026-01-05 14:20') FROM attendance.session ORDER BY session_id;
SELECT * FROM pg_temp.traces('(?<![0-9])770055|zorba|quixote');
-- Of the other one nothing is gone.
SELECT count(*) AS differences
FROM (TABLE others EXCEPT SELECT * FROM pg_temp.traces('880066|other')
      UNION ALL (SELECT * FROM pg_temp.traces('880066|other') EXCEPT TABLE others)) d;
SELECT count(*) AS differences
FROM (TABLE other_result EXCEPT SELECT * FROM attendance.report WHERE attendee = '880066'
      UNION ALL (SELECT * FROM attendance.report WHERE attendee = '880066' EXCEPT TABLE other_result)) d;
SELECT convert_from(body, 'UTF8') AS body FROM attendance.quarantine ORDER BY 1;
-- Forgetting somebody of whom nothing is known, or the same one again, changes nothing.
SELECT pg_temp.tables() AS before \gset
SELECT sum(changed) FROM attendance.forget('nobody');
SELECT sum(changed) FROM attendance.forget('770055');
SELECT pg_temp.tables() = :'before' AS unchanged;
