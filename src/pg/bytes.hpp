#pragma once

#include <string_view>

#include "../core/arena.hpp"
#include "boundary.hpp"

namespace attendance::pg {

// The bytes of a text or bytea, which have one layout.
inline std::string_view get_bytes(struct varlena* datum) {
    return {VARDATA_ANY(datum), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(datum))};
}

// A text or bytea of these bytes.
inline Datum bytes_datum(std::string_view bytes) {
    struct varlena* datum = static_cast<struct varlena*>(palloc(VARHDRSZ + bytes.size()));
    SET_VARSIZE(datum, VARHDRSZ + bytes.size());
    memcpy(VARDATA(datum), bytes.data(), bytes.size());
    return PointerGetDatum(datum);
}

inline Arena new_arena(Size size) {
    char* memory = static_cast<char*>(palloc(size));
    return {memory, memory + size};
}

}  // namespace attendance::pg
