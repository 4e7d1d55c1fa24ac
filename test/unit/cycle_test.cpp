#include <algorithm>
#include <numeric>
#include <vector>

#include "cycles.hpp"
#include "error.hpp"

namespace attendance {
namespace {

// Few enough that cycles often share a second or an instant, on both sides of 2000.
rc::Gen<Instant> some_instant() {
    return rc::gen::map(rc::gen::pair(rc::gen::inRange(-2, 3), rc::gen::element(0, 1, 100'000, 779'000, 999'999)),
                        [](auto parts) { return parts.first * second + parts.second; });
}

rc::Gen<Cycle> some_cycle() {
    return rc::gen::map(rc::gen::tuple(some_instant(), some_instant(), rc::gen::inRange(0, ended_by_count)),
                        [](auto parts) {
                            const auto [a, b, reason] = parts;
                            if (reason == 0) return open_since(a);
                            return stay(std::min(a, b), std::max(a, b), static_cast<EndedBy>(reason));
                        });
}

// As webhooks tell it: ends are whole seconds, unless the join lies later in that second.
rc::Gen<Cycle> some_evidence() {
    return rc::gen::map(
        rc::gen::tuple(some_instant(), rc::gen::inRange(-2, 4),
                       rc::gen::element(EndedBy::open, EndedBy::left, EndedBy::aborted)),
        [](auto parts) {
            const auto [joined_at, end, reason] = parts;
            if (reason == EndedBy::open) return open_since(joined_at);
            return stay(joined_at, std::max(joined_at, end * second), reason);
        });
}

template <class Combine>
void check_semilattice(Combine combine, const rc::Gen<Cycle>& gen) {
    const Cycle a = *gen, b = *gen, c = *gen;
    RC_ASSERT(combine(a, a) == a);
    RC_ASSERT(combine(a, b) == combine(b, a));
    RC_ASSERT(combine(combine(a, b), c) == combine(a, combine(b, c)));
    const Cycle ab = combine(a, b);
    RC_ASSERT(make_cycle(ab.joined_at, ab.left_at, ab.ended_by) == ab);
}

// Any order, anything twice.
template <class Combine>
void check_order(Combine combine, const rc::Gen<Cycle>& gen) {
    const auto cycles = *rc::gen::nonEmpty(rc::gen::container<std::vector<Cycle>>(gen));
    auto replayed = *rc::gen::container<std::vector<Cycle>>(rc::gen::elementOf(cycles));
    replayed.insert(replayed.end(), cycles.begin(), cycles.end());
    replayed = shuffled(replayed);
    const auto all = [combine](const std::vector<Cycle>& v) {
        return std::accumulate(v.begin() + 1, v.end(), v.front(), combine);
    };
    RC_ASSERT(all(replayed) == all(cycles));
}

RC_GTEST_PROP(Merge, IsASemilattice, ()) { check_semilattice(merge, some_cycle()); }
RC_GTEST_PROP(Merge, KnowsNoOrder, ()) { check_order(merge, some_cycle()); }
RC_GTEST_PROP(Fold, IsASemilattice, ()) { check_semilattice(fold, some_evidence()); }
RC_GTEST_PROP(Fold, KnowsNoOrder, ()) { check_order(fold, some_evidence()); }

TEST(Merge, TakesTheEarlierJoinAndTheStrongerEnd) {
    EXPECT_EQ(merge(open_since(at(10, 45)), open_since(at(10, 44))), open_since(at(10, 44)));
    EXPECT_EQ(merge(open_since(at(10, 45)), stay(at(10, 46), at(11, 15))), stay(at(10, 45), at(11, 15)));
    EXPECT_EQ(merge(stay(at(10, 0), at(11, 0)), stay(at(10, 0), at(11, 1))), stay(at(10, 0), at(11, 1)));
    EXPECT_EQ(merge(stay(at(10, 0), at(11, 0)), stay(at(10, 0), at(10, 1), EndedBy::aborted)),
              stay(at(10, 0), at(10, 1), EndedBy::aborted));
    EXPECT_EQ(merge(open_since(at(10, 0)), open_since(at(10, 0, 0, 779'000))), open_since(at(10, 0)));
}

TEST(Fold, TakesTheFinerJoinWithinOneSecond) {
    const Cycle whole = open_since(at(10, 0)), fine = open_since(at(10, 0, 0, 779'000));
    EXPECT_EQ(fold(whole, fine), fine);
    EXPECT_EQ(fold(fine, whole), fine);
    EXPECT_EQ(fold(fine, open_since(at(10, 0, 0, 780'000))), fine);
    EXPECT_EQ(fold(open_since(-second), open_since(-221'000)), open_since(-221'000));
}

TEST(Fold, TakesTheEarlierJoinOfDifferentSeconds) {
    EXPECT_EQ(fold(open_since(at(10, 0)), open_since(at(10, 0, 1, 1))), open_since(at(10, 0)));
    EXPECT_EQ(fold(open_since(at(10, 0, 1)), open_since(at(10, 0, 0, 999'999))), open_since(at(10, 0, 0, 999'999)));
    EXPECT_EQ(fold(open_since(0), open_since(-1)), open_since(-1));
}

TEST(Fold, NeverEndsBeforeTheFinerJoin) {
    const Instant fine = at(10, 0, 0, 779'000);
    EXPECT_EQ(fold(stay(at(10, 0), at(10, 0)), open_since(fine)), stay(fine, fine));
    // An earlier join makes the whole second of the leave tell again what it told at first.
    EXPECT_EQ(fold(stay(fine, fine), open_since(at(9, 59, 59))), stay(at(9, 59, 59), at(10, 0)));
}

TEST(Fold, KeepsTheStrongerEnd) {
    EXPECT_EQ(fold(open_since(at(10, 0)), stay(at(10, 0), at(11, 0))), stay(at(10, 0), at(11, 0)));
    EXPECT_EQ(fold(stay(at(10, 0), at(10, 1), EndedBy::aborted), stay(at(10, 0), at(11, 0))),
              stay(at(10, 0), at(10, 1), EndedBy::aborted));
}

TEST(Compare, OrdersByJoinThenEndThenReason) {
    const Cycle ordered[] = {stay(at(9, 0), at(12, 0)), stay(at(10, 0), at(11, 0)),
                             stay(at(10, 0), at(11, 0), EndedBy::aborted), stay(at(10, 0), at(11, 1)),
                             open_since(at(10, 0))};
    for (const Cycle& a : ordered)
        for (const Cycle& b : ordered) EXPECT_EQ(compare(a, b), (&a > &b) - (&a < &b)) << a << ' ' << b;
}

template <class Call>
Fault fault_of(Call call) {
    try {
        call();
    } catch (const Error& e) {
        EXPECT_STRNE(e.what(), "");
        return e.fault;
    }
    ADD_FAILURE() << "no error";
    return Fault::out_of_range;
}

TEST(MakeCycle, RefusesWhatIsNoStay) {
    const auto fault = [](Instant joined_at, Instant left_at, EndedBy reason) {
        return fault_of([=] { make_cycle(joined_at, left_at, reason); });
    };
    EXPECT_EQ(fault(unknown, 0, EndedBy::left), Fault::invalid_value);
    EXPECT_EQ(fault(forever, forever, EndedBy::open), Fault::invalid_value);
    EXPECT_EQ(fault(1, 0, EndedBy::left), Fault::invalid_value);
    EXPECT_EQ(fault(0, unknown, EndedBy::left), Fault::invalid_value);
    EXPECT_EQ(fault(0, forever, EndedBy::left), Fault::invalid_value);
    EXPECT_EQ(fault(0, 1, EndedBy::open), Fault::invalid_value);
    EXPECT_EQ(make_cycle(5, 5, EndedBy::left), (Cycle{5, 5, EndedBy::left, {}}));
}

TEST(EndedBy, HasOneWordForEachReason) {
    const char* words[] = {"open",     "left",          "aborted",        "missing",
                           "replaced", "room_finished", "heartbeat_lost", "stale"};
    for (int i = 0; i < ended_by_count; ++i) {
        const EndedBy reason = static_cast<EndedBy>(i);
        EXPECT_EQ(to_text(reason), words[i]);
        EXPECT_EQ(ended_by_from_text(words[i]), reason);
        EXPECT_EQ(inferred(reason), i >= 3);
    }
    for (const char* word : {"", "Open", "lef", "leftt"})
        EXPECT_EQ(fault_of([=] { ended_by_from_text(word); }), Fault::invalid_text) << word;
}

TEST(SplitCycle, FindsTheThreeParts) {
    const auto expect = [](const char* text, const char* joined_at, const char* left_at, const char* ended_by) {
        const CycleText parts = split_cycle(text);
        EXPECT_EQ(parts.joined_at, joined_at) << text;
        EXPECT_EQ(parts.left_at, left_at) << text;
        EXPECT_EQ(parts.ended_by, ended_by) << text;
    };
    expect("[2026-01-01 10:45:00+00,2026-01-01 11:15:00+00)left", "2026-01-01 10:45:00+00", "2026-01-01 11:15:00+00",
           "left");
    expect("[2026-01-01,)", "2026-01-01", "", "");
    expect(" \t[ a b , c ) stale\n", "a b", "c", "stale");
    for (const char* text : {"", "a,b)", "[a", "[a,b", "[a)", "[a),", "[a b]left"})
        EXPECT_EQ(fault_of([=] { split_cycle(text); }), Fault::invalid_text) << text;
}

}  // namespace
}  // namespace attendance
