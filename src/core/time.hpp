#pragma once

#include <cstdint>
#include <limits>

namespace attendance {

// Microseconds since 2000-01-01 00:00 UTC, PostgreSQL's own epoch, so that a stored value needs no conversion.
using Instant = std::int64_t;
// A length of time in microseconds.
using Span = std::int64_t;

inline constexpr Instant forever = std::numeric_limits<Instant>::max();  // timestamptz 'infinity'
inline constexpr Instant unknown = std::numeric_limits<Instant>::min();  // timestamptz '-infinity', here: not known

inline constexpr Span second = 1'000'000;
inline constexpr Span millisecond = 1'000;
inline constexpr std::int64_t unix_epoch = -946'684'800;  // 1970-01-01 in seconds since 2000-01-01

// Sums and differences that stop at forever and unknown where they would overflow.
constexpr Instant plus(Instant at, Span length) {
    Instant sum{};
    if (!__builtin_add_overflow(at, length, &sum)) return sum;
    return length > 0 ? forever : unknown;
}
constexpr Span minus(Instant at, Instant since) {
    Span length{};
    if (!__builtin_sub_overflow(at, since, &length)) return length;
    return since < 0 ? forever : unknown;
}

}  // namespace attendance
