# A Hale of its own for a measurement, and the way to its database: sourced by the scripts of this folder.
#
# Everything lives in a new folder below /tmp and on loopback, and ends with the script. HALE names a binary to measure;
# without it target/release/hale is built.

PATH="$PATH:$( (pg_config --bindir) 2>/dev/null || true)"
command -v pgbench >/dev/null || { echo "this needs pgbench, of PostgreSQL" >&2; exit 1; }
unset DATABASE_URL DATABASE_OWNER_URL DATABASE_LISTEN_URL DATABASE_URL_FILE DATABASE_OWNER_URL_FILE DATABASE_LISTEN_URL_FILE HALE_KEYS_FILE
hale=${HALE:-}
if [[ -z $hale ]]; then
  cargo build --release --quiet --locked -p api
  hale=${CARGO_TARGET_DIR:-target}/release/hale
fi

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

start_server() { # flags of hale: sets url
  "$hale" --data-dir "$folder/data" --listen 127.0.0.1:0 --points-per-person off --points-per-address off "$@" >"$folder/out" 2>"$folder/err" &
  server=$!
  for ((tries = 0; tries < 600; tries++)); do
    url=$(sed -n 's/^ *graphql *//p' "$folder/out")
    [[ -n $url ]] && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/err" >&2; exit 1; }
    sleep 0.1
  done
  [[ -n $url ]] || { echo "Hale did not start" >&2; exit 1; }
}

connect_as() { # role: what psql and pgbench connect with
  export PGHOST=$folder/data/postgres PGUSER=$1 PGDATABASE=hale
  PGPASSWORD=$(cat "$folder/data/secrets/$1")
  export PGPASSWORD
}

median() { # of lines of numbers
  sort -n | awk '{ v[NR] = $1 } END { printf "%.3f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
