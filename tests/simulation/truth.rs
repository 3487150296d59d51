//! What must be true of a server, told without the engine: clocks are compared as texts, rows are put together from what was accepted.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use entity::id::UserId;
use serde_json::{Value, json};
use service::sync::{
    FeedRow, Receipt,
    collection::{DELETED, Document},
    merge::{Cell, Decision, Mutation, Outcome, Rejection, Write},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    device::Name,
    server::{Ordinary, Space},
    world::sorted,
};

/// The columns that clients write, with their groups.
const MEASUREMENT: [(&str, &str); 5] =
    [("type", "type"), ("value", "value"), ("unit", "value"), ("measured_at", "moment"), ("time_zone", "moment")];
const ENTRY: [(&str, &str); 11] = [
    ("food_item_id", "food"),
    ("food_name", "food"),
    ("group_id", "group"),
    ("quantity", "amount"),
    ("unit", "amount"),
    ("quick_nutrition", "amount"),
    ("meal_type", "meal"),
    ("consumed_at", "moment"),
    ("time_zone", "moment"),
    ("status", "status"),
    ("note", "note"),
];
/// Those of them without which a row is complete: none of the devices writes them.
const OPTIONAL: [&str; 6] = ["food_name", "group_id", "quick_nutrition", "time_zone", "status", "note"];

const NOOT: [(&str, &str); 1] = [("data", "activities")];

fn columns(collection: &str) -> &'static [(&'static str, &'static str)] {
    match collection {
        "measurements" => &MEASUREMENT,
        "noots" => &NOOT,
        _ => &ENTRY,
    }
}

/// What a row has where nobody told it.
fn untold(column: &str) -> Value {
    match column {
        "time_zone" => json!("UTC"),
        "status" => json!("eaten"),
        // That of the only food of each person.
        "food_name" => json!("Oats"),
        _ => Value::Null,
    }
}

fn group_of<'a>(collection: &str, column: &'a str) -> &'a str {
    columns(collection).iter().find(|(name, _)| *name == column).map_or(column, |(_, group)| group)
}

/// What a server must hold. Goes back with it when it is restored.
#[derive(Clone, Default)]
pub struct Truth {
    rows: BTreeMap<(UserId, Name), TrueRow>,
    /// What was collected, and never comes again.
    pub collected: BTreeSet<(UserId, Name)>,
    /// What became of the mutations of each writer.
    pub decided: BTreeMap<(UserId, Uuid), Decision>,
    /// Cells whose row is not complete, by writer.
    waiting: BTreeMap<(UserId, UserId, Name), BTreeMap<String, Cell>>,
    /// The latest clock that was accepted, by person: the server's next one is after it.
    latest: BTreeMap<UserId, String>,
    /// Up to where the log was checked.
    pub checked: BTreeMap<UserId, i64>,
}

#[derive(Clone, Default)]
struct TrueRow {
    values: Document,
    /// The clocks of the groups, as texts.
    clocks: BTreeMap<String, String>,
    deleted: bool,
}

impl TrueRow {
    fn untold((collection, _): &Name) -> Self {
        let values = columns(collection).iter().map(|(column, _)| ((*column).to_owned(), untold(column)));
        Self { values: values.collect(), ..Self::default() }
    }
}

/// Says what is wrong.
pub type Verdict = Result<(), String>;

/// Something must hold.
pub fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Who wrote what, and whether it can be.
pub struct Written<'a> {
    pub viewer: UserId,
    pub person: UserId,
    pub mutation: &'a Mutation,
    /// Whether the writer may write this collection for this person.
    pub may: bool,
    /// Whether a value cannot be.
    pub wrong: bool,
}

impl Truth {
    /// Holds the answer to a mutation against what must become of it. `row` is the row after the whole batch.
    pub fn witness(&mut self, written: &Written<'_>, receipt: &Receipt, row: Option<&FeedRow>, now: DateTime<Utc>) -> Verdict {
        let Written { viewer, person, mutation, .. } = *written;
        let id = mutation.id.unwrap_or_default();
        if let Some(before) = self.decided.get(&(viewer, id)) {
            hold(receipt.repeated, || format!("{id} came before and is not known again"))?;
            return hold(receipt.decision == *before, || format!("{id} was {before:?} and is {:?} now", receipt.decision));
        }
        hold(!receipt.repeated, || format!("{id} never came before"))?;
        self.decided.insert((viewer, id), receipt.decision.clone());
        let name = (mutation.collection.clone(), mutation.row);
        match &mutation.write {
            Write::Cells(cells) => {
                let latest = cells.values().map(|cell| cell.clock.milliseconds - now.timestamp_millis()).max().unwrap_or_default();
                let far = latest > 86_400_000;
                hold(receipt.decision.clock_skew == (latest > 300_000 && written.may), || {
                    format!("{id}: clock_skew at {latest} ms ahead")
                })?;
                if written.wrong || !written.may || far {
                    return refused(receipt);
                }
                self.merge_cells((viewer, person, name), cells, receipt, row, now)
            }
            Write::Replace { assumed, new } => {
                if written.wrong || !written.may {
                    return refused(receipt);
                }
                self.merge_whole((person, name), assumed.as_ref(), new, receipt, row)
            }
        }
    }

    fn merge_cells(
        &mut self,
        (viewer, person, name): (UserId, UserId, Name),
        cells: &BTreeMap<String, Cell>,
        receipt: &Receipt,
        row: Option<&FeedRow>,
        now: DateTime<Utc>,
    ) -> Verdict {
        let waiting = self.waiting.entry((viewer, person, name.clone())).or_default();
        for (column, cell) in cells {
            if waiting.get(column).is_none_or(|known| known.clock.to_string() < cell.clock.to_string()) {
                waiting.insert(column.clone(), cell.clone());
            }
        }
        let complete = |column: &str| waiting.contains_key(column);
        let known = self.rows.get(&(person, name.clone()));
        if known.is_none() && !columns(&name.0).iter().all(|(column, _)| OPTIONAL.contains(column) || complete(column)) {
            // The rest may have come later in the batch, and completed it.
            let incomplete = matches!(receipt.decision.outcome, Outcome::Rejected { code: Rejection::Incomplete, .. });
            return hold(incomplete || row.is_some(), || format!("{name:?} is not complete: {:?}", receipt.decision));
        }
        if known.is_none() && self.collected.contains(&(person, name.clone())) {
            // What is left of a row that was collected does not come back; that it was written is kept.
            return refused(receipt);
        }
        let cells = std::mem::take(waiting);
        self.waiting.remove(&(viewer, person, name.clone()));
        let mut groups: BTreeMap<&str, Vec<(&String, &Cell)>> = BTreeMap::new();
        for (column, cell) in &cells {
            groups.entry(group_of(&name.0, column)).or_default().push((column, cell));
        }
        let is = self.rows.entry((person, name.clone())).or_insert_with(|| TrueRow::untold(&name));
        let (mut lost, mut applied, mut known) = (BTreeSet::new(), false, true);
        for (group, cells) in groups {
            let latest = cells.iter().map(|(_, cell)| &cell.clock).max_by_key(|clock| clock.to_string()).expect("a cell");
            let set_back = latest.milliseconds - now.timestamp_millis() > 300_000;
            let clock = if set_back {
                let clock = row.and_then(|row| row.clocks[group].as_str()).unwrap_or_default().to_owned();
                let read: service::sync::clock::Clock = clock.parse().map_err(|_| format!("{name:?}: no clock of {group}"))?;
                hold(read.milliseconds <= now.timestamp_millis() + 300_001, || format!("{clock} is kept, which is ahead"))?;
                clock
            } else {
                latest.to_string()
            };
            let stored = is.clocks.get(group);
            // The clock that it is set back to is later than all; twice in a batch, only the last one is seen.
            if set_back || stored.is_none_or(|stored| *stored < clock) {
                (applied, known) = (true, false);
                for (column, cell) in &cells {
                    if *column == DELETED {
                        is.deleted = cell.value == json!(true);
                    } else {
                        is.values.insert((*column).clone(), cell.value.clone());
                    }
                }
                let latest = self.latest.entry(person).or_default();
                *latest = clock.clone().max(std::mem::take(latest));
                is.clocks.insert(group.to_owned(), clock);
            } else if stored != Some(&clock) {
                known = false;
                lost.extend(cells.iter().map(|(column, _)| (*column).clone()));
            }
        }
        outcome_is(receipt, applied, known, &lost)
    }

    fn merge_whole(
        &mut self,
        (person, name): (UserId, Name),
        assumed: Option<&Document>,
        new: &Document,
        receipt: &Receipt,
        row: Option<&FeedRow>,
    ) -> Verdict {
        let deletes = new[DELETED] == true;
        let Some(is) = self.rows.get(&(person, name.clone())) else {
            if deletes {
                // Nobody has heard of it, and need not.
                return Ok(());
            }
            if self.collected.contains(&(person, name.clone())) {
                return refused(receipt);
            }
            let mut made = TrueRow::untold(&name);
            for (column, group) in columns(&name.0) {
                made.values.extend(new.get(*column).map(|value| ((*column).to_owned(), value.clone())));
                made.clocks.insert((*group).to_owned(), clock_of(row, group)?);
            }
            self.rows.insert((person, name), made);
            return outcome_is(receipt, true, false, &BTreeSet::new());
        };
        let mut is = is.clone();
        let (mut lost, mut applied, mut known) = (BTreeSet::new(), false, true);
        let groups: BTreeSet<&str> = columns(&name.0).iter().map(|(_, group)| *group).collect();
        for group in groups {
            let told = |(column, of): &&(&str, &str)| *of == group && new.contains_key(*column);
            let of_group: Vec<&str> = columns(&name.0).iter().filter(told).map(|(column, _)| *column).collect();
            let same = |one: &Document, other: &Document| of_group.iter().all(|column| one.get(*column) == other.get(*column));
            if assumed.is_some_and(|assumed| same(assumed, new)) || same(&is.values, new) {
                continue;
            }
            known = false;
            if assumed.is_some_and(|assumed| same(assumed, &is.values)) {
                applied = true;
                for column in of_group {
                    is.values.insert(column.to_owned(), new[column].clone());
                }
                let clock = clock_of(row, group)?;
                // The same, where the batch wrote it twice.
                hold(is.clocks.get(group).is_none_or(|stored| *stored <= clock), || format!("{name:?}: the clock of {group} goes back"))?;
                is.clocks.insert(group.to_owned(), clock);
            } else {
                lost.extend(of_group.iter().map(|column| (*column).to_owned()));
            }
        }
        let was = assumed.is_some_and(|assumed| assumed[DELETED] == true);
        if was != deletes && is.deleted != deletes {
            (applied, known) = (true, false);
            is.deleted = deletes;
            is.clocks.insert(DELETED.to_owned(), clock_of(row, DELETED)?);
        }
        self.rows.insert((person, name), is);
        outcome_is(receipt, applied, known, &lost)
    }

    /// An ordinary mutation was accepted.
    pub fn write(&mut self, person: UserId, write: &Ordinary, row: &FeedRow) -> Verdict {
        let name = ("measurements".to_owned(), write.id());
        let is = self.rows.entry((person, name.clone())).or_default();
        let groups: BTreeSet<&str> = match write {
            Ordinary::Record { written, .. } | Ordinary::Change { written, .. } => {
                let changes = written.iter().filter(|(column, value)| is.values.get(*column) != Some(value));
                let changed: BTreeSet<&str> = changes.map(|(column, _)| group_of(&name.0, column)).collect();
                is.values.extend(written.clone());
                changed
            }
            Ordinary::Delete { .. } => {
                is.deleted = true;
                BTreeSet::from([DELETED])
            }
        };
        let latest = self.latest.get(&person).cloned().unwrap_or_default();
        for group in groups {
            let clock = clock_of(Some(row), group)?;
            hold(latest < clock, || format!("{clock} is not after {latest}, which was accepted before"))?;
            self.latest.insert(person, clock.clone());
            is.clocks.insert(group.to_owned(), clock);
        }
        Ok(())
    }

    /// Tombstones up to a number may be gone, and none comes back.
    pub fn collect(&mut self, person: UserId, before: &Space, after: &Space) {
        for row in
            before.rows.iter().filter(|row| after.rows.iter().all(|still| (&still.collection, still.id) != (&row.collection, row.id)))
        {
            let name = (person, (row.collection.clone(), row.id));
            self.rows.remove(&name);
            self.collected.insert(name);
        }
    }

    /// Holds what a server has of a person against what it must have.
    pub fn check(&mut self, person: UserId, space: &Space) -> Verdict {
        let checked = *self.checked.get(&person).unwrap_or(&0);
        let mut last = checked;
        for change in space.changes.iter().filter(|change| change.number > checked) {
            hold(change.first_number == last + 1, || format!("numbers {} to {} are nobody's", last + 1, change.first_number - 1))?;
            let count = i64::try_from(change.cells.len()).unwrap_or_default();
            hold(change.number == last + count, || format!("{} numbers for {count} cells", change.number - last))?;
            last = change.number;
        }
        hold(last.max(space.change_floor) == space.head, || format!("the head is {}, the log ends at {last}", space.head))?;
        self.checked.insert(person, last.max(space.change_floor));
        hold(space.digests_agree, || "the digest is not that of the rows".to_owned())?;
        let mut seen = 0;
        for row in &space.rows {
            let name = (person, (row.collection.clone(), row.id));
            hold(!self.collected.contains(&name), || format!("{name:?} was collected and is back"))?;
            let is = self.rows.get(&name).ok_or_else(|| format!("{name:?} was never written"))?;
            seen += 1;
            hold(row.deleted == is.deleted, || format!("{name:?}: deleted is {}", row.deleted))?;
            for (column, value) in &is.values {
                hold(row.value(column) == value, || format!("{name:?}: {column} is {} instead of {value}", row.value(column)))?;
            }
            for (group, clock) in &is.clocks {
                hold(row.clocks[group] == *clock, || {
                    format!("{name:?}: the clock of {group} is {} instead of {clock}", row.clocks[group])
                })?;
            }
            valid(row)?;
        }
        let must = self.rows.range((person, (String::new(), Uuid::nil()))..).take_while(|((whose, _), _)| *whose == person).count();
        hold(seen == must, || format!("{seen} rows are there of {must}"))
    }
}

fn clock_of(row: Option<&FeedRow>, group: &str) -> Result<String, String> {
    row.and_then(|row| row.clocks[group].as_str()).map(str::to_owned).ok_or_else(|| format!("no clock of {group}"))
}

fn refused(receipt: &Receipt) -> Verdict {
    let refused = matches!(receipt.decision.outcome, Outcome::Rejected { .. });
    hold(refused, || format!("what cannot be was {:?}", receipt.decision))
}

fn outcome_is(receipt: &Receipt, applied: bool, known: bool, expected: &BTreeSet<String>) -> Verdict {
    let lost: BTreeSet<String> = match &receipt.decision.outcome {
        Outcome::Merged { lost } | Outcome::Conflict { lost } => lost.iter().cloned().collect(),
        _ => BTreeSet::new(),
    };
    let right = match &receipt.decision.outcome {
        Outcome::Applied => applied && expected.is_empty(),
        Outcome::Merged { .. } => applied && !expected.is_empty(),
        Outcome::Duplicate => known,
        Outcome::Conflict { .. } => !applied && !known,
        Outcome::Rejected { .. } => false,
    };
    hold(right && lost == *expected, || format!("{:?}, but {expected:?} is lost, applied: {applied}, known: {known}", receipt.decision))
}

/// Whether a row can be: its derived columns follow from the others, and those that belong together were written together.
fn valid(row: &FeedRow) -> Verdict {
    let number = |column: &str| row.value(column).as_str().and_then(|text| text.parse::<u64>().ok());
    let text = |column: &str| row.value(column).as_str().unwrap_or_default();
    let is = |column: &str, expected: String| {
        hold(row.value(column).as_str() == Some(&expected), || {
            format!("{column} is {} instead of {expected}: {}", row.value(column), row.document)
        })
    };
    if row.collection == "noots" {
        // Written with its fields in their order and nothing between them, which is all that canonical means for these.
        let canonical = sorted(row.value("data").clone()).to_string();
        return is("checksum", Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect());
    }
    let instant = if row.collection == "measurements" {
        let value = number("value").ok_or("the value is no whole number")?;
        // Pounds are odd here and kilograms even.
        hold(text("unit") == if value % 2 == 1 { "lb" } else { "kg" }, || format!("the group is torn: {}", row.document))?;
        let hundred_thousandths = value * if value % 2 == 1 { 45_359_237 } else { 100_000_000 };
        let canonical = format!("{}.{:05}", hundred_thousandths / 100_000, hundred_thousandths % 100_000);
        is("canonical_value", canonical.trim_end_matches('0').trim_end_matches('.').to_owned())?;
        ("measured_at", "measured_on")
    } else {
        let quantity = number("quantity").ok_or("the quantity is no whole number")?;
        hold(text("unit") == if quantity % 2 == 1 { "serving" } else { "g" }, || format!("the group is torn: {}", row.document))?;
        is("calories", (if quantity % 2 == 1 { quantity * 100 } else { quantity }).to_string())?;
        ("consumed_at", "consumed_on")
    };
    is(instant.1, text(instant.0).chars().take(10).collect())
}

/// What a device shows, told as the server tells it.
pub fn shown(row: &FeedRow) -> Value {
    json!([row.document, row.deleted, row.clocks, row.number, row.version])
}
