-- From judgement to a result that stays.

CREATE TABLE attendance.result (
    room        text COLLATE "C" NOT NULL,
    LIKE attendance.assessment,
    revision    integer NOT NULL CHECK (revision > 0),
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (room, session_id, attendee),
    FOREIGN KEY (room, session_id) REFERENCES attendance.session ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX result_attendee ON attendance.result (attendee);
COMMENT ON TABLE attendance.result IS 'What was decided, as of the latest finalisation. Columns as in the type assessment.';

CREATE TABLE attendance.result_revision (
    LIKE attendance.result,
    replaced_at timestamptz NOT NULL,
    PRIMARY KEY (room, session_id, attendee, revision),
    FOREIGN KEY (room, session_id) REFERENCES attendance.session ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE attendance.result_revision IS 'What was decided before: results that a later finalisation replaced.';

DO $$
DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT a.attrelid::regclass AS relation, a.attname, d.text
        FROM pg_catalog.pg_attribute a
        JOIN (VALUES ('room', 'LiveKit room name'), ('session_id', 'session'), ('attendee', 'the host application''s user id'),
              ('name', 'display name, the roster''s first'), ('role', 'role, the roster''s first'), ('enrolled', 'is on the roster'),
              ('status', 'present, late, partial, absent or excused, an override applied'),
              ('computed_status', 'the same without an override'), ('rule', 'the rule that decided status'),
              ('attended', 'time that counts'), ('percent', 'attended of the session''s length, at most 100; NULL if it has none'),
              ('first_join', 'first join, also before the start'), ('last_leave', 'last leave, also after the end; NULL while there'),
              ('late_by', 'from the start to the first presence; NULL: never came'),
              ('early_by', 'from the last presence to the end; NULL: never came'),
              ('is_late', 'came more than late_after after the start'), ('left_early', 'left more than early_leave_after before the end'),
              ('cycles', 'stays'), ('rejoins', 'returns after a gap'), ('longest_gap', 'the longest gap between stays'),
              ('inferred', 'the end of a stay was not observed but inferred'), ('overridden', 'status was set by hand'),
              ('revision', 'counts the changes of this row, from 1'), ('computed_at', 'when it was written'),
              ('replaced_at', 'when it was replaced')) d (name, text) ON d.name = a.attname
        WHERE a.attrelid IN ('attendance.result'::regclass, 'attendance.result_revision'::regclass)
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', c.relation, c.attname, c.text);
    END LOOP;
END
$$;

SELECT pg_catalog.pg_extension_config_dump('attendance.result', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.result_revision', '');

CREATE FUNCTION attendance.settle(s attendance.session, as_of timestamptz) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    judged attendance.assessment[];
    of_attendee jsonb;
    replaced text[];
    written text[];
    changed text[];
BEGIN
    INSERT INTO attendance.frozen_policy SELECT s.room, s.session_id, t.* FROM attendance.terms(s, NULL) t
    ON CONFLICT DO NOTHING;
    judged := ARRAY(SELECT a FROM attendance.assess(s.session_id, as_of) a);
    of_attendee := (SELECT jsonb_object_agg(j.attendee, to_jsonb(j)) FROM unnest(judged) j);  -- found faster in it, if there are thousands

    WITH outdated AS (
        DELETE FROM attendance.result r
        WHERE r.room = s.room AND r.session_id = s.session_id
          AND of_attendee -> r.attendee IS DISTINCT FROM to_jsonb(r) - '{room,revision,computed_at}'::text[]
        RETURNING r.*
    ), kept AS (
        INSERT INTO attendance.result_revision SELECT o.*, now() FROM outdated o RETURNING attendee
    )
    SELECT array_agg(k.attendee) INTO replaced FROM kept k;

    WITH news AS (
        INSERT INTO attendance.result
        SELECT s.room, j.*,
               1 + coalesce((SELECT max(v.revision) FROM attendance.result_revision v
                             WHERE v.room = s.room AND v.session_id = s.session_id AND v.attendee = j.attendee), 0),
               now()
        FROM unnest(judged) j
        WHERE NOT EXISTS (SELECT FROM attendance.result r
                          WHERE r.room = s.room AND r.session_id = s.session_id AND r.attendee = j.attendee)
        RETURNING attendee
    )
    SELECT array_agg(n.attendee) INTO written FROM news n;

    -- Before its end a session may be finalised to look at, but it stays due.
    UPDATE attendance.session t
    SET finalised_at = as_of, reopened_at = CASE WHEN as_of < s.ends_at THEN as_of END,
        attempts = 0, retry_at = NULL, last_error = NULL,
        judged_until = s.ends_at + (SELECT max(f.count_overtime + f.bridge_gap) FROM attendance.frozen_policy f
                                    WHERE f.room = s.room AND f.session_id = s.session_id)
    WHERE t.room = s.room AND t.session_id = s.session_id;

    changed := ARRAY(SELECT DISTINCT a FROM unnest(replaced || written) a ORDER BY a);
    INSERT INTO attendance.change (room, session_id, attendee) SELECT s.room, s.session_id, a FROM unnest(changed) a;
    IF s.finalised_at IS NULL OR s.reopened_at IS NOT NULL OR cardinality(changed) > 0 THEN
        PERFORM attendance.announce(s.room, s.session_id, NULL, NULL);
    END IF;
    RETURN cardinality(changed);
END
$$;
REVOKE ALL ON FUNCTION attendance.settle(attendance.session, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.settle(attendance.session, timestamptz) IS
'Writes the judgement of a session whose locks the caller holds; returns how many result rows changed.';

CREATE FUNCTION attendance.claim_session(session_id text) RETURNS attendance.session
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found attendance.session := attendance.session_of(session_id);
    claimed text;
BEGIN
    LOOP  -- again, if it has moved to another room meanwhile
        claimed := found.room;
        PERFORM attendance.claim_rooms(ARRAY[claimed]);
        SELECT * INTO found FROM attendance.session s WHERE s.session_id = claim_session.session_id FOR UPDATE;
        EXIT WHEN found.room = claimed;
    END LOOP;
    PERFORM attendance.require_evidence(found);
    IF found.cancelled_at IS NOT NULL THEN
        RAISE EXCEPTION 'session "%" is cancelled', session_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'attendance.schedule_session() with its session_id brings it back.';
    END IF;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION attendance.claim_session(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.claim_session(text) IS
'Takes the locks that settle() needs and returns the session; raises no_data_found for an unknown one, object_not_in_prerequisite_state for a cancelled or purged one.';

CREATE FUNCTION attendance.finalise(session_id text, as_of timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s attendance.session := attendance.claim_session(session_id);
BEGIN
    RETURN attendance.settle(s, as_of);
END
$$;
REVOKE ALL ON FUNCTION attendance.finalise(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.finalise(text, timestamptz) IS
'Writes assess() into result as of an instant, keeping what it replaces in result_revision; returns how many rows changed. Raises no_data_found for an unknown session, object_not_in_prerequisite_state for a cancelled one.';

CREATE FUNCTION attendance.due_at(s attendance.session) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT s.ends_at + coalesce((SELECT t.finalise_after FROM attendance.terms(s, NULL) t WHERE t.policy = s.policy), '0');
END;
REVOKE ALL ON FUNCTION attendance.due_at(attendance.session) FROM PUBLIC;
COMMENT ON FUNCTION attendance.due_at(attendance.session) IS
'From when on a session should be final: finalise_after its end, or at its end if its policy does not exist, so that tick() says so.';

CREATE TABLE attendance.ticked (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    by_cron_at timestamptz,
    by_other_at timestamptz,
    other      text
);
INSERT INTO attendance.ticked DEFAULT VALUES;
COMMENT ON TABLE attendance.ticked IS 'When tick() was called last, in one row. Not in dumps: who ticks there does not tick here.';
COMMENT ON COLUMN attendance.ticked.singleton IS 'true: there is one row';
COMMENT ON COLUMN attendance.ticked.by_cron_at IS 'as_of of the latest call by pg_cron; NULL: never one';
COMMENT ON COLUMN attendance.ticked.by_other_at IS 'as_of of the latest call by anybody else; NULL: never one';
COMMENT ON COLUMN attendance.ticked.other IS 'application_name of that caller';

CREATE FUNCTION attendance.note_tick(as_of timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- pg_cron's background workers have a type of their own, its connections a name.
    caller text := (SELECT CASE WHEN a.backend_type = 'client backend' THEN current_setting('application_name') ELSE a.backend_type END
                    FROM pg_stat_get_activity(pg_backend_pid()) a);
BEGIN
    PERFORM FROM attendance.ticked FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN  -- another tick at this moment notes the same
        RETURN;
    ELSIF caller = 'pg_cron' THEN
        UPDATE attendance.ticked SET by_cron_at = as_of;
    ELSE
        UPDATE attendance.ticked SET by_other_at = as_of, other = caller;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.note_tick(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.note_tick(timestamptz) IS 'Notes that tick() was called, and by whom; never waits.';

CREATE FUNCTION attendance.tick(max_sessions integer DEFAULT 1000, as_of timestamptz DEFAULT now())
    RETURNS TABLE (session_id text, outcome text, changed integer, error text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    s attendance.session;
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN;
    END IF;
    PERFORM attendance.require_read_committed();
    PERFORM attendance.note_tick(as_of);
    FOR s IN
        SELECT d.*
        FROM attendance.session d
        WHERE d.cancelled_at IS NULL AND (d.finalised_at IS NULL OR d.reopened_at IS NOT NULL)
          AND d.ends_at <= as_of AND (d.retry_at IS NULL OR d.retry_at <= as_of)
          AND attendance.due_at(d) <= as_of
        ORDER BY d.ends_at, d.session_id
        LIMIT max_sessions
        FOR UPDATE SKIP LOCKED
    LOOP
        -- Never waits, so that it can hold many rooms at once; evidence on its way in now is there at the next tick.
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(1635021924, attendance.room_lock(s.room));
        session_id := s.session_id;
        BEGIN
            changed := attendance.settle(s, as_of);
            outcome := 'finalised';
            error := NULL;
        EXCEPTION WHEN OTHERS THEN
            changed := 0;
            outcome := 'failed';
            error := SQLERRM;
            UPDATE attendance.session t
            SET attempts = t.attempts + 1, last_error = error,
                retry_at = as_of + least(interval '1 min' * 2 ^ least(t.attempts, 20), interval '1 day')
            WHERE t.room = s.room AND t.session_id = s.session_id;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION attendance.tick(integer, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.tick(integer, timestamptz) IS
'Finalises the sessions that are due at as_of, oldest first, passing over those another tick holds; a row for each: outcome finalised or failed, how many result rows changed, the error. A failed one is tried again after 1, 2, 4 … minutes, at most a day. Does nothing on a standby.';

CREATE FUNCTION attendance.schedule_jobs() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job bigint;
BEGIN
    PERFORM attendance.require_cron();
    EXECUTE 'SELECT cron.schedule(''attendance_tick'', ''* * * * *'', ''SELECT * FROM attendance.tick()'')' INTO job;
    RETURN job;
END
$$;
REVOKE ALL ON FUNCTION attendance.schedule_jobs() FROM PUBLIC;
COMMENT ON FUNCTION attendance.schedule_jobs() IS
'Has pg_cron call tick() every minute, as the role that calls this; returns the job''s id. Again: changes nothing. Raises feature_not_supported where pg_cron is not in this database.';

CREATE FUNCTION attendance.unschedule_jobs() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    removed boolean;
BEGIN
    PERFORM attendance.require_cron();
    EXECUTE 'SELECT bool_or(cron.unschedule(jobid)) FROM cron.job
             WHERE jobname = ''attendance_tick'' AND database = current_database()' INTO removed;
    RETURN coalesce(removed, false);
END
$$;
REVOKE ALL ON FUNCTION attendance.unschedule_jobs() FROM PUBLIC;
COMMENT ON FUNCTION attendance.unschedule_jobs() IS
'Undoes schedule_jobs(); true if there was a job. Raises feature_not_supported where pg_cron is not in this database.';

CREATE FUNCTION attendance.require_cron() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_cron') THEN
        RAISE EXCEPTION 'pg_cron is not installed in database "%"', current_database()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Set shared_preload_libraries = ''pg_cron'' and cron.database_name to this database, restart, CREATE EXTENSION pg_cron. Or have any other scheduler run SELECT * FROM attendance.tick() every minute.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.require_cron() FROM PUBLIC;
COMMENT ON FUNCTION attendance.require_cron() IS 'Raises feature_not_supported where pg_cron is not in this database.';
