# shellcheck shell=bash
# shellcheck disable=SC2034  # the variables are for the scripts that include this
# What every script starts with: where things are, how to talk, how to take turns.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)"
TOOLS="$ROOT/.tools"
BUN="$TOOLS/bin/bun"
DENO="$TOOLS/bin/deno"

# Keeps deno away from the home directory and from looking for updates.
export DENO_DIR="$TOOLS/deno-cache" DENO_NO_UPDATE_CHECK=1

# Progress goes to standard error: standard output belongs to the caller.
say() {
  printf '%s\n' "$*" >&2
}

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"
}

# Runs a function of the calling script while no other script holds the same lock.
# Locks are open files, so a script that is killed leaves none behind. What the function
# starts does not inherit the lock (9>&-).
with_lock() {
  local name="$1"
  shift
  mkdir -p "$TOOLS"
  (
    if ! flock --nonblock 9; then
      say "waiting for another script to finish ($name)"
      flock --timeout 900 9 || die "another script has been at it for 15 minutes ($TOOLS/$name.lock)"
    fi
    "$@" 9>&-
  ) 9>"$TOOLS/$name.lock"
}
