-- What each call tells the feed, as changes_since() reads it. Commits out of order are for test/t/009_changes.pl.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE FUNCTION pg_temp.send(event text, id text, who text, at integer) RETURNS text LANGUAGE sql AS $$
    SELECT (attendance.ingest(json_build_object(
        'event', event, 'id', id, 'createdAt', 1770000000 + at, 'room', json_build_object('sid', 'RM_1', 'name', 'feed'),
        'participant', json_build_object('sid', 'PA_' || who, 'identity', who, 'joinedAt', 1770000000))::text)).outcome
$$;
CREATE TEMP TABLE place AS SELECT attendance.current_cursor() AS cursor;
SELECT cursor AS beginning FROM place \gset
CREATE FUNCTION pg_temp.news() RETURNS TABLE (kind text, room text, session_id text, attendee text, event text, event_id text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    given text := (SELECT p.cursor FROM place p);
BEGIN
    RETURN QUERY SELECT c.kind, c.room, c.session_id, c.attendee, c.event, c.event_id FROM attendance.changes_since(given) c;
    UPDATE place SET cursor = attendance.current_cursor();
END
$$;
SELECT to_timestamp(1770000000) AS starts_at, to_timestamp(1770003600) AS ends_at \gset

-- The schedule: sessions, and their rosters.
SELECT attendance.schedule_session('feed', :'starts_at', :'ends_at', 'a');
SELECT attendance.enrol('a', '5'), attendance.enrol('a', '6'), attendance.unenrol('a', '6');
SELECT * FROM pg_temp.news();

-- Events, whatever they are about; a duplicate is no news, nor is what was not recorded.
SELECT pg_temp.send('participant_joined', 'EV_1', '5_ameer', 0), pg_temp.send('participant_joined', 'EV_1', '5_ameer', 0),
       pg_temp.send('room_metadata_changed', 'EV_2', NULL, 10), (attendance.ingest('{}')).outcome;
SELECT count(*) FROM attendance.reconcile('feed', '{"participants": []}', to_timestamp(1770000100));
SELECT * FROM pg_temp.news();

-- A finalisation: everybody's result, then the session, which is final now. Again: nothing.
SELECT attendance.finalise('a', to_timestamp(1770007200));
SELECT * FROM pg_temp.news();
SELECT attendance.finalise('a', to_timestamp(1770007200));
SELECT * FROM pg_temp.news();

-- A late event opens the session again; then the result that differs, and no other.
SELECT attendance.enrol('a', '7');
SELECT attendance.finalise('a', to_timestamp(1770007200));
SELECT count(*) FROM pg_temp.news();
SELECT pg_temp.send('participant_left', 'EV_3', '5_ameer', 3000);
SELECT * FROM pg_temp.news();
SELECT attendance.finalise('a', to_timestamp(1770007200));
SELECT * FROM pg_temp.news();

-- An alias moves stays from one to another.
INSERT INTO attendance.identity_alias VALUES ('5_ameer', '7');
SELECT * FROM pg_temp.news();
SELECT attendance.finalise('a', to_timestamp(1770007200));
SELECT * FROM pg_temp.news();

-- Marks by hand, in a final session and in one that is not.
SELECT attendance.override('a', '5', 'excused', 'ill');
SELECT * FROM pg_temp.news();
SELECT attendance.schedule_session('feed', :'ends_at', to_timestamp(1770007200), 'b'), attendance.enrol('b', '5');
SELECT count(*) FROM pg_temp.news();
SELECT attendance.override('b', '5', 'excused', 'ill');
SELECT attendance.clear_override('b', '5', 'well again');
SELECT attendance.cancel_session('b');
SELECT * FROM pg_temp.news();

-- Pages: each row has the cursor behind it, so that any of them is a place to go on from.
CREATE TEMP TABLE page AS SELECT row_number() OVER () AS n, * FROM attendance.changes_since(:'beginning');
SELECT count(*) AS changes, count(DISTINCT cursor) AS cursors FROM page;
SELECT count(*) AS places, count(*) FILTER (WHERE following = remaining) AS right_places
FROM (SELECT p.n, (SELECT count(*) FROM page q WHERE q.n > p.n) AS remaining,
             (WITH RECURSIVE r AS (
                  SELECT p.cursor, 0 AS n
                  UNION ALL
                  SELECT c.cursor, r.n + 1 FROM r, attendance.changes_since(r.cursor, 1) c)
              SELECT max(n) FROM r) AS following
      FROM page p) places;
SELECT count(*) FROM attendance.changes_since(:'beginning', 5);

-- What is no cursor, and no number of rows.
\set SHOW_CONTEXT never
SELECT * FROM attendance.changes_since('EV_1');
SELECT * FROM attendance.changes_since(NULL, 0);

-- forget() takes the name out of the feed, and purge() all of it.
BEGIN;
SELECT count(*) FROM attendance.change WHERE room = 'feed' AND attendee = '7';
SELECT changed > 0 AS changed FROM attendance.forget('7') WHERE relation = 'change';
SELECT count(*) FROM attendance.change WHERE room = 'feed' AND attendee = '7';
DO 'BEGIN PERFORM attendance.purge(''infinity''); END';
SELECT count(*) FROM attendance.changes_since(NULL);
ROLLBACK;
