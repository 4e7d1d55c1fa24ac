#include "judgement.hpp"

#include "cycles.hpp"

namespace attendance {

bool operator==(const Judgement& a, const Judgement& b) {
    return a.status == b.status && a.rule == b.rule && a.late_by == b.late_by && a.early_by == b.early_by &&
           a.is_late == b.is_late && a.left_early == b.left_early;
}

std::ostream& operator<<(std::ostream& out, const Judgement& j) {
    return out << to_text(j.status) << " by " << to_text(j.rule) << ", late by " << j.late_by << ", early by "
               << j.early_by << (j.is_late ? ", late" : "") << (j.left_early ? ", left early" : "");
}

namespace {

constexpr Window lesson{at(11, 0), at(12, 0)};
constexpr Limits usual{15 * minute, no_limit, 5 * minute, 0, 500'000};

// One stay, clipped to the lesson.
Coverage from_to(Instant joined_at, Instant left_at, Instant as_of = at(23, 0)) {
    Cycle c = left_at == forever ? open_since(joined_at) : stay(joined_at, left_at);
    return cover(&c, 1, lesson, 0, as_of);
}

Judgement judged(const Coverage& c, const Limits& limits = usual, bool excused = false) {
    return judge(c, lesson, limits, excused);
}

TEST(Judge, FindsPresent) {
    EXPECT_EQ(judged(from_to(at(11, 0), at(12, 0))),
              (Judgement{Status::present, Rule::present, 0, 0, false, false}));
    EXPECT_EQ(judged(from_to(at(10, 0), at(13, 0))),
              (Judgement{Status::present, Rule::present, 0, 0, false, false}));
}

TEST(Judge, CountsNothingBeforeTheStart) {
    const Coverage c = from_to(at(10, 45), at(11, 15));
    EXPECT_EQ(c.attended, 15 * minute);
    EXPECT_EQ(judged(c), (Judgement{Status::partial, Rule::partial_below, 0, 45 * minute, false, true}));
}

TEST(Judge, FindsAbsentWithoutPresence) {
    const Judgement absent{Status::absent, Rule::no_presence, no_limit, no_limit, false, false};
    EXPECT_EQ(judged(from_to(at(10, 0), at(11, 0))), absent);
    EXPECT_EQ(judged(from_to(at(12, 0), at(13, 0))), absent);
    EXPECT_EQ(judged(from_to(at(10, 0), at(11, 0)), {0, 0, 0, 0, 0}), absent);
}

TEST(Judge, FindsAMicrosecondOfPresence) {
    EXPECT_EQ(judged(from_to(at(10, 0), at(11, 0) + 1)),
              (Judgement{Status::partial, Rule::partial_below, 0, hour - 1, false, true}));
    EXPECT_EQ(judged(from_to(at(12, 0) - 1, at(13, 0))),
              (Judgement{Status::partial, Rule::partial_below, hour - 1, 0, true, false}));
}

TEST(Judge, FindsLateOnlyAfterTheLimit) {
    EXPECT_EQ(judged(from_to(at(11, 15), at(12, 0))),
              (Judgement{Status::present, Rule::present, 15 * minute, 0, false, false}));
    EXPECT_EQ(judged(from_to(at(11, 15) + 1, at(12, 0))),
              (Judgement{Status::late, Rule::late_after, 15 * minute + 1, 0, true, false}));
    EXPECT_EQ(judged(from_to(at(11, 30), at(12, 0)), {no_limit, no_limit, no_limit, 0, 0}),
              (Judgement{Status::present, Rule::present, 30 * minute, 0, false, false}));
    EXPECT_EQ(judged(from_to(at(11, 0) + 1, at(12, 0)), {0, no_limit, no_limit, 0, 0}),
              (Judgement{Status::late, Rule::late_after, 1, 0, true, false}));
}

TEST(Judge, FindsAbsentFromTheLimitOn) {
    const Limits strict{15 * minute, 20 * minute, 5 * minute, 0, 0};
    EXPECT_EQ(judged(from_to(at(11, 20) - 1, at(12, 0)), strict),
              (Judgement{Status::late, Rule::late_after, 20 * minute - 1, 0, true, false}));
    EXPECT_EQ(judged(from_to(at(11, 20), at(12, 0)), strict),
              (Judgement{Status::absent, Rule::absent_after, 20 * minute, 0, true, false}));
    EXPECT_EQ(judged(from_to(at(11, 0), at(12, 0)), {no_limit, 0, no_limit, 0, 0}),
              (Judgement{Status::absent, Rule::absent_after, 0, 0, false, false}));
}

TEST(Judge, FindsLeftEarlyOnlyAfterTheLimit) {
    EXPECT_EQ(judged(from_to(at(11, 0), at(11, 55))),
              (Judgement{Status::present, Rule::present, 0, 5 * minute, false, false}));
    EXPECT_EQ(judged(from_to(at(11, 0), at(11, 55) - 1)),
              (Judgement{Status::present, Rule::present, 0, 5 * minute + 1, false, true}));
    EXPECT_EQ(judged(from_to(at(11, 0), at(11, 40)), {no_limit, no_limit, no_limit, 0, 0}),
              (Judgement{Status::present, Rule::present, 0, 20 * minute, false, false}));
}

TEST(Judge, CallsNobodyGoneWhoIsStillThere) {
    EXPECT_EQ(judged(from_to(at(11, 0), forever, at(11, 35))),
              (Judgement{Status::present, Rule::present, 0, 0, false, false}));
    EXPECT_EQ(judged(from_to(at(11, 0), at(11, 35), at(11, 35))),
              (Judgement{Status::present, Rule::present, 0, 25 * minute, false, true}));
}

TEST(Judge, ComparesTheExactRatio) {
    const auto rule = [](Span attended, Limits limits) {
        return judged({attended, at(11, 0), at(12, 0), at(11, 0), at(12, 0), 1, 0, 0, false}, limits).rule;
    };
    EXPECT_EQ(rule(30 * minute, usual), Rule::present);
    EXPECT_EQ(rule(30 * minute - 1, usual), Rule::partial_below);
    const Limits both{15 * minute, no_limit, 5 * minute, 250'000, 500'000};
    EXPECT_EQ(rule(15 * minute, both), Rule::partial_below);
    EXPECT_EQ(rule(15 * minute - 1, both), Rule::absent_below);
    // 20 of 60 minutes are 333333 millionths and a third.
    EXPECT_EQ(rule(20 * minute, {no_limit, no_limit, no_limit, 0, 333'333}), Rule::present);
    EXPECT_EQ(rule(20 * minute, {no_limit, no_limit, no_limit, 0, 333'334}), Rule::partial_below);
    EXPECT_EQ(rule(60 * minute, {no_limit, no_limit, no_limit, 0, 1'000'000}), Rule::present);
    EXPECT_EQ(rule(60 * minute - 1, {no_limit, no_limit, no_limit, 0, 1'000'000}), Rule::partial_below);
}

TEST(Judge, OverflowsInNoSession) {
    const Window ages{unknown, forever};
    const Coverage half{forever, unknown + 1, 0, unknown + 1, 0, 1, 0, 0, false};
    EXPECT_EQ(judge(half, ages, {no_limit, no_limit, no_limit, 0, 499'999}, false).rule, Rule::present);
    EXPECT_EQ(judge(half, ages, {no_limit, no_limit, no_limit, 0, 500'000}, false).rule, Rule::partial_below);
    EXPECT_EQ(judge(half, ages, {forever, forever, forever, 0, 0}, false),
              (Judgement{Status::present, Rule::present, 1, forever, false, false}));
}

TEST(Judge, PassesOverRatiosInASessionWithoutLength) {
    const Window moment{at(11, 0), at(11, 0)};
    const Limits all{15 * minute, no_limit, 5 * minute, 1'000'000, 1'000'000};
    EXPECT_EQ(judge({1, at(11, 0), at(11, 0) + 1, at(11, 0), at(11, 0) + 1, 1, 0, 0, false}, moment, all, false),
              (Judgement{Status::present, Rule::present, 0, 0, false, false}));
    EXPECT_EQ(judge({1, at(11, 16), at(11, 17), at(11, 16), at(11, 17), 1, 0, 0, false}, moment, all, false),
              (Judgement{Status::late, Rule::late_after, 16 * minute, 0, true, false}));
}

TEST(Judge, FindsTheWaitingRoomNeitherLateNorEarly) {
    EXPECT_EQ(judged({hour, at(10, 50), at(12, 10), at(10, 50), at(12, 10), 1, 0, 0, false}),
              (Judgement{Status::present, Rule::present, 0, 0, false, false}));
}

TEST(Judge, TriesItsRulesInOrder) {
    const Coverage c = from_to(at(11, 30), at(11, 40));
    Limits limits{0, 0, 0, 1'000'000, 1'000'000};
    const auto expect = [&](bool excused, Status status, Rule rule) {
        EXPECT_EQ(judged(c, limits, excused), (Judgement{status, rule, 30 * minute, 20 * minute, true, true}));
    };
    expect(true, Status::excused, Rule::excused);
    expect(false, Status::absent, Rule::absent_after);
    limits.absent_after = no_limit;
    expect(false, Status::absent, Rule::absent_below);
    limits.absent_below = 0;
    expect(false, Status::partial, Rule::partial_below);
    limits.partial_below = 0;
    expect(false, Status::late, Rule::late_after);
    limits.late_after = no_limit;
    EXPECT_EQ(judged(c, limits), (Judgement{Status::present, Rule::present, 30 * minute, 20 * minute, false, true}));
}

TEST(Judge, ExcusesThoseWhoNeverCame) {
    EXPECT_EQ(judged(from_to(at(10, 0), at(10, 1)), usual, true),
              (Judgement{Status::excused, Rule::excused, no_limit, no_limit, false, false}));
}

RC_GTEST_PROP(Judge, NeverFallsWithMoreTime, ()) {
    const Span attended = *rc::gen::inRange<Span>(1, hour), more = *rc::gen::inRange<Span>(attended, hour + 1);
    const Limits limits{no_limit, no_limit, no_limit, *rc::gen::inRange<std::int64_t>(0, 1'000'001),
                        *rc::gen::inRange<std::int64_t>(0, 1'000'001)};
    const auto rule = [&](Span a) {
        return judged({a, at(11, 0), at(12, 0), at(11, 0), at(12, 0), 1, 0, 0, false}, limits).rule;
    };
    RC_ASSERT(rule(attended) <= rule(more));
}

TEST(Judge, HasAWordForEachStatusAndRule) {
    EXPECT_EQ(to_text(Status::present), "present");
    EXPECT_EQ(to_text(Status::late), "late");
    EXPECT_EQ(to_text(Status::partial), "partial");
    EXPECT_EQ(to_text(Status::absent), "absent");
    EXPECT_EQ(to_text(Status::excused), "excused");
    EXPECT_EQ(to_text(Rule::excused), "excused");
    EXPECT_EQ(to_text(Rule::no_presence), "no_presence");
    EXPECT_EQ(to_text(Rule::absent_after), "absent_after");
    EXPECT_EQ(to_text(Rule::absent_below), "absent_below");
    EXPECT_EQ(to_text(Rule::partial_below), "partial_below");
    EXPECT_EQ(to_text(Rule::late_after), "late_after");
    EXPECT_EQ(to_text(Rule::present), "present");
}

}  // namespace
}  // namespace attendance
