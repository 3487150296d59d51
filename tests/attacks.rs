//! What attackers send, in the order of the list that scanners and armours share: at the limit it works, one beyond it is refused with
//! a code, a thousand times beyond it is refused too, and the server stays as it was. What is not here is where its feature is:
//!
//! - 3, guessing passwords by aliases: `accounts::aliases_do_not_multiply_attempts`, `accounts::the_eleventh_wrong_password_waits`
//! - 13 and 14, forged requests and operations hidden from GET: `http::a_body_must_be_a_json_object_in_utf_8`,
//!   `http::queries_can_be_sent_by_get_and_nothing_else_can`, `http::only_pages_of_allowed_origins_may_call`
//! - 15, ids of others: `isolation`, `family_access`, `bad_input`
//! - 16, one person's rows in another's answer: `access::two_people_on_one_connection_never_see_each_other`,
//!   `access::clients_that_hang_up_lose_nothing_that_was_acknowledged`
//! - 25, poisoned persisted queries: `trusted_documents::a_hash_that_is_not_known_or_not_true_is_refused`
//! - 26, ids that go to the log: `http::health_and_request_ids`
//! - 27, the explorer in production: `http::a_server_that_is_not_to_be_explored_shows_nothing`

use std::time::{Duration, Instant};

use api::{graphql::documents::Documents, graphql::sdl, http::Options};
use futures_util::StreamExt;
use reqwest::{Body, header};
use serde_json::{Value, json};
use sqlx::Executor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    command_line::{Served, hale},
    harness::{TestApp, options},
};

/// An attack that grows: the document at a size, how large it may be, and which limit stops it beyond.
struct Growing {
    name: &'static str,
    document: fn(usize) -> String,
    most: usize,
    /// The limit that is hit one beyond, and the one that is hit a thousand times beyond.
    limits: [&'static str; 2],
}

/// Persons within grants within persons: two fields each.
fn nested(depth: usize) -> String {
    let (leaf, fields) = if depth.is_multiple_of(2) { ("id", 2) } else { ("accessReceived { id }", 3) };
    let mut document = leaf.to_owned();
    for _ in 0..(depth - fields) / 2 {
        document = format!("accessReceived {{ grantor {{ {document} }} }}");
    }
    format!("{{ viewer {{ {document} }} }}")
}

/// The same, each level in a fragment of its own.
fn nested_in_fragments(depth: usize) -> String {
    let mut fragments = String::new();
    let levels = (depth - 2) / 2;
    for level in 0..levels {
        fragments += &format!("fragment F{level} on Person {{ ... {{ accessReceived {{ grantor {{ ...F{} }} }} }} }} ", level + 1);
    }
    let leaf = if depth.is_multiple_of(2) { "id" } else { "accessReceived { id }" };
    format!("{{ viewer {{ ...F0 }} }} {fragments} fragment F{levels} on Person {{ {leaf} }}")
}

fn doubling(levels: usize) -> String {
    let fragments: String = (0..levels).map(|n| format!("fragment F{n} on Person {{ ...F{} ...F{} }} ", n + 1, n + 1)).collect();
    format!("{{ viewer {{ ...F0 }} }} {fragments} fragment F{levels} on Person {{ id }}")
}

fn times(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect::<Vec<_>>().join(" ")
}

const GROWING: [Growing; 13] = [
    Growing { name: "1 depth", document: nested, most: 10, limits: ["nested fields", "bytes"] },
    Growing { name: "1 depth in fragments", document: nested_in_fragments, most: 10, limits: ["nested fields", "bytes"] },
    Growing {
        name: "2 aliases",
        document: |n| format!("{{ {} }}", times(n, |n| format!("a{n}: __typename"))),
        most: 30,
        limits: ["aliases", "bytes"],
    },
    Growing {
        name: "2 aliases of a mutation",
        document: |n| {
            format!("mutation {{ {} }}", times(n, |n| format!("a{n}: refreshSession(input: {{ refreshToken: \"x\" }}) {{ __typename }}")))
        },
        most: 30,
        limits: ["aliases", "bytes"],
    },
    Growing {
        name: "2 root fields",
        document: |n| format!("{{ {} }}", times(n, |_| "__typename".into())),
        most: 30,
        limits: ["root fields", "bytes"],
    },
    Growing {
        name: "5 one field",
        document: |n| format!("{{ viewer {{ {} }} }}", times(n - 1, |_| "id".into())),
        most: 500,
        limits: ["fields", "bytes"],
    },
    Growing {
        name: "5 one field in fragments",
        document: |n| {
            format!("{{ viewer {{ {} }} }} fragment F on Person {{ {} }}", times(n / 20, |_| "...F".into()), times(20, |_| "id".into()))
        },
        most: 499,
        limits: ["fields", "bytes"],
    },
    Growing { name: "7 doubling fragments", document: doubling, most: 8, limits: ["fields", "bytes"] },
    Growing {
        name: "8 nested braces",
        document: |n| format!("{}{}", "{ ... ".repeat(n - 1), "{ __typename ".to_owned() + &"}".repeat(n)),
        most: 32,
        limits: ["nested selections", "bytes"],
    },
    Growing {
        name: "8 nested lists",
        document: |n| format!("{{ viewer {{ foodDay(date: {}1{}) {{ date }} }} }}", "[".repeat(n - 3), "]".repeat(n - 3)),
        most: 64,
        limits: ["nested brackets", "bytes"],
    },
    Growing {
        name: "8 nested objects",
        document: |n| format!("{{ viewer {{ foodDay(date: {}1{}) {{ date }} }} }}", "{a:".repeat(n - 3), "}".repeat(n - 3)),
        most: 64,
        limits: ["nested brackets", "bytes"],
    },
    Growing {
        name: "17 large pages",
        document: |n| {
            format!(
                "{{ viewer {{ measurements(first: {n}) {{ nodes {{ createdBy {{ measurements(first: {n}) {{ nodes {{ id }} }} }} }} }} }} }}"
            )
        },
        most: 86,
        limits: ["cost", "cost"],
    },
    Growing { name: "bytes", document: |n| format!("{{ __typename }}{}", " ".repeat(n - 14)), most: 15_000, limits: ["bytes", "bytes"] },
];

#[tokio::test]
async fn what_grows_works_at_its_limit_and_is_refused_beyond() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for Growing { name, document, most, limits } in GROWING {
        let within = ann.json(&document(most), json!({})).await;
        assert_ne!(within.pointer("/errors/0/extensions/code"), Some(&json!("LIMIT_EXCEEDED")), "{name}: {within}");
        assert_ne!(within.pointer("/errors/0/extensions/code"), Some(&json!("BAD_REQUEST")), "{name}: {within}");
        let step = if name.contains("in fragments") && name.starts_with('5') { 20 } else { 1 };
        for (size, limit) in [(most + step, limits[0]), (if name == "bytes" { 250_000 } else { 1_000 * most }, limits[1])] {
            let begun = Instant::now();
            let request =
                app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json").json(&json!({ "query": document(size) }));
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            let answer: Value = serde_json::from_str(&text).unwrap();
            let extensions = &answer["errors"][0]["extensions"];
            if status == 413 {
                assert_eq!(extensions["limit"], "bytes of body", "{name} {size}");
            } else {
                assert_eq!(
                    (status, &extensions["code"], &extensions["limit"]),
                    (400, &json!("LIMIT_EXCEEDED"), &json!(limit)),
                    "{name} {size}: {text:.300}"
                );
            }
            assert!(extensions["asked"].as_u64() > extensions["allowed"].as_u64() && text.len() < 500, "{name} {size}: {text:.300}");
            // Not a measurement: what explodes takes for ever.
            assert!(begun.elapsed() < Duration::from_secs(5), "{name} {size}");
        }
    }
    assert_eq!(ann.json("{ __typename }", json!({})).await, json!({ "data": { "__typename": "Query" } }));
}

#[tokio::test]
async fn floods_of_errors_are_answered_briefly() {
    let app = TestApp::new().await;
    for (name, document) in [
        ("4 skips", format!("{{ __typename {} }}", "@skip(if: false) ".repeat(500))),
        ("4 skips at the limit", format!("{{ __typename {} }}", "@skip(if: false) ".repeat(10))),
        ("4 unknown directives", format!("{{ {} }}", times(25, |n| format!("__typename {}", times(9, |m| format!("@d{n}_{m}")))))),
        ("4 five thousand of them", format!("{{ __typename {} }}", "@d ".repeat(5_000))),
        ("unknown fields", format!("{{ viewer {{ {} }} }}", times(400, |n| format!("nothing{n}")))),
        ("unknown fragments", format!("{{ {} }}", times(300, |n| format!("...F{n}")))),
        ("unused fragments", format!("{{ __typename }} {}", times(150, |n| format!("fragment F{n} on Query {{ __typename }}")))),
        ("unused variables", format!("query({}) {{ __typename }}", times(200, |n| format!("$v{n}: Int")))),
        (
            "conflicts",
            format!("{{ viewer {{ {} }} }}", times(14, |n| format!("x: {} x: {}", ["id", "email"][n % 2], ["fullName", "id"][n % 2]))),
        ),
        ("one long name", format!("{{ {} }}", "n".repeat(14_000))),
        ("one long syntax error", format!("{{ viewer {{ \"{}\" }} }}", "s".repeat(14_000))),
        (
            "6 a cycle",
            "{ viewer { ...A } } fragment A on Person { accessReceived { grantor { ...B } } } fragment B on Person { ...A }".to_owned(),
        ),
        ("6 a cycle of one, unused", "{ __typename } fragment A on Person { ...A }".to_owned()),
    ] {
        let request = app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json").json(&json!({ "query": document }));
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let errors = answer["errors"].as_array().unwrap();
        assert!(
            status == 400 && (1..=10).contains(&errors.len()) && text.len() < 4_000,
            "{name}: {status} {} bytes {text:.400}",
            text.len()
        );
        assert!(errors.iter().all(|error| error["extensions"]["code"].is_string()), "{name}: {text}");
        assert!(!text.contains("ssss") && !text.contains(&"n".repeat(301)), "{name} is repeated");
    }
    assert_eq!(app.nobody().json("{ __typename }", json!({})).await, json!({ "data": { "__typename": "Query" } }));
}

#[tokio::test]
async fn bodies_that_are_too_large_too_deep_packed_or_endless_are_refused() {
    let app = TestApp::new().await;
    let send = async |content_type: &str, encoding: Option<&str>, body: Body| {
        let mut request = app.post("/graphql").header(header::CONTENT_TYPE, content_type).body(body);
        if let Some(encoding) = encoding {
            request = request.header(header::CONTENT_ENCODING, encoding);
        }
        // A server that refuses a body may close the connection before it was sent.
        match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let answer: Value = response.json().await.unwrap();
                assert!(answer["errors"][0]["extensions"]["code"].is_string(), "{answer}");
                status
            }
            Err(_) => 413,
        }
    };
    assert_eq!(send("application/json", None, vec![b' '; 5_000_000].into()).await, 413, "9 five megabytes");
    let endless = futures_util::stream::iter(0..).map(|_| Ok::<_, std::io::Error>(vec![b' '; 10_000]));
    assert_eq!(send("application/json", None, Body::wrap_stream(endless)).await, 413, "9 endless");
    assert_eq!(send("application/json", Some("gzip"), vec![0x1f, 0x8b, 8, 0].into()).await, 415, "9 gzip");
    assert_eq!(send("application/json", Some("identity"), "{".into()).await, 400);
    for depth in [200, 10_000, 100_000] {
        let deep = format!("{{\"query\":\"{{ __typename }}\",\"variables\":{{\"v\":{}{}}}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(send("application/json", None, deep.into()).await, 400, "8 variables {depth} deep");
    }
    let shallow = format!("{{\"query\":\"{{ __typename }}\",\"variables\":{{\"v\":{}{}}}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(app.post("/graphql").header(header::CONTENT_TYPE, "application/json").body(shallow).send().await.unwrap().status(), 200);
    for json in ["1e400", "\"\\ud800\"", "NaN", "Infinity", "-"] {
        let body = format!(
            "{{\"query\":\"query($v: Int) {{ foods(search: \\\"x\\\", first: $v) {{ nodes {{ id }} }} }}\",\"variables\":{{\"v\":{json}}}}}"
        );
        assert_eq!(send("application/json", None, body.into()).await, 400, "10 {json}");
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let app = TestApp::new().await;
    let mut socket = tokio::net::TcpStream::connect(app.address).await.unwrap();
    socket
        .write_all(b"POST /graphql HTTP/1.1\r\nHost: hale\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        .await
        .unwrap();
    let mut answer = vec![0; 12];
    tokio::time::timeout(Duration::from_secs(30), socket.read_exact(&mut answer)).await.expect("no answer").unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), "HTTP/1.1 408");
}

#[tokio::test]
async fn a_list_of_a_hundred_thousand_is_refused_or_cut_where_it_stands() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let entry = "mutation($input: CreateExerciseInput!) { createExercise(input: $input) { exercise { id } } }";
    let with = |muscles: usize| json!({ "input": { "name": "Row", "muscleGroups": vec!["back"; muscles] } });
    let refused = ann.refused(entry, with(100_000)).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("muscleGroups")));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM exercises WHERE owner_id IS NOT NULL").await, 0);
    ann.ask(entry, with(5)).await;
    let name = |length: usize| json!({ "input": { "name": "x".repeat(length) } });
    let refused = ann.refused(entry, name(1_000_000)).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("name")));
    assert!(refused.message.len() < 300);
}

#[tokio::test]
async fn a_server_in_production_tells_nothing_of_its_schema() {
    let documents = Documents::new(&sdl(), false, Vec::new(), false).unwrap();
    let app = TestApp::with(4, Options { explorable: false, documents, ..options() }).await;
    let ann = app.person("ann").await;
    for document in [
        "{ __schema { types { name } } }",
        "{ a: __schema { types { name } } }",
        "{\n__schema\n{ types { name } } }",
        "{ ...F } fragment F on Query { __schema { types { name } } }",
        "{ ... on Query { __type(name: \"Food\") { fields { name } } } }",
        "query IntrospectionQuery { s: __schema { queryType { fields { name } } } }",
    ] {
        let text = ann.send(document, json!({})).await.text().await.unwrap();
        assert!(!text.contains("logFood") && !text.contains("\"name\"") && !text.contains("INTERNAL"), "11 {document}: {text}");
    }
    assert_eq!(
        ann.ask("{ __typename viewer { __typename } }", json!({})).await,
        json!({ "__typename": "Query", "viewer": { "__typename": "Person" } })
    );
    for (document, meant) in [
        ("{ vewer { id } }", "viewer"),
        ("{ viewer { fulName } }", "fullName"),
        ("{ foods(serch: \"x\", search: \"x\") { nodes { id } } }", "search\""),
        ("{ viewer { goals(status: ACTIV) { id } } }", "ACTIVE"),
        ("{ viewer { ... on Persn { id } } }", "Person"),
        ("mutation { signOut(input: { evrywhere: true }) { signedOut } }", "everywhere"),
        ("query($v: UUIDD) { food(id: $v) { id } }", "UUID`"),
    ] {
        let text = ann.send(document, json!({})).await.text().await.unwrap();
        assert!(text.contains("BAD_REQUEST") && !text.contains("did you mean") && !text.contains(meant), "12 {document}: {text}");
    }
    let explorable = TestApp::new().await;
    for (document, meant) in [
        ("{ vewer { id } }", "`viewer`"),
        ("{ viewer { goals(status: ACTIV) { id } } }", "`ACTIVE`"),
        ("mutation { signOut(input: { evrywhere: true }) { signedOut } }", "`everywhere`"),
        ("{ foods(serch: \"x\", search: \"x\") { nodes { id } } }", "`search`"),
        ("{ viewer { ... on Persn { id } } }", "`Person`"),
    ] {
        let refused = explorable.nobody().refused(document, json!({})).await;
        assert!(refused.message.ends_with(&format!("did you mean {meant}?")), "{refused:?}");
    }
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_the_server_recovers() {
    let app = TestApp::with(2, options()).await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    let mut owner = app.connect("hale_owner").await;
    owner.execute("BEGIN; LOCK TABLE food_items IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let food = "query($id: UUID!) { food(id: $id) { id } }";
    let answers = futures_util::future::join_all((0..4).map(|_| ann.refused(food, json!({ "id": oats })))).await;
    for refused in answers {
        assert!(matches!(refused.code.as_str(), "TIMEOUT" | "UNAVAILABLE"), "17 {refused:?}");
    }
    owner.execute("ROLLBACK").await.unwrap();
    assert_eq!(ann.ask(food, json!({ "id": oats })).await["food"]["id"], oats);
}

#[tokio::test]
async fn a_defect_is_told_to_the_log_and_not_to_the_client() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    app.connect("hale_owner").await.execute("ALTER TABLE measurements RENAME TO broken").await.unwrap();
    let request = app.post("/graphql").header("x-request-id", "attack-18").bearer_auth(ann.token.as_ref().unwrap());
    let response = request.json(&json!({ "query": "{ viewer { measurements(first: 1) { nodes { id } } } }" })).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["errors"][0]["message"], "internal error");
    assert_eq!(answer["errors"][0]["extensions"], json!({ "code": "INTERNAL", "requestId": "attack-18" }));
    assert!(!text.contains("relation") && !text.contains("broken") && !text.contains("SELECT") && !text.contains(".rs"), "18 {text}");
    assert!(ann.ask("{ viewer { id } }", json!({})).await["viewer"].is_object());
}

#[tokio::test]
async fn what_is_searched_for_is_text_and_no_pattern() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    ann.creates_food(json!({ "name": "Hundred % rye_bread" })).await;
    let found = async |search: &str| {
        let answer = ann.ask("query($s: String!) { foods(search: $s, first: 50) { nodes { name } } }", json!({ "s": search })).await;
        answer["foods"]["nodes"].as_array().unwrap().len()
    };
    let all = found("bread").await;
    assert!(all > 0);
    for pattern in [
        "%",
        "_",
        "%%%",
        "____",
        ".*",
        "^",
        "[a-z]",
        "a|b",
        "!",
        "&",
        ":*",
        "a:*",
        "'",
        "''",
        "\\",
        "\\\\",
        "(",
        "a <-> b",
        "'; DROP TABLE food_items; --",
        "<->",
        "~*",
    ] {
        let found = found(pattern).await;
        assert!(found < 50, "19 {pattern} found everything");
    }
    assert_eq!(found("bread").await, all);
}

/// Resident memory of a process, in bytes.
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn attacks_leave_memory_as_it_was() {
    let app = TestApp::new().await;
    let served = Served::start(hale().env("DATABASE_URL", app.url("hale_app")).env("HALE_POINTS_PER_ADDRESS", "off")).await;
    let pid = served.child.id().unwrap();
    let client = reqwest::Client::new();
    let send = async |query: String| {
        let response = client.post(format!("http://{}/graphql", served.address)).json(&json!({ "query": query })).send().await.unwrap();
        response.bytes().await.unwrap();
    };
    let round = async |salt: usize| {
        for Growing { document, most, .. } in GROWING {
            // As much as a body may hold, so that it is the limits of documents that are tried.
            let mut large = document((100 * most).min(12_000));
            large.truncate(200_000);
            // What is valid is remembered, so each is another one.
            for document in [document(most), document(most + 20), large] {
                send(format!("{document} # {salt}")).await;
            }
        }
    };
    for salt in 0..10 {
        round(salt).await;
    }
    let before = memory(pid);
    for salt in 10..60 {
        round(salt).await;
    }
    let after = memory(pid);
    // Room for the documents that are remembered, 256 at most; 1,950 attacks that stayed would be more.
    assert!(after < before + 48 * 1024 * 1024, "{before} bytes before, {after} after");
}
