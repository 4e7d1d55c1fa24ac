# What scripts/demo and scripts/test share: Debian's packages, one temporary folder, a PostgreSQL of its own in it.
# To be sourced. Whatever ends the script, nothing it started or wrote outlives it.

set -euo pipefail
umask 022
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset "${!PG@}"
export LC_ALL=C.UTF-8 PGUSER=postgres PGDATABASE=postgres

work=       # the temporary folder
child=      # the process group that run() waits for
patient=    # set while that may not be killed: half-installed packages are worse than a wait
no_cluster=/etc/postgresql-common/createcluster.d/attendance.conf

heading() { printf '\n== %s\n' "$*"; }
die() { printf '%s: %s\n' "$0" "$*" >&2; exit 1; }

as_root() { if ((EUID)); then sudo "$@"; else "$@"; fi; }

# PostgreSQL refuses to run as root. Not runuser: it would stay in between, and be slow to pass a signal on.
unprivileged() { if ((EUID)); then "$@"; else setpriv --reuid postgres --regid postgres --init-groups "$@"; fi; }

# Runs a command or function in a process group of its own: a signal to the script ends it at once, and whole.
run() {
    local status=0
    set -m
    { set -e; "$@"; } </dev/null &
    child=$!
    set +m
    wait "$child" || status=$?
    child=
    return "$status"
}

# Installs those of the named packages that are missing, without the cluster that Debian would start for them.
need() {
    local package missing=() install=(apt-get -qqy install --no-install-recommends)
    for package; do
        dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    echo "installing ${missing[*]}"
    as_root mkdir -p "${no_cluster%/*}"
    echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
    run as_root apt-get -qq update
    run as_root "${install[@]}" --download-only "${missing[@]}" >/dev/null
    patient=yes
    run as_root env DEBIAN_FRONTEND=noninteractive "${install[@]}" "${missing[@]}" >/dev/null
    patient=
    forget_no_cluster
}

forget_no_cluster() {
    [[ -e $no_cluster ]] || return 0
    as_root rm "$no_cluster"
    as_root rmdir -p --ignore-fail-on-non-empty "${no_cluster%/*}"
}

# Makes the temporary folder: a copy of the tree, to go to and build in, and a PostgreSQL to install into. PostgreSQL
# finds its files from where its programs are, so these are copied and all else is linked: the system's stays as it is.
workspace() {
    local installed=postgresql/15 kind
    work=$(mktemp -d /tmp/attendance.XXXXXX)
    ((EUID)) || chown postgres: "$work"
    unprivileged mkdir "$work"/{source,usr,usr/{lib,share,include},usr/{lib,share,include}/postgresql}
    tar --exclude=./.git -cf - . | unprivileged tar -C "$work/source" -xf -
    for kind in lib share include; do
        unprivileged cp -rs "/usr/$kind/$installed" "$work/usr/$kind/postgresql"
    done
    unprivileged rm -rf "$work/usr/lib/$installed/bin" "$work/usr/lib/$installed/lib/attendance.so" \
        "$work/usr/share/$installed/extension/attendance"*
    unprivileged cp -r "/usr/lib/$installed/bin" "$work/usr/lib/$installed"
    cd "$work/source"
    export PATH=$work/usr/lib/$installed/bin:$PATH PGHOST=$work TMPDIR=$work HOME=$work
}

# Compiles the extension afresh; an earlier build in the tree does not count.
compile() {
    unprivileged make -s clean
    unprivileged make -j"$(nproc)"
}

# Installs the extension and starts a cluster, reached only through a socket in the temporary folder.
start_cluster() {
    unprivileged make -s install
    unprivileged initdb -D "$work/data" -U postgres -E UTF8 --locale=C.UTF-8 -A trust --no-sync >/dev/null
    unprivileged tee -a "$work/data/postgresql.conf" >/dev/null <<EOF
listen_addresses = ''
unix_socket_directories = '$work'
shared_preload_libraries = 'pg_cron'
cron.use_background_workers = on
max_worker_processes = 20
fsync = off
EOF
    unprivileged pg_ctl -D "$work/data" -l "$work/server.log" -w start >/dev/null || { cat "$work/server.log"; return 1; }
}

# Ends what runs, stops every server whose data is in the temporary folder (TAP tests start their own), removes it.
clean_up() {
    local pidfile tries
    trap '' HUP INT TERM
    set +e
    if [[ $child && $patient ]]; then
        echo 'letting apt finish'
        wait "$child"
    elif [[ $child ]]; then
        kill -TERM -- "-$child"
        for ((tries = 0; tries < 100; tries++)); do kill -0 -- "-$child" || break; sleep 0.1; done
        kill -KILL -- "-$child"
    fi 2>/dev/null
    forget_no_cluster
    [[ $work ]] || return
    while read -rd '' pidfile; do
        unprivileged pg_ctl -D "${pidfile%/*}" -m immediate stop >/dev/null
    done < <(find "$work" -name postmaster.pid -print0)
    rm -rf "$work"
}

trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
