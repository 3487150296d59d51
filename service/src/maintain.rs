//! Upkeep of the database: vacuuming, fresh statistics and rebuilt indexes, where they pay and while Hale serves.
//!
//! Autovacuum does the most of this by itself. What is left is what it does not do (indexes that are mostly empty) and what it
//! has not come to. Nothing here takes a lock that keeps readers or writers out. A heap that is mostly empty stays as it is: what
//! gives that back is VACUUM FULL, which does lock.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};

use crate::{
    access::{Maintenance, Tx},
    error::{Error, Result},
};

/// Whoever holds this changes the database's files: `hale maintain` and `hale doctor --fix`.
pub(crate) const LOCK: i64 = i64::from_be_bytes(*b"halekeep");

/// Something that pays.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Task {
    /// The statement, without the relation: `VACUUM (ANALYZE)`, `ANALYZE` or `REINDEX INDEX CONCURRENTLY`.
    pub command: String,
    /// The table or index, quoted and qualified where it has to be.
    pub relation: String,
    /// Why, for people.
    pub reason: String,
}

/// A task that was tried.
#[derive(Clone, Debug)]
pub struct Done {
    /// Which.
    pub task: Task,
    /// The relation's size before, in bytes; a table's with its indexes.
    pub before: i64,
    /// The same afterwards.
    pub after: i64,
    /// Why it was not done, if it was not.
    pub failure: Option<String>,
}

/// Tables with more than 1,000 rows and a fifth of them dead, or changed since they were analysed; tables of 1 MiB that were never
/// analysed; tables whose oldest transaction is so long ago that autovacuum
/// should have been there (two and a half times `autovacuum_freeze_max_age`: 500 million; at 2,000 million PostgreSQL stops).
const TABLES: &str = "
    WITH tables AS (
      SELECT c.oid, c.oid::regclass::text AS relation, age(c.relfrozenxid) AS age, current_setting('autovacuum_freeze_max_age')::int8 * 2.5 AS old, s.n_dead_tup AS dead, s.n_live_tup AS live,
        s.n_mod_since_analyze AS changed, pg_relation_size(c.oid) AS size, coalesce(s.last_analyze, s.last_autoanalyze) IS NULL AS unknown
      FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
      WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND pg_has_role(c.relowner, 'USAGE'))
    SELECT CASE WHEN age > old THEN 'VACUUM (FREEZE, ANALYZE)' WHEN dead > 1000 AND dead > live * 0.2 THEN 'VACUUM (ANALYZE)' ELSE 'ANALYZE' END AS command,
      relation,
      CASE WHEN age > old THEN format('its oldest transaction is %s transactions ago', age)
        WHEN dead > 1000 AND dead > live * 0.2 THEN format('%s dead rows beside %s living ones', dead, live)
        WHEN unknown AND size > 1048576 THEN 'it was never analysed'
        ELSE format('%s changes since it was analysed, with %s rows', changed, live) END AS reason
    FROM tables
    WHERE age > old OR dead > 1000 AND dead > live * 0.2 OR unknown AND size > 1048576 OR changed > 1000 AND changed > live * 0.2
    ORDER BY size DESC, relation";

/// Valid B-tree indexes of 1 MiB and more, with how much of each is empty: as pgstattuple counts it.
const MEASURED: &str = "
    SELECT i.indexrelid, m.index_size AS size, 'as pgstattuple counts' AS how,
      1 - m.leaf_pages * coalesce(nullif(m.avg_leaf_density, 'NaN'), 0) / 100 / 0.9 / greatest(m.index_size / current_setting('block_size')::int, 1) AS empty
    FROM candidates i, pgstatindex(i.indexrelid::regclass) m";

/// The same, guessed from the number of rows and the width of the columns: right where entries are all different.
const ESTIMATED: &str = "
    SELECT i.indexrelid, pg_relation_size(i.indexrelid) AS size, 'estimated from statistics' AS how,
      1 - (1 + c.reltuples * (12 + w.width) / 0.9 / (current_setting('block_size')::int - 40))
        / greatest(pg_relation_size(i.indexrelid) / current_setting('block_size')::int, 1) AS empty
    FROM candidates i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace,
      LATERAL (SELECT sum(ceil(coalesce(s.avg_width, CASE WHEN a.attlen > 0 THEN a.attlen ELSE 32 END) / 8.0) * 8)::float8 AS width
        FROM pg_attribute a LEFT JOIN pg_attribute o ON o.attrelid = i.indrelid AND o.attnum = i.indkey[a.attnum - 1] AND o.attnum > 0
          LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = o.attname
        WHERE a.attrelid = i.indexrelid AND a.attnum > 0) w
    WHERE c.reltuples >= 0";

/// What pays for tables.
pub(crate) async fn tables(tx: &Tx) -> Result<Vec<Task>, DbErr> {
    Task::find_by_statement(statement(TABLES)).all(tx).await
}

/// What pays for indexes: a new one where half is empty.
pub(crate) async fn indexes(tx: &Tx) -> Result<Vec<Task>, DbErr> {
    let sizes = if has_extension(tx, "pgstattuple").await? { MEASURED } else { ESTIMATED };
    let sql = format!(
        "WITH candidates AS MATERIALIZED (
           SELECT i.indexrelid, i.indrelid, i.indkey FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
           WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisvalid AND i.indisready AND pg_has_role(c.relowner, 'USAGE')
             AND c.relnamespace <> 'pg_toast'::regnamespace AND pg_relation_size(c.oid) >= 1048576),
         sizes AS ({sizes})
         SELECT 'REINDEX INDEX CONCURRENTLY' AS command, indexrelid::regclass::text AS relation,
           format('%s %% of its %s is empty, %s', round(empty::numeric * 100), pg_size_pretty(size), how) AS reason
         FROM sizes WHERE empty > 0.5 ORDER BY size DESC, 2"
    );
    Task::find_by_statement(statement(&sql)).all(tx).await
}

/// What pays now.
pub async fn plan(maintenance: &Maintenance) -> Result<Vec<Task>> {
    let tx = maintenance.begin().await?;
    let mut tasks = tables(&tx).await?;
    tasks.extend(indexes(&tx).await?);
    Ok(tasks)
}

/// Does what pays, one thing after the other, and tells `told` of each before it begins. What fails does not keep the rest from
/// being done. Fails at once while another `hale maintain` or `hale doctor --fix` runs.
///
/// Whoever is killed half-way leaves nothing but an INVALID index named `…_ccnew`, which nothing reads and `hale doctor --fix` drops.
pub async fn maintain(maintenance: &Maintenance, told: impl Fn(&Task)) -> Result<Vec<Done>> {
    let busy = || Error::conflict("hale maintain or hale doctor --fix runs already: wait for it");
    let mut alone = maintenance.alone(LOCK).await?.ok_or_else(busy)?;
    let mut all = Vec::new();
    for task in plan(maintenance).await? {
        told(&task);
        let before = size(maintenance, &task.relation).await?;
        let failure = alone.run(&format!("{} {}", task.command, task.relation)).await.err().map(|error| message(&error));
        all.push(Done { before, after: size(maintenance, &task.relation).await?, task, failure });
    }
    Ok(all)
}

async fn size(maintenance: &Maintenance, relation: &str) -> Result<i64> {
    let tx = maintenance.begin().await?;
    // Gone meanwhile is nothing.
    let size = "SELECT coalesce(pg_total_relation_size(to_regclass($1)), 0)";
    let row = tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, size, [relation.into()])).await?;
    row.map_or(Ok(0), |row| Ok(row.try_get_by_index(0)?))
}

pub(crate) async fn has_extension(tx: &Tx, name: &str) -> Result<bool, DbErr> {
    let sql = "SELECT FROM pg_extension WHERE extname = $1";
    Ok(tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()])).await?.is_some())
}

pub(crate) fn statement(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

/// What PostgreSQL says, without the detail, which quotes rows.
pub(crate) fn message(error: &DbErr) -> String {
    let (DbErr::Conn(sea_orm::RuntimeErr::SqlxError(source))
    | DbErr::Exec(sea_orm::RuntimeErr::SqlxError(source))
    | DbErr::Query(sea_orm::RuntimeErr::SqlxError(source))) = error
    else {
        return error.to_string();
    };
    source.as_database_error().map_or_else(|| source.to_string(), |error| error.message().to_owned())
}
