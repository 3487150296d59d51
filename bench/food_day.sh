#!/usr/bin/env bash
# How much of PostgreSQL's own speed reaches a client: the same food day (8 entries and totals) read by pgbench, which is
# the limit, and through Hale over HTTP, in interleaved rounds of one run. Prints requests per second and the ratio.
#
# Needs wrk, pgbench (with PostgreSQL), python3, and target/release/hale, which it builds if cargo finds it out of date.
# Everything lives in a new folder below /tmp and on loopback, and ends with the script.
#
#   bench/food_day.sh             3 rounds of 5 s with 8 connections
#   ROUNDS=5 SECONDS_EACH=10 CONNECTIONS=16 bench/food_day.sh
#   HALE=/usr/local/bin/hale bench/food_day.sh      measure this binary, build none
#   HALE_LOG=warn bench/food_day.sh                 without a log line per request, which is the default
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-5} connections=${CONNECTIONS:-8}
for program in wrk python3; do
  command -v "$program" >/dev/null || { echo "this needs $program" >&2; exit 1; }
done
. bench/server.sh
start_server --max-connections "$connections" --log "${HALE_LOG:-info}"
day=$(python3 bench/food_day.py "$url" "$folder" 2>&1) || { echo "$day" >&2; exit 1; }

export BENCH_FOLDER=$folder
connect_as hale_app
limit() { # seconds: transactions per second of pgbench
  # shellcheck disable=SC2046
  pgbench --no-vacuum --protocol=prepared --client="$connections" --jobs=2 --time="$1" --file=bench/food_day.sql \
    $(cat "$folder/pgbench") 2>>"$folder/pgbench.err" | tee -a "$folder/pgbench.out" | awk '/^number of failed/ { failed = $5 } /^tps/ { tps = $3 }
      END { if (tps == "" || failed + 0 > 0) exit 1; printf "%.0f", tps }'
}
through_hale() { # seconds: requests per second, p50 and p99 in ms
  wrk --threads 2 --connections "$connections" --duration "${1}s" --script bench/food_day.lua "$url" |
    awk -v bytes="$(cat "$folder/answer_bytes")" '/^RESULT/ { if ($4 > 0 || $5 < bytes) exit 1; printf "%.0f %s %s", $2 / $3, $6, $7; found = 1 } END { exit !found }'
}

echo "food day of $day; $connections connections, $rounds rounds of $seconds s each; $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
limit 1 >/dev/null || { cat "$folder/pgbench.err" >&2; exit 1; }
through_hale 1 >/dev/null
printf '%-7s %12s %12s %8s %10s %10s\n' round 'pgbench/s' 'Hale/s' ratio 'p50 ms' 'p99 ms'
ratios=()
for ((round = 1; round <= rounds; round++)); do
  # Who goes first changes, so that neither always has the warmer machine.
  if ((round % 2)); then
    pg=$(limit "$seconds")
    served=$(through_hale "$seconds")
  else
    served=$(through_hale "$seconds")
    pg=$(limit "$seconds")
  fi
  read -r requests p50 p99 <<<"$served"
  ratio=$(awk -v a="$requests" -v b="$pg" 'BEGIN { printf "%.3f", a / b }')
  ratios+=("$ratio")
  printf '%-7s %12s %12s %8s %10s %10s\n' "$round" "$pg" "$requests" "$ratio" "$p50" "$p99"
done
median=$(printf '%s\n' "${ratios[@]}" | median)
echo "median ratio Hale / pgbench: $median"
