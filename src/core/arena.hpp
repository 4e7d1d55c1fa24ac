#pragma once

#include <cstddef>
#include <string_view>

namespace attendance {

// Memory handed in by the caller, who knows who frees it. Core only moves the cursor.
struct Arena {
    char* next;
    char* end;
};

// A copy of text in the arena. Throws std::logic_error when it does not fit: whoever sized the arena was wrong.
std::string_view copy(std::string_view text, Arena&);

}  // namespace attendance
