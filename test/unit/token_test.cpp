#include "../../src/core/token.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "../fuzz/check.hpp"

namespace attendance {
namespace {

using fuzz::base64url;
using std::string;
using std::string_view;

const string header = R"({"alg":"HS256","typ":"JWT"})";
const string digest = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";  // of the bytes 0, 1 … 31
const string signature(digest_size, '\xfb');

string claims(string_view fields) { return R"({"iss":"devkey","sha256":")" + digest + '"' + string(fields) + '}'; }
const string good_claims = claims(R"(,"nbf":1767610800,"exp":1767611100)");

string jwt(string_view header_json, string_view claims_json, string_view signature_bytes = signature) {
    return base64url(header_json) + '.' + base64url(claims_json) + '.' + base64url(signature_bytes);
}
const string good = jwt(header, good_claims);

constexpr Instant at(std::int64_t unix_seconds) { return (unix_seconds + unix_epoch) * second; }

// A token and the memory of its texts: as much as the glue allots.
struct Parsed : Token {
    explicit Parsed(string_view authorization) : memory(authorization.size() + 512) {
        static_cast<Token&>(*this) = parse_token(authorization, memory);
    }
    fuzz::Memory memory;
};

string problem_of(string_view authorization) { return string(Parsed(authorization).problem); }
string problem_of_claims(string_view fields) { return problem_of(jwt(header, claims(fields))); }

string bytes(const std::uint8_t (&array)[digest_size]) { return {array, array + digest_size}; }

TEST(Token, SaysWhatItClaims) {
    const Parsed token(good);
    EXPECT_EQ(token.problem, "");
    EXPECT_EQ(token.api_key, "devkey");
    EXPECT_EQ(token.signed_part, base64url(header) + '.' + base64url(good_claims));
    EXPECT_EQ(bytes(token.signature), signature);
    for (std::size_t n = 0; n < digest_size; ++n) EXPECT_EQ(token.body_digest[n], n);
    EXPECT_EQ(token.not_before, at(1767610800));
    EXPECT_EQ(token.expires_at, at(1767611100));
}

TEST(Token, NotBeforeMayBeAbsent) {
    for (const auto none : {"", R"(,"nbf":0)", R"(,"nbf":null)", R"(,"nbf":"")"}) {
        const Parsed token(jwt(header, claims(R"(,"exp":1767611100)" + string(none))));
        EXPECT_EQ(token.problem, "") << none;
        EXPECT_EQ(token.not_before, unknown) << none;
    }
}

TEST(Token, BearerInAnyCase) {
    for (const auto scheme : {"Bearer ", "bearer ", "BEARER ", "bEaReR "}) {
        EXPECT_EQ(problem_of(scheme + good), "") << scheme;
        EXPECT_EQ(Parsed(scheme + good).signed_part, Parsed(good).signed_part) << scheme;
    }
    // Any other scheme is taken for part of the header, where a blank is no base64.
    for (const auto scheme : {"Bearer  ", " Bearer ", "Basic ", "Bearer\t", "JWT ", "Bearer Bearer ", " "}) {
        EXPECT_EQ(problem_of(scheme + good), "token header: not base64url") << scheme;
    }
    EXPECT_EQ(problem_of("Bearer"), "token: not three parts separated by dots");
    EXPECT_EQ(problem_of("Bearer "), "token: not three parts separated by dots");
}

TEST(Token, HasThreeParts) {
    const string head = base64url(header), payload = base64url(good_claims), end = base64url(signature);
    for (const string& token : {string(), string("."), head, head + '.' + payload, good + '.', good + '.' + end,
                                '.' + good, good + "..", string("hello"), string("....")}) {
        EXPECT_EQ(problem_of(token), "token: not three parts separated by dots") << token;
    }
    EXPECT_EQ(problem_of(".."), "token header: not valid JSON at byte 1");
    EXPECT_EQ(problem_of('.' + payload + '.' + end), "token header: not valid JSON at byte 1");
    EXPECT_EQ(problem_of(head + ".." + end), "token payload: not valid JSON at byte 1");
    EXPECT_EQ(problem_of(head + '.' + payload + '.'), "token signature: not the base64 of 32 bytes");
}

TEST(Token, HS256AndNothingElse) {
    for (const auto algorithm : {R"("none")", R"("None")", R"("")", R"("HS512")", R"("HS384")", R"("RS256")",
                                 R"("hs256")", R"("HS256 ")", R"("HS256\u0000")", "256", "null", "true",
                                 R"(["HS256"])", R"({"alg":"HS256"})"}) {
        EXPECT_EQ(problem_of(jwt(R"({"alg":)" + string(algorithm) + '}', good_claims)), "token header.alg: not HS256")
            << algorithm;
    }
    for (const auto other : {"{}", R"({"typ":"JWT"})", R"({"ALG":"HS256"})", R"({"Alg":"HS256"})",
                             R"({"alg":"HS256","alg":"none"})"}) {
        EXPECT_EQ(problem_of(jwt(other, good_claims)), "token header.alg: not HS256") << other;
    }
    EXPECT_EQ(problem_of(jwt(R"({"alg":"HS256","kid":"../../key","crit":["x"]})", good_claims)), "");
}

TEST(Token, PartsAreJsonObjects) {
    for (const auto part : {"[]", "null", "7", R"("HS256")", R"([{"alg":"HS256"}])"}) {
        EXPECT_EQ(problem_of(jwt(part, good_claims)), "token header: not a JSON object") << part;
        EXPECT_EQ(problem_of(jwt(header, part)), "token payload: not a JSON object") << part;
    }
    EXPECT_EQ(problem_of(jwt("{", good_claims)), "token header: not valid JSON at byte 2");
    EXPECT_EQ(problem_of(jwt(header, good_claims + '}')),
              "token payload: not valid JSON at byte " + std::to_string(good_claims.size() + 1));
    EXPECT_EQ(problem_of(jwt(header, "{\"iss\":\"\xff\"}")), "token payload: not valid JSON at byte 9");
    EXPECT_EQ(problem_of(jwt("\xEF\xBB\xBF" + header, good_claims)), "token header: not valid JSON at byte 1");
    EXPECT_EQ(problem_of(jwt(header + string(1, '\0'), good_claims)),
              "token header: not valid JSON at byte " + std::to_string(header.size() + 1));
    EXPECT_EQ(problem_of_claims(R"(,"exp":1e999)"), "token payload: number out of range");
}

TEST(Token, DepthIsLimited) {
    const auto nested = [](int levels) {
        return R"(,"exp":1767611100,"x":)" + string(levels, '[') + string(levels, ']');
    };
    EXPECT_EQ(problem_of_claims(nested(max_depth - 1)), "");
    EXPECT_EQ(problem_of_claims(nested(max_depth)), "token payload: nested deeper than 64 levels");
    EXPECT_EQ(problem_of(base64url(string(6000, '[')) + ".."), "token header: nested deeper than 64 levels");
}

TEST(Token, LengthIsLimited) {
    const auto padded = [](std::size_t blanks) { return jwt(header + string(blanks, ' '), good_claims); };
    std::size_t blanks = 0;
    while (padded(blanks + 1).size() <= max_token) ++blanks;
    const string longest = padded(blanks);
    ASSERT_GE(longest.size(), max_token - 1);
    EXPECT_EQ(problem_of(longest), "");
    EXPECT_EQ(problem_of(padded(blanks + 1)), "token: longer than 8192 bytes");
    EXPECT_EQ(problem_of("Bearer " + longest), "token: longer than 8192 bytes");
    EXPECT_EQ(problem_of(string(max_token, '.')), "token: not three parts separated by dots");
    EXPECT_EQ(problem_of(string(max_token + 1, '.')), "token: longer than 8192 bytes");
}

// The header {"alg":"HS256"} takes 15 bytes, so its base64 has no spare bits; one blank more and it has four of them.
TEST(Token, EveryPartHasOneSpelling) {
    const string rest = '.' + base64url(good_claims) + '.' + base64url(signature);
    const string spare = base64url(R"({"alg":"HS256"} )");
    ASSERT_TRUE(spare.ends_with("IA"));
    EXPECT_EQ(problem_of(spare + rest), "");
    const string stem = spare.substr(0, spare.size() - 1);
    for (const char last : {'B', 'C', 'E', 'I', 'P'}) {  // decode to the same bytes if spare bits are dropped
        EXPECT_EQ(problem_of(stem + last + rest), "token header: not base64url") << last;
    }
    for (const auto end : {"A=", "A==", "A ", "A\n", "A\r\n", "A\\", "A/", "A+", "\xc3\xa4"}) {
        EXPECT_EQ(problem_of(stem + end + rest), "token header: not base64url") << end;
    }
    EXPECT_EQ(problem_of(stem + string("A\0", 2) + rest), "token header: not base64url");
    EXPECT_EQ(problem_of(' ' + spare + rest), "token header: not base64url");
    EXPECT_EQ(problem_of("A" + rest), "token header: not base64url");
    EXPECT_EQ(problem_of(base64url(header) + '.' + base64url(good_claims) + "=." + base64url(signature)),
              "token payload: not base64url");
}

TEST(Token, SignatureHas32Bytes) {
    const string wrong = "token signature: not the base64 of 32 bytes";
    for (const std::size_t size : {0, 1, 31, 33, 64}) {
        EXPECT_EQ(problem_of(jwt(header, good_claims, string(size, 's'))), wrong) << size;
    }
    const string signed_part = base64url(header) + '.' + base64url(good_claims) + '.';
    const string end = base64url(signature);
    ASSERT_EQ(end, "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
    EXPECT_EQ(problem_of(signed_part + end), "");
    EXPECT_EQ(problem_of(signed_part + end + '='), wrong);
    EXPECT_EQ(problem_of(signed_part + end + '\n'), wrong);
    EXPECT_EQ(problem_of(signed_part + '+' + end.substr(1)), wrong);
    EXPECT_EQ(problem_of(signed_part + end[0] + '/' + end.substr(2)), wrong);
    EXPECT_EQ(problem_of(signed_part + end.substr(0, 42) + 't'), wrong);  // s = 101100, t has a spare bit set
}

TEST(Token, DigestHas32Bytes) {
    const auto with = [](const string& sha256) {
        return problem_of(jwt(header, R"({"iss":"devkey","exp":1767611100,"sha256":)" + sha256 + '}'));
    };
    const string wrong = "sha256: not the base64 of 32 bytes", forty_two(42, 'A');
    EXPECT_EQ(with('"' + digest + '"'), "");
    EXPECT_EQ(with('"' + string(42, '/') + "8=\""), "");
    EXPECT_EQ(with('"' + string(42, '+') + "8=\""), "");
    EXPECT_EQ(with('"' + string(42, '_') + "8=\""), wrong);
    EXPECT_EQ(with('"' + string(42, '-') + "8=\""), wrong);
    EXPECT_EQ(with('"' + forty_two + "A\""), wrong);     // unpadded
    EXPECT_EQ(with('"' + forty_two + "B=\""), wrong);    // a spare bit set
    EXPECT_EQ(with('"' + forty_two + "==\""), wrong);    // 31 bytes
    EXPECT_EQ(with('"' + forty_two + "AA\""), wrong);    // 33 bytes
    EXPECT_EQ(with('"' + forty_two + "A= \""), wrong);
    EXPECT_EQ(with('"' + string(41, 'A') + "===\""), wrong);
    EXPECT_EQ(with(R"("=")"), wrong);
    EXPECT_EQ(with(R"("====")"), wrong);
    EXPECT_EQ(with('"' + string(64, 'a') + '"'), wrong);  // hexadecimal, 48 bytes of base64
    EXPECT_EQ(with(R"("")"), "sha256: missing");
    EXPECT_EQ(with("null"), "sha256: missing");
    EXPECT_EQ(with("7"), "sha256: not a string");
    EXPECT_EQ(with(R"(["x"])"), "sha256: not a string");
    EXPECT_EQ(problem_of(jwt(header, R"({"iss":"devkey","exp":1767611100})")), "sha256: missing");
}

TEST(Token, NamesAKey) {
    const auto with = [](string_view iss) {
        return problem_of(jwt(header, R"({"exp":1767611100,"sha256":")" + digest + '"' + string(iss) + '}'));
    };
    EXPECT_EQ(with(R"(,"iss":"k")"), "");
    EXPECT_EQ(with(""), "iss: missing");
    EXPECT_EQ(with(R"(,"iss":"")"), "iss: missing");
    EXPECT_EQ(with(R"(,"iss":null)"), "iss: missing");
    EXPECT_EQ(with(R"(,"iss":0)"), "iss: missing");
    EXPECT_EQ(with(R"(,"iss":7)"), "iss: not a string");
    EXPECT_EQ(with(R"(,"iss":["k"])"), "iss: not a string");
    EXPECT_EQ(with(R"(,"iss":"a\u0000b")"), "iss: contains a NUL character");
}

TEST(Token, Times) {
    const auto expires_at = [](string_view exp) {
        const Parsed token(jwt(header, claims(R"(,"exp":)" + string(exp))));
        EXPECT_EQ(token.problem, "") << exp;
        return token.expires_at;
    };
    for (const auto exp : {"1767611100", R"("1767611100")", "1767611100.0", "1.7676111e9"}) {
        EXPECT_EQ(expires_at(exp), at(1767611100)) << exp;
    }
    EXPECT_EQ(expires_at("946684800"), 0);
    EXPECT_EQ(expires_at("253402300799"), at(253402300799));

    for (const string name : {"exp", "nbf"}) {
        const auto with = [&](string_view time) {
            const string other = name == "nbf" ? R"(,"exp":1767611100)" : "";
            return problem_of_claims(",\"" + name + "\":" + string(time) + other);
        };
        for (const auto time : {"-1", R"("-1")", "946684799", "253402300800", "1767611100000", "9223372036854775807",
                                "9223372036854775808", "18446744073709551615", "99999999999999999999", "1e300",
                                "-1e300", R"("99999999999999999999")", R"("-99999999999999999999")"}) {
            EXPECT_EQ(with(time), name + ": out of range") << time;
        }
        for (const auto time : {"1767611100.5", R"("1767611100.0")", R"("soon")", R"(" 1767611100")", R"("1e9")",
                                "true", "[1767611100]", "{}", R"("0x10")"}) {
            EXPECT_EQ(with(time), name + ": not a whole number") << time;
        }
    }
    for (const auto none :
         {"", R"(,"exp":0)", R"(,"exp":"0")", R"(,"exp":null)", R"(,"exp":"")", R"(,"EXP":1767611100)"}) {
        EXPECT_EQ(problem_of_claims(none), "exp: missing") << none;
    }
}

TEST(Token, TheFirstThingWrongIsTold) {
    EXPECT_EQ(problem_of(jwt("{}", "[]", "")), "token header.alg: not HS256");
    EXPECT_EQ(problem_of(jwt(header, "{}", "")), "iss: missing");
    EXPECT_EQ(problem_of(jwt(header, R"({"iss":"k"})", "")), "exp: missing");
    EXPECT_EQ(problem_of(jwt(header, R"({"iss":"k","exp":1767611100})", "")), "sha256: missing");
}

TEST(Token, AProblemIsAllThereIs) {
    const Parsed token(jwt(header, good_claims, "short"));
    EXPECT_EQ(token.problem, "token signature: not the base64 of 32 bytes");
    EXPECT_EQ(token.api_key.data(), nullptr);
    EXPECT_EQ(token.signed_part.data(), nullptr);
    EXPECT_EQ(bytes(token.body_digest), string(digest_size, '\0'));
}

TEST(Token, TextsFitTheMemoryHoweverLong) {
    const string key(5000, 'k');
    const Parsed token(jwt(header, R"({"iss":")" + key + R"(","exp":1767611100,"sha256":")" + digest + "\"}"));
    EXPECT_EQ(token.problem, "");
    EXPECT_EQ(token.api_key, key);
    // Copied before the payload turns out to be useless.
    EXPECT_EQ(problem_of(jwt(header, R"({"iss":")" + key + R"(","exp":1,"sha256":"x"})")), "exp: out of range");
    EXPECT_EQ(problem_of(jwt(header, R"({"iss":"k","exp":1767611100,"sha256":")" + key + "\"}")),
              "sha256: not the base64 of 32 bytes");
}

TEST(Token, GoodFromNotBeforeToExpiryAndTheSkewBeyond) {
    const Parsed token(good);
    const Instant from = at(1767610800), until = at(1767611100);
    for (const Span skew : {Span{0}, Span{1}, 60 * second}) {
        EXPECT_EQ(refuse_time(token, from - skew - 1, skew), "token: not yet valid") << skew;
        EXPECT_EQ(refuse_time(token, from - skew, skew), "") << skew;
        EXPECT_EQ(refuse_time(token, until + skew, skew), "") << skew;
        EXPECT_EQ(refuse_time(token, until + skew + 1, skew), "token: expired") << skew;
    }
    EXPECT_EQ(refuse_time(token, forever, 60 * second), "token: expired");
    EXPECT_EQ(refuse_time(token, unknown, 60 * second), "token: not yet valid");
    EXPECT_EQ(refuse_time(token, forever, forever), "");
}

TEST(Token, WithoutNotBeforeItIsGoodFromEver) {
    const Parsed token(jwt(header, claims(R"(,"exp":1767611100)")));
    EXPECT_EQ(refuse_time(token, unknown, 0), "");
    EXPECT_EQ(refuse_time(token, at(1767611100), 0), "");
    EXPECT_EQ(refuse_time(token, at(1767611100) + 1, 0), "token: expired");
}

TEST(Token, ExpiredBeforeItIsValid) {
    const Parsed token(jwt(header, claims(R"(,"nbf":1767611100,"exp":1767610800)")));
    EXPECT_EQ(refuse_time(token, at(1767610800), 0), "token: not yet valid");
    EXPECT_EQ(refuse_time(token, at(1767610800) + 1, 0), "token: expired");
    EXPECT_EQ(refuse_time(token, at(1767611100), 0), "token: expired");
}

RC_GTEST_PROP(Token, RandomBytesNeverCrash, (const string& bytes)) {
    fuzz::check_token(bytes);
    fuzz::check_token_of(bytes);
}

RC_GTEST_PROP(Token, AFlippedByteIsRefusedOrChangesWhatIsSigned, ()) {
    string forged = good;
    const auto where = *rc::gen::inRange<std::size_t>(0, good.size());
    forged[where] = *rc::gen::distinctFrom(rc::gen::arbitrary<char>(), good[where]);
    fuzz::check_token(forged);
    const Parsed token(forged), original(good);
    RC_ASSERT(!token.problem.empty() || token.signed_part != original.signed_part ||
              bytes(token.signature) != bytes(original.signature));
}

RC_GTEST_PROP(Token, TheSkewIsExactToTheMicrosecond, ()) {
    Token token{};
    token.expires_at = *rc::gen::inRange<Instant>(0, at(4102444800));
    token.not_before = *rc::gen::inRange<Instant>(0, token.expires_at + 1);
    const Span skew = *rc::gen::inRange<Span>(0, 3600 * second);
    RC_ASSERT(refuse_time(token, token.expires_at + skew, skew).empty());
    RC_ASSERT(refuse_time(token, token.expires_at + skew + 1, skew) == "token: expired");
    RC_ASSERT(refuse_time(token, token.not_before - skew, skew).empty());
    RC_ASSERT(refuse_time(token, token.not_before - skew - 1, skew) == "token: not yet valid");
}

}  // namespace
}  // namespace attendance
