//! How a person wants things shown and days cut.

use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

const UPDATE: &str = "mutation($input: UpdatePreferencesInput!) { updatePreferences(input: $input) {
    preferences { timeZone unitsSystem theme aiProvider dayStartsAt } } }";

async fn sets(person: &Person<'_>, input: Value) -> Value {
    person.ask(UPDATE, json!({ "input": input })).await["updatePreferences"]["preferences"].take()
}

#[tokio::test]
async fn each_preference_changes_alone_and_only_the_provider_clears() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person_in("ann", "Europe/Berlin").await, app.person("ben").await);
    let mut expected =
        json!({ "timeZone": "Europe/Berlin", "unitsSystem": "METRIC", "theme": "system", "aiProvider": null, "dayStartsAt": "00:00" });
    assert_eq!(sets(&ann, json!({})).await, expected);
    for (field, value) in [
        ("theme", "dark"),
        ("unitsSystem", "IMPERIAL"),
        ("aiProvider", "anthropic"),
        ("timeZone", "Pacific/Auckland"),
        ("dayStartsAt", "03:30"),
        ("dayStartsAt", "12:00"),
        ("theme", "light"),
        ("unitsSystem", "METRIC"),
    ] {
        expected[field] = json!(value);
        assert_eq!(sets(&ann, json!({ field: value })).await, expected);
    }
    expected["aiProvider"] = Value::Null;
    assert_eq!(sets(&ann, json!({ "aiProvider": null })).await, expected);

    let kept = ann.ask("{ viewer { preferences { timeZone unitsSystem theme aiProvider dayStartsAt } } }", json!({})).await;
    assert_eq!(kept["viewer"]["preferences"], expected);
    let others = ben.ask("{ viewer { preferences { timeZone theme } } }", json!({})).await;
    assert_eq!(others["viewer"]["preferences"], json!({ "timeZone": "UTC", "theme": "system" }));
}

#[tokio::test]
async fn a_preference_that_cannot_be_is_refused_and_nothing_changes() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (field, value) in [
        ("timeZone", "Mars/Olympus"),
        ("timeZone", ""),
        ("theme", "pink"),
        ("theme", "Dark"),
        ("aiProvider", "  "),
        ("dayStartsAt", "12:01"),
        ("dayStartsAt", "24:00"),
        ("dayStartsAt", "3:00"),
        ("dayStartsAt", "03:00:00"),
        ("dayStartsAt", "-1:00"),
    ] {
        let refused = ann.refused(UPDATE, json!({ "input": { "unitsSystem": "IMPERIAL", field: value } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{value}");
    }
    assert_eq!(sets(&ann, json!({})).await["unitsSystem"], "METRIC");
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "unitsSystem": "NAUTICAL" } })).await.code, "BAD_REQUEST");
    assert_eq!(app.nobody().refused(UPDATE, json!({ "input": { "theme": "dark" } })).await.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn what_was_logged_stays_on_its_day_when_the_zone_and_the_start_of_day_change() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    ann.logs_food(&oats, json!({ "consumedAt": "2026-03-10T01:00:00Z" })).await;
    sets(&ann, json!({ "timeZone": "America/Los_Angeles", "dayStartsAt": "05:05" })).await;
    assert_eq!(ann.calories_on(Some("2026-03-10")).await, "100");
    assert_eq!(ann.calories_on(Some("2026-03-09")).await, "0");
    let day = ann.ask("{ viewer { foodDay(date: \"2026-03-10\") { entries { version timeZone } } } }", json!({})).await;
    assert_eq!(day["viewer"]["foodDay"]["entries"], json!([{ "version": 1, "timeZone": "UTC" }]));

    // What is logged now follows the new ones: 08:00Z is 01:00 in Los Angeles, before the day starts.
    let logged = ann.logs_food(&oats, json!({ "consumedAt": "2026-03-10T08:00:00Z" })).await;
    assert_eq!((&logged["entry"]["date"], &logged["entry"]["timeZone"]), (&json!("2026-03-09"), &json!("America/Los_Angeles")));
    // It is five o'clock there now.
    let today = async || ann.ask("{ viewer { foodDay { date } } }", json!({})).await["viewer"]["foodDay"]["date"].take();
    assert_eq!(today().await, "2026-03-09");
    app.clock.set("2026-03-10T12:05:00Z");
    assert_eq!(today().await, "2026-03-10");
}
