-- What was observed, and nothing else. `room` leads every key, so the tables distribute by room.

CREATE TYPE attendance.room_range AS RANGE (subtype = text, collation = "C");
COMMENT ON TYPE attendance.room_range IS
'A range of room names. A room is the range of one name, so that a GiST index can have it as its first column.';

CREATE FUNCTION attendance.room_key(room text) RETURNS attendance.room_range
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT attendance.room_range(room, room, '[]');
END;
COMMENT ON FUNCTION attendance.room_key(text) IS
'The range that holds one room only: two rooms are the same exactly when their keys overlap (&&).';

CREATE TABLE attendance.event (
    room            text COLLATE "C" NOT NULL,
    event_id        text COLLATE "C" NOT NULL,
    source          text COLLATE "C" NOT NULL DEFAULT 'webhook' CHECK (source IN ('webhook', 'snapshot')),
    event           text COLLATE "C" NOT NULL,
    occurred_at     timestamptz NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT now(),
    room_sid        text COLLATE "C",
    participant_sid text COLLATE "C",
    identity        text COLLATE "C",
    signed_by       text COLLATE "C",
    body            json NOT NULL,
    PRIMARY KEY (room, event_id)
);
CREATE INDEX event_received ON attendance.event (received_at);
COMMENT ON TABLE attendance.event IS 'Append-only log of everything LiveKit told: all else in evidence can be rebuilt from it.';
COMMENT ON COLUMN attendance.event.room IS 'LiveKit room name; empty for the events that carry none';
COMMENT ON COLUMN attendance.event.event_id IS 'LiveKit''s id (EV_…), or sha256: and the hash of the body where it sent none';
COMMENT ON COLUMN attendance.event.source IS 'webhook, or snapshot for an answer of ListParticipants';
COMMENT ON COLUMN attendance.event.event IS 'LiveKit''s name of the event, also of those no rule needs';
COMMENT ON COLUMN attendance.event.occurred_at IS 'createdAt: whole seconds, by LiveKit''s clock';
COMMENT ON COLUMN attendance.event.received_at IS 'start of the transaction that logged it, by the database''s clock';
COMMENT ON COLUMN attendance.event.room_sid IS 'room instance (RM_…), where the event carries it';
COMMENT ON COLUMN attendance.event.participant_sid IS 'participant (PA_…), where the event is about one';
COMMENT ON COLUMN attendance.event.identity IS 'identity of that participant';
COMMENT ON COLUMN attendance.event.signed_by IS 'API key whose signature was verified; NULL when the caller vouched for the body';
COMMENT ON COLUMN attendance.event.body IS 'the body as received, secrets redacted';

CREATE TABLE attendance.room_instance (
    room        text COLLATE "C" NOT NULL,
    room_sid    text COLLATE "C" NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (room, room_sid)
);
CREATE INDEX room_instance_start ON attendance.room_instance (room, started_at);
COMMENT ON TABLE attendance.room_instance IS 'One life of a room.';
COMMENT ON COLUMN attendance.room_instance.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.room_instance.room_sid IS 'LiveKit''s room.sid (RM_…)';
COMMENT ON COLUMN attendance.room_instance.started_at IS 'the least of what is known: creationTimeMs, else creationTime, else its room_started';
COMMENT ON COLUMN attendance.room_instance.finished_at IS 'the greatest room_finished; NULL: none came';

CREATE TABLE attendance.participation (
    room            text COLLATE "C" NOT NULL,
    participant_sid text COLLATE "C" NOT NULL,
    room_sid        text COLLATE "C",
    identity        text COLLATE "C" NOT NULL,
    name            text,
    role            text,
    counted         boolean NOT NULL,
    cycle           attendance.cycle NOT NULL,
    seen_at         timestamptz NOT NULL,
    heartbeat_at    timestamptz,
    state_version   integer NOT NULL,
    state_at        timestamptz NOT NULL,
    state_event_id  text COLLATE "C" NOT NULL,
    PRIMARY KEY (room, participant_sid),
    CHECK (seen_at >= attendance.joined_at(cycle)),
    CHECK (attendance.ended_by(cycle) IN ('open', 'left', 'aborted'))
) WITH (fillfactor = 80);  -- room on the page for heartbeats, which touch no index (HOT)
CREATE INDEX participation_stay ON attendance.participation
    USING gist (attendance.room_key(room), (cycle::tstzrange));
CREATE INDEX participation_identity ON attendance.participation
    (room, identity, attendance.joined_at(cycle), participant_sid);
CREATE INDEX participation_open ON attendance.participation (room, identity) WHERE attendance.is_open(cycle);
COMMENT ON TABLE attendance.participation IS 'One connection to a room: what its events prove, merged. No end in it is inferred.';
COMMENT ON COLUMN attendance.participation.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.participation.participant_sid IS 'LiveKit''s participant.sid (PA_…)';
COMMENT ON COLUMN attendance.participation.room_sid IS 'room instance it belongs to; NULL while no event said';
COMMENT ON COLUMN attendance.participation.identity IS 'identity in the participant''s token';
COMMENT ON COLUMN attendance.participation.name IS 'display name, newest known';
COMMENT ON COLUMN attendance.participation.role IS 'attributes.role, else the role in JSON metadata, newest known';
COMMENT ON COLUMN attendance.participation.counted IS 'a person who counts: not an agent, egress, ingress, bridge, recorder, simulation or hidden participant';
COMMENT ON COLUMN attendance.participation.cycle IS 'the stay: earliest join, strongest end';
COMMENT ON COLUMN attendance.participation.seen_at IS 'latest event or listing that shows it; never before the join';
COMMENT ON COLUMN attendance.participation.heartbeat_at IS 'latest heartbeat; NULL: never one. Not in the event log, so rebuild() keeps it';
COMMENT ON COLUMN attendance.participation.state_version IS 'participant.version that name, role and counted come from; -1: only sid and identity were seen';
COMMENT ON COLUMN attendance.participation.state_at IS 'time of the event they come from, decides between equal versions';
COMMENT ON COLUMN attendance.participation.state_event_id IS 'id of the event they come from, decides between equal times';

CREATE TABLE attendance.snapshot (
    room        text COLLATE "C" NOT NULL,
    observed_at timestamptz NOT NULL,
    listed      integer NOT NULL CHECK (listed >= 0),
    source      text COLLATE "C" NOT NULL,
    PRIMARY KEY (room, observed_at)
);
COMMENT ON TABLE attendance.snapshot IS 'Answers of RoomService''s ListParticipants: when somebody looked. Whom it listed moved participation.seen_at.';
COMMENT ON COLUMN attendance.snapshot.room IS 'LiveKit room name';
COMMENT ON COLUMN attendance.snapshot.observed_at IS 'when the room was asked';
COMMENT ON COLUMN attendance.snapshot.listed IS 'how many active participants it listed';
COMMENT ON COLUMN attendance.snapshot.source IS 'event_id of the answer in the event log';

CREATE TABLE attendance.quarantine (
    sha256        bytea NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    reason        text NOT NULL,
    length        integer NOT NULL,
    body          bytea,
    signed_by     text COLLATE "C",
    received_at   timestamptz NOT NULL DEFAULT now(),
    last_received_at timestamptz NOT NULL DEFAULT now(),
    times         integer NOT NULL DEFAULT 1
);
COMMENT ON TABLE attendance.quarantine IS 'Bodies that could not be used, each once however often it was sent.';
COMMENT ON COLUMN attendance.quarantine.sha256 IS 'SHA-256 of the body as received';
COMMENT ON COLUMN attendance.quarantine.reason IS 'the field and what is wrong with it';
COMMENT ON COLUMN attendance.quarantine.length IS 'bytes received';
COMMENT ON COLUMN attendance.quarantine.body IS 'the body, secrets redacted, cut at 1 MiB; NULL when NULL was sent';
COMMENT ON COLUMN attendance.quarantine.signed_by IS 'API key whose signature was verified; NULL when the caller vouched for it';
COMMENT ON COLUMN attendance.quarantine.received_at IS 'when it came first';
COMMENT ON COLUMN attendance.quarantine.last_received_at IS 'when it came last';
COMMENT ON COLUMN attendance.quarantine.times IS 'how often it came';

SELECT pg_catalog.pg_extension_config_dump('attendance.event', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.room_instance', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.participation', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.snapshot', '');
SELECT pg_catalog.pg_extension_config_dump('attendance.quarantine', '');
