#!/bin/sh
# follow_primary_command of the demo: a standby that runs is made anew from the new primary. A server
# that does not run is left alone: somebody may want to look at it first.
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/demo.env"

if ! "$PG_CTL" -D "$PGPOOL_NODE_DATA_DIRECTORY" status >/dev/null; then
  echo "node $PGPOOL_NODE_ID does not run; to bring it back: pgpool pcp recovery-node $PGPOOL_NODE_ID"
  exit 0
fi
"$PGPOOL" pcp recovery-node -w -y -h "$PCPHOST" -p "$PCPPORT" -U "$PCPUSER" "$PGPOOL_NODE_ID"
