//! What an operator would want to know of an installation's database: each check is one statement, and its faults have names.
//!
//! Everything runs as hale_owner, who is no superuser. What the server lacks (an extension, a right) makes a check skipped, with
//! what would let it run, and never fine.

mod checks;

use sea_orm::{ConnectionTrait, DbErr, QueryResult, TryGetable};
use serde::Serialize;

use self::checks::{CHECKS, Check, Shape};
use crate::{
    access::{Alone, Maintenance, Tx},
    error::{Error, Result},
    maintain::{self, LOCK, Task, has_extension, message, statement},
};

/// How a check ended, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// It could not be looked at; `advice` says what it needs.
    Skipped,
    /// Something that will hurt, or costs more than it has to.
    Warning,
    /// Something is broken, or people's data are in danger.
    Failed,
}

impl Status {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ok" => Self::Ok,
            "skipped" => Self::Skipped,
            "warning" => Self::Warning,
            "failed" => Self::Failed,
            _ => return None,
        })
    }
}

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Which check: a name that stays the same.
    pub name: &'static str,
    /// How it ended.
    pub status: Status,
    /// What was found, in one line.
    pub found: String,
    /// One line for each thing found, where there are several.
    pub details: Vec<String>,
    /// What to do, unless all is well.
    pub advice: Option<String>,
    /// What `--fix` did, or why it could not.
    pub fixed: Vec<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, found: found.into(), details: Vec::new(), advice: None, fixed: Vec::new() }
    }

    /// All is not well.
    pub fn new(name: &'static str, status: Status, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status, advice: Some(advice.into()), ..Self::ok(name, found) }
    }

    /// As bad as the worst of these lines, or fine when there are none.
    pub fn of(name: &'static str, lines: Vec<(Status, String)>, fine: impl Into<String>, advice: &str) -> Self {
        let status = lines.iter().map(|(status, _)| *status).max().unwrap_or(Status::Ok);
        let first = lines.iter().find(|(each, _)| *each == status).map(|(_, line)| line.clone());
        let more = lines.iter().filter(|(each, _)| *each == status).count().saturating_sub(1);
        let found = match first {
            Some(line) if more > 0 && status > Status::Ok => format!("{line}, and {more} more"),
            Some(line) => line,
            None => fine.into(),
        };
        let several = lines.len() > 1;
        let details = lines.into_iter().map(|(_, line)| line).filter(|line| several && *line != found).collect();
        let advice = (status > Status::Ok).then(|| advice.to_owned());
        Self { details, advice, ..Self { status, ..Self::ok(name, found) } }
    }
}

/// What the checks compare the database with.
#[derive(Clone, Copy, Debug)]
pub struct Expectations {
    /// How many connections a server of Hale may take.
    pub connections: u32,
}

/// A row of a check's statement.
struct Row {
    status: Status,
    line: String,
    /// A statement that mends it without any risk.
    remedy: Option<String>,
}

/// The names of all checks of the database, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// How large the database is, in bytes.
pub async fn size(maintenance: &Maintenance) -> Result<u64> {
    let tx = maintenance.begin().await?;
    let row = tx.query_one_raw(statement("SELECT pg_database_size(current_database())")).await?;
    row.map_or(Ok(0), |row| Ok(row.try_get_by_index::<i64>(0)?.unsigned_abs()))
}

/// Examines the database. With `fix` it mends what can be mended without any risk, and looks again. `told` hears of each check
/// that may take long, before it begins.
pub async fn examine(maintenance: &Maintenance, expected: Expectations, fix: bool, told: impl Fn(&str)) -> Result<Vec<Finding>> {
    let busy = || Error::conflict("hale maintain or hale doctor --fix runs already: wait for it");
    let mut alone = if fix { Some(maintenance.alone(LOCK).await?.ok_or_else(busy)?) } else { None };
    let mut findings = Vec::with_capacity(CHECKS.len());
    for check in CHECKS {
        if matches!(check.shape, Shape::Probes(_)) {
            told(check.name);
        }
        let (mut finding, remedies) = look(maintenance, expected, check).await?;
        if let Some(alone) = &mut alone
            && !remedies.is_empty()
        {
            let fixed = mend(alone, remedies).await;
            finding = Finding { fixed, ..look(maintenance, expected, check).await?.0 };
        }
        findings.push(finding);
    }
    Ok(findings)
}

async fn mend(alone: &mut Alone, remedies: Vec<String>) -> Vec<String> {
    let mut fixed = Vec::new();
    for remedy in remedies {
        fixed.push(match alone.run(&remedy).await {
            Ok(()) => remedy,
            Err(error) => format!("could not {remedy}: {}", message(&error)),
        });
    }
    fixed
}

async fn look(maintenance: &Maintenance, expected: Expectations, check: &Check) -> Result<(Finding, Vec<String>)> {
    let tx = begin(maintenance, expected).await?;
    if let Some(extension) = check.needs
        && !has_extension(&tx, extension).await?
    {
        let found = format!("the extension {extension} is not in the database");
        return Ok((Finding::new(check.name, Status::Skipped, found, checks::how_to_have(extension)), Vec::new()));
    }
    let (count, read) = match check.shape {
        Shape::Rows(sql) => (0, rows(&tx, sql).await),
        Shape::Probes(sql) => match probes(&tx, sql).await {
            Ok(probes) => {
                drop(tx);
                (probes.len(), Ok(probe(maintenance, expected, probes).await?))
            }
            Err(error) => (0, Err(error)),
        },
        Shape::Tables(sql) => (0, tasks(maintain::tables(&tx).await, rows(&tx, sql).await)),
        Shape::Indexes => (0, tasks(maintain::indexes(&tx).await, Ok(Vec::new()))),
    };
    let rows = read.unwrap_or_else(|error| vec![not_read(None, &error)]);
    let remedies = rows.iter().filter_map(|row| row.remedy.clone()).collect();
    let fine = if count > 0 { format!("{count} {}", check.fine) } else { check.fine.to_owned() };
    let lines = rows.into_iter().map(|row| (row.status, row.line)).collect();
    Ok((Finding::of(check.name, lines, fine, check.advice), remedies))
}

/// What `hale maintain` would do, before `rows`. Statistics alone may be made anew at any moment.
fn tasks(tasks: Result<Vec<Task>, DbErr>, rows: Result<Vec<Row>, DbErr>) -> Result<Vec<Row>, DbErr> {
    let warn = |task: Task| Row {
        status: Status::Warning,
        line: format!("{}: {}", task.relation, task.reason),
        remedy: (task.command == "ANALYZE").then(|| format!("ANALYZE {}", task.relation)),
    };
    Ok(tasks?.into_iter().map(warn).chain(rows?).collect())
}

/// Each probe has a transaction of its own, for one that fails takes its transaction with it.
async fn probe(maintenance: &Maintenance, expected: Expectations, probes: Vec<(String, String)>) -> Result<Vec<Row>> {
    let mut all = Vec::new();
    for (about, sql) in probes {
        let tx = begin(maintenance, expected).await?;
        match rows(&tx, &sql).await {
            Ok(rows) => all.extend(rows.into_iter().filter(|row| row.status > Status::Ok)),
            Err(error) => all.push(not_read(Some(&about), &error)),
        }
    }
    Ok(all)
}

/// A transaction that changes nothing, waits for nobody, and knows what the database is compared with.
async fn begin(maintenance: &Maintenance, expected: Expectations) -> Result<Tx> {
    let tx = maintenance.begin().await?;
    let prelude = format!(
        "SET TRANSACTION READ ONLY; SET LOCAL lock_timeout = '5s'; SELECT set_config('hale.connections', '{}', true), set_config('hale.now', '{}', true)",
        expected.connections,
        tx.now().to_rfc3339()
    );
    tx.execute_unprepared(&prelude).await?;
    Ok(tx)
}

/// A statement that PostgreSQL refuses: what it tells of is not known to be well.
fn not_read(about: Option<&str>, error: &DbErr) -> Row {
    let message = message(error);
    let line = about.map_or_else(|| format!("PostgreSQL says: {message}"), |about| format!("{about}: {message}"));
    Row { status: if checks::is_refusal(error) { Status::Skipped } else { Status::Failed }, line, remedy: None }
}

async fn rows(tx: &Tx, sql: &str) -> Result<Vec<Row>, DbErr> {
    tx.query_all_raw(statement(sql)).await?.iter().map(row).collect()
}

fn row(row: &QueryResult) -> Result<Row, DbErr> {
    let status: String = text(row, 0)?;
    let status = Status::named(&status).ok_or_else(|| DbErr::Custom(format!("a check answers {status}")))?;
    Ok(Row { status, line: text(row, 1)?, remedy: row.try_get_by_index(2)? })
}

async fn probes(tx: &Tx, sql: &str) -> Result<Vec<(String, String)>, DbErr> {
    let rows = tx.query_all_raw(statement(sql)).await?;
    rows.iter().map(|row| Ok((text(row, 0)?, text(row, 1)?))).collect()
}

fn text<T: TryGetable>(row: &QueryResult, index: usize) -> Result<T, DbErr> {
    row.try_get_by_index(index)
}
