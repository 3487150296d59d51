//! A phone with Talon: its client side over SQLite, as its documents tell it, with what they leave to the app. It talks to the real
//! server. The newest message of a cell by its clock is what the cell holds.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use chrono::TimeDelta;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use service::sync::clock::Clock;

use super::{Person, TestApp};

/// Talon's own table, word for word as its documents have it.
pub const TALON_MESSAGES: &str = r#"
CREATE TABLE IF NOT EXISTS talon_messages (
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
-- Index for finding unsynced messages
CREATE INDEX IF NOT EXISTS idx_talon_messages_sync
ON talon_messages(hasBeenSynced);
-- Index for conflict detection
CREATE INDEX IF NOT EXISTS idx_talon_messages_lookup
ON talon_messages(table_name, row, "column");
-- Index for incremental sync
CREATE INDEX IF NOT EXISTS idx_talon_messages_server_ts
ON talon_messages(server_timestamp);
"#;

const MESSAGE: &str = "id tableName row column dataType value serverTimestamp localTimestamp userId clientId";

/// Talon's batch.
const BATCH: u32 = 50;

/// A phone, which is its SQLite file.
pub struct Phone<'a> {
    app: &'a TestApp,
    sqlite: Connection,
    file: PathBuf,
    user: String,
    pub client: String,
    /// How far its clock is ahead.
    pub skew: TimeDelta,
}

impl Drop for Phone<'_> {
    fn drop(&mut self) {
        fs::remove_file(&self.file).ok();
    }
}

/// A cell: its table, row and column.
type Cell = (String, String, String);

impl<'a> Phone<'a> {
    /// A phone on which the app was just installed.
    pub fn of(person: &Person<'a>, client: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hale-talon-{}-{}.sqlite", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let file = std::env::temp_dir().join(name);
        let sqlite = open(&file);
        Self { app: person.app, sqlite, file, user: person.id.clone(), client: client.to_owned(), skew: TimeDelta::zero() }
    }

    /// Kills the app and starts it again: what is not in the file is gone.
    pub fn restarts(&mut self) {
        self.sqlite = open(&self.file);
    }

    fn state(&self, key: &str) -> Option<String> {
        self.sqlite.query_row("SELECT value FROM state WHERE key = ?", [key], |row| row.get(0)).optional().unwrap()
    }

    fn keep(&self, key: &str, value: &str) {
        self.sqlite
            .execute("INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", [key, value])
            .unwrap();
    }

    fn clock(&self) -> Option<Clock> {
        self.state("clock").map(|clock| clock.parse().unwrap())
    }

    fn wall(&self) -> chrono::DateTime<chrono::Utc> {
        service::clock::Clock::now(&*self.app.clock) + self.skew
    }

    /// What the app calls on the person's behalf: each column of a row with its type and text. Answers the ids of the messages.
    pub fn saves(&self, table: &str, row: &str, cells: &[(&str, &str, &str)]) -> Vec<String> {
        let saved = cells.iter().map(|(column, data_type, value)| {
            let clock = Clock::after(self.clock().as_ref(), self.wall(), &self.client);
            // Before the message, so that no restart gives it out twice.
            self.keep("clock", &clock.to_string());
            let id = uuid::Uuid::new_v4().to_string();
            self.sqlite
                .execute(
                    r#"INSERT INTO talon_messages (id, table_name, row, "column", data_type, value, local_timestamp, user_id, client_id)
                       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"#,
                    params![id, table, row, column, data_type, value, clock.to_string(), self.user, self.client],
                )
                .unwrap();
            self.apply(&(table.to_owned(), row.to_owned(), (*column).to_owned()));
            id
        });
        saved.collect()
    }

    /// Writes to the app's own table what the newest message of the cell says. What the app does not know stays in the log.
    fn apply(&self, (table, row, column): &Cell) {
        let known = "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?";
        if self.sqlite.query_row(known, [table, column], |row| row.get::<_, i64>(0)).unwrap() == 0 {
            return;
        }
        let mut messages = self
            .sqlite
            .prepare(r#"SELECT local_timestamp, hasBeenSynced, data_type, value, id FROM talon_messages WHERE table_name = ? AND row = ? AND "column" = ?"#)
            .unwrap();
        let messages = messages.query_map([table, row, column], |row| {
            let clock: String = row.get(0)?;
            // What the server has told is what it is now.
            Ok((
                (clock.parse::<Clock>().ok(), row.get::<_, i64>(1)?),
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
            ))
        });
        let newest = messages.unwrap().map(Result::unwrap).max_by(|one, other| one.0.cmp(&other.0));
        self.sqlite.execute(&format!("INSERT OR IGNORE INTO {table} (id) VALUES (?)"), [row]).unwrap();
        let set = |value: rusqlite::types::Value| {
            self.sqlite.execute(&format!(r#"UPDATE {table} SET "{column}" = ? WHERE id = ?"#), params![value, row]).unwrap();
        };
        match newest {
            Some((_, data_type, text, id)) => {
                set(typed(&data_type, text));
                self.sqlite.execute("UPDATE talon_messages SET hasBeenApplied = 1 WHERE id = ?", [id]).unwrap();
            }
            None if column == "deleted" => set(rusqlite::types::Value::Integer(0)),
            None => set(rusqlite::types::Value::Null),
        }
        let gone =
            format!("DELETE FROM {table} WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM talon_messages WHERE table_name = ?2 AND row = ?1)");
        self.sqlite.execute(&gone, params![row, table]).unwrap();
    }

    /// The next messages to send.
    fn batch(&self) -> Vec<Value> {
        let mut batch = self
            .sqlite
            .prepare(
                r#"SELECT id, table_name, row, "column", data_type, value, local_timestamp, user_id, client_id FROM talon_messages
                        WHERE hasBeenSynced = 0 ORDER BY rowid LIMIT ?"#,
            )
            .unwrap();
        let message = |row: &rusqlite::Row<'_>| {
            let text = |n: usize| row.get::<_, String>(n);
            Ok(json!({ "id": text(0)?, "tableName": text(1)?, "row": text(2)?, "column": text(3)?, "dataType": text(4)?, "value": text(5)?,
                "localTimestamp": text(6)?, "userId": text(7)?, "clientId": text(8)? }))
        };
        batch.query_map([BATCH], message).unwrap().map(Result::unwrap).collect()
    }

    /// Sends what was not sent yet, in batches, and answers what became of each message.
    pub async fn uploads(&self, person: &Person<'_>) -> Vec<Value> {
        let mut outcomes = Vec::new();
        loop {
            let batch = self.batch();
            if batch.is_empty() {
                return outcomes;
            }
            let answer = pushes(person, json!(batch)).await;
            for outcome in answer["outcomes"].as_array().unwrap() {
                self.settles(outcome);
                outcomes.push(outcome.clone());
            }
        }
    }

    /// Sends the next batch, and the connection breaks before the answer comes.
    pub async fn uploads_and_hears_nothing(&self, person: &Person<'_>) {
        pushes(person, json!(self.batch())).await;
    }

    /// Keeps what became of a message.
    fn settles(&self, outcome: &Value) {
        let id = outcome["id"].as_str().unwrap();
        let cell = r#"SELECT table_name, row, "column" FROM talon_messages WHERE id = ?"#;
        let cell: Cell = self.sqlite.query_row(cell, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        match outcome["status"].as_str().unwrap() {
            "HELD" => _ = self.sqlite.execute("UPDATE talon_messages SET hasBeenSynced = 1 WHERE id = ?", [id]).unwrap(),
            // What stands is another message's; this one is no more.
            "SUPERSEDED" | "REJECTED" => _ = self.sqlite.execute("DELETE FROM talon_messages WHERE id = ?", [id]).unwrap(),
            _ => {}
        }
        if !outcome["current"].is_null() {
            self.stores(&outcome["current"]);
        }
        self.apply(&cell);
    }

    fn stores(&self, message: &Value) -> Cell {
        let text = |field: &str| message[field].as_str().unwrap().to_owned();
        let server_timestamp: Option<i64> = message["serverTimestamp"].as_str().map(|number| number.parse().unwrap());
        self.sqlite
            .execute(
                r#"INSERT INTO talon_messages (id, table_name, row, "column", data_type, value, server_timestamp, local_timestamp, user_id, client_id, hasBeenSynced)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
                   ON CONFLICT (id) DO UPDATE SET data_type = excluded.data_type, value = excluded.value, local_timestamp = excluded.local_timestamp,
                     server_timestamp = coalesce(excluded.server_timestamp, server_timestamp), hasBeenSynced = 1"#,
                params![
                    text("id"), text("tableName"), text("row"), text("column"), text("dataType"), text("value"), server_timestamp,
                    text("localTimestamp"), text("userId"), text("clientId")
                ],
            )
            .unwrap();
        let remote: Clock = text("localTimestamp").parse().unwrap();
        let wall = self.wall();
        let own = self.clock().unwrap_or_else(|| Clock::after(None, wall, &self.client));
        self.keep("clock", &Clock::receiving(&own, &remote, wall).to_string());
        (text("tableName"), text("row"), text("column"))
    }

    /// Keeps a page: its messages first, then its cursor, or neither.
    pub fn receives(&self, page: &Value) {
        let transaction = self.sqlite.unchecked_transaction().unwrap();
        if page["resync"] == true {
            let mut rows = self.sqlite.prepare(r#"SELECT DISTINCT table_name, row, "column" FROM talon_messages"#).unwrap();
            let cells: Vec<Cell> =
                rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap().map(Result::unwrap).collect();
            self.sqlite.execute("DELETE FROM talon_messages WHERE hasBeenSynced = 1", []).unwrap();
            cells.iter().for_each(|cell| self.apply(cell));
        }
        let cells: Vec<_> = page["messages"].as_array().unwrap().iter().map(|message| self.stores(message)).collect();
        cells.iter().for_each(|cell| self.apply(cell));
        self.keep("cursor", page["cursor"].as_str().unwrap());
        transaction.commit().unwrap();
    }

    /// Fetches what is new, page by page; without its own messages where `except` says so. Answers the pages.
    pub async fn downloads_except(&self, person: &Person<'_>, except: Option<&str>) -> Vec<Value> {
        let mut pages = Vec::new();
        loop {
            let page = page(person, json!({ "after": self.cursor(), "limit": 50, "except": except })).await;
            self.receives(&page);
            let has_more = page["hasMore"] == true;
            pages.push(page);
            if !has_more {
                return pages;
            }
        }
    }

    /// Fetches what is new but for its own, as Talon does.
    pub async fn downloads(&self, person: &Person<'_>) -> Vec<Value> {
        self.downloads_except(person, Some(&self.client)).await
    }

    /// Sends, then fetches.
    pub async fn syncs(&self, person: &Person<'_>) -> Vec<Value> {
        let outcomes = self.uploads(person).await;
        self.downloads(person).await;
        outcomes
    }

    pub fn cursor(&self) -> Option<String> {
        self.state("cursor")
    }

    /// What the app's table holds in a cell.
    pub fn cell(&self, table: &str, row: &str, column: &str) -> Value {
        let sql = format!(r#"SELECT "{column}" FROM {table} WHERE id = ?"#);
        let value = self.sqlite.query_row(&sql, [row], |row| row.get::<_, rusqlite::types::Value>(0)).optional().unwrap();
        value.map_or(Value::Null, shown)
    }

    /// All rows of a table of the app, by id.
    pub fn rows(&self, table: &str) -> Vec<Value> {
        let mut rows = self.sqlite.prepare(&format!("SELECT * FROM {table} ORDER BY id")).unwrap();
        let names: Vec<_> = rows.column_names().into_iter().map(str::to_owned).collect();
        let read = |row: &rusqlite::Row<'_>| {
            names
                .iter()
                .enumerate()
                .map(|(n, name)| Ok((name.clone(), shown(row.get(n)?))))
                .collect::<rusqlite::Result<serde_json::Map<_, _>>>()
        };
        rows.query_map([], read).unwrap().map(|row| Value::Object(row.unwrap())).collect()
    }

    /// The numbers of all messages that came from the server, in order.
    pub fn numbers(&self) -> Vec<i64> {
        let mut numbers =
            self.sqlite.prepare("SELECT server_timestamp FROM talon_messages WHERE server_timestamp IS NOT NULL ORDER BY 1").unwrap();
        numbers.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// How many messages wait to be sent.
    pub fn waiting(&self) -> i64 {
        self.sqlite.query_row("SELECT count(*) FROM talon_messages WHERE hasBeenSynced = 0", [], |row| row.get(0)).unwrap()
    }
}

fn open(file: &PathBuf) -> Connection {
    let sqlite = Connection::open(file).unwrap();
    sqlite.execute_batch(TALON_MESSAGES).unwrap();
    sqlite.execute_batch(&service::talon::local_schema()).unwrap();
    sqlite.execute_batch("CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL)").unwrap();
    sqlite
}

/// A text as Talon reads it back.
fn typed(data_type: &str, text: String) -> rusqlite::types::Value {
    use rusqlite::types::Value::{Integer, Null, Real, Text};
    match data_type {
        "null" => Null,
        "int" | "bool" => Integer(text.parse().unwrap()),
        "double" => Real(text.parse().unwrap()),
        _ => Text(text),
    }
}

fn shown(value: rusqlite::types::Value) -> Value {
    use rusqlite::types::Value::{Blob, Integer, Null, Real, Text};
    match value {
        Null => Value::Null,
        Integer(number) => json!(number),
        Real(number) => json!(number),
        Text(text) => json!(text),
        Blob(_) => panic!("Talon keeps no blobs"),
    }
}

/// What becomes of messages that are pushed.
pub async fn pushes(person: &Person<'_>, messages: Value) -> Value {
    let document = format!(
        "mutation($input: TalonPushInput!) {{ talonPush(input: $input) {{ succeeded
           outcomes {{ id status code field message clockSkew current {{ {MESSAGE} }} }} }} }}"
    );
    person.ask(&document, json!({ "input": { "messages": messages } })).await["talonPush"].take()
}

/// A page of messages.
pub async fn page(person: &Person<'_>, variables: Value) -> Value {
    person.ask(&page_document(), variables).await["talonMessages"].take()
}

pub fn page_document() -> String {
    format!(
        "query($after: String, $limit: Int!, $except: String) {{ talonMessages(after: $after, limit: $limit, excludeClient: $except) {{
           cursor epoch hasMore snapshot resync messages {{ {MESSAGE} }} }} }}"
    )
}

/// What is subscribed to.
pub fn stream_document() -> String {
    format!(
        "subscription($after: String, $except: String) {{ talonStream(after: $after, excludeClient: $except) {{
           cursor epoch hasMore snapshot resync messages {{ {MESSAGE} }} }} }}"
    )
}
