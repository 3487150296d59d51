#!/usr/bin/env bash
# Whether time tells what the answer does not: `person(id)` of somebody who shares nothing with the viewer against `person(id)`
# of nobody, asked in turn over one connection. Prints both medians and their ratio.
#
# Needs python3 and what bench/server.sh needs.
#
#   bench/denial.sh               3,000 pairs
#   PAIRS=20000 bench/denial.sh
set -euo pipefail
cd "$(dirname "$0")/.."

command -v python3 >/dev/null || { echo "this needs python3" >&2; exit 1; }
. bench/server.sh
start_server --log warn
PAIRS=${PAIRS:-3000} python3 - "$url" <<'PYTHON'
import http.client, json, os, random, statistics, sys, time, urllib.parse

address = urllib.parse.urlparse(sys.argv[1])
connection = http.client.HTTPConnection(address.hostname, address.port)
FIELDS = "id fullName accessTypes foodDay { entries { id } } measurements { nodes { id } } goals { id }"


def ask(query, token=None):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    body = json.dumps({"query": query})
    begun = time.perf_counter()
    connection.request("POST", "/graphql", body, headers)
    answer = connection.getresponse().read()
    return time.perf_counter() - begun, json.loads(answer)


def sign_up(name):
    account = f'email: "{name}@example.org", password: "plum kettle harbour nine"'
    answer = ask(f"mutation {{ signUp(input: {{ {account} }}) {{ session {{ accessToken }} viewer {{ id }} }} }}")[1]["data"]["signUp"]
    return answer["session"]["accessToken"], answer["viewer"]["id"]


ann, ben = sign_up("ann"), sign_up("ben")
times = {"not yours": [], "not there": []}
ids = {"not yours": ann[1], "not there": "01900000-0000-7000-8000-00000000000a"}
for pair in range(int(os.environ["PAIRS"]) + 200):
    for kind in random.sample(list(ids), 2):
        took, answer = ask(f'{{ person(id: "{ids[kind]}") {{ {FIELDS} }} }}', ben[0])
        assert answer == {"data": {"person": None}}, answer
        if pair >= 200:
            times[kind].append(took * 1000)
medians = {kind: statistics.median(all_times) for kind, all_times in times.items()}
for kind, median in medians.items():
    print(f"{kind}: median {median:.3f} ms of {len(times[kind])}")
print(f"median ratio not yours / not there: {medians['not yours'] / medians['not there']:.3f}")
PYTHON
