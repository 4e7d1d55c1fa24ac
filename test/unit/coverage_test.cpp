#include "coverage.hpp"

#include <algorithm>
#include <bitset>
#include <vector>

#include "cycles.hpp"

namespace attendance {

bool operator==(const Coverage& a, const Coverage& b) {
    return a.attended == b.attended && a.first_presence == b.first_presence && a.last_presence == b.last_presence &&
           a.first_join == b.first_join && a.last_leave == b.last_leave && a.cycles == b.cycles &&
           a.rejoins == b.rejoins && a.longest_gap == b.longest_gap && a.inferred == b.inferred;
}

std::ostream& operator<<(std::ostream& out, const Coverage& c) {
    return out << "attended " << c.attended << " in [" << c.first_presence << ',' << c.last_presence << ") of ["
               << c.first_join << ',' << c.last_leave << "), cycles " << c.cycles << ", rejoins " << c.rejoins
               << ", longest gap " << c.longest_gap << (c.inferred ? ", inferred" : "");
}

namespace {

constexpr Coverage none{0, unknown, unknown, unknown, unknown, 0, 0, 0, false};
constexpr Window lesson{at(11, 0), at(12, 0)};

Coverage covered(std::vector<Cycle> stays, Window window = lesson, Span bridge_gap = 0, Instant as_of = at(23, 0)) {
    return cover(stays.data(), stays.size(), window, bridge_gap, as_of);
}

TEST(Cover, CountsOnlyWhatLiesInTheWindow) {
    EXPECT_EQ(covered({stay(at(10, 45), at(11, 15))}),
              (Coverage{15 * minute, at(11, 0), at(11, 15), at(10, 45), at(11, 15), 1, 0, 0, false}));
    EXPECT_EQ(covered({stay(at(10, 45), at(12, 30))}),
              (Coverage{60 * minute, at(11, 0), at(12, 0), at(10, 45), at(12, 30), 1, 0, 0, false}));
}

TEST(Cover, CountsOneStayInBothLessonsItSpans) {
    const std::vector<Cycle> stays{stay(at(10, 45), at(12, 30))};
    EXPECT_EQ(covered(stays, {at(11, 0), at(12, 0)}).attended, 60 * minute);
    EXPECT_EQ(covered(stays, {at(12, 0), at(13, 0)}).attended, 30 * minute);
}

TEST(Cover, FindsNobody) {
    EXPECT_EQ(covered({}), none);
    EXPECT_EQ(covered({stay(at(10, 0), at(11, 0)), stay(at(12, 0), at(13, 0))}), none);
    EXPECT_EQ(covered({stay(at(11, 5), at(11, 50), EndedBy::aborted)}), none);
    EXPECT_EQ(covered({stay(at(11, 5), at(11, 5))}), none);
    EXPECT_EQ(covered({open_since(at(11, 5))}, lesson, 0, at(11, 5)), none);
    EXPECT_EQ(covered({open_since(at(11, 5))}, lesson, 0, at(10, 0)), none);
    EXPECT_EQ(covered({stay(at(10, 0), at(13, 0))}, {at(11, 0), at(11, 0)}), none);
    EXPECT_EQ(covered({stay(at(10, 0), at(13, 0))}, {at(12, 0), at(11, 0)}), none);
}

TEST(Cover, CountsAMicrosecond) {
    EXPECT_EQ(covered({stay(at(10, 0), at(11, 0) + 1)}),
              (Coverage{1, at(11, 0), at(11, 0) + 1, at(10, 0), at(11, 0) + 1, 1, 0, 0, false}));
    EXPECT_EQ(covered({stay(at(12, 0) - 1, at(13, 0))}),
              (Coverage{1, at(12, 0) - 1, at(12, 0), at(12, 0) - 1, at(13, 0), 1, 0, 0, false}));
}

TEST(Cover, CountsOverlappingDevicesOnce) {
    EXPECT_EQ(covered({stay(at(11, 20), at(11, 40)), stay(at(11, 10), at(11, 30)), stay(at(11, 15), at(11, 20))}),
              (Coverage{30 * minute, at(11, 10), at(11, 40), at(11, 10), at(11, 40), 3, 0, 0, false}));
}

TEST(Cover, CountsRejoinsAndTheLongestGap) {
    EXPECT_EQ(covered({stay(at(11, 50), at(11, 55)), stay(at(11, 0), at(11, 10)), stay(at(11, 12), at(11, 20)),
                       stay(at(11, 20), at(11, 30))}),
              (Coverage{33 * minute, at(11, 0), at(11, 55), at(11, 0), at(11, 55), 4, 2, 20 * minute, false}));
}

TEST(Cover, BridgesGapsUpToTheAllowedOne) {
    const std::vector<Cycle> stays{stay(at(11, 0), at(11, 10)), stay(at(11, 12), at(11, 20))};
    EXPECT_EQ(covered(stays, lesson, 2 * minute),
              (Coverage{20 * minute, at(11, 0), at(11, 20), at(11, 0), at(11, 20), 2, 0, 0, false}));
    EXPECT_EQ(covered(stays, lesson, 2 * minute - 1),
              (Coverage{18 * minute, at(11, 0), at(11, 20), at(11, 0), at(11, 20), 2, 1, 2 * minute, false}));
}

TEST(Cover, BridgesBeforeItClips) {
    EXPECT_EQ(covered({stay(at(10, 50), at(10, 59)), stay(at(11, 1), at(11, 10))}, lesson, 2 * minute),
              (Coverage{10 * minute, at(11, 0), at(11, 10), at(10, 50), at(11, 10), 2, 0, 0, false}));
}

TEST(Cover, CountsOpenStaysUntilAsOf) {
    EXPECT_EQ(covered({stay(at(11, 0), at(11, 10)), open_since(at(11, 20))}, lesson, 0, at(11, 30)),
              (Coverage{20 * minute, at(11, 0), at(11, 30), at(11, 0), forever, 2, 1, 10 * minute, false}));
    EXPECT_EQ(covered({stay(at(11, 0), at(11, 10)), open_since(at(12, 20))}, lesson, 0, at(12, 30)),
              (Coverage{10 * minute, at(11, 0), at(11, 10), at(11, 0), at(11, 10), 1, 0, 0, false}));
}

TEST(Cover, SaysWhenAnEndWasInferred) {
    const Cycle observed = stay(at(11, 0), at(11, 10));
    EXPECT_TRUE(covered({observed, stay(at(11, 20), at(11, 30), EndedBy::missing)}).inferred);
    EXPECT_TRUE(covered({observed, stay(at(11, 5), at(11, 6), EndedBy::stale)}).inferred);
    EXPECT_FALSE(covered({observed, stay(at(10, 20), at(10, 30), EndedBy::missing)}).inferred);
    EXPECT_FALSE(covered({observed, stay(at(11, 20), at(11, 20), EndedBy::missing)}).inferred);
}

TEST(Cover, TakesTheEndsOfTimeForInstants) {
    EXPECT_EQ(covered({open_since(0)}, {-5, 100}, 0, forever), (Coverage{100, 0, 100, 0, forever, 1, 0, 0, false}));
    EXPECT_EQ(covered({stay(0, 10), stay(forever - 2, forever - 1)}, {0, 20}, forever, 0),
              (Coverage{20, 0, 20, 0, forever - 1, 2, 0, 0, false}));
    EXPECT_EQ(covered({stay(unknown + 1, -1), stay(1, forever - 1)}, {unknown, forever}),
              (Coverage{forever, unknown + 1, forever - 1, unknown + 1, forever - 1, 2, 1, 2, false}));
    EXPECT_EQ(covered({stay(unknown + 1, unknown + 2), open_since(forever - 1)}, {unknown, forever}, 0, forever),
              (Coverage{2, unknown + 1, forever, unknown + 1, forever, 2, 1, forever, false}));
}

// The oracle: one bit a tick, no sorting, nothing shared with cover().
constexpr int ticks = 48;
using Timeline = std::bitset<ticks>;

Timeline presence(const Cycle& c, Instant as_of) {
    Timeline t;
    if (c.ended_by == EndedBy::aborted) return t;
    for (Instant i = c.joined_at; i < (is_open(c) ? as_of : c.left_at); ++i) t.set(i);
    return t;
}

// Every run of unset ticks between two set ones, as (first tick, length).
std::vector<std::pair<int, int>> gaps(const Timeline& t) {
    std::vector<std::pair<int, int>> found;
    int last = -1;
    for (int i = 0; i < ticks; ++i) {
        if (!t[i]) continue;
        if (last >= 0 && i - last > 1) found.emplace_back(last + 1, i - last - 1);
        last = i;
    }
    return found;
}

Coverage oracle(const std::vector<Cycle>& stays, Window window, Span bridge_gap, Instant as_of) {
    Timeline bridged;
    for (const Cycle& c : stays) bridged |= presence(c, as_of);
    for (auto [from, length] : gaps(bridged))
        if (length <= bridge_gap)
            for (int i = from; i < from + length; ++i) bridged.set(i);

    Timeline clipped = bridged;
    for (int i = 0; i < ticks; ++i)
        if (i < window.from || i >= window.until) clipped.reset(i);

    // Runs of the bridged timeline that reach into the window.
    Timeline kept;
    for (int i = 0; i < ticks; ++i) {
        if (!clipped[i]) continue;
        for (int j = i; j >= 0 && bridged[j]; --j) kept.set(j);
        for (int j = i; j < ticks && bridged[j]; ++j) kept.set(j);
    }

    Coverage sum = none;
    sum.attended = clipped.count();
    for (int i = 0; i < ticks; ++i) {
        if (clipped[i] && sum.first_presence == unknown) sum.first_presence = i;
        if (clipped[i]) sum.last_presence = i + 1;
        if (kept[i] && sum.first_join == unknown) sum.first_join = i;
        if (kept[i]) sum.last_leave = i + 1;
    }
    for (const Cycle& c : stays) {
        if ((presence(c, as_of) & kept).none()) continue;
        ++sum.cycles;
        if (is_open(c)) sum.last_leave = forever;
        if (c.ended_by > EndedBy::aborted) sum.inferred = true;
    }
    for (auto [from, length] : gaps(clipped)) {
        ++sum.rejoins;
        sum.longest_gap = std::max<Span>(sum.longest_gap, length);
    }
    return sum;
}

rc::Gen<Cycle> some_stay() {
    return rc::gen::map(
        rc::gen::tuple(rc::gen::inRange<Instant>(0, ticks + 1), rc::gen::inRange<Span>(0, 9),
                       rc::gen::weightedElement<EndedBy>({{5, EndedBy::left},
                                                          {1, EndedBy::open},
                                                          {1, EndedBy::aborted},
                                                          {1, EndedBy::replaced}})),
        [](auto parts) {
            const auto [joined_at, length, reason] = parts;
            if (reason == EndedBy::open) return open_since(joined_at);
            return stay(joined_at, std::min<Instant>(joined_at + length, ticks), reason);
        });
}

struct Case {
    std::vector<Cycle> stays = *rc::gen::container<std::vector<Cycle>>(some_stay());
    Window window{*rc::gen::inRange<Instant>(0, ticks), *rc::gen::inRange<Instant>(0, ticks + 1)};
    Span bridge_gap = *rc::gen::inRange<Span>(0, 5);
    Instant as_of = *rc::gen::inRange<Instant>(0, ticks + 1);

    Coverage covered() const { return attendance::covered(stays, window, bridge_gap, as_of); }
};

RC_GTEST_PROP(Cover, AgreesWithTheOracle, ()) {
    const Case c;
    RC_ASSERT(c.covered() == oracle(c.stays, c.window, c.bridge_gap, c.as_of));
}

RC_GTEST_PROP(Cover, KnowsNoOrder, ()) {
    Case c;
    const Coverage before = c.covered();
    c.stays = shuffled(c.stays);
    RC_ASSERT(c.covered() == before);
}

RC_GTEST_PROP(Cover, CountsADuplicateOnce, ()) {
    Case c;
    RC_PRE(!c.stays.empty());
    Coverage once = c.covered();
    c.stays.push_back(*rc::gen::elementOf(c.stays));
    const Coverage twice = c.covered();
    RC_ASSERT(twice.cycles == once.cycles || twice.cycles == once.cycles + 1);
    once.cycles = twice.cycles;
    RC_ASSERT(twice == once);
}

RC_GTEST_PROP(Cover, IsTheSameForAStayInTwoParts, ()) {
    Case c;
    RC_PRE(!c.stays.empty());
    const std::size_t i = *rc::gen::inRange<std::size_t>(0, c.stays.size());
    RC_PRE(c.stays[i].ended_by == EndedBy::left);
    Coverage whole = c.covered();
    const Cycle first = c.stays[i];
    const Instant cut = *rc::gen::inRange<Instant>(first.joined_at, first.left_at + 1);
    c.stays[i] = stay(first.joined_at, cut);
    c.stays.push_back(stay(cut, first.left_at));
    const Coverage parts = c.covered();
    whole.cycles = parts.cycles;
    RC_ASSERT(parts == whole);
}

RC_GTEST_PROP(Cover, NeverFallsWithMorePresence, ()) {
    Case c;
    const Coverage before = c.covered();
    c.stays.push_back(*some_stay());
    const Coverage more = c.covered();
    RC_ASSERT(more.attended >= before.attended);
    RC_ASSERT(before.cycles == 0 || more.first_presence <= before.first_presence);
    RC_ASSERT(more.last_presence >= before.last_presence);
}

RC_GTEST_PROP(Cover, AddsUpOverAdjacentWindows, ()) {
    Case c;
    RC_PRE(c.window.from <= c.window.until);
    const Window all = c.window;
    const Instant middle = *rc::gen::inRange<Instant>(all.from, all.until + 1);
    const Span whole = c.covered().attended;
    c.window = {all.from, middle};
    const Span before = c.covered().attended;
    c.window = {middle, all.until};
    RC_ASSERT(before + c.covered().attended == whole);
}

}  // namespace
}  // namespace attendance
