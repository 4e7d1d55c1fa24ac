-- From facts to stays, and back to the sessions that they touch.

CREATE FUNCTION attendance.fold_facts(facts attendance.fact[]) RETURNS attendance.room_instance[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    instances attendance.room_instance[];
BEGIN
    -- Nearly every event repeats when its room started: only news is written, since a write would lock the room's row.
    WITH news AS (
        SELECT f.room, f.room_sid, min(f.instance_started_at) AS started_at, max(f.instance_finished_at) AS finished_at
        FROM unnest(facts) f
        WHERE num_nonnulls(f.instance_started_at, f.instance_finished_at) > 0
        GROUP BY f.room, f.room_sid
    ), written AS (
        INSERT INTO attendance.room_instance AS i (room, room_sid, started_at, finished_at)
        SELECT n.* FROM news n
        WHERE NOT EXISTS (
            SELECT FROM attendance.room_instance i
            WHERE (i.room, i.room_sid) = (n.room, n.room_sid)
              AND i.started_at IS NOT DISTINCT FROM least(i.started_at, n.started_at)
              AND i.finished_at IS NOT DISTINCT FROM greatest(i.finished_at, n.finished_at))
        ORDER BY n.room, n.room_sid
        ON CONFLICT (room, room_sid) DO UPDATE SET
            started_at = least(i.started_at, excluded.started_at),
            finished_at = greatest(i.finished_at, excluded.finished_at)
        RETURNING i
    )
    SELECT array_agg(w.i) INTO instances FROM written w;

    INSERT INTO attendance.participation AS p
        (room, participant_sid, room_sid, identity, name, role, counted, state_version, state_at, state_event_id, cycle, seen_at)
    SELECT DISTINCT ON (f.room, f.participant_sid)
        f.room, f.participant_sid, max(f.room_sid) OVER stay, f.identity, f.name, f.role, f.counted,
        f.version, f.occurred_at, f.event_id, attendance.fold(f.cycle) OVER stay, max(f.seen_at) OVER stay
    FROM unnest(facts) f
    WHERE f.identity IS NOT NULL
    WINDOW stay AS (PARTITION BY f.room, f.participant_sid)
    ORDER BY f.room, f.participant_sid, f.version DESC, f.occurred_at DESC, f.event_id DESC
    ON CONFLICT (room, participant_sid) DO UPDATE SET
        room_sid = greatest(p.room_sid, excluded.room_sid),
        cycle = attendance.fold(p.cycle, excluded.cycle),
        seen_at = greatest(p.seen_at, excluded.seen_at),
        (identity, name, role, counted, state_version, state_at, state_event_id) = (
            SELECT s.*
            FROM (VALUES
                (p.identity, p.name, p.role, p.counted, p.state_version, p.state_at, p.state_event_id),
                (excluded.identity, excluded.name, excluded.role, excluded.counted,
                 excluded.state_version, excluded.state_at, excluded.state_event_id)
            ) s (identity, name, role, counted, version, at, event_id)
            ORDER BY s.version DESC, s.at DESC, s.event_id DESC
            LIMIT 1);
    RETURN instances;
END
$$;
REVOKE ALL ON FUNCTION attendance.fold_facts(attendance.fact[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.fold_facts(attendance.fact[]) IS
'Merges facts into room_instance and participation, in any order and any number of times; returns the instances that changed.';

CREATE FUNCTION attendance.reopen(room text, since timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE attendance.session s SET reopened_at = now()
    FROM (SELECT t.session_id
          FROM attendance.session t
          WHERE t.room = reopen.room AND t.judged_until > since AND t.finalised_at IS NOT NULL AND t.reopened_at IS NULL
            AND t.sealed_at IS NULL
          ORDER BY t.session_id
          FOR UPDATE) touched
    WHERE s.session_id = touched.session_id AND s.room = reopen.room;
END
$$;
REVOKE ALL ON FUNCTION attendance.reopen(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reopen(text, timestamptz) IS
'Marks the final sessions of a room for which evidence reaching back to `since` may matter; tick() looks at them again.';

CREATE FUNCTION attendance.absorb(facts attendance.fact[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    silent attendance.participation[] := ARRAY(  -- open stays that the facts show alive, as they were
        SELECT p
        FROM unnest(facts) f
        JOIN attendance.participation p ON p.room = f.room AND p.participant_sid = f.participant_sid
        WHERE f.version < 0 AND attendance.is_open(p.cycle));
    instances attendance.room_instance[] := attendance.fold_facts(facts);
BEGIN
    PERFORM attendance.reopen(t.room, min(t.since))
    FROM (
        SELECT f.room, attendance.joined_at(f.cycle) AS since
        FROM unnest(facts) f
        WHERE f.identity IS NOT NULL
    UNION ALL  -- whoever was thought gone since
        SELECT s.room, greatest(s.seen_at, s.heartbeat_at) FROM unnest(silent) s
    UNION ALL  -- the connection that a new one of the same identity replaces
        SELECT f.room, attendance.joined_at(older.cycle)
        FROM unnest(facts) f
        CROSS JOIN LATERAL (
            SELECT p.cycle
            FROM attendance.participation p
            WHERE p.room = f.room AND p.identity = f.identity
              AND attendance.joined_at(p.cycle) < attendance.joined_at(f.cycle)
            ORDER BY attendance.joined_at(p.cycle) DESC
            LIMIT 1) older
        WHERE attendance.is_open(older.cycle)
    UNION ALL  -- open stays of an instance that finished, or that another one succeeds
        SELECT i.room, attendance.joined_at(p.cycle)
        FROM unnest(instances) i
        JOIN attendance.participation p ON p.room = i.room AND attendance.is_open(p.cycle)
        WHERE p.room_sid = i.room_sid
           OR (attendance.joined_at(p.cycle) < i.started_at
               AND NOT EXISTS (
                   SELECT FROM attendance.room_instance b
                   WHERE b.room = i.room AND b.started_at > attendance.joined_at(p.cycle) AND b.started_at < i.started_at))
    ) t
    GROUP BY t.room
    ORDER BY t.room;
END
$$;
REVOKE ALL ON FUNCTION attendance.absorb(attendance.fact[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.absorb(attendance.fact[]) IS
'Folds facts, and reopens the final sessions that they may change.';

-- What an alias says is no evidence, but it moves stays from one person to another.
CREATE FUNCTION attendance.reopen_alias() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE attendance.session s SET reopened_at = now()
    WHERE s.finalised_at IS NOT NULL AND s.reopened_at IS NULL AND s.sealed_at IS NULL
      AND EXISTS (SELECT FROM attendance.participation p
                  WHERE p.room = s.room
                    AND p.identity IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.identity END,
                                       CASE WHEN TG_OP <> 'DELETE' THEN NEW.identity END)
                    AND p.cycle::tstzrange && tstzrange(s.starts_at - interval '24 h', s.judged_until));
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION attendance.reopen_alias() FROM PUBLIC;
COMMENT ON FUNCTION attendance.reopen_alias() IS 'Reopens the final sessions in which an identity was that gets, changes or loses an alias.';
CREATE TRIGGER reopen AFTER INSERT OR UPDATE OR DELETE ON attendance.identity_alias
    FOR EACH ROW EXECUTE FUNCTION attendance.reopen_alias();
