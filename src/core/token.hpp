#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "arena.hpp"
#include "time.hpp"

namespace attendance {

inline constexpr std::size_t max_token = 8192;  // bytes; LiveKit's have some 300
inline constexpr std::size_t digest_size = 32;  // of SHA-256, and so of HMAC-SHA-256

// What the Authorization header of a webhook claims. Nothing of it is proven: whoever has the key's secret compares the
// signature with the HMAC of `signed_part`, and the digest with the SHA-256 of the body.
struct Token {
    std::string_view problem;      // why it is no such token; with it set, nothing else is
    std::string_view api_key;      // iss
    std::string_view signed_part;  // header.payload, as it came
    std::uint8_t signature[digest_size];
    std::uint8_t body_digest[digest_size];
    Instant not_before;  // unknown when it has none
    Instant expires_at;
};

// Reads a JWT as LiveKit signs it: HS256 and nothing else, three parts, `iss`, `exp` and `sha256` required, `Bearer `
// allowed before it. Never throws for what it contains.
Token parse_token(std::string_view authorization, Arena&);

// Why a genuine token is no good at an instant; empty when it is. Clocks may differ by `skew`.
std::string_view refuse_time(const Token&, Instant at, Span skew);

}  // namespace attendance
