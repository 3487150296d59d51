#!/usr/bin/env bash
# What it costs to follow people: idle streams and streams with traffic at once, each on a WebSocket of its own. Prints the memory of
# the server per stream, and how long an event takes until the follower has it: from when the answer to the mutation is there, which
# is a little after the commit, and from when the mutation was sent, which is before it.
#
# Needs node and npm, and what bench/server.sh needs.
#
#   bench/subscriptions.sh           1,000 idle and 200 active streams, 50 changes per second for 30 s
#   IDLE=5000 ACTIVE=500 PER_SECOND=100 SECONDS_EACH=60 bench/subscriptions.sh
#   HALE=/usr/local/bin/hale bench/subscriptions.sh      measure this binary, build none
set -euo pipefail
cd "$(dirname "$0")/.."

for program in node npm; do
  command -v "$program" >/dev/null || { echo "this needs $program" >&2; exit 1; }
done
[[ -d tests/clients/node_modules/ws ]] || (cd tests/clients && npm ci --ignore-scripts --silent)

. bench/server.sh
start_server --log "${HALE_LOG:-warn}"
echo "$(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
node bench/subscriptions.mjs "$url" "$server" "${IDLE:-1000}" "${ACTIVE:-200}" "${PER_SECOND:-50}" "${SECONDS_EACH:-30}"
