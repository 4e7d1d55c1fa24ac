-- The one calculation. Live view, report, final result, preview and explanation all come from compute().

CREATE TYPE attendance.assessment AS (
    session_id text COLLATE "C", attendee text COLLATE "C", name text, role text, enrolled boolean,
    status text COLLATE "C", computed_status text COLLATE "C", rule text COLLATE "C",
    attended interval, percent numeric(5,2), first_join timestamptz, last_leave timestamptz,
    late_by interval, early_by interval, is_late boolean, left_early boolean,
    cycles integer, rejoins integer, longest_gap interval, inferred boolean, overridden boolean
);
COMMENT ON TYPE attendance.assessment IS
'One attendee of one session. status: with an override applied; computed_status: without; percent: of the session''s length, at most 100, NULL if it has none; last_leave: NULL while there.';

CREATE FUNCTION attendance.terms(s attendance.session, fresh text) RETURNS SETOF attendance.policy
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT f.policy, f.late_after, f.absent_after, f.absent_below, f.partial_below, f.early_leave_after, f.bridge_gap,
           f.count_early, f.count_overtime, f.heartbeat_timeout, f.stale_after, f.finalise_after, f.excluded_roles
    FROM attendance.frozen_policy f
    WHERE f.room = s.room AND f.session_id = s.session_id AND fresh IS NULL
UNION ALL
    SELECT p.*
    FROM attendance.policy p
    WHERE p.policy = ANY (ARRAY(
              SELECT coalesce(fresh, s.policy)
              UNION
              SELECT e.policy FROM attendance.enrolment e WHERE e.room = s.room AND e.session_id = s.session_id))
      AND NOT EXISTS (SELECT FROM attendance.frozen_policy f
                      WHERE f.room = s.room AND f.session_id = s.session_id AND f.policy = p.policy AND fresh IS NULL);
END;
REVOKE ALL ON FUNCTION attendance.terms(attendance.session, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.terms(attendance.session, text) IS
'The numbers a session is judged by, one row a policy: frozen where it was finalised, as they are now otherwise and for a preview (fresh).';

CREATE FUNCTION attendance.stays_of(s attendance.session, terms attendance.policy[], base text, reach tstzrange, as_of timestamptz)
    RETURNS TABLE (attendee text, participant_sid text, identity text, name text, role text, seen_at timestamptz,
                   heartbeat_at timestamptz, cycle attendance.cycle, counted boolean, excluded boolean,
                   counts_from timestamptz, counts_until timestamptz, bridge_gap interval)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT a.attendee, p.participant_sid, p.identity, p.name, p.role, p.seen_at, p.heartbeat_at,
           attendance.resolve(p.cycle, p.seen_at, p.heartbeat_at, p.room_finished_at, p.replaced_at, p.missing_at,
                              as_of, t.heartbeat_timeout, t.stale_after),
           p.counted, coalesce(e.role, p.role, '') = ANY (t.excluded_roles),
           s.starts_at - t.count_early, s.ends_at + t.count_overtime, t.bridge_gap
    FROM attendance.stay p
    CROSS JOIN LATERAL attendance.attendee_of(p.identity) a
    LEFT JOIN attendance.enrolment e
        ON e.room = s.room AND e.session_id = s.session_id AND e.attendee = a.attendee
    JOIN unnest(terms) t ON t.policy = coalesce(e.policy, base)
    WHERE attendance.room_key(p.room) && attendance.room_key(s.room) AND p.cycle::tstzrange && reach
      -- Leaves lost long ago: an open stay ends at the latest when the room starts anew, so it need not be looked at if
      -- the room has done that since, and before `reach`.
      AND (NOT attendance.is_open(p.cycle)
           OR coalesce((SELECT own.started_at FROM attendance.room_instance own WHERE own.room = p.room AND own.room_sid = p.room_sid),
                       attendance.joined_at(p.cycle))
              >= (SELECT coalesce(max(i.started_at), '-infinity') FROM attendance.room_instance i
                  WHERE i.room = s.room AND i.started_at <= least(lower(reach), as_of)));
END;
REVOKE ALL ON FUNCTION attendance.stays_of(attendance.session, attendance.policy[], text, tstzrange, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.stays_of(attendance.session, attendance.policy[], text, tstzrange, timestamptz) IS
'The stays of a session''s room that touch `reach`, resolved at as_of, each with its attendee and the window that counts for them.';

CREATE FUNCTION attendance.terms_of(s attendance.session, policy text) RETURNS attendance.policy[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    used text[] := ARRAY(
        SELECT coalesce(terms_of.policy, s.policy)
        UNION
        SELECT e.policy FROM attendance.enrolment e
        WHERE e.room = s.room AND e.session_id = s.session_id AND e.policy IS NOT NULL);
    terms attendance.policy[] := ARRAY(SELECT t FROM attendance.terms(s, terms_of.policy) t WHERE t.policy = ANY (used));
BEGIN
    IF cardinality(terms) < cardinality(used) THEN
        PERFORM attendance.require_policy(u) FROM unnest(used) u
        WHERE u NOT IN (SELECT t.policy FROM unnest(terms) t);
    END IF;
    RETURN terms;
END
$$;
REVOKE ALL ON FUNCTION attendance.terms_of(attendance.session, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.terms_of(attendance.session, text) IS
'terms() as an array; raises undefined_object when a policy in use does not exist.';

CREATE FUNCTION attendance.compute(s attendance.session, as_of timestamptz, policy text) RETURNS SETOF attendance.assessment
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 30
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan  -- planning costs more than running
AS $$
#variable_conflict use_column
DECLARE
    base text := coalesce(compute.policy, s.policy);
    terms attendance.policy[] := attendance.terms_of(s, compute.policy);
    reach tstzrange;  -- no stay outside it matters, under any of the policies
BEGIN
    PERFORM attendance.require_evidence(s);
    SELECT tstzrange(s.starts_at - max(t.count_early + t.bridge_gap), s.ends_at + max(t.count_overtime + t.bridge_gap))
    INTO reach FROM unnest(terms) t;

    RETURN QUERY
    WITH stay AS (
        SELECT st.* FROM attendance.stays_of(s, terms, base, reach, as_of) st
        WHERE st.counted AND NOT st.excluded
          -- `reach` is of all policies, and of stays not resolved yet: here those that this window, or a bridge to it, touches
          AND attendance.joined_at(st.cycle) < st.counts_until + st.bridge_gap
          AND CASE WHEN attendance.is_open(st.cycle) THEN as_of ELSE attendance.left_at(st.cycle) END > st.counts_from - st.bridge_gap
    ), seen AS (
        SELECT st.attendee, attendance.cover(st.cycle, st.counts_from, st.counts_until, st.bridge_gap, as_of) AS coverage,
               (array_agg(st.name ORDER BY st.seen_at DESC, st.participant_sid DESC) FILTER (WHERE st.name IS NOT NULL))[1] AS name,
               (array_agg(st.role ORDER BY st.seen_at DESC, st.participant_sid DESC) FILTER (WHERE st.role IS NOT NULL))[1] AS role
        FROM stay st
        GROUP BY st.attendee
    ), person AS (
        SELECT coalesce(e.attendee, seen.attendee) AS attendee, coalesce(e.name, seen.name) AS name,
               coalesce(e.role, seen.role) AS role, e.attendee IS NOT NULL AS enrolled, e.excused IS NOT NULL AS excused,
               coalesce(e.policy, base) AS policy, seen.coverage
        FROM (SELECT * FROM attendance.enrolment e WHERE e.room = s.room AND e.session_id = s.session_id) e
        FULL JOIN seen ON seen.attendee = e.attendee
        WHERE e.attendee IS NOT NULL OR (seen.coverage).first_presence IS NOT NULL
    )
    SELECT s.session_id, p.attendee, p.name, p.role, p.enrolled,
           j.status, j.status, j.rule,
           coalesce((p.coverage).attended, '0'),
           CASE WHEN s.ends_at > s.starts_at THEN
               least(100, round(100 * extract(epoch FROM coalesce((p.coverage).attended, '0'))
                                / extract(epoch FROM s.ends_at - s.starts_at), 2)) END::numeric(5,2),
           (p.coverage).first_join, nullif((p.coverage).last_leave, 'infinity'),
           j.late_by, j.early_by, j.is_late, j.left_early,
           coalesce((p.coverage).cycles, 0), coalesce((p.coverage).rejoins, 0), coalesce((p.coverage).longest_gap, '0'),
           coalesce((p.coverage).inferred, false), false
    FROM person p
    JOIN unnest(terms) t ON t.policy = p.policy
    CROSS JOIN LATERAL attendance.judge(p.coverage, s.starts_at, s.ends_at, t.late_after, t.absent_after,
        t.early_leave_after, t.absent_below, t.partial_below, p.excused) j
    WHERE NOT p.enrolled OR p.role <> ALL (t.excluded_roles);
END
$$;
REVOKE ALL ON FUNCTION attendance.compute(attendance.session, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.compute(attendance.session, timestamptz, text) IS 'assess() without overrides.';

CREATE FUNCTION attendance.judged(s attendance.session, as_of timestamptz, policy text) RETURNS SETOF attendance.assessment
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 30
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.session_id, c.attendee, c.name, c.role, c.enrolled,
           coalesce(o.status, c.status), c.computed_status, CASE WHEN o.status IS NULL THEN c.rule ELSE 'override' END,
           c.attended, c.percent, c.first_join, c.last_leave, c.late_by, c.early_by, c.is_late, c.left_early,
           c.cycles, c.rejoins, c.longest_gap, c.inferred, o.status IS NOT NULL
    FROM attendance.compute(s, as_of, judged.policy) c
    LEFT JOIN LATERAL (
        SELECT o.status
        FROM attendance.override o
        WHERE o.room = s.room AND o.session_id = s.session_id AND o.attendee = c.attendee
        ORDER BY o.override_id DESC
        LIMIT 1) o ON true
    ORDER BY c.attendee;
END
$$;
REVOKE ALL ON FUNCTION attendance.judged(attendance.session, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.judged(attendance.session, timestamptz, text) IS
'compute() with overrides applied: assess() of a session that the caller has, or has changed.';

CREATE FUNCTION attendance.assess(session_id text, as_of timestamptz DEFAULT now(), policy text DEFAULT NULL)
    RETURNS SETOF attendance.assessment
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER ROWS 30 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT * FROM attendance.judged(attendance.session_of(session_id), as_of, policy);
END;
REVOKE ALL ON FUNCTION attendance.assess(text, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.assess(text, timestamptz, text) IS
'Judges a session by the evidence there is: everybody enrolled, and whoever else was there; roles the policy excludes are left out. policy stands in for the session''s own, and all numbers are those of now; an enrolment''s own policy goes before either. Raises no_data_found for an unknown session, undefined_object for an unknown policy.';
