//! RxDB's replication over the sync engine: its clients know whole documents, and push what they made of one with what they took the
//! server to have. This only translates: what becomes of a push is the engine's to say, and what is pulled is the feed.
//!
//! A document has the columns of the row in camelCase, `id`, and `_deleted`. JSON is text, since RxDB's query builders ask for the
//! fields of whatever is an object, and canonical, so that it is the same for the same value.

use sea_orm::{ConnectionTrait, DbBackend, JsonValue as Value, Statement};
use serde_json::json;
use uuid::Uuid;

pub use crate::sync::collection::{Collection, Document};
use crate::{
    access::{Tx, Viewer},
    error::{Error, Result},
    input::{self, field},
    sync::{
        self, Cursor, FeedPage, FeedRow, PageSize, Push,
        collection::{DELETED as DELETED_COLUMN, Kind},
        merge::{Mutation, Write},
    },
};

/// The field by which RxDB knows that a document is deleted.
pub const DELETED: &str = "_deleted";
const ID: &str = "id";

/// A document that a client pushes.
pub struct PushRow {
    /// What the client took the server to have; `None` when it made the document.
    pub assumed: Option<Document>,
    /// What it made of it.
    pub new: Document,
}

/// The documents that changed after a checkpoint.
pub struct Pulled {
    /// In the order of their last changes.
    pub documents: Vec<Document>,
    /// Where to go on.
    pub checkpoint: Cursor,
    /// Whether the checkpoint means nothing any more and these begin anew: documents that do not come again are gone.
    pub resync: bool,
}

impl Pulled {
    /// What a page of the feed tells of one collection.
    pub fn new(collection: &Collection, page: FeedPage) -> Self {
        let documents = page.rows.iter().map(|row| document(collection, row)).collect();
        Self { documents, checkpoint: page.cursor, resync: page.resync }
    }
}

/// The viewer's documents that changed after a checkpoint: `limit` of them, fewer only at the end.
pub async fn pull(tx: &Tx, collection: &Collection, checkpoint: Option<Cursor>, limit: u32) -> Result<Pulled> {
    let page = sync::feed(tx, tx.viewer()?, checkpoint, &[collection.name], PageSize::exactly(limit)).await?;
    Ok(Pulled::new(collection, page))
}

/// Applies what a client made of documents, and answers those that are not as the client believes from now on: lost to another write,
/// rejected, merged, or completed by what follows from others. A document that cannot be and never was is answered deleted. `shown` says
/// which fields the client looks at.
pub async fn push(viewer: &Viewer, collection: &Collection, rows: Vec<PushRow>, shown: impl Fn(&str) -> bool) -> Result<Vec<Document>> {
    // A client pushes one batch after the other, so what a session wrote last is what its device knows.
    let client = viewer.session_id().map_or_else(|| "rxdb".to_owned(), |session| session.to_string());
    let mutations = rows.iter().map(|row| mutation(collection, row)).collect::<Result<_>>()?;
    let receipts = sync::apply(viewer, Push { person: viewer.user_id(), client, mutations }).await?;
    let masters = rows.into_iter().zip(receipts).filter_map(|(PushRow { new, .. }, receipt)| {
        let master = match receipt.row.filter(|row| new.get(ID) == Some(&json!(row.id))) {
            Some(row) => document(collection, &row),
            None => Document::from_iter(new.clone().into_iter().chain([(DELETED.to_owned(), json!(true))])),
        };
        let differs = |(field, value): (&String, &Value)| shown(field) && new.get(field).unwrap_or(&Value::Null) != value;
        master.iter().any(differs).then_some(master)
    });
    Ok(masters.collect())
}

/// From where a stream begins that is asked for now, so that nothing falls between it and the pull by which its client catches up: at the
/// head that the client's connection was acknowledged with, or, since clients share connections for hours, at the head of half a
/// minute ago if that is later.
pub async fn stream_start(tx: &Tx, acknowledged: Option<Cursor>) -> Result<Cursor> {
    let head = sync::head(tx).await?.cursor;
    // A change has the time at which its transaction began, which may be a minute before its commit.
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT coalesce(
           (SELECT number FROM sync_changes WHERE user_id = $1 AND created_at <= $2::timestamptz - interval '90 seconds' ORDER BY number DESC LIMIT 1),
           (SELECT first_number - 1 FROM sync_changes WHERE user_id = $1 ORDER BY number LIMIT 1))",
        [tx.viewer()?.0.into(), tx.now().into()],
    );
    let lately = tx.query_one_raw(statement).await?.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?.flatten();
    let lately = Cursor { number: lately.unwrap_or(head.number), ..head };
    // Of another history, it begins anew.
    Ok(acknowledged.filter(|acknowledged| acknowledged.epoch != head.epoch || acknowledged.number > lately.number).unwrap_or(lately))
}

fn document(collection: &Collection, row: &FeedRow) -> Document {
    let columns = collection.columns().map(|column| (field(column.name), shown(column.kind, row.value(column.name))));
    columns.chain([(ID.to_owned(), json!(row.id)), (DELETED.to_owned(), json!(row.deleted))]).collect()
}

/// A value as documents hold it.
fn shown(kind: Kind, value: &Value) -> Value {
    match (kind, value) {
        // As JavaScript writes instants: what a client wrote comes back as it was.
        (Kind::Instant, Value::String(at)) => json!(at.strip_suffix("000Z").map_or_else(|| at.clone(), |at| format!("{at}Z"))),
        (Kind::Json, Value::Null) => Value::Null,
        (Kind::Json, value) => json!(serde_json_canonicalizer::to_string(value).unwrap_or_else(|_| value.to_string())),
        (_, value) => value.clone(),
    }
}

/// A value as the engine takes it. What is wrong stays wrong, for the engine to reject and keep.
fn written(kind: Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Json, Value::String(text)) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        (_, value) => value.clone(),
    }
}

fn mutation(collection: &Collection, row: &PushRow) -> Result<Mutation> {
    let columns = |document: &Document| -> Document {
        let written = collection.columns().filter(|column| !column.derived).filter_map(|column| {
            let value = document.get(&field(column.name))?;
            Some((column.name.to_owned(), written(column.kind, value)))
        });
        written.chain([(DELETED_COLUMN.to_owned(), document.get(DELETED).cloned().unwrap_or(json!(false)))]).collect()
    };
    let mut new = columns(&row.new);
    let id = match row.new.get(ID).and_then(id) {
        Some(id) => id,
        None => {
            // There is no such row, nor can there be: the engine says so, and keeps what was written.
            new.insert(ID.to_owned(), row.new.get(ID).cloned().unwrap_or_default());
            Uuid::from_slice(&input::fingerprint(&row.new.get(ID))?[..16]).map_err(|error| Error::Internal(error.into()))?
        }
    };
    Ok(Mutation {
        id: None,
        collection: collection.name.to_owned(),
        row: id,
        write: Write::Replace { assumed: row.assumed.as_ref().map(columns), new },
    })
}

/// An id in the one form that comes back the same: to a client, another form would be another document.
fn id(value: &Value) -> Option<Uuid> {
    let text = value.as_str()?;
    Uuid::try_parse(text).ok().filter(|id| id.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_comes_back_as_javascript_wrote_it() {
        for (stored, told) in [
            ("2026-03-10T12:00:00.000000Z", "2026-03-10T12:00:00.000Z"),
            ("2026-03-10T12:00:00.120000Z", "2026-03-10T12:00:00.120Z"),
            ("2026-03-10T12:00:00.120001Z", "2026-03-10T12:00:00.120001Z"),
            ("2026-03-10T12:00:00.000100Z", "2026-03-10T12:00:00.000100Z"),
        ] {
            assert_eq!(shown(Kind::Instant, &json!(stored)), json!(told));
        }
    }

    #[test]
    fn an_id_is_known_in_one_form_alone() {
        let known = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
        assert_eq!(id(&json!(known)).map(|id| id.to_string()).as_deref(), Some(known));
        for other in [json!(known.to_uppercase()), json!(known.replace('-', "")), json!("breakfast"), json!(7), Value::Null] {
            assert_eq!(id(&other), None, "{other}");
        }
    }
}
