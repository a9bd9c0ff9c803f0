# shellcheck shell=bash
# Compiles dist/pgpool, only when something it is made of has changed.

BINARY="$ROOT/dist/pgpool"
BUILD_STAMP="$ROOT/dist/.stamp"
SOURCES=(cmd lib conf mod.ts package.json bun.lock deno.json scripts/lib/build.sh)

build() {
  with_lock build build_locked
}

build_locked() {
  local stamp
  stamp="$(source_stamp)"
  if [ -x "$BINARY" ] && [ -f "$BUILD_STAMP" ] && [ "$(cat "$BUILD_STAMP")" = "$stamp" ]; then
    return 0
  fi
  [ -f "$ROOT/cmd/pgpool.ts" ] || die "cmd/pgpool.ts is missing"
  say "compiling dist/pgpool"
  mkdir -p "$ROOT/dist"
  local new="$ROOT/dist/pgpool.$$"
  # A server must not pick up settings from the .env or bunfig.toml of the directory it happens to
  # be started in. Names are kept because error classes and stack traces show them.
  if ! (cd "$ROOT" && "$BUN" build cmd/pgpool.ts --compile --minify --keep-names \
    --no-compile-autoload-dotenv --no-compile-autoload-bunfig --outfile "$new") >&2; then
    rm -f "$new"
    die "the binary could not be compiled"
  fi
  # Renamed into place, so that a running pgpool keeps its file and nobody sees half a binary.
  mv "$new" "$BINARY"
  printf '%s\n' "$stamp" >"$BUILD_STAMP"
}

source_stamp() {
  (
    cd "$ROOT" || exit 1
    {
      "$BUN" --version
      for source in "${SOURCES[@]}"; do
        [ ! -e "$source" ] || find "$source" -type f -print0
      done | LC_ALL=C sort -z | xargs -0 sha256sum
    } | sha256sum | cut -d ' ' -f 1
  )
}
