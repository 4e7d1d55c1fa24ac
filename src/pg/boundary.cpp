#include "boundary.hpp"

#include <cstring>

#pragma GCC visibility push(default)
extern "C" {
PG_MODULE_MAGIC;
}
#pragma GCC visibility pop

namespace attendance::pg {

namespace {

void keep(Caught& caught, int sqlstate, const char* message) {
    caught.sqlstate = sqlstate;
    strlcpy(caught.message, message, sizeof caught.message);
}

int sqlstate(Fault fault) {
    switch (fault) {
        case Fault::invalid_text: return ERRCODE_INVALID_TEXT_REPRESENTATION;
        case Fault::invalid_value: return ERRCODE_INVALID_PARAMETER_VALUE;
        case Fault::out_of_range: return ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE;
    }
    return ERRCODE_INTERNAL_ERROR;
}

}  // namespace

void remember(Caught& caught, const attendance::Error& e) { keep(caught, sqlstate(e.fault), e.what()); }

void remember_no_memory(Caught& caught) { keep(caught, ERRCODE_OUT_OF_MEMORY, "out of memory"); }

void remember_bug(Caught& caught, const char* what) { keep(caught, ERRCODE_INTERNAL_ERROR, what); }

void report(const Caught& caught, Node* context) {
#if PG_VERSION_NUM >= 160000
    errsave(context, (errcode(caught.sqlstate), errmsg("%s", caught.message)));
#else
    (void)context;
    ereport(ERROR, (errcode(caught.sqlstate), errmsg("%s", caught.message)));
#endif
}

}  // namespace attendance::pg
