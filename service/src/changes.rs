//! Changes: whoever waits for news of a person or a household is woken when something of theirs changed, whichever server changed it.
//!
//! Triggers count each change and call out whose it was (NOTIFY), and one connection per process listens. A call can be missed:
//! the connection breaks, or a pooler swallows it. So every few seconds one statement asks for the numbers behind all that is
//! awaited, and whatever has another number than before has news. Being woken says nothing more than "look again": whoever waits
//! reads under the policies what has become of it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use entity::id::{HouseholdId, RoutineId, UserId};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};
use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, sleep},
};
use uuid::Uuid;

use crate::{
    access::{Database, Tx, Viewer},
    error::{Error, Result},
};

const CHANNEL: &str = "changes";
const ASK_EVERY: Duration = Duration::from_secs(3);
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// How often a waiting viewer looks at the clock, which a suspended machine or an operator may have moved.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(5);

/// Whom one can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// A person: oneself, or a relative.
    Person(UserId),
    /// A household of one's own, with its routines.
    Household(HouseholdId),
}

impl Followed {
    fn id(self) -> Uuid {
        match self {
            Self::Person(id) => id.0,
            Self::Household(id) => id.0,
        }
    }

    /// That there is nothing to see. Not one's own to see and not there answer alike.
    pub fn unseen(self) -> Error {
        match self {
            Self::Person(_) => Error::NotFound("person who shares this"),
            Self::Household(_) => Error::NotFound("household of yours, or routine of it,"),
        }
    }
}

/// What is awaited in this process: persons, households and sessions, by their ids.
#[derive(Default)]
pub(crate) struct Changes {
    awaited: Mutex<Awaited>,
    missed: Notify,
}

#[derive(Default)]
struct Awaited {
    ids: HashMap<Uuid, Topic>,
    /// Whether the task that listens runs. It ends when nothing is awaited.
    listening: bool,
}

struct Topic {
    /// Whose session it is; persons and households are their own.
    owner: Uuid,
    /// What the last question answered; `None` before the first.
    number: watch::Sender<Option<i64>>,
}

/// Waits for news of one person, household or session.
pub struct News(watch::Receiver<Option<i64>>);

impl News {
    /// Of this person or household. What changes from now on is not missed.
    pub async fn of(database: &Database, followed: Followed) -> Self {
        let mut news = Self::about(database, followed.id(), followed.id());
        news.number().await;
        news
    }

    fn about(database: &Database, owner: Uuid, id: Uuid) -> Self {
        let mut awaited = database.changes().awaited();
        let topic = awaited.ids.entry(id).or_insert_with(|| {
            // All that are new by then are asked for at once.
            database.changes().missed.notify_one();
            Topic { owner, number: watch::Sender::new(None) }
        });
        let news = Self(topic.number.subscribe());
        if !std::mem::replace(&mut awaited.listening, true) {
            let database = database.for_itself();
            tokio::spawn(async move { database.changes().tell(&database).await });
        }
        news
    }

    /// The number that makes later ones news. Whoever waits for it before looking sees what came before it.
    async fn number(&mut self) -> i64 {
        let number = self.0.wait_for(Option::is_some).await.ok().and_then(|number| *number);
        match number {
            Some(number) => number,
            None => std::future::pending().await,
        }
    }

    /// Comes back when there may be news. However many there were meanwhile, it comes back once.
    pub async fn come(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

impl Changes {
    fn awaited(&self) -> MutexGuard<'_, Awaited> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever has news, until nobody waits any more or the database is closed.
    async fn tell(&self, database: &Database) {
        tokio::select! {
            () = self.listen(database) => {}
            () = self.ask(database) => {}
            () = database.closed() => {}
        }
    }

    async fn listen(&self, database: &Database) {
        loop {
            match self.hear(database).await {
                error @ Error::Unavailable { .. } => {
                    tracing::warn!(error = error.for_log(), "cannot listen for changes; asking for them instead");
                }
                error => tracing::error!(error = error.for_log(), "cannot listen for changes; asking for them instead"),
            }
            sleep(LISTEN_AGAIN).await;
        }
    }

    /// Wakes whoever is called, until listening fails.
    async fn hear(&self, database: &Database) -> Error {
        let mut listener = match database.listen(CHANNEL).await {
            Ok(listener) => listener,
            Err(error) => return error,
        };
        loop {
            // What was called out before is missed.
            self.missed.notify_one();
            loop {
                match listener.try_recv().await {
                    Ok(Some(call)) => self.wake(call.payload()),
                    // The connection broke, and is there again.
                    Ok(None) => break,
                    Err(error) => return Error::Unavailable { retry_after: LISTEN_AGAIN, source: error.into() },
                }
            }
        }
    }

    fn wake(&self, id: &str) {
        if let Ok(id) = id.parse::<Uuid>()
            && let Some(topic) = self.awaited().ids.get(&id)
        {
            topic.number.send_modify(|_| {});
        }
    }

    /// Asks again and again, until nobody waits any more.
    async fn ask(&self, database: &Database) {
        let mut ticks = interval(ASK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.missed.notified() => {}
            }
            let Some((owners, ids)) = self.still_awaited() else { return };
            match numbers(database, owners, ids).await {
                Ok(numbers) => self.compare(numbers),
                Err(error) => tracing::debug!(error = error.for_log(), "cannot ask for changes"),
            }
        }
    }

    /// The owners and ids of what is awaited; when that is nothing, nobody listens any more.
    fn still_awaited(&self) -> Option<(Vec<Uuid>, Vec<Uuid>)> {
        let mut awaited = self.awaited();
        awaited.ids.retain(|_, topic| topic.number.receiver_count() > 0);
        if awaited.ids.is_empty() {
            awaited.listening = false;
            return None;
        }
        Some(awaited.ids.iter().map(|(id, topic)| (topic.owner, *id)).unzip())
    }

    fn compare(&self, numbers: Vec<(Uuid, i64)>) {
        let awaited = self.awaited();
        for (id, number) in numbers {
            if let Some(topic) = awaited.ids.get(&id) {
                topic.number.send_if_modified(|known| known.replace(number) != Some(number));
            }
        }
    }
}

async fn numbers(database: &Database, owners: Vec<Uuid>, ids: Vec<Uuid>) -> Result<Vec<(Uuid, i64)>> {
    let tx = database.without_viewer().await?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, number FROM auth.change_numbers($1::uuid[], $2::uuid[])",
        [owners.into(), ids.into()],
    );
    let rows = tx.query_all_raw(statement).await?;
    Ok(rows
        .iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect::<std::result::Result<_, sea_orm::DbErr>>()?)
}

/// A number that grows with each change of this person's data that the viewer may see.
pub async fn count(tx: &Tx, person: UserId) -> Result<i64> {
    sum(tx, "SELECT coalesce(sum(number), 0)::bigint FROM change_counts WHERE user_id = $1", [person.0.into()]).await
}

/// The same of one of the viewer's households: of all its routines, or of one of them and what concerns all.
pub async fn count_in_household(tx: &Tx, household: HouseholdId, routine: Option<RoutineId>) -> Result<i64> {
    let sql = "SELECT coalesce(sum(number), 0)::bigint FROM household_change_counts
               WHERE household_id = $1 AND ($2::uuid IS NULL OR routine_id IS NULL OR routine_id = $2)";
    sum(tx, sql, [household.0.into(), routine.map(|id| id.0).into()]).await
}

async fn sum(tx: &Tx, sql: &str, values: impl IntoIterator<Item = Value>) -> Result<i64> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| Error::internal("a sum without a row"))?;
    Ok(row.try_get_by_index(0)?)
}

/// Comes back when the viewer may not act any more: the access token has run out or the session has ended.
pub async fn signed_out(viewer: &Viewer) {
    let (Some(session), Some(expires_at)) = (viewer.session_id(), viewer.expires_at()) else {
        // Whoever has no session cannot lose it.
        return std::future::pending().await;
    };
    let mut news = News::about(viewer.database(), viewer.user_id().0, session.0);
    let (mut known, mut doubtful) = (false, false);
    loop {
        let left = (expires_at - viewer.database().now()).to_std().unwrap_or_default();
        if left.is_zero() {
            return;
        }
        // A session that lives has the number 1.
        let ended = async {
            if known {
                news.come().await;
            }
            known || news.number().await == 0
        };
        tokio::select! {
            ended = ended => (known, doubtful) = (true, doubtful || ended),
            () = sleep(left.min(LOOK_AT_CLOCK)) => {}
        }
        if doubtful {
            match viewer.read().await {
                Ok(_) => doubtful = false,
                Err(Error::Unauthenticated(_)) => return,
                // The database does not answer: it is asked again.
                Err(_) => {}
            }
        }
    }
}
