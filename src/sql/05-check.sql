-- Checks that say what is wrong and how to mend it, where a bare constraint would only name itself.

CREATE FUNCTION attendance.require(condition boolean, message text, hint text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT condition THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = message, HINT = hint;
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION attendance.require(boolean, text, text) IS
'true, or check_violation with this message and hint when the condition is false. For CHECK constraints. A NULL condition passes, as in CHECK itself.';

CREATE FUNCTION attendance.is_span(span interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT span >= '0' AND span < '100000 h' AND extract(year FROM span) = 0
           AND extract(month FROM span) = 0 AND extract(day FROM span) = 0;
END;
COMMENT ON FUNCTION attendance.is_span(interval) IS
'Is this a length of time: not negative, not infinite, and without days and months, whose length varies?';

CREATE FUNCTION attendance.is_share(share numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT share BETWEEN 0 AND 100 AND scale(share) <= 4;
END;
COMMENT ON FUNCTION attendance.is_share(numeric) IS
'Is this a percentage: 0 to 100, with at most four decimals, so that ratios compare exactly?';
