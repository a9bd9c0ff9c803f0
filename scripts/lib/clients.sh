# shellcheck shell=bash
# psql, pgbench and poolers for the demo, the tests and the benchmark. Where the machine has none, Debian's
# packages are unpacked into .tools/ (nothing is installed, so no root and no server that starts
# by itself), with links in .tools/bin. All of it is optional: without them things are skipped.

CLIENTS="$TOOLS/debian"

# ensure_client psql|pgbench: 0 when the command is there afterwards, on PATH or in .tools/bin.
ensure_client() {
  local name="$1"
  command -v "$name" >/dev/null 2>&1 && return 0
  [ -x "$TOOLS/bin/$name" ] && return 0
  command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || return 1
  with_lock clients fetch_client "$name"
}

# ensure_pooler PACKAGE PROGRAM: 0 when Debian's pooler is there afterwards, in /usr/sbin or below
# .tools/debian/root. Unpacked ones start no server by themselves, and nobody has to be root.
ensure_pooler() {
  local package="$1" program="usr/sbin/$2"
  [ -x "/$program" ] || [ -x "$CLIENTS/root/$program" ] && return 0
  command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || return 1
  with_lock clients fetch_pooler "$package" "$program"
}

fetch_pooler() {
  [ -x "$CLIENTS/root/$2" ] && return 0
  say "fetching $1 from Debian's packages"
  mkdir -p "$CLIENTS/apt/lists/partial" "$CLIENTS/apt/cache/archives/partial" "$CLIENTS/root"
  private_cache show "$1" | grep -q . || private_apt update >/dev/null 2>&1
  fetch_packages "$1" || {
    private_apt update >/dev/null 2>&1
    fetch_packages "$1" || return 1
  }
  [ -x "$CLIENTS/root/$2" ]
}

fetch_client() {
  local name="$1" package
  [ -x "$TOOLS/bin/$name" ] && return 0
  say "fetching $name from Debian's packages"
  mkdir -p "$CLIENTS/apt/lists/partial" "$CLIENTS/apt/cache/archives/partial" "$CLIENTS/root"
  package="$(client_package "$name")" || {
    private_apt update >/dev/null 2>&1
    package="$(client_package "$name")" || return 1
  }
  fetch_packages "$package" || {
    # The lists may name versions that are no longer offered.
    private_apt update >/dev/null 2>&1
    fetch_packages "$package" || return 1
  }
  write_wrapper "$name"
}

# The package that holds the command, of the newest PostgreSQL that this Debian has.
client_package() {
  local prefix
  case "$1" in
    psql) prefix=postgresql-client- ;;
    *) prefix=postgresql- ;;
  esac
  private_cache pkgnames "$prefix" | grep -E "^${prefix}[0-9]+\$" | sort -t - -k 3 -V | tail -n 1 |
    grep .
}

# Downloads the package and whatever it needs that the machine does not have, and unpacks it all.
fetch_packages() {
  local wanted
  wanted="$(private_apt install --simulate --no-install-recommends "$1" 2>/dev/null |
    awk '$1 == "Inst" { print $2 }')"
  [ -n "$wanted" ] || wanted="$1"
  (
    cd "$CLIENTS/apt/cache/archives" || exit 1
    # shellcheck disable=SC2086
    private_apt download $wanted >/dev/null 2>&1 || exit 1
    for deb in ./*.deb; do
      dpkg --extract "$deb" "$CLIENTS/root" || exit 1
    done
    rm -f ./*.deb
  )
}

write_wrapper() {
  local program
  program="$(find "$CLIENTS/root/usr/lib/postgresql" -path "*/bin/$1" -type f | sort -V | tail -n 1)"
  [ -n "$program" ] || return 1
  mkdir -p "$TOOLS/bin"
  cat >"$TOOLS/bin/$1.$$" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH="\${LD_LIBRARY_PATH:+\$LD_LIBRARY_PATH:}$CLIENTS/root/usr/lib/$(uname -m)-linux-gnu"
export LD_LIBRARY_PATH
exec "$program" "\$@"
WRAPPER
  chmod +x "$TOOLS/bin/$1.$$"
  mv "$TOOLS/bin/$1.$$" "$TOOLS/bin/$1"
  "$TOOLS/bin/$1" --version >/dev/null 2>&1
}

private_apt() {
  apt-get "${APT_OPTIONS[@]}" "$@"
}

private_cache() {
  apt-cache "${APT_OPTIONS[@]}" "$@" 2>/dev/null
}

# Lists and cache of our own: an ordinary user may not write the machine's.
APT_OPTIONS=(
  -qq
  -o "Dir::State::Lists=$CLIENTS/apt/lists"
  -o "Dir::Cache=$CLIENTS/apt/cache"
  -o Debug::NoLocking=1
  -o APT::Sandbox::User=root
)
