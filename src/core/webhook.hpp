#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "arena.hpp"
#include "cycle.hpp"

namespace attendance {

inline constexpr std::size_t max_body = 1 << 20;  // bytes; a longer body is not parsed

// A body needs no more than this: the redacted copy is no longer than the body, the texts come from different strings
// in it, unescaping only shrinks, and a reason is short.
constexpr std::size_t arena_for(std::size_t body_length) { return 2 * body_length + 512; }

// What one webhook says, normalised. Texts point into the arena; data() == nullptr means absent. Instants are
// `unknown` when absent. With a problem set, nothing else is.
struct Webhook {
    std::string_view problem;  // why the body cannot be used, naming the field
    std::string_view event_id;  // absent when the body carries none
    std::string_view event;
    std::string_view body;      // as received, secrets redacted
    std::string_view room;      // empty, never absent: some events carry no room
    std::string_view room_sid;
    std::string_view participant_sid, identity;  // both or neither: somebody's presence, or nobody's
    std::string_view name, role;
    Instant occurred_at;
    Instant instance_started_at;   // of the room instance
    Instant instance_finished_at;
    Instant seen_at;               // never before the join
    Cycle cycle;                   // what this event alone proves of the stay; read only if identity is there
    std::int32_t version;          // of the participant's state; -1 when the event carries only sid and identity
    bool counted;                  // a person whose attendance counts, not an agent, recorder or hidden observer
};

// Reads one body as LiveKit sends it (LIVEKIT.md), also with snake_case keys and numbers for strings. Never throws
// for what a body contains: that is what `problem` is for.
Webhook parse_webhook(std::string_view body, Arena&);

// Copies text into the arena with the value of every turnPassword blanked, also in JSON that is broken or escaped
// inside a string. The copy is never longer than the text.
std::string_view redact(std::string_view text, Arena&);

}  // namespace attendance
