-- Marks set by hand, judging again on purpose, and what was said when.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
    attendance.session CASCADE;

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
CREATE VIEW pg_temp.mark AS
    SELECT session_id, attendee, status, computed_status, rule, percent, overridden, state, revision
    FROM attendance.report ORDER BY session_id, attendee;
CREATE VIEW pg_temp.override AS
    SELECT session_id, attendee, status, reason, set_by = session_user AS by_login, nullif(set_by, session_user) AS set_by,
           set_at <= now() AS dated
    FROM attendance.override ORDER BY override_id;
-- One hash over everything that a function may have changed.
CREATE FUNCTION pg_temp.all_tables() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hash text := '';
    here text;
    relation regclass;
BEGIN
    FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'attendance'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
        EXECUTE format('SELECT md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %s t', relation) INTO here;
        hash := md5(concat(hash, here));
    END LOOP;
    RETURN hash;
END
$$;

SELECT attendance.schedule_session('a', '2026-01-05 11:00', '2026-01-05 12:00', 'a');
SELECT attendance.enrol('a', '1'), attendance.enrol('a', '2'), attendance.enrol('a', '3');
SELECT pg_temp.said('participant_left', 'a', '1', '11:00', '12:00'), pg_temp.said('participant_left', 'a', '2', '11:00', '11:20');

-- Before the session is final an override shows at once in what is provisional, and goes into the result.
SELECT attendance.override('a', '2', 'present', 'helped a classmate');
SELECT * FROM pg_temp.mark;
SELECT changed FROM attendance.tick(as_of => '2026-01-05 12:05');
SELECT * FROM pg_temp.mark;

-- Once it is final too, without a tick. Who did it: the application's user if it says so, else who logged in. The one
-- before is kept.
SET attendance.actor = 'head';
SELECT attendance.override('a', '3', 'excused', 'was ill');
SELECT attendance.override('a', '3', 'late', 'came to the office');
SET attendance.actor = '';
SELECT attendance.override('a', '1', 'absent', 'slept');
SELECT * FROM pg_temp.mark;
SELECT * FROM pg_temp.override;
-- The same mark again is news of who said so, not of the mark.
SELECT attendance.override('a', '1', 'absent', 'really slept');
SELECT attendee, status, revision FROM pg_temp.mark WHERE attendee = '1';

-- They outlive a finalisation, a late event and its tick, the numbers of another policy; what is computed moves beside them.
SELECT attendance.finalise('a', '2026-01-05 13:00');
SELECT pg_temp.said('participant_left', 'a', '2', '11:30', '11:46'), pg_temp.said('participant_left', 'a', '3', '11:00', '12:00');
SELECT changed FROM attendance.tick(as_of => '2026-01-05 13:01');
SELECT * FROM pg_temp.mark;
INSERT INTO attendance.policy (policy, partial_below) VALUES ('strict', 90);
SELECT attendance.recompute('a', 'strict');
SELECT * FROM pg_temp.mark;
SELECT attendance.recompute('a', 'default');

-- On one that a late event has reopened: it is final again, with both.
SELECT pg_temp.said('participant_left', 'a', '2', '11:46', '11:59');
SELECT attendance.override('a', '2', 'late', 'as agreed');
SELECT * FROM pg_temp.mark WHERE attendee = '2';
SELECT count(*) FROM attendance.tick(as_of => '2026-01-05 13:02');

-- Taken back, the computed mark holds; the rows stay.
SET attendance.actor = 'head';
SELECT attendance.clear_override('a', '2', 'no reason to'), attendance.clear_override('a', '1', 'was awake');
RESET attendance.actor;
SELECT * FROM pg_temp.mark;
SELECT * FROM pg_temp.override;
-- A guest can have one as well.
SELECT pg_temp.said('participant_left', 'a', 'guest', '11:00', '11:10');
SELECT attendance.override('a', 'guest', 'present', 'inspector');
SELECT * FROM pg_temp.mark WHERE attendee = 'guest';

-- What cannot be meant is refused, and changes nothing.
SELECT attendance.schedule_session('cancelled', '2026-01-05 11:00', '2026-01-05 12:00', 'cancelled');
SELECT attendance.enrol('cancelled', '1');
SELECT attendance.cancel_session('cancelled');
SELECT pg_temp.all_tables() AS before \gset
SELECT attendance.override('no such', '1', 'present', 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.override('a', '4', 'present', 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.override('a', NULL, 'present', 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.override('a', '1', 'sleepy', 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.override('a', '1', NULL, 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.override('a', '1', 'present', '');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.override('a', '1', 'present', NULL);
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.override('cancelled', '1', 'present', 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.clear_override('no such', '1', 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.clear_override('a', '1', 'why');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.clear_override('a', '3', '');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.recompute('no such');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.recompute('a', 'no such');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.recompute('cancelled');
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM attendance.simulate('no such', '2026-01-05', '2026-01-06');
\echo :LAST_ERROR_SQLSTATE
SELECT attendance.revisions('no such', '1');
\echo :LAST_ERROR_SQLSTATE
SELECT pg_temp.all_tables() = :'before' AS unchanged;
-- Nobody can write a mark that is none, or one without a reason, past the functions either.
\set VERBOSITY terse
INSERT INTO attendance.override (room, session_id, attendee, status, reason) VALUES ('a', 'a', '1', 'sleepy', 'why');
INSERT INTO attendance.override (room, session_id, attendee, status, reason) VALUES ('a', 'a', '1', 'late', '');

-- The numbers are those of the first finalisation, an enrolment's own too, until somebody asks.
INSERT INTO attendance.policy (policy, late_after) VALUES ('exam', '5 min'), ('slow', '10 min');
SELECT attendance.schedule_session('b', '2026-01-05 11:00', '2026-01-05 12:00', 'b', 'exam');
SELECT attendance.enrol('b', '1'), attendance.enrol('b', '2', policy => 'slow'), attendance.enrol('b', '3');
SELECT pg_temp.said('participant_left', 'b', who, joined, '12:00')
FROM (VALUES ('1', time '11:08'), ('2', '11:08'), ('3', '11:01')) v (who, joined);
SELECT attendance.finalise('b', '2026-01-05 12:05');
SELECT policy, late_after FROM attendance.frozen_policy WHERE session_id = 'b' ORDER BY policy;
SELECT attendee, status FROM pg_temp.mark WHERE session_id = 'b';
UPDATE attendance.policy SET late_after = '9 min' WHERE policy = 'exam';
UPDATE attendance.policy SET late_after = '1 min' WHERE policy = 'slow';
SELECT attendance.finalise('b', '2026-01-05 12:06');
SELECT attendance.override('b', '3', 'present', 'of course');
SELECT attendee, status, revision FROM pg_temp.mark WHERE session_id = 'b';

-- simulate lists who would be another, and changes nothing; recompute then changes just these. Overrides aside: 3 has one.
-- An enrolment's own policy stays, but with its numbers of now: 2 is late by it.
SELECT pg_temp.all_tables() AS before \gset
SELECT * FROM attendance.simulate('exam', '2026-01-05', '2026-01-06');
SELECT * FROM attendance.simulate('strict', '2026-01-05', '2026-01-06');
SELECT * FROM attendance.simulate('strict', '2026-01-05 11:00:00.000001', '2026-01-06');
SELECT * FROM attendance.simulate('strict', '2026-01-05', '2026-01-05 11:00');
SELECT pg_temp.all_tables() = :'before' AS unchanged;
CREATE TEMP TABLE said AS SELECT session_id, attendee, computed_status FROM attendance.report;
CREATE TEMP TABLE flip AS SELECT session_id, attendee, new_status FROM attendance.simulate('strict', '2026-01-05', '2026-01-06');
SELECT attendance.recompute('a', 'strict'), attendance.recompute('b', 'strict');
SELECT count(*) AS changed, count(*) FILTER (WHERE r.computed_status = f.new_status) AS foretold, (SELECT count(*) FROM flip) AS flips
FROM attendance.report r
JOIN said s USING (session_id, attendee)
LEFT JOIN flip f USING (session_id, attendee)
WHERE r.computed_status <> s.computed_status;
SELECT policy, late_after FROM attendance.frozen_policy WHERE session_id = 'b' ORDER BY policy;

-- With the same policy: by its numbers of now. Again: nothing.
SELECT attendance.recompute('b', 'exam');
SELECT attendee, status, computed_status, revision FROM pg_temp.mark WHERE session_id = 'b';
SELECT attendance.recompute('b');
UPDATE attendance.policy SET late_after = '7 min' WHERE policy = 'exam';
SELECT attendance.recompute('b');
SELECT attendee, status, computed_status, revision FROM pg_temp.mark WHERE session_id = 'b';
SELECT session_id, policy, finalised_at IS NOT NULL AND reopened_at IS NULL AS final FROM attendance.session ORDER BY session_id;

-- One that was never final only gets the policy, and is final when it is due.
SELECT attendance.schedule_session('c', '2026-01-05 11:00', '2026-01-05 12:00', 'c');
SELECT pg_temp.said('participant_left', 'c', '1', '11:20', '11:40');
SELECT attendance.recompute('c', 'strict');
SELECT session_id, policy, finalised_at FROM attendance.session WHERE session_id = 'c';
SELECT count(*) FROM attendance.result WHERE session_id = 'c';
SELECT * FROM attendance.tick(as_of => '2026-01-05 12:05');

-- What was said at a moment, by the database's clock, each of these in a transaction of its own.
SELECT attendance.schedule_session('d', '2026-01-05 11:00', '2026-01-05 12:00', 'd');
SELECT attendance.enrol('d', '1'), attendance.enrol('d', '2');
SELECT clock_timestamp() AS before_all FROM pg_sleep(0.01) \gset
SELECT pg_temp.said('participant_left', 'd', '1', '11:00', '11:20') FROM pg_sleep(0.01);
SELECT attendance.finalise('d', '2026-01-05 12:05') FROM pg_sleep(0.01);
SELECT clock_timestamp() AS when_final FROM pg_sleep(0.01) \gset
SELECT pg_temp.said('participant_left', 'd', '1', '11:30', '12:00') FROM pg_sleep(0.01);
SELECT clock_timestamp() AS when_reopened FROM pg_sleep(0.01) \gset
SELECT changed FROM pg_sleep(0.01), attendance.tick(as_of => '2026-01-05 12:10');
SELECT clock_timestamp() AS when_revised FROM pg_sleep(0.01) \gset
SET attendance.actor = 'head';
SELECT attendance.override('d', '2', 'excused', 'ill') FROM pg_sleep(0.01);
RESET attendance.actor;
SELECT clock_timestamp() AS when_overridden FROM pg_sleep(0.01) \gset
SELECT attendance.enrol('d', '3', name => 'Three'), attendance.unenrol('d', '2') FROM pg_sleep(0.01);
SELECT changed FROM pg_sleep(0.01), attendance.tick(as_of => '2026-01-05 12:20');
SELECT w.what, r.attendee, r.status, r.percent, r.state, r.revision
FROM (VALUES (1, 'before all', :'before_all'), (2, 'final', :'when_final'), (3, 'reopened', :'when_reopened'),
             (4, 'revised', :'when_revised'), (5, 'overridden', :'when_overridden'), (6, 'now', clock_timestamp()::text)) w (n, what, at)
LEFT JOIN LATERAL (SELECT * FROM attendance.report_as_of(w.at::timestamptz) r WHERE r.session_id = 'd') r ON true
ORDER BY w.n, r.attendee;
-- What it says now is the report, wherever that is final.
SELECT count(*) AS differences
FROM (TABLE attendance.report EXCEPT SELECT * FROM attendance.report_as_of(clock_timestamp())
      UNION ALL
      (SELECT * FROM attendance.report_as_of(clock_timestamp()) EXCEPT TABLE attendance.report)) d
WHERE state <> 'provisional' AND session_id <> 'cancelled';
-- At the very instant of a change the new result holds, once.
SELECT v.attendee, v.revision, r.revision AS then
FROM attendance.result_revision v
LEFT JOIN LATERAL (SELECT * FROM attendance.report_as_of(v.replaced_at) r
                   WHERE (r.session_id, r.attendee) = (v.session_id, v.attendee)) r ON true
WHERE v.session_id = 'd'
ORDER BY v.attendee, v.revision;
-- Before any session was known there is nothing to say.
\set VERBOSITY sqlstate
SELECT count(*) FROM attendance.report_as_of('2001-01-01');
\set VERBOSITY default

-- And why it changed: field by field, with what came in between.
SELECT revision, field, was, became, because FROM attendance.revisions('d', '1');
SELECT revision, field, was, became, because FROM attendance.revisions('d', '2');
SELECT count(*) FROM attendance.revisions('d', '3');
-- Only what came of that person or of the room. Taken back is a reason too; so are new numbers, but they have no name.
SELECT changed FROM attendance.tick(as_of => '2026-01-05 12:30');
SELECT pg_temp.said('participant_left', 'd', '3', '11:00', '12:00'), pg_temp.said('participant_left', 'd', '1', '11:20', '11:25');
SELECT attendance.enrol('d', '2');
SELECT changed FROM attendance.tick(as_of => '2026-01-05 12:30');
SET attendance.actor = 'deputy';
SELECT attendance.clear_override('d', '2', 'was not ill');
RESET attendance.actor;
UPDATE attendance.policy SET partial_below = 95 WHERE policy = 'strict';
SELECT attendance.recompute('d', 'strict');
SELECT revision, field, was, became, because FROM attendance.revisions('d', '1') WHERE revision > 2;
SELECT revision, field, was, became, because FROM attendance.revisions('d', '2') WHERE revision > 2;
SELECT revision, field, was, became, because FROM attendance.revisions('d', '3');

DELETE FROM attendance.policy WHERE policy <> 'default';
