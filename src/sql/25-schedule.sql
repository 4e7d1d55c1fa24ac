-- Who should be where, and by which numbers they are judged.

CREATE TABLE attendance.configuration (
    singleton        boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    identity_pattern text NOT NULL DEFAULT '^(?:user-)?([0-9]+)(?:_.*)?$'
        -- Asked on its own the pattern must be one; with an empty group as another alternative it always matches, and
        -- shows how many groups it has beside that.
        CHECK (attendance.require('' ~ identity_pattern IS NOT NULL
                                  AND cardinality(regexp_match('', identity_pattern || '|()')) > 1,
               'identity_pattern has no capture group',
               'Put the part of the identity that is your user id into parentheses: ^user-([0-9]+)$')),
    clock_skew       interval NOT NULL DEFAULT '1 min'
        CHECK (attendance.require(attendance.is_span(clock_skew),
               'clock_skew is not a length of time', 'Give seconds or minutes, not negative.')),
    quarantine_limit bigint NOT NULL DEFAULT 64 * 1024 * 1024 CHECK (quarantine_limit >= 0)
);
INSERT INTO attendance.configuration DEFAULT VALUES;
COMMENT ON TABLE attendance.configuration IS 'Settings, in one row: UPDATE it.';
COMMENT ON COLUMN attendance.configuration.singleton IS 'true: there is one row';
COMMENT ON COLUMN attendance.configuration.clock_skew IS 'by how much LiveKit''s clock and this one may differ when a token is checked';
COMMENT ON COLUMN attendance.configuration.quarantine_limit IS 'bytes of bodies that are kept in quarantine; what comes then is only counted';
COMMENT ON COLUMN attendance.configuration.identity_pattern IS
'POSIX regular expression whose first capture group is the attendee of an identity';

CREATE TABLE attendance.identity_alias (
    identity text COLLATE "C" PRIMARY KEY,
    attendee text COLLATE "C" NOT NULL CHECK (attendee <> '')
);
COMMENT ON TABLE attendance.identity_alias IS
'Identities that belong to an attendee whatever the pattern says: guests, second devices. Delete the row to undo it.';
COMMENT ON COLUMN attendance.identity_alias.identity IS 'identity as LiveKit sends it';
COMMENT ON COLUMN attendance.identity_alias.attendee IS 'the host application''s user id';

CREATE FUNCTION attendance.attendee_of(identity text) RETURNS TABLE (attendee text)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1
BEGIN ATOMIC
    SELECT coalesce((SELECT a.attendee FROM attendance.identity_alias a WHERE a.identity = attendee_of.identity),
                    nullif(substring(attendee_of.identity, c.identity_pattern), ''),
                    attendee_of.identity)
    FROM attendance.configuration c;
END;
REVOKE ALL ON FUNCTION attendance.attendee_of(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.attendee_of(text) IS
'The person behind an identity: its alias, else what the configured pattern captures, else the identity itself.';

CREATE TABLE attendance.policy (
    policy            text COLLATE "C" PRIMARY KEY CHECK (policy <> ''),
    late_after        interval DEFAULT '15 min',
    absent_after      interval,
    absent_below      numeric NOT NULL DEFAULT 0,
    partial_below     numeric NOT NULL DEFAULT 50,
    early_leave_after interval DEFAULT '5 min',
    bridge_gap        interval NOT NULL DEFAULT '0',
    count_early       interval NOT NULL DEFAULT '0',
    count_overtime    interval NOT NULL DEFAULT '0',
    heartbeat_timeout interval NOT NULL DEFAULT '5 min',
    stale_after       interval NOT NULL DEFAULT '3 h',
    finalise_after    interval NOT NULL DEFAULT '5 min',
    excluded_roles    text[] NOT NULL DEFAULT '{observer}',
    CONSTRAINT late_after_is_span CHECK (attendance.require(attendance.is_span(late_after),
        'late_after is not a length of time', 'Give hours, minutes or seconds, not negative and without days; NULL means never late.')),
    CONSTRAINT absent_after_is_span CHECK (attendance.require(attendance.is_span(absent_after),
        'absent_after is not a length of time', 'Give hours, minutes or seconds, not negative and without days; NULL means never absent for coming late.')),
    CONSTRAINT early_leave_after_is_span CHECK (attendance.require(attendance.is_span(early_leave_after),
        'early_leave_after is not a length of time', 'Give hours, minutes or seconds, not negative and without days; NULL means nobody leaves early.')),
    CONSTRAINT bridge_gap_is_span CHECK (attendance.require(attendance.is_span(bridge_gap),
        'bridge_gap is not a length of time', 'Give minutes or seconds, not negative; 0 bridges nothing.')),
    CONSTRAINT count_early_is_span CHECK (attendance.require(attendance.is_span(count_early),
        'count_early is not a length of time', 'Give minutes or seconds, not negative; 0 counts nothing before the start.')),
    CONSTRAINT count_overtime_is_span CHECK (attendance.require(attendance.is_span(count_overtime),
        'count_overtime is not a length of time', 'Give minutes or seconds, not negative; 0 counts nothing after the end.')),
    CONSTRAINT heartbeat_timeout_is_span CHECK (attendance.require(attendance.is_span(heartbeat_timeout),
        'heartbeat_timeout is not a length of time', 'Give minutes or seconds, not negative.')),
    CONSTRAINT stale_after_is_span CHECK (attendance.require(attendance.is_span(stale_after),
        'stale_after is not a length of time', 'Give hours or minutes, not negative; 0 believes nothing unproven.')),
    CONSTRAINT finalise_after_is_span CHECK (attendance.require(attendance.is_span(finalise_after),
        'finalise_after is not a length of time', 'Give minutes or hours, not negative.')),
    CONSTRAINT absent_below_is_share CHECK (attendance.require(attendance.is_share(absent_below),
        'absent_below is not a percentage', 'Give a number from 0 to 100 with at most four decimals.')),
    CONSTRAINT partial_below_is_share CHECK (attendance.require(attendance.is_share(partial_below),
        'partial_below is not a percentage', 'Give a number from 0 to 100 with at most four decimals.')),
    CONSTRAINT partial_not_below_absent CHECK (attendance.require(partial_below >= absent_below,
        'partial_below is less than absent_below', 'Whoever is below absent_below is absent, so nobody would ever be partial: raise partial_below or lower absent_below.'))
);
INSERT INTO attendance.policy (policy) VALUES ('default');
COMMENT ON TABLE attendance.policy IS
'The numbers that turn coverage into a status. A session that was finalised keeps the numbers it was finalised with.';
COMMENT ON COLUMN attendance.policy.policy IS 'name, as sessions and enrolments give it';
COMMENT ON COLUMN attendance.policy.late_after IS 'first presence later than this after the start is late; NULL: never';
COMMENT ON COLUMN attendance.policy.absent_after IS 'first presence this long after the start, or later, is absent; NULL: never';
COMMENT ON COLUMN attendance.policy.absent_below IS 'per cent of the session''s length; less is absent';
COMMENT ON COLUMN attendance.policy.partial_below IS 'per cent of the session''s length; less is partial';
COMMENT ON COLUMN attendance.policy.early_leave_after IS 'last presence ending earlier than this before the end has left early; NULL: never';
COMMENT ON COLUMN attendance.policy.bridge_gap IS 'gaps between stays up to this long count as presence';
COMMENT ON COLUMN attendance.policy.count_early IS 'presence up to this long before the start counts';
COMMENT ON COLUMN attendance.policy.count_overtime IS 'presence up to this long after the end counts';
COMMENT ON COLUMN attendance.policy.heartbeat_timeout IS 'silence after the last heartbeat that ends a stay';
COMMENT ON COLUMN attendance.policy.stale_after IS 'how long after its last evidence an open stay is believed';
COMMENT ON COLUMN attendance.policy.finalise_after IS 'how long after the end a session is due for its final result';
COMMENT ON COLUMN attendance.policy.excluded_roles IS 'roles that are not judged';

CREATE TABLE attendance.session (
    room         text COLLATE "C" NOT NULL CHECK (room <> ''),
    session_id   text COLLATE "C" NOT NULL UNIQUE CHECK (session_id <> ''),
    starts_at    timestamptz NOT NULL CHECK (isfinite(starts_at)),
    ends_at      timestamptz NOT NULL CHECK (isfinite(ends_at)),
    policy       text COLLATE "C" NOT NULL DEFAULT 'default',
    title        text,
    external_id  text,
    scheduled_at timestamptz NOT NULL DEFAULT now(),
    cancelled_at timestamptz,
    finalised_at timestamptz,
    judged_until timestamptz,
    reopened_at  timestamptz,
    sealed_at    timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    retry_at     timestamptz,
    last_error   text,
    PRIMARY KEY (room, session_id),
    CHECK (ends_at >= starts_at)
);
CREATE INDEX session_due ON attendance.session (ends_at)
    WHERE cancelled_at IS NULL AND (finalised_at IS NULL OR reopened_at IS NOT NULL);
CREATE INDEX session_final ON attendance.session (room, judged_until)
    WHERE finalised_at IS NOT NULL AND reopened_at IS NULL AND sealed_at IS NULL;
CREATE INDEX session_start ON attendance.session (starts_at);
COMMENT ON TABLE attendance.session IS 'A scheduled meeting: a room and a half-open time [starts_at, ends_at). Written by schedule_session().';
COMMENT ON COLUMN attendance.session.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.session.session_id IS 'the host application''s id of the meeting, or a generated UUID';
COMMENT ON COLUMN attendance.session.starts_at IS 'start; presence counts from here';
COMMENT ON COLUMN attendance.session.ends_at IS 'end; presence counts until here';
COMMENT ON COLUMN attendance.session.policy IS 'policy of those whose enrolment names none';
COMMENT ON COLUMN attendance.session.title IS 'what people call it';
COMMENT ON COLUMN attendance.session.external_id IS 'free for the host application: another id to join by';
COMMENT ON COLUMN attendance.session.scheduled_at IS 'when it was scheduled first';
COMMENT ON COLUMN attendance.session.cancelled_at IS 'when it was cancelled; a cancelled session is not judged';
COMMENT ON COLUMN attendance.session.finalised_at IS 'as_of of its latest finalisation; NULL: never';
COMMENT ON COLUMN attendance.session.judged_until IS 'latest instant its finalisation looked at: evidence of an earlier one reopens it';
COMMENT ON COLUMN attendance.session.reopened_at IS 'when something changed since; NULL: nothing did, the result is final';
COMMENT ON COLUMN attendance.session.sealed_at IS 'when purge() took its evidence: its result stays as it is; NULL: the evidence is there';
COMMENT ON COLUMN attendance.session.attempts IS 'finalisations that failed in a row';
COMMENT ON COLUMN attendance.session.retry_at IS 'when tick() tries again after a failure';
COMMENT ON COLUMN attendance.session.last_error IS 'why the latest finalisation failed; NULL: it did not';

CREATE TABLE attendance.frozen_policy (
    room       text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    LIKE attendance.policy INCLUDING COMMENTS,
    PRIMARY KEY (room, session_id, policy),
    FOREIGN KEY (room, session_id) REFERENCES attendance.session ON UPDATE CASCADE ON DELETE CASCADE
);
COMMENT ON TABLE attendance.frozen_policy IS 'The numbers each session was first finalised with; recompute() takes new ones.';
COMMENT ON COLUMN attendance.frozen_policy.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.frozen_policy.session_id IS 'session';

CREATE TABLE attendance.enrolment (
    room       text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    attendee   text COLLATE "C" NOT NULL CHECK (attendee <> ''),
    role       text NOT NULL DEFAULT 'student',
    name       text,
    excused    text,
    policy     text COLLATE "C",
    PRIMARY KEY (room, session_id, attendee),
    FOREIGN KEY (room, session_id) REFERENCES attendance.session ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX enrolment_policy ON attendance.enrolment (policy) WHERE policy IS NOT NULL;
COMMENT ON TABLE attendance.enrolment IS 'The roster. Written by enrol().';
COMMENT ON COLUMN attendance.enrolment.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.enrolment.session_id IS 'session';
COMMENT ON COLUMN attendance.enrolment.attendee IS 'the host application''s user id';
COMMENT ON COLUMN attendance.enrolment.role IS 'goes before the role LiveKit sends';
COMMENT ON COLUMN attendance.enrolment.name IS 'goes before the name LiveKit sends';
COMMENT ON COLUMN attendance.enrolment.excused IS 'the reason; NULL: not excused';
COMMENT ON COLUMN attendance.enrolment.policy IS 'goes before the session''s policy; NULL: the session''s';

-- What a dump restores goes into tables that CREATE EXTENSION has just seeded, so a seed row gives way to an insert.
CREATE FUNCTION attendance.replace_seed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_TABLE_NAME = 'configuration' THEN
        DELETE FROM attendance.configuration;
    ELSIF NEW.policy = 'default' THEN
        DELETE FROM attendance.policy WHERE policy = 'default';
    END IF;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION attendance.replace_seed() FROM PUBLIC;
COMMENT ON FUNCTION attendance.replace_seed() IS 'Lets an inserted row take the place of the one that CREATE EXTENSION made.';
CREATE TRIGGER replace_seed BEFORE INSERT ON attendance.configuration
    FOR EACH ROW EXECUTE FUNCTION attendance.replace_seed();
CREATE TRIGGER replace_seed BEFORE INSERT ON attendance.policy
    FOR EACH ROW EXECUTE FUNCTION attendance.replace_seed();
ALTER TABLE attendance.configuration ENABLE ALWAYS TRIGGER replace_seed;
ALTER TABLE attendance.policy ENABLE ALWAYS TRIGGER replace_seed;

SELECT pg_catalog.pg_extension_config_dump('attendance.configuration', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.identity_alias', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.policy', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.session', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.frozen_policy', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.enrolment', '');

CREATE FUNCTION attendance.require_policy(policy text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM attendance.policy p WHERE p.policy = require_policy.policy) THEN
        RAISE EXCEPTION 'policy "%" does not exist', policy
            USING ERRCODE = 'undefined_object',
                  HINT = 'SELECT policy FROM attendance.policy lists them; INSERT INTO attendance.policy (policy) makes one.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.require_policy(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.require_policy(text) IS 'Raises undefined_object for a policy that does not exist.';

CREATE FUNCTION attendance.session_of(session_id text) RETURNS attendance.session
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found attendance.session;
BEGIN
    SELECT * INTO found FROM attendance.session s WHERE s.session_id = session_of.session_id;
    IF found.session_id IS NULL THEN
        RAISE EXCEPTION 'session "%" does not exist', session_id
            USING ERRCODE = 'no_data_found',
                  HINT = 'SELECT session_id, room, starts_at FROM attendance.session lists them; attendance.schedule_session() makes one.';
    END IF;
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION attendance.session_of(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.session_of(text) IS 'The row of a session; raises no_data_found when there is none.';

CREATE FUNCTION attendance.require_evidence(s attendance.session) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF s.sealed_at IS NOT NULL THEN
        RAISE EXCEPTION 'the evidence of session "%" was purged', s.session_id
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Its result in attendance.report stands as it is.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.require_evidence(attendance.session) FROM PUBLIC;
COMMENT ON FUNCTION attendance.require_evidence(attendance.session) IS
'Raises object_not_in_prerequisite_state for a session that can be judged no more, because purge() took its evidence.';

CREATE FUNCTION attendance.change_session(session_id text) RETURNS attendance.session
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found attendance.session := attendance.session_of(session_id);
BEGIN
    PERFORM attendance.share_rooms(ARRAY[found.room]);
    PERFORM attendance.require_evidence(found);
    UPDATE attendance.session s
    SET reopened_at = CASE WHEN s.finalised_at IS NOT NULL THEN coalesce(s.reopened_at, now()) END
    WHERE s.session_id = change_session.session_id
    RETURNING * INTO found;
    PERFORM attendance.announce(found.room, found.session_id, NULL, NULL);
    RETURN found;
END
$$;
REVOKE ALL ON FUNCTION attendance.change_session(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.change_session(text) IS
'Locks a session for a change, reopens it if it was final, and returns its row; raises no_data_found when there is none.';

CREATE FUNCTION attendance.schedule_session(room text, starts_at timestamptz, ends_at timestamptz,
    session_id text DEFAULT NULL, policy text DEFAULT 'default', title text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id text := coalesce(session_id, gen_random_uuid()::text);
BEGIN
    IF num_nulls(room, starts_at, ends_at) > 0 OR room = '' OR id = '' THEN
        RAISE EXCEPTION 'a session needs a room, a start and an end'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Give room, starts_at and ends_at; session_id may be left out.';
    ELSIF NOT isfinite(starts_at) OR NOT isfinite(ends_at) THEN
        RAISE EXCEPTION 'a session cannot last for ever'
            USING ERRCODE = 'datetime_field_overflow', HINT = 'Give a finite start and end.';
    ELSIF ends_at < starts_at THEN
        RAISE EXCEPTION 'the session would end before it starts'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It would last from %s to %s.', starts_at, ends_at),
                  HINT = 'Swap starts_at and ends_at, or mend the date.';
    END IF;
    PERFORM attendance.require_policy(policy);
    PERFORM attendance.share_rooms(ARRAY(SELECT room UNION SELECT s.room FROM attendance.session s WHERE s.session_id = id));
    PERFORM attendance.require_evidence(s) FROM attendance.session s WHERE s.session_id = id;
    INSERT INTO attendance.session AS s (room, session_id, starts_at, ends_at, policy, title)
    VALUES (room, id, starts_at, ends_at, policy, title)
    ON CONFLICT ON CONSTRAINT session_session_id_key DO UPDATE SET
        room = excluded.room, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
        policy = excluded.policy, title = excluded.title, cancelled_at = NULL,
        reopened_at = CASE WHEN s.finalised_at IS NOT NULL THEN coalesce(s.reopened_at, now()) END;
    PERFORM attendance.announce(room, id, NULL, NULL);
    RETURN id;
END
$$;
REVOKE ALL ON FUNCTION attendance.schedule_session(text, timestamptz, timestamptz, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.schedule_session(text, timestamptz, timestamptz, text, text, text) IS
'Schedules a session, or changes the one with this session_id (also a cancelled one, which takes place again); returns its id. Raises invalid_parameter_value for an end before the start, undefined_object for an unknown policy.';

CREATE FUNCTION attendance.cancel_session(session_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM attendance.change_session(session_id);
    UPDATE attendance.session s SET cancelled_at = coalesce(s.cancelled_at, now())
    WHERE s.session_id = cancel_session.session_id;
END
$$;
REVOKE ALL ON FUNCTION attendance.cancel_session(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.cancel_session(text) IS
'Takes a session out of every report; schedule_session() with its id brings it back. Raises no_data_found.';

CREATE FUNCTION attendance.enrol(session_id text, attendee text, role text DEFAULT 'student', name text DEFAULT NULL,
    excused text DEFAULT NULL, policy text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    s attendance.session := attendance.change_session(session_id);
BEGIN
    IF coalesce(enrol.attendee, '') = '' THEN
        RAISE EXCEPTION 'an enrolment needs an attendee'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Give the host application''s user id as text.';
    END IF;
    IF enrol.policy IS NOT NULL THEN
        PERFORM attendance.require_policy(enrol.policy);
    END IF;
    INSERT INTO attendance.enrolment (room, session_id, attendee, role, name, excused, policy)
    VALUES (s.room, s.session_id, enrol.attendee, coalesce(enrol.role, 'student'), enrol.name, enrol.excused, enrol.policy)
    ON CONFLICT (room, session_id, attendee) DO UPDATE SET
        role = excluded.role, name = excluded.name, excused = excluded.excused, policy = excluded.policy;
END
$$;
REVOKE ALL ON FUNCTION attendance.enrol(text, text, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.enrol(text, text, text, text, text, text) IS
'Puts an attendee on a session''s roster, or changes what it says of them. excused is the reason. Raises no_data_found for an unknown session, undefined_object for an unknown policy.';

CREATE FUNCTION attendance.unenrol(session_id text, attendee text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s attendance.session := attendance.change_session(session_id);
BEGIN
    DELETE FROM attendance.enrolment e
    WHERE (e.room, e.session_id, e.attendee) = (s.room, s.session_id, unenrol.attendee);
    IF NOT FOUND THEN
        RAISE EXCEPTION '"%" is not enrolled in session "%"', attendee, session_id
            USING ERRCODE = 'no_data_found',
                  HINT = 'SELECT attendee FROM attendance.enrolment lists who is.';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION attendance.unenrol(text, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.unenrol(text, text) IS
'Takes an attendee off a session''s roster. Raises no_data_found for an unknown session or somebody not on it.';
