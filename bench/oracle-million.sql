-- A million people judged by assess() and by plain SQL, in any database that has the extension. Nothing of it stays.
\set sessions 10000
\timing on
\ir ../sql/oracle.sql
