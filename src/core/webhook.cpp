#include "webhook.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

#define JSON_NO_IO
#include <nlohmann/json.hpp>

namespace attendance {
namespace {

using nlohmann::json;

// Why a body cannot be used. Names the field and never quotes it: values are personal data.
struct Unusable {
    std::string problem;
};

[[noreturn]] void refuse(std::string_view path, std::string_view what) {
    throw Unusable{std::string(path).append(": ").append(what)};
}

// Copies text into the arena. arena_for() suffices because the redacted body is no longer than the body, the texts come
// from different string literals of it, none of which grows when unescaped, and every problem is below 512 bytes.
std::string_view copy(std::string_view text, Arena& arena) {
    if (text.size() > static_cast<std::size_t>(arena.end - arena.next)) {
        throw std::logic_error("webhook arena is too small");
    }
    char* const start = arena.next;
    arena.next = std::copy(text.begin(), text.end(), start);
    return {start, text.size()};
}

[[noreturn]] void refuse_syntax(std::size_t byte) {
    refuse("body", "not valid JSON at byte " + std::to_string(byte));
}

// The parser's callback; `depth` counts the levels around the event.
bool limit_depth(int depth, json::parse_event_t event, json&) {
    const bool opens = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
    if (opens && depth >= max_depth) {
        refuse("body", "nested deeper than " + std::to_string(max_depth) + " levels");
    }
    return true;
}

// Parses what PostgreSQL's json accepts too, so that storing it cannot fail.
json parse(std::string_view text) {
    // The library would skip a byte order mark and stop at a NUL.
    if (text.starts_with("\xEF\xBB\xBF")) {
        refuse_syntax(1);
    }
    if (const auto nul = text.find('\0'); nul != text.npos) {
        refuse_syntax(nul + 1);
    }
    try {
        return json::parse(text.begin(), text.end(), limit_depth);
    } catch (const json::parse_error& e) {
        refuse_syntax(e.byte);
    } catch (const json::exception&) {
        refuse("body", "number out of range");
    }
}

std::string snake_case(std::string_view camel) {
    std::string snake;
    for (const char c : camel) {
        if (c >= 'A' && c <= 'Z') {
            snake += '_';
            snake += static_cast<char>(c - 'A' + 'a');
        } else {
            snake += c;
        }
    }
    return snake;
}

// protojson omits what has its zero value and RoomService does not, so both mean the same.
bool says_nothing(const json& value) {
    return value.is_null() || (value.is_number() && value == 0) ||
           (value.is_string() && value.get_ref<const std::string&>().empty());
}

const json* member(const json& object, std::string_view key) {
    if (!object.is_object()) {
        return nullptr;
    }
    const auto found = object.find(key);
    return found == object.end() || says_nothing(*found) ? nullptr : &*found;
}

// The value at a dotted path, every key in either spelling; nullptr when it is absent.
const json* find(const json& body, std::string_view path) {
    const json* value = &body;
    while (value && !path.empty()) {
        const std::string_view key = path.substr(0, path.find('.'));
        path.remove_prefix(std::min(path.size(), key.size() + 1));
        const json* const camel = member(*value, key);
        value = camel ? camel : member(*value, snake_case(key));
    }
    return value;
}

// Takes the value at `path`, which is also what a problem calls the field.
std::string_view text_of(const json& value, std::string_view path, Arena& arena) {
    if (!value.is_string()) {
        refuse(path, "not a string");
    }
    const std::string_view text = value.get_ref<const std::string&>();
    if (text.find('\0') != text.npos) {
        refuse(path, "contains a NUL character");
    }
    return copy(text, arena);
}

// Absent when the field is.
std::string_view text(const json& body, std::string_view path, Arena& arena) {
    const json* const value = find(body, path);
    return value ? text_of(*value, path, arena) : std::string_view();
}

void require(std::string_view text, std::string_view path) {
    if (text.empty()) {
        refuse(path, "missing");
    }
}

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();

std::optional<std::int64_t> whole(const std::string& digits) {
    std::int64_t number = 0;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (stop != end || error == std::errc::invalid_argument) {
        return {};
    }
    return error == std::errc() ? number : digits.front() == '-' ? least : greatest;
}

std::optional<std::int64_t> whole(double number) {
    if (number != std::trunc(number)) {
        return {};
    }
    constexpr double too_large = 0x1p63;
    return number < -too_large ? least : number < too_large ? static_cast<std::int64_t>(number) : greatest;
}

// A whole number however it was sent; one that 64 bits cannot hold becomes the nearest that they can.
std::optional<std::int64_t> whole(const json& value) {
    switch (value.type()) {
        case json::value_t::string:
            return whole(value.get_ref<const std::string&>());
        case json::value_t::number_float:
            return whole(value.get<double>());
        case json::value_t::number_unsigned:
            return static_cast<std::int64_t>(std::min<std::uint64_t>(value.get<std::uint64_t>(), greatest));
        case json::value_t::number_integer:
            return value.get<std::int64_t>();
        default:
            return {};
    }
}

// The whole number at `path`, 0 when absent.
std::int64_t number(const json& body, std::string_view path) {
    const json* const value = find(body, path);
    if (!value) {
        return 0;
    }
    const auto result = whole(*value);
    if (!result) {
        refuse(path, "not a whole number");
    }
    return *result;
}

// A Unix time counted in `unit`, unknown unless it is within the years 2000 to 9999: milliseconds where seconds belong,
// and the reverse, are not.
Instant instant_of(std::int64_t unix_time, Span unit) {
    constexpr std::int64_t year_10000 = 253'402'300'800;
    const std::int64_t per_second = second / unit;
    if (unix_time < -unix_epoch * per_second || unix_time >= year_10000 * per_second) {
        return unknown;
    }
    return unix_time * unit + unix_epoch * second;
}

// The time at `path`, unknown when absent.
Instant instant(const json& body, std::string_view path, Span unit) {
    const std::int64_t unix_time = number(body, path);
    if (unix_time == 0) {
        return unknown;
    }
    const Instant result = instant_of(unix_time, unit);
    if (result == unknown) {
        refuse(path, "out of range");
    }
    return result;
}

std::string_view room_name(const json& body, Arena& arena) {
    for (const auto path : {"room.name", "egressInfo.roomName", "ingressInfo.roomName"}) {
        if (const auto name = text(body, path, arena); !name.empty()) {
            return name;
        }
    }
    return "";
}

// Old servers have sent year 1 here, so an impossible time is no time rather than a problem.
Instant created_at(const json& body) {
    const Instant precise = instant_of(number(body, "room.creationTimeMs"), millisecond);
    return precise != unknown ? precise : instant_of(number(body, "room.creationTime"), second);
}

// The room and, if both its name and sid are there, what the event says of that life of the room.
void read_room(const json& body, Webhook& webhook, Arena& arena) {
    const bool started = webhook.event == "room_started";
    const bool finished = webhook.event == "room_finished";

    webhook.room = room_name(body, arena);
    webhook.room_sid = text(body, "room.sid", arena);
    if (started || finished) {
        require(webhook.room, "room.name");
        require(webhook.room_sid, "room.sid");
    }
    if (webhook.room.empty() || webhook.room_sid.empty()) {
        return;
    }
    webhook.instance_started_at = created_at(body);
    if (started && webhook.instance_started_at == unknown) {
        webhook.instance_started_at = webhook.occurred_at;
    }
    if (finished) {
        webhook.instance_finished_at = webhook.occurred_at;
    }
}

struct StayEvent {
    std::string_view name;
    EndedBy ended_by;
};

// The events that always carry the whole participant. A join that says DISCONNECTED is still only a join: the leave
// has an event of its own.
constexpr StayEvent stay_events[] = {
    {"participant_joined", EndedBy::open},
    {"participant_left", EndedBy::left},
    {"participant_connection_aborted", EndedBy::aborted},
};

Instant joined_at(const json& body) {
    const Instant precise = instant(body, "participant.joinedAtMs", millisecond);
    return precise != unknown ? precise : instant(body, "participant.joinedAt", second);
}

std::int32_t version(const json& body) {
    const std::int64_t result = number(body, "participant.version");
    if (result < 0 || result > std::numeric_limits<std::int32_t>::max()) {
        refuse("participant.version", "out of range");
    }
    return static_cast<std::int32_t>(result);
}

// The role in metadata that happens to be JSON. Metadata is free text, so whatever else it is, is no problem.
std::string_view role_in_metadata(const std::string& metadata, Arena& arena) {
    json parsed;
    try {
        parsed = parse(metadata);
    } catch (const Unusable&) {
        return {};
    }
    const json* const role = member(parsed, "role");
    return role && role->is_string() ? text_of(*role, "participant.metadata.role", arena) : std::string_view();
}

// What the participant is in the room, by its attributes, else by its metadata.
std::string_view role(const json& body, Arena& arena) {
    const json* const attribute = find(body, "participant.attributes.role");
    if (attribute && attribute->is_string()) {
        return text_of(*attribute, "participant.attributes.role", arena);
    }
    const json* const metadata = find(body, "participant.metadata");
    return metadata && metadata->is_string() ? role_in_metadata(metadata->get_ref<const std::string&>(), arena)
                                             : std::string_view();
}

// By name or by number in LiveKit's protocol. Kinds that nobody knows yet are not taken for people.
bool kind_of_person(const json& kind) {
    return kind == "STANDARD" || kind == "SIP" || kind == 3 || kind == "CONNECTOR" || kind == 7;
}

bool is_true(const json* value) { return value && *value == true; }

// Whether it is a person whose attendance counts.
bool counted(const json& body, std::string_view identity) {
    const json* const kind = find(body, "participant.kind");
    // Servers older than the kinds name their recorders so.
    if (kind ? !kind_of_person(*kind) : identity.starts_with("EG_")) {
        return false;
    }
    const json* const details = find(body, "participant.kindDetails");
    return !is_true(find(body, "participant.permission.hidden")) &&
           !is_true(find(body, "participant.permission.recorder")) &&
           !is_true(find(body, "participant.permission.agent")) &&
           !(details && std::any_of(details->begin(), details->end(), [](const json& detail) {
               return detail == "FORWARDED" || detail == "SIMULATION";
           }));
}

// Whose stay the event tells of, or whose presence it proves; nobody's, if it does not say all of room, sid, identity.
void read_participant(const json& body, Webhook& webhook, Arena& arena) {
    const auto stay = std::find_if(std::begin(stay_events), std::end(stay_events),
                                   [&](const StayEvent& event) { return event.name == webhook.event; });
    const bool about_stay = stay != std::end(stay_events);

    const auto sid = text(body, "participant.sid", arena);
    const auto identity = text(body, "participant.identity", arena);
    if (about_stay) {
        require(webhook.room, "room.name");
        require(sid, "participant.sid");
        require(identity, "participant.identity");
    } else if (webhook.room.empty() || sid.empty() || identity.empty()) {
        return;
    }
    webhook.participant_sid = sid;
    webhook.identity = identity;

    const Instant known_join = joined_at(body);
    const Instant joined = known_join != unknown ? known_join : webhook.occurred_at;
    const EndedBy ended_by = about_stay ? stay->ended_by : EndedBy::open;
    webhook.seen_at = std::max(webhook.occurred_at, joined);
    webhook.cycle = make_cycle(joined, ended_by == EndedBy::open ? forever : webhook.seen_at, ended_by);
    webhook.counted = counted(body, identity);
    if (about_stay || known_join != unknown) {
        webhook.version = version(body);
        webhook.name = text(body, "participant.name", arena);
        webhook.role = role(body, arena);
    }
}

// A webhook with everything absent.
Webhook nothing() {
    Webhook webhook{};
    webhook.occurred_at = webhook.instance_started_at = webhook.instance_finished_at = webhook.seen_at = unknown;
    webhook.version = -1;
    return webhook;
}

Webhook read(std::string_view received, Arena& arena) {
    if (received.size() > max_body) {
        refuse("body", "longer than " + std::to_string(max_body) + " bytes");
    }
    Webhook webhook = nothing();
    // What is stored is what is parsed, so a replay of the log finds the same.
    webhook.body = redact(received, arena);
    const json body = parse(webhook.body);
    if (!body.is_object()) {
        refuse("body", "not a JSON object");
    }
    webhook.event = text(body, "event", arena);
    require(webhook.event, "event");
    webhook.event_id = text(body, "id", arena);
    webhook.occurred_at = instant(body, "createdAt", second);
    if (webhook.occurred_at == unknown) {
        refuse("createdAt", "missing");
    }
    read_room(body, webhook, arena);
    read_participant(body, webhook, arena);
    return webhook;
}

// Escaping a text as a JSON string turns n backslashes before a quote into 2n + 1. So a quote behind n of them delimits
// a string nested as many levels deep as n has trailing one bits, and the delimiter itself takes 2^level - 1 of them.
int level_of(std::size_t backslashes) { return std::countr_one(backslashes); }

// Takes backslashes and a quote off the front and returns the level, or -1 if text does not begin like that.
int take_quote(std::string_view& text) {
    const std::size_t backslashes = text.find_first_not_of('\\');
    if (backslashes == text.npos || text[backslashes] != '"') {
        return -1;
    }
    text.remove_prefix(backslashes + 1);
    return level_of(backslashes);
}

void take_space(std::string_view& text) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
}

// How long the string is whose opening quote is just before text; the end of a string around it ends it too.
std::size_t length_of_string(std::string_view text, int level) {
    std::size_t run = 0;  // of backslashes
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"' && level_of(run) <= level) {
            return at - ((std::size_t{1} << level_of(run)) - 1);
        }
        run = text[at] == '\\' ? run + 1 : 0;
    }
    return text.size();
}

// The string that is the value of a key whose closing quote comes next; empty if it does not go on like that.
std::string_view value_of_key(std::string_view text) {
    const int level = take_quote(text);
    take_space(text);
    if (level < 0 || !text.starts_with(':')) {
        return {};
    }
    text.remove_prefix(1);
    take_space(text);
    return take_quote(text) == level ? text.substr(0, length_of_string(text, level)) : std::string_view();
}

// The next secret in text; empty, at its end, if there is none.
std::string_view find_secret(std::string_view text) {
    constexpr std::string_view stem = "turn";
    for (auto at = text.find(stem); at != text.npos; at = text.find(stem)) {
        text.remove_prefix(at + stem.size());
        for (const std::string_view ending : {"Password", "_password"}) {
            if (!text.starts_with(ending)) {
                continue;
            }
            if (const auto secret = value_of_key(text.substr(ending.size())); !secret.empty()) {
                return secret;
            }
        }
    }
    return text.substr(text.size());
}

}  // namespace

Webhook parse_webhook(std::string_view body, Arena& arena) {
    try {
        return read(body, arena);
    } catch (const Unusable& unusable) {
        Webhook webhook = nothing();
        webhook.problem = copy(unusable.problem, arena);
        return webhook;
    }
}

std::string_view redact(std::string_view text, Arena& arena) {
    constexpr std::string_view blank = "[redacted]", stars = "*********";
    const char* const start = arena.next;
    while (!text.empty()) {
        const auto secret = find_secret(text);
        const auto before = static_cast<std::size_t>(secret.data() - text.data());
        copy(text.substr(0, before), arena);
        copy(secret.size() < blank.size() ? stars.substr(0, secret.size()) : blank, arena);
        text.remove_prefix(before + secret.size());
    }
    return {start, static_cast<std::size_t>(arena.next - start)};
}

}  // namespace attendance
