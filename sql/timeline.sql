-- A session as a picture: its structure, every bar of every row, and names that are not plain.
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
BEGIN;
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.quarantine, attendance.session CASCADE;

CREATE FUNCTION pg_temp.said(event text, identity text, joined time, at time, name text DEFAULT NULL,
    kind text DEFAULT 'STANDARD') RETURNS text LANGUAGE sql AS $$
    SELECT r.outcome
    FROM attendance.ingest(json_build_object(
        'event', event, 'id', concat_ws(' ', 'EV', event, identity, joined, at),
        'createdAt', extract(epoch FROM '2026-01-05'::timestamptz + at)::bigint::text,
        'room', json_build_object('sid', 'RM_1', 'name', 'r<&>'),
        'participant', json_build_object('sid', concat_ws(' ', 'PA', identity, joined), 'identity', identity, 'name', name,
            'kind', kind, 'joinedAtMs', (1000 * extract(epoch FROM '2026-01-05'::timestamptz + joined))::bigint::text))::text) r
$$;

-- From 10:00 to 11:00; presence counts from 9:55 to 11:10, gaps of up to three minutes too. The picture goes from 9:49 to
-- 11:16, so a minute is 640/87 pixels wide.
INSERT INTO attendance.policy (policy, count_early, count_overtime, bridge_gap, late_after)
VALUES ('timeline', '5 min', '10 min', '3 min', '10 min');
SELECT attendance.schedule_session('r<&>', '2026-01-05 10:00', '2026-01-05 11:00', 't', 'timeline', '<b>"A" & ''B''</b>');
SELECT attendance.enrol('t', a, name => n, excused => x)
FROM (VALUES ('1', 'أحمد بن عبد الرحمن', NULL), ('2', '<script>alert(1)</script>', NULL), ('3', 'O''Brien "x" & sons', NULL),
             ('4', 'Maximilian Featherstonehaugh-Cholmondeley', NULL), ('5', E'up \u202Edown\x01\uFFFE', NULL), ('6', 'Ill', 'ill'),
             ('7', NULL, NULL), ('8', '山田太郎山田太郎山田太郎山田太郎', NULL), ('9', 'Recorder', NULL)) e (a, n, x);
SELECT pg_temp.said('participant_left', '1', '09:50', '11:14'),     -- counts neither at the start nor at the end
       pg_temp.said('participant_left', '2', '09:58', '10:20'),
       pg_temp.said('participant_left', '2', '10:22', '10:40'),     -- a gap that counts
       pg_temp.said('participant_left', '2', '10:44', '11:00'),     -- and one that does not
       pg_temp.said('participant_left', '3_a', '10:00', '10:50'),
       pg_temp.said('participant_left', '3_b', '10:10', '11:01'),   -- two devices
       pg_temp.said('participant_joined', '4', '10:14', '10:14'),   -- no leave
       pg_temp.said('participant_joined', '5', '10:02', '10:02'),   -- no leave, but another connection
       pg_temp.said('participant_left', '5', '10:30', '11:02'),
       pg_temp.said('participant_connection_aborted', '8', '10:20', '10:21'),
       pg_temp.said('participant_left', '9', '10:20', '10:50', NULL, 'EGRESS'),
       pg_temp.said('participant_left', 'guest', '10:20', '10:50', 'Guest');
SELECT attendance.override('t', '2', 'late', 'was told to');

CREATE TABLE pg_temp.picture AS
    SELECT v.version, l.n, l.line
    FROM (VALUES ('after', attendance.timeline_svg('t', '2026-01-05 15:00')),
                 ('during', attendance.timeline_svg('t', '2026-01-05 10:45'))) v (version, svg),
         string_to_table(v.svg, E'\n') WITH ORDINALITY l (line, n);

-- One root, labelled by its title and description; no name becomes markup.
SELECT line FROM picture WHERE version = 'after' AND n <= 3;
SELECT line FROM picture WHERE version = 'after' AND line ~ '^<text' AND line !~ 'class="(tick|limit)';
SELECT tag, count(*)
FROM picture, regexp_matches(line, '</?[a-zA-Z!?]+', 'g') m (m), LATERAL (SELECT trim(LEADING '</' FROM m[1]) AS tag) t
WHERE version = 'after' GROUP BY tag ORDER BY tag;
DO $$
BEGIN
    ASSERT xml_is_well_formed_document(attendance.timeline_svg('t', '2026-01-05 15:00'));
EXCEPTION WHEN feature_not_supported THEN  -- built without libxml
END
$$;

-- A row for each person, as assess() orders them.
CREATE VIEW pg_temp.drawn AS
    SELECT version, n, substring(line, 'row ([a-z]+)') AS status, substring(line, 'translate\(0,(\d+)\)') AS y,
           substring(line, '<title>([^<]*)') AS title, substring(line, 'class="name"[^>]*>([^<]*)') AS name, line,
           regexp_replace(substring(line, 'class="status"[^>]*>(.*)</g>'), '<[^>]*>', ' ', 'g') AS says
    FROM picture WHERE line LIKE '<g class="row %';
SELECT status, y, title FROM drawn WHERE version = 'after' ORDER BY n;
SELECT name, says FROM drawn WHERE version = 'after' ORDER BY n;

-- Its bars, each from where to where in minutes after 9:49.
CREATE VIEW pg_temp.bar AS
    SELECT version, n, name, m[1] AS kind, round((m[2]::numeric - 210) * 87 / 640) AS since,
           round((m[2]::numeric + m[4]::numeric - 210) * 87 / 640) AS until, m[3] AS y, m[5] AS height
    FROM drawn, regexp_matches(line, '<rect class="([a-z]+)" x="([\d.]+)" y="(\d+)" width="([\d.]+)" height="(\d+)"', 'g') m;
SELECT name, kind, since, until, y, height FROM bar WHERE version = 'after' ORDER BY n, since, y, until;
-- What is drawn as counting is what assess() counted.
SELECT d.version, d.name, d.minutes, b.minutes AS drawn
FROM (SELECT *, substring(title, ', (\d+) min')::numeric AS minutes FROM drawn) d
LEFT JOIN (SELECT version, n, sum(until - since) AS minutes FROM bar WHERE kind IN ('counted', 'bridged')
           GROUP BY version, n) b USING (version, n)
WHERE d.minutes <> coalesce(b.minutes, 0);
-- Ends that were inferred, and why; who is still there, and what else is another picture while the session runs.
SELECT version, name, m[1] AS ended_by, round((m[3]::numeric - 210) * 87 / 640) AS at, m[2] AS because
FROM drawn, regexp_matches(line, '<g class="([a-z_]+)"><title>([^<]*)</title><path class="edge" d="M([\d.]+),', 'g') m
ORDER BY version, n;
SELECT version, name, round((substring(line, 'class="open" d="M([\d.]+),')::numeric - 210) * 87 / 640) AS at
FROM drawn WHERE line LIKE '%class="open"%' ORDER BY version, n;
SELECT name, kind, since, until FROM bar b WHERE version = 'during'
    AND NOT EXISTS (SELECT FROM bar a
                    WHERE a.version = 'after' AND (a.name, a.kind, a.since, a.until) = (b.name, b.kind, b.since, b.until))
ORDER BY n, since;

-- The window, its lines and the instant of a picture drawn while it runs; ticks at round times of the session's time zone.
SELECT version, regexp_replace(line, '</?(g|text|title)[^>]*>', ' ', 'g') AS line
FROM picture WHERE line ~ 'class="(margin|window|line|now)"' AND line !~ '^\.' ORDER BY version, n;
CREATE FUNCTION pg_temp.ticks(session_id text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(m[1], ' ' ORDER BY n)
    FROM string_to_table(attendance.timeline_svg(session_id, '2026-01-05 15:00'), E'\n') WITH ORDINALITY l (line, n),
         regexp_matches(line, '^<path class="grid".*>([^<]+)</text><text') m
$$;
SELECT attendance.schedule_session('r', '2026-01-05 10:07:41', '2026-01-05 10:52:41', 'short'),
       attendance.schedule_session('r', '2026-01-05 10:00', '2026-01-05 10:00', 'empty'),
       attendance.schedule_session('r', '2026-01-05 08:30', '2026-01-05 16:30', 'day'),
       attendance.schedule_session('r', '2026-01-05 08:30', '2026-01-30 16:30', 'month');
SELECT s AS session_id, pg_temp.ticks(s) FROM unnest('{t,short,empty,day,month}'::text[]) s;
SET LOCAL timezone = 'Asia/Kathmandu';
SELECT s AS session_id, pg_temp.ticks(s) FROM unnest('{t,short,day}'::text[]) s;
SET LOCAL timezone = 'UTC';

-- Nobody, and one that was cancelled.
SELECT attendance.cancel_session('empty');
SELECT line FROM string_to_table(attendance.timeline_svg('empty', '2026-01-05 15:00'), E'\n') line WHERE line ~ '^<text';

-- Asked again it is the same, and it is the size of its rows: 300 people have 300.
SELECT attendance.timeline_svg('t', '2026-01-05 15:00') = attendance.timeline_svg('t', '2026-01-05 15:00') AS same;
SELECT count(attendance.enrol('day', n::text)) FROM generate_series(1, 300) n;
SELECT count(*) FILTER (WHERE line LIKE '<g class="row absent"%') AS rows,
       min(substring(line, '<svg.*(viewBox="[^"]*")')) AS size
FROM string_to_table(attendance.timeline_svg('day', '2026-01-05 15:00'), E'\n') line;
ROLLBACK;

\set VERBOSITY sqlstate
SELECT attendance.timeline_svg('there is none');
