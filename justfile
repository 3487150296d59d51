# Shortcuts. Everything here is one command that could be typed by hand; `just` lists them.

[private]
default:
    @just --list --unsorted

# Run Hale on data of its own in .hale, with the explorer at http://127.0.0.1:8080/
dev *arguments:
    cargo run -- --data-dir .hale {{ arguments }}

# What a change must pass: exactly what CI runs
check:
    .ci/run

# Accept the schema as it is now: rewrite api/schema.graphql
accept:
    cargo run --quiet -p api -- schema > target/schema.graphql
    mv target/schema.graphql api/schema.graphql
    git diff --stat -- api/schema.graphql

# Promise the schema as it is now: at a release, what clients may rely on from then, and a database from which later versions upgrade
release-schema:
    cp api/schema.graphql api/schema.released.graphql
    cargo test -p tests -- --ignored --exact upgrades::the_present_schema_becomes_the_fixture_of_this_version

# Write docs/settings.md anew, after a setting was added or changed
settings:
    sed -i '/^|/,$d' docs/settings.md
    cargo run --quiet -p api -- config --markdown >> docs/settings.md

# Start a migration: an empty pair of files, such as `just migration add_sleep`
migration name:
    cargo run --quiet -p migration -- new {{ name }}

# Build GraphiQL, which the next build of Hale embeds
explorer:
    cd api/explorer && npm ci --ignore-scripts && npx vite build

# Try every bad value on every argument and input field; the tests try 20 of each
attack:
    HALE_ATTACK=1 cargo test -p tests -- --nocapture bad_values::

# Play more seeds of the sync simulation than the tests do, such as `just simulate 0..1000000 200`
simulate seeds="0..100000" steps="200":
    HALE_SIMULATE={{ seeds }},{{ steps }} cargo test --release -p tests -- --nocapture simulation::two_thousand_seeds

# Kill a restore at 100 points, from its beginning to its end; the tests do at 8
restore-kills:
    HALE_RESTORE_KILLS=100 cargo test -p tests -- --nocapture a_restore_that_is_killed

# Kill, stop, fill and starve real processes many times, and print what that did; the tests do each a few times
faults:
    @echo '| Fault | Injections | Acknowledged | Lost | Duplicated | Recovery, median | longest |'
    @echo '|---|---|---|---|---|---|---|'
    HALE_FAULTS=1 cargo test -p tests -- --nocapture --test-threads=1 faults::

# Licences, duplicate versions and the walls between the crates; needs cargo-deny
deny:
    cargo deny check bans licenses sources

# Measure a food day, a report and a search through Hale against the same work by pgbench; needs wrk, pgbench and python3
bench:
    bench/food.sh
