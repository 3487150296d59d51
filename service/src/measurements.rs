//! Measurements of the body, kept as typed with their canonical value beside.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    id::{MeasurementId, UserId},
    measurements::{ActiveModel, Column, Entity, Model},
    unit::{Dimension, Unit, round},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input,
    page::{Page, PageRequest},
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, fixed, group, written},
        merge::Refused,
    },
};

/// A measurement as it is recorded.
#[derive(Clone, Debug, Serialize)]
pub struct NewMeasurement {
    /// Made by the client, or by the server.
    pub id: Option<MeasurementId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// weight, body_fat, waist, … or one's own.
    pub kind: String,
    /// As read off.
    pub value: Decimal,
    /// Unit of `value`.
    pub unit: String,
    /// When; now when absent.
    pub measured_at: Option<DateTime<Utc>>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
}

/// What is to change; absent keeps.
#[derive(Clone, Debug, Default)]
pub struct MeasurementChange {
    /// As read off.
    pub value: Option<Decimal>,
    /// Unit of `value`.
    pub unit: Option<String>,
    /// When.
    pub measured_at: Option<DateTime<Utc>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// Which measurements are listed; each may be missing.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Whose.
    pub person: UserId,
    /// Of which type.
    pub kind: Option<String>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
}

/// Measurements, newest first.
pub async fn list(tx: &Tx, filter: &Filter, page: &PageRequest) -> Result<Page<Model>> {
    let mut rows = Entity::find().filter(Column::UserId.eq(filter.person)).filter(Column::DeletedAt.is_null());
    if let Some(kind) = &filter.kind {
        rows = rows.filter(Column::Type.eq(type_name("type", kind)?));
    }
    if let Some(from) = filter.from {
        rows = rows.filter(Column::MeasuredOn.gte(day::checked("from", from)?));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(Column::MeasuredOn.lte(day::checked("to", to)?));
    }
    if let Some((at, id)) = page.key::<(DateTime<Utc>, MeasurementId)>(&("measurements", filter))? {
        let same_time = Condition::all().add(Column::MeasuredAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::MeasuredAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::MeasuredAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("measurements", filter), rows, |row| (row.measured_at, row.id))
}

/// Records a measurement.
pub async fn record(tx: &Tx, new: NewMeasurement) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let id = new.id.unwrap_or_else(|| MeasurementId(tx.new_id()));
    let kind = type_name("type", &new.kind)?;
    let (value, unit, canonical) = measured(&kind, new.value, &new.unit)?;
    let moment = Calendar::of(tx, person).await?.moment("measuredAt", new.measured_at, new.time_zone, tx.now())?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        r#type: Set(kind),
        value: Set(value),
        unit: Set(unit.code.to_owned()),
        canonical_value: Set(canonical),
        measured_at: Set(moment.at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        measured_on: Set(moment.on),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => {
            let row = Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).one(tx).await?;
            input::repeated(row, |row| row.created_from.as_ref() == Some(&created_from))
        }
    }
}

/// Changes a measurement.
pub async fn update(tx: &Tx, person: Option<UserId>, id: MeasurementId, change: MeasurementChange) -> Result<Model> {
    let person = tx.viewer_or(person)?;
    let current = editable(tx, person, id, change.expected_version).await?;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if change.value.is_some() || change.unit.is_some() {
        let unit = change.unit.unwrap_or(current.unit.clone());
        let (value, unit, canonical) = measured(&current.r#type, change.value.unwrap_or(current.value), &unit)?;
        row.value = Set(value);
        row.unit = Set(unit.code.to_owned());
        row.canonical_value = Set(canonical);
    }
    if change.measured_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &current.time_zone), Ok)?;
        let at = change.measured_at.unwrap_or(current.measured_at);
        let moment = Calendar::of(tx, person).await?.moment("measuredAt", Some(at), Some(time_zone), tx.now())?;
        row.measured_at = Set(moment.at);
        row.time_zone = Set(moment.time_zone.name().to_owned());
        row.measured_on = Set(moment.on);
    }
    if sea_orm::ActiveModelTrait::is_changed(&row) { Ok(Entity::update(row).exec(tx).await?) } else { Ok(current) }
}

/// Takes a measurement back.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: MeasurementId, expected_version: Option<i32>) -> Result<MeasurementId> {
    let person = tx.viewer_or(person)?;
    editable(tx, person, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(id)
}

/// Measurements on devices.
pub static SYNCED: Collection = Collection {
    name: "measurements",
    person_column: "user_id",
    access: Some("checkin"),
    deletion: Deletion::At,
    groups: &[
        fixed("type", &[written("type", Kind::Text)]),
        group("value", &[written("value", Kind::Decimal), written("unit", Kind::Text), derived("canonical_value", Kind::Decimal)]),
        group("moment", &[written("measured_at", Kind::Instant), written("time_zone", Kind::Text), derived("measured_on", Kind::Date)]),
    ],
    complete,
    complement: None,
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let kind = type_name("type", draft.text("type")?)?;
    if draft.changes("value") {
        let (value, unit, canonical) = measured(&kind, draft.decimal("value")?, draft.text("unit")?)?;
        draft.set_decimal("value", Some(value));
        draft.set("unit", unit.code);
        draft.set_decimal("canonical_value", Some(canonical));
    }
    if draft.changes("moment") {
        draft.fix_day(context, "measured_at", "measured_on")?;
    }
    draft.set("type", kind);
    Ok(())
}

async fn editable(tx: &Tx, person: UserId, id: MeasurementId, expected_version: Option<i32>) -> Result<Model> {
    let row = Entity::find_by_id((person, id))
        .filter(Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound("measurement"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Ok(row)
}

/// The dimension of the types that Hale knows, and the range a person can have, in the dimension's base unit.
fn known_type(kind: &str) -> Option<(Dimension, i64, i64)> {
    Some(match kind {
        "weight" => (Dimension::Mass, 200, 1_000_000),
        "muscle_mass" | "fat_mass" | "bone_mass" | "lean_mass" | "water_mass" => (Dimension::Mass, 0, 1_000_000),
        "height" | "waist" | "hips" | "neck" | "chest" | "thigh" | "calf" | "biceps" | "forearm" | "shoulders" => (Dimension::Length, 0, 4),
        "body_fat" | "body_water" | "oxygen_saturation" => (Dimension::Proportion, 0, 100),
        "heart_rate" | "resting_heart_rate" => (Dimension::Rate, 1, 400),
        "blood_pressure_systolic" | "blood_pressure_diastolic" => (Dimension::Pressure, 1, 400),
        "body_temperature" => (Dimension::Temperature, 20, 50),
        "steps" => (Dimension::Steps, 0, 1_000_000),
        _ => return None,
    })
}

fn measured(kind: &str, value: Decimal, unit: &str) -> Result<(Decimal, &'static Unit, Decimal)> {
    let unit_of =
        |dimension: Option<Dimension>| Unit::named(unit).filter(|unit| dimension.is_none_or(|dimension| unit.dimension == dimension));
    let (dimension, range) = match known_type(kind) {
        Some((dimension, least, most)) => (Some(dimension), Some((Decimal::from(least), Decimal::from(most)))),
        None => (None, None),
    };
    let unit = unit_of(dimension).ok_or_else(|| match dimension {
        Some(dimension) => Error::invalid("unit", format!("{kind} is a {}: write one of {}", dimension.name(), Unit::codes(dimension))),
        None => Error::invalid("unit", format!("not a known unit: {unit}")),
    })?;
    let value = input::number("value", value, 3, Decimal::from(-1_000_000)..=Decimal::from(10_000_000))?;
    let canonical = unit.to_base(value).map(|canonical| round(canonical, 9)).ok_or_else(|| Error::invalid("value", "out of range"))?;
    if let Some((least, most)) = range
        && !(least..=most).contains(&canonical)
    {
        let shown = |base: Decimal| unit.of_base(base).map_or(base, |amount| round(amount, 3)).normalize();
        return Err(Error::invalid("value", format!("must be between {} and {} {} for {kind}", shown(least), shown(most), unit.code)));
    }
    Ok((value, unit, canonical))
}

pub(crate) fn type_name(field: &str, name: &str) -> Result<String> {
    let name = input::line(field, name, 50)?.to_lowercase();
    let valid = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '_'));
    if valid { Ok(name) } else { Err(Error::invalid(field, "must be letters, digits and underscores, such as body_fat")) }
}

fn scalars(row: &Model) -> JsonValue {
    serde_json::json!({
        "id": row.id, "type": row.r#type, "value": row.value.normalize(), "unit": row.unit, "measuredAt": row.measured_at,
        "timeZone": row.time_zone, "date": row.measured_on, "version": row.version,
    })
}
