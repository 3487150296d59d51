#!/usr/bin/env bash
# How much of PostgreSQL's own speed reaches a client: a food day of 20 entries, a report over 90 days of 12 entries, and a search
# among 200,000 foods, each done by pgbench, which is the limit, and through Hale over HTTP, in interleaved rounds of one run.
# Prints requests per second and the ratio, and what each search takes in the database alone.
#
# Needs wrk, pgbench and psql (with PostgreSQL), python3, and target/release/hale, which it builds if cargo finds it out of date.
# Everything lives in a new folder below /tmp and on loopback, and ends with the script.
#
#   bench/food.sh                 3 rounds of 5 s with 8 connections
#   ROUNDS=5 SECONDS_EACH=10 CONNECTIONS=16 FOODS=200000 PEOPLE=200 bench/food.sh
#   HALE=/usr/local/bin/hale bench/food.sh      measure this binary, build none
#   HALE_LOG=warn bench/food.sh                 without a log line per request, which is the default
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-5} connections=${CONNECTIONS:-8} foods=${FOODS:-200000} people=${PEOPLE:-200}
for program in wrk python3; do
  command -v "$program" >/dev/null || { echo "this needs $program" >&2; exit 1; }
done
. bench/server.sh
start_server --max-connections "$connections" --log "${HALE_LOG:-info}"
connect_as hale_owner
prepared=$(python3 bench/food.py "$url" "$folder" "$foods" "$people" 2>&1) || { echo "$prepared" >&2; exit 1; }

export BENCH_FOLDER=$folder
connect_as hale_app
mapfile -t defined <"$folder/pgbench"
limit() { # work, seconds: transactions per second of pgbench
  pgbench --no-vacuum --protocol=prepared --client="$connections" --jobs=2 --time="$2" --file="bench/food/$1.sql" \
    "${defined[@]}" 2>>"$folder/pgbench.err" | awk '/^number of failed/ { failed = $5 } /^tps/ { tps = $3 }
      END { if (tps == "" || failed + 0 > 0) exit 1; printf "%.0f", tps }'
}
through_hale() { # work, seconds: requests per second, p50 and p99 in ms
  BENCH_WORK=$1 wrk --threads 2 --connections "$connections" --duration "${2}s" --script bench/food.lua "$url" |
    awk -v bytes="$(cat "$folder/$1.bytes")" '/^RESULT/ { if ($4 > 0 || $5 < bytes) exit 1; printf "%.0f %s %s", $2 / $3, $6, $7; found = 1 } END { exit !found }'
}
search_alone() { # which of the searches: milliseconds of the function in the database, as its only client sees it
  pgbench --no-vacuum --protocol=prepared --report-per-command --client=1 --time=2 --define=word="$1" "${defined[@]}" \
    --file=<(sed '/^.set word/d' bench/food/search.sql) 2>>"$folder/pgbench.err" | awk '/search.foods/ { print $1; found = 1 } END { exit !found }'
}

echo "$foods foods, $people people with 1,100 entries each; $connections connections, $rounds rounds of $seconds s each; $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
printf '%-7s %-7s %12s %12s %8s %10s %10s\n' work round 'pgbench/s' 'Hale/s' ratio 'p50 ms' 'p99 ms'
for work in day report search; do
  limit "$work" 1 >/dev/null || { cat "$folder/pgbench.err" >&2; exit 1; }
  through_hale "$work" 1 >/dev/null
  ratios=()
  for ((round = 1; round <= rounds; round++)); do
    # Who goes first changes, so that neither always has the warmer machine.
    if ((round % 2)); then
      pg=$(limit "$work" "$seconds")
      served=$(through_hale "$work" "$seconds")
    else
      served=$(through_hale "$work" "$seconds")
      pg=$(limit "$work" "$seconds")
    fi
    read -r requests p50 p99 <<<"$served"
    ratio=$(awk -v a="$requests" -v b="$pg" 'BEGIN { printf "%.3f", a / b }')
    ratios+=("$ratio")
    printf '%-7s %-7s %12s %12s %8s %10s %10s\n' "$work" "$round" "$pg" "$requests" "$ratio" "$p50" "$p99"
  done
  echo "$work: median ratio Hale / pgbench $(printf '%s\n' "${ratios[@]}" | median)"
done

which=0
while IFS= read -r search; do
  which=$((which + 1))
  printf 'search for %-24s %8s ms in the database\n' "“$search”" "$(search_alone "$which")"
done <"$folder/searches"
