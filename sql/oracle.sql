-- Random histories, judged by assess() and by plain SQL that was written apart from it, from what the rules say:
-- multiranges and windows, of the extension nothing but the accessors of a cycle. Nothing may differ.
-- A hundred people in each of so many sessions; bench/oracle-million.sql has more.
\if :{?sessions}
\else
    \set sessions 1000
\endif
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET client_min_messages = warning;
BEGIN;  -- nothing of this stays
TRUNCATE attendance.event, attendance.room_instance, attendance.participation, attendance.snapshot, attendance.session,
    attendance.identity_alias CASCADE;
UPDATE attendance.configuration SET identity_pattern = DEFAULT;

-- Random numbers from a fixed seed. Times lie on a coarse grid, where they meet each other and every limit, or on none.
SELECT setseed(0.42);
CREATE FUNCTION pg_temp.any_of(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE
    RETURN choices[1 + floor(random() * cardinality(choices))];
CREATE FUNCTION pg_temp.some_time(low interval, high interval) RETURNS interval LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    grid numeric := (ARRAY[300, 300, 10, 0.000001])[1 + floor(random() * 4)];
    seconds numeric := extract(epoch FROM low) + extract(epoch FROM high - low) * random()::numeric;
BEGIN
    RETURN make_interval(secs => (grid * round(seconds / grid))::double precision);
END
$$;
CREATE FUNCTION pg_temp.any_policy() RETURNS text LANGUAGE sql VOLATILE RETURN 'oracle ' || 1 + floor(random() * 40);

INSERT INTO attendance.policy
SELECT 'oracle ' || n,
       pg_temp.any_of(NULL, '0', '5 min', '15 min')::interval,            -- late_after
       pg_temp.any_of(NULL, NULL, '20 min', '30 min')::interval,          -- absent_after
       below, below + pg_temp.any_of('0', '25', '33.3333', '50', '65')::numeric,
       pg_temp.any_of(NULL, '0', '5 min', '10 min')::interval,            -- early_leave_after
       pg_temp.any_of('0', '0', '1 min', '5 min', '15 min')::interval,    -- bridge_gap
       pg_temp.any_of('0', '0', '5 min', '10 min')::interval,             -- count_early
       pg_temp.any_of('0', '0', '5 min', '15 min')::interval,             -- count_overtime
       pg_temp.any_of('0', '2 min', '5 min', '10 min')::interval,         -- heartbeat_timeout
       pg_temp.any_of('0', '5 min', '30 min', '3 h')::interval, '5 min',  -- stale_after
       pg_temp.any_of('{observer}', '{observer}', '{observer,teacher}', '{}')::text[]
FROM (SELECT n, pg_temp.any_of('0', '0', '10', '25')::numeric AS below FROM generate_series(1, 40) n OFFSET 0) p;
INSERT INTO attendance.identity_alias SELECT format('guest-%s', n), n FROM generate_series(1, 20) n;

-- Three sessions a room, one after the other or overlapping, 100 people or so in each. Half are judged after their end,
-- half at any moment; some as if they had another policy.
CREATE TEMP TABLE room AS SELECT n, 'oracle ' || n AS room FROM generate_series(1, (:sessions + 2) / 3) n;
INSERT INTO attendance.session (room, session_id, starts_at, ends_at, policy)
SELECT room, format('%s.%s', room, i), at, at + pg_temp.any_of('0', '45 min', '1 h', '1 h', '1 h', '100 min')::interval,
       pg_temp.any_policy()
FROM room, generate_series(1, 3) i, LATERAL (SELECT timestamptz '2026-01-05 09:00' + i * interval '1 h' AS at) s;
CREATE TEMP TABLE judging AS
    SELECT room, session_id,
           CASE WHEN random() < 0.5 THEN ends_at + pg_temp.any_of('5 min', '8 h', '720 h')::interval
                ELSE starts_at + pg_temp.some_time('-30 min', '3 h') END AS as_of,
           CASE WHEN random() < 0.2 THEN pg_temp.any_policy() END AS policy
    FROM attendance.session;
INSERT INTO attendance.enrolment (room, session_id, attendee, role, excused, policy)
SELECT room, session_id, n, pg_temp.any_of('student', 'student', 'student', 'student', 'teacher', 'observer'),
       CASE WHEN random() < 0.03 THEN 'ill' END, CASE WHEN random() < 0.2 THEN pg_temp.any_policy() END
FROM attendance.session, generate_series(1, 115) n
WHERE random() < 0.88;
INSERT INTO attendance.override (room, session_id, attendee, status, reason)
SELECT room, session_id, attendee, pg_temp.any_of(NULL, 'present', 'late', 'partial', 'absent', 'excused'), 'by chance'
FROM attendance.enrolment, generate_series(1, 2)
WHERE random() < 0.01;

-- What LiveKit told. Every third room starts anew, in every second somebody looks now and then. People have up to five
-- stays, by one identity or several; whose one is it says itself, or an alias does, or nothing.
INSERT INTO attendance.room_instance
SELECT room, 'RM_' || i, started_at, CASE WHEN random() < 0.5 THEN started_at + pg_temp.some_time('0', '3 h') END
FROM (SELECT room, i,
             CASE WHEN random() < 0.9
                  THEN timestamptz '2026-01-05 07:00' + i * pg_temp.some_time('1 h', '2 h') END AS started_at
      FROM room, generate_series(1, 4) i
      WHERE i = 1 OR n % 3 = 0 OFFSET 0) r;
INSERT INTO attendance.participation
    (room, participant_sid, room_sid, identity, role, counted, cycle,
     seen_at, heartbeat_at, state_version, state_at, state_event_id)
SELECT room, format('PA_%s_%s', p, s), pg_temp.any_of('RM_1', 'RM_1', 'RM_2', 'RM_3', 'RM_unknown', NULL),
       format(CASE WHEN p > 110 THEN 'guest-%s' ELSE pg_temp.any_of('%s', '%s_a', '%s_b', 'user-%s', 'guest-%s') END, p),
       pg_temp.any_of(NULL, NULL, NULL, NULL, 'student', 'student', 'teacher', 'observer'), random() < 0.95,
       attendance.cycle(joined_at, CASE WHEN ended_by <> 'open' THEN joined_at + stay END, ended_by),
       joined_at + seen, CASE WHEN random() < 0.4 THEN joined_at + pg_temp.some_time('-10 min', '90 min') END,
       0, joined_at, ''
FROM (SELECT room, p, s, timestamptz '2026-01-05 09:00' + pg_temp.some_time('0', '5 h') AS joined_at,
             pg_temp.some_time('0', pg_temp.any_of('0', '20 min', '1 h', '3 h')::interval) AS stay,
             pg_temp.some_time('0', pg_temp.any_of('0', '20 min', '1 h')::interval) AS seen,
             pg_temp.any_of('open', 'open', 'left', 'left', 'left', 'aborted') AS ended_by
      FROM room, generate_series(1, 120) p, generate_series(1, 5) s
      WHERE random() < 0.6 OFFSET 0) p;
INSERT INTO attendance.snapshot
SELECT room, seen_at + pg_temp.any_of('10 s', '10.000001 s', '5 min', '1 h')::interval, 0, ''
FROM attendance.participation JOIN room USING (room)
WHERE n % 2 = 0 AND random() < 0.03
ON CONFLICT DO NOTHING;
ANALYZE;

CREATE TEMP TABLE judged AS
    SELECT a.* FROM judging j, attendance.assess(j.session_id, j.as_of, j.policy) a;

-- The oracle. First the evidence that may bound each stay.
CREATE TEMP TABLE stay AS
    WITH instance AS (
        SELECT room, room_sid, started_at, finished_at,
               min(started_at) OVER (PARTITION BY room ORDER BY started_at
                                     RANGE BETWEEN '1 us' FOLLOWING AND UNBOUNDED FOLLOWING) AS next_at
        FROM attendance.room_instance
    ), looked AS (
        SELECT room, observed_at, tstzrange(lag(observed_at) OVER w, observed_at) AS during
        FROM attendance.snapshot WINDOW w AS (PARTITION BY room ORDER BY observed_at)
    )
    SELECT p.room, p.participant_sid, p.role, p.counted, p.joined_at, p.left_at, p.ended_by, p.seen_at, p.heartbeat_at,
           coalesce(a.attendee, substring(p.identity FROM '^(?:user-)?(\d+)(?:_|$)'), p.identity) AS attendee,
           p.replaced_at, i.finished_at, l.observed_at AS missing_at,
           CASE WHEN i.started_at IS NOT NULL THEN i.next_at
                ELSE (SELECT min(n.started_at) FROM attendance.room_instance n
                      WHERE n.room = p.room AND n.room_sid IS DISTINCT FROM p.room_sid AND n.started_at > p.joined_at)
           END AS next_at
    FROM (SELECT *, attendance.left_at(cycle) AS left_at, attendance.ended_by(cycle) AS ended_by,
                 lead(joined_at) OVER (PARTITION BY room, identity ORDER BY joined_at, participant_sid) AS replaced_at
          FROM (SELECT *, attendance.joined_at(cycle) AS joined_at FROM attendance.participation) p) p
    LEFT JOIN attendance.identity_alias a USING (identity)
    LEFT JOIN instance i USING (room, room_sid)
    LEFT JOIN looked l ON l.room = p.room AND p.ended_by = 'open' AND l.during @> p.seen_at + interval '10 s';

-- Then for each session who was there from when until when, and how that is known.
CREATE TEMP TABLE visit AS
    SELECT j.session_id, s.attendee, s.joined_at, e.ended_at, e.ended_by,
           t.bridge_gap, t.heartbeat_timeout, t.stale_after,
           tstzrange(n.starts_at - t.count_early, n.ends_at + t.count_overtime) AS counts,
           j.as_of - last_sign AS silent
    FROM judging j
    JOIN attendance.session n USING (session_id)
    JOIN stay s ON s.room = j.room AND s.counted AND s.ended_by <> 'aborted'
    LEFT JOIN attendance.enrolment r ON r.session_id = j.session_id AND r.attendee = s.attendee
    JOIN attendance.policy t ON t.policy = coalesce(r.policy, j.policy, n.policy)
    CROSS JOIN LATERAL greatest(s.seen_at, s.heartbeat_at) last_sign
    CROSS JOIN LATERAL (
        SELECT ended_by, greatest(ended_at, s.joined_at) AS ended_at
        FROM (VALUES (1, 'left', s.left_at, s.ended_by = 'left'),
                     (2, 'room finished', s.finished_at, s.finished_at <= j.as_of),
                     (2, 'next instance', s.next_at, s.next_at <= j.as_of),
                     (2, 'replaced', s.replaced_at, s.replaced_at <= j.as_of),
                     (2, 'missing', s.missing_at, s.missing_at <= j.as_of),
                     (3, 'heartbeat lost', last_sign,
                      s.heartbeat_at IS NOT NULL AND j.as_of - last_sign > t.heartbeat_timeout),
                     (4, 'stale', last_sign + t.stale_after, j.as_of - last_sign > t.stale_after),
                     (5, 'still there', j.as_of, true)) e (place, ended_by, ended_at, applies)
        WHERE applies
        ORDER BY place, e.ended_at
        LIMIT 1) e
    WHERE coalesce(r.role, s.role) = ANY (t.excluded_roles) IS NOT TRUE;

-- Then what that covers, all stays at once: widened by the gap that is bridged they overlap or touch where they belong
-- together. A stay that not even a bridge takes to the time that counts is of no concern.
CREATE TEMP TABLE covered AS
    WITH near AS (
        SELECT * FROM visit
        WHERE joined_at < ended_at
          AND ended_at > lower(counts) - bridge_gap AND joined_at < upper(counts) + bridge_gap
    ), presence AS (
        SELECT session_id, attendee, counts, wide, tstzrange(lower(wide), upper(wide) - bridge_gap) * counts AS during,
               lower(wide) - lag(upper(wide) - bridge_gap) OVER (PARTITION BY session_id, attendee ORDER BY wide) AS gap
        FROM (SELECT session_id, attendee, counts, bridge_gap,
                     unnest(range_agg(tstzrange(joined_at, ended_at + bridge_gap))) AS wide
              FROM near GROUP BY session_id, attendee, counts, bridge_gap) w
        WHERE tstzrange(lower(wide), upper(wide) - bridge_gap) && counts
    ), person AS (
        SELECT session_id, attendee, range_agg(wide) AS wide, sum(upper(during) - lower(during)) AS attended,
               min(lower(during)) AS first_presence, max(upper(during)) AS last_presence,
               count(*) - 1 AS rejoins, coalesce(max(gap), '0') AS longest_gap
        FROM presence GROUP BY session_id, attendee
    )
    SELECT session_id, attendee, attended, first_presence, last_presence, rejoins, longest_gap,
           count(*) AS cycles, min(joined_at) AS first_join,
           CASE WHEN NOT bool_or(ended_by = 'still there') THEN max(ended_at) END AS last_leave,
           bool_or(ended_by NOT IN ('left', 'still there')) AS inferred
    FROM person JOIN near USING (session_id, attendee)
    WHERE wide @> joined_at
    GROUP BY session_id, attendee, attended, first_presence, last_presence, rejoins, longest_gap;

-- Then what it is called.
CREATE TEMP TABLE oracle AS
    SELECT p.session_id, p.attendee, enrolled, computed_status, computed_rule, o.status IS NOT NULL AS overridden,
           coalesce(o.status, computed_status) AS status,
           CASE WHEN o.status IS NULL THEN computed_rule ELSE 'override' END AS rule,
           coalesce(attended, '0') AS attended, CASE WHEN lasts > '0' THEN round(least(share, 100), 2) END AS percent,
           first_join, last_leave, late_by, early_by, coalesce(late_by > late_after, false) AS is_late,
           coalesce(early_by > early_leave_after, false) AS left_early, coalesce(cycles, 0) AS cycles,
           coalesce(rejoins, 0) AS rejoins, coalesce(longest_gap, '0') AS longest_gap,
           coalesce(inferred, false) AS inferred,
           ARRAY[late_by = late_after, early_by = early_leave_after, first_presence - starts_at = absent_after,
                 share = absent_below AND absent_below > 0, share = partial_below AND partial_below > 0] AS at_limit
    FROM (
        SELECT *, CASE WHEN computed_rule IN ('no_presence', 'absent_after', 'absent_below') THEN 'absent'
                       WHEN computed_rule = 'partial_below' THEN 'partial'
                       WHEN computed_rule = 'late_after' THEN 'late'
                       ELSE computed_rule END AS computed_status
        FROM (
            SELECT session_id, attendee, e.attendee IS NOT NULL AS enrolled, s.starts_at, lasts, share, t.late_after,
                   t.early_leave_after, t.absent_after, t.absent_below, t.partial_below, attended, first_presence,
                   first_join, last_leave, cycles, rejoins, longest_gap, inferred,
                   greatest(first_presence - s.starts_at, first_presence - first_presence) AS late_by,
                   CASE WHEN last_leave IS NULL THEN last_presence - last_presence
                        ELSE greatest(s.ends_at - last_presence, '0') END AS early_by,
                   CASE WHEN e.excused IS NOT NULL THEN 'excused'
                        WHEN first_presence IS NULL THEN 'no_presence'
                        WHEN first_presence >= s.starts_at + t.absent_after THEN 'absent_after'
                        WHEN share < t.absent_below THEN 'absent_below'
                        WHEN share < t.partial_below THEN 'partial_below'
                        WHEN first_presence > s.starts_at + t.late_after THEN 'late_after'
                        ELSE 'present' END AS computed_rule
            FROM attendance.enrolment e
            FULL JOIN covered c USING (session_id, attendee)
            JOIN attendance.session s USING (session_id)
            JOIN judging j USING (session_id)
            JOIN attendance.policy t ON t.policy = coalesce(e.policy, j.policy, s.policy)
            CROSS JOIN LATERAL (SELECT s.ends_at - s.starts_at AS lasts) l
            CROSS JOIN LATERAL (SELECT 100 * extract(epoch FROM coalesce(attended, '0'))
                                       / nullif(extract(epoch FROM lasts), 0) AS share) h
            WHERE (e.role = ANY (t.excluded_roles)) IS NOT TRUE) r) p
    LEFT JOIN (SELECT DISTINCT ON (session_id, attendee) * FROM attendance.override
               ORDER BY session_id, attendee, override_id DESC) o
        ON o.session_id = p.session_id AND o.attendee = p.attendee;

-- The verdict: how many of all these people differ, and in what.
\x on
SELECT count(*) > 100 * :sessions AS enough, count(*) FILTER (WHERE a.attendee IS NULL OR o.attendee IS NULL) AS missing,
       count(*) FILTER (WHERE a.enrolled <> o.enrolled) AS enrolled,
       count(*) FILTER (WHERE a.status <> o.status) AS status,
       count(*) FILTER (WHERE a.computed_status <> o.computed_status) AS computed_status,
       count(*) FILTER (WHERE a.rule <> o.rule) AS rule,
       count(*) FILTER (WHERE a.overridden <> o.overridden) AS overridden,
       count(*) FILTER (WHERE a.attended <> o.attended) AS attended,
       count(*) FILTER (WHERE a.percent IS DISTINCT FROM o.percent) AS percent,
       count(*) FILTER (WHERE a.first_join IS DISTINCT FROM o.first_join) AS first_join,
       count(*) FILTER (WHERE a.last_leave IS DISTINCT FROM o.last_leave) AS last_leave,
       count(*) FILTER (WHERE a.late_by IS DISTINCT FROM o.late_by) AS late_by,
       count(*) FILTER (WHERE a.early_by IS DISTINCT FROM o.early_by) AS early_by,
       count(*) FILTER (WHERE a.is_late <> o.is_late) AS is_late,
       count(*) FILTER (WHERE a.left_early <> o.left_early) AS left_early,
       count(*) FILTER (WHERE a.cycles <> o.cycles) AS cycles,
       count(*) FILTER (WHERE a.rejoins <> o.rejoins) AS rejoins,
       count(*) FILTER (WHERE a.longest_gap <> o.longest_gap) AS longest_gap,
       count(*) FILTER (WHERE a.inferred <> o.inferred) AS inferred
FROM judged a FULL JOIN oracle o USING (session_id, attendee);
\x off

-- That it means something: every rule decided often, every way to end occurred, every limit was met exactly.
SELECT computed_rule AS rule, count(*) > :sessions AS often,
       count(*) FILTER (WHERE NOT enrolled) > :sessions / 20 AS of_guests
FROM oracle GROUP BY 1 ORDER BY 1;
SELECT ended_by, count(*) > :sessions AS often FROM visit GROUP BY 1 ORDER BY 1;
SELECT l.name AS met_exactly, count(*) FILTER (WHERE o.at_limit[l.n]) > :sessions / 50 AS often
FROM oracle o, (VALUES (1, 'late_after'), (2, 'early_leave_after'), (3, 'absent_after'), (4, 'absent_below'),
                       (5, 'partial_below')) l (n, name)
GROUP BY 1 ORDER BY 1;
\x on
SELECT count(*) FILTER (WHERE status <> computed_status) > :sessions / 2 AS overridden,
       count(*) FILTER (WHERE percent IS NULL) > :sessions AS no_length,
       count(*) FILTER (WHERE percent = 100) > :sessions / 10 AS all_of_it,
       count(*) FILTER (WHERE rejoins > 1) > :sessions / 50 AS rejoined,
       count(*) FILTER (WHERE cycles > rejoins + 1) > :sessions / 10 AS overlapped,
       count(*) FILTER (WHERE is_late AND left_early) > :sessions / 10 AS late_and_early
FROM oracle;
SELECT count(*) FILTER (WHERE gap = bridge_gap AND gap > '0') > :sessions / 20 AS gap_bridged_exactly,
       count(*) FILTER (WHERE joined_at = lower(counts)) > :sessions / 20 AS joins_at_the_start,
       count(*) FILTER (WHERE ended_at = lower(counts)) > :sessions / 20 AS leaves_at_the_start,
       count(*) FILTER (WHERE joined_at = upper(counts)) > :sessions / 20 AS joins_at_the_end,
       count(*) FILTER (WHERE silent = heartbeat_timeout) > :sessions / 50 AS heartbeat_timeout,
       count(*) FILTER (WHERE silent = stale_after) > :sessions / 50 AS stale_after
FROM (SELECT *, joined_at - lag(ended_at) OVER (PARTITION BY session_id, attendee ORDER BY joined_at, ended_at) AS gap
      FROM visit) v;
SELECT count(*) FILTER (WHERE n.observed_at - s.seen_at = '10 s') > :sessions / 20 AS not_missing_yet,
       count(*) FILTER (WHERE n.observed_at = s.missing_at) > :sessions / 20 AS just_missing
FROM stay s JOIN attendance.snapshot n ON n.room = s.room AND n.observed_at - s.seen_at IN ('10 s', '10.000001 s')
WHERE s.ended_by = 'open';
\x off

-- What must not matter, or only one way: twenty rooms once more, changed in four ways. shifted: all times, by as much.
-- split: stays that were left, each in two, the second on another device. doubled: each of them on another device too.
-- more: a stay more for everybody.
CREATE TEMP TABLE copied AS
    SELECT variant, variant || ' ' || room AS copy, room,
           CASE variant WHEN 'shifted' THEN interval '9999:59:59.123457' ELSE '0' END AS shift
    FROM room, unnest('{shifted,split,doubled,more}'::text[]) variant
    WHERE n <= 20;
INSERT INTO attendance.session (room, session_id, starts_at, ends_at, policy)
SELECT copy, concat(variant, ' ', session_id), starts_at + shift, ends_at + shift, policy
FROM attendance.session JOIN copied USING (room);
INSERT INTO attendance.enrolment (room, session_id, attendee, role, excused, policy)
SELECT copy, concat(variant, ' ', session_id), attendee, role, excused, policy
FROM attendance.enrolment JOIN copied USING (room);
INSERT INTO attendance.room_instance
SELECT copy, room_sid, started_at + shift, finished_at + shift FROM attendance.room_instance JOIN copied USING (room);
INSERT INTO attendance.snapshot
SELECT copy, observed_at + shift, listed, source FROM attendance.snapshot JOIN copied USING (room);
INSERT INTO attendance.participation
    (room, participant_sid, room_sid, identity, role, counted, cycle,
     seen_at, heartbeat_at, state_version, state_at, state_event_id)
SELECT copy, participant_sid, room_sid, identity, p.role, p.counted,
       attendance.cycle(joined_at + shift,
                        CASE WHEN ended_by = 'open' THEN 'infinity'
                             WHEN ended_by = 'left' AND variant = 'split' THEN joined_at + (left_at - joined_at) / 2
                             ELSE left_at + shift END, ended_by),
       p.seen_at + shift, p.heartbeat_at + shift, 0, state_at, ''
FROM attendance.participation p JOIN stay USING (room, participant_sid) JOIN copied USING (room)
UNION ALL
SELECT copy, participant_sid || ' again', NULL, attendee || '_again', role, counted,
       attendance.cycle(CASE variant WHEN 'doubled' THEN joined_at ELSE joined_at + (left_at - joined_at) / 2 END,
                        left_at), left_at, NULL, 0, joined_at, ''
FROM stay JOIN copied USING (room)
WHERE variant IN ('split', 'doubled') AND ended_by = 'left'
UNION ALL
SELECT copy, attendee || ' more', NULL, attendee || '_more', NULL, true,
       attendance.cycle(at, at + pg_temp.some_time('0', '1 h')), at, NULL, 0, at, ''
FROM (SELECT DISTINCT ON (copy, attendee) copy, attendee, joined_at + pg_temp.some_time('0', '1 h') AS at
      FROM stay JOIN copied USING (room) WHERE variant = 'more') m;
-- A guest's second device is known by an alias.
INSERT INTO attendance.identity_alias
SELECT DISTINCT identity, left(identity, length(identity) - length(substring(identity FROM '_\w+$')))
FROM attendance.participation WHERE identity ~ '^guest-\d+_';
ANALYZE;


CREATE TEMP TABLE again AS
    SELECT a.*
    FROM copied JOIN judging j USING (room),
         LATERAL attendance.assess(concat(variant, ' ', j.session_id), j.as_of + shift, j.policy) a;
SELECT variant, count(*) > 5000 AS enough,
       count(*) FILTER (WHERE CASE variant
           WHEN 'more' THEN b.attendee IS NULL
                         OR b.attended < a.attended OR b.percent < a.percent OR b.late_by > a.late_by
           ELSE (a.enrolled, a.computed_status, a.attended, a.percent, a.late_by, a.early_by, a.is_late, a.left_early,
                 a.rejoins, a.longest_gap, a.inferred)
                IS DISTINCT FROM
                (b.enrolled, b.computed_status, b.attended, b.percent, b.late_by, b.early_by, b.is_late, b.left_early,
                 b.rejoins, b.longest_gap, b.inferred)
             OR variant <> 'split'
                AND (a.first_join + shift, a.last_leave + shift) IS DISTINCT FROM (b.first_join, b.last_leave)
             OR variant = 'shifted' AND a.cycles <> b.cycles
             OR a.cycles > b.cycles END) AS wrong,
       count(*) FILTER (WHERE b.cycles > a.cycles) > 1000 AS more_cycles,
       count(*) FILTER (WHERE b.percent > a.percent) > 1000 AS more_per_cent
FROM copied
JOIN judging USING (room)
JOIN judged a USING (session_id)
LEFT JOIN again b ON b.session_id = concat(variant, ' ', a.session_id) AND b.attendee = a.attendee
GROUP BY variant ORDER BY variant;
ROLLBACK;
