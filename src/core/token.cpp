#include "token.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "json.hpp"

namespace attendance {
namespace {

struct Alphabet {
    char value_62, value_63;
    bool padded;
};
constexpr Alphabet url{'-', '_', false};       // of a token's parts
constexpr Alphabet standard{'+', '/', true};  // of LiveKit's digest

int value_of(char c, const Alphabet& alphabet) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == alphabet.value_62 ? 62 : c == alphabet.value_63 ? 63 : -1;
}

// The bytes that base64 stands for, or nothing if it is not exactly the encoding of some bytes.
std::optional<std::string> decode(std::string_view text, const Alphabet& alphabet) {
    if (alphabet.padded) {
        if (text.size() % 4 != 0) return {};
        for (int n = 0; n < 2 && text.ends_with('='); n++) text.remove_suffix(1);
    }
    std::string bytes;
    unsigned bits = 0;
    int held = 0;
    for (const char c : text) {
        const int value = value_of(c, alphabet);
        if (value < 0) return {};
        bits = bits << 6 | static_cast<unsigned>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes += static_cast<char>(bits >> held & 0xff);
        }
    }
    const bool left_over = held >= 6 || (bits & ((1u << held) - 1)) != 0;
    return left_over ? std::nullopt : std::optional(bytes);
}

void decode_digest(std::string_view text, const Alphabet& alphabet, std::string_view path, std::uint8_t* digest) {
    const auto bytes = decode(text, alphabet);
    if (!bytes || bytes->size() != digest_size) refuse(path, "not the base64 of 32 bytes");
    std::copy(bytes->begin(), bytes->end(), digest);
}

json decode_part(std::string_view text, std::string_view path) {
    const auto bytes = decode(text, url);
    if (!bytes) refuse(path, "not base64url");
    json part = parse_json(*bytes, path);
    if (!part.is_object()) refuse(path, "not a JSON object");
    return part;
}

std::string_view without_scheme(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    const bool named = authorization.size() >= scheme.size() &&
                       std::equal(scheme.begin(), scheme.end(), authorization.begin(),
                                  [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
    return named ? authorization.substr(scheme.size()) : authorization;
}

Token read(std::string_view authorization, Arena& arena) {
    if (authorization.size() > max_token) refuse("token", "longer than " + std::to_string(max_token) + " bytes");
    const std::string_view jwt = without_scheme(authorization);
    const auto first = jwt.find('.');
    const auto second_dot = first == jwt.npos ? first : jwt.find('.', first + 1);
    if (second_dot == jwt.npos || jwt.find('.', second_dot + 1) != jwt.npos)
        refuse("token", "not three parts separated by dots");

    const json header = decode_part(jwt.substr(0, first), "token header");
    const json* const algorithm = find(header, "alg");
    if (!algorithm || *algorithm != "HS256") refuse("token header.alg", "not HS256");

    const json claims = decode_part(jwt.substr(first + 1, second_dot - first - 1), "token payload");
    Token token{};
    token.api_key = require(text(claims, "iss", arena), "iss");
    token.expires_at = instant(claims, "exp", second);
    if (token.expires_at == unknown) refuse("exp", "missing");
    token.not_before = instant(claims, "nbf", second);
    decode_digest(require(text(claims, "sha256", arena), "sha256"), standard, "sha256", token.body_digest);
    decode_digest(jwt.substr(second_dot + 1), url, "token signature", token.signature);
    token.signed_part = jwt.substr(0, second_dot);
    return token;
}

}  // namespace

Token parse_token(std::string_view authorization, Arena& arena) {
    try {
        return read(authorization, arena);
    } catch (const Unusable& unusable) {
        Token token{};
        token.problem = copy(unusable.problem, arena);
        return token;
    }
}

std::string_view refuse_time(const Token& token, Instant at, Span skew) {
    if (at > plus(token.expires_at, skew)) return "token: expired";
    if (token.not_before != unknown && plus(at, skew) < token.not_before) return "token: not yet valid";
    return {};
}

}  // namespace attendance
