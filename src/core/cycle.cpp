#include "cycle.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "error.hpp"

namespace attendance {

namespace {

constexpr std::array<std::string_view, ended_by_count> words = {
    "open", "left", "aborted", "missing", "replaced", "room_finished", "heartbeat_lost", "stale"};

constexpr std::string_view blanks = " \t\n\r\f\v";

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The last whole second not after an instant, also before 2000.
constexpr Instant whole_second(Instant t) { return t - ((t % second) + second) % second; }

// Joins in the order of trust: by second, and within one second a finer join before the whole second.
auto join_key(Instant t) { return std::tuple(whole_second(t), t == whole_second(t), t); }

// What an end says: that of an empty stay may have been pushed back to the join, from the start of its second.
auto end_key(const Cycle& c) {
    return std::tuple(c.ended_by, c.left_at == c.joined_at ? whole_second(c.left_at) : c.left_at);
}

}  // namespace

std::string_view to_text(EndedBy e) { return words[static_cast<std::size_t>(e)]; }

EndedBy ended_by_from_text(std::string_view word) {
    const auto found = std::find(words.begin(), words.end(), word);
    if (found == words.end()) throw Error(Fault::invalid_text, "unknown end of a cycle");
    return static_cast<EndedBy>(found - words.begin());
}

Cycle make_cycle(Instant joined_at, Instant left_at, EndedBy ended_by) {
    if (joined_at == forever || joined_at == unknown)
        throw Error(Fault::invalid_value, "the join of a cycle must be finite");
    if (left_at < joined_at) throw Error(Fault::invalid_value, "a cycle must not end before its join");
    if (ended_by == EndedBy::open && left_at != forever)
        throw Error(Fault::invalid_value, "a cycle that has an end cannot be open");
    if (ended_by != EndedBy::open && left_at == forever)
        throw Error(Fault::invalid_value, "a cycle without an end must be open");
    return {joined_at, left_at, ended_by, {}};
}

int compare(const Cycle& a, const Cycle& b) {
    const auto order = std::tie(a.joined_at, a.left_at, a.ended_by) <=> std::tie(b.joined_at, b.left_at, b.ended_by);
    return (order > 0) - (order < 0);
}

Cycle merge(const Cycle& a, const Cycle& b) {
    const Cycle& end = std::tie(a.ended_by, a.left_at) < std::tie(b.ended_by, b.left_at) ? b : a;
    return {std::min(a.joined_at, b.joined_at), end.left_at, end.ended_by, {}};
}

Cycle fold(const Cycle& a, const Cycle& b) {
    const Instant joined_at = join_key(b.joined_at) < join_key(a.joined_at) ? b.joined_at : a.joined_at;
    const auto [ended_by, left_at] = std::max(end_key(a), end_key(b));
    return {joined_at, std::max(joined_at, left_at), ended_by, {}};
}

CycleText split_cycle(std::string_view text) {
    text = trim(text);
    const auto comma = text.find(',');
    const auto close = text.find(')');
    if (!text.starts_with('[')) throw Error(Fault::invalid_text, "missing \"[\"");
    if (comma == text.npos) throw Error(Fault::invalid_text, "missing \",\"");
    if (close == text.npos || close < comma) throw Error(Fault::invalid_text, "missing \")\" after the comma");
    const CycleText parts = {trim(text.substr(1, comma - 1)), trim(text.substr(comma + 1, close - comma - 1)),
                             trim(text.substr(close + 1))};
    if (parts.joined_at.empty()) throw Error(Fault::invalid_text, "missing join");
    return parts;
}

}  // namespace attendance
