#include "cycle.hpp"

#include <string_view>

extern "C" {
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "nodes/supportnodes.h"
#include "utils/builtins.h"
#include "utils/rangetypes.h"
#include "utils/sortsupport.h"
}

// Soft errors came with PostgreSQL 16.
#if PG_VERSION_NUM < 160000
#define errsave(context, ...) ereport(ERROR, __VA_ARGS__)
#endif

namespace attendance::pg {

namespace {

// Reads one timestamp of a cycle's text; false after a soft error.
bool timestamp_from_text(std::string_view text, Instant& instant, [[maybe_unused]] Node* context) {
    char* copy = pnstrdup(text.data(), text.size());
#if PG_VERSION_NUM >= 160000
    Datum value;
    if (!DirectInputFunctionCallSafe(timestamptz_in, copy, InvalidOid, -1, context, &value)) return false;
    instant = DatumGetTimestampTz(value);
#else
    instant = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(copy),
                                                      ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
#endif
    return true;
}

Instant timestamp_from_wire(StringInfo message) {
    return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_recv, PointerGetDatum(message),
                                                   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

char* timestamp_to_text(Instant instant) {
    return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(instant)));
}

// What ends a cycle that does not say so.
EndedBy ended_by_default(Instant left_at) { return left_at == forever ? EndedBy::open : EndedBy::left; }

// Reads what ended a cycle; false after a soft error.
bool ended_by_from(std::string_view word, EndedBy& ended_by, [[maybe_unused]] Node* context) {
    Caught caught;
    if (attempt(caught, [&] { ended_by = ended_by_from_text(word); })) return true;
    errsave(context, (errcode(caught.sqlstate),
                      errmsg("%s: \"%.*s\"", caught.message, static_cast<int>(word.size()), word.data()),
                      errhint("Use one of open, left, aborted, missing, replaced, room_finished, heartbeat_lost, "
                              "stale.")));
    return false;
}

// The one place where values from outside become a cycle; NULL after a soft error, as input functions return.
Datum make(Instant joined_at, Instant left_at, EndedBy ended_by, Node* context = nullptr) {
    Cycle made;
    if (!guard([&] { made = make_cycle(joined_at, left_at, ended_by); }, context)) return 0;
    PG_RETURN_CYCLE(made);
}

int order(const Cycle& a, const Cycle& b) {
    int result = 0;
    guard([&] { result = compare(a, b); });
    return result;
}

int order_for_sort(Datum a, Datum b, SortSupport) { return order(*get_cycle(a), *get_cycle(b)); }

const unsigned char* bytes(const Cycle& c) { return reinterpret_cast<const unsigned char*>(&c); }

}  // namespace

ATTENDANCE_FUNCTION(attendance_cycle_in) {
    const char* text = PG_GETARG_CSTRING(0);
    Node* context = fcinfo->context;
    CycleText parts;
    Caught caught;
    if (!attempt(caught, [&] { parts = split_cycle(text); })) {
        errsave(context, (errcode(caught.sqlstate),
                          errmsg("invalid input syntax for type %s: \"%s\"", "attendance.cycle", text),
                          errdetail("Not of the form [joined_at,left_at)reason: %s.", caught.message)));
        return 0;
    }

    Instant joined_at, left_at = forever;
    if (!timestamp_from_text(parts.joined_at, joined_at, context)) return 0;
    if (!parts.left_at.empty() && !timestamp_from_text(parts.left_at, left_at, context)) return 0;
    EndedBy ended_by = ended_by_default(left_at);
    if (!parts.ended_by.empty() && !ended_by_from(parts.ended_by, ended_by, context)) return 0;
    return make(joined_at, left_at, ended_by, context);
}

ATTENDANCE_FUNCTION(attendance_cycle_out) {
    const Cycle& c = PG_GETARG_CYCLE(0);
    const char* joined_at = timestamp_to_text(c.joined_at);
    if (is_open(c)) PG_RETURN_CSTRING(psprintf("[%s,)", joined_at));
    std::string_view word;
    guard([&] { word = to_text(c.ended_by); });
    PG_RETURN_CSTRING(psprintf("[%s,%s)%.*s", joined_at, timestamp_to_text(c.left_at), static_cast<int>(word.size()),
                               word.data()));
}

ATTENDANCE_FUNCTION(attendance_cycle_recv) {
    auto message = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    const Instant joined_at = timestamp_from_wire(message);
    const Instant left_at = timestamp_from_wire(message);
    const int ended_by = pq_getmsgbyte(message);
    if (ended_by >= ended_by_count)
        ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
                        errmsg("invalid end in external \"%s\" value: %d", "attendance.cycle", ended_by)));
    return make(joined_at, left_at, static_cast<EndedBy>(ended_by));
}

ATTENDANCE_FUNCTION(attendance_cycle_send) {
    const Cycle& c = PG_GETARG_CYCLE(0);
    StringInfoData message;
    pq_begintypsend(&message);
    pq_sendint64(&message, c.joined_at);
    pq_sendint64(&message, c.left_at);
    pq_sendint8(&message, static_cast<uint8>(c.ended_by));
    PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

// Not strict: without an end the stay is open, without a reason the end decides, without a join there is no cycle.
ATTENDANCE_FUNCTION(attendance_cycle) {
    if (PG_ARGISNULL(0)) PG_RETURN_NULL();
    const Instant left_at = PG_ARGISNULL(1) ? forever : PG_GETARG_TIMESTAMPTZ(1);
    EndedBy ended_by = ended_by_default(left_at);
    if (!PG_ARGISNULL(2)) {
        const text* word = PG_GETARG_TEXT_PP(2);
        ended_by_from({VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word)}, ended_by, nullptr);
    }
    return make(PG_GETARG_TIMESTAMPTZ(0), left_at, ended_by);
}

ATTENDANCE_FUNCTION(attendance_cycle_joined_at) { PG_RETURN_TIMESTAMPTZ(PG_GETARG_CYCLE(0).joined_at); }

ATTENDANCE_FUNCTION(attendance_cycle_left_at) { PG_RETURN_TIMESTAMPTZ(PG_GETARG_CYCLE(0).left_at); }

ATTENDANCE_FUNCTION(attendance_cycle_ended_by) {
    const Cycle& c = PG_GETARG_CYCLE(0);
    std::string_view word;
    guard([&] { word = to_text(c.ended_by); });
    PG_RETURN_TEXT_P(cstring_to_text_with_len(word.data(), word.size()));
}

ATTENDANCE_FUNCTION(attendance_cycle_is_open) { PG_RETURN_BOOL(is_open(PG_GETARG_CYCLE(0))); }

// Tells the planner that hardly any stay is open; it would take a function it knows nothing of to hold for a third.
ATTENDANCE_FUNCTION(attendance_cycle_is_open_support) {
    Node* const request = reinterpret_cast<Node*>(PG_GETARG_POINTER(0));
    if (!IsA(request, SupportRequestSelectivity)) PG_RETURN_POINTER(nullptr);
    reinterpret_cast<SupportRequestSelectivity*>(request)->selectivity = 0.001;
    PG_RETURN_POINTER(request);
}

// PostgreSQL's own left_at - joined_at; an open cycle has no duration yet.
ATTENDANCE_FUNCTION(attendance_cycle_duration) {
    const Cycle& c = PG_GETARG_CYCLE(0);
    if (is_open(c)) PG_RETURN_NULL();
    return DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(c.left_at), TimestampTzGetDatum(c.joined_at));
}

ATTENDANCE_FUNCTION(attendance_cycle_to_tstzrange) {
    const Cycle& c = PG_GETARG_CYCLE(0);
    RangeBound lower = {TimestampTzGetDatum(c.joined_at), false, true, true};
    RangeBound upper = {TimestampTzGetDatum(c.left_at), is_open(c), false, false};
#if PG_VERSION_NUM >= 160000
    PG_RETURN_RANGE_P(make_range(range_get_typcache(fcinfo, TSTZRANGEOID), &lower, &upper, false, nullptr));
#else
    PG_RETURN_RANGE_P(make_range(range_get_typcache(fcinfo, TSTZRANGEOID), &lower, &upper, false));
#endif
}

ATTENDANCE_FUNCTION(attendance_cycle_merge) {
    Cycle merged;
    guard([&] { merged = merge(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)); });
    PG_RETURN_CYCLE(merged);
}

ATTENDANCE_FUNCTION(attendance_cycle_fold) {
    Cycle folded;
    guard([&] { folded = fold(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)); });
    PG_RETURN_CYCLE(folded);
}

ATTENDANCE_FUNCTION(attendance_cycle_lt) { PG_RETURN_BOOL(order(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)) < 0); }

ATTENDANCE_FUNCTION(attendance_cycle_le) { PG_RETURN_BOOL(order(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)) <= 0); }

ATTENDANCE_FUNCTION(attendance_cycle_eq) { PG_RETURN_BOOL(order(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)) == 0); }

ATTENDANCE_FUNCTION(attendance_cycle_ne) { PG_RETURN_BOOL(order(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)) != 0); }

ATTENDANCE_FUNCTION(attendance_cycle_ge) { PG_RETURN_BOOL(order(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)) >= 0); }

ATTENDANCE_FUNCTION(attendance_cycle_gt) { PG_RETURN_BOOL(order(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1)) > 0); }

ATTENDANCE_FUNCTION(attendance_cycle_cmp) { PG_RETURN_INT32(order(PG_GETARG_CYCLE(0), PG_GETARG_CYCLE(1))); }

ATTENDANCE_FUNCTION(attendance_cycle_sortsupport) {
    reinterpret_cast<SortSupport>(PG_GETARG_POINTER(0))->comparator = order_for_sort;
    PG_RETURN_VOID();
}

ATTENDANCE_FUNCTION(attendance_cycle_hash) { return hash_any(bytes(PG_GETARG_CYCLE(0)), sizeof(Cycle)); }

ATTENDANCE_FUNCTION(attendance_cycle_hash_extended) {
    return hash_any_extended(bytes(PG_GETARG_CYCLE(0)), sizeof(Cycle), PG_GETARG_INT64(1));
}

ATTENDANCE_FUNCTION(attendance_cycle_smaller) {
    const Cycle &a = PG_GETARG_CYCLE(0), &b = PG_GETARG_CYCLE(1);
    PG_RETURN_CYCLE(order(b, a) < 0 ? b : a);
}

ATTENDANCE_FUNCTION(attendance_cycle_larger) {
    const Cycle &a = PG_GETARG_CYCLE(0), &b = PG_GETARG_CYCLE(1);
    PG_RETURN_CYCLE(order(b, a) > 0 ? b : a);
}

}  // namespace attendance::pg
