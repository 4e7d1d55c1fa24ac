#pragma once

// The boundary between PostgreSQL, which leaves a function by longjmp, and C++, which leaves it by unwinding.
//
//   core  may throw and calls nothing of PostgreSQL;
//   glue  holds only trivially destructible locals and may ereport;
//   guard is the one way from glue into core, and turns an exception into an ereport once every C++ object is gone.

#include <new>
#include <type_traits>

#include "../core/error.hpp"
#include "../core/time.hpp"

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif
}

// An SQL-callable function in C++. Only these are visible outside the library; PostgreSQL 15 leaves PGDLLEXPORT empty
// here, hence the pragma.
#define ATTENDANCE_FUNCTION(name)                                              \
    _Pragma("GCC visibility push(default)") extern "C" {                       \
        PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                              \
        PG_FUNCTION_INFO_V1(name);                                             \
    }                                                                          \
    _Pragma("GCC visibility pop") Datum name([[maybe_unused]] PG_FUNCTION_ARGS)

namespace attendance::pg {

static_assert(forever == DT_NOEND && unknown == DT_NOBEGIN, "an Instant is a TimestampTz");

// An exception, copied to where a longjmp does no harm.
struct Caught {
    int sqlstate;
    char message[512];
};

void remember(Caught&, const attendance::Error&);
void remember_no_memory(Caught&);
void remember_bug(Caught&, const char* what);

// Raises what was caught; where the caller asked for soft errors (PostgreSQL 16), notes it in `context` and returns.
void report(const Caught&, Node* context);

// Calls core and keeps what it threw; true if it threw nothing. The lambda must not call PostgreSQL.
template <class F>
bool attempt(Caught& caught, F&& core) {
    static_assert(std::is_trivially_destructible_v<std::remove_reference_t<F>>,
                  "an error report would skip the destructor of what the lambda holds");
    try {
        core();
        return true;
    } catch (const attendance::Error& e) {
        remember(caught, e);
    } catch (const std::bad_alloc&) {
        remember_no_memory(caught);
    } catch (const std::exception& e) {
        remember_bug(caught, e.what());
    } catch (...) {
        remember_bug(caught, "unknown exception");
    }
    return false;
}

// Calls core and reports what it threw. Returns false after a soft error only.
template <class F>
bool guard(F&& core, Node* context = nullptr) {
    Caught caught;
    if (attempt(caught, core)) return true;
    report(caught, context);
    return false;
}

}  // namespace attendance::pg
