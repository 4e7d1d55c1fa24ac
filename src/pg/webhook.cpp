#include "../core/webhook.hpp"

#include "boundary.hpp"
#include "bytes.hpp"
#include "cycle.hpp"

extern "C" {
#include "common/sha2.h"
#include "funcapi.h"
#include "utils/builtins.h"
}

using namespace attendance;
using namespace attendance::pg;

namespace {

// The id of a body that carries none: of what is stored, so that a replay of the log finds the same.
Datum hash_id(std::string_view body) {
    const Datum digest = DirectFunctionCall1(sha256_bytea, bytes_datum(body));
    const std::string_view octets = get_bytes(DatumGetByteaPP(digest));
    constexpr std::string_view prefix = "sha256:";
    char id[prefix.size() + 2 * PG_SHA256_DIGEST_LENGTH];
    memcpy(id, prefix.data(), prefix.size());
    hex_encode(octets.data(), octets.size(), id + prefix.size());
    return bytes_datum({id, sizeof id});
}

}  // namespace

// parse(body bytea): a row of the type attendance.fact.
ATTENDANCE_FUNCTION(attendance_parse) {
    bytea* body = PG_ARGISNULL(0) ? nullptr : PG_GETARG_BYTEA_PP(0);
    Webhook w{};
    if (body == nullptr) {
        w.problem = "body: missing";
    } else {
        const std::string_view text = get_bytes(body);
        Arena arena = new_arena(arena_for(Min(text.size(), max_body)));
        guard([&] { w = parse_webhook(text, arena); });
    }

    constexpr int columns = 17;
    Datum values[columns] = {};
    bool nulls[columns];
    int n = 0;
    const auto put = [&](Datum value, bool known) {
        values[n] = value;
        nulls[n++] = !known;
    };
    const auto put_text = [&](std::string_view text) {
        const bool known = text.data() != nullptr;
        put(known ? bytes_datum(text) : Datum(0), known);
    };
    const auto put_instant = [&](Instant t, bool known) { put(TimestampTzGetDatum(t), known && t != unknown); };

    const bool usable = w.problem.empty();
    const bool present = usable && w.identity.data() != nullptr;
    put_text(usable ? std::string_view() : w.problem);
    if (usable && w.event_id.data() == nullptr)
        put(hash_id(w.body), true);
    else
        put_text(w.event_id);
    put_text(w.event);
    put_instant(w.occurred_at, usable);
    put_text(w.room);
    put_text(w.room_sid);
    put_instant(w.instance_started_at, usable);
    put_instant(w.instance_finished_at, usable);
    put_text(w.participant_sid);
    put_text(w.identity);
    put_text(w.name);
    put_text(w.role);
    put(BoolGetDatum(w.counted), present);
    put(Int32GetDatum(w.version), present);
    put(present ? PointerGetDatum(new_cycle(w.cycle)) : Datum(0), present);
    put_instant(w.seen_at, present);
    put_text(w.body);

    TupleDesc row;
    if (get_call_result_type(fcinfo, nullptr, &row) != TYPEFUNC_COMPOSITE || row->natts != columns)
        elog(ERROR, "return type must be attendance.fact");
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row), values, nulls)));
}

// redact(body bytea)
ATTENDANCE_FUNCTION(attendance_redact) {
    const std::string_view text = get_bytes(PG_GETARG_BYTEA_PP(0));
    Arena arena = new_arena(Max(text.size(), 1));
    std::string_view redacted;
    guard([&] { redacted = redact(text, arena); });
    PG_RETURN_DATUM(bytes_datum(redacted));
}

// bytes(text): text and bytea have one layout.
ATTENDANCE_FUNCTION(attendance_bytes) { PG_RETURN_DATUM(PG_GETARG_DATUM(0)); }
