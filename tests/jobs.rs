//! The queue of jobs: asked for with the effect they follow, done once, tried again, and given up where somebody sees it.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use service::{
    access::{Tx, Viewer},
    error::Error,
    jobs::{self, Claimed, Kind, Request, Worker, claim},
    measurements,
};
use sqlx::Executor;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::{sleep, timeout},
};

use crate::{
    command_line::{Folder, fails, hale, succeeds},
    google_calendar::Family,
    harness::{Person, TestApp},
};

fn viewer(person: &Person<'_>) -> Viewer {
    person.app.database.authenticate(person.token.as_ref().unwrap()).unwrap()
}

async fn asks(person: &Person<'_>, about: &str) {
    let tx = viewer(person).write().await.unwrap();
    enqueue(&tx, about).await;
    tx.commit().await.unwrap();
}

async fn enqueue(tx: &Tx, about: &str) {
    jobs::enqueue(tx, Request { kind: Kind::CleanUp, about, due: tx.now(), every: None, anew: false }).await.unwrap();
}

async fn weighs(tx: &Tx) {
    let new = measurements::NewMeasurement {
        id: None,
        person: None,
        kind: "weight".into(),
        value: "70".parse().unwrap(),
        unit: "kg".into(),
        measured_at: None,
        time_zone: None,
    };
    measurements::record(tx, new).await.unwrap();
}

/// What a job does here, and that it is done, in one transaction.
async fn weighs_and_finishes(job: &Claimed) -> Result<jobs::Finished, Error> {
    let tx = job.viewer()?.write().await?;
    weighs(&tx).await;
    job.finish(tx).await
}

const WEIGHED: &str = "SELECT count(*) FROM measurements";
const JOBS: &str = "SELECT count(*) FROM jobs";

#[tokio::test]
async fn what_was_rolled_back_asked_for_nothing() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tx = viewer(&ann).write().await.unwrap();
    enqueue(&tx, "a").await;
    assert!(claim(&app.database).await.unwrap().is_none(), "claimed before the commit");
    drop(tx);
    assert!(claim(&app.database).await.unwrap().is_none());
    asks(&ann, "a").await;
    asks(&ann, "a").await;
    let job = claim(&app.database).await.unwrap().expect("a job");
    assert_eq!((job.about.as_str(), job.viewer().unwrap().user_id().to_string()), ("a", ann.id.clone()));
    assert!(claim(&app.database).await.unwrap().is_none(), "one job about the same thing");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_do_the_same_job() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tx = viewer(&ann).write().await.unwrap();
    for number in 0..60 {
        enqueue(&tx, &number.to_string()).await;
    }
    tx.commit().await.unwrap();
    let workers = (0..8).map(|_| async {
        let mut mine = Vec::new();
        while let Some(job) = claim(&app.database).await.unwrap() {
            mine.push(job.about.clone());
            weighs_and_finishes(&job).await.unwrap();
        }
        mine
    });
    let done: Vec<_> = join_all(workers).await.into_iter().flatten().collect();
    assert_eq!((done.len(), done.iter().collect::<BTreeSet<_>>().len()), (60, 60));
    assert_eq!((app.value::<i64>(WEIGHED).await, app.value::<i64>(JOBS).await), (60, 0));
}

#[tokio::test]
async fn a_job_of_a_dead_worker_runs_again_and_has_its_effect_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    asks(&ann, "a").await;
    let first = claim(&app.database).await.unwrap().expect("a job");
    app.clock.advance(TimeDelta::seconds(14));
    assert!(claim(&app.database).await.unwrap().is_none(), "its worker may still live");
    app.clock.advance(TimeDelta::seconds(2));
    let second = claim(&app.database).await.unwrap().expect("the same job");
    // The first was only slow: it can neither finish nor even begin what is no longer its own.
    assert!(matches!(weighs_and_finishes(&first).await, Err(Error::Conflict { .. })));
    weighs_and_finishes(&second).await.unwrap();
    assert!(matches!(weighs_and_finishes(&first).await, Err(Error::Conflict { .. })));
    assert!(matches!(weighs_and_finishes(&second).await, Err(Error::Conflict { .. })));
    assert_eq!((app.value::<i64>(WEIGHED).await, app.value::<i64>(JOBS).await), (1, 0));
}

#[tokio::test]
async fn whoever_loses_a_job_in_the_middle_undoes_what_they_did() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    asks(&ann, "a").await;
    let first = claim(&app.database).await.unwrap().unwrap();
    let tx = first.viewer().unwrap().write().await.unwrap();
    weighs(&tx).await;
    app.clock.advance(TimeDelta::seconds(16));
    let second = claim(&app.database).await.unwrap().expect("the same job");
    assert!(matches!(first.finish(tx).await, Err(Error::Conflict { .. })));
    weighs_and_finishes(&second).await.unwrap();
    assert_eq!(app.value::<i64>(WEIGHED).await, 1);
}

#[tokio::test]
async fn what_is_asked_for_while_it_runs_runs_once_more() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    asks(&ann, "a").await;
    let job = claim(&app.database).await.unwrap().unwrap();
    asks(&ann, "a").await;
    asks(&ann, "a").await;
    assert!(claim(&app.database).await.unwrap().is_none(), "not beside itself");
    weighs_and_finishes(&job).await.unwrap();
    let again = claim(&app.database).await.unwrap().expect("once more");
    weighs_and_finishes(&again).await.unwrap();
    assert!(claim(&app.database).await.unwrap().is_none(), "but not a third time");
}

#[tokio::test]
async fn a_job_that_fails_waits_longer_each_time_is_given_up_and_can_be_tried_again() {
    let app = TestApp::new().await;
    let worker = Worker::new(app.database.clone(), None, None);
    worker.run_due().await.unwrap();
    let mut owner = app.connect("hale_owner").await;
    owner
        .execute("INSERT INTO jobs (id, kind, key, due_at) VALUES (gen_random_uuid(), 'from_the_future', 'x', '2026-03-10T12:00:00Z')")
        .await
        .unwrap();
    let dead = "SELECT count(*) FROM jobs WHERE dead_at IS NOT NULL";
    let mut runs = 0;
    for _ in 0..12 {
        assert_eq!(app.value::<i64>(dead).await, 0, "after {runs} runs");
        runs += worker.run_due().await.unwrap();
        assert_eq!(worker.run_due().await.unwrap(), 0, "it waits");
        // Longer than any back-off, shorter than what comes round by itself twice.
        app.clock.advance(TimeDelta::minutes(61));
    }
    // Ten of them were the clean-up that comes round each hour.
    assert_eq!(app.value::<i32>("SELECT attempts FROM jobs WHERE kind = 'from_the_future'").await, 12, "{runs}");
    assert_eq!(app.value::<i64>(dead).await, 1);

    let maintenance = app.maintenance().await;
    let tx = maintenance.begin().await.unwrap();
    let listed = jobs::list(&tx, true).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].kind.as_str(), listed[0].state.as_str()), ("from_the_future", "dead"));
    assert_eq!(listed[0].last_error.as_deref(), Some("internal error, see the log"));
    assert!(jobs::retry(&tx, listed[0].id).await.unwrap());
    assert!(!jobs::retry(&tx, listed[0].id).await.unwrap(), "it lives already");
    tx.commit().await.unwrap();
    worker.run_due().await.unwrap();
    assert_eq!(app.value::<i32>("SELECT attempts FROM jobs WHERE kind = 'from_the_future'").await, 1);
}

#[tokio::test]
async fn clean_up_comes_round_every_hour_and_removes_what_nobody_needs() {
    let app = TestApp::new().await;
    let workers = [Worker::new(app.database.clone(), None, None), Worker::new(app.database.clone(), None, None)];
    let ann = app.person("ann").await;
    let (first, second) = tokio::join!(workers[0].run_due(), workers[1].run_due());
    assert_eq!(first.unwrap() + second.unwrap(), 2, "two workers keep one schedule of two");
    let kept = "SELECT count(*) FROM idempotency_keys";
    app.connect("hale_owner")
        .await
        .execute("INSERT INTO idempotency_keys (user_id, key, request, expires_at) SELECT id, 'x', sha256('x'), '2026-03-17T12:00:00Z' FROM users")
        .await
        .unwrap();
    let left =
        "SELECT (SELECT count(*) FROM sessions) * 100 + (SELECT count(*) FROM refresh_tokens) * 10 + (SELECT count(*) FROM rate_limits)";
    assert_eq!(app.value::<i64>(left).await, 111);
    app.clock.advance(TimeDelta::minutes(59));
    assert_eq!(workers[0].run_due().await.unwrap(), 0);
    app.clock.advance(TimeDelta::minutes(1));
    assert_eq!(workers[0].run_due().await.unwrap(), 1);
    assert_eq!(app.value::<i64>(left).await, 110, "the bucket was full again");
    // A refresh token waits for 30 days, a session lives 180 days and is listed for another 30.
    assert_eq!(app.value::<i64>(kept).await, 1);
    for (days, expected) in [(29, 110), (2, 100), (170, 100), (10, 0)] {
        app.clock.advance(TimeDelta::days(days));
        assert_eq!(workers[0].run_due().await.unwrap(), 2);
        assert_eq!(app.value::<i64>(left).await, expected, "after {days} more days");
        assert_eq!(app.value::<i64>(kept).await, 0, "nobody can ask for this answer any more");
    }
    assert_eq!(ann.refused("{ viewer { id } }", json!({})).await.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_job_ends_with_the_account_it_runs_as() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    asks(&ann, "a").await;
    let job = claim(&app.database).await.unwrap().unwrap();
    app.connect("hale_owner").await.execute("DELETE FROM users").await.unwrap();
    assert!(matches!(job.viewer().unwrap().read().await.err(), Some(Error::Conflict { .. })));
    assert_eq!(app.value::<i64>(JOBS).await, 0);
}

#[tokio::test]
async fn a_household_plans_ahead_by_itself_and_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let family = Family::of(&ann).await;
    let workers = [Worker::new(app.database.clone(), None, None), Worker::new(app.database.clone(), None, None)];
    let planned = "SELECT count(*) FROM assignments";
    assert_eq!(app.value::<i64>(planned).await, 6);
    app.clock.advance(TimeDelta::days(3));
    let (first, second) = tokio::join!(workers[0].run_due(), workers[1].run_due());
    assert_eq!(first.unwrap() + second.unwrap(), 3, "the schedule of two, and one plan");
    assert_eq!(app.value::<i64>(planned).await, 9);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM jobs WHERE kind = 'plan'").await, 0);
    app.clock.advance(TimeDelta::hours(6));
    workers[0].run_due().await.unwrap();
    assert_eq!(app.value::<i64>(planned).await, 9, "{}", family.routine);
}

/// A worker of its own process.
struct Working(Child);

impl Working {
    async fn start(app: &TestApp, folder: &Folder) -> Self {
        let mut child = hale().env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0).arg("worker").spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = timeout(Duration::from_secs(60), lines.next_line()).await.expect("the worker is not ready in time").unwrap();
        assert_eq!(ready.as_deref(), Some("Hale's worker is ready."));
        Self(child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.0.id().unwrap().cast_signed()).unwrap(), signal).unwrap();
    }
}

/// Waits for something to become true, as the one who sees every session's query.
async fn until(app: &TestApp, what: &'static str) {
    let mut admin = app.connect("postgres").await;
    for _ in 0..600 {
        let (so,): (bool,) = sqlx::query_as(what).fetch_one(&mut admin).await.unwrap();
        if so {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("not in a minute: {what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_is_succeeded_by_another() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let mut owner = app.connect("hale_owner").await;
    owner.execute("INSERT INTO rate_limits (bucket, full_at) VALUES ('full', '2020-01-01')").await.unwrap();
    // The job can begin, and cannot end before it is killed.
    owner.execute("BEGIN; LOCK TABLE rate_limits").await.unwrap();
    let mut first = Working::start(&app, &folder).await;
    until(&app, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%auth.clean_up%' AND wait_event_type = 'Lock' AND datname = current_database())").await;
    first.signal(Signal::KILL);
    first.0.wait().await.unwrap();
    let claimed = app.value::<bool>("SELECT claim IS NOT NULL AND attempts = 1 FROM jobs WHERE kind = 'clean_up'").await;
    assert!(claimed, "it was killed in the middle");
    owner.execute("COMMIT").await.unwrap();

    let mut second = Working::start(&app, &folder).await;
    until(
        &app,
        "SELECT NOT EXISTS (SELECT FROM rate_limits) AND EXISTS (SELECT FROM jobs WHERE claim IS NULL AND attempts = 0 AND due_at > now())",
    )
    .await;
    second.signal(Signal::TERM);
    let status = timeout(Duration::from_secs(30), second.0.wait()).await.expect("the worker does not stop").unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn an_operator_lists_jobs_and_tries_one_again() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    app.connect("hale_owner")
        .await
        .execute(
            "INSERT INTO jobs (id, kind, key, due_at, dead_at, attempts, last_error)
             VALUES ('0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f', 'clean_up', 'x', '2026-01-01', '2026-01-02T03:04:05Z', 12, 'no luck')",
        )
        .await
        .unwrap();
    let owned = |arguments: &[&str]| {
        let mut command = hale();
        command.env("DATABASE_URL", app.url("hale_app")).env("DATABASE_OWNER_URL", app.url("hale_owner")).env("HALE_DATA_DIR", &folder.0);
        command.arg("jobs").args(arguments);
        command
    };
    let line = format!("{id}  dead     clean_up          2026-01-02T03:04:05Z  12  x  no luck\n");
    assert_eq!(succeeds(&mut owned(&["list", "--dead"])).await, line);
    assert_eq!(succeeds(&mut owned(&["retry", id])).await, format!("{id} is tried again\n"));
    assert_eq!(succeeds(&mut owned(&["list", "--dead"])).await, "");
    assert!(succeeds(&mut owned(&["list"])).await.contains("waiting  clean_up"));
    assert!(fails(&mut owned(&["retry", id])).await.contains("no job with the id"));
    assert!(fails(owned(&["list"]).env_remove("DATABASE_OWNER_URL")).await.contains("DATABASE_OWNER_URL"));
}
