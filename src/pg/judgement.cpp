#include "../core/judgement.hpp"

#include "boundary.hpp"
#include "bytes.hpp"
#include "span.hpp"

extern "C" {
#include "executor/executor.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
}

using namespace attendance;
using namespace attendance::pg;

namespace {

// A percentage with at most four decimals, in parts per million.
int64 parts_per_million(Datum percentage) {
    const Datum factor = DirectFunctionCall1(int4_numeric, Int32GetDatum(10000));
    return DatumGetInt64(DirectFunctionCall1(numeric_int8, DirectFunctionCall2(numeric_mul, percentage, factor)));
}

// What judge() needs of a row of the type attendance.coverage.
Coverage get_coverage(HeapTupleHeader row) {
    Coverage coverage{};
    bool missing;
    const auto instant = [&](AttrNumber n) {
        const Datum datum = GetAttributeByNum(row, n, &missing);
        return missing ? unknown : DatumGetTimestampTz(datum);
    };
    const Datum attended = GetAttributeByNum(row, 1, &missing);
    if (!missing) coverage.attended = get_span(attended);
    coverage.first_presence = instant(2);
    coverage.last_presence = instant(3);
    coverage.last_leave = instant(5);
    return coverage;
}

}  // namespace

// judge(coverage, starts_at, ends_at, late_after, absent_after, early_leave_after, absent_below, partial_below, excused)
ATTENDANCE_FUNCTION(attendance_judge) {
    for (int required : {1, 2, 6, 7, 8})
        if (PG_ARGISNULL(required)) PG_RETURN_NULL();
    const auto limit = [fcinfo](int n) { return PG_ARGISNULL(n) ? no_limit : get_span(PG_GETARG_DATUM(n)); };
    Coverage coverage{};
    coverage.first_presence = unknown;
    if (!PG_ARGISNULL(0)) coverage = get_coverage(PG_GETARG_HEAPTUPLEHEADER(0));
    const Window session{PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_TIMESTAMPTZ(2)};
    const Limits limits{limit(3), limit(4), limit(5), parts_per_million(PG_GETARG_DATUM(6)),
                        parts_per_million(PG_GETARG_DATUM(7))};
    const bool excused = PG_GETARG_BOOL(8);

    Judgement j;
    guard([&] { j = judge(coverage, session, limits, excused); });

    TupleDesc row;
    if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE) elog(ERROR, "return type must be a row type");
    Datum values[] = {bytes_datum(to_text(j.status)), bytes_datum(to_text(j.rule)), new_span(j.late_by), new_span(j.early_by),
                      BoolGetDatum(j.is_late),    BoolGetDatum(j.left_early)};
    bool nulls[] = {false, false, j.late_by == no_limit, j.early_by == no_limit, false, false};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}
