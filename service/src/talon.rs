//! Talon: sync by messages, each of which is a new value of one cell. Here they are translated to what the engine knows, and back.
//!
//! A message's `server_timestamp` is the number of its cell in the feed. Numbers are kept in the view `messages`; a device that comes
//! for the first time, or from before the oldest change that is kept, is told the rows as they are, as messages that have the clocks
//! of the writes they stem from.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::{Display, Formatter, Write as _},
    str::FromStr,
};

use chrono::{DateTime, Utc};
use entity::id::UserId;
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    access::{Tx, Viewer},
    error::{Error, Result},
    input,
    sync::{
        self, FeedRow, LARGEST_PAGE, MOST_MUTATIONS, PageSize, Push,
        clock::{Clock, GREATEST_SKEW, TOLERATED_SKEW},
        collection::{Clocks, DELETED, Kind},
        merge::{Cell, Mutation, Outcome, Refused, Rejection, SERVER, Write},
        store::Store,
    },
};

/// The fewest messages that a page can be asked for: as many as the widest row has, for a write is never torn.
pub const SMALLEST_PAGE: u32 = 50;
/// The longest value, in bytes.
pub const LONGEST_VALUE: usize = 64 * 1024;
/// The bytes of values after which a page ends.
const MOST_BYTES: usize = 4 * 1024 * 1024;
const LONGEST_NAME: usize = 100;

/// A message: the value of a cell, and when it was written.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Message {
    /// The id that the device gave it; one that is always the same for the same write, where it did not come as a message.
    pub id: String,
    /// The table.
    pub table_name: String,
    /// The row.
    pub row: String,
    /// The column.
    pub column: String,
    /// What `value` is: string, int, double, bool, datetime, json or null.
    pub data_type: String,
    /// The value as text.
    pub value: String,
    /// The number of the cell in the feed; `None` where the message tells what a cell is, and not when it was numbered.
    pub server_timestamp: Option<i64>,
    /// The clock of the write, padded.
    pub local_timestamp: String,
    /// Whose row.
    pub user_id: UserId,
    /// The device that wrote it, or `hale`.
    pub client_id: String,
}

/// Where a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which history: a restored backup begins another one.
    pub epoch: Uuid,
    /// The last number that it has.
    pub number: i64,
    /// While it is being told rows as they are, in the order of their last changes: up to which number deleted rows may have been
    /// forgotten when that began.
    pub snapshot: Option<i64>,
}

const SNAPSHOT: &str = ":snapshot:";

impl Display for Cursor {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.epoch, self.number)?;
        self.snapshot.map_or(Ok(()), |floor| write!(formatter, "{SNAPSHOT}{floor}"))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 0);
        let read = || {
            let (epoch, rest) = text.split_once(':')?;
            let (last, snapshot) = match rest.split_once(SNAPSHOT) {
                None => (rest, None),
                Some((last, floor)) => (last, Some(number(floor)?)),
            };
            Some(Self { epoch: epoch.parse().ok()?, number: number(last)?, snapshot })
        };
        read().ok_or_else(|| Error::invalid("after", "must be a cursor that this server gave, or {epoch}:{serverTimestamp}"))
    }
}

/// A page of messages.
#[derive(Clone, Debug)]
pub struct Page {
    /// The messages, in the order of the feed; those of one write are on one page.
    pub messages: Vec<Message>,
    /// Where to go on.
    pub cursor: Cursor,
    /// Whether there is more already.
    pub has_more: bool,
    /// Whether these are rows as they are.
    pub snapshot: bool,
    /// Whether the cursor meant nothing any more, so that this page begins anew.
    pub resync: bool,
}

/// The viewer's messages after a cursor, [`SMALLEST_PAGE`] to [`LARGEST_PAGE`] of them: fewer than asked for where the next write
/// does not fit on the page, where they would be too large together, and without those of `except`. Without a cursor, and from before
/// the changes that are kept, the rows as they are.
pub async fn messages(tx: &Tx, after: Option<Cursor>, limit: u32, except: Option<&str>) -> Result<Page> {
    if !(SMALLEST_PAGE..=LARGEST_PAGE).contains(&limit) {
        return Err(Error::invalid("limit", format!("must be between {SMALLEST_PAGE} and {LARGEST_PAGE}, is {limit}")));
    }
    // What is kept is asked after reading: what was collected meanwhile may be missing.
    let page = match after {
        Some(after) if after.snapshot.is_none() => Some(changes(tx, after, limit, except).await?),
        _ => None,
    };
    let kept = kept(tx).await?;
    let anew = Cursor { epoch: kept.epoch, number: 0, snapshot: Some(kept.tombstone_floor) };
    let Some(after) = after else { return snapshot(tx, anew, limit, false).await };
    // A device that took a row for living which was deleted and forgotten since would never hear of it.
    let forgotten =
        kept.tombstone_floor > after.number && after.snapshot.is_none_or(|floor| floor < kept.tombstone_floor) && after.number > 0;
    match page {
        _ if after.epoch != kept.epoch || after.number > kept.head => snapshot(tx, anew, limit, true).await,
        Some(page) if after.number >= kept.change_floor => Ok(page),
        _ if forgotten => snapshot(tx, anew, limit, true).await,
        _ => snapshot(tx, Cursor { snapshot: after.snapshot.or(anew.snapshot), ..after }, limit, false).await,
    }
}

#[derive(FromQueryResult)]
struct Found {
    /// The last number of the write that the message is part of.
    change_number: i64,
    /// The same of the last message that was found.
    last_change: i64,
    /// How many were found.
    found: i64,
    #[sea_orm(nested)]
    message: Message,
}

/// The messages of the log after a cursor.
async fn changes(tx: &Tx, after: Cursor, limit: u32, except: Option<&str>) -> Result<Page> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT * FROM (
           SELECT *, count(*) OVER () AS found, max(change_number) OVER () AS last_change,
             coalesce(sum(octet_length(value)) OVER (ORDER BY change_number RANGE UNBOUNDED PRECEDING EXCLUDE GROUP), 0) AS bytes_before
           FROM (SELECT * FROM messages WHERE user_id = $1 AND change_number > $2 AND server_timestamp > $2
                 ORDER BY change_number, server_timestamp LIMIT $3) following) page
         WHERE bytes_before < $4 ORDER BY server_timestamp",
        [tx.viewer()?.0.into(), after.number.into(), (i64::from(limit) + 1).into(), i64::try_from(MOST_BYTES).unwrap_or_default().into()],
    );
    let mut rows = Found::find_by_statement(statement).all(tx).await?;
    let has_more =
        rows.first().is_some_and(|row| row.found > i64::from(limit) || row.found > i64::try_from(rows.len()).unwrap_or_default());
    // The last write that was found may go on behind the limit.
    rows.retain(|row| row.found <= i64::from(limit) || row.change_number < row.last_change);
    let number = rows.last().map_or(after.number, |row| row.change_number);
    let messages = rows.into_iter().map(|row| row.message).filter(|message| except != Some(&message.client_id)).collect();
    Ok(Page { messages, cursor: Cursor { number, ..after }, has_more, snapshot: false, resync: false })
}

/// What can still be told of the viewer's history.
#[derive(FromQueryResult)]
struct Kept {
    epoch: Uuid,
    /// The last number.
    head: i64,
    /// Up to which number changes may have been forgotten.
    change_floor: i64,
    /// Up to which number deleted rows may have been.
    tombstone_floor: i64,
}

async fn kept(tx: &Tx) -> Result<Kept> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT epoch, coalesce(head, 0) AS head, coalesce(change_floor, 0) AS change_floor, coalesce(tombstone_floor, 0) AS tombstone_floor
         FROM auth.sync_epoch() epoch LEFT JOIN sync_spaces ON user_id = $1",
        [tx.viewer()?.0.into()],
    );
    Kept::find_by_statement(statement).one(tx).await?.ok_or_else(|| Error::internal("no epoch"))
}

/// The rows that changed after a cursor, as they are. `resync` where the cursor that was asked for meant nothing any more.
async fn snapshot(tx: &Tx, after: Cursor, limit: u32, resync: bool) -> Result<Page> {
    let person = tx.viewer()?;
    let widest = sync::collections().map(|collection| collection.columns().count() + 1).max().unwrap_or(1);
    let rows = limit / u32::try_from(widest).unwrap_or(limit).clamp(1, limit);
    let following = tx.rows_after(person, after.number, &[], PageSize::up_to(rows)).await?;
    let mut has_more = following.has_more;
    let (mut messages, mut number, mut bytes) = (Vec::new(), after.number, 0);
    for row in following.rows {
        if bytes >= MOST_BYTES {
            has_more = true;
            break;
        }
        let cells = cells(person, &row)?;
        bytes += cells.iter().map(|message| message.value.len()).sum::<usize>();
        messages.extend(cells);
        number = row.number;
    }
    let snapshot = after.snapshot.filter(|_| has_more);
    if !has_more {
        // Nothing that was forgotten when this began is missing.
        number = number.max(after.snapshot.unwrap_or_default());
    }
    Ok(Page { messages, cursor: Cursor { number, snapshot, ..after }, has_more, snapshot: true, resync })
}

/// The cells of a row as messages. Of a collection that this Hale does not know there are none.
fn cells(person: UserId, row: &FeedRow) -> Result<Vec<Message>> {
    let Some(collection) = sync::collection(&row.collection) else { return Ok(Vec::new()) };
    let clocks: Clocks = serde_json::from_value(row.clocks.clone()).map_err(Error::stored_json)?;
    let columns = collection.groups.iter().flat_map(|group| group.columns.iter().map(|column| (group.name, column.name, column.kind)));
    let deleted = Value::Bool(row.deleted);
    Ok(columns
        .chain([(DELETED, DELETED, Kind::Boolean)])
        .filter_map(|(group, column, kind)| {
            let value = if column == DELETED { &deleted } else { row.value(column) };
            let clock = clocks.get(group)?;
            let (data_type, value) = text(kind, value);
            Some(Message {
                id: named_id(person, &format!("{}:{}:{column}:{clock}", row.collection, row.id)).to_string(),
                table_name: row.collection.clone(),
                row: row.id.to_string(),
                column: column.to_owned(),
                data_type: data_type.to_owned(),
                value,
                server_timestamp: Some(row.number),
                local_timestamp: clock.to_string(),
                user_id: person,
                client_id: clock.node.clone(),
            })
        })
        .collect())
}

/// A name of a person's as a UUID that is always the same, as `auth.named_id` makes it.
fn named_id(person: UserId, name: &str) -> Uuid {
    let hash = Sha256::new().chain_update(person.0.as_bytes()).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// What a kind of column is in Talon's words. A decimal is a double: fifteen digits come through one unharmed, which is more than any
/// column has that people write; its text is exact, for whoever reads that. A date is a string, since Dart's DateTime would move it.
fn data_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Decimal => "double",
        Kind::Integer => "int",
        Kind::Boolean => "bool",
        Kind::Instant => "datetime",
        Kind::Json => "json",
        Kind::Text | Kind::Date | Kind::Time | Kind::Id => "string",
    }
}

/// The type and the text of a value.
fn text(kind: Kind, value: &Value) -> (&'static str, String) {
    let text = match value {
        Value::Null => return ("null", String::new()),
        Value::Bool(value) if kind == Kind::Boolean => if *value { "1" } else { "0" }.to_owned(),
        Value::String(text) if kind != Kind::Json => text.clone(),
        value => value.to_string(),
    };
    (data_type(kind), text)
}

/// The value of a text. Strict: `None` for what its type does not read, or what the column cannot take for its own.
fn value(kind: Kind, data_type: &str, text: &str) -> Option<Value> {
    let plain = || Value::String(text.to_owned());
    Some(match (data_type, kind) {
        ("null", _) if text.is_empty() => Value::Null,
        ("int", Kind::Integer | Kind::Decimal) => Value::from(text.parse::<i64>().ok()?),
        ("double", Kind::Decimal | Kind::Integer) => Value::String(number(text)?.normalize().to_string()),
        ("bool" | "", Kind::Boolean) => match text {
            "1" => Value::Bool(true),
            "0" => Value::Bool(false),
            _ => return None,
        },
        ("datetime", Kind::Instant) => text.parse::<DateTime<Utc>>().ok().map(|_| plain())?,
        ("json" | "", Kind::Json) => serde_json::from_str(text).ok()?,
        ("string" | "", Kind::Text | Kind::Decimal | Kind::Integer | Kind::Instant | Kind::Date | Kind::Time | Kind::Id) => plain(),
        _ => return None,
    })
}

/// A double as Dart prints it: 2.5, 1.0, 1e-7, 1.5e+21; neither infinite nor NaN.
fn number(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).ok().or_else(|| Decimal::from_scientific(text).ok())
}

/// A message as a device sends it.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Made by the device.
    pub id: String,
    /// The table.
    pub table_name: String,
    /// The row: a UUID.
    pub row: String,
    /// The column.
    pub column: String,
    /// null, string, int, double, bool, datetime, json; empty for a text that speaks for itself.
    pub data_type: String,
    /// The value as text.
    pub value: String,
    /// The clock of the write, in any width.
    pub local_timestamp: String,
    /// Whose row: the viewer's.
    pub user_id: String,
    /// The device: the node of the clock.
    pub client_id: String,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The message's own id.
    pub id: String,
    /// What became of it.
    pub fate: Fate,
    /// Whether the device's clock was so far ahead that the server's was taken instead.
    pub clock_skew: bool,
    /// The cell as it is now, where the row is there.
    pub current: Option<Message>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It is the newest of its cell.
    Applied,
    /// The cell, or one that is merged with it, was written later.
    Superseded,
    /// It was there before.
    Duplicate,
    /// It is kept until the rest of its row comes.
    Held,
    /// It cannot be.
    Rejected(Refused),
}

/// A message that can be told to the engine.
struct Read {
    client: String,
    collection: String,
    row: Uuid,
    column: String,
    cell: Cell,
    /// Whether nothing speaks against it by itself. What does not stand alone would draw the rest of its row into its rejection.
    sound: bool,
}

/// Messages that become one mutation.
struct Part {
    client: String,
    collection: String,
    row: Uuid,
    cells: BTreeMap<String, Cell>,
    places: Vec<usize>,
}

/// Applies a device's messages. Those of one row become one mutation, so that a row is made whole or not at all.
pub async fn push(viewer: &Viewer, messages: &[NewMessage]) -> Result<Vec<Pushed>> {
    if messages.len() > MOST_MUTATIONS {
        let asked = messages.len();
        return Err(Error::invalid("messages", format!("must be at most {MOST_MUTATIONS}, are {asked}: send the rest afterwards")));
    }
    let (person, now) = (viewer.user_id(), viewer.database().now());
    let mut fates: Vec<Option<Pushed>> = messages.iter().map(|_| None).collect();
    let (mut parts, mut open) = (Vec::<Part>::new(), HashMap::new());
    for (place, message) in messages.iter().enumerate() {
        let read = match read(message, person, now) {
            Ok(read) => read,
            Err(refused) => {
                fates[place] = Some(Pushed { id: message.id.clone(), fate: Fate::Rejected(refused), clock_skew: false, current: None });
                continue;
            }
        };
        let alone = parts.len();
        let part = if read.sound { *open.entry((read.client.clone(), read.collection.clone(), read.row)).or_insert(alone) } else { alone };
        if part == alone {
            let Read { client, collection, row, .. } = read;
            parts.push(Part { client, collection, row, cells: BTreeMap::new(), places: Vec::new() });
        }
        let part = &mut parts[part];
        part.places.push(place);
        if part.cells.get(&read.column).is_none_or(|earlier| earlier.clock < read.cell.clock) {
            part.cells.insert(read.column, read.cell);
        }
    }
    if parts.is_empty() {
        // Nothing is left to do, but whoever is signed out is told that.
        drop(viewer.read().await?);
    }
    for parts in parts.chunk_by(|one, next| one.client == next.client) {
        let mutations = parts.iter().map(|part| mutation(person, part, now)).collect::<Result<Vec<_>>>()?;
        let receipts = sync::apply(viewer, Push { person, client: parts[0].client.clone(), mutations }).await?;
        for (part, receipt) in parts.iter().zip(receipts) {
            let current = receipt.row.as_ref().map(|row| cells(person, row)).transpose()?.unwrap_or_default();
            for &place in &part.places {
                let message = &messages[place];
                let fate = fate(message, part, &receipt.decision.outcome);
                let mut current = current.iter().find(|cell| cell.column == message.column).cloned();
                if let Some(current) = &mut current {
                    current.server_timestamp = None;
                    if matches!(fate, Fate::Applied | Fate::Duplicate) {
                        current.id.clone_from(&message.id);
                    }
                }
                fates[place] = Some(Pushed { id: message.id.clone(), fate, clock_skew: receipt.decision.clock_skew, current });
            }
        }
    }
    fates.into_iter().map(|fate| fate.ok_or_else(|| Error::internal("a message without a fate"))).collect()
}

fn mutation(person: UserId, part: &Part, now: DateTime<Utc>) -> Result<Mutation> {
    let mut mutation = Mutation { id: None, collection: part.collection.clone(), row: part.row, write: Write::Cells(part.cells.clone()) };
    // The clock says that it is the same write. Where it will be set back, something else has to.
    let ahead = part.cells.values().map(|cell| cell.clock.ahead_of(now)).max().unwrap_or_default();
    if ahead > TOLERATED_SKEW && ahead <= GREATEST_SKEW {
        let mut name = String::new();
        for byte in input::fingerprint(&mutation)? {
            write!(name, "{byte:02x}").map_err(|error| Error::Internal(error.into()))?;
        }
        mutation.id = Some(named_id(person, &name));
    }
    Ok(mutation)
}

fn fate(message: &NewMessage, part: &Part, outcome: &Outcome) -> Fate {
    let lost = |lost: &[String]| lost.contains(&message.column);
    match outcome {
        Outcome::Rejected { code: Rejection::Incomplete, .. } => Fate::Held,
        Outcome::Rejected { code, field, message } => {
            Fate::Rejected(Refused { code: *code, field: field.clone(), message: message.clone() })
        }
        // The same device wrote the cell again in the same batch.
        _ if part.cells.get(&message.column).is_some_and(|cell| cell.message.as_deref() != Some(&message.id)) => Fate::Superseded,
        Outcome::Merged { lost: columns } | Outcome::Conflict { lost: columns } if lost(columns) => Fate::Superseded,
        Outcome::Applied | Outcome::Merged { .. } => Fate::Applied,
        Outcome::Duplicate | Outcome::Conflict { .. } => Fate::Duplicate,
    }
}

/// What the engine can be told of a message. What cannot even be told is refused here; the rest the engine judges, and keeps what it
/// refuses.
fn read(message: &NewMessage, person: UserId, now: DateTime<Utc>) -> Result<Read, Refused> {
    let NewMessage { id, table_name, row, column, data_type, value: text, local_timestamp, user_id, client_id } = message;
    for (field, text) in [("id", id), ("tableName", table_name), ("column", column), ("clientId", client_id)] {
        if input::line(field, text, LONGEST_NAME)? != *text {
            return Err(Error::invalid(field, "must be in normal form C, without white space around it").into());
        }
    }
    if *user_id != person.to_string() {
        let message = "must be your own id: nobody writes messages for somebody else".to_owned();
        return Err(Refused { code: Rejection::NotWritable, field: "userId".to_owned(), message });
    }
    if text.len() > LONGEST_VALUE {
        return Err(Error::invalid("value", format!("must have at most {LONGEST_VALUE} bytes, has {}", text.len())).into());
    }
    if text.contains('\0') {
        return Err(Error::invalid("value", "must not contain the character U+0000").into());
    }
    if !data_type.bytes().all(|byte| byte.is_ascii_lowercase()) || data_type.len() > LONGEST_NAME {
        return Err(Error::invalid("dataType", "must be null, string, int, double, bool, datetime or json").into());
    }
    let row = Uuid::try_parse(row).ok().filter(|id| id.to_string() == *row);
    let row = row.ok_or_else(|| Error::invalid("row", "must be a UUID, lower-case and hyphenated"))?;
    let clock: Clock =
        local_timestamp.parse().map_err(|error: sync::clock::NotAClock| Error::invalid("localTimestamp", error.to_string()))?;
    if clock.node != *client_id {
        return Err(Error::invalid("localTimestamp", "must end with the clientId").into());
    }
    if client_id == SERVER {
        return Err(Error::invalid("clientId", "is the server's own").into());
    }
    let kind = match (sync::collection(table_name), column.as_str()) {
        (Some(_), DELETED) => Some(Kind::Boolean),
        (Some(collection), name) => collection.column(name).filter(|(_, column)| !column.derived).map(|(_, column)| column.kind),
        (None, _) => None,
    };
    let value = kind.and_then(|kind| value(kind, data_type, text));
    let sound =
        clock.ahead_of(now) <= GREATEST_SKEW && kind.zip(value.as_ref()).is_some_and(|(kind, value)| kind.read(column, value).is_ok());
    // No column takes a pair for its own, so the engine refuses it, and whoever lists what was refused sees all that was sent.
    let value = value.unwrap_or_else(|| json!([data_type, text]));
    let cell = Cell { value, clock, message: Some(id.clone()) };
    Ok(Read { client: client_id.clone(), collection: table_name.clone(), row, column: column.clone(), cell, sound })
}

/// Talon's own table on a device, as Talon makes it.
const LOCAL_MESSAGES: &str = r#"CREATE TABLE IF NOT EXISTS talon_messages (
  id TEXT PRIMARY KEY,
  table_name TEXT NOT NULL,
  row TEXT NOT NULL,
  "column" TEXT NOT NULL,
  data_type TEXT NOT NULL DEFAULT '',
  value TEXT NOT NULL,
  server_timestamp INTEGER,
  local_timestamp TEXT NOT NULL,
  user_id TEXT NOT NULL,
  client_id TEXT NOT NULL,
  hasBeenApplied INTEGER NOT NULL DEFAULT 0 CHECK (hasBeenApplied IN (0, 1)),
  hasBeenSynced INTEGER NOT NULL DEFAULT 0 CHECK (hasBeenSynced IN (0, 1))
);
CREATE INDEX IF NOT EXISTS idx_talon_messages_sync ON talon_messages (hasBeenSynced);
CREATE INDEX IF NOT EXISTS idx_talon_messages_lookup ON talon_messages (table_name, row, "column");
CREATE INDEX IF NOT EXISTS idx_talon_messages_server_ts ON talon_messages (server_timestamp);
"#;

/// The tables of a device, for SQLite: Talon's own, and one for each that is synced. A row may come cell by cell, so nothing of it has
/// to be there.
pub fn local_schema() -> String {
    let mut sql = LOCAL_MESSAGES.to_owned();
    for collection in sync::collections() {
        let columns: String = collection.columns().map(|column| format!("  \"{}\" {},\n", column.name, affinity(column.kind))).collect();
        sql += &format!(
            "\nCREATE TABLE IF NOT EXISTS {} (\n  id TEXT PRIMARY KEY,\n{columns}  {DELETED} INTEGER NOT NULL DEFAULT 0 CHECK ({DELETED} IN (0, 1))\n);\n",
            collection.name
        );
    }
    sql
}

/// What SQLite keeps a kind of column as.
fn affinity(kind: Kind) -> &'static str {
    match kind {
        Kind::Decimal => "REAL",
        Kind::Integer | Kind::Boolean => "INTEGER",
        Kind::Text | Kind::Instant | Kind::Date | Kind::Time | Kind::Id | Kind::Json => "TEXT",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_fits_on_the_smallest_page() {
        for collection in sync::collections() {
            assert!(collection.columns().count() < SMALLEST_PAGE as usize, "{}", collection.name);
        }
    }

    /// The types of Talon's documents, each with what it is to a column that takes it.
    #[test]
    fn texts_are_read_by_their_types() {
        let reads = [
            (Kind::Text, "null", "", json!(null)),
            (Kind::Text, "string", "", json!("")),
            (Kind::Text, "", "lunch", json!("lunch")),
            (Kind::Integer, "int", "-7", json!(-7)),
            (Kind::Decimal, "int", "7", json!(7)),
            (Kind::Decimal, "double", "2.50", json!("2.5")),
            (Kind::Decimal, "double", "1e-7", json!("0.0000001")),
            (Kind::Decimal, "double", "1.5e+21", json!("1500000000000000000000")),
            (Kind::Boolean, "bool", "1", json!(true)),
            (Kind::Boolean, "bool", "0", json!(false)),
            (Kind::Instant, "datetime", "2026-03-10T12:00:00.000Z", json!("2026-03-10T12:00:00.000Z")),
            (Kind::Json, "json", r#"{"a":[1,null]}"#, json!({ "a": [1, null] })),
            (Kind::Date, "string", "2026-03-10", json!("2026-03-10")),
        ];
        for (kind, data_type, text, expected) in reads {
            assert_eq!(value(kind, data_type, text), Some(expected), "{kind:?} {data_type} {text:?}");
        }
    }

    #[test]
    fn a_text_that_is_not_of_its_type_is_never_taken_for_zero() {
        let refused = [
            (Kind::Integer, "int", "seven"),
            (Kind::Integer, "int", ""),
            (Kind::Decimal, "double", "NaN"),
            (Kind::Decimal, "double", "Infinity"),
            (Kind::Decimal, "double", ""),
            (Kind::Boolean, "bool", "true"),
            (Kind::Boolean, "bool", "2"),
            (Kind::Boolean, "int", "1"),
            // Without a zone nobody knows when it was.
            (Kind::Instant, "datetime", "2026-03-10T12:00:00.000"),
            (Kind::Json, "json", "{"),
            (Kind::Text, "double", "2.5"),
            (Kind::Text, "bool", "1"),
            (Kind::Text, "null", "something"),
            (Kind::Text, "blob", "x"),
        ];
        for (kind, data_type, text) in refused {
            assert_eq!(value(kind, data_type, text), None, "{kind:?} {data_type} {text:?}");
        }
    }

    #[test]
    fn null_and_empty_share_a_text_and_not_a_type() {
        assert_eq!(text(Kind::Text, &json!(null)), ("null", String::new()));
        assert_eq!(text(Kind::Text, &json!("")), ("string", String::new()));
    }

    #[test]
    fn a_cursor_is_its_text() {
        let epoch = Uuid::from_u128(7);
        for snapshot in [None, Some(5)] {
            let cursor = Cursor { epoch, number: 12, snapshot };
            assert_eq!(cursor.to_string().parse::<Cursor>().expect("a cursor"), cursor);
        }
        for text in
            ["", "12", "x:12", &format!("{epoch}:-1"), &format!("{epoch}:1:more"), &format!("{epoch}:1:snapshot:"), &format!("{epoch}:")]
        {
            assert!(text.parse::<Cursor>().is_err(), "{text:?}");
        }
    }

    fn any_value() -> impl Strategy<Value = (Kind, Value)> {
        prop_oneof![
            any::<String>().prop_map(|text| (Kind::Text, json!(text))),
            any::<i32>().prop_map(|number| (Kind::Integer, json!(number))),
            any::<bool>().prop_map(|value| (Kind::Boolean, json!(value))),
            (any::<i64>(), 0..12_u32)
                .prop_map(|(number, scale)| { (Kind::Decimal, json!(Decimal::new(number, scale).normalize().to_string())) }),
            prop::collection::vec(any::<Option<String>>(), 0..4).prop_map(|list| (Kind::Json, json!(list))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_told_reads_back_the_same((kind, told) in any_value()) {
            let (data_type, text) = text(kind, &told);
            prop_assert_eq!(value(kind, data_type, &text), Some(told));
        }

        /// A device keeps a decimal as a double, and prints it again.
        #[test]
        fn fifteen_digits_come_through_a_double(digits in 0..1_000_000_000_000_000_i64, scale in 0..=12_u32) {
            let decimal = Decimal::new(digits, scale).normalize();
            let kept: f64 = decimal.to_string().parse().expect("a double");
            prop_assert_eq!(number(&kept.to_string()), Some(decimal));
        }
    }
}
