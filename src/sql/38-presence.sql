-- Evidence that does not come by webhook: heartbeats of the host's page, and answers of ListParticipants.

CREATE FUNCTION attendance.heartbeat(room text, identity text, at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stay record;
    touched integer := 0;
    silent_since timestamptz;
BEGIN
    PERFORM attendance.require_read_committed();
    PERFORM attendance.share_rooms(ARRAY[room]);
    FOR stay IN
        SELECT p.participant_sid, greatest(p.seen_at, p.heartbeat_at) AS last_at
        FROM attendance.participation p
        WHERE p.room = heartbeat.room AND p.identity = heartbeat.identity AND attendance.is_open(p.cycle)
          AND attendance.joined_at(p.cycle) <= at
        ORDER BY p.participant_sid
    LOOP
        UPDATE attendance.participation p SET heartbeat_at = greatest(p.heartbeat_at, at)
        WHERE p.room = heartbeat.room AND p.participant_sid = stay.participant_sid;
        silent_since := least(silent_since, stay.last_at);
        touched := touched + 1;
    END LOOP;
    PERFORM attendance.reopen(room, silent_since) WHERE touched > 0;
    RETURN touched;
END
$$;
REVOKE ALL ON FUNCTION attendance.heartbeat(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.heartbeat(text, text, timestamptz) IS
'A sign of life from somebody''s page, once a minute say. Returns how many open stays it was for: 0 when nobody of that identity is known to be there. Touches no index.';

CREATE TYPE attendance.listing_change AS (participant_sid text, identity text, change text);
COMMENT ON TYPE attendance.listing_change IS
'What a snapshot says of one participant: added (no webhook told of the stay), seen (there, later than known), missing (open and not listed: ended when judged).';

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
    problem text;
BEGIN
    IF coalesce(json_typeof(participants), '') <> 'array' THEN
        RAISE EXCEPTION 'no answer of ListParticipants: it has no list of participants'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Pass the body of a 200 as it came, {"participants": [...]}; an error page says nothing about who is there.';
    END IF;
    facts := ARRAY(
        SELECT attendance.listed_fact(room, p, observed_at)
        FROM json_array_elements(participants) p
        WHERE p ->> 'state' IN ('ACTIVE', '2'));
    SELECT f.problem INTO problem FROM unnest(facts) f WHERE f.problem IS NOT NULL OR f.identity IS NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'no answer of ListParticipants: %', coalesce(problem, 'a participant has no sid or identity')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the body of a 200 as it came.';
    END IF;
    RETURN facts;
END
$$;
REVOKE ALL ON FUNCTION attendance.listed(text, json, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.listed(text, json, timestamptz) IS
'The active participants of an answer of ListParticipants. Raises invalid_parameter_value for what is no such answer.';

CREATE FUNCTION attendance.parse_answer(participants text) RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN participants::json;
EXCEPTION WHEN invalid_text_representation THEN
    RAISE EXCEPTION 'no answer of ListParticipants: not JSON'
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the body of a 200 as it came, whole.';
END
$$;
REVOKE ALL ON FUNCTION attendance.parse_answer(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.parse_answer(text) IS 'The answer as JSON; raises invalid_parameter_value for what is none.';

CREATE FUNCTION attendance.compare_listing(room text, facts attendance.fact[], observed_at timestamptz)
    RETURNS SETOF attendance.listing_change
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT coalesce(f.participant_sid, p.participant_sid), coalesce(f.identity, p.identity),
           CASE WHEN p.participant_sid IS NULL THEN 'added' WHEN f.participant_sid IS NULL THEN 'missing' ELSE 'seen' END
    FROM unnest(facts) f
    FULL JOIN (SELECT * FROM attendance.participation p
               WHERE p.room = compare_listing.room
                 AND (attendance.is_open(p.cycle)
                      OR p.participant_sid = ANY (ARRAY(SELECT g.participant_sid FROM unnest(facts) g)))) p
        ON p.participant_sid = f.participant_sid
    WHERE f.participant_sid IS NULL AND observed_at > p.seen_at + interval '10 s'
       OR f.participant_sid IS NOT NULL AND (p.participant_sid IS NULL OR f.seen_at > p.seen_at)
    ORDER BY 1;
END;
REVOKE ALL ON FUNCTION attendance.compare_listing(text, attendance.fact[], timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.compare_listing(text, attendance.fact[], timestamptz) IS 'What a snapshot says that was not known.';

CREATE FUNCTION attendance.fold_snapshot(room text, event_id text, observed_at timestamptz, facts attendance.fact[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO attendance.snapshot (room, observed_at, listed, source)
    VALUES (room, observed_at, cardinality(facts), event_id)
    ON CONFLICT DO NOTHING;
    PERFORM attendance.fold_fact(f) FROM unnest(facts) f ORDER BY f.participant_sid;
END
$$;
REVOKE ALL ON FUNCTION attendance.fold_snapshot(text, text, timestamptz, attendance.fact[]) FROM PUBLIC;
COMMENT ON FUNCTION attendance.fold_snapshot(text, text, timestamptz, attendance.fact[]) IS 'Folds what a snapshot saw, and that somebody looked.';

CREATE FUNCTION attendance.reconcile_preview(room text, participants text, observed_at timestamptz DEFAULT now())
    RETURNS SETOF attendance.listing_change
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM attendance.compare_listing(room, attendance.listed(room, attendance.parse_answer(participants), observed_at), observed_at);
END
$$;
REVOKE ALL ON FUNCTION attendance.reconcile_preview(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reconcile_preview(text, text, timestamptz) IS 'What reconcile() would change, without changing it.';

CREATE FUNCTION attendance.reconcile(room text, participants text, observed_at timestamptz DEFAULT now())
    RETURNS SETOF attendance.listing_change
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
    answer json := attendance.parse_answer(participants);
    facts attendance.fact[] := attendance.listed(room, answer, observed_at);
    id text := attendance.listing_id(observed_at);
    since timestamptz;
BEGIN
    PERFORM attendance.require_read_committed();
    PERFORM attendance.share_rooms(ARRAY[room]);
    RETURN QUERY SELECT * FROM attendance.compare_listing(room, facts, observed_at);

    INSERT INTO attendance.event (room, event_id, source, event, occurred_at, body)
    VALUES (room, id, 'snapshot', 'participants_listed', observed_at,
            convert_from(attendance.redact(attendance.bytes(participants)), getdatabaseencoding())::json)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM attendance.announce(room, NULL, NULL, id);
    -- Sessions that believed in a stay this snapshot does not list, or in the end of one that it does.
    SELECT least((SELECT min(attendance.joined_at(f.cycle)) FROM unnest(facts) f),
                 (SELECT min(p.seen_at) FROM attendance.participation p
                  WHERE p.room = room AND attendance.is_open(p.cycle) AND p.seen_at + interval '10 s' < observed_at
                    AND NOT EXISTS (SELECT FROM attendance.snapshot n
                                    WHERE n.room = p.room AND n.observed_at > p.seen_at + interval '10 s'
                                      AND n.observed_at < observed_at)))
    INTO since;
    PERFORM attendance.fold_snapshot(room, id, observed_at, facts);
    PERFORM attendance.reopen(room, since);
END
$$;
REVOKE ALL ON FUNCTION attendance.reconcile(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.reconcile(text, text, timestamptz) IS
'Takes the answer of RoomService''s ListParticipants for a room, as it came: adds stays that no webhook told of, notes who was there, and returns what it changed. It ends nobody''s stay: that one was not listed says so when it is judged. Any order, any number of times. Raises invalid_parameter_value, changing nothing, for what is no such answer.';

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
