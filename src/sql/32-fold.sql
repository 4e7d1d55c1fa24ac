-- From facts to stays, and back to the sessions that they touch.

CREATE FUNCTION attendance.fold_fact(f attendance.fact) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    news boolean := false;
BEGIN
    -- Nearly every event repeats when its room started: only news is written, since a write would lock the room's row.
    IF f.instance_started_at IS NOT NULL OR f.instance_finished_at IS NOT NULL THEN
        news := NOT EXISTS (
            SELECT FROM attendance.room_instance i
            WHERE i.room = f.room AND i.room_sid = f.room_sid
              AND i.started_at IS NOT DISTINCT FROM least(i.started_at, f.instance_started_at)
              AND i.finished_at IS NOT DISTINCT FROM greatest(i.finished_at, f.instance_finished_at));
        IF news THEN
            INSERT INTO attendance.room_instance AS i (room, room_sid, started_at, finished_at)
            VALUES (f.room, f.room_sid, f.instance_started_at, f.instance_finished_at)
            ON CONFLICT (room, room_sid) DO UPDATE SET
                started_at = least(i.started_at, excluded.started_at),
                finished_at = greatest(i.finished_at, excluded.finished_at);
        END IF;
    END IF;

    IF f.identity IS NOT NULL THEN
        INSERT INTO attendance.participation AS p
            (room, participant_sid, room_sid, identity, name, role, counted, state_version, state_at, state_event_id,
             cycle, seen_at)
        VALUES (f.room, f.participant_sid, f.room_sid, f.identity, f.name, f.role, f.counted, f.version, f.occurred_at,
                f.event_id, f.cycle, f.seen_at)
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
    END IF;
    RETURN news;
END
$$;
REVOKE ALL ON FUNCTION attendance.fold_fact(attendance.fact) FROM PUBLIC;
COMMENT ON FUNCTION attendance.fold_fact(attendance.fact) IS
'Merges a fact into room_instance and participation, in any order and any number of times; returns whether its room instance changed.';

CREATE FUNCTION attendance.reopen(room text, since timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reopened text;
BEGIN
    FOR reopened IN
        UPDATE attendance.session s SET reopened_at = now()
        FROM (SELECT t.session_id
              FROM attendance.session t
              WHERE t.room = reopen.room AND t.judged_until > since AND t.finalised_at IS NOT NULL AND t.reopened_at IS NULL
                AND t.sealed_at IS NULL
              ORDER BY t.session_id
              FOR UPDATE) touched
        WHERE s.session_id = touched.session_id AND s.room = reopen.room
        RETURNING s.session_id
    LOOP
        PERFORM attendance.announce(room, reopened, NULL, NULL);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION attendance.reopen(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reopen(text, timestamptz) IS
'Marks the final sessions of a room for which evidence reaching back to `since` may matter; tick() looks at them again.';

CREATE FUNCTION attendance.given_up(known attendance.participation, missing_at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN attendance.is_open(known.cycle) AND EXISTS (
        SELECT FROM attendance.session s
        JOIN attendance.frozen_policy f ON f.room = s.room AND f.session_id = s.session_id
        WHERE s.room = known.room AND s.judged_until > attendance.joined_at(known.cycle)
          AND s.finalised_at IS NOT NULL AND s.reopened_at IS NULL AND s.sealed_at IS NULL
          AND NOT attendance.is_open(attendance.resolve(known.cycle, known.seen_at, known.heartbeat_at, NULL, NULL, missing_at,
                                                        s.finalised_at, f.heartbeat_timeout, f.stale_after)));
END
$$;
REVOKE ALL ON FUNCTION attendance.given_up(attendance.participation, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.given_up(attendance.participation, timestamptz) IS
'Whether a final session took an open stay for ended, because it had been silent or, at missing_at, not listed.';

CREATE FUNCTION attendance.absorb(f attendance.fact) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    since timestamptz := attendance.joined_at(f.cycle);  -- the earliest instant whose judgement the fact may change
    final_until timestamptz;
    reaches_back boolean;
    known attendance.participation;
    replaced timestamptz;
    news boolean;
BEGIN
    -- Hardly any event reaches back to a final session, by its own stay or by one that is open still.
    SELECT m.final_until, since < m.final_until
           OR EXISTS (SELECT FROM attendance.participation p
                      WHERE p.room = f.room AND p.identity = f.identity AND attendance.is_open(p.cycle)
                        AND attendance.joined_at(p.cycle) < m.final_until)
    INTO final_until, reaches_back
    FROM (SELECT max(s.judged_until) AS final_until FROM attendance.session s
          WHERE s.room = f.room AND s.finalised_at IS NOT NULL AND s.reopened_at IS NULL AND s.sealed_at IS NULL) m;
    IF final_until IS NULL THEN
        PERFORM attendance.fold_fact(f);
        RETURN NULL;
    ELSIF reaches_back THEN
        SELECT p.* INTO known
        FROM attendance.participation p WHERE p.room = f.room AND p.participant_sid = f.participant_sid;
        IF attendance.joined_at(known.cycle) <= since AND attendance.is_open(f.cycle)
           AND coalesce(f.room_sid, known.room_sid) IS NOT DISTINCT FROM known.room_sid
           AND (f.version < 0 OR (f.identity, f.name, f.role, f.counted)
                                 IS NOT DISTINCT FROM (known.identity, known.name, known.role, known.counted)) THEN
            -- Says no more than that a known stay was still going on, which nobody may have doubted.
            since := CASE WHEN f.seen_at > known.seen_at
                               AND attendance.given_up(known, (SELECT min(n.observed_at) FROM attendance.snapshot n
                                                               WHERE n.room = f.room AND n.observed_at > known.seen_at + interval '10 s'))
                          THEN attendance.joined_at(known.cycle) END;
        ELSIF f.identity IS NOT NULL THEN  -- the connection that this one replaces
            SELECT CASE WHEN attendance.is_open(p.cycle) THEN attendance.joined_at(p.cycle) END INTO replaced
            FROM attendance.participation p
            WHERE p.room = f.room AND p.identity = f.identity AND attendance.joined_at(p.cycle) < since
            ORDER BY attendance.joined_at(p.cycle) DESC
            LIMIT 1;
            since := least(since, attendance.joined_at(known.cycle), replaced);
        END IF;
    END IF;
    news := attendance.fold_fact(f);
    IF news THEN  -- open stays of an instance that finished, or that another one succeeds
        SELECT least(since, min(attendance.joined_at(p.cycle))) INTO since
        FROM attendance.participation p
        WHERE p.room = f.room AND attendance.is_open(p.cycle)
          AND (p.room_sid = f.room_sid
               OR (attendance.joined_at(p.cycle) < f.instance_started_at
                   AND NOT EXISTS (
                       SELECT FROM attendance.room_instance b
                       WHERE b.room = f.room AND b.started_at > attendance.joined_at(p.cycle)
                         AND b.started_at < f.instance_started_at)));
    END IF;
    RETURN CASE WHEN since < final_until THEN since END;
END
$$;
REVOKE ALL ON FUNCTION attendance.absorb(attendance.fact) FROM PUBLIC;
COMMENT ON FUNCTION attendance.absorb(attendance.fact) IS 'Folds a fact; returns since when it may change the final sessions of its room, for reopen(), or NULL if it changes none.';

-- What an alias says is no evidence, but it moves stays from one person to another.
CREATE FUNCTION attendance.reopen_alias() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reopened record;
BEGIN
    FOR reopened IN
        UPDATE attendance.session s SET reopened_at = now()
        WHERE s.finalised_at IS NOT NULL AND s.reopened_at IS NULL AND s.sealed_at IS NULL
          AND EXISTS (SELECT FROM attendance.participation p
                      WHERE p.room = s.room
                        AND p.identity IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.identity END,
                                           CASE WHEN TG_OP <> 'DELETE' THEN NEW.identity END)
                        AND p.cycle::tstzrange && tstzrange(s.starts_at - interval '24 h', s.judged_until))
        RETURNING s.room, s.session_id
    LOOP
        PERFORM attendance.announce(reopened.room, reopened.session_id, NULL, NULL);
    END LOOP;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION attendance.reopen_alias() FROM PUBLIC;
COMMENT ON FUNCTION attendance.reopen_alias() IS 'Reopens the final sessions in which an identity was that gets, changes or loses an alias.';
CREATE TRIGGER reopen AFTER INSERT OR UPDATE OR DELETE ON attendance.identity_alias
    FOR EACH ROW EXECUTE FUNCTION attendance.reopen_alias();
