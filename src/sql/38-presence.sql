-- Evidence that does not come by webhook: heartbeats of the host's page, and answers of ListParticipants.

CREATE FUNCTION attendance.heartbeat(room text, identity text, at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    beat timestamptz := CASE WHEN at < 'infinity' THEN at ELSE now() END;
    known attendance.participation;
BEGIN
    PERFORM attendance.require_read_committed();
    PERFORM pg_advisory_xact_lock_shared(1635021924, attendance.room_lock(room));
    SELECT p.* INTO known
    FROM attendance.participation p
    WHERE p.room = heartbeat.room AND p.identity = heartbeat.identity AND attendance.joined_at(p.cycle) <= beat
    ORDER BY attendance.joined_at(p.cycle) DESC, p.participant_sid DESC
    LIMIT 1;
    IF known.room IS NULL OR NOT attendance.is_open(known.cycle) THEN
        RETURN 0;
    ELSIF known.heartbeat_at IS NULL OR known.heartbeat_at < beat THEN
        UPDATE attendance.participation p SET heartbeat_at = greatest(p.heartbeat_at, beat)
        WHERE p.room = known.room AND p.participant_sid = known.participant_sid;
        known.heartbeat_at := coalesce(known.heartbeat_at, attendance.joined_at(known.cycle));  -- judged by them from now on
        IF attendance.given_up(known, NULL) THEN
            PERFORM attendance.reopen(room, attendance.joined_at(known.cycle));
        END IF;
    END IF;
    RETURN 1;
END
$$;
REVOKE ALL ON FUNCTION attendance.heartbeat(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.heartbeat(text, text, timestamptz) IS
'A sign of life from somebody''s page, once a minute say. Returns the stays touched: 1, or 0 when the latest connection of that identity has left or none is known. One that comes late changes nothing that a later one said; NULL or infinity is now. Touches no index.';

CREATE TYPE attendance.listing_change AS (participant_sid text, identity text, change text);
COMMENT ON TYPE attendance.listing_change IS
'What a snapshot says of one participant: added (no webhook told of the stay), seen (there, later than known), missing (not listed, and nothing else had told that it was gone).';

CREATE FUNCTION attendance.listing_id(observed_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT 'listed:' || extract(epoch FROM observed_at)::text;
END;
REVOKE ALL ON FUNCTION attendance.listing_id(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.listing_id(timestamptz) IS 'The event_id of a snapshot: a room is asked once at one instant.';

-- A listed participant goes through the parser of webhooks, as an event that proves presence.
CREATE FUNCTION attendance.listed_fact(room text, participant json, observed_at timestamptz) RETURNS attendance.fact
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_populate_record(f, jsonb_build_object('seen_at', greatest(f.seen_at, observed_at)))
    FROM attendance.parse(attendance.bytes(json_build_object(
        'event', 'participant_listed', 'id', attendance.listing_id(observed_at),
        'createdAt', floor(extract(epoch FROM observed_at))::bigint, 'room', json_build_object('name', room),
        'participant', participant)::text)) f;
END;
REVOKE ALL ON FUNCTION attendance.listed_fact(text, json, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.listed_fact(text, json, timestamptz) IS 'What one participant in an answer of ListParticipants proves.';

CREATE FUNCTION attendance.participants(answer json) RETURNS SETOF json
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT json_array_elements(CASE json_typeof(answer) WHEN 'array' THEN answer ELSE answer -> 'participants' END);
END;
REVOKE ALL ON FUNCTION attendance.participants(json) FROM PUBLIC;
COMMENT ON FUNCTION attendance.participants(json) IS 'The participants in an answer of ListParticipants: it is an object that has them, or their array alone.';

CREATE FUNCTION attendance.listed(room text, answer json, observed_at timestamptz) RETURNS attendance.fact[]
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    participants json := CASE json_typeof(answer) WHEN 'array' THEN answer WHEN 'object' THEN answer -> 'participants' END;
    facts attendance.fact[];
    problem text := CASE WHEN json_typeof(participants) = 'array' THEN NULL
                         WHEN json_typeof(answer) = 'object' THEN concat_ws(': ', answer ->> 'code', answer ->> 'msg') END;
BEGIN
    IF json_typeof(participants) IS DISTINCT FROM 'array' THEN
        problem := coalesce(nullif(problem, ''), 'it has no list of participants');
    ELSE
        facts := ARRAY(SELECT attendance.listed_fact(room, p, observed_at)
                       FROM json_array_elements(participants) p
                       WHERE p ->> 'state' IN ('ACTIVE', '2'));
        SELECT coalesce(f.problem, 'a participant has no sid or identity') INTO problem
        FROM unnest(facts) f WHERE f.problem IS NOT NULL OR f.identity IS NULL
        UNION ALL
        SELECT 'a participant has no state' FROM json_array_elements(participants) p WHERE p ->> 'state' IS NULL
        LIMIT 1;
    END IF;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'no answer of ListParticipants: %', problem
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Pass the body of a 200 as it came, {"participants": [...]}; any other answer says nothing about who is there.';
    END IF;
    RETURN facts;
END
$$;
REVOKE ALL ON FUNCTION attendance.listed(text, json, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.listed(text, json, timestamptz) IS
'The active participants of an answer of ListParticipants. Raises invalid_parameter_value for what is no such answer.';

CREATE FUNCTION attendance.parse_answer(room text, participants text, observed_at timestamptz) RETURNS attendance.fact[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer json;
    problem text;
BEGIN
    IF coalesce(room, '') = '' THEN
        RAISE EXCEPTION 'a snapshot needs its room'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Give the name that ListParticipants was asked for: its answer does not say.';
    ELSIF observed_at IS NULL OR NOT isfinite(observed_at) THEN
        RAISE EXCEPTION 'a snapshot cannot have been taken at %', coalesce(observed_at::text, 'NULL')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Give the time just before the room was asked, or leave observed_at out right after it.';
    END IF;
    BEGIN
        answer := participants::json;
        PERFORM answer -> '';  -- finds the escape sequences that text cannot hold
    EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
        GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
        RAISE EXCEPTION 'no answer of ListParticipants: %', problem
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the body of a 200 as it came, whole.';
    END;
    RETURN attendance.listed(room, answer, observed_at);
END
$$;
REVOKE ALL ON FUNCTION attendance.parse_answer(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.parse_answer(text, text, timestamptz) IS
'listed() for an answer as it came. Raises invalid_parameter_value for what is no such answer or of no finite time, null_value_not_allowed for no room.';

CREATE FUNCTION attendance.compare_listing(room text, facts attendance.fact[], observed_at timestamptz)
    RETURNS SETOF attendance.listing_change
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM attendance.snapshot n WHERE n.room = compare_listing.room AND n.observed_at = compare_listing.observed_at) THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT coalesce(f.participant_sid, p.participant_sid), coalesce(f.identity, p.identity),
           CASE WHEN p.participant_sid IS NULL THEN 'added' WHEN f.participant_sid IS NULL THEN 'missing' ELSE 'seen' END
    FROM unnest(facts) f
    FULL JOIN (SELECT * FROM attendance.stay p
               WHERE p.room = compare_listing.room
                 AND (attendance.is_open(p.cycle)
                      OR p.participant_sid = ANY (ARRAY(SELECT g.participant_sid FROM unnest(facts) g)))) p
        ON p.participant_sid = f.participant_sid
    WHERE CASE WHEN p.participant_sid IS NULL THEN true
               WHEN f.participant_sid IS NOT NULL THEN f.seen_at > p.seen_at
               ELSE compare_listing.observed_at > p.seen_at + interval '10 s'
                    AND compare_listing.observed_at < coalesce(least(p.room_finished_at, p.replaced_at, p.missing_at), 'infinity') END
    ORDER BY 1;
END
$$;
REVOKE ALL ON FUNCTION attendance.compare_listing(text, attendance.fact[], timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.compare_listing(text, attendance.fact[], timestamptz) IS
'What a snapshot says that was not known; nothing, if the room has one of that instant already.';

CREATE FUNCTION attendance.fold_snapshot(room text, event_id text, observed_at timestamptz, facts attendance.fact[]) RETURNS timestamptz
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one timestamptz;
    since timestamptz;
BEGIN
    FOR one IN SELECT attendance.absorb(f) FROM unnest(facts) f ORDER BY f.participant_sid LOOP
        since := least(since, one);
    END LOOP;
    INSERT INTO attendance.snapshot (room, observed_at, listed, source)
    VALUES (room, observed_at, cardinality(facts), event_id)
    ON CONFLICT DO NOTHING;
    RETURN since;
END
$$;
REVOKE ALL ON FUNCTION attendance.fold_snapshot(text, text, timestamptz, attendance.fact[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.fold_snapshot(text, text, timestamptz, attendance.fact[]) IS
'Folds whom a snapshot saw, and that somebody looked; returns since when the former may change final sessions, as absorb() does.';

CREATE FUNCTION attendance.reconcile_preview(room text, participants text, observed_at timestamptz DEFAULT now())
    RETURNS SETOF attendance.listing_change
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM attendance.compare_listing(room, attendance.parse_answer(room, participants, observed_at), observed_at);
END
$$;
REVOKE ALL ON FUNCTION attendance.reconcile_preview(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reconcile_preview(text, text, timestamptz) IS 'What reconcile() would return, without changing anything.';

CREATE FUNCTION attendance.reconcile(room text, participants text, observed_at timestamptz DEFAULT now())
    RETURNS SETOF attendance.listing_change
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    facts attendance.fact[] := attendance.parse_answer(room, participants, observed_at);
    id text := attendance.listing_id(observed_at);
    changes attendance.listing_change[];
    since timestamptz;
BEGIN
    PERFORM attendance.require_read_committed();
    PERFORM attendance.share_rooms(ARRAY[room]);
    INSERT INTO attendance.event (room, event_id, source, event, occurred_at, body)
    VALUES (room, id, 'snapshot', 'participants_listed', observed_at,
            convert_from(attendance.redact(attendance.bytes(participants)), getdatabaseencoding())::json)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM attendance.announce(room, NULL, NULL, id);
    changes := ARRAY(SELECT c FROM attendance.compare_listing(room, facts, observed_at) c);
    SELECT min(attendance.joined_at(p.cycle)) INTO since
    FROM unnest(changes) c
    JOIN attendance.participation p ON p.room = room AND p.participant_sid = c.participant_sid
    WHERE c.change = 'missing';
    since := least(since, attendance.fold_snapshot(room, id, observed_at, facts));
    PERFORM attendance.reopen(room, since);
    RETURN QUERY SELECT * FROM unnest(changes);
END
$$;
REVOKE ALL ON FUNCTION attendance.reconcile(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reconcile(text, text, timestamptz) IS
'Takes the answer of RoomService''s ListParticipants for a room, as it came: adds stays that no webhook told of, notes who was there, and returns what that changed. It ends nobody''s stay: that one was not listed says so when it is judged. Any order, any number of times; of two answers of one instant the first counts. Raises invalid_parameter_value, changing nothing, for what is no such answer or of no finite time.';

CREATE FUNCTION attendance.reconcile_preview(room text, participants jsonb, observed_at timestamptz DEFAULT now())
    RETURNS SETOF attendance.listing_change
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT * FROM attendance.reconcile_preview(room, participants::text, observed_at);
END;
REVOKE ALL ON FUNCTION attendance.reconcile_preview(text, jsonb, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reconcile_preview(text, jsonb, timestamptz) IS 'reconcile_preview(text, text, timestamptz) for an answer held as jsonb.';

CREATE FUNCTION attendance.reconcile(room text, participants jsonb, observed_at timestamptz DEFAULT now())
    RETURNS SETOF attendance.listing_change
LANGUAGE sql
BEGIN ATOMIC
    SELECT * FROM attendance.reconcile(room, participants::text, observed_at);
END;
REVOKE ALL ON FUNCTION attendance.reconcile(text, jsonb, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reconcile(text, jsonb, timestamptz) IS 'reconcile(text, text, timestamptz) for an answer held as jsonb.';
