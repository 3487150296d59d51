//! Clients that write all the time and send again what was not acknowledged, and the proof that nothing of it was lost or done twice.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use reqwest::Client;
use serde_json::{Value, json};
use service::clock::{Clock, SystemClock};
use sqlx::PgConnection;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::server::AGES;
use crate::harness::{PASSWORD, http};

const LOG: &str = "mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id quantity } } }";
const MEALS: [&str; 4] = ["breakfast", "lunch", "dinner", "snack"];

/// How long a client waits before it sends something again.
const PAUSE: Duration = Duration::from_millis(50);

/// A write that was acknowledged.
#[derive(Clone, Debug)]
struct Acknowledged {
    writer: String,
    id: Uuid,
    quantity: String,
    meal: &'static str,
}

/// What all writers have come to know.
#[derive(Default)]
struct Ledger {
    acknowledged: Vec<Acknowledged>,
    /// How often nothing was answered: refused, reset or silent.
    unanswered: u64,
    /// How often each code was answered.
    refusals: BTreeMap<String, u64>,
    /// Answers that no fault excuses.
    wrong: Vec<String>,
}

/// Several clients, each with an account of its own, that write as fast as they are answered.
pub struct Writers {
    ledger: Arc<Mutex<Ledger>>,
    stop: watch::Sender<bool>,
    /// When the latest request was sent that has been acknowledged.
    latest: watch::Receiver<Instant>,
    tasks: JoinSet<()>,
    /// What their addresses begin with.
    names: String,
    /// Who reads meanwhile.
    reader: Writer,
}

/// What is left of the writes in the database.
#[derive(Debug)]
pub struct Verdict {
    pub acknowledged: usize,
    /// Acknowledged, and not there or different.
    pub lost: Vec<String>,
    pub duplicated: Vec<String>,
    /// There, and never acknowledged.
    pub strange: usize,
    /// How often nothing at all was answered.
    pub unanswered: u64,
    /// How often each code was answered.
    pub refusals: BTreeMap<String, u64>,
}

impl Writers {
    /// So many of them, at this address.
    pub async fn start(address: SocketAddr, count: usize) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let (stop, stopped) = watch::channel(false);
        let (latest, acknowledged) = watch::channel(Instant::now());
        let mut tasks = JoinSet::new();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let names = format!("writer-{}-", COUNT.fetch_add(1, Ordering::Relaxed));
        for n in 0..count {
            let writer = Writer::signs_up(address, &format!("{names}{n}@example.org")).await;
            let (ledger, latest, stopped) = (ledger.clone(), latest.clone(), stopped.clone());
            tasks.spawn(async move { writer.writes(&ledger, &latest, &stopped).await });
        }
        let reader = Writer::signs_up(address, &format!("reader-{names}@example.org")).await;
        Self { ledger, stop, latest: acknowledged, tasks, names, reader }
    }

    /// Waits until something is acknowledged that was sent after `since`, and answers how long that took.
    pub async fn acknowledged_since(&mut self, since: Instant) -> Duration {
        let waited = timeout(AGES, self.latest.wait_for(|sent| *sent > since)).await;
        assert!(waited.is_ok(), "nothing is acknowledged any more: {:?}", self.ledger.lock().unwrap().refusals);
        since.elapsed()
    }

    /// That somebody who only reads is answered.
    pub async fn demand_reads(&self) {
        self.reader.asks("{ viewer { foodDay { date entries { id } } } }").await;
    }

    pub fn acknowledged(&self) -> usize {
        self.ledger.lock().unwrap().acknowledged.len()
    }

    /// Lets every writer finish what it has begun, and holds what was acknowledged against the database: as its owner, by SQL.
    pub async fn judged(mut self, database: &mut PgConnection) -> Verdict {
        self.stop.send_replace(true);
        let finished = async { while self.tasks.join_next().await.transpose().unwrap().is_some() {} };
        timeout(AGES, finished).await.expect("something is not acknowledged for ever");
        let ledger = std::mem::take(&mut *self.ledger.lock().unwrap());
        assert!(ledger.wrong.is_empty(), "{:#?}", ledger.wrong);

        let rows: Vec<(String, Uuid, String, String)> = sqlx::query_as(
            "SELECT u.email, d.id, d.quantity::text, d.meal_type FROM food_diary d JOIN users u ON u.id = d.user_id WHERE starts_with(u.email, $1)",
        )
        .bind(&self.names)
        .fetch_all(database)
        .await
        .unwrap();
        // No writer writes a quantity twice.
        let mut stored: BTreeMap<(String, String), Vec<(Uuid, String)>> = BTreeMap::new();
        for (email, id, quantity, meal) in rows {
            let quantity = quantity.trim_end_matches('0').trim_end_matches('.').to_owned();
            stored.entry((email, quantity)).or_default().push((id, meal));
        }
        let is_there = |write: &Acknowledged| {
            let rows = stored.get(&(write.writer.clone(), write.quantity.clone()));
            rows.is_some_and(|rows| rows.iter().any(|(id, meal)| *id == write.id && meal == write.meal))
        };
        Verdict {
            acknowledged: ledger.acknowledged.len(),
            lost: ledger.acknowledged.iter().filter(|write| !is_there(write)).map(|write| format!("{write:?}")).collect(),
            duplicated: stored.iter().filter(|(_, rows)| rows.len() > 1).map(|write| format!("{write:?}")).collect(),
            // Each was sent until it was acknowledged.
            strange: stored.len().abs_diff(ledger.acknowledged.len()),
            unanswered: ledger.unanswered,
            refusals: ledger.refusals,
        }
    }
}

struct Writer {
    address: SocketAddr,
    client: Client,
    email: String,
    token: String,
    food: String,
}

/// What came of sending something.
#[derive(Debug)]
enum Answer {
    Data(Value),
    Refused(String),
    Nothing,
    Wrong(String),
}

impl Writer {
    async fn signs_up(address: SocketAddr, email: &str) -> Self {
        let client = http();
        let mut writer = Self { address, client, email: email.to_owned(), token: String::new(), food: String::new() };
        let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }";
        let begun = Instant::now();
        // A busy machine may make somebody wait, too; who was signed up without hearing of it signs in.
        while writer.token.is_empty() {
            assert!(begun.elapsed() < AGES, "{email} is not signed up");
            match writer.send(document, json!({ "input": { "email": email, "password": PASSWORD } }), None).await {
                Answer::Data(made) => writer.token = made["signUp"]["session"]["accessToken"].as_str().unwrap().to_owned(),
                Answer::Refused(code) if code == "CONFLICT" => writer.signs_in().await,
                _ => sleep(PAUSE).await,
            }
        }
        let found = writer.asks("{ foods(search: \"apple\", first: 1) { nodes { id } } }").await;
        writer.food = found["foods"]["nodes"][0]["id"].as_str().unwrap().to_owned();
        writer
    }

    /// The data of a query, which a busy machine may have to be asked for again.
    async fn asks(&self, document: &str) -> Value {
        let begun = Instant::now();
        loop {
            let answer = self.send(document, json!({}), None).await;
            if let Answer::Data(data) = answer {
                return data;
            }
            assert!(begun.elapsed() < AGES && !matches!(answer, Answer::Wrong(_)), "{document}: {answer:?}");
            sleep(PAUSE).await;
        }
    }

    async fn signs_in(&mut self) {
        let document = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
        if let Answer::Data(made) = self.send(document, json!({ "input": { "email": self.email, "password": PASSWORD } }), None).await {
            self.token = made["signIn"]["session"]["accessToken"].as_str().unwrap().to_owned();
        }
    }

    /// Writes until it is told to stop. Half of the writes have an id of the client's, half an Idempotency-Key.
    async fn writes(mut self, ledger: &Mutex<Ledger>, latest: &watch::Sender<Instant>, stopped: &watch::Receiver<bool>) {
        for n in 1.. {
            if *stopped.borrow() {
                return;
            }
            let (own, meal) = (Uuid::from_u128(n as u128), MEALS[n % MEALS.len()]);
            // Thousandths of a serving, so that there is room for many.
            let quantity = format!("{}.{:03}", n / 1000, n % 1000).trim_end_matches('0').trim_end_matches('.').to_owned();
            let mut input =
                json!({ "foodId": self.food, "quantity": quantity, "unit": "serving", "mealType": meal, "consumedAt": SystemClock.now() });
            let keyed = n % 2 == 0;
            if !keyed {
                input["id"] = json!(own);
            }
            let key = keyed.then(|| own.to_string());
            loop {
                let sent = Instant::now();
                match self.send(LOG, json!({ "input": input }), key.as_deref()).await {
                    Answer::Data(answer) => {
                        let id = answer["logFood"]["entry"]["id"].as_str().unwrap().parse().unwrap();
                        let write = Acknowledged { writer: self.email.clone(), id, quantity, meal };
                        ledger.lock().unwrap().acknowledged.push(write);
                        latest.send_if_modified(|latest| {
                            let later = sent > *latest;
                            *latest = sent.max(*latest);
                            later
                        });
                        break;
                    }
                    Answer::Refused(code) => {
                        *ledger.lock().unwrap().refusals.entry(code.clone()).or_default() += 1;
                        if code == "UNAUTHENTICATED" {
                            self.signs_in().await;
                        }
                    }
                    Answer::Nothing => ledger.lock().unwrap().unanswered += 1,
                    Answer::Wrong(what) => ledger.lock().unwrap().wrong.push(what),
                }
                sleep(PAUSE).await;
            }
        }
    }

    async fn send(&self, document: &str, variables: Value, key: Option<&str>) -> Answer {
        let mut request =
            self.client.post(format!("http://{}/graphql", self.address)).json(&json!({ "query": document, "variables": variables }));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let Ok(Ok(response)) = timeout(Duration::from_secs(30), request.send()).await else { return Answer::Nothing };
        let status = response.status();
        let Ok(text) = response.text().await else { return Answer::Nothing };
        let Ok(mut answer) = serde_json::from_str::<Value>(&text) else { return Answer::Wrong(format!("{status}: {text}")) };
        match answer.pointer("/errors/0/extensions/code").and_then(Value::as_str) {
            None if status == 200 && answer.get("errors").is_none() => Answer::Data(answer["data"].take()),
            // Whoever sends a request again while the first one still runs is told to wait.
            Some(code @ ("UNAVAILABLE" | "TIMEOUT" | "CONFLICT" | "UNAUTHENTICATED" | "RATE_LIMITED")) => {
                if code == "UNAVAILABLE" && !answer.pointer("/errors/0/extensions/retryAfter").is_some_and(Value::is_u64) {
                    return Answer::Wrong(text);
                }
                Answer::Refused(code.to_owned())
            }
            _ => Answer::Wrong(format!("{status}: {text}")),
        }
    }
}
