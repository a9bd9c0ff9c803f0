# shellcheck shell=bash
# Set-up: Bun into .tools/ from npm, the packages of bun.lock into node_modules/, both without
# running anybody's install scripts. Quick and silent when everything is there already.

BUN_VERSION=1.4.5
SETUP_VERSION=1
SETUP_STAMP="$ROOT/node_modules/.pgpool-setup"

setup() {
  setup_is_done && return 0
  with_lock setup setup_locked
}

setup_locked() {
  setup_is_done && return 0
  install_bun
  install_packages
  setup_stamp >"$SETUP_STAMP"
}

setup_is_done() {
  [ -x "$BUN" ] && [ -x "$DENO" ] && [ -f "$SETUP_STAMP" ] &&
    [ "$(setup_stamp)" = "$(cat "$SETUP_STAMP")" ]
}

# What the installed tree depends on; a change of any of it makes the set-up run again.
setup_stamp() {
  (
    cd "$ROOT" || exit 1
    printf 'setup %s bun %s ' "$SETUP_VERSION" "$BUN_VERSION"
    cat package.json bun.lock | sha256sum | cut -d ' ' -f 1
  )
}

install_bun() {
  if [ -x "$BUN" ] && [ "$("$BUN" --version 2>/dev/null)" = "$BUN_VERSION" ]; then
    return 0
  fi
  need node "install Node.js 20 or newer"
  need npm "install npm, it comes with Node.js"
  say "installing Bun $BUN_VERSION"
  # npm 11 does not run install scripts unasked, and Bun's only chooses one of the binaries
  # that are there already: we choose ourselves, everywhere.
  npm install --prefix "$TOOLS" --ignore-scripts --no-save --no-package-lock --no-audit \
    --no-fund --no-update-notifier --loglevel error "bun@$BUN_VERSION" >&2 || die "npm could not install Bun"
  local candidate
  for candidate in "$TOOLS"/node_modules/@oven/bun-linux-*/bin/bun; do
    if [ "$("$candidate" --version 2>/dev/null)" = "$BUN_VERSION" ]; then
      link_tool bun "$candidate"
      return 0
    fi
  done
  die "none of Bun's binaries runs on this machine ($(uname -s) $(uname -m))"
}

install_packages() {
  say "installing the packages of bun.lock"
  (cd "$ROOT" && "$BUN" install --frozen-lockfile --ignore-scripts >&2) ||
    die "the packages could not be installed"
  (cd "$ROOT" && "$BUN" scripts/lib/hydrate.ts >&2) || die "PostgreSQL's libraries are incomplete"
  local candidate
  for candidate in "$ROOT"/node_modules/@deno/*/deno; do
    if "$candidate" --version >/dev/null 2>&1; then
      link_tool deno "$candidate"
      return 0
    fi
  done
  die "none of deno's binaries runs on this machine ($(uname -s) $(uname -m))"
}

# A relative link, so that the checkout may be moved.
link_tool() {
  mkdir -p "$TOOLS/bin"
  ln -sfn "$(realpath --relative-to="$TOOLS/bin" "$2")" "$TOOLS/bin/$1"
}
