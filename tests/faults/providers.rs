//! Others' servers that take a connection and answer nothing.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use service::clock::{Clock, SystemClock};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use super::server::AGES;
use crate::{
    command_line::{Folder, Served, hale},
    google_calendar::again,
    harness::{TestApp, google::environment, http, report, tokens},
    reminders::Family,
};

/// An address that takes every connection and keeps it, silent.
async fn black_hole() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    address.to_string()
}

/// The time that each of these requests took to be answered well.
async fn days(server: &Served, token: &str, count: usize) -> Duration {
    let client = http();
    let mut took = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        let request = client.post(format!("http://{}/graphql", server.address)).bearer_auth(token);
        let response = request.json(&json!({ "query": "{ viewer { foodDay { date totals { calories } } } }" })).send().await.unwrap();
        let answer: Value = response.json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        took.push(begun.elapsed());
    }
    took.sort();
    took[count / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_that_answer_nothing_keep_no_connection_and_nobody_waiting_for_a_day() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    app.clock.set(&SystemClock.now().to_rfc3339());
    let family = Family::of(&app, json!({})).await;
    let today = SystemClock.now().date_naive();
    for day in [today, today.succ_opt().unwrap()] {
        family.gives(&day.to_string(), 0).await;
    }
    let ann = again(&family.ann).await;
    let token = ann.token.as_deref().unwrap();
    let keys = folder.file("keys.json", &tokens::keys().to_json());
    let (google, mail) = (black_hole().await, black_hole().await);
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0).env("HALE_KEYS_FILE", keys);
    command.envs(environment(&format!("http://{google}"))).env("HALE_POINTS_PER_PERSON", "off");
    command.env("HALE_SMTP_URL", format!("smtp://{mail}?tls=none")).env("HALE_MAIL_FROM", "Hale <hale@example.net>");
    // One connection alone: whoever held it while waiting for somebody else would be noticed.
    let server = Served::start(command.env("HALE_MAX_CONNECTIONS", "1")).await;
    let before = days(&server, token, 20).await;

    // A mail is due, and people come back from consenting to a Google that says nothing.
    family.reminds(&ann, 0).await;
    let begun = Instant::now();
    while app.value::<i64>("SELECT count(*) FROM jobs WHERE kind = 'remind' AND claim IS NOT NULL").await == 0 {
        assert!(begun.elapsed() < AGES, "nobody sends the reminder");
        sleep(Duration::from_millis(50)).await;
    }
    let consents = join_all((0..8).map(|_| async {
        let connect = "mutation($input: CalendarInput!) { connectCalendar(input: $input) { authorizationUrl } }";
        let asked = ann.ask(connect, json!({ "input": { "householdId": family.household } })).await;
        let url = reqwest::Url::parse(asked["connectCalendar"]["authorizationUrl"].as_str().unwrap()).unwrap();
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let form = [("state", state.as_str()), ("code", "abc")];
        let request = http().post(format!("http://{}/oauth/google/callback", server.address)).form(&form);
        request.send().await.unwrap().status().as_u16()
    }));
    let meanwhile = async {
        sleep(Duration::from_millis(300)).await;
        days(&server, token, 20).await
    };
    let held = async {
        sleep(Duration::from_secs(2)).await;
        // The days that are read meanwhile have transactions, too, but no long ones.
        let idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
            AND state_change < clock_timestamp() - interval '1 second'";
        app.value::<i64>(idle).await
    };
    let (consents, meanwhile, held) = tokio::join!(consents, meanwhile, held);
    assert_eq!(held, 0, "a transaction waits for somebody else's server");
    // Not one of them was told that it had worked.
    assert!(consents.iter().all(|status| *status >= 400), "{consents:?}");
    report(&format!("providers silent: a day takes {:.2} of the time before", meanwhile.as_secs_f64() / before.as_secs_f64()));
}
