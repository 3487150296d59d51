#!/usr/bin/env bash
# What it costs to follow people: idle streams and streams with traffic at once, each on a WebSocket of its own. Prints the memory of
# the server per stream, and how long an event takes until the follower has it: from when the answer to the mutation is there, which
# is a little after the commit, and from when the mutation was sent, which is before it.
#
# Needs node and npm, and target/release/hale, which it builds if cargo finds it out of date. Everything lives in a new folder below
# /tmp and on loopback, and ends with the script.
#
#   bench/subscriptions.sh           1,000 idle and 200 active streams, 50 changes per second for 30 s
#   IDLE=5000 ACTIVE=500 PER_SECOND=100 SECONDS_EACH=60 bench/subscriptions.sh
#   HALE=/usr/local/bin/hale bench/subscriptions.sh      measure this binary, build none
set -euo pipefail
cd "$(dirname "$0")/.."

for program in node npm; do
  command -v "$program" >/dev/null || { echo "this needs $program" >&2; exit 1; }
done
unset DATABASE_URL DATABASE_OWNER_URL DATABASE_LISTEN_URL DATABASE_URL_FILE DATABASE_OWNER_URL_FILE DATABASE_LISTEN_URL_FILE HALE_KEYS_FILE
hale=${HALE:-}
if [[ -z $hale ]]; then
  cargo build --release --quiet --locked -p api
  hale=${CARGO_TARGET_DIR:-target}/release/hale
fi
[[ -d tests/clients/node_modules/ws ]] || (cd tests/clients && npm ci --ignore-scripts --silent)

folder=$(mktemp -d /tmp/hale-bench.XXXXXX)
chmod 711 "$folder"
: >"$folder/out"
server=
clean() {
  if [[ -n $server ]] && kill -0 "$server" 2>/dev/null; then
    # Hale stops its PostgreSQL.
    kill -TERM "$server"
    wait "$server" || true
  fi
  rm -rf "$folder"
}
trap clean EXIT
trap 'exit 130' INT TERM

"$hale" --data-dir "$folder/data" --listen 127.0.0.1:0 --log "${HALE_LOG:-warn}" >"$folder/out" 2>"$folder/err" &
server=$!
for ((tries = 0; tries < 600; tries++)); do
  url=$(sed -n 's/^ *graphql *//p' "$folder/out")
  [[ -n $url ]] && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/err" >&2; exit 1; }
  sleep 0.1
done
[[ -n $url ]] || { echo "Hale did not start" >&2; exit 1; }
echo "$(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
node bench/subscriptions.mjs "$url" "$server" "${IDLE:-1000}" "${ACTIVE:-200}" "${PER_SECOND:-50}" "${SECONDS_EACH:-30}"
