-- A session as one picture. Nothing is judged here: stays come from stays_of(), statuses from assess().

CREATE FUNCTION attendance.xml(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT replace(replace(replace(replace(replace(
               regexp_replace(value, '[^\t\n\r\u0020-\uFFFD\U00010000-\U0010FFFF]|[\u202A-\u202E\u2066-\u2069]', '', 'g'),
               '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&apos;');
END;
REVOKE ALL ON FUNCTION attendance.xml(text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.xml(text) IS
'Text for an XML element or attribute: escaped, without characters that XML 1.0 forbids and without those that would turn the direction of what follows.';

-- Between the isolates U+2068 and U+2069 text runs in the direction of its own first letter, whatever is around it.
CREATE FUNCTION attendance.xml_name(name text, most integer DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT '&#8296;' || attendance.xml(left(name, coalesce(most, length(name))))
           || CASE WHEN length(name) > most THEN '&#8230;' ELSE '' END || '&#8297;';
END;
REVOKE ALL ON FUNCTION attendance.xml_name(text, integer) FROM PUBLIC;
COMMENT ON FUNCTION attendance.xml_name(text, integer) IS
'A name for an XML element, in Arabic or not, and cut after so many characters.';

CREATE FUNCTION attendance.place(at timestamptz, frame tstzrange) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT round(210 + 640 * extract(epoch FROM least(greatest(at, lower(frame)), upper(frame)) - lower(frame))
                           / extract(epoch FROM upper(frame) - lower(frame)), 1);
END;
REVOKE ALL ON FUNCTION attendance.place(timestamptz, tstzrange) FROM PUBLIC;
COMMENT ON FUNCTION attendance.place(timestamptz, tstzrange) IS 'Where an instant is in the picture from left to right; on the edge if it is outside of the frame.';

CREATE FUNCTION attendance.bar(kind text, times tstzrange, frame tstzrange, y integer, height integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT format('<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>', kind, attendance.place(lower(times), frame), y,
                  greatest(attendance.place(upper(times), frame) - attendance.place(lower(times), frame), 1), height);
END;
REVOKE ALL ON FUNCTION attendance.bar(text, tstzrange, tstzrange, integer, integer) FROM PUBLIC;
COMMENT ON FUNCTION attendance.bar(text, tstzrange, tstzrange, integer, integer) IS 'A bar from one instant to another, at least one pixel wide.';

CREATE FUNCTION attendance.draw_end(ended_by text, at timestamptz, frame tstzrange, title text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN ended_by = 'open' THEN
                    format('<path class="open" d="M%s,3l8,8l-8,8z"/>', attendance.place(at, frame))
                WHEN ended_by NOT IN ('left', 'aborted') THEN
                    format('<g class="%1$s"><title>%2$s</title><path class="edge" d="M%3$s,1v21"/>'
                           '<path class="inferred" d="M%3$s,6l5,5l-5,5l-5,-5z"/></g>',
                           ended_by, attendance.xml(title), attendance.place(at, frame))
                ELSE '' END;
END;
REVOKE ALL ON FUNCTION attendance.draw_end(text, timestamptz, tstzrange, text) FROM PUBLIC;
COMMENT ON FUNCTION attendance.draw_end(text, timestamptz, tstzrange, text) IS
'The mark at the end of a stay: an arrow while it is open, a diamond where the end is inferred, nothing where it was reported.';

CREATE FUNCTION attendance.timeline_svg(session_id text, as_of timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    row_height CONSTANT integer := 24;
    top CONSTANT integer := 142;
    s attendance.session := attendance.session_of(session_id);
    terms attendance.policy[] := attendance.terms_of(s, NULL);
    people attendance.assessment[] := ARRAY(SELECT a FROM attendance.assess(session_id, as_of) a);
    bottom integer := top + row_height * greatest(cardinality(people), 1);
    id text := 'timeline-' || encode(convert_to(s.session_id, 'UTF8'), 'hex');  -- unique among the pictures of a page
    first_half boolean := as_of < s.starts_at + (s.ends_at - s.starts_at) / 2;
    margin interval := greatest((s.ends_at - s.starts_at) / 10, '5 min');
    bridge interval;
    frame tstzrange;  -- what the picture shows
    counting tstzrange;
    step interval;
    title text := coalesce(s.title, 'Session ' || s.session_id);
    lasts text;
    summary text;
    axis text;
    body text;
BEGIN
    SELECT tstzrange(s.starts_at - max(t.count_early) - margin, s.ends_at + max(t.count_overtime) + margin), max(t.bridge_gap)
    INTO frame, bridge FROM unnest(terms) t;
    SELECT tstzrange(s.starts_at - t.count_early, s.ends_at + t.count_overtime)
    INTO counting FROM unnest(terms) t WHERE t.policy = s.policy;

    lasts := format('%s to %s (%s), as of %s', to_char(s.starts_at, 'YYYY-MM-DD HH24:MI'),
                    to_char(s.ends_at, CASE s.ends_at::date WHEN s.starts_at::date THEN '' ELSE 'YYYY-MM-DD ' END || 'HH24:MI'),
                    current_setting('TimeZone'), to_char(as_of, 'YYYY-MM-DD HH24:MI'))
             || CASE WHEN s.cancelled_at IS NULL THEN '' ELSE '; cancelled' END;
    SELECT format('%s %s', sum(n), CASE sum(n) WHEN 1 THEN 'person' ELSE 'people' END)
           || coalesce(': ' || string_agg(format('%s %s', n, status), ', ' ORDER BY place) FILTER (WHERE n > 0), '')
    INTO summary
    FROM (SELECT w.status, w.place, count(p.attendee) AS n
          FROM unnest('{present,late,partial,absent,excused}'::text[]) WITH ORDINALITY w (status, place)
          LEFT JOIN unnest(people) p ON p.status = w.status
          GROUP BY w.status, w.place) c;

    SELECT coalesce(min(v), (upper(frame) - lower(frame)) / 9) INTO step
    FROM unnest('{1 min,2 min,5 min,10 min,15 min,30 min,1 h,2 h,3 h,6 h,12 h,1 day,2 days,7 days,14 days,28 days}'::interval[]) v
    WHERE v * 9 >= upper(frame) - lower(frame);
    SELECT string_agg(format('<path class="grid" d="M%1$s,%2$sV%3$s"/><text class="tick" x="%1$s" y="%4$s">%6$s</text>'
                             '<text class="tick" x="%1$s" y="%5$s">%6$s</text>',
                             attendance.place(t, frame), top, bottom, top - 6, bottom + 16,
                             to_char(t, CASE WHEN step < '1 day' THEN 'HH24:MI' ELSE 'YYYY-MM-DD' END)),
                      E'\n' ORDER BY t)
    INTO axis
    FROM generate_series(date_bin(step, lower(frame), date_trunc('day', lower(frame))) + step, upper(frame), step) t;

    WITH stay AS (
        SELECT st.attendee, st.participant_sid, st.identity, st.bridge_gap, at.joined_at, at.ended_at,
               attendance.ended_by(st.cycle) AS ended_by, tstzrange(at.joined_at, at.ended_at) AS part,
               attendance.tell(st.cycle, st.seen_at, st.heartbeat_at, as_of) AS ending,
               CASE WHEN st.counted AND NOT st.excluded AND attendance.ended_by(st.cycle) <> 'aborted'
                    THEN tstzrange(st.counts_from, st.counts_until) ELSE 'empty' END AS counts
        FROM attendance.stays_of(s, terms, s.policy, tstzrange(lower(frame) - bridge, upper(frame) + bridge), as_of) st
        CROSS JOIN LATERAL (
            SELECT attendance.joined_at(st.cycle) AS joined_at,
                   greatest(CASE WHEN attendance.is_open(st.cycle) THEN as_of ELSE attendance.left_at(st.cycle) END,
                            attendance.joined_at(st.cycle)) AS ended_at) at
    ), ordered AS (
        SELECT stay.*, row_number() OVER w AS n,
               coalesce(range_agg(stay.part) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '{}') AS before
        FROM stay
        WINDOW w AS (PARTITION BY stay.attendee ORDER BY isempty(stay.counts), stay.joined_at, stay.participant_sid)
    ), drawn AS (
        SELECT o.attendee,
               string_agg(format('<g><title>%s</title>%s</g>', attendance.xml(f.title), b.bars), '' ORDER BY o.n)
               || string_agg(attendance.draw_end(o.ended_by, o.ended_at, frame, f.title), '' ORDER BY o.n) AS bars
        FROM ordered o
        CROSS JOIN LATERAL (
            SELECT format('%s: joined %s; %s', o.identity, o.joined_at, o.ending)
                   || CASE WHEN isempty(o.counts) THEN '; counts nothing' ELSE '' END AS title) f
        CROSS JOIN LATERAL (
            SELECT string_agg(attendance.bar(k.kind, r, frame, k.y, k.height), '' ORDER BY k.y, r) AS bars
            FROM (VALUES ('counted', 5, 12, tstzmultirange(o.part * o.counts) - o.before),
                         ('uncounted', 5, 12, tstzmultirange(o.part) - tstzmultirange(o.counts) - o.before),
                         ('again', 19, 3, tstzmultirange(o.part) * o.before)) k (kind, y, height, times),
                 unnest(k.times * tstzmultirange(frame)) r) b
        WHERE tstzrange(o.joined_at, o.ended_at, '[]') && frame
        GROUP BY o.attendee
    ), bridged AS (
        SELECT g.attendee, string_agg(attendance.bar('bridged', c.gap, frame, 8, 6), '' ORDER BY c.gap) AS bars
        FROM (SELECT u.attendee, u.bridge_gap, u.counts, lower(r) AS until,
                     lag(upper(r)) OVER (PARTITION BY u.attendee ORDER BY r) AS since
              FROM (SELECT stay.attendee, stay.bridge_gap, stay.counts, range_agg(stay.part) AS times
                    FROM stay
                    WHERE NOT isempty(stay.counts)
                    GROUP BY stay.attendee, stay.bridge_gap, stay.counts) u, unnest(u.times) r) g
        CROSS JOIN LATERAL (SELECT tstzrange(g.since, g.until) * g.counts * frame AS gap) c
        WHERE g.until <= g.since + g.bridge_gap AND NOT isempty(c.gap)
        GROUP BY g.attendee
    )
    SELECT string_agg(
        format('<g class="row %1$s" transform="translate(0,%2$s)"><title>%3$s</title><path class="rule" d="M0,24H1120"/>'
               '<text class="name" x="200" y="16">%4$s</text>%5$s<text class="status" x="866" y="16">%1$s%6$s</text>'
               '<text class="number" x="1040" y="16">%7$s min</text><text class="number" x="1112" y="16">%8$s</text></g>',
               p.status, top + row_height * (p.n - 1),
               format('%s (%s): %s, %s min', attendance.xml_name(coalesce(p.name, p.attendee)), attendance.xml_name(p.attendee),
                      p.status, m.minutes)
                   || coalesce(format(', %s %%', p.percent), '')
                   || CASE WHEN p.is_late THEN format('; came %s min late', floor(extract(epoch FROM p.late_by) / 60)) ELSE '' END
                   || CASE WHEN p.left_early THEN format('; left %s min early', floor(extract(epoch FROM p.early_by) / 60))
                           ELSE '' END
                   || CASE WHEN p.inferred THEN '; an end is inferred' ELSE '' END
                   || CASE WHEN p.enrolled THEN '' ELSE '; not on the roster' END
                   || CASE WHEN p.overridden THEN format('; set by hand, computed: %s', p.computed_status) ELSE '' END,
               attendance.xml_name(coalesce(p.name, p.attendee),  -- letters of East Asia are twice as wide
                                   CASE WHEN p.name ~ '[\u1100-\u11FF\u2E80-\uD7FF\uF900-\uFAFF]' THEN 13 ELSE 24 END),
               concat(b.bars, d.bars),
               CASE WHEN p.overridden OR NOT p.enrolled THEN
                   '<tspan class="note">' || CASE WHEN p.enrolled THEN '' ELSE ' &#183; guest' END
                   || CASE WHEN p.overridden THEN ' &#183; by hand' ELSE '' END || '</tspan>' ELSE '' END,
               m.minutes, coalesce(p.percent || ' %', '&#8211;')),
        E'\n' ORDER BY p.n)
    INTO body
    FROM unnest(people) WITH ORDINALITY p (session_id, attendee, name, role, enrolled, status, computed_status, rule,
        attended, percent, first_join, last_leave, late_by, early_by, is_late, left_early, cycles, rejoins, longest_gap,
        inferred, overridden, n)
    CROSS JOIN LATERAL (SELECT floor(extract(epoch FROM p.attended) / 60) AS minutes) m
    LEFT JOIN drawn d ON d.attendee = p.attendee
    LEFT JOIN bridged b ON b.attendee = p.attendee;

    RETURN concat_ws(E'\n',
        format('<svg xmlns="http://www.w3.org/2000/svg" class="attendance-timeline" width="1120" height="%1$s"'
               ' viewBox="0 0 1120 %1$s" role="img" aria-labelledby="%2$s-title %2$s-desc">', bottom + 26, id),
        format('<title id="%s-title">Attendance: %s</title>', id, attendance.xml_name(title)),
        format('<desc id="%s-desc">Room %s, %s. %s. A row for each person: when they were there, what counted, their status.</desc>',
               id, attendance.xml_name(s.room), attendance.xml(lasts), summary),
        replace($css$<style>
.attendance-timeline{font:13px system-ui,"Noto Sans","Noto Sans Arabic",sans-serif;color:#1f2328;fill:currentColor}
.attendance-timeline .present{color:#00704a}
.attendance-timeline .late{color:#a14a00}
.attendance-timeline .partial{color:#6b3fb8}
.attendance-timeline .absent{color:#b3123b}
.attendance-timeline .excused{color:#57606a}
.attendance-timeline .ink{fill:#1f2328}
.attendance-timeline .name{fill:#1f2328;text-anchor:end}
.attendance-timeline .heading{font-size:18px;font-weight:600}
.attendance-timeline .status{font-weight:600}
.attendance-timeline .note{font-weight:400;font-size:11px}
.attendance-timeline .number{text-anchor:end;font-variant-numeric:tabular-nums;fill:#1f2328}
.attendance-timeline .tick{font-size:11px;text-anchor:middle;fill:#57606a}
.attendance-timeline .limit{font-size:12px;font-weight:600}
.attendance-timeline .paper{fill:#fff}
.attendance-timeline .window{fill:#e8eef6}
.attendance-timeline .margin{fill:#f3f6fa}
.attendance-timeline .grid,.attendance-timeline .rule{stroke:#c4ccd6;stroke-width:.5}
.attendance-timeline .line{stroke:#1f2328}
.attendance-timeline .now{stroke:#0550ae;stroke-width:2}
.attendance-timeline .counted,.attendance-timeline .open{fill:currentColor}
.attendance-timeline .uncounted{fill:url(#ID-hatch);stroke:#6e7781;stroke-width:.75}
.attendance-timeline .again,.attendance-timeline .bridged{fill:currentColor;opacity:.5}
.attendance-timeline .edge{stroke:#1f2328;stroke-width:1.5;stroke-dasharray:3 2}
.attendance-timeline .inferred{fill:#fff;stroke:#1f2328;stroke-width:1.5}
.attendance-timeline .hatch{stroke:#6e7781;stroke-width:1.5}
@media (prefers-color-scheme:dark){
.attendance-timeline{color:#e6edf3}
.attendance-timeline .present{color:#3fb97f}
.attendance-timeline .late{color:#f0a33c}
.attendance-timeline .partial{color:#b794f6}
.attendance-timeline .absent{color:#ff7b8e}
.attendance-timeline .excused{color:#9da7b3}
.attendance-timeline .ink,.attendance-timeline .name,.attendance-timeline .number{fill:#e6edf3}
.attendance-timeline .tick{fill:#9da7b3}
.attendance-timeline .paper{fill:#0d1117}
.attendance-timeline .window{fill:#1b2533}
.attendance-timeline .margin{fill:#141b26}
.attendance-timeline .grid,.attendance-timeline .rule{stroke:#3d4652}
.attendance-timeline .line,.attendance-timeline .edge{stroke:#e6edf3}
.attendance-timeline .now{stroke:#6cb6ff}
.attendance-timeline .inferred{fill:#0d1117;stroke:#e6edf3}
}
</style>
<defs><pattern id="ID-hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<path class="hatch" d="M0,0V5"/></pattern></defs>
<rect class="paper" width="100%" height="100%"/>$css$, 'ID', id),
        format('<text class="heading" x="16" y="28">%s</text>', attendance.xml_name(title, 90)),
        format('<text x="16" y="48">Room %s &#183; %s</text>', attendance.xml_name(s.room, 60), attendance.xml(lasts)),
        format('<text x="16" y="68">%s</text>', summary),
        '<g class="legend present" transform="translate(16,80)">'
        '<rect class="counted" y="2" width="24" height="12"/><text class="ink" x="30" y="13">counts</text>'
        '<rect class="uncounted" x="96" y="2" width="24" height="12"/><text class="ink" x="126" y="13">does not count</text>'
        '<rect class="bridged" x="236" y="5" width="24" height="6"/><text class="ink" x="266" y="13">gap that counts</text>'
        '<rect class="again" x="384" y="7" width="24" height="3"/>'
        '<text class="ink" x="414" y="13">second connection at the same time</text>'
        '<path class="edge" d="M668,-2v21"/><path class="inferred" d="M668,3l5,5l-5,5l-5,-5z"/>'
        '<text class="ink" x="682" y="13">end inferred, not reported</text>'
        '<path class="open" d="M866,0l8,8l-8,8z"/><text class="ink" x="882" y="13">still there</text></g>',
        format('<g><title>Presence counts from %s to %s.</title>',
               to_char(lower(counting), 'HH24:MI'), to_char(upper(counting), 'HH24:MI'))
            || attendance.bar('margin', counting, frame, top, bottom - top)
            || attendance.bar('window', tstzrange(s.starts_at, s.ends_at, '[]'), frame, top, bottom - top) || '</g>',
        axis,
        coalesce(body, format('<text x="16" y="%s">Nobody is enrolled, and nobody came.</text>', top + 16)),
        format('<path class="line" d="M%1$s,%4$sv-10M%1$s,%2$sV%3$s"/>'
               '<text class="limit" text-anchor="end" x="%1$s" dx="-5" y="%4$s">start %5$s</text>',
               attendance.place(s.starts_at, frame), top, bottom, top - 24, to_char(s.starts_at, 'HH24:MI')),
        format('<path class="line" d="M%1$s,%4$sv-10M%1$s,%2$sV%3$s"/>'
               '<text class="limit" x="%1$s" dx="5" y="%4$s">end %5$s</text>',
               attendance.place(s.ends_at, frame), top, bottom, top - 24, to_char(s.ends_at, 'HH24:MI')),
        CASE WHEN as_of >= s.starts_at AND as_of < s.ends_at THEN
            format('<path class="now" d="M%1$s,%4$sv-10M%1$s,%2$sV%3$s"/>'
                   '<text class="limit" text-anchor="%5$s" x="%1$s" dx="%6$s" y="%4$s">as of %7$s</text>',
                   attendance.place(as_of, frame), top, bottom, top - 24,
                   CASE WHEN first_half THEN 'start' ELSE 'end' END, CASE WHEN first_half THEN 5 ELSE -5 END,
                   to_char(as_of, 'HH24:MI')) END,
        '</svg>');
END
$$;
REVOKE ALL ON FUNCTION attendance.timeline_svg(text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION attendance.timeline_svg(text, timestamptz) IS
'A session as a picture in SVG: a row for each attendee with their stays, what counted of them and what did not, which ends are inferred, and the status as assess() gives it. Times in the session time zone. Raises no_data_found for an unknown session, object_not_in_prerequisite_state for a purged one.';
