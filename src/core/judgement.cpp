#include "judgement.hpp"

#include <algorithm>

namespace attendance {

namespace {

__extension__ using Wide = __int128;

// Whether attended / length < share, without dividing: nothing is rounded, and without length nothing is below.
bool below(Span attended, Window session, std::int64_t share) {
    return Wide{attended} * 1'000'000 < share * (Wide{session.until} - session.from);
}

Rule decide(const Coverage& c, Window session, const Limits& limits, bool excused, bool is_late) {
    if (excused) return Rule::excused;
    if (c.first_presence == unknown) return Rule::no_presence;
    if (limits.absent_after != no_limit && c.first_presence >= plus(session.from, limits.absent_after))
        return Rule::absent_after;
    if (below(c.attended, session, limits.absent_below)) return Rule::absent_below;
    if (below(c.attended, session, limits.partial_below)) return Rule::partial_below;
    if (is_late) return Rule::late_after;
    return Rule::present;
}

Status status_by(Rule rule) {
    switch (rule) {
        case Rule::excused: return Status::excused;
        case Rule::no_presence:
        case Rule::absent_after:
        case Rule::absent_below: return Status::absent;
        case Rule::partial_below: return Status::partial;
        case Rule::late_after: return Status::late;
        case Rule::present: break;
    }
    return Status::present;
}

}  // namespace

std::string_view to_text(Status s) {
    static constexpr std::string_view words[] = {"present", "late", "partial", "absent", "excused"};
    return words[static_cast<std::size_t>(s)];
}

std::string_view to_text(Rule r) {
    static constexpr std::string_view words[] = {"excused",       "no_presence", "absent_after", "absent_below",
                                                 "partial_below", "late_after",  "present"};
    return words[static_cast<std::size_t>(r)];
}

Judgement judge(const Coverage& c, Window session, const Limits& limits, bool excused) {
    Judgement j{Status::present, Rule::present, no_limit, no_limit, false, false};
    if (c.first_presence != unknown) {
        const bool still_there = c.last_leave == forever;
        j.late_by = std::max(Span{0}, minus(c.first_presence, session.from));
        j.early_by = still_there ? 0 : std::max(Span{0}, minus(session.until, c.last_presence));
        j.is_late = limits.late_after != no_limit && j.late_by > limits.late_after;
        j.left_early = limits.early_leave_after != no_limit && j.early_by > limits.early_leave_after;
    }
    j.rule = decide(c, session, limits, excused, j.is_late);
    j.status = status_by(j.rule);
    return j;
}

}  // namespace attendance
