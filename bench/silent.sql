-- attendance without its wake-up: announce() appends to the feed, and tells nobody.
CREATE OR REPLACE FUNCTION attendance.announce(room text, session_id text, attendee text, event_id text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO attendance.change (room, session_id, attendee, event_id)
    VALUES (announce.room, announce.session_id, announce.attendee, announce.event_id);
END
$$;
