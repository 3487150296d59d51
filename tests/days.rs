//! Which day food counts for: zones, short and long days, days that start after midnight, and ranges.

use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

async fn lives(person: &Person<'_>, preferences: Value) {
    let document = "mutation($input: UpdatePreferencesInput!) { updatePreferences(input: $input) { preferences { timeZone } } }";
    person.ask(document, json!({ "input": preferences })).await;
}

#[tokio::test]
async fn an_entry_stays_on_its_date_when_the_person_moves() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Pacific/Auckland").await;
    let oats = ann.creates_food(json!({})).await;
    let late = ann.logs_food(&oats, json!({ "consumedAt": "2026-03-10T23:30:00+13:00" })).await["entry"].take();
    let kept = json!(["2026-03-10T10:30:00Z", "Pacific/Auckland", "2026-03-10"]);
    assert_eq!(json!([late["consumedAt"], late["timeZone"], late["date"]]), kept);
    // Noon in UTC is one in the morning in Auckland.
    assert_eq!(ann.logs_food(&oats, json!({})).await["entry"]["date"], "2026-03-11");

    lives(&ann, json!({ "timeZone": "America/Los_Angeles" })).await;
    assert_eq!(ann.calories_on(Some("2026-03-10")).await, "100");
    assert_eq!(ann.calories_on(Some("2026-03-11")).await, "100");
    assert_eq!(ann.calories_on(Some("2026-03-09")).await, "0");
    assert_eq!(ann.calories_on(None).await, "100", "it is the tenth in Los Angeles");
    let update = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { date timeZone } } }";
    let changed = ann.ask(update, json!({ "input": { "id": late["id"], "quantity": "2", "mealType": "Dinner" } })).await;
    assert_eq!(changed["updateFoodEntry"]["entry"], json!({ "date": "2026-03-10", "timeZone": "Pacific/Auckland" }));
    assert_eq!(ann.logs_food(&oats, json!({ "consumedAt": "2026-03-10T05:30:00Z" })).await["entry"]["date"], "2026-03-09");
    let abroad = ann.logs_food(&oats, json!({ "consumedAt": "2026-03-10T23:30:00Z", "timeZone": "Asia/Tokyo" })).await["entry"].take();
    assert_eq!((&abroad["date"], &abroad["timeZone"]), (&json!("2026-03-11"), &json!("Asia/Tokyo")));
}

#[tokio::test]
async fn days_of_23_and_25_hours_add_up() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    let oats = ann.creates_food(json!({})).await;
    for at in [
        // 29 March 2026 goes from 23:00Z to 22:00Z.
        "2026-03-28T22:59:59Z",
        "2026-03-28T23:00:00Z",
        "2026-03-29T00:59:59Z",
        "2026-03-29T01:00:00Z",
        "2026-03-29T21:59:59Z",
        "2026-03-29T22:00:00Z",
        // 25 October goes from 22:00Z to 23:00Z, and has half past two twice.
        "2026-10-24T21:59:59Z",
        "2026-10-25T01:30:00Z",
        "2026-10-25T00:30:00Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T22:59:59Z",
        "2026-10-25T23:00:00Z",
    ] {
        ann.logs_food(&oats, json!({ "consumedAt": at })).await;
    }
    for (date, calories) in [
        ("2026-03-28", "100"),
        ("2026-03-29", "400"),
        ("2026-03-30", "100"),
        ("2026-10-24", "100"),
        ("2026-10-25", "400"),
        ("2026-10-26", "100"),
    ] {
        assert_eq!(ann.calories_on(Some(date)).await, calories, "{date}");
    }
    let long = ann.ask("{ viewer { foodDay(date: \"2026-10-25\") { entries { consumedAt } } } }", json!({})).await;
    let order = ["2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T22:59:59Z"];
    assert_eq!(long["viewer"]["foodDay"]["entries"], json!(order.map(|at| json!({ "consumedAt": at }))));
}

#[tokio::test]
async fn today_lasts_until_three_for_a_night_owl() {
    let app = TestApp::new().await;
    app.clock.set("2026-03-11T01:59:59Z");
    let ann = app.person_in("ann", "Europe/Berlin").await;
    let oats = ann.creates_food(json!({})).await;
    assert_eq!(ann.logs_food(&oats, json!({})).await["entry"]["date"], "2026-03-11");
    lives(&ann, json!({ "dayStartsAt": "03:00" })).await;
    let logged = ann.logs_food(&oats, json!({ "quantity": "2" })).await;
    assert_eq!((&logged["entry"]["date"], &logged["day"]["totals"]["calories"]), (&json!("2026-03-10"), &json!("200")));
    let today = async || ann.ask("{ viewer { foodDay { date totals { calories } } } }", json!({})).await["viewer"]["foodDay"].take();
    assert_eq!(today().await, json!({ "date": "2026-03-10", "totals": { "calories": "200" } }));
    app.clock.set("2026-03-11T02:00:00Z");
    assert_eq!(today().await, json!({ "date": "2026-03-11", "totals": { "calories": "100" } }), "what was written stays");
}

#[tokio::test]
async fn another_time_moves_an_entry_and_answers_both_days() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    ann.logs_food(&oats, json!({ "quantity": "3" })).await;
    let id = ann.logs_food(&oats, json!({})).await["entry"]["id"].take();
    let moved = async |input: Value| {
        let document = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) {
            entry { date consumedAt } days { date totals { calories } } } }";
        let mut input = input;
        input["id"] = id.clone();
        ann.ask(document, json!({ "input": input })).await["updateFoodEntry"].take()
    };
    let day = |date: &str, calories: &str| json!({ "date": date, "totals": { "calories": calories } });
    assert_eq!(
        moved(json!({ "consumedAt": "2026-03-08T08:00:00Z" })).await,
        json!({ "entry": { "date": "2026-03-08", "consumedAt": "2026-03-08T08:00:00Z" }, "days": [day("2026-03-10", "300"), day("2026-03-08", "100")] })
    );
    assert_eq!(moved(json!({ "consumedAt": "2026-03-08T23:00:00Z" })).await["days"], json!([day("2026-03-08", "100")]));
    assert_eq!(
        moved(json!({ "timeZone": "Asia/Tokyo" })).await["days"],
        json!([day("2026-03-08", "0"), day("2026-03-09", "100")]),
        "eleven at night in UTC is the next morning in Tokyo"
    );
}

#[tokio::test]
async fn a_range_has_every_day_and_at_most_400() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let oats = ann.creates_food(json!({})).await;
    for at in ["2026-03-08T08:00:00Z", "2026-03-10T08:00:00Z", "2026-03-10T19:00:00Z"] {
        ann.logs_food(&oats, json!({ "consumedAt": at })).await;
    }
    let document = "query($from: Date!, $to: Date!) { viewer { foodDays(from: $from, to: $to) { date entries { name } totals { calories unknown } } } }";
    let range = |from: &str, to: &str| json!({ "from": from, "to": to });
    let days = ann.ask(document, range("2026-03-08", "2026-03-11")).await["viewer"]["foodDays"].take();
    let short: Vec<_> =
        days.as_array().unwrap().iter().map(|day| json!([day["date"], day["entries"], day["totals"]["calories"]])).collect();
    let oats = json!({ "name": "Oats" });
    assert_eq!(
        json!(short),
        json!([["2026-03-08", [oats], "100"], ["2026-03-09", [], "0"], ["2026-03-10", [oats, oats], "200"], ["2026-03-11", [], "0"]])
    );
    assert_eq!(days[1]["totals"]["unknown"], json!([]), "of nothing, nothing is unknown");
    let most = ann.ask(document, range("2026-01-01", "2027-02-04")).await;
    assert_eq!(most["viewer"]["foodDays"].as_array().unwrap().len(), 400);
    for (from, to) in [("2026-01-01", "2027-02-05"), ("2026-03-10", "2026-03-09")] {
        let refused = ann.refused(document, range(from, to)).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("to")));
    }
    for (from, to, field) in
        [("1899-12-31", "2026-01-01", "from"), ("2100-12-31", "2101-01-01", "to"), ("2026-02-30", "2026-03-01", "from")]
    {
        let refused = ann.refused(document, range(from, to)).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{}", refused.message);
    }
    let of_ann = "query($id: UUID!) { person(id: $id) { foodDays(from: \"2026-03-08\", to: \"2026-03-10\") { date } } }";
    assert_eq!(ben.ask(of_ann, json!({ "id": ann.id })).await["person"], json!(null));
}
