#include "arena.hpp"

#include <algorithm>
#include <stdexcept>

namespace attendance {

std::string_view copy(std::string_view text, Arena& arena) {
    if (text.size() > static_cast<std::size_t>(arena.end - arena.next)) throw std::logic_error("arena is too small");
    char* const start = arena.next;
    arena.next = std::copy(text.begin(), text.end(), start);
    return {start, text.size()};
}

}  // namespace attendance
