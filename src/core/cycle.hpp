#pragma once

#include <cstdint>
#include <string_view>

#include "time.hpp"

namespace attendance {

// What ended a stay, weakest first. The first three are evidence; the rest are inferred by resolve().
enum class EndedBy : std::uint8_t { open, left, aborted, missing, replaced, room_finished, heartbeat_lost, stale };

inline constexpr int ended_by_count = 8;

std::string_view to_text(EndedBy);
// Throws Error(invalid_text) for a word that is none of the eight.
EndedBy ended_by_from_text(std::string_view);

constexpr bool inferred(EndedBy e) { return e >= EndedBy::missing; }

// One join-to-leave stay of one participant, half-open. The layout is the on-disk format of the SQL type:
// 24 bytes, padding zero, frozen by the first release.
struct Cycle {
    Instant joined_at;
    Instant left_at;  // forever exactly while open
    EndedBy ended_by;
    std::uint8_t padding[7];
};
static_assert(sizeof(Cycle) == 24);

// The only way to a Cycle from outside values. Throws Error(invalid_value) for an infinite join, an end before the
// join, and an end that does not fit its reason (open exactly while left_at is infinite).
Cycle make_cycle(Instant joined_at, Instant left_at, EndedBy ended_by);

constexpr bool is_open(const Cycle& c) { return c.ended_by == EndedBy::open; }

// -1, 0 or 1 by (joined_at, left_at, ended_by).
int compare(const Cycle&, const Cycle&);

// The earlier join; the greater end by (ended_by, left_at). Associative, commutative, idempotent.
Cycle merge(const Cycle&, const Cycle&);

// merge() for evidence about one participant. LiveKit's createdAt has whole seconds where joinedAtMs has milliseconds,
// so within one second the finer join is the true one and a whole second says no more than that. Also a semilattice, as
// long as ends are what LiveKit's are: in whole seconds, or pushed back to the join of an empty stay.
Cycle fold(const Cycle&, const Cycle&);

// The three parts of `[joined,left)reason`, blanks trimmed; left and reason may be empty.
struct CycleText {
    std::string_view joined_at, left_at, ended_by;
};
// Throws Error(invalid_text) when text is not of that form.
CycleText split_cycle(std::string_view text);

}  // namespace attendance
