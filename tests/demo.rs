//! The demo household.

use serde_json::json;

use crate::harness::{Person, TestApp};

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } viewer { id } } }";

#[tokio::test]
async fn the_demo_household_has_a_past_and_shares_it_and_comes_only_once() {
    let app = TestApp::new().await;
    let maintenance = app.maintenance().await;
    let household = service::demo::create(&app.database, &maintenance, false, |_, _| {}).await.unwrap();
    assert_eq!(household.len(), 3);

    let days = "{ viewer { id foodDays(from: \"2025-11-11\", to: \"2026-03-10\") { entries { createdBy { fullName } } goal { calories } }
        measurements(type: \"weight\", first: 100) { nodes { value } } } people { id foodDay(date: \"2026-03-06\") { entries { name } } } }";
    let mut logged_by_others = 0;
    for member in &household {
        let answer = app.nobody().ask(SIGN_IN, json!({ "input": { "email": member.email, "password": member.password } })).await;
        let token = answer["signIn"]["session"]["accessToken"].as_str().unwrap().to_owned();
        let member = Person { token: Some(token), ..app.nobody() };
        let seen = member.ask(days, json!({})).await;
        let days = seen["viewer"]["foodDays"].as_array().unwrap();
        assert_eq!(days.len(), 120);
        let with_entries = days.iter().filter(|day| !day["entries"].as_array().unwrap().is_empty()).count();
        assert!((100..=120).contains(&with_entries), "{with_entries}");
        assert!(seen["viewer"]["measurements"]["nodes"].as_array().unwrap().len() > 50);
        assert!(!seen["people"].as_array().unwrap().is_empty());
        let entries = days.iter().flat_map(|day| day["entries"].as_array().unwrap());
        logged_by_others += entries.filter(|entry| !entry["createdBy"].is_null()).count();
    }
    assert!(logged_by_others > 0);

    let again = service::demo::create(&app.database, &maintenance, true, |_, _| {}).await;
    assert!(matches!(again, Err(service::error::Error::Conflict { .. })));
}

#[tokio::test]
async fn the_demo_household_does_not_move_in_with_others_unasked() {
    let app = TestApp::new().await;
    app.person("ann").await;
    let maintenance = app.maintenance().await;
    let refused = service::demo::create(&app.database, &maintenance, false, |_, _| {}).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("--yes")));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM users").await, 1);
}
