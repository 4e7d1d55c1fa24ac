-- What people read.

CREATE VIEW attendance.report AS
    SELECT r.session_id, r.attendee, r.name, r.role, r.enrolled, r.status, r.computed_status, r.rule, r.attended, r.percent,
           r.first_join, r.last_leave, r.late_by, r.early_by, r.is_late, r.left_early, r.cycles, r.rejoins, r.longest_gap,
           r.inferred, r.overridden, s.room, s.starts_at, s.ends_at, s.title,
           CASE WHEN r.revision > 1 THEN 'revised' ELSE 'final' END AS state, r.revision, r.computed_at
    FROM attendance.session s
    JOIN attendance.result r ON r.room = s.room AND r.session_id = s.session_id
    WHERE s.cancelled_at IS NULL AND s.finalised_at IS NOT NULL AND s.reopened_at IS NULL
UNION ALL
    SELECT a.*, s.room, s.starts_at, s.ends_at, s.title, 'provisional', NULL, now()
    FROM attendance.session s
    CROSS JOIN LATERAL attendance.assess(s.session_id) a
    WHERE s.cancelled_at IS NULL AND (s.finalised_at IS NULL OR s.reopened_at IS NOT NULL);
COMMENT ON VIEW attendance.report IS
'One row per session and attendee: the final result where there is one, what assess() says now until then. Cancelled sessions are not in it.';

DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT v.attname, coalesce(pg_catalog.col_description('attendance.result'::regclass, r.attnum), d.text) AS text
        FROM pg_catalog.pg_attribute v
        LEFT JOIN pg_catalog.pg_attribute r ON r.attrelid = 'attendance.result'::regclass AND r.attname = v.attname
        LEFT JOIN (VALUES ('starts_at', 'start of the session'), ('ends_at', 'end of the session'), ('title', 'title of the session'),
              ('state', 'provisional; final; revised: final, and changed since it first was')) d (name, text) ON d.name = v.attname
        WHERE v.attrelid = 'attendance.report'::regclass
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN attendance.report.%I IS %L', c.attname, c.text);
    END LOOP;
END
$$;
