//! What is counted of the work below HTTP: in this process, in numbers that belong to nobody. Labels are from closed sets, never what
//! somebody sent.

use std::{sync::LazyLock, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{access::Database, backup, error::Result};

/// Upper bounds, in seconds: of what answers a person, and of what works for itself.
const QUICK: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const SLOW: [f64; 9] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0];

/// A histogram of durations.
#[derive(Clone)]
pub struct Durations(&'static [f64]);

impl Durations {
    /// Of what answers a person.
    pub const QUICK: Self = Self(&QUICK);
    /// Of what works for itself.
    pub const SLOW: Self = Self(&SLOW);
}

impl MetricConstructor<Histogram> for Durations {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

/// What came of something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Outcome {
    pub outcome: &'static str,
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Job {
    pub kind: &'static str,
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    kind: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Provider {
    provider: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    provider: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

pub(crate) struct Metrics {
    pub waiting: Gauge,
    pub acquired: Histogram,
    pub not_acquired: Counter,
    pub replica_reads: Counter,
    pub jobs: Family<Job, Histogram, Durations>,
    pub batches: Counter,
    pub mutations: Family<Outcome, Counter>,
    pub feed_pages: Counter,
    pub mails: Family<Outcome, Counter>,
    asked: Family<Asked, Counter>,
    answered: Family<Provider, Histogram, Durations>,
    resting: Family<Provider, Gauge>,
    connections: Family<State, Gauge>,
    most_connections: Gauge,
    answers: Gauge,
    queue: Family<Queue, Gauge>,
    overdue: Gauge,
    backed_up_at: Gauge,
    backup_bytes: Gauge,
    backup_failed: Gauge,
}

pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    waiting: Gauge::default(),
    acquired: Durations::QUICK.new_metric(),
    not_acquired: Counter::default(),
    replica_reads: Counter::default(),
    jobs: Family::new_with_constructor(Durations::SLOW),
    batches: Counter::default(),
    mutations: Family::default(),
    feed_pages: Counter::default(),
    mails: Family::default(),
    asked: Family::default(),
    answered: Family::new_with_constructor(Durations::SLOW),
    resting: Family::default(),
    connections: Family::default(),
    most_connections: Gauge::default(),
    answers: Gauge::default(),
    queue: Family::default(),
    overdue: Gauge::default(),
    backed_up_at: Gauge::default(),
    backup_bytes: Gauge::default(),
    backup_failed: Gauge::default(),
});

impl Metrics {
    /// A provider was asked and has answered, or has not.
    pub fn provider(&self, provider: &'static str, outcome: &'static str, took: Option<Duration>) {
        self.asked.get_or_create(&Asked { provider, outcome }).inc();
        if let Some(took) = took {
            self.answered.get_or_create(&Provider { provider }).observe(took.as_secs_f64());
        }
    }

    /// Whether a provider has failed so often that it is left alone for a while.
    pub fn rests(&self, provider: &'static str, rests: bool) {
        self.resting.get_or_create(&Provider { provider }).set(rests.into());
    }
}

/// Lists everything that is counted here.
pub fn register(registry: &mut Registry) {
    let metrics = &*METRICS;
    registry.register("db_up", "Whether the database answered when this was asked", metrics.answers.clone());
    registry.register("db_pool_connections", "Connections of the pool, by whether somebody uses them", metrics.connections.clone());
    registry.register("db_pool_max_connections", "How many connections the pool may have", metrics.most_connections.clone());
    registry.register("db_pool_waiting", "Who waits for a connection now", metrics.waiting.clone());
    registry.register("db_pool_failures", "Who waited for a connection and got none", metrics.not_acquired.clone());
    registry.register("db_replica_reads", "Transactions that were read at the replica", metrics.replica_reads.clone());
    registry.register("jobs", "Jobs of all servers, by kind and state", metrics.queue.clone());
    registry.register("jobs_overdue_seconds", "How long the job that has waited longest is due", metrics.overdue.clone());
    registry.register_with_unit(
        "backup_last_success_timestamp",
        "When the last backup that succeeded was begun; 0 where there is none",
        Unit::Seconds,
        metrics.backed_up_at.clone(),
    );
    registry.register_with_unit("backup_last_size", "How large it is", Unit::Bytes, metrics.backup_bytes.clone());
    registry.register("backup_failed", "Whether a backup has failed since", metrics.backup_failed.clone());
    registry.register("sync_batches", "Batches of changes that devices sent", metrics.batches.clone());
    registry.register("sync_mutations", "Changes that devices sent, by what became of them", metrics.mutations.clone());
    registry.register("sync_feed_pages", "Pages of changes that devices read", metrics.feed_pages.clone());
    registry.register("mails", "Mails, by what became of them", metrics.mails.clone());
    registry.register("provider_requests", "Requests to others' servers, by what came of them", metrics.asked.clone());
    registry.register(
        "provider_resting",
        "Whether a server failed five times in a row and has not answered since",
        metrics.resting.clone(),
    );
    registry.register_with_unit("db_pool_acquire", "How long a connection was waited for", Unit::Seconds, metrics.acquired.clone());
    registry.register_with_unit(
        "job_duration",
        "How long jobs of this process ran, by what came of them",
        Unit::Seconds,
        metrics.jobs.clone(),
    );
    registry.register_with_unit(
        "provider_request_duration",
        "How long others' servers took to answer",
        Unit::Seconds,
        metrics.answered.clone(),
    );
}

#[derive(FromQueryResult)]
struct Counted {
    kind: String,
    state: String,
    count: i64,
    overdue: i64,
}

/// Looks at what is not counted as it happens: the pool, the queue of jobs, the last backup. What cannot be seen is not told.
pub async fn look(database: &Database) {
    let metrics = &*METRICS;
    let (size, idle, most) = database.pool_size();
    metrics.connections.get_or_create(&State { state: "idle" }).set(idle);
    metrics.connections.get_or_create(&State { state: "used" }).set(size - idle);
    metrics.most_connections.set(most);
    let seen = async { Ok::<_, crate::error::Error>((queue(database).await?, backup::last(database).await?)) };
    let seen = tokio::time::timeout(Duration::from_secs(2), seen).await;
    metrics.queue.clear();
    metrics.overdue.set(0);
    let Ok(Ok((counted, backup))) = seen else {
        metrics.answers.set(0);
        return;
    };
    metrics.answers.set(1);
    metrics.backed_up_at.set(backup.succeeded_at.map_or(0, |at| at.timestamp()));
    metrics.backup_bytes.set(backup.bytes.unwrap_or_default());
    metrics.backup_failed.set(backup.failed_at.is_some().into());
    for kind in crate::jobs::Kind::ALL {
        for state in ["waiting", "running", "dead"] {
            let rows = counted.iter().filter(|row| row.kind == kind.name() && row.state == state);
            metrics.queue.get_or_create(&Queue { kind: kind.name(), state }).set(rows.map(|row| row.count).sum());
        }
    }
    metrics.overdue.set(counted.iter().map(|row| row.overdue).max().unwrap_or_default());
}

async fn queue(database: &Database) -> Result<Vec<Counted>> {
    let tx = database.without_viewer().await?;
    let count = "SELECT kind, state, count, overdue FROM auth.count_jobs($1)";
    Ok(Counted::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, count, [tx.now().into()])).all(&tx).await?)
}
