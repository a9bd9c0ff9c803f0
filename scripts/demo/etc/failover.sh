#!/bin/sh
# failover_command of the demo: promotes the new main node when the primary has failed. What pgpool
# tells is in the environment (docs/scripts.md).
set -eu
# shellcheck source=/dev/null
. "$(dirname "$0")/demo.env"

if [ "$PGPOOL_NEW_MAIN_ID" -lt 0 ]; then
  echo "no node is left that could be promoted"
elif [ "$PGPOOL_NODE_ID" != "$PGPOOL_OLD_PRIMARY_ID" ]; then
  echo "node $PGPOOL_NODE_ID was a standby, nothing is to be promoted"
else
  "$PG_CTL" -D "$PGPOOL_NEW_MAIN_DATA_DIRECTORY" -w promote
fi
