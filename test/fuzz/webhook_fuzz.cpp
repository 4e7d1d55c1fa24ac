#include "check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    attendance::fuzz::check_webhook(body);
    attendance::fuzz::check_redact(body);
    return 0;
}
