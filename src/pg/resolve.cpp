#include "../core/resolve.hpp"

#include "boundary.hpp"
#include "cycle.hpp"
#include "span.hpp"

using namespace attendance;
using namespace attendance::pg;

// resolve(cycle, seen_at, heartbeat_at, room_finished_at, replaced_at, missing_at, as_of, heartbeat_timeout, stale_after)
ATTENDANCE_FUNCTION(attendance_resolve) {
    for (int required : {0, 1, 6, 7, 8})
        if (PG_ARGISNULL(required)) PG_RETURN_NULL();
    const auto instant = [fcinfo](int n) { return PG_ARGISNULL(n) ? unknown : PG_GETARG_TIMESTAMPTZ(n); };
    const Evidence evidence{instant(1), instant(2), instant(3), instant(4), instant(5)};
    const Timeouts timeouts{get_span(PG_GETARG_DATUM(7)), get_span(PG_GETARG_DATUM(8))};
    const Cycle* cycle = get_cycle(PG_GETARG_DATUM(0));
    const Instant as_of = instant(6);

    Cycle resolved;
    guard([&] { resolved = resolve(*cycle, evidence, as_of, timeouts); });
    PG_RETURN_CYCLE(resolved);
}
