#!/usr/bin/env bash
# What row level security costs: the same food day out of 1,000,000 diary rows, read by hale_app under the policies and by
# hale_owner, whom they do not bind, with the same explicit predicate, in interleaved rounds of pgbench in one run. Prints the
# time of the SELECT alone as a client sees it, its ratio, and the plan, in which no table of a tenant may be scanned as a whole.
#
# Needs pgbench, psql and what bench/server.sh needs.
#
#   bench/row_security.sh         5 rounds of 4 s with one connection: more of them measure each other on few CPUs
#   ROUNDS=9 SECONDS_EACH=10 CONNECTIONS=4 PEOPLE=2500 ROWS_EACH=400 bench/row_security.sh
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-4} connections=${CONNECTIONS:-1} people=${PEOPLE:-2500} rows_each=${ROWS_EACH:-400}
. bench/server.sh
start_server --log warn

# Twelve entries a day. Everybody reads four others, as in a family: the policies look for them.
connect_as hale_owner
psql --quiet --set=ON_ERROR_STOP=1 --set=people="$people" --set=rows="$rows_each" <<'SQL'
BEGIN;
-- Without the log of changes, which reading does not ask.
ALTER TABLE food_diary DISABLE TRIGGER USER;
CREATE TEMPORARY TABLE person AS
  SELECT n, ('00000000-0000-7000-8000-' || (100000000000 + n))::uuid AS id FROM generate_series(0, :people - 1) n;
INSERT INTO users (id, email, password_hash) SELECT id, n || '@example.org', 'nobody signs in here' FROM person;
INSERT INTO family_access (grantor_user_id, grantee_user_id, grantee_email, grantee_address, access_type, status, granted_at)
  SELECT other.id, person.id, person.n || '@example.org', person.n || '@example.org', 'calorie', 'active', now()
  FROM person, generate_series(1, 4) step JOIN person other ON true WHERE other.n = (person.n + step) % :people;
INSERT INTO food_diary (user_id, id, food_name, quantity, unit, servings, calories, protein, carbohydrates, fat, meal_type, consumed_at, time_zone, consumed_on)
  SELECT person.id, gen_random_uuid(), 'Porridge', 150, 'g', 1.5, 112.5, 3.9, 19.2, 2.1, 'breakfast',
         '2026-01-01T07:00:00Z'::timestamptz + row / 12 * interval '1 day' + row % 12 * interval '1 hour', 'UTC', '2026-01-01'::date + row / 12
  FROM person, generate_series(0, :rows - 1) row;
ALTER TABLE food_diary ENABLE TRIGGER USER;
COMMIT;
VACUUM ANALYZE food_diary;
VACUUM ANALYZE family_access;
VACUUM ANALYZE users;
SQL

echo "$((people * rows_each)) diary rows of $people people; $connections connections, $rounds rounds of $seconds s each; $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg)"
select="SELECT id, food_name, quantity, unit, calories, protein, carbohydrates, fat, consumed_at FROM food_diary WHERE user_id = :person AND consumed_on = '2026-01-17' AND deleted_at IS NULL ORDER BY consumed_at, id"
connect_as hale_app
plan=$(psql --quiet --tuples-only --no-align <<SQL
BEGIN READ ONLY;
SELECT set_config('app.user_id', '00000000-0000-7000-8000-100000000007', true) AS viewer \gset
EXPLAIN (COSTS OFF) ${select/:person/\'00000000-0000-7000-8000-100000000007\'};
ROLLBACK;
SQL
)
printf '%s\n' "$plan"
if grep -q 'Seq Scan on \(food_diary\|family_access\|users\)' <<<"$plan"; then
  echo "a table of a tenant is scanned as a whole" >&2
  exit 1
fi

cat >"$folder/day.sql" <<SQL
\set n random(0, $((people - 1)))
BEGIN READ ONLY;
SELECT set_config('app.user_id', '00000000-0000-7000-8000-' || (100000000000 + :n), true);
${select/:person/"('00000000-0000-7000-8000-' || (100000000000 + :n))::uuid"};
ROLLBACK;
SQL
time_of_select() { # role: milliseconds
  connect_as "$1"
  pgbench --no-vacuum --protocol=prepared --report-per-command --client="$connections" --jobs=1 --time="$seconds" --file="$folder/day.sql" 2>"$folder/pgbench.err" |
    awk '/SELECT id, food_name/ { print $1; found = 1 } /^number of failed/ && $5 + 0 > 0 { exit 1 } END { exit !found }'
}
time_of_select hale_app >/dev/null
time_of_select hale_owner >/dev/null
printf '%-7s %14s %14s %8s\n' round 'policies, ms' 'none, ms' ratio
ratios=()
for ((round = 1; round <= rounds; round++)); do
  if ((round % 2)); then
    bound=$(time_of_select hale_app)
    free=$(time_of_select hale_owner)
  else
    free=$(time_of_select hale_owner)
    bound=$(time_of_select hale_app)
  fi
  ratio=$(awk -v a="$bound" -v b="$free" 'BEGIN { printf "%.3f", a / b }')
  ratios+=("$ratio")
  printf '%-7s %14s %14s %8s\n' "$round" "$bound" "$free" "$ratio"
done
echo "median ratio with policies / without: $(printf '%s\n' "${ratios[@]}" | median)"
