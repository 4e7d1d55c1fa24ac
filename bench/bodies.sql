-- What every contender is fed: the recorded lesson (:webhooks, the requests) held in :rooms rooms at once, one event of
-- each room in turn, and again every 100000 s with new ids, until there are :bodies webhooks. Each room has :past
-- final sessions that the events may have to reopen.
CREATE SCHEMA bench;

CREATE TABLE bench.lesson AS
    SELECT ordinality - 1 AS step, request::json ->> 'body' AS body
    FROM regexp_split_to_table(rtrim(pg_read_file(:'webhooks'), E'\n'), '\n') WITH ORDINALITY request;

CREATE FUNCTION bench.body(n bigint, rooms bigint) RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
    -- The lesson's times all begin with 17952, whatever their unit.
    SELECT replace(replace(replace(replace(replace(l.body,
               '"session-96"', format('"session-%s"', n % rooms)),
               '"17952', '"' || 17952 + n / rooms / held.steps),
               '"EV_', '"EV_' || left(md5(n::text), 6)),
               '"RM_', '"RM_' || held.tag),
               '"PA_', '"PA_' || held.tag)
    FROM (SELECT count(*) AS steps, left(md5(format('%s %s', n % rooms, n / rooms / count(*))), 6) AS tag
          FROM bench.lesson) held
    JOIN bench.lesson l ON l.step = n / rooms % held.steps;
END;

CREATE TABLE bench.body AS
    SELECT n, bench.body(n, :rooms) AS body FROM generate_series(0, :bodies - 1) n;
ALTER TABLE bench.body ADD PRIMARY KEY (n);

CREATE TABLE bench.event (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body json NOT NULL
);

CREATE TABLE bench.memory (
    calls       bigint,
    contexts_kb bigint,
    private_kb  bigint
);

CREATE TABLE bench.round (
    synchronous_commit text,
    round              integer,
    contender          text,
    tps                numeric
);

INSERT INTO attendance.session (room, session_id, starts_at, ends_at, finalised_at, judged_until)
SELECT 'session-' || room, format('%s-%s', room, past), at, at + '45 min', at + '50 min', at + '45 min'
FROM generate_series(0, :rooms - 1) room, generate_series(1, :past) past,
     LATERAL (SELECT to_timestamp(1795200000) - past * interval '1 day' AS at) start;
INSERT INTO careful.session (room, session_id, starts_at, ends_at, finalised_at, judged_until)
SELECT room, session_id, starts_at, ends_at, finalised_at, judged_until FROM attendance.session;

-- Only what has rows: a plan made for a table known to be empty would scan it whole.
VACUUM ANALYZE bench.body, attendance.session, careful.session;
