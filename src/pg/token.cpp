#include "../core/token.hpp"

#include "boundary.hpp"
#include "bytes.hpp"
#include "span.hpp"

extern "C" {
#include "common/hmac.h"
#include "common/sha2.h"
#include "port.h"
#include "utils/builtins.h"
}

using namespace attendance;
using namespace attendance::pg;

static_assert(digest_size == PG_SHA256_DIGEST_LENGTH);

namespace {

const uint8* octets(std::string_view bytes) { return reinterpret_cast<const uint8*>(bytes.data()); }

void hmac_sha256(std::string_view secret, std::string_view message, uint8* digest) {
    pg_hmac_ctx* context = pg_hmac_create(PG_SHA256);
    if (context == nullptr) ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    const bool failed = pg_hmac_init(context, octets(secret), secret.size()) < 0 ||
                        pg_hmac_update(context, octets(message), message.size()) < 0 ||
                        pg_hmac_final(context, digest, digest_size) < 0;
    pg_hmac_free(context);
    if (failed) elog(ERROR, "could not compute an HMAC");
}

Token get_token(text* authorization) {
    const std::string_view jwt = get_bytes(authorization);
    Arena arena = new_arena(jwt.size() + 512);
    Token token{};
    guard([&] { token = parse_token(jwt, arena); });
    return token;
}

}  // namespace

// token_key(auth_token text): the API key that a token names, NULL when it is no token.
ATTENDANCE_FUNCTION(attendance_token_key) {
    const Token token = get_token(PG_GETARG_TEXT_PP(0));
    if (!token.problem.empty()) PG_RETURN_NULL();
    PG_RETURN_DATUM(bytes_datum(token.api_key));
}

// refuse_token(auth_token text, body bytea, secret text, at timestamptz, clock_skew interval): why, or NULL.
ATTENDANCE_FUNCTION(attendance_refuse_token) {
    const auto refuse = [](std::string_view reason) { return bytes_datum(reason); };
    if (PG_ARGISNULL(0)) return refuse("token: missing");
    const Token token = get_token(PG_GETARG_TEXT_PP(0));
    if (!token.problem.empty()) return refuse(token.problem);
    if (PG_ARGISNULL(2)) return refuse("token: unknown key");
    if (PG_ARGISNULL(1)) return refuse("body: missing");
    if (PG_ARGISNULL(3) || PG_ARGISNULL(4))
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the time and the clock skew must be given")));

    uint8 expected[digest_size];
    hmac_sha256(get_bytes(PG_GETARG_TEXT_PP(2)), token.signed_part, expected);
    if (timingsafe_bcmp(expected, token.signature, digest_size) != 0) return refuse("token: wrong signature");
    if (const std::string_view reason = refuse_time(token, PG_GETARG_TIMESTAMPTZ(3), get_span(PG_GETARG_DATUM(4)));
        !reason.empty())
        return refuse(reason);
    const Datum digest = DirectFunctionCall1(sha256_bytea, PG_GETARG_DATUM(1));
    if (timingsafe_bcmp(VARDATA_ANY(DatumGetPointer(digest)), token.body_digest, digest_size) != 0)
        return refuse("token: of another body");
    PG_RETURN_NULL();
}
