//! Accounts and sessions: what is accepted, what is stored, and what a thief gains.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};
use service::clock::Clock;
use sqlx::{AssertSqlSafe, Executor};

use crate::harness::{PASSWORD, Person, Refusal, TestApp, tokens};

const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } viewer { id email fullName } } }";
const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) {
    session { accessToken accessTokenExpiresAt refreshToken } viewer { id email } } }";
const REFRESH: &str = "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken refreshToken } } }";
const SIGN_OUT: &str = "mutation($input: SignOutInput) { signOut(input: $input) { signedOut } }";

/// The tokens of a session.
#[derive(Clone, Debug, PartialEq)]
struct Tokens {
    access: String,
    refresh: String,
}

impl Tokens {
    fn of(session: &Value) -> Self {
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        Self { access: text("accessToken"), refresh: text("refreshToken") }
    }
}

async fn signs_in(app: &TestApp, login: &str, password: &str) -> Tokens {
    let answer = app.nobody().ask(SIGN_IN, json!({ "input": { "email": login, "password": password } })).await;
    Tokens::of(&answer["signIn"]["session"])
}

async fn sign_in_refused(app: &TestApp, login: &str, password: &str) -> Refusal {
    app.nobody().refused(SIGN_IN, json!({ "input": { "email": login, "password": password } })).await
}

async fn refreshes(app: &TestApp, token: &str) -> Result<Tokens, String> {
    let answer = app.nobody().json(REFRESH, json!({ "input": { "refreshToken": token } })).await;
    match answer.pointer("/errors/0/extensions/code") {
        Some(code) => Err(code.as_str().unwrap().to_owned()),
        None => Ok(Tokens::of(&answer["data"]["refreshSession"]["session"])),
    }
}

/// Whether an access token opens the door.
async fn opens(app: &TestApp, access: &str) -> bool {
    let bearer = Person { token: Some(access.to_owned()), ..app.nobody() };
    let answer = bearer.json("{ viewer { id } }", json!({})).await;
    match answer.pointer("/errors/0/extensions/code") {
        None => true,
        Some(code) => {
            assert_eq!(code, "UNAUTHENTICATED", "{answer}");
            assert_eq!(answer.pointer("/data/viewer"), Some(&Value::Null));
            false
        }
    }
}

const DENIED: &str = "UNAUTHENTICATED";
/// 128 characters.
const LONG: &str =
    "When the ferry left the pier at noon, nobody had told the lighthouse keeper that his seven geese were asleep under the red deck!";

#[tokio::test]
async fn somebody_signs_up_and_signs_in_by_address_in_any_case_or_by_username() {
    let app = TestApp::new().await;
    let input = json!({ "email": " Ann@Example.ORG ", "password": PASSWORD, "fullName": "Ann", "timeZone": "Europe/Berlin" });
    let answer = app.nobody().ask(SIGN_UP, json!({ "input": input })).await;
    let id = answer["signUp"]["viewer"]["id"].clone();
    assert_eq!(answer["signUp"]["viewer"], json!({ "id": id, "email": "ann@example.org", "fullName": "Ann" }));

    let mut owner = app.connect("hale_owner").await;
    owner.execute("UPDATE users SET username = 'annie'").await.unwrap();
    for login in ["ann@example.org", "ANN@EXAMPLE.ORG", " ann@example.org ", "Ａnn@example.org", "annie", "ANNIE"] {
        let answer = app.nobody().ask(SIGN_IN, json!({ "input": { "email": login, "password": PASSWORD } })).await;
        assert_eq!(answer["signIn"]["viewer"]["id"], id, "{login}");
        let ends: DateTime<chrono::Utc> = answer["signIn"]["session"]["accessTokenExpiresAt"].as_str().unwrap().parse().unwrap();
        assert_eq!(ends - app.clock.now(), TimeDelta::minutes(10));
        assert!(opens(&app, answer["signIn"]["session"]["accessToken"].as_str().unwrap()).await);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_answer_alike() {
    let app = TestApp::new().await;
    app.person("ann").await;
    let wrong = sign_in_refused(&app, "ann@example.org", "not the password").await;
    assert_eq!((wrong.code.as_str(), wrong.field.as_deref()), (DENIED, None));
    for (login, password) in [
        ("nobody@example.org", "not the password"),
        ("nobody@example.org", PASSWORD),
        ("", PASSWORD),
        ("ann@example.org", ""),
        ("no address at all", PASSWORD),
        ("ann@example.org\u{0}", PASSWORD),
        ("ann\u{7}@example.org", PASSWORD),
        ("' OR 1 = 1 --", PASSWORD),
        ("ann@example.org", &PASSWORD.to_uppercase()),
        ("ann@example.org", &format!("{PASSWORD} ")),
        ("ann@example.org", &"x".repeat(200_000)),
        (&format!("{}@example.org", "a".repeat(200_000)), PASSWORD),
    ] {
        app.clock.advance(TimeDelta::minutes(1));
        assert_eq!(sign_in_refused(&app, login, password).await, wrong, "{login:.30} {password:.30}");
    }
    let answers: Vec<Value> = [("ann@example.org", "wrong"), ("nobody@example.org", "wrong")]
        .map(|(email, password)| json!({ "input": { "email": email, "password": password } }))
        .into();
    let (known, unknown) = (app.nobody().send(SIGN_IN, answers[0].clone()).await, app.nobody().send(SIGN_IN, answers[1].clone()).await);
    assert_eq!(known.status(), unknown.status());
    assert_eq!(known.text().await.unwrap(), unknown.text().await.unwrap());
}

#[tokio::test]
async fn a_taken_address_is_a_conflict_in_any_spelling() {
    let app = TestApp::new().await;
    app.person("ann").await;
    for email in ["ann@example.org", "ANN@example.org", " ann@EXAMPLE.org", "ａｎｎ@example.org"] {
        let refused = app.nobody().refused(SIGN_UP, json!({ "input": { "email": email, "password": PASSWORD } })).await;
        assert_eq!(refused.code, "CONFLICT", "{email}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM users").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_who_take_an_address_at_once_one_has_it() {
    let app = TestApp::new().await;
    let input = json!({ "input": { "email": "ann@example.org", "password": PASSWORD } });
    let answers = futures_util::future::join_all((0..10).map(|_| async { app.nobody().json(SIGN_UP, input.clone()).await })).await;
    let codes: Vec<_> = answers.iter().filter_map(|answer| answer.pointer("/errors/0/extensions/code")).collect();
    assert_eq!(codes, vec!["CONFLICT"; 9], "{answers:?}");
}

#[tokio::test]
async fn passwords_have_8_to_128_characters_and_are_not_easy_to_guess() {
    let app = TestApp::new().await;
    // Composed and decomposed letters are the same ones.
    for (number, (password, other_form)) in [
        ("v9#qLw2!xT".to_owned(), "v9#qLw2!xT".to_owned()),
        (LONG.to_owned(), LONG.to_owned()),
        (format!("{}é", &LONG[1..]), format!("{}e\u{301}", &LONG[1..])),
        ("чайник гавань".to_owned(), "чайник гавань".to_owned()),
        ("🐧🦆🌋🪁🥨🧭🎻🛶🪵🧲".to_owned(), "🐧🦆🌋🪁🥨🧭🎻🛶🪵🧲".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("ann{number}@example.org");
        app.nobody().ask(SIGN_UP, json!({ "input": { "email": email, "password": password } })).await;
        signs_in(&app, &email, &other_form).await;
    }
    let guessed = ["password1", "iloveyou123", "qwertyuiop", "xxxxxxxxxxxx", "ben@example.org", "Benedict Lindqvist", "lindqvist8"]
        .map(str::to_owned);
    for password in guessed.into_iter().chain([
        "".to_owned(),
        "7 chars".to_owned(),
        "x".repeat(129),
        "e\u{301}".repeat(7),
        "🐧".repeat(7),
        "x".repeat(100_000),
    ]) {
        let input = json!({ "email": "ben@example.org", "fullName": "Benedict Lindqvist", "password": password });
        let refused = app.nobody().refused(SIGN_UP, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("password")), "{password:.20}");
        assert!(password.is_empty() || !refused.message.contains(&password));
    }
}

#[tokio::test]
async fn what_is_no_address_or_no_name_is_refused() {
    let app = TestApp::new().await;
    let long = format!("{}@example.org", "a".repeat(244));
    for email in [
        "",
        " ",
        "ann",
        "ann@",
        "@example.org",
        "ann@example",
        "ann@.org",
        "ann@example.",
        "an n@example.org",
        "ann@exam ple.org",
        "ann@@example.org",
        "ann@example.org@example.org",
        "ann@exa\nmple.org",
        "ann\u{0}@example.org",
        "ann@example.org/path",
        "ann\u{a0}@example.org",
        "ann\u{200b}@example .org",
        &long,
    ] {
        let refused = app.nobody().refused(SIGN_UP, json!({ "input": { "email": email, "password": PASSWORD } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("email")), "{email:?}");
    }
    for name in ["", "  ", "Ann\u{0}", "Ann\nBen", &"a".repeat(256)] {
        let input = json!({ "email": "ann@example.org", "password": PASSWORD, "fullName": name });
        let refused = app.nobody().refused(SIGN_UP, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("fullName")), "{name:?}");
    }
    let input = json!({ "email": "ann@example.org", "password": PASSWORD, "timeZone": "Europe/Atlantis" });
    let refused = app.nobody().refused(SIGN_UP, json!({ "input": input })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("timeZone")));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM users").await, 0);
    let longest = &long[1..];
    assert_eq!(longest.len(), 255);
    app.nobody().ask(SIGN_UP, json!({ "input": { "email": longest, "password": PASSWORD } })).await;
}

#[tokio::test]
async fn no_token_and_no_password_is_in_the_database() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tokens = signs_in(&app, &ann.email, PASSWORD).await;
    let next = refreshes(&app, &tokens.refresh).await.unwrap();
    sign_in_refused(&app, &ann.email, "a wrong password that was typed").await;

    let mut owner = app.connect("hale_owner").await;
    let tables: Vec<String> =
        app.value("SELECT array_agg(relname::text) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace").await;
    let mut dump = String::new();
    for table in tables {
        let rows: Vec<(String,)> =
            sqlx::query_as(AssertSqlSafe(format!("SELECT t::text FROM {table} t"))).fetch_all(&mut owner).await.unwrap();
        dump.extend(rows.into_iter().map(|(row,)| row));
    }
    assert!(
        dump.contains("ann@example.org") && dump.contains("$argon2id$v=19$m=19456,t=2,p=1$"),
        "the dump holds too little to say anything"
    );
    let secrets =
        [PASSWORD, "a wrong password that was typed", &ann.refresh_token, &tokens.refresh, &next.refresh, &tokens.access, &next.access];
    for secret in secrets {
        assert!(!dump.contains(secret));
        // Nor in a form that anybody can turn back.
        assert!(secret.len() < 40 || !dump.contains(&secret[secret.len() - 30..]));
    }
    let hashes: i64 = app.value("SELECT count(DISTINCT token) FROM refresh_tokens WHERE token ~ '^[0-9a-f]{64}$'").await;
    assert_eq!(hashes, 3);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_session() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let other = signs_in(&app, &ann.email, PASSWORD).await;
    let first = signs_in(&app, &ann.email, PASSWORD).await;
    let second = refreshes(&app, &first.refresh).await.unwrap();
    assert!(second != first && opens(&app, &second.access).await && opens(&app, &first.access).await);
    let third = refreshes(&app, &second.refresh).await.unwrap();

    app.clock.advance(TimeDelta::seconds(11));
    assert_eq!(refreshes(&app, &first.refresh).await.unwrap_err(), DENIED);
    for tokens in [&first, &second, &third] {
        assert!(!opens(&app, &tokens.access).await, "an access token of the ended session still works");
        assert_eq!(refreshes(&app, &tokens.refresh).await.unwrap_err(), DENIED);
    }
    assert!(opens(&app, &other.access).await, "another session was ended, too");
    refreshes(&app, &other.refresh).await.unwrap();
}

#[tokio::test]
async fn a_lost_answer_may_be_asked_for_again_within_ten_seconds() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let lost = refreshes(&app, &ann.refresh_token).await.unwrap();
    app.clock.advance(TimeDelta::seconds(10));
    let again = refreshes(&app, &ann.refresh_token).await.unwrap();
    assert_eq!(refreshes(&app, &lost.refresh).await.unwrap_err(), DENIED, "the child that nobody received must be dead");
    assert!(opens(&app, &again.access).await);
    let next = refreshes(&app, &again.refresh).await.unwrap();
    // The child was received after all: whoever now comes with the parent is a thief, however early.
    assert_eq!(refreshes(&app, &ann.refresh_token).await.unwrap_err(), DENIED);
    assert!(!opens(&app, &next.access).await);
    assert_eq!(refreshes(&app, &next.refresh).await.unwrap_err(), DENIED);
}

#[tokio::test]
async fn reuse_of_any_ancestor_ends_the_whole_family() {
    for ancestor in 0..4 {
        let app = TestApp::new().await;
        let ann = app.person("ann").await;
        let mut line = vec![ann.refresh_token.clone()];
        for _ in 0..4 {
            app.clock.advance(TimeDelta::minutes(5));
            let next = refreshes(&app, line.last().unwrap()).await.unwrap();
            line.push(next.refresh);
        }
        app.clock.advance(TimeDelta::minutes(5));
        assert_eq!(refreshes(&app, &line[ancestor]).await.unwrap_err(), DENIED);
        assert_eq!(refreshes(&app, line.last().unwrap()).await.unwrap_err(), DENIED, "ancestor {ancestor}");
        assert_eq!(app.value::<i64>("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_refreshes_at_once_leave_one_living_token() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let answers = futures_util::future::join_all((0..20).map(|_| refreshes(&app, &ann.refresh_token))).await;
    let tokens: Vec<Tokens> = answers.into_iter().filter_map(Result::ok).collect();
    assert!(!tokens.is_empty());
    assert_eq!(app.value::<i64>("SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL").await, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM sessions WHERE revoked_at IS NULL").await, 1);
    let mut living = 0;
    for token in &tokens {
        living += usize::from(refreshes(&app, &token.refresh).await.is_ok());
    }
    assert_eq!(living, 1);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL").await, 1);
}

#[tokio::test]
async fn tokens_and_sessions_end_in_time() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let start = app.clock.now();
    assert!(opens(&app, ann.token.as_deref().unwrap()).await);
    app.clock.advance(TimeDelta::minutes(10) - TimeDelta::seconds(1));
    assert!(opens(&app, ann.token.as_deref().unwrap()).await);
    app.clock.advance(TimeDelta::seconds(1));
    assert!(!opens(&app, ann.token.as_deref().unwrap()).await);

    let mut token = signs_in(&app, &ann.email, PASSWORD).await.refresh;
    app.clock.advance(TimeDelta::days(30));
    assert_eq!(refreshes(&app, &ann.refresh_token).await.unwrap_err(), DENIED, "it waited for more than 30 days");
    assert_eq!(refreshes(&app, &token).await.unwrap_err(), DENIED, "it waited for 30 days");

    token = signs_in(&app, &ann.email, PASSWORD).await.refresh;
    let mut access = String::new();
    for _ in 0..6 {
        app.clock.advance(TimeDelta::days(29));
        Tokens { access, refresh: token } = refreshes(&app, &token).await.unwrap();
    }
    app.clock.advance(TimeDelta::days(6) - TimeDelta::minutes(1));
    Tokens { access, refresh: token } = refreshes(&app, &token).await.unwrap_or(Tokens { access, refresh: token });
    assert!(opens(&app, &access).await);
    app.clock.advance(TimeDelta::minutes(1));
    assert!(!opens(&app, &access).await, "the session is 180 days old");
    assert_eq!(refreshes(&app, &token).await.unwrap_err(), DENIED);
    assert!(app.clock.now() - start > TimeDelta::days(180));
}

#[tokio::test]
async fn signing_out_ends_this_session_or_all_of_them() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (phone, laptop) = (signs_in(&app, &ann.email, PASSWORD).await, signs_in(&app, &ann.email, PASSWORD).await);
    let bearer = |tokens: &Tokens| Person { token: Some(tokens.access.clone()), ..app.nobody() };
    assert_eq!(bearer(&phone).ask(SIGN_OUT, json!({})).await, json!({ "signOut": { "signedOut": true } }));
    assert!(!opens(&app, &phone.access).await);
    assert_eq!(refreshes(&app, &phone.refresh).await.unwrap_err(), DENIED);
    assert_eq!(bearer(&phone).refused(SIGN_OUT, json!({})).await.code, DENIED);
    assert!(opens(&app, &laptop.access).await && opens(&app, ann.token.as_deref().unwrap()).await);

    bearer(&laptop).ask(SIGN_OUT, json!({ "input": { "everywhere": true } })).await;
    assert!(!opens(&app, &laptop.access).await && !opens(&app, ann.token.as_deref().unwrap()).await);
    assert_eq!(refreshes(&app, &laptop.refresh).await.unwrap_err(), DENIED);
    assert_eq!(refreshes(&app, &ann.refresh_token).await.unwrap_err(), DENIED);
    assert!(opens(&app, ben.token.as_deref().unwrap()).await);
    assert_eq!(app.nobody().refused(SIGN_OUT, json!({})).await.code, DENIED);
    signs_in(&app, &ann.email, PASSWORD).await;
}

#[tokio::test]
async fn the_eleventh_wrong_password_waits() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let fail = async |times: usize| {
        for _ in 0..times {
            assert_eq!(sign_in_refused(&app, &ann.email, "a wrong one").await.code, DENIED);
        }
    };
    fail(10).await;
    for login in [ann.email.as_str(), "ANN@example.org", " ann@example.org"] {
        let answer = app.nobody().json(SIGN_IN, json!({ "input": { "email": login, "password": PASSWORD } })).await;
        assert_eq!(answer.pointer("/errors/0/extensions"), Some(&json!({ "code": "RATE_LIMITED", "retryAfter": 60 })), "{answer}");
    }
    signs_in(&app, &ben.email, PASSWORD).await;
    // An address that nobody has is limited alike, which tells nothing.
    for _ in 0..10 {
        assert_eq!(sign_in_refused(&app, "nobody@example.org", "a wrong one").await.code, DENIED);
    }
    assert_eq!(sign_in_refused(&app, "nobody@example.org", "a wrong one").await.code, "RATE_LIMITED");

    app.clock.advance(TimeDelta::seconds(59));
    assert_eq!(sign_in_refused(&app, &ann.email, "a wrong one").await.code, "RATE_LIMITED");
    app.clock.advance(TimeDelta::seconds(1));
    fail(1).await;
    assert_eq!(sign_in_refused(&app, &ann.email, PASSWORD).await.code, "RATE_LIMITED");

    app.clock.advance(TimeDelta::minutes(1));
    signs_in(&app, &ann.email, PASSWORD).await;
    fail(10).await;
    assert_eq!(sign_in_refused(&app, &ann.email, PASSWORD).await.code, "RATE_LIMITED");
    app.clock.advance(TimeDelta::days(400));
    signs_in(&app, &ann.email, PASSWORD).await;
}

#[tokio::test]
async fn after_a_hundred_wrong_passwords_there_is_one_attempt_in_a_quarter_of_an_hour() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for _ in 0..10 {
        for _ in 0..10 {
            assert_eq!(sign_in_refused(&app, &ann.email, &"x".repeat(129)).await.code, DENIED);
        }
        app.clock.advance(TimeDelta::seconds(60 * 10));
    }
    // 100 attempts, of which six came back in 90 minutes and one is about to.
    for _ in 0..6 {
        assert_eq!(sign_in_refused(&app, &ann.email, &"x".repeat(129)).await.code, DENIED);
    }
    let answer = app.nobody().json(SIGN_IN, json!({ "input": { "email": ann.email, "password": PASSWORD } })).await;
    assert_eq!(answer.pointer("/errors/0/extensions"), Some(&json!({ "code": "RATE_LIMITED", "retryAfter": 300 })), "{answer}");
    app.clock.advance(TimeDelta::seconds(300));
    signs_in(&app, &ann.email, PASSWORD).await;
    for _ in 0..10 {
        assert_eq!(sign_in_refused(&app, &ann.email, &"x".repeat(129)).await.code, DENIED, "a right one starts anew");
    }
}

#[tokio::test]
async fn aliases_do_not_multiply_attempts() {
    let app = TestApp::new().await;
    app.person("ann").await;
    let fields: String = (0..15)
        .map(|n| format!("a{n}: signIn(input: {{ email: \"ann@example.org\", password: \"wrong {n}\" }}) {{ session {{ accessToken }} }} "))
        .collect();
    let answer = app.nobody().json(&format!("mutation {{ {fields} }}"), json!({})).await;
    let code = |n: usize| {
        answer["errors"]
            .as_array()
            .unwrap()
            .iter()
            .find(|error| error["path"][0] == format!("a{n}"))
            .map(|error| error["extensions"]["code"].clone())
    };
    assert_eq!(code(0), Some(json!(DENIED)), "{answer}");
    assert_eq!(answer["errors"].as_array().unwrap().len(), 10, "{answer}");
    assert_eq!(sign_in_refused(&app, "ann@example.org", PASSWORD).await.code, "RATE_LIMITED");
}

/// Makes tokens of a session that say something else.
struct Forge<'a> {
    app: &'a TestApp,
    now: i64,
    user: String,
    session: String,
}

impl<'a> Forge<'a> {
    async fn new(app: &'a TestApp, person: &Person<'_>) -> Self {
        let session = app.value::<uuid::Uuid>("SELECT id FROM sessions").await.to_string();
        Self { app, now: app.clock.now().timestamp(), user: person.id.clone(), session }
    }

    fn claims(&self) -> Value {
        tokens::claims(&self.user, &self.session, self.now)
    }

    fn with(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut claims = self.claims();
        claims[name] = value.into();
        claims
    }

    fn header_with(name: &str, value: impl Into<Value>) -> Value {
        let mut header = tokens::header();
        header[name] = value.into();
        header
    }

    fn signed(&self, claims: &Value) -> String {
        tokens::signed(&tokens::header(), claims, &tokens::SECRET)
    }

    async fn answer(&self, authorization: &str) -> Value {
        let request = self.app.post("/graphql").header("authorization", authorization);
        request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap().json().await.unwrap()
    }
}

#[tokio::test]
async fn forged_tokens_open_nothing_and_take_no_connection() {
    let app = TestApp::with_connections(1).await;
    let ann = app.person("ann").await;
    let forge = Forge::new(&app, &ann).await;
    let right = forge.signed(&forge.claims());
    assert_eq!(forge.answer(&format!("Bearer {right}")).await, json!({ "data": { "viewer": { "id": ann.id } } }), "the forge is no good");
    assert_eq!(forge.answer(&format!("bearer  {right}")).await["data"]["viewer"]["id"], json!(ann.id));
    let former = tokens::signed(&Forge::header_with("kid", "former"), &forge.claims(), &tokens::FORMER_SECRET);
    assert_eq!(forge.answer(&format!("Bearer {former}")).await["data"]["viewer"]["id"], json!(ann.id));

    let parts: Vec<&str> = right.split('.').collect();
    let other_claims = forge.signed(&forge.with("sub", "01900000-0000-7000-8000-000000000000"));
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let last = if signature.ends_with('A') { 'E' } else { 'A' };
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let mut huge = forge.claims();
    huge["padding"] = "x".repeat(2_000).into();
    let without = |name: &str| {
        let mut claims = forge.claims();
        claims.as_object_mut().unwrap().remove(name);
        forge.signed(&claims)
    };
    let unsigned =
        |algorithm: &str| format!("{}.{body}.", encode(&json!({ "typ": "at+jwt", "alg": algorithm, "kid": tokens::KEY }).to_string()));
    let forged = [
        ("alg none", unsigned("none")),
        ("alg NONE", unsigned("NONE")),
        ("alg none with a signature", format!("{}{signature}", unsigned("none"))),
        ("alg HS384", tokens::signed(&Forge::header_with("alg", "HS384"), &forge.claims(), &tokens::SECRET)),
        ("alg RS256", tokens::signed(&Forge::header_with("alg", "RS256"), &forge.claims(), &tokens::SECRET)),
        ("alg missing", tokens::signed(&json!({ "typ": "at+jwt", "kid": tokens::KEY }), &forge.claims(), &tokens::SECRET)),
        ("another key", tokens::signed(&tokens::header(), &forge.claims(), &[9; 32])),
        ("an empty key", tokens::signed(&tokens::header(), &forge.claims(), &[])),
        ("the name of the key as the key", tokens::signed(&tokens::header(), &forge.claims(), tokens::KEY.as_bytes())),
        ("another kid", tokens::signed(&Forge::header_with("kid", "another"), &forge.claims(), &tokens::SECRET)),
        ("kid of another key of the ring", tokens::signed(&Forge::header_with("kid", "former"), &forge.claims(), &tokens::SECRET)),
        ("kid that is a path", tokens::signed(&Forge::header_with("kid", "../../dev/null"), &forge.claims(), &[])),
        ("kid missing", tokens::signed(&json!({ "typ": "at+jwt", "alg": "HS256" }), &forge.claims(), &tokens::SECRET)),
        ("typ JWT", tokens::signed(&Forge::header_with("typ", "JWT"), &forge.claims(), &tokens::SECRET)),
        ("typ missing", tokens::signed(&json!({ "alg": "HS256", "kid": tokens::KEY }), &forge.claims(), &tokens::SECRET)),
        ("a key in the header", tokens::signed(&Forge::header_with("jwk", json!({ "kty": "oct", "k": encode("key") })), &forge.claims(), b"key")),
        ("expired", forge.signed(&forge.with("exp", forge.now))),
        ("expired long ago", forge.signed(&json!({ "iss": "hale", "aud": "hale", "sub": forge.user, "sid": forge.session, "iat": forge.now - 9_000, "exp": forge.now - 8_400 }))),
        ("from the future", forge.signed(&json!({ "iss": "hale", "aud": "hale", "sub": forge.user, "sid": forge.session, "iat": forge.now + 31, "exp": forge.now + 600 }))),
        ("valid for too long", forge.signed(&forge.with("exp", forge.now + 601))),
        ("valid for ever", forge.signed(&forge.with("exp", i64::MAX))),
        ("valid for ever from ever", forge.signed(&json!({ "iss": "hale", "aud": "hale", "sub": forge.user, "sid": forge.session, "iat": i64::MIN, "exp": i64::MAX }))),
        ("exp missing", without("exp")),
        ("iat missing", without("iat")),
        ("sid missing", without("sid")),
        ("iss missing", without("iss")),
        ("aud missing", without("aud")),
        ("another issuer", forge.signed(&forge.with("iss", "hail"))),
        ("another audience", forge.signed(&forge.with("aud", "hail"))),
        ("exp as text", forge.signed(&forge.with("exp", "9999999999"))),
        ("sub is no id", forge.signed(&forge.with("sub", "' OR 1 = 1 --"))),
        ("the signature of another", format!("{head}.{body}.{}", other_claims.rsplit('.').next().unwrap())),
        ("the body of another", format!("{head}.{}.{signature}", other_claims.split('.').nth(1).unwrap())),
        ("the last letter changed", format!("{}{last}", &right[..right.len() - 1])),
        ("truncated", right[..right.len() - 10].to_owned()),
        ("without a signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{right}.{signature}")),
        ("padded", format!("{right}=")),
        ("huge", forge.signed(&huge)),
        ("nothing", String::new()),
        ("no token", "x".to_owned()),
        ("dots", "..".to_owned()),
        ("a refresh token", ann.refresh_token.clone()),
        ("a token of another server", tokens::signed(&Forge::header_with("kid", "another"), &forge.claims(), &[9; 32])),
    ];
    assert!(forged.len() >= 22);
    let demand_denied = async |form: &str, authorization: &str| {
        let answer = forge.answer(authorization).await;
        assert_eq!(answer.pointer("/errors/0/extensions/code"), Some(&json!(DENIED)), "{form}: {answer}");
        assert_eq!(answer.pointer("/data/viewer"), Some(&Value::Null), "{form}: {answer}");
    };
    let only_connection = app.database.authenticate(&right).unwrap().read().await.unwrap();
    for (form, token) in forged {
        demand_denied(form, &format!("Bearer {token}")).await;
    }
    for authorization in ["", "Bearer", "Basic YW5uOnBhc3N3b3Jk", &right, &format!("Token {right}"), &format!("Bearer {right} {right}")] {
        demand_denied("another scheme", authorization).await;
    }
    drop(only_connection);
    // What is signed right is for the database to refuse.
    demand_denied("another person's session", &format!("Bearer {other_claims}")).await;
    let never = forge.signed(&forge.with("sid", "01900000-0000-7000-8000-000000000000"));
    demand_denied("a session that never was", &format!("Bearer {never}")).await;
}
