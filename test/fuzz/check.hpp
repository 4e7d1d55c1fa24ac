#pragma once

// What holds for every input whatever. The fuzzers look for one that breaks it; the unit tests replay the corpus.

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../../src/core/json.hpp"
#include "../../src/core/token.hpp"
#include "../../src/core/webhook.hpp"

namespace attendance::fuzz {

// Not an exception that core could throw, so that parsing cannot swallow it.
inline void hold(bool condition, const char* what) {
    if (!condition) throw std::runtime_error(what);
}

// An arena of exactly this size on the heap, so that the sanitizer sees the first byte too many.
class Memory {
public:
    explicit Memory(std::size_t size) : bytes_(size), arena_{bytes_.data(), bytes_.data() + size} {}
    operator Arena&() { return arena_; }

private:
    std::vector<char> bytes_;
    Arena arena_;
};

// Can PostgreSQL keep these bytes as a text?
inline void hold_text(std::string_view text) {
    hold(text.find('\0') == text.npos, "a text contains a NUL");
    json(text).dump();  // throws for what is not UTF-8
}

// Nor may a problem quote what it is about: values are personal data or secrets.
inline void hold_problem(std::string_view problem) {
    hold(problem.size() < 100 && problem.find(": ") != problem.npos, "a problem is long, or names no field");
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .:_";
    hold(problem.find_first_not_of(letters) == problem.npos, "a problem has other characters than a sentence");
}

inline void hold_instant(Instant instant) {
    constexpr Instant year_10000 = (253'402'300'800 + unix_epoch) * second;
    hold(instant == unknown || (instant >= 0 && instant < year_10000), "an instant is out of range");
}

inline bool is_json(std::string_view text) {
    try {
        parse_json(text, "");
        return true;
    } catch (const Unusable&) {
        return false;
    }
}

// No member of it is a turnPassword that still has its value, however deep in JSON within strings.
inline void hold_redacted(const json& value) {
    if (value.is_string()) {
        const std::string& text = value.get_ref<const std::string&>();
        if (is_json(text)) hold_redacted(parse_json(text, ""));
    }
    if (!value.is_structured()) return;
    for (const auto& [key, member] : value.items()) {
        const bool secret = value.is_object() && (key.ends_with("turnPassword") || key.ends_with("turn_password"));
        if (secret && member.is_string()) {
            const std::string& left = member.get_ref<const std::string&>();
            hold(left == "[redacted]" || left.find_first_not_of('*') == left.npos, "a secret survives");
        } else {
            hold_redacted(member);
        }
    }
}

// Redacting looks for quotes and the backslashes before them, and no writer of JSON escapes letters. So what a text
// that has other escapes hides is not promised to be found.
inline bool escapes_only_quotes(std::string_view text) {
    for (auto at = text.find('\\'); at != text.npos; at = text.find('\\', at)) {
        at = text.find_first_not_of('\\', at);
        if (at == text.npos || text[at] != '"') return false;
    }
    return true;
}

inline std::string redacted(std::string_view text) {
    Memory memory(text.size());
    return std::string(redact(text, memory));
}

inline void check_redact(std::string_view text) {
    const std::string once = redacted(text);
    hold(redacted(once) == once, "redacting again changes something");
    if (is_json(text)) {
        hold(is_json(once), "redacting breaks JSON");
        if (escapes_only_quotes(text)) hold_redacted(parse_json(once, ""));
    }
}

inline void check_webhook(std::string_view received) {
    Memory memory(arena_for(std::min(received.size(), max_body)));
    const Webhook w = parse_webhook(received, memory);
    if (!w.problem.empty()) {
        hold_problem(w.problem);
        hold(w.body.data() == nullptr && w.event.data() == nullptr && w.identity.data() == nullptr,
             "there is more than a problem");
        return;
    }
    for (const auto text :
         {w.event_id, w.event, w.body, w.room, w.room_sid, w.participant_sid, w.identity, w.name, w.role})
        hold_text(text);
    for (const auto instant : {w.occurred_at, w.instance_started_at, w.instance_finished_at, w.seen_at})
        hold_instant(instant);
    hold(w.body == redacted(received), "the body is not what was received, redacted");
    hold(!w.event.empty() && w.occurred_at != unknown && w.room.data() != nullptr, "event, time or room is absent");

    const bool present = w.identity.data() != nullptr;
    hold(present == (w.participant_sid.data() != nullptr) && present == (w.seen_at != unknown), "half a participant");
    if (!present) return;
    hold(!w.identity.empty() && !w.participant_sid.empty() && !w.room.empty(), "a participant without a name");
    hold_instant(w.cycle.joined_at);
    hold(w.cycle.joined_at != unknown && w.seen_at >= std::max(w.cycle.joined_at, w.occurred_at), "seen too early");
    hold(!inferred(w.cycle.ended_by) && w.cycle.left_at == (is_open(w.cycle) ? forever : w.seen_at), "no valid cycle");
    hold(w.version >= -1, "the version is out of range");
}

// Base64url without padding, as a token's parts are written.
inline std::string base64url(std::string_view bytes) {
    constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 6) {
        const auto octet = [&](std::size_t n) { return n < bytes.size() ? static_cast<unsigned char>(bytes[n]) : 0u; };
        text += digits[(octet(bit / 8) << 8 | octet(bit / 8 + 1)) >> (10 - bit % 8) & 63];
    }
    return text;
}

inline void check_token(std::string_view authorization) {
    Memory memory(authorization.size() + 512);
    const Token token = parse_token(authorization, memory);
    if (!token.problem.empty()) {
        hold_problem(token.problem);
        hold(token.api_key.data() == nullptr && token.signed_part.data() == nullptr, "there is more than a problem");
        return;
    }
    hold(authorization.size() <= max_token, "a token is too long");
    hold(!token.api_key.empty(), "a token names no key");
    hold_text(token.api_key);
    hold(token.expires_at != unknown, "a token never expires");
    hold_instant(token.expires_at);
    hold_instant(token.not_before);

    // There is one way to write a signature, so nobody can alter a good token and keep it good.
    const std::string signature = base64url({reinterpret_cast<const char*>(token.signature), digest_size});
    const std::string whole = std::string(token.signed_part) + '.' + signature;
    hold(authorization.ends_with(whole), "a token is not what was received");
    const std::size_t scheme = authorization.size() - whole.size();
    hold(scheme == 0 || scheme == sizeof "Bearer", "there is more before a token than its scheme");

    constexpr Span skew = 60 * second;
    const Instant last = token.expires_at + skew;
    hold(refuse_time(token, last, skew) != "token: expired", "refused before it expires");
    hold(refuse_time(token, last + 1, skew) == "token: expired", "good after it has expired");
    if (token.not_before == unknown) return;
    const Instant first = token.not_before - skew;
    hold(refuse_time(token, first, skew) != "token: not yet valid", "refused from when it is valid");
    hold(!refuse_time(token, first - 1, skew).empty(), "good before it is valid");
}

// The token whose parts are the input's lines: mutation goes far in JSON, and nowhere in base64.
inline void check_token_of(std::string_view parts) {
    std::string token;
    for (auto end = parts.find('\n'); end != parts.npos; end = parts.find('\n')) {
        token += base64url(parts.substr(0, end)) + '.';
        parts.remove_prefix(end + 1);
    }
    check_token(token + base64url(parts));
}

}  // namespace attendance::fuzz
