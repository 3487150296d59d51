//! Where people are signed in, what happened to their accounts, and that nobody else sees it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    account_mails::{ANOTHER, does, is_signed_in, refused, signs_in},
    harness::{PASSWORD, Person, TestApp},
};

async fn sessions(person: &Person<'_>) -> Vec<Value> {
    let ask = "{ viewer { sessions { id current deviceName userAgent network openedAt lastUsedAt } } }";
    person.ask(ask, json!({})).await["viewer"]["sessions"].as_array().unwrap().clone()
}

/// What happened, newest first, and how often.
async fn events(person: &Person<'_>) -> Vec<(String, i64)> {
    let answer = person.ask("{ viewer { securityEvents(first: 100) { nodes { kind count } } } }", json!({})).await;
    let nodes = answer["viewer"]["securityEvents"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| (node["kind"].as_str().unwrap().to_owned(), node["count"].as_i64().unwrap())).collect()
}

#[tokio::test]
async fn ann_sees_where_she_is_signed_in_and_ends_what_she_does_not_know() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.clock.advance(TimeDelta::minutes(1));
    let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken refreshToken } viewer { id email } } }";
    let input = json!({ "email": ann.email, "password": PASSWORD, "deviceName": "Ann's phone" });
    let request = app
        .post("/graphql")
        .header("user-agent", "Hale for phones/1.0")
        .json(&json!({ "query": document, "variables": { "input": input } }));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    let phone = crate::account_mails::signed_in(&app, &answer["data"]["signIn"]);

    let [on_phone, first] = sessions(&phone).await.try_into().unwrap();
    assert_eq!(
        (&on_phone["current"], &on_phone["deviceName"], &on_phone["userAgent"]),
        (&json!(true), &json!("Ann's phone"), &json!("Hale for phones/1.0"))
    );
    assert_eq!((&on_phone["network"], &on_phone["openedAt"]), (&json!("127.0.0.0/24"), &json!("2026-03-10T12:01:00Z")));
    assert_eq!((&first["current"], &first["openedAt"]), (&json!(false), &json!("2026-03-10T12:00:00Z")));

    let id = |session: &Value| json!({ "id": session["id"] });
    // Not hers, and not there, are the same.
    let bens = sessions(&ben).await;
    assert_eq!(refused(&phone, "revokeSession", id(&bens[0]), "revokedId").await.code, "NOT_FOUND");
    assert!(is_signed_in(&ben).await);
    does(&ann, "revokeSession", id(&on_phone), "revokedId").await;
    assert!(!is_signed_in(&phone).await && is_signed_in(&ann).await);
    assert_eq!(refused(&ann, "revokeSession", id(&on_phone), "revokedId").await.code, "NOT_FOUND", "it has ended");
    let refresh = "mutation($token: String!) { refreshSession(input: { refreshToken: $token }) { session { accessToken } } }";
    assert_eq!(app.nobody().refused(refresh, json!({ "token": phone.refresh_token })).await.code, "UNAUTHENTICATED");

    let (second, third) = (signs_in(&app, &ann.email, PASSWORD).await, signs_in(&app, &ann.email, PASSWORD).await);
    assert_eq!(does(&second, "revokeOtherSessions", json!({}), "revoked").await, json!({ "revoked": 2 }));
    assert!(is_signed_in(&second).await && !is_signed_in(&third).await && !is_signed_in(&ann).await && is_signed_in(&ben).await);
    assert_eq!(does(&second, "revokeOtherSessions", json!({}), "revoked").await, json!({ "revoked": 0 }));
    assert_eq!(sessions(&second).await.len(), 1);
}

#[tokio::test]
async fn ann_sees_what_happened_to_her_account_and_nobody_changes_that() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let fails = async |times: usize| {
        for _ in 0..times {
            refused(&app.nobody(), "signIn", json!({ "email": ann.email, "password": "not it" }), "viewer { id }").await;
        }
    };
    fails(3).await;
    app.clock.advance(TimeDelta::minutes(61));
    fails(1).await;
    refused(&app.nobody(), "signIn", json!({ "email": "nobody@example.org", "password": "not it" }), "viewer { id }").await;
    app.clock.advance(TimeDelta::seconds(1));
    let laptop = signs_in(&app, &ann.email, PASSWORD).await;
    app.clock.advance(TimeDelta::seconds(1));
    does(&laptop, "changePassword", json!({ "password": PASSWORD, "newPassword": ANOTHER }), "changed").await;
    let happened = [("PASSWORD_CHANGED", 1), ("SIGNED_IN", 1), ("SIGN_IN_FAILED", 1), ("SIGN_IN_FAILED", 3)]
        .map(|(kind, count)| (kind.to_owned(), count));
    assert_eq!(events(&laptop).await, happened);
    let page =
        laptop.ask("{ viewer { securityEvents(first: 2) { nodes { network } pageInfo { endCursor hasNextPage } } } }", json!({})).await;
    let page = &page["viewer"]["securityEvents"];
    assert_eq!((&page["nodes"][0]["network"], &page["pageInfo"]["hasNextPage"]), (&json!("127.0.0.0/24"), &json!(true)));
    let rest = "query($after: String) { viewer { securityEvents(after: $after) { nodes { kind } } } }";
    let rest = laptop.ask(rest, json!({ "after": page["pageInfo"]["endCursor"] })).await;
    assert_eq!(rest["viewer"]["securityEvents"]["nodes"].as_array().unwrap().len(), 2);

    app.clock.advance(-TimeDelta::minutes(61));
    assert_eq!(events(&ben).await, []);
    let mut as_app = app.connect("hale_app").await;
    for statement in
        ["DELETE FROM security_events", "UPDATE security_events SET count = 1", "INSERT INTO security_events SELECT * FROM security_events"]
    {
        let error = sqlx::raw_sql(statement).execute(&mut as_app).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"), "{statement}");
    }
}
