//! A server that is told to stop while it works.

use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use service::clock::{Clock, SystemClock};
use sqlx::Executor;
use tokio::time::{Instant, sleep, timeout};

use super::server::AGES;
use crate::{
    command_line::{Folder, Served, hale},
    google_calendar::again,
    harness::{
        LOG_FOOD, TestApp, food_entry, http,
        smtp::{Fault, MailServer},
        tokens,
    },
    reminders::Family,
};

/// Two hundred requests are in flight. It says that it is not ready while it still takes what comes, answers everybody, and ends well.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_says_so_first_and_answers_everybody() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    app.clock.set(&SystemClock.now().to_rfc3339());
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    let keys = folder.file("keys.json", &tokens::keys().to_json());
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0).env("HALE_KEYS_FILE", keys);
    command.env("HALE_POINTS_PER_PERSON", "off").env("HALE_STOP_DELAY", "2");
    let server = Served::start(&mut command).await;
    let url = format!("http://{}/graphql", server.address);
    let log = async || {
        let request = http().post(&url).bearer_auth(ann.token.as_deref().unwrap());
        let input = json!({ "query": LOG_FOOD, "variables": { "input": food_entry(&food, json!({})) } });
        let answer: Value = request.json(&input).send().await.expect("a reset").json().await.expect("half an answer");
        answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut blocker = app.connect("hale_owner").await;
    blocker.execute("BEGIN; LOCK TABLE food_diary IN SHARE MODE").await.unwrap();
    let in_flight = join_all((0..200).map(|_| log()));
    let stopping = async {
        sleep(Duration::from_millis(500)).await;
        kill_process(server.pid(), Signal::TERM).unwrap();
        // New ones are still taken, and told over which connection nothing more should be sent.
        let begun = Instant::now();
        let refused = loop {
            let ready = http().get(format!("http://{}/readyz", server.address)).send().await.expect("nothing is taken any more");
            if ready.status().as_u16() == 503 && ready.headers().get("connection").is_some_and(|value| value == "close") {
                break ready.text().await.unwrap();
            }
            assert!(begun.elapsed() < AGES, "it says that it is ready");
        };
        assert_eq!(refused, "shutting down\n");
        blocker.execute("COMMIT").await.unwrap();
        log().await
    };
    let (codes, late) = tokio::join!(in_flight, stopping);
    assert_eq!(late, "");
    let done = codes.iter().filter(|code| code.is_empty()).count();
    assert!(codes.iter().all(|code| ["", "TIMEOUT", "UNAVAILABLE"].contains(&code.as_str())), "{codes:?}");
    assert!(done > 0, "{codes:?}");
    let mut child = server.child;
    assert_eq!(timeout(AGES, child.wait()).await.expect("hale does not stop").unwrap().code(), Some(0));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, done as i64 + 1);
}

/// A mail is being given away, and the server does not wait for that: somebody else claims the job at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_does_not_end_in_time_is_given_back() {
    let (mail, folder) = (MailServer::start().await, Folder::new());
    let app = TestApp::with_mail(&mail).await;
    app.clock.set(&SystemClock.now().to_rfc3339());
    let family = Family::of(&app, json!({})).await;
    let today = SystemClock.now().date_naive();
    for day in [today, today.succ_opt().unwrap()] {
        family.gives(&day.to_string(), 0).await;
    }
    mail.fails([Fault::Stalls]);
    family.reminds(&again(&family.ann).await, 0).await;
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0);
    command.env("HALE_SMTP_URL", mail.settings().url).env("HALE_MAIL_FROM", "Hale <hale@example.net>");
    let server = Served::start(&mut command).await;
    let begun = Instant::now();
    while mail.taken().is_empty() {
        assert!(begun.elapsed() < AGES, "no mail comes");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.stops().await, Some(0));
    let waiting = "SELECT count(*) FROM jobs WHERE kind = 'remind' AND claim IS NOT NULL AND due_at <= now()";
    assert_eq!(app.value::<i64>(waiting).await, 1, "nobody may claim it yet");
}
