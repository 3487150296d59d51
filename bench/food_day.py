"""Prepares the day that bench/food_day.sh measures: signs up, logs eight foods, and writes what wrk and pgbench need.

Usage: food_day.py URL FOLDER. Only the standard library.
"""

import base64
import json
import pathlib
import sys
import urllib.request

DAY = "2026-03-10"
EATEN = [
    ("rolled oats", "60", "g", "breakfast"),
    ("whole milk", "1", "cup", "breakfast"),
    ("banana", "1", "medium", "breakfast"),
    ("chicken breast", "6", "oz", "lunch"),
    ("white rice", "150", "g", "lunch"),
    ("broccoli", "100", "g", "lunch"),
    ("apple with skin", "180", "g", "snack"),
    ("rye bread", "2.5", "oz", "dinner"),
]

url, folder = sys.argv[1], pathlib.Path(sys.argv[2])


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
signed_up = ask(
    "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } viewer { id } } }", {"input": account}
)["signUp"]
token = signed_up["session"]["accessToken"]
claims = token.split(".")[1]
claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))

for hour, (food, quantity, unit, meal) in enumerate(EATEN, start=7):
    found = ask("query($food: String!) { foods(search: $food, first: 1) { nodes { id } } }", {"food": food}, token)
    entry = {
        "foodId": found["foods"]["nodes"][0]["id"],
        "quantity": quantity,
        "unit": unit,
        "mealType": meal,
        "consumedAt": f"{DAY}T{hour:02}:00:00Z",
    }
    ask("mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id } } }", {"input": entry}, token)

query = pathlib.Path(__file__).with_suffix(".graphql").read_text()
day = ask(query, {"date": DAY}, token)["viewer"]["foodDay"]
assert len(day["entries"]) == len(EATEN) and float(day["totals"]["calories"]) > 0, day

(folder / "request.json").write_text(json.dumps({"query": query, "variables": {"date": DAY}}))
(folder / "token").write_text(token)
compact = json.dumps({"data": {"viewer": {"foodDay": day}}}, separators=(",", ":"), ensure_ascii=False)
(folder / "answer_bytes").write_text(str(len(compact.encode())))
(folder / "pgbench").write_text(f"--define=person={claims['sub']} --define=session={claims['sid']} --define=day={DAY}")
print(f"{len(day['entries'])} entries, {day['totals']['calories']} kcal", file=sys.stderr)
