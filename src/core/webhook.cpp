#include "webhook.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <string>

#include "json.hpp"

namespace attendance {
namespace {

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
        parsed = parse_json(metadata, "metadata");
    } catch (const Unusable&) {
        return {};
    }
    const json* const role = find(parsed, "role");
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
    const json body = parse_json(webhook.body, "body");
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
