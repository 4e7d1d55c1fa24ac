-- What the rounds came to. A ratio is the median of the rounds' own, in which all had the machine alike.
CREATE VIEW bench.ratio AS
    SELECT synchronous_commit, percentile_cont(0.5) WITHIN GROUP (ORDER BY a.tps) AS attendance,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY p.tps) AS plpgsql,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY i.tps) AS insert,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY a.tps / p.tps) AS to_plpgsql,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY a.tps / i.tps) AS to_insert,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY a.tps / s.tps) AS to_silent
    FROM (SELECT * FROM bench.round WHERE contender = 'attendance') a
    JOIN (SELECT * FROM bench.round WHERE contender = 'plpgsql') p USING (synchronous_commit, round)
    JOIN (SELECT * FROM bench.round WHERE contender = 'insert') i USING (synchronous_commit, round)
    JOIN (SELECT * FROM bench.round WHERE contender = 'silent') s USING (synchronous_commit, round)
    GROUP BY synchronous_commit;

SELECT synchronous_commit, round(attendance) AS "attendance/s", round(plpgsql) AS "plpgsql/s", round(insert) AS "insert/s",
       round(to_plpgsql::numeric, 2) AS "attendance : plpgsql", round(to_insert::numeric, 2) AS "attendance : insert",
       round(to_silent::numeric, 2) AS "attendance : itself without NOTIFY"
FROM bench.ratio ORDER BY synchronous_commit DESC;

SELECT count(*) AS stays, count(*) FILTER (WHERE
           (a.room_sid, a.identity, a.name, a.role, a.counted, a.state_version, a.state_at, a.state_event_id, a.seen_at,
            attendance.joined_at(a.cycle), attendance.left_at(a.cycle))
           IS NOT DISTINCT FROM
           (c.room_sid, c.identity, c.name, c.role, c.counted, c.state_version, c.state_at, c.state_event_id, c.seen_at,
            c.joined_at, c.left_at)) AS same_in_both
FROM attendance.participation a FULL JOIN careful.participation c USING (room, participant_sid);
