#pragma once

#include "boundary.hpp"

namespace attendance::pg {

// The microseconds of an interval without months; raises for one that has them, since a month has no fixed length.
inline Span get_span(Datum datum) {
    const Interval* interval = DatumGetIntervalP(datum);
    Span span;
    if (interval->month != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a length of time cannot have months"),
                        errhint("Give days, hours, minutes or seconds.")));
    if (__builtin_mul_overflow(static_cast<Span>(interval->day), static_cast<Span>(USECS_PER_DAY), &span) ||
        __builtin_add_overflow(span, interval->time, &span))
        ereport(ERROR, (errcode(ERRCODE_INTERVAL_FIELD_OVERFLOW), errmsg("interval out of range")));
    return span;
}

inline Datum new_span(Span span) {
    Interval* interval = static_cast<Interval*>(palloc0(sizeof(Interval)));
    interval->time = span;
    return IntervalPGetDatum(interval);
}

}  // namespace attendance::pg
