#pragma once

// The one place that includes the JSON library. A private header of core: what core offers to others is in terms of
// its own types.

#include <cstdint>
#include <string>
#include <string_view>

#define JSON_NO_IO
#include <nlohmann/json.hpp>

#include "arena.hpp"
#include "time.hpp"

namespace attendance {

using nlohmann::json;

inline constexpr int max_depth = 64;  // levels of nesting; deeper JSON is not parsed

// Why a text from outside cannot be used. Names the field and never quotes it: values are personal data or secrets.
struct Unusable {
    std::string problem;
};

[[noreturn]] void refuse(std::string_view path, std::string_view what);

// Throws Unusable, calling the text `what`, for whatever PostgreSQL's json would not take either, and for depth.
json parse_json(std::string_view text, std::string_view what);

// The value at a dotted path, every key in lowerCamelCase or snake_case; nullptr when it is absent. Null, zero and the
// empty string are absent: protojson omits what has its zero value and RoomService does not, so both mean the same.
const json* find(const json&, std::string_view path);

// The values below throw Unusable, naming the path, for what is not of their type.

// The text at a path, copied into the arena; without data when it is absent.
std::string_view text(const json&, std::string_view path, Arena&);

// A text already found at `path`.
std::string_view text_of(const json& value, std::string_view path, Arena&);

// Throws Unusable when a text is absent.
std::string_view require(std::string_view text, std::string_view path);

// A whole number however it was sent, 0 when absent; one that 64 bits cannot hold becomes the nearest that they can.
std::int64_t number(const json&, std::string_view path);

// A Unix time counted in `unit`, unknown unless it is within the years 2000 to 9999: milliseconds where seconds belong,
// and the reverse, are not.
Instant instant_of(std::int64_t unix_time, Span unit);

// The Unix time at a path, counted in `unit`; unknown when absent. Out of those years is refused.
Instant instant(const json&, std::string_view path, Span unit);

}  // namespace attendance
