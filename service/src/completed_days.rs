//! Days that a person has logged in full. On such a day nothing logged is nothing eaten; on any other nobody knows.

use chrono::NaiveDate;
use entity::{
    completed_days::{ActiveModel, Column, Entity, Model},
    id::{CompletedDayId, UserId},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
};

/// The days from `from` to `to` that the person has logged in full.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let rows = Entity::find().filter(Column::UserId.eq(person)).filter(Column::ConsumedOn.between(from, to));
    Ok(rows.order_by_asc(Column::ConsumedOn).all(tx).await?)
}

/// Says that a day is logged in full. Saying it again changes nothing, nor does an entry that is added later.
pub async fn complete(tx: &Tx, person: Option<UserId>, date: NaiveDate) -> Result<UserId> {
    let person = tx.viewer_or(person)?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(CompletedDayId(tx.new_id())),
        consumed_on: Set(day::checked("date", date)?),
        completed_at: Set(tx.now()),
        ..Default::default()
    };
    Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::ConsumedOn]).exec_without_returning(tx).await?;
    Ok(person)
}

/// Says that something is still to be logged.
pub async fn reopen(tx: &Tx, person: Option<UserId>, date: NaiveDate) -> Result<UserId> {
    let person = tx.viewer_or(person)?;
    let date = day::checked("date", date)?;
    let reopened = Entity::delete_many().filter(Column::UserId.eq(person)).filter(Column::ConsumedOn.eq(date)).exec(tx).await?;
    if reopened.rows_affected == 0 { Err(Error::NotFound("completed day")) } else { Ok(person) }
}
