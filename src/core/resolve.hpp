#pragma once

#include "cycle.hpp"

namespace attendance {

// What is known beside the stay itself. `unknown` where there is no such evidence.
struct Evidence {
    Instant seen_at;           // latest event or listing
    Instant heartbeat_at;      // latest heartbeat; unknown: the client never sent one
    Instant room_finished_at;  // end of its room instance, or the start of the room's next one
    Instant replaced_at;       // the next connection of the same identity to the room
    Instant missing_at;        // the first snapshot that no longer lists it
};

struct Timeouts {
    Span heartbeat;  // silence after the last heartbeat that ends a stay
    Span stale;      // silence after which an unproven stay is believed no longer
};

// Decides where a stay ends, as far as anybody can tell at as_of (DESIGN.md 6). Evidence comes back as it went in; an
// open stay gets the earliest bound not after as_of, else the end its silence implies, else it stays open.
Cycle resolve(const Cycle&, const Evidence&, Instant as_of, const Timeouts&);

}  // namespace attendance
