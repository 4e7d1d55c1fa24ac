-- One backend makes :calls calls of ingest(), two of each body and every hundredth body broken, and notes what it holds
-- after a tenth of them and after all. Expects :first, the first body that nobody has seen, and :rooms.
\o /dev/null
SELECT format($$
           SELECT count(attendance.ingest(CASE n %% 100 WHEN 0 THEN left(body, 100) ELSE body END))
           FROM generate_series(%s, %s) n, LATERAL (SELECT bench.body(n, %s) AS body OFFSET 0) b, generate_series(1, 2)
       $$, :first + 500 * (i - 1), :first + 500 * i - 1, :rooms),
       CASE WHEN i IN (:calls / 10000, :calls / 1000) THEN format($$
           INSERT INTO bench.memory
           SELECT %s, (SELECT sum(total_bytes) FROM pg_backend_memory_contexts) / 1024,
                  substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s*(\d+)')::bigint
       $$, 1000 * i) END
FROM generate_series(1, :calls / 1000) i \gexec
\o
TABLE bench.memory ORDER BY calls;
