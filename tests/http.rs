//! GraphQL over HTTP: what the specification asks of a server, what is refused before it costs anything, and what surrounds it.

use std::time::Duration;

use api::{graphql::documents::Documents, http::Options};
use reqwest::{Response, StatusCode, header};
use serde_json::{Value, json};

use crate::harness::{PASSWORD, TestApp, graphql_js, options};

const JSON: &str = "application/json; charset=utf-8";
const GRAPHQL_RESPONSE: &str = "application/graphql-response+json; charset=utf-8";

#[tokio::test]
async fn all_audits_of_graphql_http_pass() {
    let app = TestApp::new().await;
    let Some(output) = graphql_js("audits.mjs", &[&format!("http://{}/graphql", app.address)], "").await else { return };
    let audits: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<_> = audits.iter().filter(|audit| audit["status"] != "ok").collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(audits.len(), 61);
}

fn content_type(response: &Response) -> String {
    response.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// The code of the one error of an answer that was refused before execution: it has no data at all.
async fn refused(response: Response) -> (u16, String, Value) {
    let (status, kind) = (response.status().as_u16(), content_type(&response));
    let answer: Value = response.json().await.unwrap();
    assert!(answer.get("data").is_none(), "{answer}");
    let errors = answer["errors"].as_array().unwrap();
    assert!(
        !errors.is_empty() && errors.iter().all(|error| error["message"].is_string() && error["extensions"]["code"].is_string()),
        "{answer}"
    );
    (status, kind, errors[0].clone())
}

fn code(error: &Value) -> &str {
    error["extensions"]["code"].as_str().unwrap()
}

#[tokio::test]
async fn the_answer_has_the_type_that_the_client_likes_best() {
    let app = TestApp::new().await;
    for (accept, expected) in [
        (None, Some(JSON)),
        (Some("*/*"), Some(JSON)),
        (Some("application/*"), Some(JSON)),
        (Some("application/json"), Some(JSON)),
        (Some("APPLICATION/JSON; charset=UTF-8"), Some(JSON)),
        (Some("application/graphql-response+json"), Some(GRAPHQL_RESPONSE)),
        (Some("application/graphql-response+json; charset=utf-8, application/json; charset=utf-8"), Some(GRAPHQL_RESPONSE)),
        (Some("application/json;q=0.5, application/graphql-response+json;q=0.9"), Some(GRAPHQL_RESPONSE)),
        (Some("application/json, application/graphql-response+json;q=0.1"), Some(JSON)),
        (Some("text/html, application/json"), Some(JSON)),
        (Some("text/html;q=1, */*;q=0.1"), Some(JSON)),
        (Some("text/html"), None),
        (Some("application/json;q=0"), None),
        (Some("application/json; charset=iso-8859-1"), None),
        (Some("application/xml, image/png"), None),
    ] {
        for method in ["GET", "POST"] {
            let mut request = if method == "GET" {
                app.get("/graphql?query=%7B__typename%7D")
            } else {
                app.post("/graphql").json(&json!({ "query": "{ __typename }" }))
            };
            if let Some(accept) = accept {
                request = request.header(header::ACCEPT, accept);
            }
            let response = request.send().await.unwrap();
            match expected {
                Some(expected) => {
                    assert_eq!((response.status(), content_type(&response).as_str()), (StatusCode::OK, expected), "{method} {accept:?}");
                    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
                    assert!(response.headers()[header::VARY].to_str().unwrap().contains("accept"));
                    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "data": { "__typename": "Query" } }));
                }
                None => {
                    let (status, _, error) = refused(response).await;
                    assert_eq!((status, code(&error)), (406, "BAD_REQUEST"), "{method} {accept:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_body_must_be_a_json_object_in_utf_8() {
    let app = TestApp::new().await;
    let query = r#"{ "query": "{ __typename }" }"#;
    for content_type in [
        "",
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ] {
        let mut request = app.post("/graphql").body(query);
        if !content_type.is_empty() {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let (status, _, error) = refused(request.send().await.unwrap()).await;
        assert_eq!((status, code(&error)), (415, "BAD_REQUEST"), "{content_type}");
    }
    for content_type in ["application/json", "Application/JSON; Charset=\"UTF-8\""] {
        let response = app.post("/graphql").header(header::CONTENT_TYPE, content_type).body(query).send().await.unwrap();
        assert_eq!(response.status(), 200, "{content_type}");
    }
    for body in [
        "",
        " ",
        "{",
        "not json",
        "null",
        "1",
        "\"{ __typename }\"",
        "[]",
        r#"[{ "query": "{ __typename }" }]"#,
        "{}",
        r#"{ "query": null }"#,
        r#"{ "query": 1 }"#,
        r#"{ "query": ["{ __typename }"] }"#,
        r#"{ "query": "{ __typename }", "operationName": 1 }"#,
        r#"{ "query": "{ __typename }", "variables": [] }"#,
        r#"{ "query": "{ __typename }", "variables": "{}" }"#,
        r#"{ "query": "{ __typename }", "extensions": 1 }"#,
        r#"{ "mutation": "{ __typename }" }"#,
        "\u{feff}{}",
    ] {
        for accept in ["application/json", "application/graphql-response+json"] {
            let request = app.post("/graphql").header(header::CONTENT_TYPE, "application/json").header(header::ACCEPT, accept).body(body);
            let (status, kind, error) = refused(request.send().await.unwrap()).await;
            assert_eq!((status, code(&error)), (400, "BAD_REQUEST"), "{body}");
            assert!(kind.starts_with(accept), "{kind}");
        }
    }
    let not_utf8 = app.post("/graphql").header(header::CONTENT_TYPE, "application/json").body(b"{ \"query\": \"{ \xff }\" }".to_vec());
    assert_eq!(refused(not_utf8.send().await.unwrap()).await.0, 400);
    // What a client does not know about it may send: absent, null and empty are the same.
    let body = json!({ "query": "{ __typename }", "operationName": null, "variables": null, "extensions": {}, "id": 7 });
    assert_eq!(app.post("/graphql").json(&body).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_request_that_cannot_be_executed_is_400_in_the_new_type_alone() {
    let app = TestApp::new().await;
    for (query, variables) in [
        ("{", json!({})),
        ("", json!({})),
        ("fragment F on Query { __typename }", json!({})),
        ("{ nothing }", json!({})),
        ("{ viewer }", json!({})),
        ("{ viewer { id id { x } } }", json!({})),
        ("{ food { id } }", json!({})),
        ("query($id: UUID!) { food(id: $id) { id } }", json!({})),
        ("query($id: UUID!) { food(id: $id) { id } }", json!({ "id": null })),
        ("query($id: Missing!) { food(id: $id) { id } }", json!({ "id": "x" })),
        ("{ viewer { ...F } } fragment F on Person { ...F }", json!({})),
        ("{ viewer { ...Missing } }", json!({})),
        ("query A { __typename } query B { __typename }", json!({})),
        ("query A { __typename } query A { __typename }", json!({})),
        ("mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id } } }", json!({ "input": { "foodId": "x" } })),
        ("subscription { __typename }", json!({})),
    ] {
        for (accept, expected) in [("application/json", 200), ("application/graphql-response+json", 400)] {
            let request = app.post("/graphql").header(header::ACCEPT, accept).json(&json!({ "query": query, "variables": variables }));
            let (status, kind, error) = refused(request.send().await.unwrap()).await;
            assert_eq!((status, code(&error)), (expected, "BAD_REQUEST"), "{query}: {error}");
            assert!(kind.starts_with(accept), "{kind}");
        }
    }
    // What was executed is 200, whatever came of it.
    let executed =
        app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json").json(&json!({ "query": "{ viewer { id } }" }));
    let executed = executed.send().await.unwrap();
    assert_eq!(executed.status(), 200);
    let answer: Value = executed.json().await.unwrap();
    assert_eq!((&answer["data"], &answer["errors"][0]["extensions"]["code"]), (&json!({ "viewer": null }), &json!("UNAUTHENTICATED")));
    assert_eq!(answer["errors"][0]["path"], json!(["viewer"]));
}

#[tokio::test]
async fn queries_can_be_sent_by_get_and_nothing_else_can() {
    let app = TestApp::new().await;
    let get = async |pairs: &[(&str, &str)]| {
        let query = reqwest::Url::parse_with_params("http://x/", pairs).unwrap().query().unwrap().to_owned();
        app.get(&format!("/graphql?{query}")).header(header::ACCEPT, "application/graphql-response+json").send().await.unwrap()
    };
    let data = async |pairs: &[(&str, &str)]| get(pairs).await.json::<Value>().await.unwrap()["data"].clone();
    assert_eq!(
        data(&[("query", "query A { a: __typename } query B { b: __typename }"), ("operationName", "B")]).await,
        json!({ "b": "Query" })
    );
    let named = "query($name: String!) { __type(name: $name) { name } }";
    assert_eq!(data(&[("query", named), ("variables", r#"{ "name": "Food" }"#)]).await, json!({ "__type": { "name": "Food" } }));
    assert_eq!(
        data(&[("query", "{ __typename }"), ("variables", ""), ("operationName", ""), ("extensions", "{}")]).await,
        json!({ "__typename": "Query" })
    );

    for pairs in [
        &[("query", "")][..],
        &[("query", "{ __typename }"), ("query", "{ __typename }")],
        &[("query", named), ("variables", "name")],
        &[("q", "{ __typename }")],
    ] {
        let (status, _, error) = refused(get(pairs).await).await;
        assert_eq!((status, code(&error)), (400, "BAD_REQUEST"), "{pairs:?}");
    }
    let mutation = r#"mutation { signUp(input: { email: "ann@example.org", password: "long enough" }) { viewer { id } } }"#;
    for pairs in [
        &[("query", mutation)][..],
        &[("query", &format!("query A {{ __typename }} {}", mutation.replace("mutation", "mutation B"))), ("operationName", "B")],
    ] {
        let response = get(pairs).await;
        assert_eq!(response.headers()[header::ALLOW], "POST");
        let (status, _, error) = refused(response).await;
        assert_eq!((status, code(&error)), (405, "BAD_REQUEST"));
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM users").await, 0);
    let client = reqwest::Client::new();
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::PATCH] {
        let response = client.request(method, format!("http://{}/graphql", app.address)).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert!(response.headers()[header::ALLOW].to_str().unwrap().contains("POST"));
    }
    let preflight = client
        .request(reqwest::Method::OPTIONS, format!("http://{}/graphql", app.address))
        .header("origin", "http://evil.example")
        .send()
        .await
        .unwrap();
    assert!(!preflight.headers().keys().any(|name| name.as_str().starts_with("access-control")));
}

#[tokio::test]
async fn only_pages_of_allowed_origins_may_call() {
    const OURS: &str = "https://app.example.org";
    let allowing = Options {
        origins: vec![header::HeaderValue::from_static(OURS), header::HeaderValue::from_static("http://localhost:5173")],
        ..options()
    };
    let app = TestApp::with(4, allowing).await;
    let url = format!("http://{}/graphql", app.address);
    let client = reqwest::Client::new();
    let preflight = async |origin: &str| {
        let request = client.request(reqwest::Method::OPTIONS, &url).header(header::ORIGIN, origin);
        let request =
            request.header("access-control-request-method", "POST").header("access-control-request-headers", "authorization,content-type");
        request.send().await.unwrap().headers().clone()
    };
    let ask = async |origin: &str| {
        let request = client.post(&url).header(header::ORIGIN, origin).json(&json!({ "query": "{ __typename }" }));
        request.send().await.unwrap().headers().clone()
    };
    let text = |headers: &header::HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_lowercase());
    for origin in [OURS, "http://localhost:5173"] {
        let headers = preflight(origin).await;
        assert_eq!(text(&headers, "access-control-allow-origin").as_deref(), Some(origin));
        for (name, values) in [
            ("access-control-allow-methods", &["get", "post"][..]),
            ("access-control-allow-headers", &["authorization", "content-type", "idempotency-key"]),
        ] {
            let allowed = text(&headers, name).unwrap();
            assert!(values.iter().all(|value| allowed.contains(value)) && !allowed.contains('*'), "{name}: {allowed}");
        }
        let headers = ask(origin).await;
        assert_eq!(text(&headers, "access-control-allow-origin").as_deref(), Some(origin));
        assert!(text(&headers, "access-control-expose-headers").unwrap().contains("retry-after"));
        assert!(headers.get_all(header::VARY).iter().any(|value| value.to_str().unwrap().to_lowercase().contains("origin")), "{headers:?}");
        assert!(!headers.contains_key("access-control-allow-credentials"), "tokens are no cookies");
    }
    for origin in [
        "https://evil.example",
        "https://app.example.org.evil.example",
        "https://app.example.org:444",
        "http://app.example.org",
        "https://APP.example.org",
        "null",
        "*",
        "",
    ] {
        assert_eq!(text(&preflight(origin).await, "access-control-allow-origin"), None, "{origin}");
        assert_eq!(text(&ask(origin).await, "access-control-allow-origin"), None, "{origin}");
    }
}

#[tokio::test]
async fn answers_are_compressed_and_guarded() {
    let app = TestApp::new().await;
    let request = app.post("/graphql").header(header::ACCEPT_ENCODING, "gzip");
    let response = request.json(&json!({ "query": "{ __schema { types { name description } } }" })).send().await.unwrap();
    let expected = [
        ("content-encoding", "gzip"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in expected {
        assert_eq!(response.headers()[name], value, "{name}");
    }
    let packed = response.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() > 1_000, "{} bytes", packed.len());
    let plain = app.post("/graphql").json(&json!({ "query": "{ __schema { types { name description } } }" })).send().await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    assert!(plain.bytes().await.unwrap().len() > 2 * packed.len());
}

#[tokio::test]
async fn a_body_may_have_256_kb_and_2_mib_with_a_session() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let body = |bytes: usize| format!(r#"{{ "query": "{{ __typename }}", "variables": {{ "x": "{}" }} }}"#, "x".repeat(bytes - 56));
    let send = async |bytes: usize, token: Option<&str>| {
        let mut request = app.post("/graphql").header(header::CONTENT_TYPE, "application/json").body(body(bytes));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    };
    let token = ann.token.as_deref();
    for (bytes, token) in [(256 * 1024 - 100, None), (256 * 1024 + 100, token), (2 * 1024 * 1024 - 100, token)] {
        assert_eq!(send(bytes, token).await.status(), 200, "{bytes}");
    }
    for (bytes, token, allowed) in [
        (256 * 1024 + 100, None, 256 * 1024),
        (256 * 1024 + 100, Some("forged"), 256 * 1024),
        (2 * 1024 * 1024 + 100, token, 2 * 1024 * 1024),
    ] {
        let (status, _, error) = refused(send(bytes, token).await).await;
        assert_eq!((status, code(&error)), (413, "LIMIT_EXCEEDED"), "{bytes}");
        assert_eq!(error["extensions"]["allowed"], allowed);
        assert!(error["extensions"]["asked"].as_u64().unwrap() > allowed);
    }
}

/// A document beyond each limit, and one that just keeps it.
fn documents() -> Vec<(&'static str, String, Option<String>)> {
    let nested = |open: &str, times: usize, inner: &str| format!("{}{inner}{}", open.repeat(times), "}".repeat(times));
    let aliases = |count: usize| format!("{{ {} }}", (0..count).map(|n| format!("a{n}: __typename ")).collect::<String>());
    let doubling = |leaf: &str| {
        let fragments: String = (0..30).map(|n| format!("fragment F{n} on Person {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
        format!("{{ viewer {{ ...F0 }} }} {fragments} {leaf}")
    };
    let list = |first: usize| {
        format!("{{ foods(search: \"x\", first: {first}) {{ nodes {{ id name brand barcode source servingSize servingUnit version }} }} }}")
    };
    vec![
        ("bytes", format!("{{ __typename }}{}", " ".repeat(15_000)), Some(format!("{{ __typename }}{}", " ".repeat(14_986)))),
        ("tokens", format!("{{ {} }}", "__typename ".repeat(999)), None),
        ("nested brackets", format!("{{ food(id: {}{}) {{ id }} }}", "[".repeat(63), "]".repeat(63)), None),
        ("tokens", format!("{{ food(id: {}", "[".repeat(14_000)), None),
        ("tokens", format!("{{ food(id: {}", "{a:".repeat(4_500)), None),
        ("nested brackets", "{a".repeat(70), None),
        ("nested fields", nested("{ viewer ", 11, "").replace("viewer }", "id }"), None),
        ("aliases", aliases(31), Some(aliases(30))),
        ("root fields", format!("{{ {} }}", "__typename ".repeat(31)), Some(format!("{{ {} }}", "__typename ".repeat(30)))),
        ("fields", format!("{{ viewer {{ {} }} }}", "id ".repeat(500)), Some(format!("{{ viewer {{ {} }} }}", "id ".repeat(499)))),
        ("fields", doubling("fragment F30 on Person { id fullName }"), None),
        ("fields", doubling(""), None),
        ("directives on one field", format!("{{ __typename {} }}", "@include(if: true) ".repeat(11)), None),
        ("nested selections", nested("{ ... ", 33, "{ __typename }"), None),
        ("nested lists of introspection", "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }".to_owned(), None),
        ("cost", list(100).replace("100", "1000"), Some(list(100))),
        ("cost", "{ viewer { measurements(first: 2147483647) { nodes { createdBy { measurements(first: 2147483647) { nodes { createdBy { measurements(first: 2147483647) { nodes { id } } } } } } } } } }".to_owned(), None),
    ]
}

#[tokio::test]
async fn a_document_beyond_a_limit_is_refused_and_told_which() {
    let app = TestApp::new().await;
    for (limit, beyond, within) in documents() {
        let begun = std::time::Instant::now();
        let answer = app
            .post("/graphql")
            .header(header::ACCEPT, "application/graphql-response+json")
            .json(&json!({ "query": beyond }))
            .send()
            .await
            .unwrap();
        let (status, _, error) = refused(answer).await;
        assert_eq!((status, code(&error), &error["extensions"]["limit"]), (400, "LIMIT_EXCEEDED", &json!(limit)), "{beyond:.100}: {error}");
        let number = |name: &str| error["extensions"][name].as_u64().unwrap_or_else(|| panic!("{name}: {error}"));
        assert!(number("asked") > number("allowed"), "{error}");
        // Not a measurement: a document that explodes takes for ever.
        assert!(begun.elapsed() < Duration::from_secs(5), "{beyond:.100}");
        if let Some(within) = within {
            let answer = app.nobody().json(&within, json!({})).await;
            assert_ne!(answer.pointer("/errors/0/extensions/code"), Some(&json!("LIMIT_EXCEEDED")), "{within:.100}: {answer}");
        }
    }
    assert_eq!(app.nobody().json("{ __typename }", json!({})).await, json!({ "data": { "__typename": "Query" } }), "the server is gone");
}

#[tokio::test]
async fn at_most_ten_errors_are_answered() {
    let app = TestApp::new().await;
    let answer =
        app.nobody().json(&format!("{{ {} }}", (0..30).map(|n| format!("a{n}: viewer {{ id }} ")).collect::<String>()), json!({})).await;
    assert_eq!(answer["errors"].as_array().unwrap().len(), 10);
    let unknown = app.nobody().json(&format!("{{ {} }}", (0..30).map(|n| format!("nothing{n} ")).collect::<String>()), json!({})).await;
    assert!(unknown["errors"].as_array().unwrap().len() <= 10);
}

#[tokio::test]
async fn every_error_has_a_code_and_none_shows_what_is_behind_it() {
    const CODES: [&str; 15] = [
        "BAD_REQUEST",
        "DOCUMENT_NOT_FOUND",
        "UNAUTHENTICATED",
        "SECOND_FACTOR_REQUIRED",
        "FORBIDDEN",
        "NOT_FOUND",
        "BAD_USER_INPUT",
        "CONFLICT",
        "RATE_LIMITED",
        "LIMIT_EXCEEDED",
        "TIMEOUT",
        "UNAVAILABLE",
        "PROVIDER_UNAVAILABLE",
        "INTERNAL",
        "",
    ];
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    let some = "01900000-0000-7000-8000-000000000000";
    let log = |input: Value| {
        let mut entry = json!({ "foodId": oats, "quantity": "1", "unit": "g", "mealType": "lunch" });
        entry.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        ("mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id } } }", json!({ "input": entry }))
    };
    let operations = [
        ("{ nothing }", json!({})),
        ("{ viewer { foodDay(date: \"2026-02-30\") { date } } }", json!({})),
        ("query($id: UUID!) { food(id: $id) { id } }", json!({ "id": "'; DROP TABLE users; --" })),
        ("query($id: UUID!) { food(id: $id) { id } }", json!({ "id": "not-an-id" })),
        ("{ foods(search: \"a\", first: 1000) { nodes { id } } }", json!({})),
        ("{ foods(search: \"a\", first: -1) { nodes { id } } }", json!({})),
        ("{ foods(search: \"a\", after: \"AAAA\") { nodes { id } } }", json!({})),
        ("{ foods(search: \"%_\\\\\\u0000\") { nodes { id } } }", json!({})),
        ("{ foodByBarcode(barcode: \"x\\u0000\") { id } }", json!({})),
        ("{ exercises(search: \"\\u0000\", muscle: \"\\u0000\", equipment: \"\\u0000\") { nodes { id } } }", json!({})),
        ("{ viewer { measurements(type: \"\\u0000\") { nodes { id } } } }", json!({})),
        ("mutation { signUp(input: { email: \"ann@example.org\", password: \"plum kettle\" }) { viewer { id } } }", json!({})),
        ("mutation { refreshSession(input: { refreshToken: \"\\u0000\" }) { session { accessToken } } }", json!({})),
        (
            "mutation { updatePreferences(input: { timeZone: \"Mars/Phobos\", aiProvider: \"\\u0000\" }) { preferences { theme } } }",
            json!({}),
        ),
        ("mutation { updatePreferences(input: { theme: \"\\u0000\" }) { preferences { theme } } }", json!({})),
        ("mutation { offerAccess(input: { granteeEmail: \"x\\u0000\", accessTypes: [CALORIE] }) { offers { id } } }", json!({})),
        log(json!({ "quantity": "1e999" })),
        log(json!({ "quantity": "NaN" })),
        log(json!({ "quantity": "99999999999999999999999999" })),
        log(json!({ "quantity": "-1" })),
        log(json!({ "unit": "\u{0}" })),
        log(json!({ "mealType": "\u{0}" })),
        log(json!({ "foodId": some })),
        log(json!({ "personId": some })),
        log(json!({ "consumedAt": "9999-12-31T23:59:59Z" })),
        log(json!({ "consumedAt": "-0001-01-01T00:00:00Z" })),
        log(json!({ "id": some, "consumedAt": "2026-03-10T12:00:00+99:99" })),
        ("mutation($id: UUID!) { deleteFoodEntry(input: { id: $id }) { deletedId } }", json!({ "id": some })),
        ("mutation($id: UUID!) { acceptAccess(input: { id: $id }) { access { id } } }", json!({ "id": some })),
    ];
    for (document, variables) in operations {
        let response = ann.send(document, variables.clone()).await;
        assert_eq!(response.status(), 200, "{document} {variables}");
        let text = response.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let errors = answer["errors"].as_array().cloned().unwrap_or_default();
        for error in &errors {
            let code = error["extensions"]["code"].as_str().unwrap_or_else(|| panic!("{document}: {error}"));
            assert!(CODES.contains(&code) && !code.is_empty() && code != "INTERNAL", "{document} {variables}: {error}");
            let message = error["message"].as_str().unwrap().to_lowercase();
            for behind in [
                "sql",
                "select ",
                "insert ",
                "constraint",
                "violates",
                "relation ",
                "column",
                "_fkey",
                "_check",
                "postgres",
                "sqlx",
                "hale_app",
                ".rs",
                "panicked",
            ] {
                assert!(!message.contains(behind), "{document}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn introspection_and_the_explorer_work_without_any_other_host() {
    let app = TestApp::new().await;
    let introspection = "query IntrospectionQuery { __schema { queryType { name } mutationType { name } subscriptionType { name } types { ...FullType }
        directives { name description locations args { ...InputValue } } } }
        fragment FullType on __Type { kind name description specifiedByURL fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
          inputFields { ...InputValue } interfaces { ...TypeRef } enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } possibleTypes { ...TypeRef } }
        fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
        fragment TypeRef on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } }";
    let schema = app.nobody().ask(introspection, json!({})).await;
    assert!(schema["__schema"]["types"].as_array().unwrap().len() > 50);
    let suggested = app.nobody().json("{ vewer { id } }", json!({})).await;
    assert!(suggested["errors"][0]["message"].as_str().unwrap().contains("viewer"), "{suggested}");

    let page = app.get("/").send().await.unwrap();
    assert_eq!((page.status(), content_type(&page).as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
    let policy = page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"), "{policy}");
    assert_eq!(page.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(page.headers()[header::X_FRAME_OPTIONS], "DENY");
    let html = page.text().await.unwrap();
    // Everything that the page loads is the server's own, and is there.
    let mut own = 0;
    for part in html.split(['"', '\'']).filter(|part| part.ends_with(".js") || part.ends_with(".css")) {
        assert!(!part.starts_with("//") && !part.contains("://"), "{part}");
        let response = app.get(&format!("/{}", part.trim_start_matches(['.', '/']))).send().await.unwrap();
        assert_eq!(response.status(), 200, "{part}");
        own += 1;
    }
    assert!(own > 0);
    for path in ["/explorer/nothing.js", "/explorer/../../Cargo.toml", "/explorer/%2e%2e/Cargo.toml", "/nothing"] {
        assert_eq!(app.get(path).send().await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_to_be_explored_shows_nothing() {
    let app = TestApp::new().await;
    let documents = Documents::new(&api::graphql::sdl(), false, Vec::new(), false).unwrap();
    let unexplorable = Options { explorable: false, documents, ..options() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = api::http::Server::new(app.database.clone(), unexplorable).router();
    tokio::spawn(async move { axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await });
    let ask = async |query: &str| -> Value {
        let request = reqwest::Client::new().post(format!("http://{address}/graphql")).json(&json!({ "query": query }));
        request.send().await.unwrap().json().await.unwrap()
    };
    assert!(ask("{ __schema { types { name } } }").await["data"]["__schema"].is_null());
    assert!(ask("{ __type(name: \"Food\") { name } }").await["data"]["__type"].is_null());
    assert!(!ask("{ vewer { id } }").await["errors"][0]["message"].as_str().unwrap().contains("viewer"));
    assert_eq!(ask("{ __typename }").await, json!({ "data": { "__typename": "Query" } }));
    for path in ["/", "/explorer.js", "/explorer.css", "/explorer/index.html"] {
        assert_eq!(reqwest::get(format!("http://{address}{path}")).await.unwrap().status(), 404, "{path}");
    }
}

#[tokio::test]
async fn health_and_request_ids() {
    let app = TestApp::new().await;
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let response = app.get(path).send().await.unwrap();
        assert_eq!(
            (response.status(), &response.headers()[header::CACHE_CONTROL]),
            (StatusCode::OK, &header::HeaderValue::from_static("no-store"))
        );
        assert_eq!(response.text().await.unwrap(), text);
    }
    let id = |response: &Response| response.headers().get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
    let own = app.get("/healthz").header("x-request-id", "my-request-7").send().await.unwrap();
    assert_eq!(id(&own).as_deref(), Some("my-request-7"));
    let (first, second) =
        (id(&app.get("/healthz").send().await.unwrap()).unwrap(), id(&app.get("/nothing").send().await.unwrap()).unwrap());
    assert!(uuid::Uuid::parse_str(&first).is_ok() && uuid::Uuid::parse_str(&second).is_ok() && first != second);
    for strange in ["x".repeat(2_000), "with space and <script>".to_owned()] {
        let response = app.get("/healthz").header("x-request-id", &strange).send().await.unwrap();
        assert_ne!(id(&response), Some(strange), "whatever a client sends would be in the log");
    }
}

#[tokio::test]
async fn a_server_that_stops_is_not_ready() {
    let app = TestApp::new().await;
    let server = api::http::Server::new(app.database.clone(), options());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server.router();
    tokio::spawn(async move { axum::serve(listener, router.into_make_service_with_connect_info::<std::net::SocketAddr>()).await });
    let ready = async || reqwest::get(format!("http://{address}/readyz")).await.unwrap().status().as_u16();
    assert_eq!(ready().await, 200);
    server.drain();
    assert_eq!(ready().await, 503);
}

#[tokio::test]
async fn what_a_refused_password_was_is_not_repeated() {
    let app = TestApp::new().await;
    let document = format!(
        "mutation {{ signUp(input: {{ email: \"ann@example.org\", password: \"{PASSWORD}\", nothing: 1 }}) {{ viewer {{ id }} }} }}"
    );
    let text = app.nobody().send(&document, json!({})).await.text().await.unwrap();
    assert!(text.contains("BAD_REQUEST") && !text.contains(PASSWORD), "{text}");
    let variables = json!({ "input": { "email": "ann@example.org", "password": [PASSWORD] } });
    let text = app
        .nobody()
        .send("mutation($input: SignUpInput!) { signUp(input: $input) { viewer { id } } }", variables)
        .await
        .text()
        .await
        .unwrap();
    assert!(text.contains("BAD_REQUEST") && !text.contains(PASSWORD), "{text}");
}
