#pragma once

// What the tests of the core share: short ways to write instants and stays, and to print them.

#include <cstring>
#include <ostream>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "cycle.hpp"

namespace attendance {

inline constexpr Span minute = 60 * second;
inline constexpr Span hour = 60 * minute;

constexpr Instant at(int hours, int minutes, int seconds = 0, int microseconds = 0) {
    return hours * hour + minutes * minute + seconds * second + microseconds;
}

inline Cycle open_since(Instant joined_at) { return make_cycle(joined_at, forever, EndedBy::open); }

inline Cycle stay(Instant joined_at, Instant left_at, EndedBy ended_by = EndedBy::left) {
    return make_cycle(joined_at, left_at, ended_by);
}

// Byte for byte, padding included: rows must not depend on the order in which evidence came.
inline bool operator==(const Cycle& a, const Cycle& b) { return std::memcmp(&a, &b, sizeof(Cycle)) == 0; }

inline std::ostream& operator<<(std::ostream& out, const Cycle& c) {
    return out << '[' << c.joined_at << ',' << c.left_at << ')' << to_text(c.ended_by);
}

// Any order of the same stays.
inline std::vector<Cycle> shuffled(std::vector<Cycle> stays) {
    for (std::size_t i = stays.size(); i > 1; --i)
        std::swap(stays[i - 1], stays[*rc::gen::inRange<std::size_t>(0, i)]);
    return stays;
}

}  // namespace attendance
