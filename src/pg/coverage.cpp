#include "../core/coverage.hpp"

#include <cstring>

#include "boundary.hpp"
#include "cycle.hpp"
#include "span.hpp"

extern "C" {
#include "funcapi.h"
}

using namespace attendance;
using namespace attendance::pg;

namespace {

// The state of the aggregate cover(): the stays of one attendee so far, and what all its rows agree on.
struct Stays {
    Window window;
    Span bridge_gap;
    Instant as_of;
    int32 count;
    int32 capacity;
    Cycle* items;
};

constexpr Size header_size = offsetof(Stays, items);

MemoryContext aggregate_context(FunctionCallInfo fcinfo) {
    MemoryContext context;
    if (!AggCheckCallContext(fcinfo, &context)) elog(ERROR, "called outside of an aggregate");
    return context;
}

Stays* new_stays(MemoryContext context, const Stays& like) {
    Stays* stays = static_cast<Stays*>(MemoryContextAlloc(context, sizeof(Stays)));
    *stays = like;
    stays->capacity = Max(like.count, 4);
    stays->items = static_cast<Cycle*>(MemoryContextAlloc(context, stays->capacity * sizeof(Cycle)));
    if (like.count > 0) memcpy(stays->items, like.items, like.count * sizeof(Cycle));
    return stays;
}

void append(Stays* stays, const Cycle* items, int32 count) {
    if (stays->count + count > stays->capacity) {
        stays->capacity = 2 * (stays->count + count);
        stays->items = static_cast<Cycle*>(repalloc_huge(stays->items, stays->capacity * sizeof(Cycle)));
    }
    memcpy(stays->items + stays->count, items, count * sizeof(Cycle));
    stays->count += count;
}

}  // namespace

// cover_step(state, cycle, counts_from, counts_until, bridge_gap, as_of)
ATTENDANCE_FUNCTION(attendance_cover_step) {
    MemoryContext context = aggregate_context(fcinfo);
    Stays* stays = PG_ARGISNULL(0) ? nullptr : reinterpret_cast<Stays*>(PG_GETARG_POINTER(0));
    for (int n = 1; n <= 5; n++)
        if (PG_ARGISNULL(n)) {
            if (stays == nullptr) PG_RETURN_NULL();
            PG_RETURN_POINTER(stays);
        }
    if (stays == nullptr)
        stays = new_stays(context, Stays{{PG_GETARG_TIMESTAMPTZ(2), PG_GETARG_TIMESTAMPTZ(3)},
                                         get_span(PG_GETARG_DATUM(4)), PG_GETARG_TIMESTAMPTZ(5), 0, 0, nullptr});
    append(stays, get_cycle(PG_GETARG_DATUM(1)), 1);
    PG_RETURN_POINTER(stays);
}

ATTENDANCE_FUNCTION(attendance_cover_combine) {
    MemoryContext context = aggregate_context(fcinfo);
    if (PG_ARGISNULL(1)) {
        if (PG_ARGISNULL(0)) PG_RETURN_NULL();
        PG_RETURN_DATUM(PG_GETARG_DATUM(0));
    }
    const Stays* more = reinterpret_cast<Stays*>(PG_GETARG_POINTER(1));
    if (PG_ARGISNULL(0)) PG_RETURN_POINTER(new_stays(context, *more));
    Stays* stays = reinterpret_cast<Stays*>(PG_GETARG_POINTER(0));
    append(stays, more->items, more->count);
    PG_RETURN_POINTER(stays);
}

// Bytes for another process of the same server, so in memory order.
ATTENDANCE_FUNCTION(attendance_cover_serialise) {
    aggregate_context(fcinfo);
    const Stays* stays = reinterpret_cast<Stays*>(PG_GETARG_POINTER(0));
    const Size size = VARHDRSZ + header_size + stays->count * sizeof(Cycle);
    bytea* bytes = static_cast<bytea*>(palloc(size));
    SET_VARSIZE(bytes, size);
    memcpy(VARDATA(bytes), stays, header_size);
    memcpy(VARDATA(bytes) + header_size, stays->items, stays->count * sizeof(Cycle));
    PG_RETURN_BYTEA_P(bytes);
}

ATTENDANCE_FUNCTION(attendance_cover_deserialise) {
    MemoryContext context = aggregate_context(fcinfo);
    bytea* bytes = PG_GETARG_BYTEA_PP(0);
    Stays stays{};
    memcpy(&stays, VARDATA_ANY(bytes), header_size);
    Cycle* items = static_cast<Cycle*>(palloc(Max(stays.count, 1) * sizeof(Cycle)));
    memcpy(items, VARDATA_ANY(bytes) + header_size, stays.count * sizeof(Cycle));
    stays.items = items;
    PG_RETURN_POINTER(new_stays(context, stays));
}

// A row of the type attendance.coverage; NULL when there was nothing to aggregate.
ATTENDANCE_FUNCTION(attendance_cover_final) {
    aggregate_context(fcinfo);
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    Stays* stays = reinterpret_cast<Stays*>(PG_GETARG_POINTER(0));

    Coverage c;
    guard([&] { c = cover(stays->items, stays->count, stays->window, stays->bridge_gap, stays->as_of); });

    TupleDesc row;
    if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE) elog(ERROR, "return type must be a row type");
    Datum values[] = {new_span(c.attended),
                      TimestampTzGetDatum(c.first_presence),
                      TimestampTzGetDatum(c.last_presence),
                      TimestampTzGetDatum(c.first_join),
                      TimestampTzGetDatum(c.last_leave),
                      Int32GetDatum(c.cycles),
                      Int32GetDatum(c.rejoins),
                      new_span(c.longest_gap),
                      BoolGetDatum(c.inferred)};
    bool nulls[] = {false, c.first_presence == unknown, c.last_presence == unknown, c.first_join == unknown,
                    c.last_leave == unknown, false, false, false, false};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}
