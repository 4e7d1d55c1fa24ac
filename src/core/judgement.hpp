#pragma once

#include <string_view>

#include "coverage.hpp"

namespace attendance {

enum class Status : std::uint8_t { present, late, partial, absent, excused };

// The rule that decided, in the order in which they are tried.
enum class Rule : std::uint8_t { excused, no_presence, absent_after, absent_below, partial_below, late_after, present };

std::string_view to_text(Status);
std::string_view to_text(Rule);

inline constexpr Span no_limit = -1;

// Limits that turn coverage into a status. Spans may be no_limit; shares are in parts per million of the session.
struct Limits {
    Span late_after;
    Span absent_after;
    Span early_leave_after;
    std::int64_t absent_below;
    std::int64_t partial_below;
};

struct Judgement {
    Status status;
    Rule rule;
    Span late_by;   // no_limit when nobody came
    Span early_by;  // no_limit when nobody came
    bool is_late;
    bool left_early;
};

// The first rule that applies, with exact ratios (DESIGN.md 8). `session` is [starts_at, ends_at), not the window that
// counts. A session without length has no ratio, so the two share rules are passed over.
Judgement judge(const Coverage&, Window session, const Limits&, bool excused);

}  // namespace attendance
