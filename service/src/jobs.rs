//! Work that is done after the answer was sent, or again and again: a queue in PostgreSQL.
//!
//! A job is asked for in the transaction whose effect it follows. One worker at a time claims it, and keeps it by showing that it
//! lives; a job whose worker died is claimed by another. A job is finished in the transaction that holds its own effect, and only
//! by the claim that holds it: so the effect happens once, even when a worker that was taken for dead comes back.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::{HouseholdId, UserId};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryResult, Statement, Value};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tracing::Instrument;
use uuid::Uuid;

use crate::{
    access::{Database, Tx, Viewer},
    account_mails, assignments,
    calendars::{self, NOT_CONFIGURED, google::Google},
    error::{Error, Result},
    mail::{self, Mailer},
    metrics::{self, METRICS},
    reminders, routines,
};

/// How long a worker that shows no life keeps its job.
const LEASE: TimeDelta = TimeDelta::seconds(15);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often an idle worker looks for work.
const PAUSE: Duration = Duration::from_secs(1);
/// How many jobs a worker runs at once. Each takes a connection now and then.
const AT_ONCE: usize = 4;
/// How often it makes sure that Hale's own work comes round.
const KEEP_SCHEDULE: Duration = Duration::from_secs(30);
/// How long running jobs may take to end when the worker stops, and to be given back then.
const DRAIN: Duration = Duration::from_secs(12);
const GIVE_BACK: Duration = Duration::from_secs(3);

const FIRST_RETRY: TimeDelta = TimeDelta::seconds(10);
const LAST_RETRY: TimeDelta = TimeDelta::hours(1);
/// How often a job is tried before it is dead: for about four hours.
const ATTEMPTS: i32 = 12;

/// What there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Remove what nobody needs any more: expired tokens, ended sessions, full rate limits, old answers.
    CleanUp,
    /// Find the households that have to plan ahead.
    SchedulePlans,
    /// Plan a household's routines ahead.
    Plan,
    /// Bring a household's turns and its calendar together.
    CalendarSync,
    /// Renew the channel by which a calendar calls.
    CalendarChannel,
    /// Remind a person of their turns.
    Remind,
    /// Send a mail about an account.
    MailAccount,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Self; 7] =
        [Self::CleanUp, Self::SchedulePlans, Self::Plan, Self::CalendarSync, Self::CalendarChannel, Self::Remind, Self::MailAccount];

    /// As the queue and the metrics call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CleanUp => "clean_up",
            Self::SchedulePlans => "schedule_plans",
            Self::Plan => "plan",
            Self::CalendarSync => "calendar_sync",
            Self::CalendarChannel => "calendar_channel",
            Self::Remind => "remind",
            Self::MailAccount => "mail_account",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Hale's own work, and how often it comes round.
const SCHEDULE: [(Kind, TimeDelta); 2] = [(Kind::CleanUp, TimeDelta::hours(1)), (Kind::SchedulePlans, TimeDelta::hours(6))];

/// A job to ask for.
pub struct Request<'a> {
    /// What to do.
    pub kind: Kind,
    /// What it is about. There is one living job of a kind for it, which further requests only wake.
    pub about: &'a str,
    /// When.
    pub due: DateTime<Utc>,
    /// How often it comes round, if it does.
    pub every: Option<TimeDelta>,
    /// Whether to try at once even where it waits after a failure.
    pub anew: bool,
}

/// Asks for a job that runs as the viewer, once this transaction has committed.
pub async fn enqueue(tx: &Tx, request: Request<'_>) -> Result<()> {
    tx.viewer()?;
    enqueue_for_anybody(tx, request).await
}

/// The same where there may be no viewer: then it runs as nobody, as Hale's own work does.
pub(crate) async fn enqueue_for_anybody(tx: &Tx, request: Request<'_>) -> Result<()> {
    let values: [Value; 6] = [
        tx.new_id().into(),
        request.kind.name().into(),
        request.about.into(),
        request.due.into(),
        request.every.map(|every| every.num_seconds()).into(),
        request.anew.into(),
    ];
    call(tx, "SELECT auth.enqueue($1, $2, $3, $4, make_interval(secs => $5::bigint), $6)", values).await?;
    Ok(())
}

/// A job that this worker runs, until it is finished or lost.
pub struct Claimed {
    /// What it is about.
    pub about: String,
    id: Uuid,
    claim: Uuid,
    kind: String,
    attempt: i32,
    owner: Option<UserId>,
    database: Database,
}

/// That a job is finished. Only finishing one makes it.
pub struct Finished(());

impl Claimed {
    /// The person as whom it runs.
    pub fn viewer(&self) -> Result<Viewer> {
        let owner = self.owner.ok_or_else(|| Error::internal("a job of Hale's own runs as nobody"))?;
        Ok(self.database.run_as(owner, self.id, self.claim))
    }

    /// A transaction in which there is no viewer, and what shows a door that this job is claimed.
    pub(crate) async fn without_viewer(&self) -> Result<(Tx, [Uuid; 2])> {
        Ok((self.database.without_viewer().await?, [self.id, self.claim]))
    }

    /// The database, on account of this job.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Commits what the job did together with the fact that it is done. Fails, and undoes it, when the job was lost meanwhile.
    pub async fn finish(&self, tx: Tx) -> Result<Finished> {
        self.end(tx, None, false).await
    }

    /// The same, and it comes round at `next`, or as soon as it is asked for.
    pub async fn finish_until(&self, tx: Tx, next: DateTime<Utc>) -> Result<Finished> {
        self.end(tx, Some(next), false).await
    }

    /// The same, and it does not come round again: there is nothing left that it could be about.
    pub async fn finish_for_good(&self, tx: Tx) -> Result<Finished> {
        self.end(tx, None, true).await
    }

    async fn end(&self, tx: Tx, next: Option<DateTime<Utc>>, for_good: bool) -> Result<Finished> {
        let values: [Value; 5] = [self.id.into(), self.claim.into(), tx.now().into(), next.into(), for_good.into()];
        call(&tx, "SELECT auth.finish_job($1, $2, $3, $4, $5)", values).await?;
        tx.commit().await?;
        Ok(Finished(()))
    }

    /// Shows that its worker lives. Answers whether the job is still its own.
    async fn extend(&self) -> Result<bool> {
        self.keep_for(LEASE).await
    }

    /// Lets another worker have it at once.
    async fn give_back(&self) -> Result<bool> {
        self.keep_for(TimeDelta::zero()).await
    }

    async fn keep_for(&self, lease: TimeDelta) -> Result<bool> {
        let tx = self.database.without_viewer().await?;
        let values: [Value; 3] = [self.id.into(), self.claim.into(), (tx.now() + lease).into()];
        let kept = call(&tx, "SELECT auth.extend_job($1, $2, $3)", values).await?.try_get_by_index(0)?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Puts the job back, to be tried again later, or among the dead.
    async fn fail(&self, error: &Error) -> Result<()> {
        let tx = self.database.without_viewer().await?;
        let now = tx.now();
        let retry = if self.attempt < ATTEMPTS { delay(error, self.attempt).map(|delay| now + delay) } else { None };
        let reason = match error {
            Error::Internal(_) => "internal error, see the log".to_owned(),
            Error::Unavailable { .. } => "the database did not answer, see the log".to_owned(),
            Error::ProviderUnavailable { .. } => error.to_string(),
            error => error.for_log(),
        };
        let values: [Value; 5] = [self.id.into(), self.claim.into(), now.into(), retry.into(), reason.into()];
        call(&tx, "SELECT auth.fail_job($1, $2, $3, $4, $5)", values).await?;
        tx.commit().await
    }
}

/// How long to wait before another attempt, longer each time; `None` where another attempt would come to the same.
fn delay(error: &Error, attempt: i32) -> Option<TimeDelta> {
    let back_off = FIRST_RETRY.checked_mul(1 << attempt.clamp(1, 20) >> 1).map_or(LAST_RETRY, |delay| delay.min(LAST_RETRY));
    match error {
        Error::Unavailable { retry_after, .. } | Error::ProviderUnavailable { retry_after, .. } | Error::RateLimited { retry_after } => {
            let asked = TimeDelta::from_std(*retry_after).map_or(LAST_RETRY, |asked| asked.min(LAST_RETRY));
            Some(back_off.max(asked))
        }
        Error::Timeout | Error::Conflict { .. } | Error::Internal(_) => Some(back_off),
        _ => None,
    }
}

/// Claims the job that has waited longest.
pub async fn claim(database: &Database) -> Result<Option<Claimed>> {
    let tx = database.without_viewer().await?;
    let (claim, now) = (tx.new_id(), tx.now());
    let door = statement(
        "SELECT job, person, what, about, attempt FROM auth.claim_job($1, $2, $3)",
        [claim.into(), now.into(), (now + LEASE).into()],
    );
    let Some(row) = tx.query_one_raw(door).await? else { return Ok(None) };
    let id = row.try_get_by_index(0)?;
    let claimed = Claimed {
        id,
        owner: row.try_get_by_index::<Option<Uuid>>(1)?.map(UserId),
        kind: row.try_get_by_index(2)?,
        about: row.try_get_by_index(3)?,
        attempt: row.try_get_by_index(4)?,
        claim,
        database: database.for_job(id),
    };
    tx.commit().await?;
    Ok(Some(claimed))
}

/// Runs jobs, with what they need of the outside world.
#[derive(Clone)]
pub struct Worker {
    database: Database,
    google: Option<Arc<Google>>,
    mailer: Option<Arc<dyn Mailer>>,
    app_url: Option<String>,
}

impl Worker {
    /// A worker on this database; without Google Calendar or mail where that is not set up.
    pub fn new(database: Database, google: Option<Arc<Google>>, mailer: Option<Arc<dyn Mailer>>) -> Self {
        Self { database, google, mailer, app_url: None }
    }

    /// The same worker, whose mail leads to a web client.
    pub fn with_app_url(self, app_url: Option<String>) -> Self {
        Self { app_url, ..self }
    }

    fn mailer(&self) -> Result<&dyn Mailer> {
        self.mailer.as_deref().ok_or(mail::NOT_CONFIGURED)
    }

    fn google(&self) -> Result<&Google> {
        self.google.as_deref().ok_or(NOT_CONFIGURED)
    }

    /// Runs what is due, several jobs at once, until `stop` is set or its sender is gone. What runs then may end.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let worker = Arc::new(self);
        let mut running = JoinSet::new();
        let (time_is_up, ends) = watch::channel(false);
        let mut kept = None;
        while !*stop.borrow() {
            if kept.is_none_or(|kept: Instant| kept.elapsed() >= KEEP_SCHEDULE) && told(worker.keep_schedule().await).is_some() {
                kept = Some(Instant::now());
            }
            let mut idle = running.len() >= AT_ONCE;
            if !idle {
                match told(claim(&worker.database).await).flatten() {
                    Some(job) => {
                        let (worker, mut ends) = (worker.clone(), ends.clone());
                        running.spawn(async move {
                            tokio::select! {
                                () = worker.run_one(&job) => {}
                                true = async { ends.wait_for(|ends| *ends).await.is_ok() } => {
                                    tracing::warn!(id = %job.id, kind = job.kind, "this job did not end in time, and is given back");
                                    told(job.give_back().await);
                                }
                            }
                        });
                    }
                    None => idle = true,
                }
            }
            if idle {
                tokio::select! {
                    Some(_) = running.join_next() => {}
                    () = sleep(PAUSE) => {}
                    changed = stop.changed() => if changed.is_err() { break },
                }
            }
        }
        let mut all_end = async |within| timeout(within, async { while running.join_next().await.is_some() {} }).await;
        if all_end(DRAIN).await.is_err() {
            // Whatever does not end in time is run again by another worker.
            time_is_up.send_replace(true);
            all_end(GIVE_BACK).await.ok();
        }
    }

    /// Runs what is due now, one after the other, until nothing is; answers how many jobs that were.
    pub async fn run_due(&self) -> Result<usize> {
        self.keep_schedule().await?;
        let mut count = 0;
        while let Some(job) = claim(&self.database).await? {
            self.run_one(&job).await;
            count += 1;
        }
        Ok(count)
    }

    async fn keep_schedule(&self) -> Result<()> {
        let tx = self.database.without_viewer().await?;
        for (kind, every) in SCHEDULE {
            let values: [Value; 4] = [tx.new_id().into(), kind.name().into(), every.num_seconds().into(), tx.now().into()];
            call(&tx, "SELECT auth.schedule($1, $2, make_interval(secs => $3::bigint), $4)", values).await?;
        }
        tx.commit().await
    }

    /// Runs one job, and shows meanwhile that this worker lives.
    async fn run_one(&self, job: &Claimed) {
        // A kind that this version does not know is nobody's label.
        let kind = Kind::named(&job.kind).map_or("unknown", Kind::name);
        let span = tracing::error_span!("job", id = %job.id, kind, attempt = job.attempt);
        let begun = Instant::now();
        let outcome = self.run_to_the_end(job).instrument(span).await;
        METRICS.jobs.get_or_create(&metrics::Job { kind, outcome }).observe(begun.elapsed().as_secs_f64());
    }

    async fn run_to_the_end(&self, job: &Claimed) -> &'static str {
        let done = tokio::select! {
            done = self.work(job) => done,
            () = lost(job) => {
                tracing::warn!("another worker has taken this job over");
                return "lost";
            }
        };
        match done {
            Ok(Finished(())) => {
                tracing::debug!("done");
                "done"
            }
            Err(error) => {
                match &error {
                    Error::Internal(_) => tracing::error!(error = error.for_log(), "a job failed"),
                    error => tracing::warn!(error = error.for_log(), "a job failed"),
                }
                told(job.fail(&error).await);
                "failed"
            }
        }
    }

    async fn work(&self, job: &Claimed) -> Result<Finished> {
        // A job that no worker outlives never fails; it only is claimed again and again.
        if job.attempt > ATTEMPTS {
            return Err(Error::Forbidden("given up: its workers died".into()));
        }
        match Kind::named(&job.kind) {
            Some(Kind::CleanUp) => clean_up(job).await,
            Some(Kind::SchedulePlans) => schedule_plans(job).await,
            Some(Kind::Plan) => plan(job).await,
            Some(Kind::CalendarSync) => calendars::sync::sync(job, self.google()?).await,
            Some(Kind::CalendarChannel) => calendars::channel::keep_open(job, self.google()?).await,
            Some(Kind::Remind) => reminders::remind(job, self.mailer()?).await,
            Some(Kind::MailAccount) => account_mails::send(job, self.mailer.as_deref(), self.app_url.as_deref()).await,
            None => Err(Error::internal(format!("this worker does not know jobs of the kind {}", job.kind))),
        }
    }
}

/// Returns when the job is no longer this worker's.
async fn lost(job: &Claimed) {
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.tick().await;
    loop {
        beat.tick().await;
        // While the database does not answer, nobody else can take the job either.
        if told(job.extend().await) == Some(false) {
            return;
        }
    }
}

/// Removes what nobody needs any more, in small steps.
async fn clean_up(job: &Claimed) -> Result<Finished> {
    const STEP: i32 = 5_000;
    loop {
        let tx = job.database.without_viewer().await?;
        let values: [Value; 2] = [tx.now().into(), STEP.into()];
        let steps = "SELECT bool_or(more) FROM (SELECT auth.clean_up($1, $2) UNION ALL SELECT auth.collect_sync($1, $2)
                     UNION ALL SELECT auth.collect_accounts($1, $2)) AS steps (more)";
        let more: bool = call(&tx, steps, values).await?.try_get_by_index(0)?;
        if !more {
            return job.finish(tx).await;
        }
        tx.commit().await?;
    }
}

/// Asks for a plan of every household that has one to make.
async fn schedule_plans(job: &Claimed) -> Result<Finished> {
    let tx = job.database.without_viewer().await?;
    let at = tx.now();
    call(&tx, "SELECT auth.schedule_plans($1)", [at.into()]).await?;
    job.finish(tx).await
}

/// Plans all routines of a household ahead, in one transaction.
async fn plan(job: &Claimed) -> Result<Finished> {
    let household = HouseholdId(job.about.parse().map_err(|_| Error::internal("a plan of no household"))?);
    let tx = job.viewer()?.write().await?;
    for routine in routines::list(&tx, household).await? {
        assignments::plan(&tx, household, routine.id, None, None).await?;
    }
    job.finish(tx).await
}

/// A job as an operator sees it.
#[derive(FromQueryResult)]
pub struct Listed {
    /// Identifies it.
    pub id: Uuid,
    /// What it does.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// "waiting", "running" or "dead".
    pub state: String,
    /// When it is due, or since when it is dead.
    pub at: DateTime<Utc>,
    /// How often it was tried since it last succeeded.
    pub attempts: i32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// All jobs, the dead ones first, in a transaction of [`crate::access::Maintenance`].
pub async fn list(tx: &Tx, dead_alone: bool) -> Result<Vec<Listed>> {
    let list = statement(
        "SELECT id, kind, key, CASE WHEN dead_at IS NOT NULL THEN 'dead' WHEN claim IS NOT NULL AND due_at > $1 THEN 'running' ELSE 'waiting' END AS state,
           coalesce(dead_at, due_at) AS at, attempts, last_error
         FROM jobs WHERE dead_at IS NOT NULL OR NOT $2 ORDER BY dead_at IS NULL, 5, id LIMIT 10000",
        [tx.now().into(), dead_alone.into()],
    );
    Ok(Listed::find_by_statement(list).all(tx).await?)
}

/// Gives a dead job another life, in a transaction of [`crate::access::Maintenance`]. Answers whether there is such a dead job.
/// Where a living one of its kind is about the same already, that one takes its place.
pub async fn retry(tx: &Tx, id: Uuid) -> Result<bool> {
    let retry = statement(
        "WITH dead AS (SELECT * FROM jobs WHERE id = $1 AND dead_at IS NOT NULL FOR UPDATE),
           superseded AS (DELETE FROM jobs j USING dead WHERE j.id = dead.id AND EXISTS (
             SELECT FROM jobs l WHERE l.kind = dead.kind AND l.key = dead.key AND l.dead_at IS NULL) RETURNING j.id),
           revived AS (UPDATE jobs j SET dead_at = NULL, claim = NULL, attempts = 0, due_at = $2 FROM dead
             WHERE j.id = dead.id AND NOT EXISTS (SELECT FROM jobs l WHERE l.kind = dead.kind AND l.key = dead.key AND l.dead_at IS NULL))
         SELECT FROM dead",
        [id.into(), tx.now().into()],
    );
    Ok(tx.query_one_raw(retry).await?.is_some())
}

/// What succeeded; what did not is in the log.
fn told<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!(error = error.for_log(), "the queue of jobs does not answer")).ok()
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

async fn call(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<QueryResult> {
    tx.query_one_raw(statement(sql, values)).await?.ok_or_else(|| Error::internal("a function without an answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_waits_longer_up_to_an_hour_and_as_long_as_was_asked() {
        let waits: Vec<_> = (1..=12).map(|attempt| delay(&Error::Timeout, attempt).unwrap().num_seconds()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]);
        let limited = |seconds| Error::RateLimited { retry_after: Duration::from_secs(seconds) };
        assert_eq!(delay(&limited(30), 1), Some(TimeDelta::seconds(30)));
        assert_eq!(delay(&limited(1), 3), Some(TimeDelta::seconds(40)));
        assert_eq!(delay(&limited(u64::MAX), 1), Some(LAST_RETRY));
    }

    #[test]
    fn what_would_come_to_the_same_is_not_tried_again() {
        for error in [Error::NotFound("household"), Error::invalid("x", "y"), Error::Forbidden(String::new())] {
            assert_eq!(delay(&error, 1), None, "{error}");
        }
    }
}
