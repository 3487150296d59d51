//! What devices tell of whole days and hours.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{
    energy_records as rows,
    family_access::AccessType,
    id::{EnergyRecordId, UserId},
};
use service::energy_records;

use super::{
    energy_ledger::EnergyDay,
    error::Result,
    foods::DeleteInput,
    scalars::{CheckOption, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What a device told of an interval.
#[derive(SimpleObject)]
pub struct EnergyRecord {
    /// Identifies the record among this person's.
    id: Uuid,
    /// Which device or app.
    source: String,
    /// Since when.
    started_at: DateTime,
    /// Until when.
    ended_at: DateTime,
    /// Energy beyond resting in kcal.
    active_calories: Option<Decimal>,
    /// Resting energy in kcal.
    resting_calories: Option<Decimal>,
    /// Both in kcal.
    total_calories: Option<Decimal>,
    /// Steps.
    steps: Option<i32>,
    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    version: i32,
}

impl From<rows::Model> for EnergyRecord {
    fn from(row: rows::Model) -> Self {
        Self {
            id: Uuid(row.id.0),
            source: row.source,
            started_at: DateTime(row.started_at),
            ended_at: DateTime(row.ended_at),
            active_calories: row.active_calories.map(Decimal),
            resting_calories: row.resting_calories.map(Decimal),
            total_calories: row.total_calories.map(Decimal),
            steps: row.steps,
            version: row.version,
        }
    }
}

/// What a watch or a phone tells of an interval, whatever was done then: a day so far, an hour. At least one of its numbers.
#[derive(InputObject)]
pub struct RecordEnergyInput {
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which device or app. With `startedAt` it identifies the record: told again, the new numbers replace the old ones.
    source: String,
    /// Since when: the start of the day for a total of the day.
    started_at: Unchecked<DateTime>,
    /// Until when the numbers are: now for a day that has not ended. At most 26 hours after `startedAt`.
    ended_at: Unchecked<DateTime>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Energy beyond resting in kcal.
    active_calories: Option<Unchecked<Decimal>>,
    /// Resting energy in kcal.
    resting_calories: Option<Unchecked<Decimal>>,
    /// Both in kcal, for devices that do not tell them apart.
    total_calories: Option<Unchecked<Decimal>>,
    /// Steps, 0 to 500000.
    steps: Option<i32>,
}

/// What was recorded, and the day to draw.
#[derive(SimpleObject)]
pub struct RecordEnergyPayload {
    /// The record.
    record: EnergyRecord,
    /// The day it is on.
    day: EnergyDay,
}

/// What is gone, and the day to draw.
#[derive(SimpleObject)]
pub struct DeleteEnergyRecordPayload {
    /// The id of the record.
    deleted_id: Uuid,
    /// The day it was on.
    day: EnergyDay,
}

/// What devices tell of energy.
#[derive(Default)]
pub struct EnergyRecordsMutation;

#[Object]
impl EnergyRecordsMutation {
    /// Records what a watch or a phone tells of a day or an hour. Of the same source and beginning the last one holds.
    async fn record_energy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it tells.")] input: RecordEnergyInput,
    ) -> Option<Result<RecordEnergyPayload>> {
        nullable(async {
            let new = energy_records::NewEnergyRecord {
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                source: input.source,
                started_at: input.started_at.check("startedAt")?.0,
                ended_at: input.ended_at.check("endedAt")?.0,
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                active_calories: input.active_calories.check("activeCalories")?.map(|energy| energy.0),
                resting_calories: input.resting_calories.check("restingCalories")?.map(|energy| energy.0),
                total_calories: input.total_calories.check("totalCalories")?.map(|energy| energy.0),
                steps: input.steps,
            };
            let tx = scope(ctx).write().await?;
            let record = energy_records::record(&tx, new).await?;
            let day = EnergyDay::on(&tx, record.user_id, record.started_on).await?;
            scope(ctx).note_read(record.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(RecordEnergyPayload { record: record.into(), day })
        })
        .await
    }

    /// Takes a record of energy back.
    async fn delete_energy_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which record.")] input: DeleteInput,
    ) -> Option<Result<DeleteEnergyRecordPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, date) = energy_records::delete(&tx, person, EnergyRecordId(id.0), input.expected_version).await?;
            let day = EnergyDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteEnergyRecordPayload { deleted_id: id, day })
        })
        .await
    }
}
