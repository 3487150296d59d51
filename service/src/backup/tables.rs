//! What there is to back up, as PostgreSQL's catalogue tells it.

use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, QueryResult, Statement};

use super::{
    Error,
    archive::{Head, Migration, Sequence},
};
use crate::access::Tx;

/// How values look in COPY, whatever the session, the role, the database or the server would have.
pub(crate) const SETTINGS: &str = "SET LOCAL client_encoding = 'UTF8'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL TimeZone = 'UTC'; \
    SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = pg_catalog; \
    SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

/// Relations of Hale's own: neither PostgreSQL's nor an extension's, nor a session's.
const OWN: &str = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

/// A table with its columns but for generated ones.
pub(super) struct Stored {
    pub schema: String,
    pub name: String,
    pub columns: Vec<String>,
    /// How many bytes it takes on the disk.
    pub size: u64,
}

impl Stored {
    pub fn qualified(&self) -> String {
        qualified(&self.schema, &self.name)
    }
}

/// A name as it stands in a statement.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `schema.table (column, …)`, as COPY wants it.
pub(crate) fn with_columns(schema: &str, name: &str, columns: &[String]) -> String {
    let columns: Vec<_> = columns.iter().map(|column| identifier(column)).collect();
    format!("{} ({})", qualified(schema, name), columns.join(", "))
}

/// All tables, in the order of their names. Each is locked against changes of its columns until the transaction ends.
pub(super) async fn tables(tx: &Tx) -> Result<Vec<Stored>, Error> {
    let rows = query(
        tx,
        &format!(
            "SELECT n.nspname::text AS schema, c.relname::text AS name, pg_table_size(c.oid) AS size,
               array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '') AS columns
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE c.relkind = 'r' AND {OWN} GROUP BY 1, 2, c.oid ORDER BY 1, 2"
        ),
    )
    .await?;
    let mut tables = Vec::with_capacity(rows.len());
    for row in rows {
        let size: i64 = row.try_get("", "size")?;
        tables.push(Stored {
            schema: row.try_get("", "schema")?,
            name: row.try_get("", "name")?,
            columns: row.try_get::<Option<Vec<String>>>("", "columns")?.unwrap_or_default(),
            size: u64::try_from(size).unwrap_or_default(),
        });
    }
    if !tables.iter().any(|table| (table.schema.as_str(), table.name.as_str()) == ("public", "migrations")) {
        return Err(Error::Refused("there is nothing to back up: this database holds no schema of Hale's".to_owned()));
    }
    let names: Vec<_> = tables.iter().map(Stored::qualified).collect();
    tx.execute_unprepared(&format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "))).await?;
    Ok(tables)
}

/// All sequences, in the order of their names.
pub(super) async fn sequences(tx: &Tx) -> Result<Vec<Sequence>, Error> {
    let names = query(
        tx,
        &format!(
            "SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind = 'S' AND {OWN} ORDER BY 1, 2"
        ),
    )
    .await?;
    let mut sequences = Vec::with_capacity(names.len());
    for row in names {
        let (schema, name): (String, String) = (row.try_get("", "schema")?, row.try_get("", "name")?);
        for state in query(tx, &format!("SELECT last_value, is_called FROM {}", qualified(&schema, &name))).await? {
            let (last_value, is_called) = (state.try_get("", "last_value")?, state.try_get("", "is_called")?);
            sequences.push(Sequence { schema: schema.clone(), name: name.clone(), last_value, is_called });
        }
    }
    Ok(sequences)
}

/// What makes the backup, and of which schema.
pub(super) async fn head(tx: &Tx, keys: Vec<String>) -> Result<Head, Error> {
    #[derive(FromQueryResult)]
    struct Applied {
        version: String,
        name: String,
        checksum: String,
    }
    let postgresql: String = super::row(tx, "SHOW server_version").await?.try_get_by_index(0)?;
    let applied = "SELECT version, name, checksum FROM public.migrations ORDER BY version COLLATE \"C\"";
    let applied = Applied::find_by_statement(Statement::from_string(DbBackend::Postgres, applied)).all(tx).await?;
    Ok(Head {
        application: "hale".to_owned(),
        format: super::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: tx.now(),
        postgresql,
        migrations: applied.into_iter().map(|Applied { version, name, checksum }| Migration { version, name, checksum }).collect(),
        keys,
    })
}

async fn query(tx: &Tx, sql: &str) -> Result<Vec<QueryResult>, Error> {
    Ok(tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?)
}
