//! Trusted documents: prepared when the server starts, named by their hash, and, where the operator wants it, all that runs.

use api::{
    graphql::{
        documents::{Documents, trusted_documents},
        sdl,
    },
    http::Options,
};
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    command_line::{Folder, Served, fails, hale},
    harness::{TestApp, options},
};

const ME: &str = "query Me { viewer { fullName } }";
const SIGN_OUT: &str = "mutation SignOut { signOut { signedOut } }";

fn hash(document: &str) -> String {
    Sha256::digest(document).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn trusting(only: bool) -> Options {
    let documents = Documents::new(&sdl(), true, vec![ME.to_owned(), SIGN_OUT.to_owned()], only).unwrap();
    Options { documents, ..options() }
}

/// The status and the answer to a body, by someone signed in.
async fn post(app: &TestApp, token: &str, body: Value) -> (StatusCode, Value) {
    let request = app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json").bearer_auth(token).json(&body);
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

fn code(answer: &Value) -> (&str, &str) {
    assert!(answer.get("data").is_none(), "{answer}");
    (answer["errors"][0]["extensions"]["code"].as_str().unwrap(), answer["errors"][0]["message"].as_str().unwrap())
}

#[tokio::test]
async fn a_document_runs_by_its_hash() {
    let app = TestApp::with(4, trusting(false)).await;
    let ann = app.person("ann").await;
    let token = ann.token.as_deref().unwrap();
    let named = json!({ "data": { "viewer": { "fullName": "ann" } } });
    for body in [
        json!({ "documentId": hash(ME) }),
        json!({ "documentId": format!("sha256:{}", hash(ME)) }),
        json!({ "documentId": hash(ME).to_uppercase(), "operationName": "Me", "query": null }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash(ME) } } }),
        // Apollo's clients send the text as well when they think it is not known yet.
        json!({ "query": ME, "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash(ME) } } }),
        json!({ "query": "{ viewer { fullName } }" }),
    ] {
        assert_eq!(post(&app, token, body.clone()).await, (StatusCode::OK, named.clone()), "{body}");
    }
    for path in
        [format!("documentId={}", hash(ME)), format!("extensions=%7B%22persistedQuery%22:%7B%22sha256Hash%22:%22{}%22%7D%7D", hash(ME))]
    {
        let response = app.get(&format!("/graphql?{path}")).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        assert_eq!(response.json::<Value>().await.unwrap(), named, "{path}");
    }
    let mutation = app.get(&format!("/graphql?documentId={}", hash(SIGN_OUT))).bearer_auth(token).send().await.unwrap();
    assert_eq!(mutation.status(), 405, "a mutation stays one");
    assert_eq!(post(&app, token, json!({ "documentId": hash(SIGN_OUT) })).await.1["data"]["signOut"]["signedOut"], true);
}

#[tokio::test]
async fn a_hash_that_is_not_known_or_not_true_is_refused() {
    let app = TestApp::with(4, trusting(false)).await;
    let ann = app.person("ann").await;
    let token = ann.token.as_deref().unwrap();
    let other = "{ viewer { id } }";
    for id in ["", "sha256:", "0", "../../etc/passwd", &hash(other), &"f".repeat(64), &format!("md5:{}", hash(ME)), &"x".repeat(100_000)] {
        let (status, answer) = post(&app, token, json!({ "documentId": id })).await;
        assert_eq!((status, code(&answer).0), (StatusCode::BAD_REQUEST, "DOCUMENT_NOT_FOUND"), "{id:.80}");
        assert!(answer.to_string().len() < 300);
    }
    let persisted =
        |query: Option<&str>, hash: Value| json!({ "query": query, "extensions": { "persistedQuery": { "sha256Hash": hash } } });
    let (_, answer) = post(&app, token, persisted(None, json!(hash(other)))).await;
    assert_eq!(code(&answer), ("DOCUMENT_NOT_FOUND", "PersistedQueryNotFound"), "the words that make Apollo's clients send the text");
    assert_eq!(post(&app, token, persisted(Some(other), json!(hash(other)))).await.0, StatusCode::OK);
    let (_, answer) = post(&app, token, persisted(None, json!(hash(other)))).await;
    assert_eq!(code(&answer).0, "DOCUMENT_NOT_FOUND", "nothing that a client sends becomes a trusted document");

    for body in [
        persisted(Some(other), json!(hash(ME))),
        persisted(Some(SIGN_OUT), json!(hash(ME))),
        persisted(None, json!(7)),
        json!({ "query": ME, "documentId": hash(ME) }),
        json!({ "documentId": 7 }),
    ] {
        let (status, answer) = post(&app, token, body.clone()).await;
        assert_eq!((status, code(&answer).0), (StatusCode::BAD_REQUEST, "BAD_REQUEST"), "{body}");
    }
    assert!(ann.ask(ME, json!({})).await["viewer"].is_object(), "nothing signed her out");
}

#[tokio::test]
async fn a_server_that_trusts_only_its_documents_runs_nothing_else() {
    let open = TestApp::new().await;
    open.person("ann").await;
    let app = TestApp::with(4, trusting(true)).await;
    for document in [
        "{ __typename }",
        "{ __schema { types { name } } }",
        "query Me { viewer { fullName } } ",
        "mutation { signUp(input: { email: \"a@example.org\", password: \"long enough\" }) { viewer { id } } }",
        "{",
    ] {
        let (status, answer) = post(&app, "", json!({ "query": document })).await;
        let (code, message) = code(&answer);
        assert_eq!((status, code), (StatusCode::BAD_REQUEST, "DOCUMENT_NOT_FOUND"), "{document}");
        assert!(message.contains("send documentId"), "{message}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM users").await, 0);
    for body in [json!({ "documentId": hash(ME) }), json!({ "query": ME })] {
        assert_eq!(post(&app, "", body).await.1["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "it ran");
    }
}

#[test]
fn a_file_whose_hashes_are_not_true_is_refused() {
    let file =
        |entries: &[(&str, &str)]| serde_json::to_vec(&entries.iter().copied().collect::<std::collections::BTreeMap<_, _>>()).unwrap();
    let (me, prefixed) = (hash(ME), format!("sha256:{}", hash(SIGN_OUT)));
    assert_eq!(trusted_documents(&file(&[(&me, ME), (&prefixed, SIGN_OUT)])).unwrap().len(), 2);
    assert!(trusted_documents(&file(&[(&me, SIGN_OUT)])).unwrap_err().contains(&hash(SIGN_OUT)));
    for wrong in ["", "[]", "{\"a\": 1}", "{", "null"] {
        assert!(trusted_documents(wrong.as_bytes()).unwrap_err().contains("JSON object of documents"), "{wrong}");
    }
    for (document, reason) in [
        ("{ nothing }", "does not have a field `nothing`"),
        ("{", "syntax error"),
        (&format!("{{ {} }}", "a: __typename ".repeat(31)), "31 aliases, 30 are allowed"),
    ] {
        let refused = Documents::new(&sdl(), false, vec![document.to_owned()], false).err().unwrap();
        assert!(refused.contains(&hash(document)) && refused.contains(reason), "{refused}");
    }
}

#[tokio::test]
async fn settings_that_make_no_sense_are_said_before_anything_starts() {
    let folder = Folder::new();
    let data = folder.0.join("data");
    let start = || {
        let mut command = hale();
        command.arg("--data-dir").arg(&data).env("HALE_LISTEN", "127.0.0.1:0");
        command
    };
    let wrong = folder.file("wrong.json", &json!({ hash(ME): SIGN_OUT }).to_string());
    let line = fails(start().env("HALE_TRUSTED_DOCUMENTS", &wrong)).await;
    assert!(line.contains("wrong.json") && line.contains(&hash(SIGN_OUT)), "{line}");
    let invalid = folder.file("invalid.json", &json!({ hash("{ nothing }"): "{ nothing }" }).to_string());
    let line = fails(start().env("HALE_TRUSTED_DOCUMENTS", &invalid)).await;
    assert!(line.contains("`nothing`"), "{line}");
    let line = fails(start().env("HALE_TRUSTED_DOCUMENTS", folder.0.join("missing.json"))).await;
    assert!(line.contains("missing.json"), "{line}");
    let line = fails(start().env("HALE_ONLY_TRUSTED_DOCUMENTS", "1")).await;
    assert!(line.contains("HALE_TRUSTED_DOCUMENTS"), "{line}");
    for (name, wrong) in [
        ("HALE_CORS_ORIGINS", "*"),
        ("HALE_CORS_ORIGINS", "https://app.example.org/"),
        ("HALE_CORS_ORIGINS", "app.example.org"),
        ("HALE_CORS_ORIGINS", "null"),
        ("HALE_POINTS_PER_PERSON", "50"),
        ("HALE_POINTS_PER_ADDRESS", "10/1"),
    ] {
        let output = start().env(name, wrong).output().await.unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && errors.contains(wrong) && errors.contains("write "), "{name}={wrong}: {errors}");
    }
    assert!(!data.join("postgres").exists(), "a PostgreSQL was set up for nothing");

    let app = TestApp::new().await;
    let right = folder.file("right.json", &json!({ hash(ME): ME }).to_string());
    let served = Served::start(
        start()
            .env("DATABASE_URL", app.url("hale_app"))
            .env("HALE_CORS_ORIGINS", "https://a.example,http://b.example:8080")
            .env("HALE_TRUSTED_DOCUMENTS", right)
            .env("HALE_ONLY_TRUSTED_DOCUMENTS", "true"),
    )
    .await;
    for (query, code) in [("{ __typename }", "DOCUMENT_NOT_FOUND"), (ME, "UNAUTHENTICATED")] {
        let request = reqwest::Client::new().post(format!("http://{}/graphql", served.address)).json(&json!({ "query": query }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{query}");
    }
}
