\echo Use "CREATE EXTENSION attendance" to load this file. \quit

-- Names are visible to everybody, as in pg_catalog; what they give access to is granted one by one.
GRANT USAGE ON SCHEMA attendance TO PUBLIC;

DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() NOT IN ('UTF8', 'SQL_ASCII') THEN
        RAISE EXCEPTION 'attendance needs a database in UTF8, this one is in %', pg_catalog.getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'LiveKit sends names in UTF-8. Create the database with ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;
END
$$;
