-- From judgement to a result that stays: finalising, reopening, failing, cancelling.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine, attendance.session CASCADE;

-- A webhook as LiveKit sends it. All are of one day.
CREATE FUNCTION pg_temp.said(event text, room text, identity text, joined time, at time) RETURNS text LANGUAGE sql AS $$
    SELECT r.outcome
    FROM attendance.ingest(json_build_object(
        'event', event, 'id', concat_ws(' ', 'EV', event, room, identity, joined, at),
        'createdAt', extract(epoch FROM '2026-01-05'::timestamptz + at)::bigint::text,
        'room', json_build_object('sid', 'RM_' || room, 'name', room),
        'participant', json_build_object('sid', concat_ws(' ', 'PA', room, identity, joined), 'identity', identity,
            'joinedAtMs', (1000 * extract(epoch FROM '2026-01-05'::timestamptz + joined))::bigint::text))::text) r
$$;
CREATE VIEW pg_temp.result AS
    SELECT session_id, attendee, status, rule, percent, inferred, revision
    FROM attendance.result ORDER BY session_id, attendee;
CREATE VIEW pg_temp.state AS
    SELECT session_id, cancelled_at IS NOT NULL AS cancelled, to_char(finalised_at, 'HH24:MI') AS finalised,
           reopened_at IS NOT NULL AS reopened, attempts, to_char(retry_at, 'DD HH24:MI') AS retry_at, last_error
    FROM attendance.session ORDER BY session_id;

-- Due five minutes after the end, not before; then the first revision. Again, whether by tick or by hand, changes nothing.
SELECT attendance.schedule_session('a', '2026-01-05 11:00', '2026-01-05 12:00', 'a');
SELECT attendance.enrol('a', '1'), attendance.enrol('a', '2'), attendance.enrol('a', '3');
SELECT pg_temp.said('participant_left', 'a', '1', '11:00', '12:00'), pg_temp.said('participant_joined', 'a', '2', '11:10', '11:10');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:04:59.999999');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:05');
SELECT * FROM pg_temp.result;
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:06');
SELECT attendance.finalise('a', '2026-01-05 12:07');
SELECT * FROM pg_temp.result;
SELECT count(*) FROM attendance.result_revision;

-- A leave that comes late reopens the session: until the next tick the report is provisional again, though the result is
-- there. Then only who changed has a new revision, and the old one is kept.
SELECT pg_temp.said('participant_left', 'a', '2', '11:10', '11:20');
SELECT attendee, status, state, revision FROM attendance.report WHERE session_id = 'a' ORDER BY attendee;
SELECT * FROM pg_temp.state;
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:30');
SELECT * FROM pg_temp.result;
SELECT attendee, status, percent, inferred, revision, replaced_at > computed_at AS replaced FROM attendance.result_revision;
SELECT attendee, status, state, revision FROM attendance.report WHERE session_id = 'a' ORDER BY attendee;

-- What cannot matter reopens nothing: an event known already, one of another room, one from after the end.
SELECT pg_temp.said('participant_left', 'a', '2', '11:10', '11:20'), pg_temp.said('participant_left', 'b', '2', '11:10', '11:20'),
       pg_temp.said('participant_left', 'a', '2', '12:00', '12:20'), pg_temp.said('track_published', 'a', '4', '12:00', '12:20');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:31');

-- A policy edited afterwards does not touch what is final, not even when new evidence reopens it.
UPDATE attendance.policy SET late_after = '5 min', partial_below = 10 WHERE policy = 'default';
SELECT attendance.finalise('a', '2026-01-05 12:32');
SELECT pg_temp.said('participant_left', 'a', '3', '11:10', '11:46');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:40');
SELECT * FROM pg_temp.result;
-- It is for those who ask: a preview by the numbers of now.
SELECT attendee, status FROM attendance.assess('a', '2026-01-05 12:40', 'default') ORDER BY attendee;
UPDATE attendance.policy SET late_after = '15 min', partial_below = 50 WHERE policy = 'default';

-- The roster changed after all was final: that reopens too. Who is no longer on it and was not there has no row any more.
SELECT attendance.enrol('a', '4', excused => 'ill'), attendance.unenrol('a', '3'), attendance.enrol('a', '2', name => 'Two');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:50');
SELECT r.attendee, r.enrolled, r.name, r.status, r.revision FROM attendance.result r ORDER BY r.attendee;
SELECT attendance.unenrol('a', '4');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:51');
SELECT attendee, revision FROM attendance.result ORDER BY attendee;
SELECT attendee, status, revision FROM attendance.result_revision ORDER BY attendee, revision;
-- And back: the revisions go on where they were.
SELECT attendance.enrol('a', '4');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:52');
SELECT attendee, status, revision FROM attendance.result WHERE attendee = '4';

-- A mark set by hand stays through every computation, beside what was computed; another one takes it back.
INSERT INTO attendance.override (room, session_id, attendee, status, reason) VALUES ('a', 'a', '2', 'present', 'was in the library');
SELECT attendance.finalise('a', '2026-01-05 13:00');
SELECT pg_temp.said('participant_left', 'a', '2', '11:30', '11:36');
SELECT * FROM attendance.tick(as_of => '2026-01-05 13:10');
SELECT attendee, status, computed_status, rule, percent, overridden, revision FROM attendance.result WHERE attendee = '2';
INSERT INTO attendance.override (room, session_id, attendee, status, reason) VALUES ('a', 'a', '2', NULL, 'was not');
SELECT attendance.finalise('a', '2026-01-05 13:11');
SELECT attendee, status, computed_status, rule, overridden, revision FROM attendance.result WHERE attendee = '2';

-- Finalised before the end, to look at: it stays due, and is done at its time.
SELECT attendance.schedule_session('early', '2026-01-05 11:00', '2026-01-05 12:00', 'early');
SELECT pg_temp.said('participant_joined', 'early', '1', '11:00', '11:00');
SELECT attendance.finalise('early', '2026-01-05 11:40');
SELECT * FROM pg_temp.result WHERE session_id = 'early';
SELECT * FROM pg_temp.state WHERE session_id = 'early';
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:04');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:05');
SELECT * FROM pg_temp.result WHERE session_id = 'early';

-- A cancelled session is neither finalised nor reported; its old result waits. Scheduled again it is judged anew.
SELECT attendance.cancel_session('early');
SELECT pg_temp.said('participant_left', 'early', '1', '11:00', '11:30');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:20');
SELECT count(*) FROM attendance.report WHERE session_id = 'early';
SELECT attendance.schedule_session('early', '2026-01-05 11:00', '2026-01-05 12:00', 'early');
SELECT * FROM pg_temp.state WHERE session_id = 'early';
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:21');
SELECT * FROM pg_temp.result WHERE session_id = 'early';
-- Another time for a session that is final is another session to judge.
SELECT attendance.schedule_session('early', '2026-01-05 11:00', '2026-01-05 11:40', 'early');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:22');
SELECT * FROM pg_temp.result WHERE session_id = 'early';

-- In another room it takes all that is known of it along.
SELECT attendance.enrol('early', '1', name => 'One');
SELECT attendance.schedule_session('empty', '2026-01-05 11:00', '2026-01-05 11:40', 'early');
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:23');
SELECT room, name, status, revision FROM attendance.result WHERE session_id = 'early';
SELECT array_agg(DISTINCT room) AS rooms, count(*) FROM attendance.result_revision WHERE session_id = 'early';

-- Oldest end first, and no more at once than asked for.
SELECT attendance.schedule_session('many', '2026-01-05 14:00', '2026-01-05 14:00'::timestamptz + n * interval '1 min', 'many ' || n)
FROM unnest('{3,1,4,2}'::integer[]) n;
SELECT session_id, outcome FROM attendance.tick(2, '2026-01-05 15:00');
SELECT session_id, outcome FROM attendance.tick(1, '2026-01-05 15:00');
SELECT session_id, outcome FROM attendance.tick(as_of => '2026-01-05 15:00');

-- One that fails is recorded, stops no other, and is tried again after 1, 2, 4 minutes; nothing of its result is left half
-- written. When it can, it succeeds, and the failures are forgotten.
SELECT attendance.schedule_session('bad', '2026-01-05 16:00', '2026-01-05 16:30', 'bad'),
       attendance.schedule_session('good', '2026-01-05 16:00', '2026-01-05 16:40', 'good');
SELECT attendance.enrol('bad', '1'), attendance.enrol('bad', '13'), attendance.enrol('good', '1');
ALTER TABLE attendance.result ADD CONSTRAINT no_thirteen CHECK (attendee <> '13');
SELECT * FROM attendance.tick(as_of => '2026-01-05 17:00');
SELECT * FROM pg_temp.result WHERE session_id IN ('bad', 'good');
SELECT * FROM pg_temp.state WHERE session_id IN ('bad', 'good');
SELECT m AS minute, outcome
FROM generate_series(0, 8) m, attendance.tick(as_of => '2026-01-05 17:00'::timestamptz + m * interval '1 min')
ORDER BY m;
-- The delay ends at a day.
UPDATE attendance.session SET attempts = 30 WHERE session_id = 'bad';
SELECT outcome, changed FROM attendance.tick(as_of => '2026-01-06 17:00');
SELECT * FROM pg_temp.state WHERE session_id = 'bad';
ALTER TABLE attendance.result DROP CONSTRAINT no_thirteen;
SELECT count(*) FROM attendance.tick(as_of => '2026-01-07 16:59');
SELECT * FROM attendance.tick(as_of => '2026-01-07 17:00');
SELECT * FROM pg_temp.state WHERE session_id = 'bad';
SELECT * FROM pg_temp.result WHERE session_id = 'bad';
