//! What the engine needs of whatever keeps the rows: PostgreSQL, and for the proof of the engine a store in memory that is held to it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
};

use chrono::{DateTime, Utc};
use entity::id::UserId;
use uuid::Uuid;

use super::{
    FeedRow, PageSize,
    clock::Clock,
    collection::{Collection, Context, Named},
    merge::{Decision, Mutation, Row},
};
use crate::error::Result;

/// Rows by collection and id.
pub type Names = BTreeSet<(String, Uuid)>;

/// A part of a person's feed, and how the feed stands at that moment.
#[derive(Clone, Debug)]
pub struct FeedSlice {
    /// Its rows, the first however large it is.
    pub rows: Vec<FeedRow>,
    /// Whether there are more.
    pub has_more: bool,
    /// The history: a restored backup begins another one.
    pub epoch: Uuid,
    /// Up to which number deleted rows may have been forgotten.
    pub tombstone_floor: i64,
    /// A number for what the viewer is shown of the person's rows, another one after each change of that; 0 for the viewer's own feed.
    pub shown: i64,
}

/// A mutation that was decided before.
#[derive(Clone, Debug)]
pub struct Decided {
    /// Its id.
    pub id: Uuid,
    /// Its fingerprint: the same id with another one is a mistake.
    pub request: Vec<u8>,
    /// What became of it.
    pub decision: Decision,
}

/// What is not in the rows, or not all of it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// By which its writer names it.
    pub id: Uuid,
    /// Its fingerprint: it is kept once, however often it comes.
    pub request: Vec<u8>,
    /// What was written.
    pub mutation: Mutation,
    /// What became of it.
    pub decision: Decision,
}

/// What was written to a row that was not complete.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// By which its writer names it.
    pub id: Uuid,
    /// What was written.
    pub mutation: Mutation,
}

/// A transaction of one viewer. Dropped without [`Store::commit`], it leaves nothing behind.
pub trait Store: Send + Sync {
    /// Who asks.
    fn viewer(&self) -> Result<UserId>;
    /// The current instant.
    fn now(&self) -> DateTime<Utc>;
    /// A new id.
    fn new_id(&self) -> Uuid;
    /// The first rows that have greater numbers, in their order, of these collections; of all when none is named.
    fn rows_after(
        &self,
        person: UserId,
        number: i64,
        collections: &[&str],
        most: PageSize,
    ) -> impl Future<Output = Result<FeedSlice>> + Send;
    /// The types of access by which the viewer writes for somebody else.
    fn writable_types(&self, person: UserId) -> impl Future<Output = Result<Vec<String>>> + Send;
    /// What became of those of the viewer's mutations that came before.
    fn decided(&self, ids: &[Uuid]) -> impl Future<Output = Result<HashMap<Uuid, Decided>>> + Send;
    /// What the viewer wrote before to those rows that were not complete then, in the order in which it came.
    fn unfinished(&self, person: UserId, rows: &[Uuid]) -> impl Future<Output = Result<Vec<Unfinished>>> + Send;
    /// The rows of these ids that exist, which nobody else writes until this transaction ends.
    fn load(&self, person: UserId, collection: &Collection, ids: &[Uuid]) -> impl Future<Output = Result<Vec<(Uuid, Row)>>> + Send;
    /// What the rules need to know beside the rows.
    fn context(&self, person: UserId, named: &Named) -> impl Future<Output = Result<Context>> + Send;
    /// Writes rows of a collection.
    fn write(&self, person: UserId, collection: &Collection, rows: &BTreeMap<Uuid, Row>) -> impl Future<Output = Result<()>> + Send;
    /// Numbers what was written, with the clocks that the device gave it; `seen` is the latest of them.
    fn log(
        &self,
        person: UserId,
        client: &str,
        seen: &Clock,
        written: &BTreeMap<&'static str, BTreeMap<Uuid, Row>>,
    ) -> impl Future<Output = Result<()>> + Send;
    /// Remembers what became of the viewer's mutations.
    fn remember(&self, decided: &[Decided]) -> impl Future<Output = Result<()>> + Send;
    /// Keeps what the viewer wrote and what is not in the rows.
    fn keep(&self, person: UserId, client: &str, kept: &[Kept]) -> impl Future<Output = Result<()>> + Send;
    /// Keeps these no longer.
    fn forget(&self, kept: &[Uuid]) -> impl Future<Output = Result<()>> + Send;
    /// The rows of these names that exist, as they are now.
    fn rows(&self, person: UserId, names: &Names) -> impl Future<Output = Result<Vec<FeedRow>>> + Send;
    /// Makes it last.
    fn commit(self) -> impl Future<Output = Result<()>> + Send;
}
