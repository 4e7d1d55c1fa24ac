#include "coverage.hpp"

#include <algorithm>
#include <tuple>

namespace attendance {

namespace {

// Stays that overlap, touch or lie no further apart than the gap that is bridged.
struct Presence {
    Instant from, until;
    std::int32_t stays;
    bool open;
    bool inferred;
};

// Adds what a presence covers of the window; one that lies outside it is as if it had never been.
void count(Coverage& sum, const Presence& p, Window window) {
    const Instant from = std::max(p.from, window.from);
    const Instant until = std::min(p.until, window.until);
    if (from >= until) return;

    if (sum.cycles == 0) {
        sum.first_presence = from;
        sum.first_join = p.from;
    } else {
        ++sum.rejoins;
        sum.longest_gap = std::max(sum.longest_gap, minus(from, sum.last_presence));
    }
    sum.attended = plus(sum.attended, minus(until, from));
    sum.last_presence = until;
    sum.last_leave = p.open ? forever : std::max(sum.last_leave, p.until);
    sum.cycles += p.stays;
    sum.inferred |= p.inferred;
}

}  // namespace

Coverage cover(Cycle* stays, std::size_t n, Window window, Span bridge_gap, Instant as_of) {
    const auto end = [as_of](const Cycle& c) { return is_open(c) ? as_of : c.left_at; };
    std::sort(stays, stays + n, [end](const Cycle& a, const Cycle& b) {
        return std::tuple(a.joined_at, end(a)) < std::tuple(b.joined_at, end(b));
    });

    Coverage sum{0, unknown, unknown, unknown, unknown, 0, 0, 0, false};
    Presence current{};
    for (const Cycle* c = stays; c != stays + n; ++c) {
        if (c->ended_by == EndedBy::aborted || end(*c) <= c->joined_at) continue;
        if (current.stays == 0 || c->joined_at > plus(current.until, bridge_gap)) {
            count(sum, current, window);
            current = {c->joined_at, end(*c), 0, false, false};
        }
        current.until = std::max(current.until, end(*c));
        ++current.stays;
        current.open |= is_open(*c);
        current.inferred |= inferred(c->ended_by);
    }
    count(sum, current, window);
    return sum;
}

}  // namespace attendance
