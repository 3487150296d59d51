//! A Hale of one's own for each test, and people who talk to it.

mod cluster;
pub mod collector;
pub mod google;
mod graphql_js;
pub mod smtp;
pub mod statements;
pub mod talon;
pub mod tokens;

pub use cluster::{empty_database, server_log, url as database_url};
pub use graphql_js::graphql_js;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use api::{
    config::Outside,
    graphql::{cost::Allowance, documents::Documents, sdl},
    http::{Options, Server, client_address::TrustedProxies},
};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{RequestBuilder, Response, header};
use serde_json::{Value, json};
use service::{
    access::{Connection, Database, Maintenance},
    clock::Clock,
    mail::{MailFolder, Mailer, Smtp},
    random::SystemRandom,
};
use sqlx::{Connection as _, PgConnection};

/// A clock that stands until it is moved.
pub struct TestClock {
    now: Mutex<DateTime<Utc>>,
    looks_until_panic: AtomicU64,
}

impl TestClock {
    fn at(instant: &str) -> Self {
        Self { now: Mutex::new(instant.parse().unwrap()), looks_until_panic: AtomicU64::new(u64::MAX) }
    }

    pub fn set(&self, instant: &str) {
        *self.now.lock().unwrap() = instant.parse().unwrap();
    }

    pub fn advance(&self, by: TimeDelta) {
        *self.now.lock().unwrap() += by;
    }

    /// Panics, once, in whoever looks at the clock after `looks` others did: code of the server, wherever it is by then.
    pub fn panic_after(&self, looks: u64) {
        self.looks_until_panic.store(looks, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        if self.looks_until_panic.fetch_sub(1, Ordering::Relaxed) == 0 {
            // Unwinds as any panic does, without a word on stderr.
            std::panic::resume_unwind(Box::new("the clock fell off the wall"));
        }
        *self.now.lock().unwrap()
    }
}

/// A server over a database of its own, on a port of its own. It starts at noon (UTC) of 10 March 2026.
pub struct TestApp {
    pub clock: Arc<TestClock>,
    pub address: SocketAddr,
    pub database: Database,
    pub server: Server,
    pub outside: Outside,
    http: reqwest::Client,
    name: String,
}

/// How servers serve here: explorable, and without counting points, for the clock stands.
pub fn options() -> Options {
    Options {
        explorable: true,
        documents: Documents::new(&sdl(), true, Vec::new(), false).unwrap(),
        origins: Vec::new(),
        proxies: TrustedProxies::default(),
        points_per_person: Allowance::Unlimited,
        points_per_address: Allowance::Unlimited,
    }
}

/// Mail that no test looks at.
fn unsent() -> Arc<dyn Mailer> {
    let folder = std::env::temp_dir().join(format!("hale-mail-{}", std::process::id()));
    Arc::new(MailFolder::new(folder, "Hale <hale@localhost>").unwrap())
}

/// The password of everybody here.
pub const PASSWORD: &str = "plum kettle harbour nine";

impl TestApp {
    pub async fn new() -> Self {
        Self::with_connections(8).await
    }

    pub async fn with_connections(max_connections: u32) -> Self {
        Self::with(max_connections, options()).await
    }

    pub async fn with(max_connections: u32, options: Options) -> Self {
        Self::start(max_connections, options, google::NOWHERE, unsent()).await
    }

    /// A server that takes this address for Google's.
    pub async fn with_google(max_connections: u32, google: &str) -> Self {
        Self::start(max_connections, options(), google, unsent()).await
    }

    /// A server that gives its mail to this one.
    pub async fn with_mail(mail: &smtp::MailServer) -> Self {
        Self::start(8, options(), google::NOWHERE, Arc::new(Smtp::new(mail.settings()).unwrap())).await
    }

    async fn start(max_connections: u32, options: Options, google: &str, mailer: Arc<dyn Mailer>) -> Self {
        let clock = Arc::new(TestClock::at("2026-03-10T12:00:00Z"));
        let name = cluster::new_database().await;
        let connection =
            Connection { url: cluster::url("hale_app", &name), max_connections, statement_cache: 100, listen_url: None, replica_url: None };
        Self::serve(name, clock, connection, options, google, mailer).await
    }

    /// Another server over the same database, as behind a balancer. It listens for changes at `listen_url`, where its database is
    /// when absent.
    pub async fn beside(&self, listen_url: Option<String>) -> Self {
        let connection = Connection { url: self.url("hale_app"), max_connections: 8, statement_cache: 100, listen_url, replica_url: None };
        Self::serve(self.name.clone(), self.clock.clone(), connection, options(), google::NOWHERE, unsent()).await
    }

    /// The same, serving in another way.
    pub async fn beside_with(&self, options: Options) -> Self {
        let connection =
            Connection { url: self.url("hale_app"), max_connections: 8, statement_cache: 100, listen_url: None, replica_url: None };
        Self::serve(self.name.clone(), self.clock.clone(), connection, options, google::NOWHERE, unsent()).await
    }

    async fn serve(
        name: String,
        clock: Arc<TestClock>,
        connection: Connection,
        options: Options,
        google: &str,
        mailer: Arc<dyn Mailer>,
    ) -> Self {
        let database = Database::connect(&connection, clock.clone(), Arc::new(SystemRandom), tokens::keys()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let outside = Outside { mailer: Some(mailer), ..google::outside(google, address) };
        let server = Server::new(database.clone(), options).with_outside(outside.clone());
        let router = server.router();
        tokio::spawn(async move { axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await });
        Self { clock, address, database, server, outside, http: http(), name }
    }

    /// Someone with an account, living in UTC.
    pub async fn person(&self, name: &str) -> Person<'_> {
        self.person_in(name, "UTC").await
    }

    /// Someone with an account, living in `zone`.
    pub async fn person_in(&self, name: &str, zone: &str) -> Person<'_> {
        let email = format!("{name}@example.org");
        let input = json!({ "email": email, "password": PASSWORD, "fullName": name, "timeZone": zone });
        let answer = self
            .nobody()
            .ask(
                "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken refreshToken } viewer { id } } }",
                json!({ "input": input }),
            )
            .await;
        let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        Person {
            app: self,
            token: Some(text("/signUp/session/accessToken")),
            refresh_token: text("/signUp/session/refreshToken"),
            id: text("/signUp/viewer/id"),
            email,
        }
    }

    /// Someone without a session.
    pub fn nobody(&self) -> Person<'_> {
        Person { app: self, token: None, refresh_token: String::new(), id: String::new(), email: String::new() }
    }

    /// An access token of this session, valid now.
    pub fn token(&self, user: &str, session: &str) -> String {
        tokens::signed(&tokens::header(), &tokens::claims(user, session, self.clock.now().timestamp()), &tokens::SECRET)
    }

    /// A request to a path of the server.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("http://{}{path}", self.address))
    }

    /// A POST to a path of the server.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("http://{}{path}", self.address))
    }

    /// A connection as a role of the database, around the server.
    pub async fn connect(&self, role: &str) -> PgConnection {
        PgConnection::connect(&cluster::url(role, &self.name)).await.unwrap()
    }

    /// The URL of the database for a role.
    pub fn url(&self, role: &str) -> String {
        cluster::url(role, &self.name)
    }

    /// The owner's way in.
    pub async fn maintenance(&self) -> Maintenance {
        Maintenance::connect(&cluster::url("hale_owner", &self.name), self.clock.clone(), Arc::new(SystemRandom)).await.unwrap()
    }

    /// One value of a query of the owner, who sees every row.
    pub async fn value<T>(&self, sql: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
        (T,): Send + Unpin,
    {
        let mut connection = self.connect("hale_owner").await;
        sqlx::query_as::<_, (T,)>(sql).fetch_one(&mut connection).await.unwrap().0
    }

    /// Marks an address as proved, as `hale admin verify` does.
    pub async fn verify(&self, person: &Person<'_>) {
        let maintenance = self.maintenance().await;
        let tx = maintenance.begin().await.unwrap();
        assert!(service::accounts::verify_address(&tx, &person.email).await.unwrap());
        tx.commit().await.unwrap();
    }
}

/// Someone who talks to the server.
#[derive(Clone)]
pub struct Person<'a> {
    pub app: &'a TestApp,
    pub token: Option<String>,
    pub refresh_token: String,
    pub id: String,
    pub email: String,
}

/// An error as a client sees it.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub code: String,
    pub field: Option<String>,
    pub message: String,
}

impl Person<'_> {
    /// The answer to an operation, whatever it is.
    pub async fn send(&self, document: &str, variables: Value) -> Response {
        let mut request = self.app.post("/graphql").json(&json!({ "query": document, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request.send().await.unwrap()
    }

    /// The whole JSON of an answer.
    pub async fn json(&self, document: &str, variables: Value) -> Value {
        self.send(document, variables).await.json().await.unwrap()
    }

    /// The data of an operation that must succeed.
    pub async fn ask(&self, document: &str, variables: Value) -> Value {
        let mut answer = self.json(document, variables).await;
        assert!(answer.get("errors").is_none(), "{document}: {answer}");
        answer["data"].take()
    }

    /// The first error of an operation that must fail.
    pub async fn refused(&self, document: &str, variables: Value) -> Refusal {
        let answer = self.json(document, variables).await;
        let error = answer.pointer("/errors/0").unwrap_or_else(|| panic!("{document} was not refused: {answer}"));
        let text = |pointer: &str| error.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        Refusal {
            code: text("/extensions/code").unwrap_or_default(),
            field: text("/extensions/field"),
            message: text("/message").unwrap_or_default(),
        }
    }

    /// Adds a food of one's own: per 100 g, 100 kcal and nothing else known unless `input` says so.
    pub async fn creates_food(&self, input: Value) -> String {
        let mut food = json!({ "name": "Oats", "servingSize": "100", "servingUnit": "g", "nutrition": { "calories": "100" } });
        merge(&mut food, input);
        let answer =
            self.ask("mutation($input: CreateFoodInput!) { createFood(input: $input) { food { id } } }", json!({ "input": food })).await;
        answer["createFood"]["food"]["id"].as_str().unwrap().to_owned()
    }

    /// Logs food: one serving for breakfast, now, unless `input` says otherwise. Answers the entry and its day.
    pub async fn logs_food(&self, food: &str, input: Value) -> Value {
        self.ask(LOG_FOOD, json!({ "input": food_entry(food, input) })).await["logFood"].take()
    }

    /// What a day's totals of calories are; the person's today when no date is given.
    pub async fn calories_on(&self, date: Option<&str>) -> String {
        let answer =
            self.ask("query($date: Date) { viewer { foodDay(date: $date) { totals { calories } } } }", json!({ "date": date })).await;
        answer["viewer"]["foodDay"]["totals"]["calories"].as_str().unwrap().to_owned()
    }
}

pub const LOG_FOOD: &str = "mutation($input: LogFoodInput!) { logFood(input: $input) {
    entry { id name brand quantity unit mealType consumedAt timeZone date version createdBy { id fullName }
      nutrition { calories protein carbohydrates fat fiber sugar sodium } }
    day { date entries { id name } totals { calories protein carbohydrates fat fiber sugar sodium unknown } goal { calories protein } } } }";

/// The input of logFood: one serving for breakfast unless `input` says otherwise.
pub fn food_entry(food: &str, input: Value) -> Value {
    let mut entry = json!({ "foodId": food, "quantity": "1", "unit": "serving", "mealType": "breakfast" });
    merge(&mut entry, input);
    entry
}

fn merge(into: &mut Value, from: Value) {
    let (Some(into), Value::Object(from)) = (into.as_object_mut(), from) else { return };
    into.extend(from);
}

/// A client. It speaks plain HTTP here, but is not made without an implementation of TLS.
pub fn http() -> reqwest::Client {
    // An error means that it is installed already.
    _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A file of `../shared/data`, which is not part of the project; `None`, said aloud, where it is missing.
pub fn shared_data(path: &str) -> Option<std::path::PathBuf> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(path);
    let found = file.exists();
    if !found {
        report(&format!("skipped: {} is not there", file.display()));
    }
    found.then_some(file)
}

/// Says something in the output of the tests.
#[expect(clippy::print_stderr, reason = "what was skipped must be seen")]
pub fn report(line: &str) {
    eprintln!("{line}");
}
