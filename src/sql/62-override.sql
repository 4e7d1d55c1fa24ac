-- Marks set by hand, and judging again on purpose.

CREATE TABLE attendance.override (
    override_id bigint GENERATED ALWAYS AS IDENTITY,
    room        text COLLATE "C" NOT NULL,
    session_id  text COLLATE "C" NOT NULL,
    attendee    text COLLATE "C" NOT NULL,
    status      text COLLATE "C" CHECK (status IN ('present', 'late', 'partial', 'absent', 'excused')),
    reason      text NOT NULL CHECK (reason <> ''),
    set_by      text NOT NULL DEFAULT coalesce(nullif(current_setting('attendance.actor', true), ''), session_user),
    set_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room, session_id, attendee, override_id),
    FOREIGN KEY (room, session_id) REFERENCES attendance.session ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE attendance.override IS 'Marks set by hand, append-only: the latest of an attendee holds, one without a status clears it.';
COMMENT ON COLUMN attendance.override.override_id IS 'order in which they were set';
COMMENT ON COLUMN attendance.override.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.override.session_id IS 'session';
COMMENT ON COLUMN attendance.override.attendee IS 'whose mark';
COMMENT ON COLUMN attendance.override.status IS 'the mark; NULL: back to the computed one';
COMMENT ON COLUMN attendance.override.reason IS 'why';
COMMENT ON COLUMN attendance.override.set_by IS 'who set it: the setting attendance.actor, else the database role that logged in';
COMMENT ON COLUMN attendance.override.set_at IS 'when';
SELECT pg_catalog.pg_extension_config_dump('attendance.override', '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('attendance.override', 'override_id')::regclass, '');

CREATE FUNCTION attendance.set_override(session_id text, attendee text, status text, reason text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s attendance.session := attendance.claim_session(session_id);
BEGIN
    IF coalesce(reason, '') = '' THEN
        RAISE EXCEPTION 'an override needs a reason'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Say why, for whoever asks later.';
    ELSIF NOT EXISTS (SELECT FROM attendance.compute(s, now(), NULL) a WHERE a.attendee = set_override.attendee) THEN
        RAISE EXCEPTION '"%" is not in session "%"', attendee, session_id
            USING ERRCODE = 'no_data_found', HINT = 'attendance.enrol() puts somebody on its roster.';
    END IF;
    INSERT INTO attendance.override (room, session_id, attendee, status, reason)
    VALUES (s.room, s.session_id, attendee, status, reason);
    IF s.finalised_at IS NOT NULL THEN
        PERFORM attendance.settle(s, s.finalised_at);
    ELSE
        PERFORM attendance.announce(s.room, s.session_id, attendee, NULL);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.set_override(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.set_override(text, text, text, text) IS 'Appends an override (status NULL clears) and shows it in the result of a final session at once.';

CREATE FUNCTION attendance.override(session_id text, attendee text, status text, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF status IS NULL OR status NOT IN ('present', 'late', 'partial', 'absent', 'excused') THEN
        RAISE EXCEPTION '"%" is not a status', status
            USING ERRCODE = 'invalid_parameter_value', HINT = 'One of present, late, partial, absent, excused; clear_override() takes a mark back.';
    END IF;
    PERFORM attendance.set_override(session_id, attendee, status, reason);
END
$$;
REVOKE ALL ON FUNCTION attendance.override(text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.override(text, text, text, text) IS
'Sets a mark by hand, with the reason; who set it is the setting attendance.actor, else the role that logged in. It outlives every recomputation, and the computed status stays beside it. Raises no_data_found for an unknown session or attendee, invalid_parameter_value for no status, object_not_in_prerequisite_state for a cancelled or purged session.';

CREATE FUNCTION attendance.clear_override(session_id text, attendee text, reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM attendance.session_of(session_id);
    IF (SELECT o.status FROM attendance.override o
        WHERE o.session_id = clear_override.session_id AND o.attendee = clear_override.attendee
        ORDER BY o.override_id DESC LIMIT 1) IS NULL THEN
        RAISE EXCEPTION '"%" has no override in session "%"', attendee, session_id
            USING ERRCODE = 'no_data_found', HINT = 'SELECT attendee, status, reason FROM attendance.override lists them.';
    END IF;
    PERFORM attendance.set_override(session_id, attendee, NULL, reason);
END
$$;
REVOKE ALL ON FUNCTION attendance.clear_override(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.clear_override(text, text, text) IS
'Takes an override back, with the reason: the computed status holds again. Raises no_data_found where none is in effect.';

CREATE FUNCTION attendance.recompute(session_id text, policy text DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s attendance.session := attendance.claim_session(session_id);
BEGIN
    PERFORM attendance.require_policy(policy) WHERE policy IS NOT NULL;
    DELETE FROM attendance.frozen_policy f WHERE f.room = s.room AND f.session_id = s.session_id;
    UPDATE attendance.session t SET policy = coalesce(recompute.policy, t.policy)
    WHERE t.room = s.room AND t.session_id = s.session_id
    RETURNING * INTO s;
    RETURN CASE WHEN s.finalised_at IS NULL THEN 0 ELSE attendance.settle(s, now()) END;
END
$$;
REVOKE ALL ON FUNCTION attendance.recompute(text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.recompute(text, text) IS
'Judges a session anew by the numbers that its policies have now, or by another policy; returns how many result rows changed. One that was never final is judged so when it will be. Raises as schedule_session() does.';

CREATE FUNCTION attendance.simulate(policy text, from_at timestamptz, to_at timestamptz)
    RETURNS TABLE (session_id text, attendee text, name text, status text, new_status text, percent numeric, new_percent numeric, new_rule text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM attendance.require_policy(simulate.policy);
    RETURN QUERY
    SELECT s.session_id, d.attendee, d.name, d.status, d.new_status, d.percent, d.new_percent, d.new_rule
    FROM attendance.session s
    CROSS JOIN LATERAL (
        SELECT coalesce(n.attendee, o.attendee) AS attendee, coalesce(n.name, o.name) AS name,
               o.computed_status AS status, n.computed_status AS new_status, o.percent, n.percent AS new_percent,
               n.rule AS new_rule
        FROM attendance.compute(s, coalesce(s.finalised_at, now()), NULL) o
        FULL JOIN attendance.compute(s, coalesce(s.finalised_at, now()), simulate.policy) n
            ON n.attendee = o.attendee
        WHERE o.computed_status IS DISTINCT FROM n.computed_status) d
    WHERE s.starts_at >= from_at AND s.starts_at < to_at AND s.cancelled_at IS NULL AND s.sealed_at IS NULL
    ORDER BY s.starts_at, s.session_id, d.attendee;
END
$$;
REVOKE ALL ON FUNCTION attendance.simulate(text, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.simulate(text, timestamptz, timestamptz) IS
'Every mark that would be another if the sessions starting in [from_at, to_at) had this policy: before and after, overrides aside. Changes nothing. Purged sessions are passed over.';
