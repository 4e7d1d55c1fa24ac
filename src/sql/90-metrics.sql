-- The same for a machine: counters and lags.

CREATE FUNCTION attendance.measure(as_of timestamptz) RETURNS TABLE (metric text, kind text, value double precision, help text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT m.metric, m.kind, m.value::double precision AS value, m.help
    FROM (SELECT e.received_at, e.received_at - e.occurred_at AS lag
          FROM (SELECT) one
          LEFT JOIN LATERAL (SELECT * FROM attendance.event e
                             WHERE e.source = 'webhook' AND e.received_at <= as_of
                             ORDER BY e.received_at DESC LIMIT 1) e ON true) last
    CROSS JOIN (
        SELECT count(*) AS sessions, count(*) FILTER (WHERE s.attempts > 0) AS failing,
               coalesce(max(as_of - greatest(s.due_at, s.reopened_at)), '0') AS lag
        FROM (SELECT d.*, attendance.due_at(d) AS due_at
              FROM attendance.session d
              WHERE d.cancelled_at IS NULL AND (d.finalised_at IS NULL OR d.reopened_at IS NOT NULL) AND d.ends_at <= as_of
              ORDER BY d.ends_at LIMIT 10 * attendance.enough()) s
        WHERE s.due_at <= as_of) due
    CROSS JOIN (
        SELECT count(*) AS people, count(DISTINCT l.session_id) AS sessions FROM attendance.live_at(as_of) l) live
    CROSS JOIN (
        SELECT count(*) FILTER (WHERE f.severity = 'critical') AS critical, count(*) FILTER (WHERE f.severity = 'warning') AS warning,
               count(*) FILTER (WHERE f.severity = 'notice') AS notice
        FROM attendance.diagnose(as_of) f) finding
    CROSS JOIN LATERAL (VALUES
        ('events_total', 'counter', pg_stat_get_tuples_inserted('attendance.event'::regclass),
         'events logged, since the server''s statistics began'),
        ('changes_total', 'counter', pg_stat_get_tuples_inserted('attendance.change'::regclass),
         'changes appended to the feed, since the server''s statistics began'),
        ('refused_total', 'counter', (SELECT coalesce(sum(f.times), 0) FROM attendance.refusal f),
         'bodies not kept: tokens refused, or quarantine full'),
        ('quarantined', 'gauge', (SELECT count(*) FROM attendance.quarantine), 'bodies in quarantine'),
        ('last_webhook_age_seconds', 'gauge', extract(epoch FROM as_of - last.received_at), 'since the latest webhook was logged'),
        ('last_webhook_lag_seconds', 'gauge', extract(epoch FROM last.lag),
         'from createdAt of the latest webhook to its logging; createdAt is in whole seconds'),
        ('open_stays', 'gauge', (SELECT count(*) FROM attendance.participation p WHERE attendance.is_open(p.cycle)),
         'stays without a recorded end: people there, and lost leaves'),
        ('live_people', 'gauge', live.people, 'people in a session now'),
        ('live_sessions', 'gauge', live.sessions, 'sessions with somebody in them now'),
        ('due_sessions', 'gauge', due.sessions, 'sessions to be finalised that tick() has not come to, up to 10000'),
        ('due_lag_seconds', 'gauge', extract(epoch FROM due.lag), 'for how long the first of them has been due'),
        ('failing_sessions', 'gauge', due.failing, 'of them those whose latest finalisation failed'),
        ('last_tick_age_seconds', 'gauge',
         (SELECT extract(epoch FROM as_of - greatest(t.by_cron_at, t.by_other_at)) FROM attendance.ticked t),
         'since tick() was called last'),
        ('critical_findings', 'gauge', finding.critical, 'rows of diagnose() that are critical'),
        ('warning_findings', 'gauge', finding.warning, 'rows of diagnose() that are warnings'),
        ('notice_findings', 'gauge', finding.notice, 'rows of diagnose() that are notices')
    ) m (metric, kind, value, help)
    WHERE m.value IS NOT NULL;
END;
REVOKE ALL ON FUNCTION attendance.measure(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.measure(timestamptz) IS 'Counters and lags at an instant about now.';

CREATE VIEW attendance.metrics AS SELECT * FROM attendance.measure(now());
COMMENT ON VIEW attendance.metrics IS
'Counters and lags, one a row, for a Prometheus exporter of SQL. Whoever reads it needs EXECUTE on measure().';
COMMENT ON COLUMN attendance.metrics.metric IS 'name, the unit at its end where it has one';
COMMENT ON COLUMN attendance.metrics.kind IS 'counter: only ever grows, but for a reset; gauge';
COMMENT ON COLUMN attendance.metrics.value IS 'the value; a metric that has none yet is left out';
COMMENT ON COLUMN attendance.metrics.help IS 'what it counts or measures';
