#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "../fuzz/check.hpp"

namespace attendance {
namespace {

// Checks every file of a corpus, from memory of exactly its length, and returns how many there are.
int replay(const char* corpus, void (*check)(std::string_view)) {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(ATTENDANCE_CORPUS) / corpus)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
        EXPECT_NO_THROW(check({bytes.data(), bytes.size()})) << entry.path();
        ++files;
    }
    return files;
}

TEST(Corpus, Webhooks) {
    EXPECT_GT(replay("webhook", fuzz::check_webhook), 50);
    EXPECT_GT(replay("webhook", fuzz::check_redact), 50);
}

TEST(Corpus, Tokens) {
    EXPECT_GT(replay("token", fuzz::check_token), 50);
    EXPECT_GT(replay("token", fuzz::check_token_of), 50);
}

}  // namespace
}  // namespace attendance
