//! A device: what it holds, what it has not sent yet, and a clock that need not be right.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use entity::id::UserId;
use service::sync::{
    Cursor, FeedPage, FeedRow, Receipt,
    clock::{Clock, LAST_COUNTER},
    collection::{DELETED, Document},
    merge::{Mutation, Outcome, Rejection, Write},
};
use uuid::Uuid;

use super::{planted::Planted, script::Kind};

/// A row's collection and id.
pub type Name = (String, Uuid);

/// How a device tells what it wrote.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Codec {
    /// The columns that changed, with clocks.
    Cells,
    /// As Talon does: a new row cell by cell, each with a clock of its own, and not always in order.
    Messages,
    /// As RxDB does: the row that was assumed and the row that it became.
    Replace,
}

pub struct Device {
    pub owner: UserId,
    pub codec: Codec,
    /// Whether its app knows nothing of some columns and collections.
    pub older: bool,
    /// By how much its wall clock is wrong.
    pub skew: TimeDelta,
    /// Where its wall clock stands still.
    pub frozen: Option<DateTime<Utc>>,
    pub online: bool,
    /// Counts its starts: an answer to an earlier one is for nobody.
    pub start: u32,
    pub state: State,
    persisted: State,
    backup: Option<State>,
    /// Whose feeds it was told to read.
    pub woken: Vec<UserId>,
    planted: Option<Planted>,
}

/// What a device writes to its disk.
#[derive(Clone)]
pub struct State {
    /// What it calls itself in clocks: another name after it was restored, for it does not know what it has written since.
    pub node: String,
    pub clock: Option<Clock>,
    pub replicas: BTreeMap<UserId, Replica>,
}

/// What a device holds of a person.
#[derive(Clone, Default)]
pub struct Replica {
    pub cursor: Option<Cursor>,
    pub rows: BTreeMap<Name, Arc<FeedRow>>,
    /// What it wrote and has no answer to.
    pub pending: Vec<Arc<Mutation>>,
    /// What has come so far of a feed that it reads anew, and whether the history is another one.
    rebuilding: Option<(BTreeMap<Name, Arc<FeedRow>>, bool)>,
    /// Whether it has read to the end since it is connected, before which it sends nothing.
    pub ready: bool,
}

impl Device {
    pub fn new(index: usize, owner: UserId, Kind { codec, older, .. }: Kind, planted: Option<Planted>) -> Self {
        let state = State { node: format!("device-{index}"), clock: None, replicas: BTreeMap::from([(owner, Replica::default())]) };
        Self {
            owner,
            codec,
            older,
            skew: TimeDelta::zero(),
            frozen: None,
            online: true,
            start: 0,
            persisted: state.clone(),
            state,
            backup: None,
            woken: Vec::new(),
            planted,
        }
    }

    fn wall(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.frozen.unwrap_or(now) + self.skew
    }

    /// A clock for what it writes now.
    pub fn tick(&mut self, now: DateTime<Utc>) -> Clock {
        let clock = Clock::after(self.state.clock.as_ref(), self.wall(now), &self.state.node);
        self.state.clock = Some(clock.clone());
        clock
    }

    /// All but uses up the counter of its clock.
    pub fn exhaust(&mut self, now: DateTime<Utc>) {
        let clock = self.state.clock.take().unwrap_or_else(|| Clock::after(None, self.wall(now), &self.state.node));
        self.state.clock = Some(Clock { counter: clock.counter.max(LAST_COUNTER - 1), ..clock });
    }

    fn see(&mut self, row: &FeedRow, now: DateTime<Utc>) {
        let clocks = row.clocks.as_object().into_iter().flat_map(|clocks| clocks.values());
        // The text of a clock sorts as the clock does.
        let Some(latest) = clocks.filter_map(|clock| clock.as_str()).max().map(|clock| clock.parse::<Clock>().unwrap()) else { return };
        let wall = self.wall(now);
        let last = self.state.clock.take().unwrap_or_else(|| Clock::after(None, wall, &self.state.node));
        self.state.clock = Some(if latest > last { Clock::receiving(&last, &latest, wall) } else { last });
    }

    pub fn persist(&mut self) {
        self.persisted = self.state.clone();
        if self.planted == Some(Planted::ClockNotPersisted) {
            self.persisted.clock = None;
        }
    }

    /// Starts again with what is on its disk.
    pub fn crash(&mut self) {
        self.state = self.persisted.clone();
        self.disconnect();
    }

    pub fn back_up(&mut self) {
        self.backup = Some(self.persisted.clone());
    }

    /// Starts with what a backup held, where there is one. Answers what it had not sent and does not know of any more.
    pub fn restore(&mut self) -> Option<Vec<Uuid>> {
        let backup = self.backup.clone()?;
        let pending = |state: &State| -> Vec<Uuid> {
            state.replicas.values().flat_map(|replica| &replica.pending).filter_map(|mutation| mutation.id).collect()
        };
        let known = pending(&backup);
        let forgotten = pending(&self.state).into_iter().filter(|id| !known.contains(id)).collect();
        self.state = backup;
        self.rename();
        self.persist();
        self.disconnect();
        Some(forgotten)
    }

    fn rename(&mut self) {
        self.start += 1;
        let first = self.state.node.split('.').next().unwrap_or_default();
        self.state.node = format!("{first}.{}", self.start);
        self.state.clock = None;
    }

    /// Whatever is under way does not arrive, and it reads before it sends.
    pub fn disconnect(&mut self) {
        self.start += 1;
        self.woken.clear();
        for replica in self.state.replicas.values_mut() {
            replica.ready = false;
        }
    }

    /// A row as it shows it: what it holds, and what it wrote since over it.
    pub fn view(&self, person: UserId, name: &Name) -> Option<Document> {
        let replica = self.state.replicas.get(&person)?;
        let mut shown = replica.rows.get(name).map(|row| row.written());
        for mutation in replica.pending.iter().filter(|mutation| (&mutation.collection, &mutation.row) == (&name.0, &name.1)) {
            match &mutation.write {
                Write::Cells(cells) => {
                    let shown = shown.get_or_insert_default();
                    shown.extend(cells.iter().map(|(column, cell)| (column.clone(), cell.value.clone())));
                }
                Write::Replace { new, .. } => shown = Some(new.clone()),
            }
        }
        if let Some(shown) = &mut shown {
            shown.entry(DELETED).or_insert(false.into());
        }
        shown
    }

    /// Whether its app knows a collection.
    fn knows(&self, collection: &str) -> bool {
        !self.older || collection != "noots"
    }

    /// Leaves out the columns that its app does not know.
    pub fn known(&self, mut document: Document) -> Document {
        if self.older {
            document.remove("time_zone");
        }
        document
    }

    /// Its rows, as it shows them, by whether they are deleted.
    pub fn names(&self, person: UserId, deleted: bool) -> Vec<Name> {
        let Some(replica) = self.state.replicas.get(&person) else { return Vec::new() };
        let written = replica.pending.iter().map(|mutation| (mutation.collection.clone(), mutation.row));
        let mut names: Vec<Name> = replica.rows.keys().cloned().chain(written).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| self.knows(&name.0) && self.view(person, name).is_some_and(|row| row[DELETED] == deleted));
        names
    }

    /// From where it reads.
    pub fn cursor(&self, person: UserId) -> Option<Cursor> {
        if self.planted == Some(Planted::SharedCursor) {
            return self.state.replicas.values().filter_map(|replica| replica.cursor).max_by_key(|cursor| cursor.number);
        }
        self.state.replicas.get(&person)?.cursor
    }

    /// Takes over a page that was read from `asked`. Answers what it gives up: edits of rows that are gone.
    pub fn read(&mut self, person: UserId, asked: Option<Cursor>, page: &FeedPage, now: DateTime<Utc>) -> Vec<Uuid> {
        for row in &page.rows {
            self.see(row, now);
        }
        let replica = self.state.replicas.entry(person).or_default();
        if page.resync {
            let another_history = asked.is_some_and(|asked| asked.epoch != page.cursor.epoch);
            replica.rebuilding = Some((BTreeMap::new(), another_history));
            replica.ready = false;
            // Answers that are under way are about rows as they were.
            self.start += 1;
        }
        let rows = page.rows.iter().map(|row| ((row.collection.clone(), row.id), Arc::new(row.clone())));
        match &mut replica.rebuilding {
            Some((fresh, _)) => fresh.extend(rows),
            None => {
                for (name, row) in rows {
                    if replica.rows.get(&name).is_none_or(|known| known.number < row.number) {
                        replica.rows.insert(name, row);
                    }
                }
            }
        }
        replica.cursor = Some(page.cursor);
        if page.has_more {
            return Vec::new();
        }
        replica.ready = true;
        let Some((fresh, another_history)) = replica.rebuilding.take() else { return Vec::new() };
        let before = std::mem::replace(&mut replica.rows, fresh);
        if another_history {
            // What the backup did not hold is written again by whoever had not heard that it was kept.
            return Vec::new();
        }
        let (gone, pending) = std::mem::take(&mut replica.pending).into_iter().partition::<Vec<_>, _>(|mutation| {
            let name = (mutation.collection.clone(), mutation.row);
            before.contains_key(&name) && !replica.rows.contains_key(&name)
        });
        replica.pending = pending;
        gone.into_iter().filter_map(|mutation| mutation.id).collect()
    }

    /// Takes over an answer.
    pub fn settle(&mut self, person: UserId, sent: &[Arc<Mutation>], receipts: &[Receipt], now: DateTime<Utc>) {
        for row in receipts.iter().filter_map(|receipt| receipt.row.as_ref()) {
            self.see(row, now);
        }
        let Some(replica) = self.state.replicas.get_mut(&person) else { return };
        if self.planted == Some(Planted::QueueCleared) {
            replica.pending.clear();
        }
        replica.pending.retain(|pending| !sent.iter().any(|sent| sent.id == pending.id));
        for row in receipts.iter().filter_map(|receipt| receipt.row.as_ref()) {
            let name = (row.collection.clone(), row.id);
            if replica.rebuilding.is_none() && replica.rows.get(&name).is_none_or(|known| known.number < row.number) {
                replica.rows.insert(name, Arc::new(row.clone()));
            }
        }
        let skewed = |receipt: &Receipt| matches!(receipt.decision.outcome, Outcome::Rejected { code: Rejection::ClockSkew, .. });
        if receipts.iter().any(skewed) {
            // Its clock would be refused until the time has come: it begins another one.
            self.rename();
        }
    }
}
