-- Limits to the microsecond, and the windows, roles and rooms that decide what counts.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.session CASCADE;

-- Webhooks have milliseconds at best, so stays are put into the evidence as they would be after a join and a leave. The
-- identity is what the case is about; as it does not begin with a number it is the attendee too.
CREATE PROCEDURE pg_temp.stay(room text, identity text, joined_at timestamptz, left_at timestamptz,
                              role text DEFAULT NULL, room_sid text DEFAULT NULL) LANGUAGE sql AS $$
    INSERT INTO attendance.participation
        (room, participant_sid, room_sid, identity, role, counted, cycle, seen_at, state_version, state_at, state_event_id)
    VALUES (room, gen_random_uuid(), room_sid, identity, role, true, attendance.cycle(joined_at, left_at),
            coalesce(left_at, joined_at), 1, joined_at, '')
$$;
CREATE TYPE pg_temp.visit AS (who text, joined_at text, left_at text);
CREATE PROCEDURE pg_temp.visits(room text, visits pg_temp.visit[]) LANGUAGE plpgsql AS $$
DECLARE
    v pg_temp.visit;
BEGIN
    FOREACH v IN ARRAY visits LOOP
        CALL pg_temp.stay(room, v.who, v.joined_at::timestamptz, v.left_at::timestamptz);
    END LOOP;
END
$$;
CREATE VIEW pg_temp.judged AS
    SELECT s.session_id, a.attendee, a.status, a.rule, a.attended, a.percent, a.late_by, a.early_by, a.is_late, a.left_early,
           a.cycles, a.rejoins, a.longest_gap, a.inferred
    FROM attendance.session s, attendance.assess(s.session_id, '2027-01-01') a;

-- Start and end: half-open, so who leaves at the start or joins at the end was not there.
SELECT attendance.schedule_session('edges', '2026-01-05 11:00', '2026-01-05 12:00', 'edges');
CALL pg_temp.visits('edges', ARRAY[
    ('all of it', '2026-01-05 11:00', '2026-01-05 12:00'),
    ('around it', '2026-01-05 10:00', '2026-01-05 13:00'),
    ('leaves at the start', '2026-01-05 10:00', '2026-01-05 11:00'),
    ('leaves 1 us after the start', '2026-01-05 10:00', '2026-01-05 11:00:00.000001'),
    ('joins 1 us before the end', '2026-01-05 11:59:59.999999', '2026-01-05 13:00'),
    ('joins at the end', '2026-01-05 12:00', '2026-01-05 13:00'),
    ('joins and leaves at once', '2026-01-05 11:30', '2026-01-05 11:30'),
    ('1 us', '2026-01-05 11:30', '2026-01-05 11:30:00.000001')]::pg_temp.visit[]);
SELECT attendance.enrol('edges', identity) FROM attendance.participation WHERE room = 'edges' ORDER BY identity;
SELECT attendee, rule, attended, percent, late_by, early_by FROM pg_temp.judged WHERE session_id = 'edges' ORDER BY attendee;

-- Every limit: at it and one microsecond beyond. Late is strictly after its limit, absent_after from its limit on; shares
-- are of what is less, and exact, though per cent are shown rounded.
INSERT INTO attendance.policy (policy, late_after, absent_after, absent_below, partial_below, early_leave_after)
    VALUES ('limits', '15 min', '30 min', 10, 50, '5 min');
SELECT attendance.schedule_session('limits', '2026-01-05 11:00', '2026-01-05 12:00', 'limits', 'limits');
CALL pg_temp.visits('limits', ARRAY[
    ('late: at the limit', '2026-01-05 11:15', '2026-01-05 12:00'),
    ('late: 1 us after', '2026-01-05 11:15:00.000001', '2026-01-05 12:00'),
    ('absent after: 1 us before', '2026-01-05 11:29:59.999999', '2026-01-05 12:00'),
    ('absent after: at the limit', '2026-01-05 11:30', '2026-01-05 12:00'),
    ('early leave: at the limit', '2026-01-05 11:00', '2026-01-05 11:55'),
    ('early leave: 1 us before', '2026-01-05 11:00', '2026-01-05 11:54:59.999999'),
    ('half: all of it', '2026-01-05 11:00', '2026-01-05 11:30'),
    ('half: less 1 us', '2026-01-05 11:00', '2026-01-05 11:29:59.999999'),
    ('tenth: all of it', '2026-01-05 11:00', '2026-01-05 11:06'),
    ('tenth: less 1 us', '2026-01-05 11:00', '2026-01-05 11:05:59.999999'),
    ('late and partial', '2026-01-05 11:20', '2026-01-05 11:40')]::pg_temp.visit[]);
SELECT attendee, status, rule, attended, percent, is_late, left_early FROM pg_temp.judged WHERE session_id = 'limits' ORDER BY attendee;

-- Limits that are NULL never apply; a share with four decimals is as exact.
INSERT INTO attendance.policy (policy, late_after, early_leave_after, partial_below) VALUES ('lenient', NULL, NULL, 33.3333);
SELECT attendance.schedule_session('lenient', '2026-01-05 11:00', '2026-01-05 14:00', 'lenient', 'lenient');
CALL pg_temp.visits('lenient', ARRAY[
    ('a third, in the middle', '2026-01-05 12:00', '2026-01-05 13:00'),
    ('33.3333 %: all of it', '2026-01-05 11:00', '2026-01-05 11:59:59.9964'),
    ('33.3333 %: less 1 us', '2026-01-05 11:00', '2026-01-05 11:59:59.996399')]::pg_temp.visit[]);
SELECT attendee, status, percent, is_late, left_early FROM pg_temp.judged WHERE session_id = 'lenient' ORDER BY attendee;

-- A session of no length: nobody can be in it, and no per cent of it. With time around it that counts, one can.
INSERT INTO attendance.policy (policy, count_early, count_overtime) VALUES ('around', '10 min', '5 min');
SELECT attendance.schedule_session('moment', '2026-01-05 11:00', '2026-01-05 11:00', 'moment'),
       attendance.schedule_session('moment', '2026-01-05 11:00', '2026-01-05 11:00', 'moment, around', 'around');
CALL pg_temp.visits('moment', ARRAY[('there', '2026-01-05 10:00', '2026-01-05 12:00')]::pg_temp.visit[]);
SELECT attendance.enrol(session_id, 'there') FROM attendance.session WHERE room = 'moment';
SELECT session_id, status, rule, attended, percent FROM pg_temp.judged WHERE session_id LIKE 'moment%' ORDER BY session_id;

-- Across midnight.
SELECT attendance.schedule_session('night', '2026-01-05 23:30', '2026-01-06 00:30', 'night');
CALL pg_temp.visits('night', ARRAY[('half of it', '2026-01-05 23:45', '2026-01-06 00:15')]::pg_temp.visit[]);
SELECT attended, percent, late_by, early_by FROM pg_temp.judged WHERE session_id = 'night';

-- Across a change of the clocks. In spring 01:30 to 03:30 is one hour, in autumn 02:30 to 02:30 is one too. 24 hours
-- around a session are 24 hours on every day. In whatever time zone one asks, the answer is the same.
INSERT INTO attendance.policy (policy, late_after, count_early, count_overtime) VALUES ('day', '24 h', '24 h', '24 h');
SET timezone = 'Europe/Berlin';
SELECT attendance.schedule_session('clocks', '2026-03-29 01:30', '2026-03-29 03:30', 'spring'),
       attendance.schedule_session('clocks', '2026-10-25 02:30+02', '2026-10-25 02:30+01', 'autumn'),
       attendance.schedule_session('clocks', '2026-03-29 10:00', '2026-03-29 11:00', 'spring, a day before', 'day'),
       attendance.schedule_session('clocks', '2026-03-28 10:00', '2026-03-28 11:00', 'spring, a day after', 'day');
CALL pg_temp.visits('clocks', ARRAY[
    ('half of it', '2026-03-29 01:45', '2026-03-29 03:15'),
    ('half of it', '2026-10-25 02:45+02', '2026-10-25 02:15+01'),
    ('around it', '2026-03-26', '2026-04-01')]::pg_temp.visit[]);
SELECT session_id, attendee, attended, percent, late_by, early_by FROM pg_temp.judged WHERE session_id ~ 'spring|autumn' ORDER BY 1, 2;
SET timezone = 'UTC';
SELECT session_id, attendee, attended, percent, late_by, early_by FROM pg_temp.judged WHERE session_id ~ 'spring|autumn' ORDER BY 1, 2;

-- One stay in two lessons of a room, each clipped to its own; 10:45 to 11:15 is a quarter of an hour of the second.
SELECT attendance.schedule_session('two', '2026-01-05 10:00', '2026-01-05 11:00', 'first'),
       attendance.schedule_session('two', '2026-01-05 11:00', '2026-01-05 12:00', 'second');
CALL pg_temp.visits('two', ARRAY[
    ('stays for both', '2026-01-05 09:55', '2026-01-05 12:05'),
    ('from 10:45 to 11:15', '2026-01-05 10:45', '2026-01-05 11:15')]::pg_temp.visit[]);
SELECT attendee, session_id, attended, late_by, early_by FROM pg_temp.judged WHERE session_id IN ('first', 'second') ORDER BY 1, 2;

-- bridge_gap: a gap of exactly that counts as presence and is no return; one microsecond more is a gap. Gaps are bridged
-- before clipping, so also one around the start.
INSERT INTO attendance.policy (policy, bridge_gap) VALUES ('bridged', '2 min');
SELECT attendance.schedule_session('gap', '2026-01-05 11:00', '2026-01-05 12:00', 'bridged', 'bridged'),
       attendance.schedule_session('gap', '2026-01-05 11:00', '2026-01-05 12:00', 'not bridged');
CALL pg_temp.visits('gap', ARRAY[
    ('2 min', '2026-01-05 11:00', '2026-01-05 11:30'), ('2 min', '2026-01-05 11:32', '2026-01-05 12:00'),
    ('2 min and 1 us', '2026-01-05 11:00', '2026-01-05 11:30'), ('2 min and 1 us', '2026-01-05 11:32:00.000001', '2026-01-05 12:00'),
    ('around the start', '2026-01-05 10:00', '2026-01-05 10:59'), ('around the start', '2026-01-05 11:01', '2026-01-05 12:00'),
    ('around the end', '2026-01-05 11:00', '2026-01-05 11:59'), ('around the end', '2026-01-05 12:01', '2026-01-05 13:00'),
    ('never', '2026-01-05 10:00', '2026-01-05 10:58'), ('never', '2026-01-05 12:01', '2026-01-05 13:00')]::pg_temp.visit[]);
SELECT session_id, attendee, attended, late_by, early_by, cycles, rejoins, longest_gap
FROM pg_temp.judged WHERE session_id LIKE '%bridged' ORDER BY 1, 2;

-- count_early and count_overtime widen the window: 10 min before and 5 min after count, per cent stop at 100, and who came
-- before the start is not late.
SELECT attendance.schedule_session('around', '2026-01-05 11:00', '2026-01-05 12:00', 'around', 'around');
CALL pg_temp.visits('around', ARRAY[
    ('long before and after', '2026-01-05 10:00', '2026-01-05 13:00'),
    ('before only', '2026-01-05 10:00', '2026-01-05 10:50:00.000001'),
    ('too early', '2026-01-05 10:00', '2026-01-05 10:50'),
    ('after only', '2026-01-05 12:04:59.999999', '2026-01-05 13:00'),
    ('too late', '2026-01-05 12:05', '2026-01-05 13:00')]::pg_temp.visit[]);
SELECT attendee, status, attended, percent, late_by, early_by, left_early FROM pg_temp.judged WHERE session_id = 'around' ORDER BY 1;

-- Two devices at once count once, one within the other, one after the other, and touching: no return, no gap.
SELECT attendance.schedule_session('devices', '2026-01-05 11:00', '2026-01-05 12:00', 'devices');
CALL pg_temp.visits('devices', ARRAY[
    ('5_phone', '2026-01-05 11:00', '2026-01-05 11:40'), ('user-5', '2026-01-05 11:20', '2026-01-05 11:50'),
    ('6_phone', '2026-01-05 11:00', '2026-01-05 12:00'), ('6', '2026-01-05 11:20', '2026-01-05 11:30'),
    ('7_phone', '2026-01-05 11:00', '2026-01-05 11:20'), ('7', '2026-01-05 11:20', '2026-01-05 11:40'),
    ('8_phone', '2026-01-05 11:00', '2026-01-05 11:20'), ('8', '2026-01-05 11:30', '2026-01-05 11:40')]::pg_temp.visit[]);
SELECT attendee, attended, cycles, rejoins, longest_gap FROM pg_temp.judged WHERE session_id = 'devices' ORDER BY 1;

-- The roster: excused goes before all else, there or not; an observer is not judged, by role from LiveKit or from the
-- roster, which goes first; who is there unenrolled is in the report, marked so; an enrolment's own policy goes before the
-- session's.
INSERT INTO attendance.policy (policy, partial_below) VALUES ('teacher', 90);
SELECT attendance.schedule_session('roster', '2026-01-05 11:00', '2026-01-05 12:00', 'roster');
SELECT attendance.enrol('roster', '1', 'teacher', policy => 'teacher'), attendance.enrol('roster', '2'),
       attendance.enrol('roster', '3', excused => 'ill'), attendance.enrol('roster', '4', excused => 'ill'),
       attendance.enrol('roster', '5', 'observer'), attendance.enrol('roster', '6', 'student'), attendance.enrol('roster', '7');
CALL pg_temp.visits('roster', ARRAY[
    ('1', '2026-01-05 11:00', '2026-01-05 11:53'), ('2', '2026-01-05 11:00', '2026-01-05 11:53'),
    ('3', '2026-01-05 11:00', '2026-01-05 11:53'), ('5', '2026-01-05 11:00', '2026-01-05 12:00'),
    ('guest', '2026-01-05 11:00', '2026-01-05 12:00'), ('left before', '2026-01-05 10:00', '2026-01-05 11:00')]::pg_temp.visit[]);
CALL pg_temp.stay('roster', '6', '2026-01-05 11:00', '2026-01-05 12:00', 'observer');
CALL pg_temp.stay('roster', '8_inspector', '2026-01-05 11:00', '2026-01-05 12:00', 'observer');
SELECT attendee, role, enrolled, status, rule, percent FROM attendance.assess('roster', '2027-01-01') ORDER BY attendee;

-- An alias makes the guest the one who was missing, at once and until it is deleted.
INSERT INTO attendance.identity_alias VALUES ('guest', '7');
SELECT attendee, enrolled, status FROM pg_temp.judged j JOIN attendance.assess('roster', '2027-01-01') USING (attendee, status)
WHERE j.session_id = 'roster' AND attendee IN ('7', 'guest');
DELETE FROM attendance.identity_alias WHERE identity = 'guest';
SELECT attendee, enrolled, status FROM attendance.assess('roster', '2027-01-01') WHERE attendee IN ('7', 'guest') ORDER BY 1;

-- A room that is used again: the first instance crashed, so its open stay ends where the second starts and not in the
-- lesson of the second. Another room's instance ends nothing.
INSERT INTO attendance.room_instance (room, room_sid, started_at) VALUES
    ('reused', 'RM_1', '2026-01-05 10:55'), ('other', 'RM_3', '2026-01-05 11:10'), ('reused', 'RM_2', '2026-01-05 11:50');
SELECT attendance.schedule_session('reused', '2026-01-05 11:00', '2026-01-05 11:30', 'reused, first'),
       attendance.schedule_session('reused', '2026-01-05 12:00', '2026-01-05 12:30', 'reused, second');
CALL pg_temp.stay('reused', 'only in the first', '2026-01-05 11:00', NULL, room_sid => 'RM_1');
CALL pg_temp.stay('reused', 'in both', '2026-01-05 11:00', NULL, room_sid => 'RM_1');
CALL pg_temp.stay('reused', 'in both', '2026-01-05 12:10', '2026-01-05 12:30', room_sid => 'RM_2');
SELECT session_id, attendee, attended, cycles, inferred FROM pg_temp.judged WHERE session_id LIKE 'reused%' ORDER BY 1, 2;

-- As of an instant during the lesson: open stays count until then, nobody there has left early, and a leave that is known
-- already stands.
SELECT attendance.schedule_session('now', '2026-01-05 11:00', '2026-01-05 12:00', 'now');
CALL pg_temp.visits('now', ARRAY[('there', '2026-01-05 11:10', NULL), ('gone', '2026-01-05 11:00', '2026-01-05 11:20')]::pg_temp.visit[]);
SELECT attendee, attended, last_leave, early_by, left_early, inferred FROM attendance.assess('now', '2026-01-05 11:30') ORDER BY 1;

-- stale_after: an open stay is believed that long after its last evidence and not a microsecond longer; 0 believes nothing.
INSERT INTO attendance.policy (policy, stale_after) VALUES ('strict', '0'), ('ten', '10 min');
SELECT attendance.enrol('now', 'there');
SELECT as_of, policy, a.rule, a.attended, a.inferred
FROM unnest('{2026-01-05 11:20,2026-01-05 11:20:00.000001,2026-01-05 12:10}'::timestamptz[]) as_of,
     unnest('{strict,ten,default}'::text[]) policy, attendance.assess('now', as_of, policy) a
WHERE a.attendee = 'there'
ORDER BY as_of, policy;

DELETE FROM attendance.policy WHERE policy <> 'default';
