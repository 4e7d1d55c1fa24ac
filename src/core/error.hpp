#pragma once

#include <stdexcept>
#include <string>

namespace attendance {

// What kind of mistake an Error reports; src/pg/boundary.cpp gives each its SQLSTATE.
enum class Fault { invalid_text, invalid_value, out_of_range };

// The one exception core throws for bad input. Anything else that escapes is a bug or a lack of memory.
struct Error : std::runtime_error {
    Fault fault;
    Error(Fault f, const std::string& message) : std::runtime_error(message), fault(f) {}
};

}  // namespace attendance
