//! Points: what callers spend at several servers is settled among these, now and then and not with each request.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{
    access::Database,
    error::{Error, Result},
};

/// What was spent at this server and has not been settled.
pub struct Spending {
    /// Whose, as all servers call them: at most 200 characters.
    pub caller: String,
    /// How long it takes for it to come back.
    pub spent: TimeDelta,
}

/// Tells what was spent here, and answers when the bucket of each of these callers will be full again, with what was spent at other
/// servers. No bucket is emptied for longer than `longest`: one that is belongs to a clock that was wrong.
pub async fn settle(database: &Database, spendings: &[Spending], longest: TimeDelta) -> Result<Vec<(String, DateTime<Utc>)>> {
    let micros = |spending: &Spending| spending.spent.num_microseconds().ok_or_else(|| Error::internal("spent for ages"));
    let (names, spent): (Vec<_>, Vec<_>) =
        (spendings.iter().map(|spending| spending.caller.clone()).collect(), spendings.iter().map(micros).collect::<Result<_>>()?);
    let tx = database.without_viewer().await?;
    let values: [Value; 4] = [names.into(), spent.into(), tx.now().into(), (tx.now() + longest).into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT name, until FROM auth.settle($1, $2, $3, $4)", values);
    let rows = tx.query_all_raw(statement).await?;
    let settled = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
    let settled = settled.collect::<std::result::Result<_, sea_orm::DbErr>>()?;
    tx.commit().await?;
    Ok(settled)
}
