//! Charts as SVG: authorised by a header, under the policies, logged like any reading, and with nothing in them but a picture.

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    measurements::records,
};

async fn asks(person: &Person<'_>, query: &str) -> (StatusCode, header::HeaderMap, String) {
    let mut request = person.app.get(&format!("/charts/{query}"));
    if let Some(token) = &person.token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status(), response.headers().clone(), response.text().await.unwrap())
}

fn code(answer: &str) -> Value {
    let answer: Value = serde_json::from_str(answer).unwrap();
    json!([answer["errors"][0]["extensions"]["code"], answer["errors"][0]["extensions"]["field"]])
}

async fn weighs(ann: &Person<'_>) {
    for (day, weight) in [("01", "82"), ("02", "81.4"), ("03", "82.3"), ("04", "81.2"), ("05", "81"), ("06", "81.9"), ("07", "80.8")] {
        records(ann, json!({ "value": weight, "measuredAt": format!("2026-03-{day}T07:00:00Z") })).await;
    }
}

#[tokio::test]
async fn anns_weight_is_a_picture_that_says_what_it_shows() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    weighs(&ann).await;
    let (status, headers, svg) = asks(&ann, "weight-trend").await;
    assert_eq!((status, headers[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, "image/svg+xml"));
    assert_eq!(headers[header::CACHE_CONTROL], "private, no-store");
    let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'") && !policy.contains("script"), "{policy}");
    assert!(svg.contains("<title id=\"title\">Weight, 2025-12-11 to 2026-03-10</title>"), "{svg}");
    // The vector of the reference: 82 to 81.7159336.
    assert!(svg.contains("from 82 kg on 2026-03-01 to 81.7 kg on 2026-03-07"), "{svg}");
    assert_eq!(svg.matches("<circle").count(), 7);
    assert!(svg.contains("prefers-color-scheme:dark"));
    let (_, _, dark) = asks(&ann, "weight-trend?theme=dark&unit=lb&from=2026-03-01&to=2026-03-03").await;
    assert!(!dark.contains("prefers-color-scheme") && dark.contains("fill=\"#111827\""), "{dark}");
    assert!(dark.contains("from 180.8 lb on 2026-03-01 to 180.7 lb on 2026-03-03"), "{dark}");
    for svg in [&svg, &dark] {
        for active in ["<script", "href", "url(", "@import", "<image", "foreignObject", "example.org", "ann"] {
            assert!(!svg.contains(active), "{active}: {svg}");
        }
    }
    assert!(asks(&ann, "weight-trend?from=2026-01-01&to=2026-01-31").await.2.contains("No weight was measured in these days."));

    for (query, field) in [
        ("weight-trend?from=2026-03-02&to=2026-03-01", "to"),
        ("weight-trend?from=1990-03-02", "to"),
        ("weight-trend?from=yesterday", "from"),
        ("weight-trend?unit=cm", "unit"),
        ("weight-trend?unit=%3Cscript%3E", "unit"),
        ("weight-trend?theme=pink", "theme"),
        ("weight-trend?personId=1", "personId"),
        ("weight-trend?token=1", "query"),
    ] {
        let (status, _, answer) = asks(&ann, query).await;
        assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, json!(["BAD_USER_INPUT", field])), "{query}");
    }
    assert_eq!(asks(&ann, "luck").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn ben_sees_anns_chart_once_she_shares_it_and_she_sees_that_he_did() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    weighs(&ann).await;
    let of_ann = format!("weight-trend?personId={}", ann.id);
    assert_eq!(asks(&app.nobody(), &of_ann).await.0, StatusCode::UNAUTHORIZED);
    let link = format!("{of_ann}&access_token={}", ann.token.as_deref().unwrap());
    assert_eq!(asks(&app.nobody(), &link).await.0, StatusCode::UNAUTHORIZED, "a link opens nothing");
    for person in [&ben, &carla] {
        app.verify(person).await;
        let (status, _, answer) = asks(person, &of_ann).await;
        assert_eq!((status, code(&answer)), (StatusCode::NOT_FOUND, json!(["NOT_FOUND", "personId"])));
    }
    shares(&ann, &ben, &["CHECKIN"], false).await;
    shares(&ann, &carla, &["CALORIE"], false).await;
    assert_eq!(asks(&carla, &of_ann).await.0, StatusCode::NOT_FOUND, "calories are not weights");
    let (status, _, svg) = asks(&ben, &of_ann).await;
    assert_eq!((status, svg.matches("<circle").count()), (StatusCode::OK, 7));
    let log = ann.ask("{ viewer { accessLog(first: 50) { nodes { reader { id } accessType } } } }", json!({})).await;
    let read = log["viewer"]["accessLog"]["nodes"].as_array().unwrap();
    assert!(read.contains(&json!({ "reader": { "id": ben.id }, "accessType": "CHECKIN" })), "{log}");
}
