-- What is wrong, unasked. A function for each finding gives its row, or none while all is well; diagnose() asks them all.

CREATE TYPE attendance.finding AS (severity text, finding text, problem text, since timestamptz, evidence text, fix text);
COMMENT ON TYPE attendance.finding IS
'One thing that is wrong. severity: critical (attendance is being lost or not decided), warning, notice; finding: a name that stays, to key alerts on; problem: the same as a sentence; since: when it began, as far as known; evidence: the numbers; fix: what to do.';

CREATE VIEW attendance.threshold AS
    SELECT interval '5 min' AS grace, interval '15 min' AS early, interval '1 h' AS silence, interval '24 h' AS recent,
           interval '30 days' AS usual, interval '90 days' AS unused, interval '2 s' AS skew, interval '30 s' AS delay, interval '3 h' AS belief,
           5 AS few, 20 AS many, 0.05 AS noise, 0.1 AS loss;
COMMENT ON VIEW attendance.threshold IS 'From where on diagnose() takes something for a fault. Constants: one row.';
COMMENT ON COLUMN attendance.threshold.grace IS 'how late people of a session, a call of tick() or a final result may be';
COMMENT ON COLUMN attendance.threshold.early IS 'how long before a session its people may come';
COMMENT ON COLUMN attendance.threshold.silence IS 'after how long a late result is critical, and how long a fault is remembered after it ceased';
COMMENT ON COLUMN attendance.threshold.recent IS 'how far back is now';
COMMENT ON COLUMN attendance.threshold.usual IS 'how far back is what it is compared with; how far ahead is soon';
COMMENT ON COLUMN attendance.threshold.unused IS 'how long a policy may go without a session';
COMMENT ON COLUMN attendance.threshold.skew IS 'how far this clock may be behind LiveKit''s, which is known to the second';
COMMENT ON COLUMN attendance.threshold.delay IS 'how late all webhooks may come';
COMMENT ON COLUMN attendance.threshold.belief IS 'how long after a session the ends of its stays are known';
COMMENT ON COLUMN attendance.threshold.few IS 'how many cases are no accident';
COMMENT ON COLUMN attendance.threshold.many IS 'how many stays are needed to tell a share of them';
COMMENT ON COLUMN attendance.threshold.noise IS 'share of bodies that may be refused: strangers try';
COMMENT ON COLUMN attendance.threshold.loss IS 'share of stays that may lack their leave';

CREATE FUNCTION attendance.enough() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 1000;
END;
REVOKE ALL ON FUNCTION attendance.enough() FROM PUBLIC;
COMMENT ON FUNCTION attendance.enough() IS
'How many rows diagnose() looks at, at most, of what grows without bound. No column of threshold, as a LIMIT is planned by it.';

-- What several findings look at

CREATE FUNCTION attendance.recent_webhook(as_of timestamptz) RETURNS SETOF attendance.event
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT e.*
    FROM attendance.event e, attendance.threshold t
    WHERE e.source = 'webhook' AND e.received_at > as_of - t.recent AND e.received_at <= as_of
    ORDER BY e.received_at DESC
    LIMIT attendance.enough();
END;
REVOKE ALL ON FUNCTION attendance.recent_webhook(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.recent_webhook(timestamptz) IS 'The latest webhooks of the last day.';

CREATE FUNCTION attendance.begun(before timestamptz)
    RETURNS TABLE (room text, session_id text, starts_at timestamptz, ends_at timestamptz, expected bigint)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT s.room, s.session_id, s.starts_at, s.ends_at, r.expected
    FROM attendance.session s
    CROSS JOIN LATERAL (
        SELECT count(*) AS expected FROM attendance.enrolment e
        WHERE e.room = s.room AND e.session_id = s.session_id AND e.excused IS NULL) r
    WHERE s.starts_at <= before AND s.cancelled_at IS NULL AND r.expected > 0
    ORDER BY s.starts_at DESC
    LIMIT attendance.enough() / 10;
END;
REVOKE ALL ON FUNCTION attendance.begun(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.begun(timestamptz) IS
'The latest sessions in which somebody is to be seen: begun before an instant, not cancelled, with a roster.';

CREATE FUNCTION attendance.attended_room(room text, during tstzrange) RETURNS TABLE (identity text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT DISTINCT p.identity
    FROM attendance.participation p, attendance.threshold t
    WHERE attendance.room_key(p.room) && attendance.room_key(attended_room.room) AND p.cycle::tstzrange && during
      AND p.counted AND p.seen_at > lower(during) - t.recent;
END;
REVOKE ALL ON FUNCTION attendance.attended_room(text, tstzrange) FROM PUBLIC;
COMMENT ON FUNCTION attendance.attended_room(text, tstzrange) IS 'Who was in a room in that time, forgotten stays of days before aside.';

CREATE FUNCTION attendance.likeness(a text, b text) RETURNS numeric
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT coalesce(2.0 * count(*) FILTER (WHERE g.texts = 2) / sum(g.texts), 0)
    FROM (SELECT count(*) AS texts
          FROM (SELECT 1, substr(lower(a), i, 2) FROM generate_series(1, length(a)) i
                UNION
                SELECT 2, substr(lower(b), i, 2) FROM generate_series(1, length(b)) i) pair (text, letters)
          GROUP BY pair.letters) g;
END;
REVOKE ALL ON FUNCTION attendance.likeness(text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.likeness(text, text) IS 'How much two names look alike, 0 to 1: the share of pairs of letters, and of last letters, that they have in common.';

CREATE FUNCTION attendance.list_some(items text[]) RETURNS text
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT array_to_string(items[:3], ', ')
           || CASE WHEN cardinality(items) > 3 THEN format(' and %s more', cardinality(items) - 3) ELSE '' END;
END;
REVOKE ALL ON FUNCTION attendance.list_some(text[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.list_some(text[]) IS 'The first three, and how many there are beside them.';

-- Webhooks that do not come

CREATE FUNCTION attendance.find_webhooks_stopped(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH begun AS (
        SELECT b.*, b.starts_at - t.early AS awaited_from FROM attendance.threshold t, attendance.begun(as_of - t.grace) b
    ), last AS (
        SELECT max(e.received_at) AS received_at FROM attendance.event e, attendance.threshold t
        WHERE e.source = 'webhook' AND e.received_at <= as_of
          AND e.received_at >= least((SELECT min(b.awaited_from) FROM begun b), as_of - t.recent)
    ), missed AS (
        SELECT count(*) AS sessions, sum(b.expected) AS expected, min(b.starts_at) AS since, min(b.awaited_from) AS awaited_from
        FROM begun b, last l
        WHERE b.awaited_from > l.received_at OR l.received_at IS NULL
    )
    SELECT CASE WHEN m.sessions > 2 THEN 'critical' ELSE 'warning' END, 'webhooks_stopped',
           'Sessions took place, and LiveKit''s webhooks did not arrive.', coalesce(l.received_at, m.since),
           format('sessions since %3$s: %1$s; people enrolled: %2$s; no webhook %4$s; refused meanwhile: %5$s, quarantined: %6$s',
                  m.sessions, m.expected, m.since,
                  coalesce('after ' || l.received_at, 'at all since ' || m.awaited_from),
                  (SELECT coalesce(sum(f.times), 0) FROM attendance.refusal f WHERE f.last_at > m.awaited_from AND f.last_at <= as_of),
                  (SELECT count(*) FROM (SELECT FROM attendance.quarantine q
                                         WHERE q.last_received_at > m.awaited_from AND q.last_received_at <= as_of
                                         LIMIT attendance.enough()) q)),
           'In LiveKit''s configuration set webhook: { api_key: <key>, urls: [<the backend''s address>] }, restart it, and look '
           'for "failed to send webhook" in its log. See that the backend is up, answers 200, and passes each body to attendance.ingest().'
    FROM missed m, last l, attendance.threshold t
    WHERE m.sessions > 1 OR m.since > as_of - t.recent;
END;
REVOKE ALL ON FUNCTION attendance.find_webhooks_stopped(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_webhooks_stopped(timestamptz) IS
'webhooks_stopped: a session has begun (critical: three have), and nothing has come from anywhere since before it. One alone is forgotten after a day: it may have been empty.';

CREATE FUNCTION attendance.find_rooms(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH seen AS MATERIALIZED (  -- who is heard of, and where
        SELECT w.room, a.attendee, min(w.received_at) AS first_at, max(w.received_at) AS at,
               w.room IN (SELECT s.room FROM attendance.session s, attendance.threshold t
                          WHERE s.starts_at BETWEEN as_of - 2 * t.recent AND as_of + t.recent) AS scheduled
        FROM attendance.recent_webhook(as_of) w LEFT JOIN LATERAL attendance.attendee_of(w.identity) a ON true
        WHERE w.room <> ''
        GROUP BY w.room, a.attendee
    ), scheduled AS (
        SELECT max(s.at) AS heard_at FROM seen s WHERE s.scheduled
    ), begun AS MATERIALIZED (
        SELECT b.*, d.during, EXISTS (SELECT FROM attendance.attended_room(b.room, d.during)) AS attended
        FROM attendance.threshold t, attendance.begun(as_of - t.grace) b
        CROSS JOIN LATERAL (SELECT tstzrange(b.starts_at - t.early, least(b.ends_at, as_of), '[]') AS during) d
        WHERE b.starts_at > as_of - t.recent
    ), silent AS MATERIALIZED (
        SELECT b.*, other.room AS other, other.people
        FROM (SELECT * FROM begun b WHERE NOT b.attended ORDER BY b.starts_at DESC LIMIT 20) b
        LEFT JOIN LATERAL (  -- the room without a session these days where its people are, or whose name is nearest
            SELECT s.room, count(e.attendee) AS people
            FROM seen s
            LEFT JOIN attendance.enrolment e ON e.room = b.room AND e.session_id = b.session_id AND e.attendee = s.attendee
            WHERE NOT s.scheduled AND tstzrange(s.first_at, s.at, '[]') && b.during
            GROUP BY s.room
            ORDER BY 2 DESC, attendance.likeness(s.room, b.room) DESC, 1
            LIMIT 1) other ON true
    ), found AS (
        SELECT CASE WHEN (SELECT max(o.people) > 0 OR count(*) > 2 FROM silent o) THEN 'critical' ELSE 'warning' END AS severity,
               'rooms_unmatched' AS finding, 'Webhooks arrive, but none from the room of any session.' AS problem, s.*
        FROM silent s
        WHERE s.other IS NOT NULL AND (SELECT c.heard_at IS NULL FROM scheduled c) AND NOT EXISTS (SELECT FROM begun b WHERE b.attended)
        UNION ALL
        SELECT CASE WHEN s.people > 1 OR NOT EXISTS (SELECT FROM attendance.event e WHERE e.room = s.room) THEN 'warning'
                    ELSE 'notice' END,  -- an empty lesson, if the room is known
               'room_silent', 'A session has begun, and nothing is heard of its room while others are.', s.*
        FROM silent s, scheduled c
        WHERE c.heard_at IS NOT NULL AND (s.people > 1 OR c.heard_at >= s.starts_at AND s.ends_at > as_of)
    )
    SELECT f.severity, f.finding, f.problem, min(f.starts_at),
           format('sessions begun in the last day: %s; of them silent: %s, people enrolled: %s (%s); rooms heard of: %s, the latest at %s',
                  (SELECT count(*) FROM begun), count(*), sum(f.expected),
                  attendance.list_some(array_agg(
                      format('session %s in "%s"', f.session_id, f.room)
                      || CASE WHEN f.other IS NULL THEN ''
                              WHEN f.people > 0 THEN format(': %s of its people in "%s"', f.people, f.other)
                              ELSE format(': nearest name without a session "%s"', f.other) END
                      ORDER BY f.people DESC NULLS LAST, f.starts_at, f.session_id)),
                  (SELECT count(DISTINCT s.room) FROM seen s), (SELECT max(s.at) FROM seen s)),
           'Schedule with the name that LiveKit uses, upper and lower case included: '
           || (array_agg(CASE WHEN f.other IS NULL THEN 'SELECT room, count(*) FROM attendance.recent_event GROUP BY room; shows the names that arrive.'
                              ELSE format('SELECT attendance.schedule_session(%L, starts_at, ends_at, session_id, policy, title) FROM attendance.session WHERE session_id = %L;',
                                          f.other, f.session_id) END
                         ORDER BY f.people DESC NULLS LAST, f.starts_at, f.session_id))[1]
    FROM found f
    GROUP BY f.severity, f.finding, f.problem;
END;
REVOKE ALL ON FUNCTION attendance.find_rooms(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_rooms(timestamptz) IS
'rooms_unmatched: what is scheduled and what arrives have no room in common. room_silent: the people of one session are in a room without any, or the session should be running and nothing is heard of its room (notice: it is known, so the lesson may be empty).';

-- Webhooks that come and are not taken

CREATE FUNCTION attendance.find_refusals(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH kind (finding, problem, reasons, fix) AS (VALUES
        ('token_wrong_secret', 'Webhooks are refused: signed with another secret than the one known here.', '{token: wrong signature}'::text[],
         'SELECT attendance.add_livekit_key(''<key>'', ''<secret>''); as LiveKit''s configuration has them: webhook.api_key, and its line under keys.'),
        ('token_unknown_key', 'Webhooks are refused: signed with a key that is not known here.', '{token: unknown key}',
         'SELECT attendance.add_livekit_key(''<key>'', ''<secret>''); as LiveKit''s configuration has them: webhook.api_key, and its line under keys. Keys are not in dumps.'),
        ('token_untimely', 'Webhooks are refused: properly signed, but not for this time.', '{token: expired,token: not yet valid}', NULL),
        ('token_of_another_body', 'Webhooks are refused: the body is not, byte for byte, what LiveKit signed.', '{token: of another body}',
         'Pass attendance.ingest_signed() the raw body of the request, not JSON that was parsed and written again.'),
        ('token_missing', 'Webhooks are refused: they come without a token.', '{token: missing,body: missing}',
         'Pass attendance.ingest_signed() the raw body and the Authorization header of each request; only LiveKit should reach that address.'),
        ('token_unreadable', 'Webhooks are refused: what should be their token is none.', NULL,
         'Pass attendance.ingest_signed() the Authorization header of the request as it came; only LiveKit should reach that address.')
    ), refused AS (
        SELECT k.finding, k.problem, k.fix, sum(f.times) AS times, min(f.first_at) AS first_at, max(f.last_at) AS last_at,
               min(f.lag) AS lag, array_agg(DISTINCT f.reason ORDER BY f.reason) AS reasons
        FROM attendance.threshold t, attendance.refusal f
        JOIN kind k ON f.reason = ANY (k.reasons)
            OR k.reasons IS NULL AND f.reason <> 'quarantine: full'
               AND NOT EXISTS (SELECT FROM kind o WHERE f.reason = ANY (o.reasons))
        WHERE f.last_at > as_of - t.recent AND f.last_at <= as_of
          AND NOT (k.finding IN ('token_wrong_secret', 'token_unknown_key')  -- mended since
                   AND f.last_at <= coalesce((SELECT max(l.changed_at) FROM attendance.livekit_key l), '-infinity'))
        GROUP BY k.finding, k.problem, k.fix
    ), good AS (
        SELECT count(*) AS times, max(e.received_at) AS last_at
        FROM (SELECT e.received_at FROM attendance.event e, attendance.threshold t
              WHERE e.source = 'webhook' AND e.received_at > as_of - t.recent AND e.received_at <= as_of
              ORDER BY e.received_at DESC LIMIT 20 * attendance.enough()) e
    )
    SELECT CASE WHEN r.times < t.few THEN 'notice' WHEN r.times > g.times THEN 'critical' ELSE 'warning' END,
           r.finding, r.problem, r.first_at,
           format('refused: %s (%s), the latest at %s; recorded in the last day: %s%s%s', r.times, attendance.list_some(r.reasons), r.last_at,
                  CASE WHEN g.times < 20 * attendance.enough() THEN '' ELSE 'more than ' END, g.times,
                  CASE WHEN r.finding IN ('token_wrong_secret', 'token_unknown_key') THEN
                           '; keys known: ' || coalesce((SELECT attendance.list_some(array_agg(l.api_key ORDER BY l.api_key)) FROM attendance.livekit_key l), 'none')
                       WHEN r.lag > '0' THEN format('; the clock of this server was %s past createdAt, at the least', r.lag)
                       WHEN r.lag < '0' THEN format('; the clock of this server was %s behind createdAt', -r.lag)
                       ELSE '' END),
           coalesce(r.fix, CASE WHEN r.lag < '0'
               THEN 'Set the clocks of this server and of LiveKit''s: apt-get install chrony; chronyc tracking. '
               ELSE 'Pass each webhook on when it comes: a token is good for 5 minutes; what waited longer is for attendance.ingest(), once the backend has checked it. '
                    'If nothing waits, set the clocks of this server and of LiveKit''s: apt-get install chrony; chronyc tracking. ' END
               || CASE WHEN greatest(r.lag, -r.lag) < t.silence THEN
                      format('Until then: UPDATE attendance.configuration SET clock_skew = %L;',
                             date_trunc('minute', greatest(r.lag, -r.lag) + interval '1 min')) ELSE '' END)
    FROM refused r, good g, attendance.threshold t
    WHERE r.times > t.noise * (r.times + g.times)
      AND (r.last_at > as_of - t.silence OR g.last_at IS NULL OR g.last_at <= r.last_at);
END;
REVOKE ALL ON FUNCTION attendance.find_refusals(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_refusals(timestamptz) IS
'token_…: more webhooks than strangers send were refused in the last day, and in the last hour still if any came since. critical: more than were recorded.';

CREATE FUNCTION attendance.find_quarantine(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH body AS (
        SELECT q.reason, q.received_at, q.last_received_at, q.times FROM attendance.quarantine q
        WHERE q.received_at <= as_of
        LIMIT attendance.enough()
    )
    SELECT 'warning', 'quarantine', 'Webhooks came that could not be used; they are kept.', min(b.received_at),
           format('bodies: %s%s, the latest at %s; reasons: %s', CASE WHEN count(*) < attendance.enough() THEN '' ELSE 'at least ' END, count(*), max(b.last_received_at),
                  (SELECT attendance.list_some(array_agg(format('%s (%s)', r.reason, r.n) ORDER BY r.n DESC, r.reason))
                   FROM (SELECT d.reason, count(*) AS n FROM body d GROUP BY d.reason) r)),
           'SELECT sha256, reason, convert_from(body, ''UTF8'') FROM attendance.quarantine; shows them. SELECT * FROM '
           'attendance.retry_quarantine(<sha256>, <corrected body>); records one that was mended. Then DELETE FROM attendance.quarantine; the rest.'
    FROM body b
    HAVING count(*) > 0;
END;
REVOKE ALL ON FUNCTION attendance.find_quarantine(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_quarantine(timestamptz) IS 'quarantine: there is something in it.';

CREATE FUNCTION attendance.find_quarantine_full(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'critical', 'quarantine_full', 'Webhooks came that could not be used, and were not kept for want of room.', r.since,
           format('bodies lost: %s, the latest at %s; bytes taken: %s of %s', r.times, r.last_at, k.bytes, c.quarantine_limit),
           format('UPDATE attendance.configuration SET quarantine_limit = %s; or look what is in it and DELETE FROM attendance.quarantine;', 2 * greatest(k.bytes, c.quarantine_limit))
    FROM attendance.configuration c,
         LATERAL (SELECT sum(f.times) AS times, min(f.first_at) AS since, max(f.last_at) AS last_at
                  FROM attendance.refusal f, attendance.threshold t
                  WHERE f.reason = 'quarantine: full' AND f.last_at > as_of - t.recent AND f.last_at <= as_of
                  HAVING count(*) > 0) r,
         LATERAL (SELECT coalesce(sum(least(q.length, 1048576) + 256), 0) AS bytes FROM attendance.quarantine q) k
    WHERE k.bytes + attendance.enough() > c.quarantine_limit;
END;
REVOKE ALL ON FUNCTION attendance.find_quarantine_full(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_quarantine_full(timestamptz) IS 'quarantine_full: it had no room in the last day, and has none for a webhook of usual size.';

-- Webhooks that say less than they should

CREATE FUNCTION attendance.find_clock_skew(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'warning', 'clock_skew',
           CASE WHEN w.middle < '0' THEN 'The clock of this server is behind LiveKit''s.'
                ELSE 'All webhooks come late, or the clock of this server is ahead of LiveKit''s.' END,
           w.since,
           format('received_at - occurred_at of the latest %s webhooks: %s at the least, %s in the middle', w.webhooks, w.least, w.middle),
           'Set the clocks of this server and of LiveKit''s: apt-get install chrony; chronyc tracking.'
           || CASE WHEN w.middle < '0' THEN '' ELSE ' If they are right, see what the backend waits for before it passes webhooks on.' END
    FROM (SELECT count(*) AS webhooks, min(r.received_at) AS since, max(r.received_at) AS last_at, min(r.received_at - r.occurred_at) AS least,
                 percentile_disc(0.5) WITHIN GROUP (ORDER BY r.received_at - r.occurred_at) AS middle
          FROM attendance.recent_webhook(as_of) r) w, attendance.threshold t
    WHERE w.webhooks >= t.few
      AND (w.middle < -t.skew
           OR w.least > t.delay AND w.middle - w.least < t.delay AND w.last_at - w.since > t.delay);  -- not a backlog, which comes at once
END;
REVOKE ALL ON FUNCTION attendance.find_clock_skew(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_clock_skew(timestamptz) IS
'clock_skew: most of the latest webhooks came before they were sent, or each of them equally late.';

CREATE FUNCTION attendance.find_joins_by_second(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'notice', 'joins_by_second', 'LiveKit does not send joinedAtMs: joins are known to the second only.', w.since,
           format('%s of the latest %s joins and leaves lack it, the latest at %s', w.lacking, w.webhooks, w.last_at),
           'Upgrade LiveKit to 1.8.4 or newer.'
    FROM (SELECT count(*) AS webhooks, min(r.received_at) AS since, max(r.received_at) AS last_at,
                 count(*) FILTER (WHERE coalesce(r.body #>> '{participant,joinedAtMs}', r.body #>> '{participant,joined_at_ms}') IS NULL) AS lacking
          FROM (SELECT * FROM attendance.recent_webhook(as_of) r
                WHERE r.event IN ('participant_joined', 'participant_left')
                ORDER BY r.received_at DESC LIMIT attendance.enough() / 10) r) w, attendance.threshold t
    WHERE w.lacking >= t.few AND w.lacking >= w.webhooks * (1 - t.loss);
END;
REVOKE ALL ON FUNCTION attendance.find_joins_by_second(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_joins_by_second(timestamptz) IS
'joins_by_second: nearly all joins and leaves lack joinedAtMs, as those of LiveKit before 1.8.4.';

CREATE FUNCTION attendance.find_leaves_missing(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH held AS MATERIALIZED (  -- the latest sessions of the last day, and of the month before
        SELECT s.*
        FROM attendance.threshold t
        CROSS JOIN LATERAL (
            (SELECT d.room, d.starts_at, d.ends_at FROM attendance.session d
             WHERE d.starts_at > as_of - t.recent AND d.starts_at <= as_of AND d.ends_at <= as_of - t.belief AND d.cancelled_at IS NULL
             ORDER BY d.starts_at DESC LIMIT attendance.enough() / 20)
            UNION ALL
            (SELECT d.room, d.starts_at, d.ends_at FROM attendance.session d
             WHERE d.starts_at > as_of - t.usual AND d.starts_at <= as_of - t.recent AND d.cancelled_at IS NULL
             ORDER BY d.starts_at DESC LIMIT attendance.enough() / 20)) s
    ), stay AS (
        SELECT DISTINCT p.room, p.participant_sid, attendance.joined_at(p.cycle) > as_of - t.recent AS recent, p.seen_at,
               attendance.ended_by(attendance.resolve(p.cycle, p.seen_at, p.heartbeat_at, p.room_finished_at, p.replaced_at, p.missing_at, as_of)) AS ended_by
        FROM attendance.threshold t, held h
        JOIN attendance.stay p ON attendance.room_key(p.room) && attendance.room_key(h.room)
                              AND p.cycle::tstzrange && tstzrange(h.starts_at, h.ends_at, '[]')
        WHERE p.counted AND attendance.joined_at(p.cycle) BETWEEN h.starts_at - t.early AND as_of
    ), loss AS (
        SELECT s.recent, count(*)::numeric AS stays, count(*) FILTER (WHERE s.ended_by NOT IN ('left', 'aborted')) AS missing,
               min(s.seen_at) FILTER (WHERE s.ended_by NOT IN ('left', 'aborted')) AS since,
               array_agg(DISTINCT s.ended_by) FILTER (WHERE s.ended_by NOT IN ('left', 'aborted')) AS instead
        FROM stay s
        WHERE s.ended_by <> 'open'
        GROUP BY s.recent
    )
    SELECT 'warning', 'leaves_missing', 'More stays than usual ended without a participant_left; their ends are inferred.', l.since,
           format('%s of %s stays of the last day (%s %%), before that %s of %s; ended instead by: %s', l.missing, l.stays,
                  round(100 * l.missing / l.stays), coalesce(u.missing, 0), coalesce(u.stays, 0), array_to_string(l.instead, ', ')),
           'See in the backend''s log that no webhook was answered with 4xx or later than 15 s: LiveKit does not send those again. Have it '
           'store each request before it answers. attendance.heartbeat() and attendance.reconcile() make the inferred ends exact.'
    FROM attendance.threshold t, loss l LEFT JOIN loss u ON NOT u.recent AND u.stays >= (SELECT t.many FROM attendance.threshold t)
    WHERE l.recent AND l.stays >= t.many AND l.missing >= t.few AND l.missing / l.stays > t.loss
      AND l.missing / l.stays > 2 * coalesce(u.missing / u.stays, 0);
END;
REVOKE ALL ON FUNCTION attendance.find_leaves_missing(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_leaves_missing(timestamptz) IS
'leaves_missing: of the stays in the latest sessions of the last day more than a tenth, and twice the share of the month before, ended without a recorded leave.';

CREATE FUNCTION attendance.find_identities_unmatched(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH held AS MATERIALIZED (
        SELECT b.* FROM attendance.threshold t, attendance.begun(as_of - t.grace) b
        WHERE b.starts_at > as_of - t.usual
        ORDER BY b.starts_at DESC LIMIT attendance.enough() / 50
    ), present AS MATERIALIZED (
        SELECT h.room, h.session_id, h.starts_at, p.identity
        FROM held h
        CROSS JOIN LATERAL attendance.attended_room(h.room, tstzrange(h.starts_at, least(h.ends_at, as_of), '[]')) p
    ), candidate (pattern) AS (
        SELECT c.identity_pattern FROM attendance.configuration c
        UNION
        VALUES ('^(?:user-)?([0-9]+)(?:_.*)?$'), ('^(.+)$'), ('^[^0-9]*([0-9]+)'), ('([0-9]+)[^0-9]*$'),
               ('^([^_:|/@ ]+)'), ('([^_:|/@ ]+)$'), ('^([^-]+)-'), ('-([^-]+)$'),
               ('([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})')
    ), reading AS MATERIALIZED (
        SELECT c.pattern, i.identity, coalesce(a.attendee, nullif(substring(i.identity, c.pattern), ''), i.identity) AS attendee
        FROM (SELECT DISTINCT p.identity FROM present p) i
        LEFT JOIN attendance.identity_alias a ON a.identity = i.identity
        CROSS JOIN candidate c
    ), matched AS (
        SELECT r.pattern, count(DISTINCT (e.session_id, e.attendee)) FILTER (WHERE e.attendee IS NOT NULL) AS people
        FROM reading r JOIN present p ON p.identity = r.identity
        LEFT JOIN attendance.enrolment e ON e.room = p.room AND e.session_id = p.session_id AND e.attendee = r.attendee
        GROUP BY r.pattern
    ), now AS (
        SELECT m.* FROM matched m JOIN attendance.configuration c ON c.identity_pattern = m.pattern
    ), best AS (
        SELECT m.* FROM matched m ORDER BY m.people DESC, length(m.pattern) LIMIT 1
    ), stranger AS (
        SELECT p.room, p.session_id, p.starts_at, p.identity
        FROM present p JOIN now n ON true JOIN reading r ON r.pattern = n.pattern AND r.identity = p.identity
        WHERE NOT EXISTS (SELECT FROM attendance.enrolment e WHERE e.room = p.room AND e.session_id = p.session_id AND e.attendee = r.attendee)
    )
    SELECT CASE WHEN n.people = 0 THEN 'critical' ELSE 'warning' END, 'identities_unmatched',
           'People are enrolled and people come, but their identities do not match.', s.since,
           format('sessions looked at: %2$s; people enrolled and recognised: %1$s; identities that are nobody''s: %3$s (%4$s); enrolled there: %5$s%6$s',
                  n.people, (SELECT count(DISTINCT p.session_id) FROM present p), s.identities, attendance.list_some(s.examples),
                  (SELECT attendance.list_some(array_agg(DISTINCT e.attendee)) FROM stranger g JOIN attendance.enrolment e ON e.room = g.room AND e.session_id = g.session_id),
                  CASE WHEN b.people > n.people THEN format('; recognised with %s: %s', b.pattern, b.people) ELSE '' END),
           CASE WHEN b.people > n.people THEN format('UPDATE attendance.configuration SET identity_pattern = %L;', b.pattern)
                ELSE format('INSERT INTO attendance.identity_alias (identity, attendee) VALUES (%L, <attendee>); for each, or enrol them by what their identity has, or set identity_pattern.', s.examples[1]) END
           || ' attendance.finalise() judges a session anew that is final already.'
    FROM attendance.threshold t, now n, best b,
         (SELECT min(g.starts_at) AS since, count(DISTINCT g.identity) AS identities, array_agg(DISTINCT g.identity) AS examples
          FROM stranger g) s
    WHERE b.people > n.people + 1 OR n.people = 0 AND (b.people > 0 OR s.identities >= t.few);
END;
REVOKE ALL ON FUNCTION attendance.find_identities_unmatched(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_identities_unmatched(timestamptz) IS
'identities_unmatched: another pattern would recognise more of the enrolled, or this one recognises nobody and five came. Guests beside people who are recognised are none of it.';

-- Sessions that are not decided

CREATE FUNCTION attendance.find_sessions_overdue(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH due AS (
        SELECT d.session_id, greatest(attendance.due_at(d), d.reopened_at, d.scheduled_at) AS due_at
        FROM attendance.threshold t, attendance.session d
        WHERE d.cancelled_at IS NULL AND (d.finalised_at IS NULL OR d.reopened_at IS NOT NULL) AND d.ends_at <= as_of - t.grace
          AND d.attempts = 0
        ORDER BY d.ends_at
        LIMIT attendance.enough()
    ), overdue AS (
        SELECT count(*) AS sessions, min(d.due_at) AS since, array_agg(d.session_id ORDER BY d.due_at, d.session_id) AS ids
        FROM due d, attendance.threshold t
        WHERE d.due_at < as_of - t.grace
    )
    SELECT CASE WHEN o.since < as_of - t.silence THEN 'critical' ELSE 'warning' END, 'sessions_overdue',
           'Sessions should have their final result, and have not.', o.since,
           format('sessions: %s%s (%s); tick() was called last at %s', CASE WHEN o.sessions < attendance.enough() THEN '' ELSE 'at least ' END,
                  o.sessions, attendance.list_some(o.ids), coalesce(k.at::text, '(never)')),
           CASE WHEN k.at >= as_of - t.grace
                THEN 'SELECT pid, xact_start, state, query FROM pg_stat_activity WHERE xact_start < now() - interval ''5 min''; shows who keeps their rooms locked: '
                     'SELECT pg_terminate_backend(<pid>); If nobody does, call attendance.tick() with a greater max_sessions.'
                ELSE 'SELECT * FROM attendance.tick(); finalises them now; SELECT attendance.schedule_jobs(); has pg_cron call it every minute.' END
    FROM overdue o, attendance.threshold t, (SELECT greatest(c.by_cron_at, c.by_other_at) AS at FROM attendance.ticked c) k
    WHERE o.sessions > 0;
END;
REVOKE ALL ON FUNCTION attendance.find_sessions_overdue(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_sessions_overdue(timestamptz) IS
'sessions_overdue: due for more than 5 minutes and not final, nor tried in vain. critical: for more than an hour.';

CREATE FUNCTION attendance.find_finalising_fails(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT CASE WHEN max(d.attempts) > 2 THEN 'critical' ELSE 'warning' END, 'finalising_fails',
           'Sessions could not be finalised.', min(d.ends_at),
           format('sessions: %s; attempts: %s, the next at %s; errors: %s', count(*), max(d.attempts), min(d.retry_at),
                  attendance.list_some(array_agg(format('%s (%s)', d.session_id, left(d.last_error, 200)) ORDER BY d.ends_at, d.session_id))),
           'Mend what the error names; SELECT attendance.finalise(' || quote_literal((array_agg(d.session_id ORDER BY d.ends_at, d.session_id))[1])
           || '); tries at once, tick() by itself.'
    FROM (SELECT d.* FROM attendance.session d
          WHERE d.cancelled_at IS NULL AND (d.finalised_at IS NULL OR d.reopened_at IS NOT NULL) AND d.ends_at <= as_of AND d.attempts > 0
          ORDER BY d.ends_at LIMIT attendance.enough()) d
    HAVING count(*) > 0;
END;
REVOKE ALL ON FUNCTION attendance.find_finalising_fails(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_finalising_fails(timestamptz) IS 'finalising_fails: tick() tried, and will again. critical: the third time.';

CREATE FUNCTION attendance.find_policy_missing(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH open AS (
        SELECT d.room, d.session_id, d.policy, d.starts_at FROM attendance.session d, attendance.threshold t
        WHERE d.cancelled_at IS NULL AND (d.finalised_at IS NULL OR d.reopened_at IS NOT NULL) AND d.ends_at <= as_of + t.usual
    ), wanting AS (
        SELECT o.room, o.session_id, o.policy, o.starts_at FROM open o
        WHERE NOT EXISTS (SELECT FROM attendance.policy p WHERE p.policy = o.policy)
        UNION
        SELECT o.room, o.session_id, e.policy, o.starts_at
        FROM attendance.enrolment e JOIN open o ON o.room = e.room AND o.session_id = e.session_id
        WHERE e.policy IS NOT NULL AND NOT EXISTS (SELECT FROM attendance.policy p WHERE p.policy = e.policy)
    )
    SELECT 'critical', 'policy_missing', 'Sessions name a policy that does not exist, and cannot be judged.', NULL::timestamptz,
           format('policy: "%s"; sessions: %s, the first is %s at %s', w.policy, count(*),
                  (array_agg(w.session_id ORDER BY w.starts_at, w.session_id))[1], min(w.starts_at)),
           format('INSERT INTO attendance.policy (policy) VALUES (%L); with its numbers, or schedule and enrol with one that exists.', w.policy)
    FROM wanting w
    WHERE NOT EXISTS (SELECT FROM attendance.frozen_policy f
                      WHERE f.room = w.room AND f.session_id = w.session_id AND f.policy = w.policy)
    GROUP BY w.policy;
END;
REVOKE ALL ON FUNCTION attendance.find_policy_missing(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_policy_missing(timestamptz) IS
'policy_missing: a row for each policy that was deleted and that a session, or an enrolment in it, still names; sessions that are not final, up to a month ahead.';

CREATE FUNCTION attendance.find_policy_unused(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH used AS (
        SELECT DISTINCT s.policy FROM attendance.session s, attendance.threshold t WHERE s.starts_at > as_of - t.unused
    )
    SELECT 'notice', 'policy_unused', 'No session uses a policy.', NULL::timestamptz,
           format('policy: "%s"; no session since %s or to come', p.policy, as_of - t.unused),
           format('DELETE FROM attendance.policy WHERE policy = %L; what is final keeps its numbers.', p.policy)
    FROM attendance.policy p, attendance.threshold t
    WHERE p.policy <> 'default'
      AND p.policy NOT IN (SELECT u.policy FROM used u)
      AND NOT EXISTS (SELECT FROM attendance.enrolment e JOIN attendance.session s ON s.room = e.room AND s.session_id = e.session_id
                      WHERE e.policy = p.policy AND s.starts_at > as_of - t.unused);
END;
REVOKE ALL ON FUNCTION attendance.find_policy_unused(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_policy_unused(timestamptz) IS
'policy_unused: a row for each policy without a session in 90 days or to come.';

-- pg_cron may be absent, so its tables are named in dynamic SQL only.
CREATE FUNCTION attendance.find_scheduler(as_of timestamptz) RETURNS SETOF attendance.finding
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    t attendance.threshold := (SELECT h FROM attendance.threshold h);
    k attendance.ticked := (SELECT c FROM attendance.ticked c);
    ticked_at timestamptz := greatest(k.by_cron_at, k.by_other_at);
    here boolean := EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron');
    -- Its own parameters are known only where it is loaded; one that is merely set is a placeholder, which this view hides.
    loaded boolean := EXISTS (SELECT FROM pg_settings WHERE name = 'cron.database_name');
    there text := current_setting('cron.database_name', true);
    overdue_since timestamptz := (SELECT f.since FROM attendance.find_sessions_overdue(as_of) f);
    jobs bigint := 0;
    active bigint := 0;
    job bigint;
    calls_tick text := '\mattendance\.tick\M';
    outcomes text[];
    running boolean := false;
    ran boolean := false;
    failed_at timestamptz;
    message text;
    hidden boolean := false;
    needed boolean := EXISTS (SELECT FROM attendance.session s
                              WHERE s.cancelled_at IS NULL AND (s.finalised_at IS NULL OR s.reopened_at IS NOT NULL));
    f attendance.finding;
BEGIN
    IF k.by_other_at > as_of - t.grace AND k.by_other_at <= as_of THEN
        RETURN;
    END IF;
    IF here THEN
        hidden := NOT has_schema_privilege('cron', 'USAGE') OR row_security_active('cron.job');
    END IF;
    IF here AND NOT hidden THEN
        EXECUTE 'SELECT count(*), count(*) FILTER (WHERE active), min(jobid) FROM cron.job
                 WHERE database = current_database() AND command ~ $1' INTO jobs, active, job USING calls_tick;
        -- The table of runs grows for ever, and has no index but by run.
        EXECUTE 'SELECT array_agg(r.status ORDER BY r.runid DESC) FILTER (WHERE r.status IN (''succeeded'', ''failed'')),
                        coalesce(bool_or(r.end_time IS NULL AND r.start_time > $2), false), count(*) > 0,
                        max(r.end_time) FILTER (WHERE r.status = ''failed''),
                        (array_agg(r.return_message ORDER BY r.runid DESC) FILTER (WHERE r.status = ''failed''))[1]
                 FROM (SELECT d.* FROM cron.job_run_details d
                       WHERE d.runid > (SELECT max(runid) FROM cron.job_run_details) - attendance.enough()
                         AND d.database = current_database() AND d.command ~ $1 AND d.start_time BETWEEN $2 AND $3
                       ORDER BY d.runid DESC LIMIT 4) r'
        INTO outcomes, running, ran, failed_at, message USING calls_tick, as_of - t.recent, as_of;
    END IF;

    f.since := coalesce(ticked_at, overdue_since);
    f.severity := CASE WHEN overdue_since IS NULL THEN 'warning' ELSE 'critical' END;
    f.evidence := format('tick() was called last by pg_cron at %s, by another at %s%s', coalesce(k.by_cron_at::text, '(never)'),
                         coalesce(k.by_other_at::text, '(never)'), coalesce(' (' || nullif(k.other, '') || ')', ''));
    IF jobs > 0 THEN
        IF active = 0 THEN
            f.finding := 'cron_job_inactive';
            f.problem := 'pg_cron has the job that calls tick(), but it is switched off.';
            f.fix := format('SELECT cron.alter_job(%s, active => true);', job);
        ELSIF NOT 'succeeded' = ANY (outcomes[:3]) THEN  -- one may fail
            f.finding := 'cron_job_failing';
            f.problem := 'pg_cron''s job that calls tick() fails.';
            f.since := coalesce(ticked_at, failed_at);
            f.evidence := f.evidence || format('; the latest failure, at %s: %s', failed_at, trim(message, E'\n '));
            f.fix := 'Mend what the error names. GRANT EXECUTE ON FUNCTION attendance.tick TO <the job''s role>; or as a role that has it: '
                     'SELECT attendance.schedule_jobs(); more: SELECT * FROM cron.job_run_details ORDER BY runid DESC LIMIT 9;';
        ELSIF NOT running AND (ticked_at < as_of - t.grace OR ticked_at IS NULL AND overdue_since IS NOT NULL) THEN
            f.finding := 'cron_job_late';
            f.problem := 'pg_cron has the job that calls tick(), and does not run it.';
            f.fix := 'SELECT pid FROM pg_stat_activity WHERE backend_type = ''pg_cron launcher''; is there one? If not, restart the server; if so, '
                     'raise max_worker_processes or cron.max_running_jobs, which other jobs use up, and see that the job''s schedule is * * * * *.';
        END IF;
    ELSIF NOT needed AND (k.by_cron_at IS NULL OR k.by_other_at > k.by_cron_at) THEN
        NULL;  -- nothing to do yet
    ELSIF ticked_at > as_of - t.grace AND NOT ran THEN
        NULL;  -- pg_cron does it, from another database or by a function of its own
    ELSIF k.by_other_at > k.by_cron_at OR k.by_other_at IS NOT NULL AND k.by_cron_at IS NULL OR hidden OR pg_is_in_recovery() AND NOT here THEN
        IF ticked_at <= as_of - t.grace OR overdue_since IS NOT NULL THEN
            f.finding := 'tick_stopped';
            f.problem := 'Nobody calls tick() any more.';
            f.fix := 'Start the scheduler again that ran SELECT * FROM attendance.tick(); every minute, or SELECT attendance.schedule_jobs(); to have pg_cron do it.';
        END IF;
    ELSIF here THEN
        f.finding := 'cron_job_missing';
        f.problem := 'pg_cron is here, but has no job that calls tick().';
        f.fix := 'SELECT attendance.schedule_jobs();';
    ELSIF NOT loaded THEN
        f.finding := 'cron_not_loaded';
        f.problem := 'Nothing calls tick(): pg_cron is not loaded.';
        f.fix := format('shared_preload_libraries = ''pg_cron'' and cron.database_name = ''%s'' in postgresql.conf, restart, CREATE EXTENSION pg_cron; '
                        'SELECT attendance.schedule_jobs(); Or have any other scheduler run SELECT * FROM attendance.tick(); every minute.', current_database());
        f.evidence := f.evidence || '; shared_preload_libraries: ' || coalesce(nullif(current_setting('shared_preload_libraries'), ''), '(none)');
    ELSIF there <> current_database() THEN
        f.finding := 'cron_in_other_database';
        f.problem := 'Nothing calls tick() in this database: pg_cron is in another one.';
        f.fix := format('In database "%s": SELECT cron.schedule_in_database(''attendance_tick'', ''* * * * *'', ''SELECT * FROM attendance.tick()'', %L);', there, current_database());
        f.evidence := f.evidence || format('; cron.database_name: %s', there);
    ELSE
        f.finding := 'cron_not_created';
        f.problem := 'Nothing calls tick(): pg_cron is loaded, but this database has no extension pg_cron.';
        f.fix := 'CREATE EXTENSION pg_cron; SELECT attendance.schedule_jobs();';
    END IF;
    IF f.finding IS NOT NULL THEN
        RETURN NEXT f;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.find_scheduler(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.find_scheduler(timestamptz) IS
'cron_…, tick_stopped: the one reason why nothing calls tick(). None while another scheduler than pg_cron does, or there is nothing to do. critical: sessions are overdue.';

CREATE FUNCTION attendance.diagnose(as_of timestamptz DEFAULT now()) RETURNS SETOF attendance.finding
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    SELECT f.*
    FROM (SELECT * FROM attendance.find_webhooks_stopped(as_of)
          UNION ALL SELECT * FROM attendance.find_rooms(as_of)
          UNION ALL SELECT * FROM attendance.find_refusals(as_of)
          UNION ALL SELECT * FROM attendance.find_quarantine(as_of)
          UNION ALL SELECT * FROM attendance.find_quarantine_full(as_of)
          UNION ALL SELECT * FROM attendance.find_clock_skew(as_of)
          UNION ALL SELECT * FROM attendance.find_joins_by_second(as_of)
          UNION ALL SELECT * FROM attendance.find_leaves_missing(as_of)
          UNION ALL SELECT * FROM attendance.find_identities_unmatched(as_of)
          UNION ALL SELECT * FROM attendance.find_sessions_overdue(as_of)
          UNION ALL SELECT * FROM attendance.find_finalising_fails(as_of)
          UNION ALL SELECT * FROM attendance.find_policy_missing(as_of)
          UNION ALL SELECT * FROM attendance.find_policy_unused(as_of)
          UNION ALL SELECT * FROM attendance.find_scheduler(as_of)) f
    ORDER BY array_position('{critical,warning,notice}', f.severity), f.since, f.finding, f.evidence;
END;
REVOKE ALL ON FUNCTION attendance.diagnose(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.diagnose(timestamptz) IS
'What is wrong with the way from LiveKit to a final result, worst first: none while all is well. Looks only, also on a standby. docs/operations.md explains each finding.';
