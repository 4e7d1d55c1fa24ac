#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view authorization(reinterpret_cast<const char*>(data), size);
    attendance::fuzz::check_token(authorization);
    attendance::fuzz::check_token_of(authorization);
    return 0;
}
