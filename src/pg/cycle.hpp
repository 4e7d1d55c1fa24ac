#pragma once

#include "../core/cycle.hpp"
#include "boundary.hpp"

namespace attendance::pg {

inline const Cycle* get_cycle(Datum value) { return reinterpret_cast<const Cycle*>(DatumGetPointer(value)); }

// A copy for PostgreSQL to keep: its padding is zero, so that equal cycles are equal bytes.
inline Cycle* new_cycle(const Cycle& value) {
    auto* copy = static_cast<Cycle*>(palloc0(sizeof(Cycle)));
    copy->joined_at = value.joined_at;
    copy->left_at = value.left_at;
    copy->ended_by = value.ended_by;
    return copy;
}

inline Datum cycle_datum(const Cycle& value) { return PointerGetDatum(new_cycle(value)); }

}  // namespace attendance::pg

#define PG_GETARG_CYCLE(n) (*::attendance::pg::get_cycle(PG_GETARG_DATUM(n)))
#define PG_RETURN_CYCLE(value) return ::attendance::pg::cycle_datum(value)
