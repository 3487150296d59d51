//! Requests that are safe to send again: the effect, and what was answered to it, are committed together under the key that the
//! client gave the request, so that a repetition finds both or neither.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use entity::idempotency_keys::{ActiveModel, Column, Entity};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};

use crate::{
    access::{Tx, Viewer},
    access_log::Reads,
    error::{Error, Result},
    input,
};

/// How long an answer is kept: a phone may have been offline for days.
pub const LIFETIME: TimeDelta = TimeDelta::days(7);

/// A request with a key, and how far it has come.
pub struct KeyedRequest {
    key: String,
    request: Vec<u8>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was done and waits for its answer to be committed with it.
    done: Option<Arc<Tx>>,
    /// What was answered before, and whose data that shows.
    before: Option<(String, Reads)>,
}

impl KeyedRequest {
    /// A request that its client calls `key`: 1 to 255 visible ASCII characters. `request` is everything that makes it this one.
    pub fn new(key: &str, request: &impl serde::Serialize) -> Result<Self> {
        if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::invalid("Idempotency-Key", "must have 1 to 255 visible ASCII characters, such as a UUID"));
        }
        Ok(Self { key: key.to_owned(), request: input::fingerprint(request)?, state: Mutex::default() })
    }

    /// The transaction in which the request is done. Committing it leaves it for [`KeyedRequest::keep`]. An error where the key was
    /// used before: then [`KeyedRequest::answered_before`] has the answer, if it was for the same request. Of several at once, the
    /// others wait for the first.
    pub async fn begin(self: &Arc<Self>, viewer: &Viewer) -> Result<Tx> {
        let mut tx = viewer.write().await?;
        let own = Column::UserId.eq(viewer.user_id());
        Entity::delete_many().filter(own.clone()).filter(Column::ExpiresAt.lte(tx.now())).exec(&tx).await?;
        let row = ActiveModel {
            user_id: Set(viewer.user_id()),
            key: Set(self.key.clone()),
            request: Set(self.request.clone()),
            expires_at: Set(tx.now() + LIFETIME),
            ..Default::default()
        };
        let insert = Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Key]);
        if input::created(&tx, insert).await?.is_some() {
            let request = self.clone();
            tx.leave_to(move |tx| request.state().done = Some(Arc::new(tx)));
            return Ok(tx);
        }
        let before = Entity::find_by_id((viewer.user_id(), self.key.clone())).one(&tx).await?;
        match before {
            Some(row) if row.request == self.request => {
                let reads = serde_json::from_value(row.reads).map_err(Error::stored_json)?;
                self.state().before = Some((row.answer, reads));
                Err(Error::conflict("this was done and answered before"))
            }
            Some(_) => Err(Error::conflict("this Idempotency-Key came with another request before: make a new key for each")),
            None => Err(Error::conflict("the same request is being worked on: send it again")),
        }
    }

    /// The transaction that was done and waits: what the answer shows is read in it.
    pub fn done(&self) -> Option<Arc<Tx>> {
        self.state().done.clone()
    }

    /// What was answered to this request before, and whose data that shows. Taken once.
    pub fn answered_before(&self) -> Option<(String, Reads)> {
        self.state().before.take()
    }

    /// Commits what was done together with its answer and the log of whose data it shows. Nothing was done: nothing is kept.
    pub async fn keep(&self, answer: &str, reads: &Reads) -> Result<()> {
        let Some(tx) = self.state().done.take() else { return Ok(()) };
        reads.write(&tx).await?;
        let reads = serde_json::to_value(reads).map_err(|error| Error::Internal(error.into()))?;
        Entity::update_many()
            .col_expr(Column::Answer, Expr::value(answer))
            .col_expr(Column::Reads, Expr::value(reads))
            .filter(Column::UserId.eq(tx.viewer()?))
            .filter(Column::Key.eq(self.key.clone()))
            .exec(&*tx)
            .await?;
        tx.end().await
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
