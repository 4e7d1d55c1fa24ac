# make, make install, make installcheck; PG_CONFIG=/path/to/pg_config for another PostgreSQL.
# Builds out of tree too: make -f /path/to/attendance/Makefile

EXTENSION  = attendance
MODULE_big = attendance

src := $(dir $(firstword $(MAKEFILE_LIST)))
core  = $(sort $(wildcard $(src)src/core/*.cpp))
glue  = $(sort $(wildcard $(src)src/pg/*.cpp))
parts = $(sort $(wildcard $(src)src/sql/*.sql))
version = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(src)attendance.control)

OBJS  = $(patsubst $(src)%.cpp,%.o,$(core) $(glue))
built = attendance--$(version).sql
DATA_built = $(built)
DATA = $(wildcard $(src)attendance--*--*.sql)

REGRESS      = $(patsubst $(src)sql/%.sql,%,$(sort $(wildcard $(src)sql/*.sql)))
REGRESS_OPTS = --inputdir=$(src) --load-extension=attendance --encoding=UTF8 --no-locale
ISOLATION      = $(patsubst $(src)test/isolation/specs/%.spec,%,$(sort $(wildcard $(src)test/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=$(src)test/isolation --load-extension=attendance --encoding=UTF8 --no-locale
TAP_TESTS = 1
PROVE_TESTS = $(sort $(wildcard $(src)test/t/*.pl))

# Bitcode for the JIT would ignore PG_CXXFLAGS, and no function here is worth inlining into a plan.
override with_llvm = no
SHLIB_LINK  = -lstdc++
PG_CXXFLAGS = -std=c++20 -O2 -Wall -Wextra -Wno-register -fvisibility=hidden

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PostgreSQL's headers are the system's: their warnings are not ours.
override CPPFLAGS := $(patsubst -I$(includedir_server),-isystem $(includedir_server),$(CPPFLAGS))
# PGXS may have flags for C++ that g++ refuses.
override CXXFLAGS := $(filter-out -Wdeclaration-after-statement -fexcess-precision=standard,$(CXXFLAGS))

$(built): $(parts)
	cat $^ > $@

# PGXS tracks no headers; there are few. Out of tree, make would take the source's folders for those of the objects.
$(OBJS): $(wildcard $(src)src/core/*.hpp $(src)src/pg/*.hpp)
$(shell mkdir -p src/core src/pg)
