//! Measurements of the body.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{
    family_access::AccessType,
    id::{MeasurementId, UserId},
    measurements as rows,
};
use service::{day, measurements};

use super::{
    error::Result,
    foods::DeleteInput,
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// Something measured, as it was read off.
#[derive(Clone)]
pub struct Measurement(pub rows::Model);

/// Something measured, as it was read off.
#[Object]
impl Measurement {
    /// Identifies the measurement among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// weight, height, body_fat, waist, … or one of the person's own.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.0.r#type
    }

    /// The value, as typed.
    async fn value(&self) -> Decimal {
        Decimal(self.0.value)
    }

    /// The unit of `value`.
    async fn unit(&self) -> &str {
        &self.0.unit
    }

    /// When it was measured.
    async fn measured_at(&self) -> DateTime {
        DateTime(self.0.measured_at)
    }

    /// The zone it was measured in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.time_zone)?))
    }

    /// The day it counts for, fixed when it was recorded.
    async fn date(&self) -> Date {
        Date(self.0.measured_on)
    }

    /// Who recorded it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.created_by.filter(|writer| *writer != self.0.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// Something measured.
#[derive(InputObject)]
pub struct RecordMeasurementInput {
    /// Made by the client, so that a repeated request records nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// weight, height, body_fat, waist, … or one's own: letters, digits and underscores.
    #[graphql(name = "type")]
    kind: String,
    /// As read off, at most 3 decimals.
    value: Unchecked<Decimal>,
    /// The unit of `value`: kg, lb, cm, %, bpm, …
    unit: String,
    /// When; now when absent.
    measured_at: Option<Unchecked<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
}

/// What is to change of a measurement. Absent keeps.
#[derive(InputObject)]
pub struct UpdateMeasurementInput {
    /// Which measurement.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// As read off.
    value: Option<Unchecked<Decimal>>,
    /// The unit of `value`.
    unit: Option<String>,
    /// When; the day follows.
    measured_at: Option<Unchecked<DateTime>>,
    /// Where; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// What was recorded.
#[derive(SimpleObject)]
pub struct RecordMeasurementPayload {
    /// The measurement.
    measurement: Measurement,
}

/// The measurement after the change.
#[derive(SimpleObject)]
pub struct UpdateMeasurementPayload {
    /// The measurement.
    measurement: Measurement,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeleteMeasurementPayload {
    /// The id of the measurement.
    deleted_id: Uuid,
}

/// Recording measurements.
#[derive(Default)]
pub struct MeasurementsMutation;

#[Object]
impl MeasurementsMutation {
    /// Records a measurement.
    async fn record_measurement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was measured.")] input: RecordMeasurementInput,
    ) -> Option<Result<RecordMeasurementPayload>> {
        nullable(async {
            let new = measurements::NewMeasurement {
                id: input.id.check("id")?.map(|id| MeasurementId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                kind: input.kind,
                value: input.value.check("value")?.0,
                unit: input.unit,
                measured_at: input.measured_at.check("measuredAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
            };
            let tx = scope(ctx).write().await?;
            let measurement = measurements::record(&tx, new).await?;
            scope(ctx).note_read(measurement.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(RecordMeasurementPayload { measurement: Measurement(measurement) })
        })
        .await
    }

    /// Changes a measurement.
    async fn update_measurement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateMeasurementInput,
    ) -> Option<Result<UpdateMeasurementPayload>> {
        nullable(async {
            let id = MeasurementId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = measurements::MeasurementChange {
                value: input.value.check("value")?.map(|value| value.0),
                unit: input.unit,
                measured_at: input.measured_at.check("measuredAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let measurement = measurements::update(&tx, person, id, change).await?;
            scope(ctx).note_read(measurement.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(UpdateMeasurementPayload { measurement: Measurement(measurement) })
        })
        .await
    }

    /// Takes a measurement back.
    async fn delete_measurement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteMeasurementPayload>> {
        nullable(async {
            let id = MeasurementId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let deleted = measurements::delete(&tx, person, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteMeasurementPayload { deleted_id: Uuid(deleted.0) })
        })
        .await
    }
}
