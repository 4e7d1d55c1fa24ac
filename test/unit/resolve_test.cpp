#include "resolve.hpp"

#include <algorithm>

#include "cycles.hpp"

namespace attendance {
namespace {

constexpr Timeouts usual{5 * minute, 3 * hour};
constexpr Evidence nothing{unknown, unknown, unknown, unknown, unknown};
constexpr Instant joined = at(10, 0);

Evidence seen(Instant seen_at, Instant heartbeat_at = unknown) {
    return {seen_at, heartbeat_at, unknown, unknown, unknown};
}

Cycle resolved(const Evidence& e, Instant as_of, const Timeouts& timeouts = usual) {
    return resolve(open_since(joined), e, as_of, timeouts);
}

TEST(Resolve, LeavesEvidenceAsItIs) {
    const Evidence everything{at(10, 5), at(10, 5), at(10, 6), at(10, 7), at(10, 8)};
    for (int i = 1; i < ended_by_count; ++i) {
        const Cycle c = stay(joined, at(11, 0), static_cast<EndedBy>(i));
        EXPECT_EQ(resolve(c, everything, at(23, 0), usual), c);
        EXPECT_EQ(resolve(c, nothing, at(10, 1), usual), c);
    }
}

TEST(Resolve, StaysOpenWhileProven) {
    EXPECT_EQ(resolved(seen(joined), joined), open_since(joined));
    EXPECT_EQ(resolved(seen(at(10, 30)), at(13, 30)), open_since(joined));
    EXPECT_EQ(resolved(seen(at(10, 30)), at(9, 0)), open_since(joined));
}

TEST(Resolve, EndsAtTheEarliestBound) {
    Evidence e = seen(at(10, 20));
    e.missing_at = at(10, 50);
    EXPECT_EQ(resolved(e, at(12, 0)), stay(joined, at(10, 50), EndedBy::missing));
    e.replaced_at = at(10, 40);
    EXPECT_EQ(resolved(e, at(12, 0)), stay(joined, at(10, 40), EndedBy::replaced));
    e.room_finished_at = at(10, 30);
    EXPECT_EQ(resolved(e, at(12, 0)), stay(joined, at(10, 30), EndedBy::room_finished));
    e.missing_at = at(10, 25);
    EXPECT_EQ(resolved(e, at(12, 0)), stay(joined, at(10, 25), EndedBy::missing));
}

TEST(Resolve, PrefersTheStrongerOfEqualBounds) {
    const Instant t = at(10, 30);
    EXPECT_EQ(resolved({joined, unknown, t, t, t}, t), stay(joined, t, EndedBy::room_finished));
    EXPECT_EQ(resolved({joined, unknown, unknown, t, t}, t), stay(joined, t, EndedBy::replaced));
}

TEST(Resolve, KnowsABoundFromItsOwnInstantOn) {
    Evidence e = seen(at(10, 20));
    e.room_finished_at = at(10, 30);
    EXPECT_EQ(resolved(e, at(10, 30) - 1), open_since(joined));
    EXPECT_EQ(resolved(e, at(10, 30)), stay(joined, at(10, 30), EndedBy::room_finished));
    e.replaced_at = at(10, 29);
    EXPECT_EQ(resolved(e, at(10, 29)), stay(joined, at(10, 29), EndedBy::replaced));
    e.room_finished_at = forever;
    e.replaced_at = unknown;
    EXPECT_EQ(resolved(e, at(10, 40)), open_since(joined));
}

TEST(Resolve, EndsNoStayBeforeItsJoin) {
    Evidence e = seen(joined);
    e.room_finished_at = joined - 1;
    EXPECT_EQ(resolved(e, at(10, 5)), stay(joined, joined, EndedBy::room_finished));
}

TEST(Resolve, BelievesABoundWhateverHeartbeatsSay) {
    Evidence e = seen(at(10, 59), at(10, 59));
    e.room_finished_at = at(10, 30);
    EXPECT_EQ(resolved(e, at(11, 0)), stay(joined, at(10, 30), EndedBy::room_finished));
    e = seen(at(10, 10), at(10, 10));
    e.missing_at = at(10, 40);
    EXPECT_EQ(resolved(e, at(11, 0)), stay(joined, at(10, 40), EndedBy::missing));
}

TEST(Resolve, EndsAtTheLastHeartbeatAfterLongerSilenceThanAllowed) {
    const Evidence e = seen(at(10, 1), at(10, 20));
    EXPECT_EQ(resolved(e, at(10, 25)), open_since(joined));
    EXPECT_EQ(resolved(e, at(10, 25) + 1), stay(joined, at(10, 20), EndedBy::heartbeat_lost));
}

TEST(Resolve, CountsAnySignOfLifeAgainstLostHeartbeats) {
    EXPECT_EQ(resolved(seen(at(10, 40), at(10, 20)), at(10, 45)), open_since(joined));
    EXPECT_EQ(resolved(seen(at(10, 40), at(10, 20)), at(10, 45) + 1),
              stay(joined, at(10, 40), EndedBy::heartbeat_lost));
    EXPECT_EQ(resolved(seen(joined, joined - hour), at(10, 6)), stay(joined, joined, EndedBy::heartbeat_lost));
}

TEST(Resolve, JudgesNobodyByHeartbeatsWhoNeverSentOne) {
    EXPECT_EQ(resolved(seen(at(10, 1)), at(13, 1)), open_since(joined));
}

TEST(Resolve, BelievesASilentStayUntilItIsStale) {
    const Evidence e = seen(at(10, 30));
    EXPECT_EQ(resolved(e, at(13, 30)), open_since(joined));
    EXPECT_EQ(resolved(e, at(13, 30) + 1), stay(joined, at(13, 30), EndedBy::stale));
    EXPECT_EQ(resolved(nothing, at(13, 0) + 1), stay(joined, at(13, 0), EndedBy::stale));
}

TEST(Resolve, CallsASilentStayStaleBeforeItsHeartbeatsAreLost) {
    const Timeouts patient{4 * hour, hour};
    EXPECT_EQ(resolved(seen(joined, at(10, 30)), at(11, 30) + 1, patient), stay(joined, at(11, 30), EndedBy::stale));
    EXPECT_EQ(resolved(seen(joined, at(10, 30)), at(14, 30) + 1, patient),
              stay(joined, at(10, 30), EndedBy::heartbeat_lost));
}

TEST(Resolve, BelievesNothingUnprovenWhenStaleAfterIsNought) {
    const Timeouts strict{5 * minute, 0};
    EXPECT_EQ(resolved(seen(at(10, 30)), at(10, 30), strict), open_since(joined));
    EXPECT_EQ(resolved(seen(at(10, 30)), at(10, 30) + 1, strict), stay(joined, at(10, 30), EndedBy::stale));
    EXPECT_EQ(resolved(seen(at(10, 30), at(10, 31)), at(10, 32), strict), stay(joined, at(10, 31), EndedBy::stale));
}

TEST(Resolve, TakesTheEndsOfTimeForInstants) {
    const Timeouts never{forever, forever};
    EXPECT_EQ(resolved(seen(at(10, 30)), forever), stay(joined, at(13, 30), EndedBy::stale));
    EXPECT_EQ(resolved(seen(at(10, 30), at(10, 31)), forever), stay(joined, at(10, 31), EndedBy::heartbeat_lost));
    EXPECT_EQ(resolved(seen(at(10, 30), at(10, 31)), forever, never), open_since(joined));
    EXPECT_EQ(resolved(seen(forever, forever), forever), open_since(joined));
    EXPECT_EQ(resolved(seen(at(10, 30), at(10, 31)), unknown), open_since(joined));
    EXPECT_EQ(resolved({forever, forever, forever, forever, forever}, forever), open_since(joined));
    const Cycle first = open_since(unknown + 1), last = open_since(forever - 1);
    EXPECT_EQ(resolve(first, seen(unknown + 1), forever, usual),
              stay(unknown + 1, unknown + 1 + 3 * hour, EndedBy::stale));
    EXPECT_EQ(resolve(last, seen(forever - 1), forever, usual), last);
}

rc::Gen<Instant> tick() { return rc::gen::inRange<Instant>(-10, 30); }
rc::Gen<Instant> tick_or_unknown() { return rc::gen::oneOf(rc::gen::just(unknown), tick()); }

Evidence some_evidence() {
    return {*tick_or_unknown(), *tick_or_unknown(), *tick_or_unknown(), *tick_or_unknown(), *tick_or_unknown()};
}

Timeouts some_timeouts() { return {*rc::gen::inRange<Span>(0, 20), *rc::gen::inRange<Span>(0, 20)}; }

RC_GTEST_PROP(Resolve, DoesNotMoveOncePastTheTimeouts, ()) {
    const Cycle c = open_since(*tick());
    const Evidence e = some_evidence();
    const Timeouts timeouts = some_timeouts();
    const Instant known = std::max({e.room_finished_at, e.replaced_at, e.missing_at});
    const Instant last = std::max({c.joined_at, e.seen_at, e.heartbeat_at});
    const Instant settled = std::max(known, last + std::max(timeouts.heartbeat, timeouts.stale) + 1);
    const Cycle now = resolve(c, e, settled, timeouts);
    RC_ASSERT(inferred(now.ended_by));
    RC_ASSERT(resolve(c, e, settled + *rc::gen::inRange<Span>(0, 50), timeouts) == now);
    RC_ASSERT(resolve(c, e, forever, timeouts) == now);
}

RC_GTEST_PROP(Resolve, NeverTakesBackABound, ()) {
    const Cycle c = open_since(*tick());
    const Evidence e = some_evidence();
    const Timeouts timeouts = some_timeouts();
    const Instant as_of = *tick();
    const Cycle now = resolve(c, e, as_of, timeouts);
    RC_PRE(now.ended_by == EndedBy::room_finished || now.ended_by == EndedBy::replaced ||
           now.ended_by == EndedBy::missing);
    RC_ASSERT(resolve(c, e, as_of + *rc::gen::inRange<Span>(0, 50), timeouts) == now);
}

RC_GTEST_PROP(Resolve, InfersNothingThatLiesAhead, ()) {
    const Cycle c = open_since(*tick());
    const Instant as_of = *tick();
    const Cycle r = resolve(c, some_evidence(), as_of, some_timeouts());
    RC_ASSERT(make_cycle(r.joined_at, r.left_at, r.ended_by) == r);
    RC_ASSERT(r.joined_at == c.joined_at);
    RC_ASSERT(is_open(r) || r.left_at <= std::max(as_of, c.joined_at));
}

}  // namespace
}  // namespace attendance
