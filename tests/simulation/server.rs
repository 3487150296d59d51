//! What devices and the judges of a simulation ask of a server, in memory or over PostgreSQL.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::id::UserId;
use serde_json::Value;
use service::{
    error::Result,
    sync::{Cursor, FeedPage, FeedRow, Push, Receipt, collection::Document, merge::Mutation},
};
use uuid::Uuid;

/// By how much the numbers of a restored backup jump.
pub const JUMP: i64 = 1 << 20;

/// A row of the log.
#[derive(Debug, PartialEq)]
pub struct Change {
    pub number: i64,
    pub first_number: i64,
    pub collection: String,
    pub id: Uuid,
    /// Value and clock by column.
    pub cells: BTreeMap<String, (Value, String)>,
    pub client: String,
}

/// All that a server holds of a person.
pub struct Space {
    pub head: i64,
    pub change_floor: i64,
    pub rows: Vec<Arc<FeedRow>>,
    /// Those after the number that was asked for.
    pub changes: Vec<Arc<Change>>,
    /// Whether the digests are those of the rows.
    pub digests_agree: bool,
}

/// The type of access by which a relative reads and writes a collection.
pub fn access_of(collection: &str) -> Option<&'static str> {
    match collection {
        "measurements" => Some("checkin"),
        "noots" => Some("organiser"),
        _ => None,
    }
}

/// A write of a measurement by an ordinary mutation.
#[derive(Clone, Debug)]
pub enum Ordinary {
    Record { id: Uuid, written: Document },
    Change { id: Uuid, written: Document },
    Delete { id: Uuid },
}

impl Ordinary {
    pub fn id(&self) -> Uuid {
        match self {
            Self::Record { id, .. } | Self::Change { id, .. } | Self::Delete { id } => *id,
        }
    }
}

/// A server, and what only its operator sees.
pub trait Server {
    type Backup;

    /// Applies what a device pushed, perhaps in a transaction that takes its time.
    async fn push(&self, viewer: UserId, push: Push, slowly: bool) -> Result<Vec<Receipt>>;
    /// The same, and dies before the commit.
    async fn crash_in(&self, viewer: UserId, push: Push);
    async fn page(&self, viewer: UserId, person: UserId, after: Option<Cursor>, limit: u32) -> Result<FeedPage>;
    async fn write(&self, viewer: UserId, person: UserId, write: &Ordinary) -> Result<()>;
    /// Lets a relative read and write what belongs to a type of access, or no longer.
    async fn share(&self, grantor: UserId, grantee: UserId, access: &'static str, shared: bool);
    async fn collect_tombstones(&self, person: UserId, up_to: i64);
    async fn collect_changes(&self, person: UserId, up_to: i64);
    /// What it holds of a person, with the changes after a number.
    async fn space(&self, person: UserId, after: i64) -> Space;
    /// Whether the writer finds this among what is not in the rows.
    async fn keeps(&self, viewer: UserId, mutation: &Mutation) -> bool;
    async fn backup(&self) -> Self::Backup;
    /// Goes back to a backup, which begins another history.
    async fn restore(&self, backup: &Self::Backup);
    fn set_now(&self, now: DateTime<Utc>);
}
