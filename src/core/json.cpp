#include "json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace attendance {
namespace {

[[noreturn]] void refuse_syntax(std::string_view what, std::size_t byte) {
    refuse(what, "not valid JSON at byte " + std::to_string(byte));
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

}  // namespace

void refuse(std::string_view path, std::string_view what) {
    throw Unusable{std::string(path).append(": ").append(what)};
}

json parse_json(std::string_view text, std::string_view what) {
    // The library would skip a byte order mark and stop at a NUL.
    if (text.starts_with("\xEF\xBB\xBF")) {
        refuse_syntax(what, 1);
    }
    if (const auto nul = text.find('\0'); nul != text.npos) {
        refuse_syntax(what, nul + 1);
    }
    // Called with how many levels there are around what is read.
    const auto limit_depth = [what](int depth, json::parse_event_t event, json&) {
        const bool opens = event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
        if (opens && depth >= max_depth) {
            refuse(what, "nested deeper than " + std::to_string(max_depth) + " levels");
        }
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), limit_depth);
    } catch (const json::parse_error& e) {
        refuse_syntax(what, e.byte);
    } catch (const json::exception&) {
        refuse(what, "number out of range");
    }
}

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

std::string_view text(const json& body, std::string_view path, Arena& arena) {
    const json* const value = find(body, path);
    return value ? text_of(*value, path, arena) : std::string_view();
}

std::string_view require(std::string_view text, std::string_view path) {
    if (text.empty()) {
        refuse(path, "missing");
    }
    return text;
}

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

Instant instant_of(std::int64_t unix_time, Span unit) {
    constexpr std::int64_t year_10000 = 253'402'300'800;
    const std::int64_t per_second = second / unit;
    if (unix_time < -unix_epoch * per_second || unix_time >= year_10000 * per_second) {
        return unknown;
    }
    return unix_time * unit + unix_epoch * second;
}

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

}  // namespace attendance
