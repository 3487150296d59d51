//! Merging: what becomes of rows when writes arrive late, twice, out of order and from devices that knew nothing of each other.
//!
//! Pure: rows and writes go in, rows and outcomes come out. The later clock decides each group of columns, so the order of arrival
//! does not matter; being deleted is a register of its own, so a later edit does not bring a row back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use entity::id::UserId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{
    clock::{Clock, GREATEST_SKEW, TOLERATED_SKEW},
    collection::{Clocks, Collection, Column, Context, DELETED, Deletion, Document, Draft, Group},
};
use crate::{error::Error, input};

/// The node of Hale's own clocks.
pub const SERVER: &str = "hale";

/// What a device wrote to one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mutation {
    /// By which a repetition is known; `None` where the write itself is safe to repeat.
    pub id: Option<Uuid>,
    /// Which table.
    pub collection: String,
    /// Which row.
    pub row: Uuid,
    /// What.
    pub write: Write,
}

/// What was written, and what decides when somebody else wrote the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// These columns, each at its time. The later clock wins; the same clock is the same write. Whoever writes part of a group takes the
    /// rest of it as it is when the write arrives: to be the same in every order of arrival, write groups whole.
    Cells(BTreeMap<String, Cell>),
    /// A whole row, by a device that took it for `assumed` until then. What it changed wins where nobody else has changed it.
    Replace {
        /// What the device knew; `None` when it made the row.
        assumed: Option<Document>,
        /// What it made of it.
        new: Document,
    },
}

/// A value and when it was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The value.
    pub value: Value,
    /// When.
    pub clock: Clock,
    /// The id of the message that it came by.
    pub message: Option<String>,
}

/// A row as the engine keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its columns; `None` before it is made.
    pub document: Option<Document>,
    /// When its groups were written.
    pub clocks: Clocks,
    /// Whether it is deleted.
    pub deleted: bool,
    /// The clocks of this batch, by group.
    pub written: Clocks,
    /// The ids of this batch's messages, by column.
    pub messages: BTreeMap<String, String>,
    /// Whether this batch makes it.
    pub made: bool,
}

/// What became of a mutation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Outcome {
    /// All of it is the newest there is.
    Applied,
    /// Some of it is; these columns had been written later, or by somebody else.
    Merged {
        /// The columns that stayed as they were.
        lost: Vec<String>,
    },
    /// It was there before.
    Duplicate,
    /// None of it is: these columns had been written later, or by somebody else.
    Conflict {
        /// The columns that stayed as they were.
        lost: Vec<String>,
    },
    /// It cannot be: nothing changed.
    Rejected {
        /// Why, for programs.
        code: Rejection,
        /// Which column, or another field of the mutation.
        field: String,
        /// What would be right, for people.
        message: String,
    },
}

impl Outcome {
    /// As it is stored and counted.
    pub(crate) fn status(&self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Merged { .. } => "merged",
            Self::Duplicate => "duplicate",
            Self::Conflict { .. } => "conflict",
            Self::Rejected { .. } => "rejected",
        }
    }
}

/// Why a mutation was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// A value cannot be, alone or with the rest of the row.
    Invalid,
    /// The row is not complete yet. It is tried again with the next write to the row.
    Incomplete,
    /// It refers to something that is not there, or not the writer's to know about.
    NotFound,
    /// The device's clock is more than a day ahead.
    ClockSkew,
    /// The collection or column is unknown, or not for clients to write.
    NotWritable,
    /// The id is taken by something else.
    Conflict,
}

/// The outcome of a mutation, and whether its clocks were set back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Whether the device's clock was more than five minutes ahead, so that the server's was taken instead.
    pub clock_skew: bool,
}

/// The rows that a batch touches, and the clock that goes with them.
pub struct Batch<'a> {
    /// Whose rows.
    pub person: UserId,
    /// The device that wrote it.
    pub client: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
    /// What the rules need to know.
    pub context: &'a Context,
    /// The latest clock seen; it moves on.
    pub clock: Clock,
    /// The rows by collection and id, those that do not exist yet included or not.
    pub rows: HashMap<(&'static str, Uuid), Row>,
}

impl Batch<'_> {
    /// Applies a mutation to the rows. A rejected one changes nothing.
    pub fn apply(&mut self, collection: &'static Collection, mutation: &Mutation) -> Decision {
        let clock_skew = match self.skew(&mutation.write) {
            Ok(skewed) => skewed,
            Err(refused) => return Decision { outcome: refused.into(), clock_skew: true },
        };
        let outcome = match &mutation.write {
            Write::Cells(cells) => self.apply_cells(collection, mutation.row, cells, clock_skew),
            Write::Replace { assumed, new } => self.apply_replace(collection, mutation.row, assumed.as_ref(), new),
        };
        Decision { outcome: outcome.unwrap_or_else(Outcome::from), clock_skew }
    }

    /// Whether a clock is too far ahead to be kept; refused when it is too far to be believed.
    pub fn skew(&self, write: &Write) -> Result<bool, Refused> {
        let Write::Cells(cells) = write else { return Ok(false) };
        let ahead = cells.values().map(|cell| cell.clock.ahead_of(self.now)).max().unwrap_or_default();
        if ahead > GREATEST_SKEW {
            let message = format!("the clock of this device is more than a day ahead: it is {}", self.now.to_rfc3339());
            return Err(Refused { code: Rejection::ClockSkew, field: "clock".to_owned(), message });
        }
        Ok(ahead > TOLERATED_SKEW)
    }

    /// The next clock of the server, later than whatever was written to the row.
    fn tick(&mut self, row: &Row) -> Clock {
        let last = row.clocks.values().chain([&self.clock]).max().cloned();
        self.clock = Clock::after(last.as_ref(), self.now, SERVER);
        self.clock.clone()
    }

    /// By which a write is known as this device's, made of what it took the group for: the device does not conflict with itself when it
    /// writes again before it has heard what became of that.
    fn node(&self, group: &Group, had: Option<&BTreeMap<&str, Value>>) -> Result<String, Error> {
        let made = input::fingerprint(&(self.client, group.name, had))?;
        Ok(made[..8].iter().fold(format!("{SERVER}~"), |node, byte| format!("{node}{byte:02x}")))
    }

    fn apply_cells(
        &mut self,
        collection: &'static Collection,
        id: Uuid,
        cells: &BTreeMap<String, Cell>,
        skewed: bool,
    ) -> Result<Outcome, Refused> {
        let mut row = self.rows.get(&(collection.name, id)).cloned().unwrap_or_default();
        let mut by_group: BTreeMap<&'static str, Vec<(&'static str, Value, &Cell)>> = BTreeMap::new();
        for (name, cell) in cells {
            if name == DELETED {
                deletable(collection)?;
                let Value::Bool(_) = cell.value else { return Err(Error::invalid(DELETED, "must be true or false").into()) };
                by_group.entry(DELETED).or_default().push((DELETED, cell.value.clone(), cell));
                continue;
            }
            let (group, column) = writable(collection, name)?;
            by_group.entry(group.name).or_default().push((column.name, column.kind.read(name, &cell.value)?, cell));
        }
        let back = skewed.then(|| self.tick(&row));
        let mut draft = self.draft(&row, id);
        let (mut lost, mut known, mut applied, mut newest) = (Vec::new(), true, false, self.clock.clone());
        for (group, cells) in by_group {
            let Some(latest) = cells.iter().map(|(_, _, cell)| &cell.clock).max() else { continue };
            let clock = match &back {
                Some(back) if latest.ahead_of(self.now) > TOLERATED_SKEW => Clock { node: latest.node.clone(), ..back.clone() },
                _ => latest.clone(),
            };
            match row.clocks.get(group) {
                Some(stored) if *stored == clock => continue,
                Some(stored) if *stored > clock => {
                    known = false;
                    lost.extend(cells.into_iter().map(|(name, ..)| name.to_owned()));
                    continue;
                }
                _ => (known, applied) = (false, true),
            }
            for (name, value, cell) in cells {
                match (name, value) {
                    (DELETED, value) => row.deleted = value == Value::Bool(true),
                    (name, value) => _ = draft.document.insert(name.to_owned(), value),
                }
                if let Some(message) = &cell.message {
                    row.messages.insert(name.to_owned(), message.clone());
                }
            }
            newest = newest.max(clock.clone());
            row.written.insert(group.to_owned(), clock.clone());
            row.clocks.insert(group.to_owned(), clock);
            if let Some(group) = collection.groups.iter().find(|known| known.name == group) {
                change(&mut draft, group)?;
            }
        }
        if known {
            return Ok(Outcome::Duplicate);
        }
        if !applied {
            return Ok(Outcome::Conflict { lost });
        }
        self.keep(collection, id, row, draft)?;
        self.clock = newest;
        Ok(if lost.is_empty() { Outcome::Applied } else { Outcome::Merged { lost } })
    }

    fn apply_replace(
        &mut self,
        collection: &'static Collection,
        id: Uuid,
        assumed: Option<&Document>,
        new: &Document,
    ) -> Result<Outcome, Refused> {
        let mut row = self.rows.get(&(collection.name, id)).cloned().unwrap_or_default();
        if row.document.is_none() && new.get(DELETED) == Some(&Value::Bool(true)) {
            // A row that was deleted before anybody heard of it, and none of what it held matters.
            return Ok(Outcome::Applied);
        }
        // A row that the device knows and the server does not was lost with a backup: the device brings all of it back.
        let assumed = assumed.filter(|_| row.document.is_some());
        let mut draft = self.draft(&row, id);
        let clock = self.tick(&row);
        let (mut lost, mut known, mut applied) = (Vec::new(), true, false);
        for name in new.keys().filter(|name| *name != DELETED) {
            writable(collection, name)?;
        }
        for group in collection.groups {
            let written: Vec<_> = group.columns.iter().filter(|column| !column.derived && new.contains_key(column.name)).collect();
            let read = |document: &Document| -> Result<BTreeMap<&str, Value>, Refused> {
                let value = |name: &str| document.get(name).unwrap_or(&Value::Null);
                written.iter().map(|column| Ok((column.name, column.kind.read(column.name, value(column.name))?))).collect()
            };
            let wanted = read(new)?;
            let had = assumed.map(&read).transpose()?;
            let is = row.document.as_ref().map(&read).transpose()?;
            if written.is_empty() || Some(&wanted) == had.as_ref() || Some(&wanted) == is.as_ref() {
                continue;
            }
            known = false;
            let clock = Clock { node: self.node(group, had.as_ref())?, ..clock.clone() };
            let own = row.clocks.get(group.name).is_some_and(|stored| stored.node == clock.node);
            if is.is_some() && is != had && !own {
                lost.extend(wanted.keys().map(|name| (*name).to_owned()));
                continue;
            }
            draft.document.extend(wanted.into_iter().map(|(name, value)| (name.to_owned(), value)));
            change(&mut draft, group)?;
            applied = true;
            row.written.insert(group.name.to_owned(), clock.clone());
            row.clocks.insert(group.name.to_owned(), clock);
        }
        let deleted = |document: &Document| document.get(DELETED) == Some(&Value::Bool(true));
        if let Some(Value::Bool(wanted)) = new.get(DELETED)
            && assumed.is_some_and(deleted) != *wanted
            && row.deleted != *wanted
        {
            deletable(collection)?;
            (known, applied) = (false, true);
            row.deleted = *wanted;
            row.written.insert(DELETED.to_owned(), clock.clone());
            row.clocks.insert(DELETED.to_owned(), clock);
        }
        if known {
            return Ok(Outcome::Duplicate);
        }
        if !applied {
            return Ok(Outcome::Conflict { lost });
        }
        self.keep(collection, id, row, draft)?;
        Ok(if lost.is_empty() { Outcome::Applied } else { Outcome::Merged { lost } })
    }

    fn draft(&self, row: &Row, id: Uuid) -> Draft {
        let document = row.document.clone();
        Draft { person: self.person, id, before: document.clone(), document: document.unwrap_or_default(), changed: BTreeSet::new() }
    }

    /// Holds the merged row to the rules, and keeps it.
    fn keep(&mut self, collection: &'static Collection, id: Uuid, mut row: Row, mut draft: Draft) -> Result<(), Refused> {
        if row.document.is_none() {
            if collection.deletion == Deletion::Never {
                return Err(Error::NotFound("row").into());
            }
            if draft.changed.is_empty() {
                return Err(Refused::missing("row"));
            }
            row.made = true;
        }
        (collection.complete)(self.context, &mut draft)?;
        row.document = Some(draft.document);
        self.rows.insert((collection.name, id), row);
        Ok(())
    }
}

/// Refuses to delete what is there once for each person.
fn deletable(collection: &Collection) -> Result<(), Refused> {
    match collection.deletion {
        Deletion::Never => Err(Refused::not_writable(DELETED, format!("rows of {} are not deleted", collection.name))),
        Deletion::At | Deletion::Flag => Ok(()),
    }
}

/// The column of this name, if clients write it.
fn writable(collection: &'static Collection, name: &str) -> Result<(&'static Group, &'static Column), Refused> {
    let (group, column) =
        collection.column(name).ok_or_else(|| Refused::not_writable(name, format!("is not a column of {}", collection.name)))?;
    if column.derived {
        return Err(Refused::not_writable(name, "follows from other columns"));
    }
    Ok((group, column))
}

/// Notes that a group changes, which a fixed one does only in a new row.
fn change(draft: &mut Draft, group: &'static Group) -> Result<(), Refused> {
    if let (true, Some(before)) = (group.fixed, &draft.before)
        && let Some(column) = group.columns.iter().find(|column| before.get(column.name) != draft.document.get(column.name))
    {
        return Err(Refused::not_writable(column.name, "cannot be changed: make another row"));
    }
    draft.changed.insert(group.name);
    Ok(())
}

/// That a mutation cannot be.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Why, for programs.
    pub code: Rejection,
    /// Which column, or another field of the mutation.
    pub field: String,
    /// What would be right, for people.
    pub message: String,
}

impl Refused {
    /// A column or row that is not for clients to write.
    fn not_writable(field: &str, message: impl Into<String>) -> Self {
        Self { code: Rejection::NotWritable, field: field.to_owned(), message: message.into() }
    }

    /// Nothing was told of a column without which there is no row.
    pub fn missing(column: &str) -> Self {
        Self { code: Rejection::Incomplete, field: column.to_owned(), message: "is missing".to_owned() }
    }
}

impl From<Refused> for Outcome {
    fn from(Refused { code, field, message }: Refused) -> Self {
        Self::Rejected { code, field, message }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let (code, field, message) = match error {
            Error::Invalid { field, message } => (Rejection::Invalid, field, message),
            Error::NoSuch { field, what } => (Rejection::NotFound, field.to_owned(), format!("no {what} with this id")),
            Error::NotFound(what) => (Rejection::NotFound, "row".to_owned(), format!("no {what} with this id")),
            Error::Conflict { message, .. } => (Rejection::Conflict, "row".to_owned(), message),
            error => (Rejection::Invalid, "row".to_owned(), error.to_string()),
        };
        Self { code, field, message }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveTime, TimeDelta};
    use chrono_tz::Tz;
    use proptest::{prelude::*, sample::subsequence};
    use serde_json::json;

    use super::*;
    use crate::{day::Calendar, measurements::SYNCED};

    const ROW: Uuid = Uuid::from_u128(1);

    fn now() -> DateTime<Utc> {
        "2026-03-10T12:00:00Z".parse().expect("an instant")
    }

    fn context() -> Context {
        Context { calendar: Some(Calendar { time_zone: Tz::UTC, day_starts_at: NaiveTime::MIN }), ..Context::default() }
    }

    fn clock(seconds_ago: i64, counter: u32, node: &str) -> Clock {
        Clock { milliseconds: (now() - TimeDelta::seconds(seconds_ago)).timestamp_millis(), counter, node: node.to_owned() }
    }

    fn cells(clock: &Clock, values: &[(&str, Value)]) -> Mutation {
        let cell = |value: &Value| Cell { value: value.clone(), clock: clock.clone(), message: None };
        let cells = values.iter().map(|(name, value)| ((*name).to_owned(), cell(value))).collect();
        Mutation { id: None, collection: SYNCED.name.to_owned(), row: ROW, write: Write::Cells(cells) }
    }

    fn replace(assumed: Option<&Document>, new: &Document) -> Mutation {
        let write = Write::Replace { assumed: assumed.cloned(), new: new.clone() };
        Mutation { id: None, collection: SYNCED.name.to_owned(), row: ROW, write }
    }

    /// Values of a group that belong together: pounds are odd, kilograms are even.
    fn weight(pounds: bool, number: u32) -> [(&'static str, Value); 2] {
        let value = 100 + 2 * number + u32::from(pounds);
        [("value", json!(value.to_string())), ("unit", json!(if pounds { "lb" } else { "kg" }))]
    }

    fn moment(minute: u32) -> [(&'static str, Value); 2] {
        [("measured_at", json!(format!("2026-03-09T08:{minute:02}:00.000000Z"))), ("time_zone", json!("UTC"))]
    }

    /// The row as a device makes it.
    fn creation() -> Mutation {
        let mut values = vec![("type", json!("weight"))];
        values.extend(weight(false, 0));
        values.extend(moment(0));
        cells(&clock(4000, 0, "maker"), &values)
    }

    /// One batch, and what became of each.
    fn apply_all(row: Option<Row>, mutations: &[Mutation]) -> (Option<Row>, Vec<Decision>) {
        let context = context();
        let rows = row.map(|row| ((SYNCED.name, ROW), row)).into_iter().collect();
        let mut batch = Batch { person: UserId(ROW), client: "phone", now: now(), context: &context, clock: clock(9000, 0, SERVER), rows };
        let decisions = mutations.iter().map(|mutation| batch.apply(&SYNCED, mutation)).collect();
        (batch.rows.remove(&(SYNCED.name, ROW)), decisions)
    }

    /// As batches of one, which is how devices that are online write.
    fn apply_each(mutations: &[Mutation]) -> (Option<Row>, Vec<Outcome>) {
        let mut row = None;
        let outcomes = mutations.iter().map(|mutation| {
            let (next, mut decisions) = apply_all(row.take(), std::slice::from_ref(mutation));
            row = next.map(kept);
            decisions.remove(0).outcome
        });
        let outcomes = outcomes.collect();
        (row, outcomes)
    }

    /// The row as it is read again.
    fn kept(row: Row) -> Row {
        Row { document: row.document, clocks: row.clocks, deleted: row.deleted, ..Row::default() }
    }

    fn state(row: Option<Row>) -> Row {
        kept(row.expect("a row"))
    }

    fn is_rejected(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Rejected { .. })
    }

    fn edit() -> impl Strategy<Value = Mutation> {
        // Few clocks, so that some are of the same time and only the node decides.
        let clock = (0_i64..4, 0_u32..2, prop::sample::select(vec!["a", "b", "a:b", "hale"]));
        let values = prop_oneof![
            (any::<bool>(), 0_u32..50).prop_map(|(pounds, number)| weight(pounds, number).to_vec()),
            (0_u32..60).prop_map(|minute| moment(minute).to_vec()),
            any::<bool>().prop_map(|deleted| vec![(DELETED, json!(deleted))]),
            (any::<bool>(), 0_u32..50, any::<bool>())
                .prop_map(|(pounds, number, deleted)| { [weight(pounds, number).to_vec(), vec![(DELETED, json!(deleted))]].concat() }),
        ];
        (clock, values).prop_map(|((seconds, counter, node), values)| cells(&self::clock(1000 - seconds, counter, node), &values))
    }

    /// Edits whose clocks differ where they write the same group: the same clock is the same write.
    fn edits() -> impl Strategy<Value = Vec<Mutation>> {
        prop::collection::vec(edit(), 1..8).prop_map(|edits| {
            let mut seen = BTreeSet::new();
            edits
                .into_iter()
                .filter(|edit| {
                    let Write::Cells(cells) = &edit.write else { return false };
                    cells.values().next().is_some_and(|cell| seen.insert(cell.clock.clone()))
                })
                .collect()
        })
    }

    /// All of them in another order, and some of them once more.
    fn shuffled() -> impl Strategy<Value = (Vec<Mutation>, Vec<Mutation>)> {
        edits().prop_flat_map(|edits| {
            let count = edits.len();
            (Just(edits.clone()), subsequence(edits.clone(), 0..=count)).prop_flat_map(|(edits, again)| {
                let all: Vec<Mutation> = edits.iter().cloned().chain(again).chain([creation()]).collect();
                (Just(edits), Just(all).prop_shuffle())
            })
        })
    }

    /// What must come out: of each group the write with the latest text of a clock, which is decided without the engine.
    fn expected(edits: &[Mutation]) -> BTreeMap<String, Value> {
        let mut latest: BTreeMap<String, (String, Value)> = BTreeMap::new();
        for mutation in edits.iter().chain([&creation()]) {
            let Write::Cells(cells) = &mutation.write else { continue };
            for (name, cell) in cells {
                let clock = cell.clock.to_string();
                if latest.get(name).is_none_or(|(known, _)| *known < clock) {
                    latest.insert(name.clone(), (clock, cell.value.clone()));
                }
            }
        }
        latest.into_iter().map(|(name, (_, value))| (name, value)).collect()
    }

    #[test]
    fn a_device_brings_back_a_row_that_was_lost_with_a_backup_whether_it_changed_it_or_not() {
        let (row, _) = apply_each(&[creation()]);
        let mut assumed = row.expect("a row").document.expect("a document");
        assumed.retain(|name, _| !["canonical_value", "measured_on"].contains(&name.as_str()));
        let mut changed = assumed.clone();
        changed.extend(weight(true, 7).map(|(name, value)| (name.to_owned(), value)));
        for new in [&assumed, &changed] {
            let (row, outcomes) = apply_each(&[replace(Some(&assumed), new)]);
            assert_eq!(outcomes, [Outcome::Applied]);
            let document = row.expect("a row").document.expect("a document");
            assert_eq!((&document["value"], &document["measured_at"]), (&new["value"], &assumed["measured_at"]));
        }
        changed.insert(DELETED.to_owned(), json!(true));
        assert_eq!(apply_each(&[replace(Some(&assumed), &changed)]), (None, vec![Outcome::Applied]));
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter_nor_that_writes_come_twice((edits, shuffled) in shuffled()) {
            let in_order: Vec<Mutation> = [creation()].into_iter().chain(edits.iter().cloned()).collect();
            let expected = expected(&edits);
            let straight = state(apply_each(&in_order).0);
            // Before the row is there an edit is incomplete; the engine keeps it and tries it again with the next one.
            let (early, rest) = shuffled.split_at(shuffled.iter().position(|one| *one == creation()).expect("the creation"));
            let arrived: Vec<Mutation> = rest.iter().chain(early).cloned().collect();
            let (each, _) = apply_each(&arrived);
            let (at_once, _) = apply_all(None, &arrived);
            for row in [straight.clone(), state(each), state(at_once)] {
                prop_assert_eq!(&row, &straight);
                let document = row.document.expect("a document");
                for (name, value) in &expected {
                    let is = if name == DELETED { &json!(row.deleted) } else { &document[name.as_str()] };
                    prop_assert_eq!(is, value, "{}", name);
                }
                let odd = document["value"].as_str().and_then(|value| value.parse::<u32>().ok()).expect("a whole number") % 2 == 1;
                prop_assert_eq!(&document["unit"], &json!(if odd { "lb" } else { "kg" }), "the group is torn");
            }
        }

        #[test]
        fn merging_two_halves_is_merging_all(edits in edits(), at in any::<prop::sample::Index>()) {
            let all: Vec<Mutation> = [creation()].into_iter().chain(edits).collect();
            let (one, other) = all.split_at(at.index(all.len()).max(1));
            let (first, _) = apply_all(None, one);
            let (halves, _) = apply_all(first.map(kept), other);
            let (whole, _) = apply_all(None, &all);
            prop_assert_eq!(state(halves), state(whole));
        }

        #[test]
        fn a_repetition_is_a_duplicate_or_was_overtaken_and_changes_nothing(edits in edits()) {
            let all: Vec<Mutation> = [creation()].into_iter().chain(edits).collect();
            let (row, _) = apply_each(&all);
            let before = state(row);
            for mutation in &all {
                let (after, decisions) = apply_all(Some(before.clone()), std::slice::from_ref(mutation));
                prop_assert_eq!(state(after), before.clone());
                prop_assert!(matches!(decisions[0].outcome, Outcome::Duplicate | Outcome::Conflict { .. }), "{:?}", decisions);
            }
        }

        #[test]
        fn what_becomes_of_a_mutation_does_not_depend_on_its_batch(edits in edits()) {
            let all: Vec<Mutation> = [creation()].into_iter().chain(edits).collect();
            let (_, each) = apply_each(&all);
            let (_, at_once) = apply_all(None, &all);
            prop_assert_eq!(each, at_once.into_iter().map(|decision| decision.outcome).collect::<Vec<_>>());
        }

        #[test]
        fn what_is_rejected_changes_nothing(edits in edits(), which in 0_usize..7) {
            let (row, _) = apply_each(&[vec![creation()], edits].concat());
            let before = state(row);
            let late = clock(0, 0, "late");
            let wrong = match which {
                0 => cells(&late, &[("value", json!("not a number")), ("unit", json!("kg"))]),
                1 => cells(&late, &[("value", json!("2")), ("unit", json!("kg")), ("measured_at", json!("1800-01-01T00:00:00Z"))]),
                2 => cells(&late, &[("unit", json!("metre")), (DELETED, json!(true))]),
                3 => cells(&late, &[("canonical_value", json!("1"))]),
                4 => cells(&late, &[("type", json!("height"))]),
                5 => cells(&late, &[(DELETED, json!("yes")), ("value", json!("70")), ("unit", json!("kg"))]),
                _ => cells(&clock(-86_401, 0, "late"), &weight(false, 1)),
            };
            let (after, decisions) = apply_all(Some(before.clone()), &[wrong]);
            prop_assert!(is_rejected(&decisions[0].outcome), "{:?}", decisions);
            prop_assert_eq!(after, Some(before));
        }

        #[test]
        fn replacing_loses_nothing_unsaid(edits in edits(), mine in (any::<bool>(), 0_u32..50), minute in 0_u32..60, gone in any::<[bool; 2]>()) {
            let written = |row: &Row| -> Document {
                let mut document = row.document.clone().expect("a document");
                document.remove("canonical_value");
                document.remove("measured_on");
                document.insert(DELETED.to_owned(), json!(row.deleted));
                document
            };
            let base = state(apply_each(&[creation()]).0);
            let mut assumed = written(&base);
            assumed.insert(DELETED.to_owned(), json!(gone[0]));
            let mut new = assumed.clone();
            new.extend(weight(mine.0, mine.1).into_iter().chain(moment(minute)).map(|(name, value)| (name.to_owned(), value)));
            new.insert(DELETED.to_owned(), json!(gone[1]));
            let (row, _) = apply_each(&[vec![creation()], edits].concat());
            let before = state(row);
            let (after, decisions) = apply_all(Some(before.clone()), &[replace(Some(&assumed), &new)]);
            let after = state(after);
            let is = written(&after);
            let lost: BTreeSet<&str> = match &decisions[0].outcome {
                Outcome::Merged { lost } | Outcome::Conflict { lost } => lost.iter().map(String::as_str).collect(),
                outcome => {
                    prop_assert!(!is_rejected(outcome), "{:?}", outcome);
                    BTreeSet::new()
                }
            };
            for (name, value) in &new {
                if assumed[name] != *value && is[name] != *value {
                    prop_assert!(lost.contains(name.as_str()), "{} is lost and not told", name);
                }
                if lost.contains(name.as_str()) {
                    prop_assert_eq!(&is[name], &written(&before)[name], "{} is told to be lost and changed", name);
                }
            }
            if matches!(decisions[0].outcome, Outcome::Conflict { .. } | Outcome::Duplicate) {
                prop_assert_eq!(after, before);
            }
        }
    }
}
