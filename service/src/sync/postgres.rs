//! The store in PostgreSQL: one statement for each set of rows, under the policies of whoever writes.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use entity::id::UserId;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, JsonValue, Statement};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    FeedRow, PageSize,
    clock::Clock,
    collection::{Clocks, Collection, Context, DELETED, Deletion, Named},
    from_json,
    merge::Row,
    store::{Decided, FeedSlice, Kept, Names, Store, Unfinished},
};
use crate::{
    access::Tx,
    day::Calendar,
    error::{Error, Result},
    exercise_energy, exercises, foods,
};

#[derive(FromQueryResult)]
struct DecidedRow {
    id: Uuid,
    request: Vec<u8>,
    outcome: JsonValue,
}

#[derive(FromQueryResult)]
struct UnfinishedRow {
    id: Uuid,
    mutation: JsonValue,
}

#[derive(FromQueryResult)]
struct Stored {
    id: Uuid,
    document: JsonValue,
    clocks: JsonValue,
    deleted: bool,
}

impl Store for Tx {
    fn viewer(&self) -> Result<UserId> {
        self.viewer()
    }

    fn now(&self) -> DateTime<Utc> {
        self.now()
    }

    fn new_id(&self) -> Uuid {
        self.new_id()
    }

    async fn rows_after(&self, person: UserId, number: i64, collections: &[&str], most: PageSize) -> Result<FeedSlice> {
        // One statement, for what is shown and what is forgotten must be of the moment of the rows.
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "WITH state AS MATERIALIZED (
               SELECT auth.sync_epoch() AS epoch, coalesce(auth.tombstone_floor($1), 0) AS tombstone_floor, (
                 -- Grants are never deleted: each counts once when it begins, and once more when it ends.
                 SELECT coalesce(sum(CASE WHEN status = 'active' AND (expires_at IS NULL OR expires_at > statement_timestamp()) THEN 1 ELSE 2 END), 0)
                 FROM family_access WHERE grantor_user_id = $1 AND grantee_user_id = $5) AS shown)
             SELECT epoch, tombstone_floor, shown, found, collection, id, number, document, clocks, deleted, version, access_type
             FROM state LEFT JOIN LATERAL (
               SELECT *, count(*) OVER () AS found, sum(bytes) OVER (ORDER BY number ROWS UNBOUNDED PRECEDING) - bytes AS bytes_before FROM (
                 -- What is stored apart is compressed, and has to be unpacked to be known.
                 SELECT *, CASE WHEN pg_column_size(document) < 2000 THEN pg_column_size(document) ELSE octet_length(document::text) END AS bytes
                 FROM sync_rows WHERE user_id = $1 AND number > $2 AND (cardinality($3::text[]) = 0 OR collection = ANY ($3))
                 ORDER BY number LIMIT $4) first) r ON bytes_before < $6 ORDER BY number",
            [
                person.0.into(),
                number.into(),
                collections.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().into(),
                (i64::from(most.rows) + 1).into(),
                self.viewer()?.0.into(),
                most.bytes.into(),
            ],
        );
        let rows = self.query_all_raw(statement).await?;
        let first = rows.first().ok_or_else(|| Error::internal("a feed without a state"))?;
        let found: Option<i64> = first.try_get("", "found")?;
        let (epoch, tombstone_floor) = (first.try_get("", "epoch")?, first.try_get("", "tombstone_floor")?);
        let rows = rows.iter().filter_map(|row| FeedRow::from_query_result_optional(row, "").transpose()).take(most.rows as usize);
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(FeedSlice {
            has_more: found.unwrap_or_default() > rows.len() as i64,
            rows,
            epoch,
            tombstone_floor,
            shown: first.try_get("", "shown")?,
        })
    }

    async fn writable_types(&self, person: UserId) -> Result<Vec<String>> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT access_type FROM family_access WHERE grantor_user_id = $1 AND grantee_user_id = $2 AND status = 'active' AND can_write
               AND (expires_at IS NULL OR expires_at > statement_timestamp())",
            [person.0.into(), self.viewer()?.0.into()],
        );
        let rows = self.query_all_raw(statement).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, sea_orm::DbErr>>()?)
    }

    async fn decided(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Decided>> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT id, request, outcome FROM sync_mutations WHERE user_id = $1 AND id = ANY ($2)",
            [self.viewer()?.0.into(), ids.to_vec().into()],
        );
        let rows = DecidedRow::find_by_statement(statement).all(self).await?;
        let decided = |row: DecidedRow| Ok((row.id, Decided { id: row.id, request: row.request, decision: from_json(row.outcome)? }));
        rows.into_iter().map(decided).collect()
    }

    async fn unfinished(&self, person: UserId, rows: &[Uuid]) -> Result<Vec<Unfinished>> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT id, mutation FROM sync_rejections
             WHERE user_id = $1 AND person_id = $2 AND outcome ->> 'code' = 'incomplete' AND (mutation ->> 'row')::uuid = ANY ($3) ORDER BY id",
            [self.viewer()?.0.into(), person.0.into(), rows.to_vec().into()],
        );
        let rows = UnfinishedRow::find_by_statement(statement).all(self).await?;
        rows.into_iter().map(|row| Ok(Unfinished { id: row.id, mutation: from_json(row.mutation)? })).collect()
    }

    async fn load(&self, person: UserId, collection: &Collection, ids: &[Uuid]) -> Result<Vec<(Uuid, Row)>> {
        let lock =
            format!("SELECT id FROM {} WHERE {} = $1 AND id = ANY ($2) ORDER BY id FOR UPDATE", collection.name, collection.person_column);
        self.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, lock, [person.0.into(), ids.to_vec().into()])).await?;
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT id, document, clocks, deleted FROM sync_rows WHERE user_id = $1 AND collection = $2 AND id = ANY ($3)",
            [person.0.into(), collection.name.into(), ids.to_vec().into()],
        );
        let rows = Stored::find_by_statement(statement).all(self).await?.into_iter().map(|stored| {
            let Value::Object(document) = stored.document else { return Err(Error::internal("a document that is none")) };
            let clocks: Clocks = from_json(stored.clocks)?;
            Ok((stored.id, Row { document: Some(document), clocks, deleted: stored.deleted, ..Row::default() }))
        });
        rows.collect()
    }

    async fn context(&self, person: UserId, named: &Named) -> Result<Context> {
        let mut context = Context { calendar: Some(Calendar::of(self, person).await?), ..Context::default() };
        if !named.foods.is_empty() {
            let foods = foods::by_references(self, &named.foods.iter().copied().collect::<Vec<_>>()).await?;
            context.foods.extend(foods.into_iter().map(|(reference, food)| ((reference, None), food)));
        }
        if !named.logged_foods.is_empty() {
            let foods = foods::in_versions(self, &named.logged_foods.iter().copied().collect::<Vec<_>>()).await?;
            context.foods.extend(foods.into_iter().map(|food| ((food.id, Some(food.nutrition_version)), food)));
        }
        if !named.exercises.is_empty() {
            let exercises = exercises::by_ids(self, &named.exercises.iter().copied().collect::<Vec<_>>()).await?;
            context.exercises.extend(exercises.into_iter().map(|exercise| (exercise.id, exercise)));
            context.bodies = exercise_energy::bodies_at(self, person, &named.instants.iter().copied().collect::<Vec<_>>()).await?;
        }
        Ok(context)
    }

    async fn write(&self, person: UserId, collection: &Collection, rows: &BTreeMap<Uuid, Row>) -> Result<()> {
        let (new, old): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, row)| row.made);
        let record = |(id, row): &(&Uuid, &Row)| {
            let mut record = row.document.clone().unwrap_or_default();
            record.insert("id".to_owned(), json!(id));
            record.insert(DELETED.to_owned(), json!(row.deleted));
            Value::Object(record)
        };
        let names = |fixed: bool| -> Vec<&str> {
            let groups = collection.groups.iter().filter(|group| fixed || !group.fixed);
            groups.flat_map(|group| group.columns).filter(|column| !column.elsewhere).map(|column| column.name).collect()
        };
        let types: Vec<String> = collection.columns().map(|column| format!("\"{}\" {}", column.name, column.kind.sql())).collect();
        let records = format!("jsonb_to_recordset($2::jsonb) AS r (id uuid, {DELETED} boolean, {})", types.join(", "));
        let (table, person_column) = (collection.name, collection.person_column);
        if !new.is_empty() {
            let columns = names(true);
            let (tombstone, deleted) = match collection.deletion {
                Deletion::Flag => (DELETED, "r.deleted"),
                Deletion::At | Deletion::Never => ("deleted_at", "CASE WHEN r.deleted THEN $3::timestamptz END"),
            };
            let sql = format!(
                "INSERT INTO {table} ({person_column}, id, {tombstone}, {}) SELECT $1, r.id, {deleted}, {} FROM {records}",
                columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
                columns.iter().map(|name| format!("r.\"{name}\"")).collect::<Vec<_>>().join(", "),
            );
            let records: Vec<Value> = new.iter().map(record).collect();
            run(self, sql, person, records).await?;
        }
        if !old.is_empty() {
            let mut set: Vec<String> = names(false).iter().map(|name| format!("\"{name}\" = r.\"{name}\"")).collect();
            set.extend(match collection.deletion {
                Deletion::At => Some("deleted_at = CASE WHEN r.deleted THEN coalesce(t.deleted_at, $3::timestamptz) END".to_owned()),
                Deletion::Flag => Some("deleted = r.deleted AND $3::timestamptz IS NOT NULL".to_owned()),
                Deletion::Never => None,
            });
            let sql = format!("UPDATE {table} t SET {} FROM {records} WHERE t.{person_column} = $1 AND t.id = r.id", set.join(", "));
            let records: Vec<Value> = old.iter().map(record).collect();
            if run(self, sql, person, records).await? != old.len() as u64 {
                return Err(Error::NotFound("row"));
            }
        }
        match collection.complement {
            Some(complement) => complement(self, person, rows).await,
            None => Ok(()),
        }
    }

    async fn log(&self, _: UserId, client: &str, seen: &Clock, written: &BTreeMap<&'static str, BTreeMap<Uuid, Row>>) -> Result<()> {
        let rows: BTreeMap<_, BTreeMap<_, _>> = written
            .iter()
            .map(|(name, rows)| {
                (name, rows.iter().map(|(id, row)| (id, json!({ "clocks": row.written, "messages": row.messages }))).collect())
            })
            .collect();
        let origin = json!({ "client": client, "milliseconds": seen.milliseconds, "counter": seen.counter, "rows": rows });
        let statement =
            Statement::from_sql_and_values(DbBackend::Postgres, "SELECT set_config('app.sync', $1, true)", [origin.to_string().into()]);
        self.query_one_raw(statement).await?;
        self.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE").await?;
        Ok(())
    }

    async fn remember(&self, decided: &[Decided]) -> Result<()> {
        let records = decided
            .iter()
            .map(|decided| json!({ "id": decided.id, "request": hex(&decided.request), "outcome": decided.decision }))
            .collect();
        self.execute_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO sync_mutations (user_id, id, request, outcome)
             SELECT $1, r.id, decode(r.request, 'hex'), r.outcome FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, request text, outcome jsonb)
             ON CONFLICT (user_id, id) DO NOTHING",
            [self.viewer()?.0.into(), Value::Array(records).into()],
        ))
        .await?;
        Ok(())
    }

    async fn keep(&self, person: UserId, client: &str, kept: &[Kept]) -> Result<()> {
        let record = |kept: &Kept| {
            storable(json!({ "id": kept.id, "request": hex(&kept.request), "mutation": kept.mutation, "outcome": kept.decision }))
        };
        self.execute_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO sync_rejections (user_id, person_id, client, id, request, mutation, outcome)
             SELECT $1, $3, $4, r.id, decode(r.request, 'hex'), r.mutation, r.outcome
             FROM jsonb_to_recordset($2::jsonb) AS r (id uuid, request text, mutation jsonb, outcome jsonb)
             ON CONFLICT (user_id, person_id, request) DO NOTHING",
            [self.viewer()?.0.into(), Value::Array(kept.iter().map(record).collect()).into(), person.0.into(), client.into()],
        ))
        .await?;
        Ok(())
    }

    async fn forget(&self, ids: &[Uuid]) -> Result<()> {
        self.execute_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "DELETE FROM sync_rejections WHERE user_id = $1 AND id = ANY ($2)",
            [self.viewer()?.0.into(), ids.to_vec().into()],
        ))
        .await?;
        Ok(())
    }

    async fn rows(&self, person: UserId, names: &Names) -> Result<Vec<FeedRow>> {
        let (collections, ids): (Vec<String>, Vec<Uuid>) = names.iter().cloned().unzip();
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT s.collection, s.id, s.number, s.document, s.clocks, s.deleted, s.version, s.access_type FROM sync_rows s
             JOIN unnest($2::text[], $3::uuid[]) AS wanted (collection, id) USING (collection, id) WHERE s.user_id = $1",
            [person.0.into(), collections.into(), ids.into()],
        );
        Ok(FeedRow::find_by_statement(statement).all(self).await?)
    }

    async fn commit(self) -> Result<()> {
        self.commit().await
    }
}

async fn run(tx: &Tx, sql: String, person: UserId, records: Vec<Value>) -> Result<u64> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, sql, [person.0.into(), Value::Array(records).into(), tx.now().into()]);
    Ok(tx.execute_raw(statement).await?.rows_affected())
}

/// What was refused may hold what PostgreSQL has no text for, U+0000. It is kept with the character that stands for others.
fn storable(value: Value) -> Value {
    let text = |text: String| text.replace('\0', "\u{fffd}");
    match value {
        Value::String(value) => Value::String(text(value)),
        Value::Array(values) => values.into_iter().map(storable).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (text(name), storable(value))).collect(),
        value => value,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
