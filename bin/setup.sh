# Sourced by bin/up and bin/test, which set $root: makes .venv in the checkout and installs a lock file into it.
# A copy of each installed lock file lies in .venv, so that a second start neither resolves nor installs anything.

venv=$root/.venv
python=$venv/bin/python
apt_get="apt-get -q -o DPkg::Lock::Timeout=300"

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# install_lock LOCK...: the last one is installed, the ones before it are known to be part of it.
install_lock() {
    lock_is_installed "$@" && return
    make_venv
    for lock in "$@"; do :; done
    rm -f "$venv"/requirements*.lock
    say "Installing $lock into .venv; this happens once."
    install_wheels "$root/$lock" || die "Installing $lock failed: see above; then run this again."
    for lock in "$@"; do
        cp "$root/$lock" "$venv/$lock"
    done
}

lock_is_installed() {
    for lock in "$@"; do
        cmp -s "$root/$lock" "$venv/$lock" || return 1
    done
    is_new_enough "$python"
}

# With uv, which takes seconds where pip takes minutes: the machine's, else the one that the lock file names, if it does.
# It trusts whom the machine trusts, under its old and its new name for that; where only pip knows the way, pip goes.
install_wheels() {
    uv=$(command -v uv) || uv=$(install_uv "$1") || uv=''
    [ -n "$uv" ] && UV_NATIVE_TLS=1 UV_SYSTEM_CERTS=1 "$uv" pip install --quiet --python "$python" --compile-bytecode \
        --require-hashes --only-binary :all: -r "$1" && return
    [ -z "$uv" ] || say "uv could not do it; pip tries, which takes longer."
    install_with_pip "$1"
}

install_uv() {
    grep -q '^uv==' "$1" || return 1
    sed -n '/^uv==/,/[^\\]$/p' "$1" >"$venv/uv.txt"
    install_with_pip "$venv/uv.txt" >&2 && printf '%s\n' "$venv/bin/uv"
}

install_with_pip() {
    "$python" -m pip install --quiet --no-input --disable-pip-version-check --require-hashes --only-binary :all: -r "$1"
}

make_venv() {
    is_new_enough "$python" && { command -v uv >/dev/null || "$python" -m pip --version >/dev/null 2>&1; } && return
    base=$(find_python) || { install_python && base=$(find_python); } || die "$(what_is_missing), then run this again."
    create_venv "$base" || die "$base -m venv failed: run it by hand to see why."
}

create_venv() {
    if command -v uv >/dev/null; then
        UV_PYTHON_DOWNLOADS=never uv venv --quiet --clear --python "$1" "$venv"
    else
        "$1" -m venv --clear "$venv" >/dev/null 2>&1
    fi
}

# The distribution's own first: it is built with profile-guided optimisation, what a version manager compiles on the
# spot seldom is and then takes up to twice as long (docs/decisions/0018). $PYTHON, where set, is the only one asked.
pythons() {
    for name in ${PYTHON:-/usr/bin/python3 python3 python3.13 python3.12 python3.11 python3.14 python}; do
        path=$(command -v "$name") && is_new_enough "$path" && printf '%s\n' "$path"
    done
    return 0
}

# The first of them that can make an environment.
find_python() {
    pythons | while IFS= read -r path; do
        if command -v uv >/dev/null || "$path" -c 'import ensurepip' 2>/dev/null; then
            printf '%s\n' "$path"
            break
        fi
    done | grep .
}

what_is_missing() {
    if [ -n "$(pythons)" ]; then
        printf '%s' "Python's venv module is missing: install it (on Debian: apt-get install python3-venv)"
    else
        printf '%s' "Lemur needs Python 3.11 or newer: install it"
    fi
}

is_new_enough() {
    [ -x "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# Debian leaves venv and pip out of its Python.
install_python() {
    may_apt || return 1
    say "Installing Debian's python3-venv."
    apt_install python3 python3-venv
}

may_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    $apt_get update >/dev/null && $apt_get install -y --no-install-recommends "$@" >/dev/null
}
