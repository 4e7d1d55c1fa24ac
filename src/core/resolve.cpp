#include "resolve.hpp"

#include <algorithm>

namespace attendance {

namespace {

// The same stay with an inferred end; whatever the clocks say, no stay ends before its own join.
Cycle ended(Cycle c, Instant at, EndedBy reason) {
    c.left_at = std::max(at, c.joined_at);
    c.ended_by = reason;
    return c;
}

}  // namespace

Cycle resolve(const Cycle& c, const Evidence& e, Instant as_of, const Timeouts& timeouts) {
    if (!is_open(c)) return c;

    struct Bound {
        Instant at;
        EndedBy reason;
    };
    const Bound bounds[] = {{e.room_finished_at, EndedBy::room_finished},
                            {e.replaced_at, EndedBy::replaced},
                            {e.missing_at, EndedBy::missing}};
    Bound earliest{forever, EndedBy::open};
    for (const Bound& b : bounds)
        if (b.at != unknown && b.at <= as_of && b.at < earliest.at) earliest = b;
    if (earliest.at != forever) return ended(c, earliest.at, earliest.reason);

    // `unknown` is less than any instant, so evidence that is not there never is the last.
    const Instant last = std::max({c.joined_at, e.seen_at, e.heartbeat_at});
    if (e.heartbeat_at != unknown && as_of > plus(last, timeouts.heartbeat))
        return ended(c, last, EndedBy::heartbeat_lost);
    if (as_of > plus(last, timeouts.stale)) return ended(c, plus(last, timeouts.stale), EndedBy::stale);
    return c;
}

}  // namespace attendance
