//! What watches and phones tell of whole days and hours: energy and steps, whatever was done then.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    energy_records::{ActiveModel, Column, Entity, Model},
    id::{EnergyRecordId, UserId},
};
use rust_decimal::Decimal;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict};

use crate::{
    access::Tx,
    day::Calendar,
    error::{Error, Result},
    exercise_energy::DECIMALS,
    input,
};

/// The longest interval: a day of 25 hours, and some.
const LONGEST: TimeDelta = TimeDelta::hours(26);

/// What a device tells.
#[derive(Clone, Debug)]
pub struct NewEnergyRecord {
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// Which device or app.
    pub source: String,
    /// The first instant.
    pub started_at: DateTime<Utc>,
    /// The first instant after it.
    pub ended_at: DateTime<Utc>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// Beyond resting, in kcal.
    pub active_calories: Option<Decimal>,
    /// Resting, in kcal.
    pub resting_calories: Option<Decimal>,
    /// Both, in kcal.
    pub total_calories: Option<Decimal>,
    /// Steps.
    pub steps: Option<i32>,
}

/// The records of a person's days from `from` to `to`, in the order of time.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::StartedOn.between(from, to))
        .order_by_asc(Column::StartedAt)
        .order_by_asc(Column::Source);
    Ok(rows.all(tx).await?)
}

/// Records what a device tells. Of the same source and beginning the last one holds: the total of a day grows.
pub async fn record(tx: &Tx, new: NewEnergyRecord) -> Result<Model> {
    let person = tx.viewer_or(new.person)?;
    let source = input::line("source", &new.source, 100)?;
    if new.ended_at <= new.started_at || new.ended_at - new.started_at > LONGEST {
        return Err(Error::invalid("endedAt", "must be after startedAt, by 26 hours at most"));
    }
    let energy = |field: &str, most: i64, energy: Option<Decimal>| {
        energy.map(|energy| input::number(field, energy, DECIMALS, Decimal::ZERO..=Decimal::from(most))).transpose()
    };
    let active = energy("activeCalories", 30_000, new.active_calories)?;
    let resting = energy("restingCalories", 30_000, new.resting_calories)?;
    let total = energy("totalCalories", 60_000, new.total_calories)?;
    let steps = new.steps.map(|steps| input::integer("steps", steps, 0..=500_000)).transpose()?;
    if active.is_none() && resting.is_none() && total.is_none() && steps.is_none() {
        return Err(Error::invalid("activeCalories", "say at least one of activeCalories, restingCalories, totalCalories and steps"));
    }
    if let (Some(part), Some(whole)) = (active.max(resting), total)
        && whole < part
    {
        return Err(Error::invalid("totalCalories", "must not be less than one of its parts"));
    }
    let moment = Calendar::of(tx, person).await?.moment("startedAt", Some(new.started_at), new.time_zone, tx.now())?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(EnergyRecordId(tx.new_id())),
        source: Set(source),
        started_at: Set(moment.at),
        ended_at: Set(new.ended_at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        started_on: Set(moment.on),
        active_calories: Set(active),
        resting_calories: Set(resting),
        total_calories: Set(total),
        steps: Set(steps),
        ..Default::default()
    };
    let replace = OnConflict::columns([Column::UserId, Column::Source, Column::StartedAt])
        .update_columns([Column::EndedAt, Column::ActiveCalories, Column::RestingCalories, Column::TotalCalories, Column::Steps])
        .to_owned();
    Ok(Entity::insert(row).on_conflict(replace).exec_with_returning(tx).await?)
}

/// Takes a record back. Answers with the day it was on.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: EnergyRecordId, expected_version: Option<i32>) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let row = Entity::find_by_id((person, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("energy record"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Entity::delete_by_id((person, id)).exec(tx).await?;
    Ok((person, row.started_on))
}

fn scalars(row: &Model) -> JsonValue {
    let energy = |energy: Option<Decimal>| energy.map(|energy| energy.normalize());
    serde_json::json!({
        "id": row.id, "source": row.source, "startedAt": row.started_at, "endedAt": row.ended_at, "steps": row.steps, "version": row.version,
        "activeCalories": energy(row.active_calories), "restingCalories": energy(row.resting_calories),
        "totalCalories": energy(row.total_calories),
    })
}
