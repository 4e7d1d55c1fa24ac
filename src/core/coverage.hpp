#pragma once

#include <cstddef>

#include "cycle.hpp"

namespace attendance {

struct Window {
    Instant from, until;
};

// What the stays of one attendee cover of one window. Instants are `unknown` when there is none.
struct Coverage {
    Span attended;            // length of the union of the stays, short gaps bridged, clipped to the window
    Instant first_presence;   // within the window
    Instant last_presence;    // within the window
    Instant first_join;       // unclipped
    Instant last_leave;       // unclipped; forever while somebody is still there
    std::int32_t cycles;      // stays that touch the window
    std::int32_t rejoins;     // returns after a gap that was not bridged
    Span longest_gap;         // longest such gap
    bool inferred;            // an end was inferred, not observed
};

// Sorts the stays in place. They must be resolved; those still open count until as_of. Aborted and empty ones count
// nothing. Overlapping devices count once; gaps up to bridge_gap are closed before clipping (DESIGN.md 7).
Coverage cover(Cycle* stays, std::size_t count, Window, Span bridge_gap, Instant as_of);

}  // namespace attendance
