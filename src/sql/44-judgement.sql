-- From coverage to a status.

CREATE TYPE attendance.judgement AS (
    status text COLLATE "C", rule text COLLATE "C", late_by interval, early_by interval, is_late boolean, left_early boolean
);
COMMENT ON TYPE attendance.judgement IS
'status: present, late, partial, absent or excused; rule: the first that applied; late_by, early_by: after the start and before the end, NULL when nobody came.';

CREATE FUNCTION attendance.judge(coverage attendance.coverage, starts_at timestamptz, ends_at timestamptz,
    late_after interval, absent_after interval, early_leave_after interval,
    absent_below numeric, partial_below numeric, excused boolean) RETURNS attendance.judgement
LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'attendance_judge';
COMMENT ON FUNCTION attendance.judge(attendance.coverage, timestamptz, timestamptz, interval, interval, interval, numeric, numeric, boolean) IS
'The first rule that applies: excused; no_presence, absent_after, absent_below (absent); partial_below (partial); late_after (late); present. Shares in per cent of ends_at - starts_at, compared exactly; a NULL limit never applies; coverage NULL: nobody came.';
