//! Idempotency-Key: a mutation that is sent again has its effect once, and is answered as it was the first time.

use std::time::Duration;

use api::http::idempotency::ANSWERS_WITH_SECRETS;
use async_graphql::parser::{
    parse_schema,
    types::{BaseType, Type, TypeKind, TypeSystemDefinition},
};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{LOG_FOOD, Person, TestApp, food_entry};

const UPDATE: &str = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { quantity version } } }";

/// Sends an operation under a key. Answers the text, and whether it was given before.
async fn send(person: &Person<'_>, key: &str, document: &str, variables: Value) -> reqwest::Result<(String, bool)> {
    let request = person.app.post("/graphql").bearer_auth(person.token.as_ref().unwrap()).header("idempotency-key", key);
    let response = request.json(&json!({ "query": document, "variables": variables })).send().await?;
    let replayed = response.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
    Ok((response.text().await?, replayed))
}

async fn code(person: &Person<'_>, key: &str, document: &str, variables: Value) -> String {
    let (answer, replayed) = send(person, key, document, variables).await.unwrap();
    assert!(!replayed, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_else(|| panic!("{answer}")).to_owned()
}

async fn entries(app: &TestApp) -> i64 {
    app.value("SELECT count(*) FROM food_diary WHERE deleted_at IS NULL").await
}

#[tokio::test]
async fn ann_logs_oats_twice_under_one_key_and_ate_them_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = json!({ "input": food_entry(&ann.creates_food(json!({})).await, json!({})) });
    let first = send(&ann, "breakfast", LOG_FOOD, oats.clone()).await.unwrap();
    assert!(first.0.contains("\"calories\":\"100\"") && !first.1, "{}", first.0);
    // What she does in between is not in the answer.
    ann.ask(LOG_FOOD, oats.clone()).await;
    let again = send(&ann, "breakfast", LOG_FOOD, oats.clone()).await.unwrap();
    assert_eq!(again, (first.0, true));
    assert_eq!(entries(&app).await, 2);
    // The order of keys and blanks in the body make no other request; a key that others use is theirs.
    let ben = app.person("ben").await;
    let food = ben.creates_food(json!({})).await;
    let (answer, replayed) = send(&ben, "breakfast", LOG_FOOD, json!({ "input": food_entry(&food, json!({})) })).await.unwrap();
    assert!(answer.contains("\"calories\":\"100\"") && !replayed, "{answer}");
}

#[tokio::test]
async fn a_key_of_another_request_is_refused_and_changes_nothing() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    send(&ann, "key", LOG_FOOD, json!({ "input": food_entry(&food, json!({})) })).await.unwrap();
    assert_eq!(code(&ann, "key", LOG_FOOD, json!({ "input": food_entry(&food, json!({ "quantity": "2" })) })).await, "CONFLICT");
    assert_eq!(entries(&app).await, 1);
}

#[tokio::test]
async fn a_key_is_for_one_field_without_a_secret_in_its_answer() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let themes = "mutation { a: updatePreferences(input: { theme: \"dark\" }) { preferences { theme } } ...B }
                  fragment B on Mutation { updatePreferences(input: { theme: \"light\" }) { preferences { theme } } }";
    assert_eq!(code(&ann, "key", themes, json!({})).await, "BAD_REQUEST");
    let sign_in = "mutation { ... on Mutation { signIn(input: { email: \"ann@example.org\", password: \"x\" }) { viewer { id } } } }";
    assert_eq!(code(&ann, "key", sign_in, json!({})).await, "BAD_REQUEST");
    let theme = "mutation { updatePreferences(input: { theme: \"dark\" }) { preferences { theme } } }";
    for key in ["", "two words", &"x".repeat(256)] {
        assert_eq!(code(&ann, key, theme, json!({})).await, "BAD_REQUEST", "{key}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM user_preferences WHERE theme <> 'system'").await, 0);
    let longest = "x".repeat(255);
    assert!(send(&ann, &longest, theme, json!({})).await.unwrap().0.contains("dark"));
    // A query may carry one; it is done each time.
    assert!(send(&ann, "key", "{ viewer { email } }", json!({})).await.unwrap().0.contains("ann@example.org"));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM idempotency_keys").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_at_once_one_is_done_and_all_are_answered_alike() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = json!({ "input": food_entry(&ann.creates_food(json!({})).await, json!({})) });
    let all = futures_util::future::join_all((0..50).map(|_| async {
        loop {
            let answer = send(&ann, "breakfast", LOG_FOOD, oats.clone()).await.unwrap();
            // A pool that is too small for all of them is an answer, too: ask again.
            if !["UNAVAILABLE", "TIMEOUT"].iter().any(|code| answer.0.contains(code)) {
                return answer;
            }
        }
    }))
    .await;
    assert_eq!(all.iter().filter(|(_, replayed)| !replayed).count(), 1);
    assert!(all[0].0.contains("\"calories\":\"100\"") && all.iter().all(|(answer, _)| *answer == all[0].0), "{all:?}");
    assert_eq!(entries(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_hangs_up_and_asks_again_has_it_done_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    let entry = ann.logs_food(&food, json!({})).await["entry"]["id"].clone();
    for number in 1..=40_u64 {
        // Counts on: doing it twice would show.
        let input = json!({ "input": { "id": entry, "quantity": (number + 1).to_string() } });
        let mut patience = Duration::from_micros(number * 97 % 1_500);
        let answer = loop {
            match tokio::time::timeout(patience, send(&ann, &number.to_string(), UPDATE, input.clone())).await {
                Ok(Ok((answer, _))) if answer.contains("version") => break answer,
                _ => patience = patience * 2 + Duration::from_millis(1),
            }
        };
        let expected = format!("{{\"quantity\":\"{}\",\"version\":{}}}", number + 1, number + 1);
        assert!(answer.contains(&expected), "{answer}, not {expected}");
    }
}

#[tokio::test]
async fn what_failed_is_not_kept_and_what_was_kept_is_forgotten_after_a_week() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let food = "01900000-0000-7000-8000-00000000000a";
    let oats = json!({ "input": food_entry(food, json!({})) });
    assert_eq!(code(&ann, "breakfast", LOG_FOOD, oats.clone()).await, "NOT_FOUND");
    ann.creates_food(json!({ "id": food })).await;
    assert!(!send(&ann, "breakfast", LOG_FOOD, oats.clone()).await.unwrap().1);
    let sign_in =
        "mutation { signIn(input: { email: \"ann@example.org\", password: \"plum kettle harbour nine\" }) { session { accessToken } } }";
    let after = async |time| {
        app.clock.advance(time);
        let session = app.nobody().ask(sign_in, json!({})).await["signIn"]["session"].take();
        Person { token: session["accessToken"].as_str().map(str::to_owned), ..ann.clone() }
    };
    let later = after(TimeDelta::days(7) - TimeDelta::seconds(1)).await;
    assert!(send(&later, "breakfast", LOG_FOOD, oats.clone()).await.unwrap().1);
    let later = after(TimeDelta::seconds(1)).await;
    assert!(!send(&later, "breakfast", LOG_FOOD, oats).await.unwrap().1);
    assert_eq!(entries(&app).await, 2);
}

#[tokio::test]
async fn an_answer_about_somebody_is_not_given_again_once_they_share_no_more() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let offer = json!({ "input": { "granteeEmail": ben.email, "accessTypes": ["CALORIE"], "canWrite": true } });
    let offered = ann.ask("mutation($input: OfferAccessInput!) { offerAccess(input: $input) { offers { id } } }", offer).await;
    let grant = json!({ "input": { "id": offered["offerAccess"]["offers"][0]["id"] } });
    ben.ask("mutation($input: AccessInput!) { acceptAccess(input: $input) { access { id } } }", grant.clone()).await;
    let food: String = app.value("SELECT id::text FROM food_items WHERE owner_id IS NULL LIMIT 1").await;
    let for_ann = json!({ "input": food_entry(&food, json!({ "personId": ann.id })) });
    let first = send(&ben, "key", LOG_FOOD, for_ann.clone()).await.unwrap();
    assert_eq!(send(&ben, "key", LOG_FOOD, for_ann.clone()).await.unwrap(), (first.0, true));
    let log = "{ viewer { accessLog { nodes { reader { fullName } accessType } } } }";
    let logged = json!({ "nodes": [{ "reader": { "fullName": "ben" }, "accessType": "CALORIE" }] });
    assert_eq!(ann.ask(log, json!({})).await["viewer"]["accessLog"], logged);

    ann.ask("mutation($input: AccessInput!) { revokeAccess(input: $input) { access { id } } }", grant).await;
    assert_eq!(code(&ben, "key", LOG_FOOD, for_ann).await, "NOT_FOUND");
    assert_eq!(entries(&app).await, 1);
}

/// Secrets are in no stored answer: a mutation whose answer leads to one must be named in `ANSWERS_WITH_SECRETS`.
#[test]
fn every_mutation_that_answers_with_a_secret_refuses_keys() {
    let document = parse_schema(api::graphql::sdl()).unwrap();
    let fields = |name: &str| -> Vec<(String, String)> {
        let of_type = document.definitions.iter().find_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) if definition.node.name.node == name => Some(&definition.node.kind),
            _ => None,
        });
        let Some(TypeKind::Object(object)) = of_type else { return Vec::new() };
        object.fields.iter().map(|field| (field.node.name.node.to_string(), named(&field.node.ty.node))).collect()
    };
    let secret = |field: &str| {
        let field = field.to_lowercase();
        ["token", "secret", "password", "recoverycode", "apikey", "link", "url"].iter().any(|word| field.contains(word))
            && !field.ends_with("expiresat")
    };
    // Addresses of recipes, licences and servers, and the last letters of a token, open nothing.
    let harmless = |kind: &str| ["Meal", "FoodProvider", "RecipeServer"].contains(&kind);
    let leads_to_secret = |payload: &str| {
        let inner = fields(payload);
        inner.iter().any(|(name, kind)| secret(name) || !harmless(kind) && fields(kind).iter().any(|(name, _)| secret(name)))
    };
    let mut with_secrets: Vec<_> =
        fields("Mutation").into_iter().filter(|(_, payload)| leads_to_secret(payload)).map(|(name, _)| name).collect();
    with_secrets.sort();
    let mut listed = ANSWERS_WITH_SECRETS.to_vec();
    listed.sort_unstable();
    assert_eq!(with_secrets, listed);
}

fn named(kind: &Type) -> String {
    match &kind.base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(inner) => named(inner),
    }
}
