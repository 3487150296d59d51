//! Changes: whoever waits for news of a person is woken when something of theirs changed, whichever server changed it.
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

use entity::id::UserId;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
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

/// What is awaited in this process: persons and sessions, by their ids.
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
    /// Whose session it is; a person is their own.
    owner: Uuid,
    news: watch::Sender<()>,
    /// What the last question answered.
    number: Option<i64>,
}

/// Waits for news of one person or session.
pub struct News(watch::Receiver<()>);

impl News {
    /// Of this person. What changes from now on is not missed.
    pub fn of(database: &Database, person: UserId) -> Self {
        Self::about(database, person.0, person.0)
    }

    fn of_session(viewer: &Viewer) -> Self {
        Self::about(viewer.database(), viewer.user_id().0, viewer.session_id().0)
    }

    fn about(database: &Database, owner: Uuid, id: Uuid) -> Self {
        let mut awaited = database.changes().awaited();
        let topic = awaited.ids.entry(id).or_insert_with(|| Topic { owner, news: watch::Sender::new(()), number: None });
        let news = Self(topic.news.subscribe());
        if !std::mem::replace(&mut awaited.listening, true) {
            let database = database.clone();
            tokio::spawn(async move { database.changes().tell(&database).await });
        }
        news
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
                Error::Unavailable { source, .. } => tracing::warn!(error = %source, "cannot listen for changes; asking for them instead"),
                error => tracing::error!(%error, "cannot listen for changes; asking for them instead"),
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
            topic.news.send_replace(());
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
                Err(error) => tracing::debug!(%error, "cannot ask for changes"),
            }
        }
    }

    /// The owners and ids of what is awaited; when that is nothing, nobody listens any more.
    fn still_awaited(&self) -> Option<(Vec<Uuid>, Vec<Uuid>)> {
        let mut awaited = self.awaited();
        awaited.ids.retain(|_, topic| topic.news.receiver_count() > 0);
        if awaited.ids.is_empty() {
            awaited.listening = false;
            return None;
        }
        Some(awaited.ids.iter().map(|(id, topic)| (topic.owner, *id)).unzip())
    }

    fn compare(&self, numbers: Vec<(Uuid, i64)>) {
        let mut awaited = self.awaited();
        for (id, number) in numbers {
            if let Some(topic) = awaited.ids.get_mut(&id)
                && topic.number.replace(number) != Some(number)
            {
                topic.news.send_replace(());
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
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT coalesce(sum(number), 0)::bigint FROM change_counts WHERE user_id = $1",
        [person.0.into()],
    );
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| Error::internal("a sum without a row"))?;
    Ok(row.try_get_by_index(0)?)
}

/// Comes back when the viewer may not act any more: the access token has run out or the session has ended.
pub async fn signed_out(viewer: &Viewer) {
    let mut news = News::of_session(viewer);
    let mut doubtful = false;
    loop {
        let left = (viewer.expires_at() - viewer.database().now()).to_std().unwrap_or_default();
        if left.is_zero() {
            return;
        }
        tokio::select! {
            () = news.come() => doubtful = true,
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
