"""Prepares what bench/food.sh measures: signs up, fills the database by psql, asks each query once, and writes what wrk and
pgbench need.

Usage: food.py URL FOLDER FOODS PEOPLE. psql is told by PG… where the database is. Only the standard library.
"""

import base64
import json
import pathlib
import subprocess
import sys
import urllib.request

DAY, FIRST, LAST = "2026-03-10", "2025-12-10", "2026-03-09"
SEARCHES = ["rice", "tomato soup", "smoked salmon brand 12", "chiken", "granol", "c", "ch", "chicken b", "smoked", "brocoli", "brand", "coffe"]

url, folder, foods, people = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
here = pathlib.Path(__file__).with_suffix("")


def ask(query, variables, token=None):
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as response:
        answer = json.load(response)
    if "errors" in answer:
        sys.exit(f"{query}: {answer['errors']}")
    return answer["data"]


account = {"email": "bench@example.org", "password": "plum kettle harbour nine", "fullName": "Bench", "timeZone": "UTC"}
signed_up = ask("mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }", {"input": account})["signUp"]
token = signed_up["session"]["accessToken"]
claims = token.split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
person, session = claims["sub"], claims["sid"]

values = {"person": person, "day": DAY, "foods": foods, "people": people}
subprocess.run(
    ["psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={here}/foods.sql", *(f"--set={name}={value}" for name, value in values.items())],
    check=True,
)

asked = {
    "day": [{"date": DAY}],
    "report": [{"from": FIRST, "to": LAST}],
    "search": [{"search": search} for search in SEARCHES],
}
as_expected = {
    "day": lambda data: len(data["viewer"]["foodDay"]["entries"]) == 20,
    "report": lambda data: len(data["viewer"]["nutritionReport"]["days"]) == 90,
    "search": lambda data: data["foods"]["nodes"] != [],
}
for work, variables in asked.items():
    query = (here / f"{work}.graphql").read_text()
    answers = [ask(query, each, token) for each in variables]
    for each, answer in zip(variables, answers):
        assert as_expected[work](answer), (work, each, answer)
    # wrk sends them in turn, and a shorter answer than these is no answer.
    (folder / f"{work}.requests").write_text("\n".join(json.dumps({"query": query, "variables": each}) for each in variables))
    sizes = [len(json.dumps({"data": answer}, separators=(",", ":"), ensure_ascii=False).encode()) for answer in answers]
    (folder / f"{work}.bytes").write_text(str(sum(sizes) // len(sizes) * 9 // 10))

(folder / "token").write_text(token)
defined = {
    "person": person,
    "session": session,
    "day": DAY,
    "first": FIRST,
    "last": LAST,
    "searches": "{" + ",".join(f'"{search}"' for search in SEARCHES) + "}",
    "words": len(SEARCHES),
}
(folder / "pgbench").write_text("".join(f"--define={name}={value}\n" for name, value in defined.items()))
(folder / "searches").write_text("".join(f"{search}\n" for search in SEARCHES))
