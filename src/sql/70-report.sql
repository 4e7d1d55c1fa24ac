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
    -- s.session_id, not a's: so that asking for one session assesses one
    SELECT s.session_id, a.attendee, a.name, a.role, a.enrolled, a.status, a.computed_status, a.rule, a.attended, a.percent,
           a.first_join, a.last_leave, a.late_by, a.early_by, a.is_late, a.left_early, a.cycles, a.rejoins, a.longest_gap,
           a.inferred, a.overridden, s.room, s.starts_at, s.ends_at, s.title, 'provisional', NULL, now()
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

CREATE FUNCTION attendance.report_as_of(at timestamptz) RETURNS SETOF attendance.report
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    first_known timestamptz := (SELECT min(s.scheduled_at) FROM attendance.session s);
BEGIN
    IF at < first_known THEN
        RAISE EXCEPTION 'no session was known at %', at
            USING ERRCODE = 'no_data_found', HINT = format('The first was scheduled at %s.', first_known);
    END IF;
    RETURN QUERY
    SELECT r.session_id, r.attendee, r.name, r.role, r.enrolled, r.status, r.computed_status, r.rule, r.attended, r.percent,
           r.first_join, r.last_leave, r.late_by, r.early_by, r.is_late, r.left_early, r.cycles, r.rejoins, r.longest_gap,
           r.inferred, r.overridden, s.room, s.starts_at, s.ends_at, s.title,
           CASE WHEN r.revision > 1 THEN 'revised' ELSE 'final' END, r.revision, r.computed_at
    FROM (SELECT r.*, timestamptz 'infinity' AS replaced_at FROM attendance.result r
          UNION ALL
          SELECT v.* FROM attendance.result_revision v) r
    JOIN attendance.session s ON s.room = r.room AND s.session_id = r.session_id
    WHERE r.computed_at <= at AND at < r.replaced_at;
END
$$;
REVOKE ALL ON FUNCTION attendance.report_as_of(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.report_as_of(timestamptz) IS
'The final results as they stood at an earlier moment, by the database''s clock: what report said then of sessions that were final. Raises no_data_found for a moment before any session was known.';

CREATE FUNCTION attendance.revisions(session_id text, attendee text)
    RETURNS TABLE (revision integer, computed_at timestamptz, field text, was text, became text, because text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    s attendance.session := attendance.session_of(session_id);
BEGIN
    RETURN QUERY
    WITH r AS (
        SELECT a.revision, a.computed_at, to_jsonb(a) - '{room,session_id,attendee,revision,computed_at,replaced_at}'::text[] AS fields,
               lag(a.computed_at) OVER w AS since,
               lag(to_jsonb(a) - '{room,session_id,attendee,revision,computed_at,replaced_at}'::text[]) OVER w AS before
        FROM (SELECT r.*, NULL::timestamptz AS replaced_at FROM attendance.result r
              UNION ALL
              SELECT v.* FROM attendance.result_revision v) a
        WHERE a.room = s.room AND a.session_id = s.session_id AND a.attendee = revisions.attendee
        WINDOW w AS (ORDER BY a.revision)
    )
    SELECT r.revision, r.computed_at, f.key, r.before ->> f.key, f.value,
           ARRAY(SELECT c.cause
                 FROM (SELECT e.received_at AS at, format('%s %s', e.event, e.event_id) AS cause
                       FROM attendance.event e
                       WHERE e.room = s.room AND e.received_at > r.since AND e.received_at <= r.computed_at
                         AND (e.identity IS NULL
                              OR revisions.attendee = (SELECT o.attendee FROM attendance.attendee_of(e.identity) o))
                       UNION ALL
                       SELECT o.set_at, format('override %s by %s', coalesce(o.status, 'cleared'), o.set_by)
                       FROM attendance.override o
                       WHERE o.room = s.room AND o.session_id = s.session_id AND o.attendee = revisions.attendee
                         AND o.set_at > r.since AND o.set_at <= r.computed_at) c
                 ORDER BY c.at, c.cause)
    FROM r
    CROSS JOIN LATERAL jsonb_each_text(r.fields) f
    WHERE r.before IS NOT NULL AND f.value IS DISTINCT FROM r.before ->> f.key
    ORDER BY r.revision, f.key;
END
$$;
REVOKE ALL ON FUNCTION attendance.revisions(text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.revisions(text, text) IS
'What each revision of a result changed: field, before, after, and the events and overrides that came in between; none where the roster, a policy or an alias changed. Raises no_data_found for an unknown session.';

CREATE VIEW attendance.session_summary AS
    SELECT r.session_id, r.room, r.starts_at, r.ends_at, r.title,
           count(*) FILTER (WHERE r.enrolled) AS enrolled,
           count(*) FILTER (WHERE r.status = 'present') AS present,
           count(*) FILTER (WHERE r.status = 'late') AS late,
           count(*) FILTER (WHERE r.status = 'partial') AS partial,
           count(*) FILTER (WHERE r.status = 'absent') AS absent,
           count(*) FILTER (WHERE r.status = 'excused') AS excused,
           round(avg(r.percent) FILTER (WHERE r.status <> 'excused'), 2) AS mean_percent,
           CASE WHEN bool_or(r.state = 'provisional') THEN 'provisional'
                WHEN bool_or(r.state = 'revised') THEN 'revised' ELSE 'final' END AS state
    FROM attendance.report r
    GROUP BY r.session_id, r.room, r.starts_at, r.ends_at, r.title;
COMMENT ON VIEW attendance.session_summary IS 'One row per session in report: how many got which status, guests included.';
COMMENT ON COLUMN attendance.session_summary.session_id IS 'session';
COMMENT ON COLUMN attendance.session_summary.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.session_summary.starts_at IS 'start of the session';
COMMENT ON COLUMN attendance.session_summary.ends_at IS 'end of the session';
COMMENT ON COLUMN attendance.session_summary.title IS 'title of the session';
COMMENT ON COLUMN attendance.session_summary.enrolled IS 'people on the roster who are judged';
COMMENT ON COLUMN attendance.session_summary.present IS 'with status present';
COMMENT ON COLUMN attendance.session_summary.late IS 'with status late';
COMMENT ON COLUMN attendance.session_summary.partial IS 'with status partial';
COMMENT ON COLUMN attendance.session_summary.absent IS 'with status absent';
COMMENT ON COLUMN attendance.session_summary.excused IS 'with status excused';
COMMENT ON COLUMN attendance.session_summary.mean_percent IS 'mean of percent, the excused left out';
COMMENT ON COLUMN attendance.session_summary.state IS 'provisional; final; revised: final, and some row changed since it first was';

CREATE VIEW attendance.attendee_summary AS
    SELECT r.attendee, (array_agg(r.name ORDER BY r.starts_at DESC) FILTER (WHERE r.name IS NOT NULL))[1] AS name,
           count(*) AS sessions,
           count(*) FILTER (WHERE r.status = 'present') AS present,
           count(*) FILTER (WHERE r.status = 'late') AS late,
           count(*) FILTER (WHERE r.status = 'partial') AS partial,
           count(*) FILTER (WHERE r.status = 'absent') AS absent,
           count(*) FILTER (WHERE r.status = 'excused') AS excused,
           round(100.0 * count(*) FILTER (WHERE r.status IN ('present', 'late', 'partial'))
                 / nullif(count(*) FILTER (WHERE r.status <> 'excused'), 0), 2) AS rate,
           sum(r.attended) AS attended,
           sum(r.late_by) FILTER (WHERE r.is_late) AS late_by
    FROM attendance.report r
    WHERE r.state <> 'provisional'
    GROUP BY r.attendee;
COMMENT ON VIEW attendance.attendee_summary IS
'One row per attendee over all final sessions. For a period, the same expressions over report with a WHERE: docs/reports.md.';
COMMENT ON COLUMN attendance.attendee_summary.attendee IS 'the host application''s user id';
COMMENT ON COLUMN attendance.attendee_summary.name IS 'the latest name';
COMMENT ON COLUMN attendance.attendee_summary.sessions IS 'final sessions they were on the roster of, or in';
COMMENT ON COLUMN attendance.attendee_summary.present IS 'with status present';
COMMENT ON COLUMN attendance.attendee_summary.late IS 'with status late';
COMMENT ON COLUMN attendance.attendee_summary.partial IS 'with status partial';
COMMENT ON COLUMN attendance.attendee_summary.absent IS 'with status absent';
COMMENT ON COLUMN attendance.attendee_summary.excused IS 'with status excused';
COMMENT ON COLUMN attendance.attendee_summary.rate IS 'per cent of the sessions not excused in which they were there, whole or in part';
COMMENT ON COLUMN attendance.attendee_summary.attended IS 'time that counts, in all';
COMMENT ON COLUMN attendance.attendee_summary.late_by IS 'lateness in all, of the sessions they were late for';
