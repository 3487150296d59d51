//! What operations cost, and that nobody can spend more than is allowed.

use api::{graphql::cost::Allowance, http::Options};
use chrono::TimeDelta;
use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

use crate::harness::{TestApp, options};

/// Few points, so that they are soon spent.
fn frugal() -> Options {
    let allowance = Allowance::Bucket { burst: 1_000, per_second: 50 };
    Options { points_per_person: allowance, points_per_address: allowance, ..options() }
}

async fn send(app: &TestApp, token: Option<&str>, query: &str) -> Response {
    let mut request = app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json");
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.json(&json!({ "query": query, "extensions": { "cost": true } })).send().await.unwrap()
}

async fn cost(app: &TestApp, token: Option<&str>, query: &str) -> Value {
    let answer: Value = send(app, token, query).await.json().await.unwrap();
    answer["extensions"]["cost"].clone()
}

#[tokio::test]
async fn an_answer_tells_its_cost_when_asked() {
    let app = TestApp::with(4, frugal()).await;
    let shows =
        |requested: u64, remaining: u64| json!({ "requested": requested, "allowed": 1_000, "remaining": remaining, "restoreRate": 50 });
    assert_eq!(cost(&app, None, "{ __typename }").await, shows(1, 999));
    assert_eq!(cost(&app, None, "{ a: __typename b: __typename }").await, shows(1, 998), "names of types cost nothing");
    // A page costs its size times its fields.
    let page = |first: u32| format!("{{ foods(search: \"x\", first: {first}) {{ nodes {{ id name }} }} }}");
    let (ten, twenty) = (cost(&app, None, &page(10)).await, cost(&app, None, &page(20)).await);
    assert!(ten["requested"].as_u64().unwrap() >= 13, "{ten}");
    assert_eq!(twenty["requested"].as_u64().unwrap() - 1, 2 * (ten["requested"].as_u64().unwrap() - 1));
    // A change costs ten points beside what it answers.
    assert_eq!(cost(&app, None, "mutation { a: signOut { signedOut } b: signOut { signedOut } }").await["requested"], 2 * (10 + 2));
    // Nobody who does not ask is told, and what is refused costs the one point of its arrival.
    let silent = app.nobody().json("{ __typename }", json!({})).await;
    assert_eq!(silent, json!({ "data": { "__typename": "Query" } }));
    let before = cost(&app, None, "{ __typename }").await["remaining"].as_u64().unwrap();
    assert_eq!(app.nobody().refused("{ nothing }", json!({})).await.code, "BAD_REQUEST");
    assert_eq!(cost(&app, None, "{ __typename }").await["remaining"].as_u64().unwrap(), before - 2);
    // A server that counts nothing knows the cost all the same.
    let generous = TestApp::new().await;
    assert_eq!(cost(&generous, None, "{ __typename }").await, json!({ "requested": 1, "allowed": 1_000 }));
}

#[tokio::test]
async fn who_has_spent_all_waits_and_nobody_else_does() {
    let app = TestApp::with(4, frugal()).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (ann, ben) = (ann.token.as_deref(), ben.token.as_deref());
    let food = "{ nodes { id name brand barcode source servingSize servingUnit version nutrition { calories protein carbohydrates fat fiber sugar } } }";
    let page = &format!("{{ a: foods(search: \"x\", first: 100) {food} b: foods(search: \"y\", first: 100) {food} }}");
    let each = cost(&app, ann, page).await["requested"].as_u64().unwrap();
    assert!((501..900).contains(&each), "{each}");

    let refused = send(&app, ann, page).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: i64 = refused.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    let answer: Value = refused.json().await.unwrap();
    assert!(answer.get("data").is_none(), "{answer}");
    assert_eq!(
        (&answer["errors"][0]["extensions"]["code"], &answer["errors"][0]["extensions"]["retryAfter"]),
        (&json!("RATE_LIMITED"), &json!(wait))
    );
    assert_eq!(answer["extensions"]["cost"]["requested"], each);
    // Clients of the older type are told in the body.
    let older = app.post("/graphql").bearer_auth(ann.unwrap()).json(&json!({ "query": page })).send().await.unwrap();
    assert_eq!((older.status(), older.headers().contains_key(header::RETRY_AFTER)), (StatusCode::OK, true));
    assert_eq!(older.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"], "RATE_LIMITED");

    // What is cheap still runs, and the others have their own.
    assert_eq!(send(&app, ann, "{ __typename }").await.status(), StatusCode::OK);
    assert_eq!(send(&app, ben, page).await.status(), StatusCode::OK);
    assert_eq!(send(&app, None, page).await.status(), StatusCode::OK);
    app.clock.advance(TimeDelta::seconds(wait));
    assert_eq!(send(&app, ann, page).await.status(), StatusCode::OK, "after the time that was named");
}

#[tokio::test]
async fn requests_that_are_refused_cost_too_and_a_flood_is_not_even_read() {
    let app = TestApp::with(4, frugal()).await;
    let mut limited = None;
    for sent in 0..1_100 {
        let response =
            app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json").body("not even JSON").send().await.unwrap();
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            limited = Some(sent);
            break;
        }
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    assert_eq!(limited, Some(1_000));
    let body = "x".repeat(10_000_000);
    let unread = app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json").body(body).send().await;
    assert!(unread.is_err() || unread.unwrap().status() == StatusCode::TOO_MANY_REQUESTS);
    // A forged token is nobody's.
    assert_eq!(send(&app, Some("forged"), "{ __typename }").await.status(), StatusCode::TOO_MANY_REQUESTS);
    app.clock.advance(TimeDelta::seconds(1));
    assert_eq!(send(&app, None, "{ __typename }").await.status(), StatusCode::OK);
}
