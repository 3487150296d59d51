//! More than one server: several processes on one database behave as one, also behind a pooler that shares connections between
//! transactions, and the keys of what belongs to a person all begin with the person, so that the database can be spread by person.

use std::{fs, net::SocketAddr, os::unix::fs::MetadataExt, path::Path, process::Stdio, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use service::clock::{Clock, SystemClock};
use sqlx::PgConnection;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    command_line::{Folder, Served, hale},
    family_access::shares,
    google_calendar::again,
    harness::{LOG_FOOD, PASSWORD, Person, TestApp, food_entry, http, options, report, smtp::MailServer, tokens},
    reminders::Family,
    subscriptions::Socket,
};

const AGES: Duration = Duration::from_secs(60);
const DAY: &str = "subscription { foodDayChanged { entries { name } } }";
const MINE: &str = "{ viewer { id foodDay { entries { name } } } }";

/// The whole answer of a server to somebody.
async fn ask(server: SocketAddr, token: Option<&str>, document: &str, variables: Value) -> Value {
    let mut request = http().post(format!("http://{server}/graphql")).json(&json!({ "query": document, "variables": variables }));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap().json().await.unwrap()
}

fn code(answer: &Value) -> &str {
    answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_default()
}

/// A server of its own process over the database of `app`, with the keys that all share.
async fn served(app: &TestApp, folder: &Folder, settings: &[(&str, &str)]) -> Served {
    let keys = folder.file("keys.json", &tokens::keys().to_json());
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0).env("HALE_KEYS_FILE", keys);
    Served::start(command.envs(settings.iter().copied())).await
}

/// A socket of this person's at a server.
async fn socket(server: SocketAddr, person: &Person<'_>) -> Socket {
    let mut socket = Socket::open(server).await;
    socket.say(json!({ "type": "connection_init", "payload": { "accessToken": person.token } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    socket
}

/// Logs a food at one server until it is told at another.
async fn logs_until_told(server: SocketAddr, person: &Person<'_>, food: &str, socket: &mut Socket) {
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < AGES, "nothing is told");
        let logged = ask(server, person.token.as_deref(), LOG_FOOD, json!({ "input": food_entry(food, json!({})) })).await;
        assert_eq!(code(&logged), "", "{logged}");
        if let Some(told) = socket.soon().await {
            assert_eq!(told.pointer("/payload/data/foodDayChanged/entries/0/name"), Some(&json!("Oats")), "{told}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_database_are_one() {
    let (mail, folders) = (MailServer::start().await, [Folder::new(), Folder::new()]);
    let app = TestApp::with_mail(&mail).await;
    app.clock.set(&SystemClock.now().to_rfc3339());
    let family = Family::of(&app, json!({})).await;
    let today = SystemClock.now().date_naive();
    for day in [today, today.succ_opt().unwrap()] {
        family.gives(&day.to_string(), 0).await;
    }
    let (ann, ben) = (again(&family.ann).await, again(&family.ben).await);
    let food = ann.creates_food(json!({})).await;
    let grants = shares(&ann, &ben, &["CALORIE"], false).await;
    let url = mail.settings().url;
    let settings = [("HALE_SMTP_URL", url.as_str()), ("HALE_MAIL_FROM", "Hale <hale@example.net>")];
    let (first, second) = (served(&app, &folders[0], &settings).await, served(&app, &folders[1], &settings).await);
    let (a, b) = (first.address, second.address);

    // What is logged at one is told at the other, to oneself and to a relative.
    let mut tablet = socket(b, &ann).await;
    tablet.operate("day", DAY, json!({})).await;
    logs_until_told(a, &ann, &food, &mut tablet).await;

    // One job, one mail, whichever of them sends it.
    family.reminds(&ann, 0).await;
    let begun = Instant::now();
    while app.value::<i64>("SELECT count(*) FROM reminder_mails WHERE sent_at IS NOT NULL").await == 0 {
        assert!(begun.elapsed() < AGES, "no reminder is sent");
        sleep(Duration::from_millis(50)).await;
    }

    // One key, one effect, one answer, wherever it is sent to.
    let before = app.value::<i64>("SELECT count(*) FROM food_diary").await;
    let input = json!({ "query": LOG_FOOD, "variables": { "input": food_entry(&food, json!({ "quantity": "7" })) } });
    let answers = join_all((0..20).map(|n| {
        let request = http().post(format!("http://{}/graphql", if n % 2 == 0 { a } else { b })).bearer_auth(ann.token.as_ref().unwrap());
        let request = request.header("idempotency-key", "breakfast").json(&input);
        async { request.send().await.unwrap().text().await.unwrap() }
    }))
    .await;
    assert!(answers.iter().all(|answer| *answer == answers[0] && !answer.contains("errors")), "{answers:?}");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, before + 1);

    // What is revoked at one is over at the other with the next statement.
    let anns = "query($id: UUID!) { person(id: $id) { foodDay { entries { name } } } }";
    let seen = ask(b, ben.token.as_deref(), anns, json!({ "id": ann.id })).await;
    assert!(seen.pointer("/data/person/foodDay/entries/0").is_some(), "{seen}");
    let revoke = "mutation($input: AccessInput!) { revokeAccess(input: $input) { access { status } } }";
    let revoked = ask(a, ann.token.as_deref(), revoke, json!({ "input": { "id": grants[0] } })).await;
    assert_eq!(code(&revoked), "", "{revoked}");
    let seen = ask(b, ben.token.as_deref(), anns, json!({ "id": ann.id })).await;
    assert!(seen.pointer("/data/person/foodDay/entries/0").is_none(), "{seen}");

    // Wrong passwords are counted together.
    let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { viewer { id } } }";
    let mut wrong = Vec::new();
    for n in 0..12 {
        let input = json!({ "input": { "email": "ben@example.org", "password": format!("{PASSWORD} or so") } });
        wrong.push(code(&ask(if n % 2 == 0 { a } else { b }, None, sign_in, input).await).to_owned());
    }
    assert_eq!((wrong[9].as_str(), wrong[10].as_str(), wrong[11].as_str()), ("UNAUTHENTICATED", "RATE_LIMITED", "RATE_LIMITED"));

    // Who signs out at one is out at the other, sockets included.
    let out = ask(a, ann.token.as_deref(), "mutation { signOut { signedOut } }", json!({})).await;
    assert_eq!(code(&out), "", "{out}");
    assert_eq!(code(&ask(b, ann.token.as_deref(), MINE, json!({})).await), "UNAUTHENTICATED");
    assert_eq!(tablet.closed().await.0, 4403);
    assert_eq!((mail.taken().len(), app.value::<i64>("SELECT count(*) FROM reminder_mails").await), (1, 1));
    let (first, second) = tokio::join!(first.stops(), second.stops());
    assert_eq!((first, second), (Some(0), Some(0)));
}

/// A caller of both servers has the points of one: what was spent at one is missing at the other once they have settled.
#[tokio::test]
async fn points_that_are_spent_at_one_server_are_missing_at_another() {
    let allowance = api::graphql::cost::Allowance::Bucket { burst: 1_000, per_second: 50 };
    let frugal = || api::http::Options { points_per_person: allowance, points_per_address: allowance, ..options() };
    let app = TestApp::with(4, frugal()).await;
    let other = app.beside_with(frugal()).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let left = async |server: &TestApp, person: &Person<'_>| {
        let request = server.post("/graphql").bearer_auth(person.token.as_deref().unwrap());
        let answer: Value =
            request.json(&json!({ "query": "{ __typename }", "extensions": { "cost": true } })).send().await.unwrap().json().await.unwrap();
        answer.pointer("/extensions/cost/remaining").and_then(Value::as_u64).unwrap()
    };
    let settle = async |servers: [&TestApp; 2]| {
        for server in servers {
            server.server.settle_points().await.unwrap();
        }
    };
    assert_eq!((left(&app, &ann).await, left(&other, &ann).await), (999, 999));
    let page = "{ foods(search: \"x\", first: 100) { nodes { id name } } }";
    ann.ask(page, json!({})).await;
    let spent = 999 - left(&app, &ann).await;
    assert!((100..900).contains(&spent), "{spent}");
    settle([&app, &other]).await;
    // The other had been asked before, and is now.
    assert_eq!(left(&other, &ann).await, 999 - spent - 2);
    assert_eq!(left(&other, &ben).await, 999, "ben has his own");
    // What comes back comes back once, and everywhere. Whoever has not asked at a server for a while is known there from the next time on.
    app.clock.advance(chrono::TimeDelta::seconds(2));
    left(&app, &ann).await;
    settle([&other, &app]).await;
    assert_eq!(left(&app, &ann).await, 999 - spent - 4 + 100);
    // Whoever spends all of it at both has spent too much, and waits for that too, at both.
    let refused = async |server: &TestApp| code(&ask(server.address, ann.token.as_deref(), page, json!({})).await) == "RATE_LIMITED";
    for server in [&app, &other] {
        let mut pages = 0;
        while !refused(server).await {
            pages += 1;
        }
        assert!(pages > 0, "there was nothing left to spend");
    }
    app.clock.advance(chrono::TimeDelta::seconds(10));
    for server in [&app, &other] {
        ask(server.address, ann.token.as_deref(), "{ __typename }", json!({})).await;
    }
    settle([&other, &app]).await;
    ask(other.address, ann.token.as_deref(), "{ __typename }", json!({})).await;
    settle([&app, &other]).await;
    assert!(refused(&app).await && refused(&other).await, "500 points came back, and more were owed");
    app.clock.advance(chrono::TimeDelta::seconds(30));
    assert!(!refused(&app).await && !refused(&other).await);
}

/// A pooler before PostgreSQL that shares one connection between transactions.
struct Bouncer {
    process: Child,
    port: u16,
    _folder: Folder,
}

impl Bouncer {
    /// Before the database of `app`; `None`, said aloud, where there is none.
    async fn start(app: &TestApp) -> Option<Self> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|program| Path::new(program).exists());
        let Some(program) = program else {
            report("skipped: there is no PgBouncer here; apt-get install pgbouncer");
            return None;
        };
        let url = reqwest::Url::parse(&app.url("hale_app")).unwrap();
        let socket = url.query_pairs().find(|(name, _)| name == "host").unwrap().1.into_owned();
        let password = url.password().unwrap().replace("%20", " ");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = Folder::new();
        let users = folder.file("users.txt", &format!("\"hale_app\" \"{password}\"\n"));
        let settings = format!(
            "[databases]\n* = host={socket} port=5432\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 1\nreserve_pool_size = 0\n\
             ignore_startup_parameters = extra_float_digits\n",
            users.display()
        );
        let settings = folder.file("pgbouncer.ini", &settings);
        let mut command = Command::new(program);
        command.arg(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        if rustix::process::geteuid().is_root() {
            // It refuses to run as root, and only PostgreSQL's own user comes to its socket.
            let owner = fs::metadata(&socket).unwrap();
            command.uid(owner.uid()).gid(owner.gid());
        }
        let process = command.spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(begun.elapsed() < AGES, "PgBouncer does not start");
            sleep(Duration::from_millis(20)).await;
        }
        Some(Self { process, port, _folder: folder })
    }

    /// The URL of the database through it.
    fn url(&self, app: &TestApp) -> String {
        let mut url = reqwest::Url::parse(&app.url("hale_app")).unwrap();
        url.set_query(None);
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }
}

/// Two people take turns on the one connection that the pooler has, and see what is theirs; subscriptions and jobs work.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_that_shares_one_connection_everybody_sees_their_own() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    app.clock.set(&SystemClock.now().to_rfc3339());
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (oats, rye) = (ann.creates_food(json!({})).await, ben.creates_food(json!({ "name": "Rye" })).await);
    let Some(mut bouncer) = Bouncer::start(&app).await else { return };
    let through = bouncer.url(&app);
    let settings = [
        ("DATABASE_URL", through.as_str()),
        ("DATABASE_LISTEN_URL", &app.url("hale_app")),
        ("HALE_STATEMENT_CACHE", "0"),
        ("HALE_POINTS_PER_PERSON", "off"),
    ];
    let server = served(&app, &folder, &settings).await;
    let address = server.address;

    let turns = join_all((0..8).map(|lane| {
        let (person, food, name) = if lane % 2 == 0 { (&ann, &oats, "Oats") } else { (&ben, &rye, "Rye") };
        async move {
            for n in 0..15 {
                let (document, variables) =
                    if n % 5 == 0 { (LOG_FOOD, json!({ "input": food_entry(food, json!({})) })) } else { (MINE, json!({})) };
                let answer = ask(address, person.token.as_deref(), document, variables).await;
                assert_eq!(code(&answer), "", "{answer}");
                let entries = answer.pointer("/data/viewer/foodDay/entries").or(answer.pointer("/data/logFood/day/entries")).unwrap();
                assert!(entries.as_array().unwrap().iter().all(|entry| entry["name"] == name), "{answer}");
                assert!(answer.pointer("/data/viewer/id").is_none_or(|id| *id == person.id), "{answer}");
            }
        }
    }));
    turns.await;
    let mine = "SELECT count(*) FROM food_diary d JOIN users u ON u.id = d.user_id AND u.id = d.created_by
        WHERE d.food_name = CASE u.email WHEN 'ann@example.org' THEN 'Oats' WHEN 'ben@example.org' THEN 'Rye' END";
    assert_eq!((app.value::<i64>(mine).await, app.value::<i64>("SELECT count(*) FROM food_diary").await), (24, 24));

    // The whole of an account's life: sign-up, a refused input, a revoked session.
    let sign_up = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }";
    let made = ask(address, None, sign_up, json!({ "input": { "email": "carla@example.org", "password": PASSWORD } })).await;
    let carla = made.pointer("/data/signUp/session/accessToken").and_then(Value::as_str).unwrap_or_else(|| panic!("{made}"));
    let nothing = ask(address, Some(carla), LOG_FOOD, json!({ "input": food_entry(&oats, json!({})) })).await;
    assert_eq!(code(&nothing), "NOT_FOUND", "what is ann's is not there: {nothing}");
    ask(address, Some(carla), "mutation { signOut { signedOut } }", json!({})).await;
    assert_eq!(code(&ask(address, Some(carla), MINE, json!({})).await), "UNAUTHENTICATED");

    // What is called out comes around the pooler.
    let mut tablet = socket(address, &ann).await;
    tablet.operate("day", DAY, json!({})).await;
    logs_until_told(address, &ann, &oats, &mut tablet).await;
    drop(tablet);
    assert_eq!(server.stops().await, Some(0));
    bouncer.process.kill().await.unwrap();
}

/// What Citus needs to spread tables by person: `user_id` in each unique key of a table of persons' rows, and in each foreign key between
/// two of them. What is not so is named, with the reason, here and in docs/scaling.md.
const EXCEPTIONS: [(&str, &str); 2] = [
    ("household_members: unique household_members_pkey", "a household's row, keyed by household; the person may have no account"),
    ("refresh_tokens: unique refresh_tokens_token_key", "a token is looked up before anyone is known"),
];

#[tokio::test]
async fn rows_of_persons_are_keyed_by_person() {
    let app = TestApp::new().await;
    let mut owner: PgConnection = app.connect("hale_owner").await;
    let tables = "SELECT c.oid, c.relname, a.attnum FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')";
    let offenders = format!(
        "WITH persons AS ({tables})
         SELECT p.relname || ': unique ' || i.indexrelid::regclass FROM persons p JOIN pg_index i ON i.indrelid = p.oid
           WHERE i.indisunique AND NOT p.attnum = ANY (i.indkey)
         UNION ALL SELECT p.relname || ': foreign key ' || k.conname FROM persons p JOIN pg_constraint k ON k.conrelid = p.oid JOIN persons t ON t.oid = k.confrelid
           WHERE k.contype = 'f' AND NOT (p.attnum = ANY (k.conkey) AND t.attnum = ANY (k.confkey))
         UNION ALL SELECT p.relname || ': no primary key' FROM persons p WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = p.oid AND i.indisprimary)
         ORDER BY 1"
    );
    let offenders: Vec<(String,)> = sqlx::query_as(sqlx::AssertSqlSafe(offenders)).fetch_all(&mut owner).await.unwrap();
    let found: Vec<_> = offenders.iter().map(|(offender,)| offender.as_str()).collect();
    let expected: Vec<_> = EXCEPTIONS.iter().map(|(offender, _)| *offender).collect();
    assert_eq!(found, expected);
}
