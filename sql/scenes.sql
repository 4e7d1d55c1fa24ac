-- Sixteen scenes on real servers, v1.13.5 and v1.8.4, a cluster and two outages: what each has to lead to.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;

\set v1_13_5 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.13.5/webhooks.jsonl"`
\set v1_8_4 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.8.4/webhooks.jsonl"`
\set cluster `cat "$PG_ABS_SRCDIR/test/recordings/cluster-v1.13.5/webhooks.jsonl"`
\set outages `cat "$PG_ABS_SRCDIR/test/recordings/outages-v1.13.5/webhooks.jsonl"`
\set actions_v1_13_5 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.13.5/actions.jsonl"`
\set actions_v1_8_4 `cat "$PG_ABS_SRCDIR/test/recordings/scenarios-v1.8.4/actions.jsonl"`

CREATE TEMP TABLE request AS
    SELECT v.version, r.n, r.line::json ->> 'status' AS status, r.line::json ->> 'body' AS body,
           (r.line::json ->> 'body')::json #>> '{room,name}' AS room
    FROM (VALUES ('v1.13.5', :'v1_13_5'), ('v1.8.4', :'v1_8_4'), ('cluster', :'cluster'), ('outages', :'outages')) v (version, lines),
         string_to_table(v.lines, E'\n') WITH ORDINALITY r (line, n);
CREATE TEMP TABLE action AS
    SELECT v.version, a.a ->> 'room' AS room, (a.a ->> 'at')::timestamptz AS at, a.a ->> 'who' AS who, a.a ->> 'what' AS what
    FROM (VALUES ('v1.13.5', :'actions_v1_13_5'), ('v1.8.4', :'actions_v1_8_4')) v (version, lines),
         string_to_table(v.lines, E'\n') line, CAST(line AS json) a (a);

-- The recordings reuse the names of rooms, so each is played into empty tables, and what comes of it is kept: the stays,
-- how they ended as of the next day, and the seconds that everybody gets in a session that lasts as long as the recording.
CREATE TEMP TABLE stay (version text, room text, n bigint, identity text, counted boolean, ended text, cycle attendance.cycle);
CREATE TEMP TABLE judged (version text, room text, attendee text, seconds numeric, inferred boolean);
CREATE TEMP TABLE receipt (version text, room text, status text, outcome text);
CREATE PROCEDURE pg_temp.play(played text, hears text, starts_at timestamptz, ends_at timestamptz) LANGUAGE sql AS $$
    TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.quarantine,
        attendance.session CASCADE;
    INSERT INTO receipt
        SELECT played, q.room, q.status, r.outcome
        FROM (SELECT * FROM request q
              WHERE q.version = played AND (q.status = '200' OR q.room ~ hears)
              ORDER BY q.n) q, attendance.ingest(q.body) r;
    INSERT INTO stay
        SELECT played, s.room, row_number() OVER (PARTITION BY s.room ORDER BY attendance.joined_at(s.cycle)), s.identity, s.counted,
               attendance.ended_by(c) || ' after ' || round(extract(epoch FROM attendance.duration(c)), 1) || ' s', c
        FROM attendance.stay s, attendance.resolve(s.cycle, s.seen_at, s.heartbeat_at, s.room_finished_at, s.replaced_at,
                                                   s.missing_at, ends_at + '1 day') c;
    SELECT attendance.schedule_session(room, starts_at, ends_at, room) FROM (SELECT DISTINCT room FROM attendance.participation) r;
    INSERT INTO judged
        SELECT played, a.session_id, a.attendee, round(extract(epoch FROM a.attended), 1), a.inferred
        FROM attendance.session s, attendance.assess(s.session_id, ends_at + '1 day') a;
$$;

-- A receiver that answers 503 or 400 has stored nothing. One whose connection is cut, or that fails after its commit, has:
-- in these two scenes everything counts that reached it.
CALL pg_temp.play('v1.13.5', '^(retry|dropped)$', '2026-11-21 01:40Z', '2026-11-21 01:44Z');
CALL pg_temp.play('v1.8.4', '^(retry|dropped)$', '2026-11-21 01:45Z', '2026-11-21 01:49Z');

CREATE FUNCTION pg_temp.scene(room text) RETURNS TABLE (n bigint, identity text, counted boolean, "v1.13.5" text, "v1.8.4" text)
LANGUAGE sql AS $$
    SELECT n, coalesce(a.identity, b.identity), coalesce(a.counted, b.counted), a.ended, b.ended
    FROM (SELECT * FROM stay WHERE stay.room = scene.room AND version = 'v1.13.5') a
    FULL JOIN (SELECT * FROM stay WHERE stay.room = scene.room AND version = 'v1.8.4') b USING (n)
    ORDER BY n
$$;
CREATE FUNCTION pg_temp.judgement(room text) RETURNS TABLE (attendee text, "v1.13.5" numeric, "v1.8.4" numeric, inferred boolean)
LANGUAGE sql AS $$
    SELECT attendee, a.seconds, b.seconds, bool_or(a.inferred OR b.inferred)
    FROM (SELECT * FROM judged WHERE judged.room = judgement.room AND version = 'v1.13.5') a
    FULL JOIN (SELECT * FROM judged WHERE judged.room = judgement.room AND version = 'v1.8.4') b USING (attendee)
    GROUP BY 1, 2, 3 ORDER BY 1
$$;

-- By the clock of the clients: a connection ends when its client leaves or is removed, 20 s after it is killed, or when the
-- same identity connects again. No stay ends further than 2 s from that. Not here: the rooms whose server is killed or
-- stopped, or whose events are refused; deleting a room is an action of the server.
WITH connection AS (
    SELECT version, room, who, row_number() OVER w AS nth, what,
           lead(at) OVER w + CASE lead(what) OVER w WHEN 'killed' THEN interval '20 s' ELSE '0' END AS gone,
           min(at) FILTER (WHERE what = 'connected') OVER (w ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS again
    FROM action
    WHERE what <> 'signalling only, never connected media'
    WINDOW w AS (PARTITION BY version, room, who ORDER BY at)
), truth AS (
    SELECT version, room, who, row_number() OVER (PARTITION BY version, room, who ORDER BY nth) AS nth, least(gone, again) AS ended
    FROM connection
    WHERE what = 'connected' AND room NOT IN ('server killed', 'server stopped', 'refused', 'deleted')
), known AS (
    SELECT version, room, identity AS who, row_number() OVER (PARTITION BY version, room, identity ORDER BY n) AS nth,
           attendance.left_at(cycle) AS ended
    FROM stay
    WHERE ended NOT LIKE 'aborted%'
)
SELECT t.version, count(DISTINCT t.room) AS rooms, count(*) AS connections, count(k.ended) AS stays,
       max(abs(extract(epoch FROM k.ended - t.ended))) < 2 AS agree
FROM truth t
LEFT JOIN known k USING (version, room, who, nth)
GROUP BY t.version ORDER BY t.version;

-- clean: two people come and go.
SELECT * FROM pg_temp.scene('clean');
SELECT * FROM pg_temp.judgement('clean');

-- rejoin: one comes back four times, the last time after a kill, in a new connection that replaces the dead one. LiveKit
-- tells of that leave itself, so nothing is inferred.
SELECT * FROM pg_temp.scene('rejoin');
SELECT * FROM pg_temp.judgement('rejoin');

-- killed: noticed after 20 s or so, which count.
SELECT * FROM pg_temp.scene('killed');

-- duplicate identity: three connections, each kicked out by the next.
SELECT * FROM pg_temp.scene('duplicate identity');
SELECT * FROM pg_temp.judgement('duplicate identity');

-- kinds: of eight only the person and the caller by phone count.
SELECT * FROM pg_temp.scene('kinds');
SELECT * FROM pg_temp.judgement('kinds');

-- A room and an identity in Arabic, metadata with quotes and backslashes. The role in the attributes goes before the one
-- in the metadata, and the name is the last of those it had.
SELECT * FROM pg_temp.scene('حلقة القرآن ٧');
SELECT name, role, state_version FROM attendance.participation WHERE room = 'حلقة القرآن ٧';
SELECT * FROM pg_temp.judgement('حلقة القرآن ٧');

-- aborted: who only signals was never there. v1.8.4 does not tell of them at all.
SELECT * FROM pg_temp.scene('aborted');
SELECT * FROM pg_temp.judgement('aborted');

-- deleted and removed: the server's word is a leave like any other.
SELECT * FROM pg_temp.scene('deleted');
SELECT * FROM pg_temp.scene('removed');

-- tracks: events about tracks prove presence, and change nothing here.
SELECT * FROM pg_temp.scene('tracks');

-- reused: one name, three instances, one stay in each.
SELECT * FROM pg_temp.scene('reused');
SELECT count(*) AS instances, count(DISTINCT room_sid) AS sids, bool_and(finished_at > started_at) AS finished
FROM attendance.room_instance WHERE room = 'reused';

-- retry: three attempts each, the first two answered with 503 after their commit, as a dying backend might. dropped: the
-- first cut off. Only the first is news.
SELECT version, room, status, outcome, count(*)
FROM receipt
WHERE room IN ('retry', 'dropped')
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4;
SELECT * FROM pg_temp.scene('retry');
SELECT * FROM pg_temp.scene('dropped');

-- refused: 400 loses the event for good, so nothing is known of the lesson.
SELECT count(*) FROM receipt WHERE room = 'refused';

-- server killed: no leave, no finish. The stays of the dead server end where the next instance of the room starts, not at
-- the new connection of the same identity, which comes later.
SELECT * FROM pg_temp.scene('server killed');
SELECT * FROM pg_temp.judgement('server killed');

-- server stopped: nothing ever tells of the end. The stay is believed for three hours after its last evidence, and while
-- those last it is open.
SELECT * FROM pg_temp.scene('server stopped');
SELECT * FROM pg_temp.judgement('server stopped');
SELECT minutes, attendance.resolve(s.cycle, s.seen_at, s.heartbeat_at, s.room_finished_at, s.replaced_at, s.missing_at,
                                   s.seen_at + minutes * interval '1 min')
FROM attendance.stay s, unnest('{0,1,180,181}'::integer[]) minutes
WHERE s.room = 'server stopped';

-- What a backend has that failed before its commit: retries fill every gap but the finish of the room dropped, whose
-- retry v1.13.5 did not live to send, and no stay needs that.
CREATE TEMP TABLE whole AS SELECT * FROM stay;
TRUNCATE stay, judged, receipt;
CALL pg_temp.play('v1.13.5', '^$', '2026-11-21 01:40Z', '2026-11-21 01:44Z');
SELECT room_sid IS NOT NULL AS known, finished_at FROM attendance.room_instance WHERE room = 'dropped';
CALL pg_temp.play('v1.8.4', '^$', '2026-11-21 01:45Z', '2026-11-21 01:49Z');
SELECT outcome, count(*) FROM receipt GROUP BY outcome;
SELECT count(*) AS differences FROM (TABLE whole EXCEPT TABLE stay UNION (TABLE stay EXCEPT TABLE whole)) d;

-- A cluster whose node is killed. 1 never comes back, 2 and 3 do, and 3 once more in a new client. All three old stays end
-- with their instance, which the other node finishes 8 s after the kill; its second room_started moves nothing.
CALL pg_temp.play('cluster', '^$', '2026-11-21 02:10Z', '2026-11-21 02:12Z');
SELECT n, identity, ended, cycle FROM stay WHERE version = 'cluster' ORDER BY n;
SELECT attendee, seconds, inferred FROM judged WHERE version = 'cluster' ORDER BY attendee;
SELECT started_at, finished_at FROM attendance.room_instance ORDER BY started_at;

-- Frozen for 8 s: not noticed. For 45 s: timed out after 20 s, then a connection anew. An outage: the receiver stores
-- nothing for 80 s. The leave of 1 is lost, so they are believed until the room finishes. The join of 2 is lost, but their
-- leave carries it. 3 came and went unnoticed. 4 came after.
CALL pg_temp.play('outages', '^$', '2026-11-21 02:13Z', '2026-11-21 02:15Z');
SELECT room, identity, ended FROM stay WHERE version = 'outages' ORDER BY room, n;
SELECT room, attendee, seconds, inferred FROM judged WHERE version = 'outages' ORDER BY room, attendee;

-- The same outage, had it been of the answers only.
TRUNCATE stay, judged;
CALL pg_temp.play('outages', '', '2026-11-21 02:13Z', '2026-11-21 02:15Z');
SELECT room, identity, ended FROM stay WHERE room = 'outage' ORDER BY n;
SELECT room, attendee, seconds, inferred FROM judged WHERE room = 'outage' ORDER BY attendee;
