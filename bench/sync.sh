#!/usr/bin/env bash
# What offline sync costs. Devices push batches of 10 new rows through GraphQL, and pgbench writes the same rows, log and counter by hand,
# in interleaved rounds: mutations per second, and per second of CPU of the server and PostgreSQL together. Then a page of 500 rows and a
# catch-up, against the same rows read by psql; bytes per change; and the time from the answer to a push until who follows has the event,
# at the same server and at another one over the same database.
#
# Needs node and npm, and what bench/server.sh needs.
#
#   bench/sync.sh                3 rounds of 8 s with 100 people, a catch-up of 10,000 rows
#   ROUNDS=5 SECONDS_EACH=20 PEOPLE=500 ROWS=10000 bench/sync.sh
#   HALE=/usr/local/bin/hale bench/sync.sh      measure this binary, build none
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-8} people=${PEOPLE:-100} rows=${ROWS:-10000}
for program in node npm psql; do
  command -v "$program" >/dev/null || { echo "this needs $program" >&2; exit 1; }
done
[[ -d tests/clients/node_modules/ws ]] || (cd tests/clients && npm ci --ignore-scripts --silent)

. bench/server.sh
start_server --log warn
node bench/sync.mjs prepare "$url" "$folder" "$people"

connect_as hale_owner
psql -qv ON_ERROR_STOP=1 <<SQL
CREATE SCHEMA raw;
CREATE TABLE raw.people AS SELECT row_number() OVER (ORDER BY email) AS n, id FROM users WHERE email LIKE 'bench%';
ALTER TABLE raw.people ADD PRIMARY KEY (n);
CREATE TABLE raw.spaces AS SELECT id AS user_id, 0::bigint AS head FROM raw.people;
ALTER TABLE raw.spaces ADD PRIMARY KEY (user_id);
CREATE TABLE raw.measurements (user_id uuid, id uuid, type text NOT NULL, value numeric NOT NULL, unit text NOT NULL, measured_at timestamptz NOT NULL,
  time_zone text NOT NULL, PRIMARY KEY (user_id, id));
CREATE TABLE raw.changes (user_id uuid, number bigint, collection text NOT NULL, id uuid NOT NULL, cells jsonb NOT NULL, client text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (user_id, number));
SQL

postmaster=$(head -n 1 "$folder/data/postgres/data/postmaster.pid")
cpu() { # hundredths of a second that PostgreSQL and these processes have used
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v wanted=" $* " -v parent="$postmaster" '{ pid = $1; sub(/^.*\) /, "")
    if ($2 == parent || index(wanted, " " pid " ")) sum += $12 + $13
    # Those that have ended are counted with the one that started them.
    if (pid == parent) sum += $12 + $13 + $14 + $15 } END { print sum }'
}
by_hand() { # mutations per second, and per second of CPU
  local from to tps
  from=$(cpu)
  tps=$(pgbench --no-vacuum --protocol=prepared --client=8 --jobs=1 --time="$seconds" --define=people="$people" --file=bench/sync.sql 2>>"$folder/pgbench.err" |
    tee -a "$folder/pgbench.out" | awk '/^number of failed/ { failed = $5 } /^tps/ { tps = $3 } END { if (tps == "" || failed + 0 > 0) exit 1; print tps }')
  to=$(cpu)
  awk -v tps="$tps" -v cpu=$((to - from)) -v seconds="$seconds" 'BEGIN { printf "%.0f %.0f", tps * 10, tps * 10 * seconds / (cpu / 100) }'
}
through_hale() { # mutations per second, and per second of CPU; p50 and p99 of a batch in ms
  local from to told
  from=$(cpu "$server")
  told=$(node bench/sync.mjs push "$url" "$folder" "$seconds")
  to=$(cpu "$server")
  awk -v cpu=$((to - from)) -v seconds="$seconds" '{ printf "%s %.0f %s %s", $1, $1 * seconds / (cpu / 100), $2, $3 }' <<<"$told"
}

echo "batches of 10 new rows of 5 cells, 8 connections, $people people, $rounds rounds of $seconds s; $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null || echo unknown)"
printf '%-6s %28s %28s %7s %17s\n' round 'by hand/s (per CPU second)' 'Hale/s (per CPU second)' ratio 'batch p50/p99 ms'
ratios=()
for ((round = 1; round <= rounds; round++)); do
  if ((round % 2)); then
    hand=$(by_hand)
    hale_told=$(through_hale)
  else
    hale_told=$(through_hale)
    hand=$(by_hand)
  fi
  read -r hand_rate hand_cpu <<<"$hand"
  read -r rate cpu_rate p50 p99 <<<"$hale_told"
  ratio=$(awk -v a="$cpu_rate" -v b="$hand_cpu" 'BEGIN { printf "%.3f", a / b }')
  ratios+=("$ratio")
  printf '%-6s %28s %28s %7s %17s\n' "$round" "$hand_rate ($hand_cpu)" "$rate ($cpu_rate)" "$ratio" "$p50/$p99"
done
echo "median ratio per CPU second, Hale / by hand: $(printf '%s\n' "${ratios[@]}" | median)"

read -r page page99 catch_up <<<"$(node bench/sync.mjs pages "$url" "$folder" "$rows")"
person=$(psql -Atqc "SELECT user_id FROM raw.people p JOIN sync_spaces s ON s.user_id = p.id ORDER BY s.head DESC LIMIT 1")
of_first="SELECT collection, id, number, document, clocks, deleted, version FROM sync_rows WHERE user_id = '$person' ORDER BY number"
by_psql() { # rows: ms, the median of 5
  for _ in 1 2 3 4 5; do
    psql -q -c '\timing on' -c "\\o $folder/rows" -c "$of_first LIMIT $1" -c '\o' | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1
  done | median
}
echo "page of 500 rows      $page ms (p99 $page99), by psql $(by_psql 500) ms"
echo "catch-up of $rows  $catch_up ms, by psql $(by_psql "$rows") ms"

psql -Atq <<SQL
SELECT 'bytes of a change of 7 cells in the log: ' || round(avg(pg_column_size(c.*))) || ', as 7 rows of Talon''s messages: ' ||
  (SELECT round(7 * avg(pg_column_size(m.*))) FROM (SELECT * FROM messages WHERE user_id = '$person' LIMIT 700) m)
FROM sync_changes c WHERE user_id = '$person';
SQL
echo "bytes of a change of one column on its way: $(node bench/sync.mjs wire "$url" "$folder")"

: >"$folder/out2"
"$hale" --data-dir "$folder/second" --keys-file "$folder/data/keys.json" --listen 127.0.0.1:0 --points-per-person off --points-per-address off --log warn \
  --database-url "postgres://hale_app:$(cat "$folder/data/secrets/hale_app")@localhost/hale?host=$folder/data/postgres" >"$folder/out2" 2>"$folder/err2" &
second=$!
stop_second() { kill -TERM "$second" 2>/dev/null && wait "$second" || true; }
trap "stop_second; clean" EXIT
for ((tries = 0; tries < 100; tries++)); do
  url2=$(sed -n 's/^ *graphql *//p' "$folder/out2")
  [[ -n $url2 ]] && break
  sleep 0.1
done
[[ -n $url2 ]] || { cat "$folder/err2" >&2; exit 1; }
for where in "the same server" "another server"; do
  followed=$url
  [[ $where == "another server" ]] && followed=$url2
  read -r made lost p50 p99 <<<"$(node bench/sync.mjs follow "$url" "$followed" "$folder" "$seconds")"
  echo "answer to event at $where: p50 $p50 ms, p99 $p99 ms, $made changes at 50 per second, $lost not told of"
done
