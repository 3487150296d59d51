//! What a person drinks: water and other drinks, from glasses and bottles that they name. What they drink is not all the water that
//! they take in: foods hold some too, as far as their source says how much.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use entity::{
    goals,
    id::{UserId, WaterContainerId, WaterEntryId},
    unit::{Dimension, Unit, round},
    water_containers as containers,
    water_entries::{ActiveModel, Column, Entity, Model},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    day::{self, Calendar, Moment},
    error::{Error, Result},
    input,
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, group, written},
        merge::Refused,
    },
};

/// What is drunk where nobody says otherwise.
pub const WATER: &str = "water";
/// The goal of a day.
pub const TARGET: &str = "water_target";
/// The most containers of a person.
const MOST_CONTAINERS: usize = 50;
/// When something was drunk of which only the day is told.
const NOON: NaiveTime = NaiveTime::from_hms_opt(12, 0, 0).expect("a time");

/// Something drunk, as it is logged.
#[derive(Clone, Debug, Serialize)]
pub struct NewWaterEntry {
    /// Made by the client, or by the server.
    pub id: Option<WaterEntryId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// How much.
    pub amount: Drunk,
    /// What; water when absent.
    pub drink: Option<String>,
    /// When; now when absent.
    pub drank_at: Option<DateTime<Utc>>,
    /// On which day, in place of `drank_at`: now when that is today, else at noon.
    pub date: Option<NaiveDate>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// What the person wrote beside it, at most 1,000 characters.
    pub note: Option<String>,
}

/// How much was drunk.
#[derive(Clone, Debug, Serialize)]
pub enum Drunk {
    /// A volume.
    Volume {
        /// How much.
        quantity: Decimal,
        /// A unit of volume.
        unit: String,
    },
    /// So many servings of a container.
    Of {
        /// Which; the primary one when absent.
        container: Option<WaterContainerId>,
        /// How many.
        servings: Decimal,
    },
}

/// What is to change of an entry; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct WaterEntryChange {
    /// How much.
    pub quantity: Option<Decimal>,
    /// A unit of volume.
    pub unit: Option<String>,
    /// What.
    pub drink: Option<String>,
    /// When.
    pub drank_at: Option<DateTime<Utc>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// What the person wrote beside it.
    pub note: Option<Option<String>>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// What a person drank from `from` to `to`, in that order.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::DrankOn.between(from, to))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::DrankOn)
        .order_by_asc(Column::DrankAt)
        .order_by_asc(Column::Id);
    Ok(rows.all(tx).await?)
}

/// What the foods that were eaten on a day add to what was drunk.
#[derive(Clone, Debug, Default, PartialEq, FromQueryResult)]
pub struct FoodFluids {
    /// The volume in ml of what was logged as food and is told by volume, such as milk or soup: in a unit of volume, or of a food that is
    /// described by one. Spoonfuls do not count.
    pub drinks: Decimal,
    /// The water in g that foods state.
    pub water: Decimal,
    /// How many entries do not state their water.
    pub unknown: i64,
}

#[derive(FromQueryResult)]
struct FoodFluidsOfDay {
    consumed_on: NaiveDate,
    #[sea_orm(nested)]
    fluids: FoodFluids,
}

/// What the foods of days add, by one statement; days without entries are not among them.
pub async fn of_foods(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<BTreeMap<NaiveDate, FoodFluids>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT consumed_on, coalesce(sum(milliliters), 0) AS drinks, coalesce(sum((nutrients ->> 'WATER')::numeric), 0) AS water,
           count(*) FILTER (WHERE nutrients ->> 'WATER' IS NULL) AS unknown
         FROM food_diary WHERE user_id = $1 AND consumed_on BETWEEN $2 AND $3 AND deleted_at IS NULL AND status = 'eaten' GROUP BY consumed_on",
        [person.0.into(), from.into(), to.into()],
    );
    let days = FoodFluidsOfDay::find_by_statement(statement).all(tx).await?;
    Ok(days.into_iter().map(|day| (day.consumed_on, day.fluids)).collect())
}

/// The targets in ml that were in force on some of these days.
pub struct WaterTargets(Vec<goals::Model>);

impl WaterTargets {
    /// What was in force from `from` to `to`.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Self> {
        let rows = goals::Entity::find()
            .filter(goals::Column::UserId.eq(person))
            .filter(goals::Column::Type.eq(TARGET))
            .filter(goals::Column::ValidFrom.lte(to))
            .filter(goals::Column::ValidTo.is_null().or(goals::Column::ValidTo.gt(from)))
            .filter(goals::Column::Status.ne(goals::GoalStatus::Paused))
            .filter(goals::Column::DeletedAt.is_null());
        Ok(Self(rows.all(tx).await?))
    }

    /// What was in force on this day, in ml.
    pub fn on(&self, day: NaiveDate) -> Option<Decimal> {
        let goal = self.0.iter().find(|goal| goal.valid_from <= day && goal.valid_to.is_none_or(|end| day < end))?;
        let unit = goal.target_unit.as_deref().and_then(Unit::named)?;
        unit.to_base(goal.target_value?).map(|volume| round(volume, 6))
    }
}

/// Logs something drunk.
pub async fn log(tx: &Tx, new: NewWaterEntry) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    if let Some(id) = new.id
        && let Some(row) = find(tx, person, id).await?
    {
        return input::repeated(Some(row), |row| row.created_from.as_ref() == Some(&created_from));
    }
    let id = new.id.unwrap_or_else(|| WaterEntryId(tx.new_id()));
    let drink = drink(new.drink.as_deref().unwrap_or(WATER))?;
    let note = new.note.as_deref().map(note).transpose()?;
    let moment = moment(tx, person, &new).await?;
    let (quantity, unit, milliliters, container) = match new.amount {
        Drunk::Volume { quantity, unit } => {
            let (quantity, unit) = volume(quantity, &unit)?;
            (quantity, unit, milliliters(quantity, unit)?, None)
        }
        Drunk::Of { container, servings } => {
            let container = container_or_primary(tx, person, container).await?;
            let servings = input::number("servings", servings, 3, Decimal::new(1, 3)..=Decimal::from(1000))?;
            // Rounded once it is in ml: a thousandth of a gallon is more than a sip.
            let share = container.volume * servings / Decimal::from(container.servings);
            let (quantity, unit) = volume(round(share, 3), &container.unit)?;
            (quantity, unit, milliliters(share, unit)?, Some(container.id))
        }
    };
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        drink: Set(drink),
        quantity: Set(quantity),
        unit: Set(unit.code.to_owned()),
        milliliters: Set(milliliters),
        container_id: Set(container),
        drank_at: Set(moment.at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        drank_on: Set(moment.on),
        note: Set(note),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => input::repeated(find(tx, person, id).await?, |row| row.created_from.as_ref() == Some(&created_from)),
    }
}

async fn moment(tx: &Tx, person: UserId, new: &NewWaterEntry) -> Result<Moment> {
    let calendar = Calendar::of(tx, person).await?;
    let time_zone = new.time_zone.unwrap_or(calendar.time_zone);
    match (new.date, new.drank_at) {
        (Some(_), Some(_)) => Err(Error::invalid("date", "leave out date or drankAt, which says the day too")),
        (Some(date), None) if date != calendar.day_of(tx.now(), time_zone) => calendar.moment_on("date", date, NOON, time_zone),
        (_, at) => calendar.moment("drankAt", at, Some(time_zone), tx.now()),
    }
}

/// Changes an entry. Answers with it and the day it was on before.
pub async fn update(tx: &Tx, person: Option<UserId>, id: WaterEntryId, change: WaterEntryChange) -> Result<(Model, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let entry = editable(tx, person, id, change.expected_version).await?;
    let before = entry.drank_on;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if change.quantity.is_some() || change.unit.is_some() {
        let (quantity, unit) = volume(change.quantity.unwrap_or(entry.quantity), change.unit.as_deref().unwrap_or(&entry.unit))?;
        (row.quantity, row.unit, row.milliliters) = (Set(quantity), Set(unit.code.to_owned()), Set(milliliters(quantity, unit)?));
    }
    if let Some(drink) = &change.drink {
        row.drink = Set(self::drink(drink)?);
    }
    if let Some(note) = &change.note {
        row.note = Set(note.as_deref().map(self::note).transpose()?);
    }
    if change.drank_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &entry.time_zone), Ok)?;
        let at = change.drank_at.unwrap_or(entry.drank_at);
        let moment = Calendar::of(tx, person).await?.moment("drankAt", Some(at), Some(time_zone), tx.now())?;
        row.drank_at = Set(moment.at);
        row.time_zone = Set(moment.time_zone.name().to_owned());
        row.drank_on = Set(moment.on);
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok((entry, before));
    }
    Ok((Entity::update(row).exec(tx).await?, before))
}

/// Takes an entry away. Answers with the day it was on.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: WaterEntryId, expected_version: Option<i32>) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let entry = editable(tx, person, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok((person, entry.drank_on))
}

/// Takes a deletion back, while the row is kept.
pub async fn restore(tx: &Tx, person: Option<UserId>, id: WaterEntryId) -> Result<Model> {
    let person = tx.viewer_or(person)?;
    let entry = Entity::find_by_id((person, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("drink"))?;
    if entry.deleted_at.is_none() {
        return Ok(entry);
    }
    let restored = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), deleted_at: Set(None), ..Default::default() };
    Ok(Entity::update(restored).exec(tx).await?)
}

async fn find(tx: &Tx, person: UserId, id: WaterEntryId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).one(tx).await?)
}

async fn editable(tx: &Tx, person: UserId, id: WaterEntryId, expected_version: Option<i32>) -> Result<Model> {
    let row = Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Error::NotFound("drink"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Ok(row)
}

/// A container as somebody describes it.
#[derive(Clone, Debug, Serialize)]
pub struct NewContainer {
    /// Made by the client, or by the server.
    pub id: Option<WaterContainerId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is called.
    pub name: String,
    /// How much it holds.
    pub volume: Decimal,
    /// A unit of volume.
    pub unit: String,
    /// How often it is drunk from until it is empty, 1 to 100.
    pub servings: i32,
    /// Whether one tap logs it. No other one is then.
    pub primary: bool,
}

/// What is to change of a container; absent keeps.
#[derive(Clone, Debug, Default)]
pub struct ContainerChange {
    /// What it is called.
    pub name: Option<String>,
    /// How much it holds.
    pub volume: Option<Decimal>,
    /// A unit of volume.
    pub unit: Option<String>,
    /// How often it is drunk from until it is empty.
    pub servings: Option<i32>,
    /// Whether one tap logs it.
    pub primary: Option<bool>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// What a person drinks from, the primary one first, then by name.
pub async fn containers(tx: &Tx, person: UserId) -> Result<Vec<containers::Model>> {
    let rows = living_containers(person).order_by_desc(containers::Column::IsPrimary).order_by_asc(containers::Column::Name);
    Ok(rows.order_by_asc(containers::Column::Id).all(tx).await?)
}

fn living_containers(person: UserId) -> sea_orm::Select<containers::Entity> {
    containers::Entity::find().filter(containers::Column::UserId.eq(person)).filter(containers::Column::DeletedAt.is_null())
}

async fn container_or_primary(tx: &Tx, person: UserId, id: Option<WaterContainerId>) -> Result<containers::Model> {
    match id {
        Some(id) => {
            let found = living_containers(person).filter(containers::Column::Id.eq(id)).one(tx).await?;
            found.ok_or(Error::NoSuch { field: "containerId", what: "container" })
        }
        None => {
            let found = living_containers(person).filter(containers::Column::IsPrimary.eq(true)).one(tx).await?;
            found.ok_or_else(|| Error::invalid("containerId", "no container is primary: say which, or quantity and unit"))
        }
    }
}

/// Adds a container.
pub async fn create_container(tx: &Tx, new: NewContainer) -> Result<containers::Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let id = new.id.unwrap_or_else(|| WaterContainerId(tx.new_id()));
    let (volume, unit) = container_volume(new.volume, &new.unit)?;
    let row = containers::ActiveModel {
        user_id: Set(person),
        id: Set(id),
        name: Set(input::line("name", &new.name, 100)?),
        volume: Set(volume),
        unit: Set(unit),
        servings: Set(input::integer("servings", new.servings, 1..=100)?),
        is_primary: Set(new.primary),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let known = containers(tx, person).await?;
    if let Some(existing) = known.iter().find(|known| known.id == id) {
        return input::repeated(Some(existing.clone()), |row| row.created_from.as_ref() == Some(&created_from));
    }
    if known.len() >= MOST_CONTAINERS {
        return Err(Error::invalid("name", format!("there are {MOST_CONTAINERS} containers at most: delete one first")));
    }
    if new.primary {
        no_primary(tx, person).await?;
    }
    let insert = containers::Entity::insert(row).on_conflict_do_nothing_on([containers::Column::UserId, containers::Column::Id]);
    input::created(tx, insert).await?.ok_or_else(|| Error::conflict("this id is taken by something else: make a new one"))
}

/// Changes a container. What was drunk from it stays as it was.
pub async fn update_container(tx: &Tx, person: Option<UserId>, id: WaterContainerId, change: ContainerChange) -> Result<containers::Model> {
    let person = tx.viewer_or(person)?;
    let container = editable_container(tx, person, id, change.expected_version).await?;
    let (volume, unit) = container_volume(change.volume.unwrap_or(container.volume), change.unit.as_deref().unwrap_or(&container.unit))?;
    if change.primary == Some(true) && !container.is_primary {
        no_primary(tx, person).await?;
    }
    let row = containers::ActiveModel {
        user_id: Unchanged(person),
        id: Unchanged(id),
        name: Set(change.name.map_or(Ok(container.name), |name| input::line("name", &name, 100))?),
        volume: Set(volume),
        unit: Set(unit),
        servings: Set(change.servings.map_or(Ok(container.servings), |servings| input::integer("servings", servings, 1..=100))?),
        is_primary: Set(change.primary.unwrap_or(container.is_primary)),
        ..Default::default()
    };
    Ok(containers::Entity::update(row).exec(tx).await?)
}

/// Takes a container away. What was drunk from it stays.
pub async fn delete_container(tx: &Tx, person: Option<UserId>, id: WaterContainerId, expected_version: Option<i32>) -> Result<UserId> {
    let person = tx.viewer_or(person)?;
    editable_container(tx, person, id, expected_version).await?;
    containers::Entity::update_many()
        .col_expr(containers::Column::DeletedAt, Expr::value(tx.now()))
        .filter(containers::Column::UserId.eq(person))
        .filter(containers::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(person)
}

async fn no_primary(tx: &Tx, person: UserId) -> Result<()> {
    containers::Entity::update_many()
        .col_expr(containers::Column::IsPrimary, Expr::value(false))
        .filter(containers::Column::UserId.eq(person))
        .filter(containers::Column::IsPrimary.eq(true))
        .exec(tx)
        .await?;
    Ok(())
}

async fn editable_container(tx: &Tx, person: UserId, id: WaterContainerId, expected_version: Option<i32>) -> Result<containers::Model> {
    let row = living_containers(person).filter(containers::Column::Id.eq(id)).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Error::NotFound("container"))?;
    input::expect_version(expected_version, row.version, || {
        serde_json::json!({
            "id": row.id, "name": row.name, "volume": row.volume.normalize(), "unit": row.unit, "servings": row.servings,
            "primary": row.is_primary, "version": row.version,
        })
    })?;
    Ok(row)
}

/// A volume as it is typed.
fn volume(quantity: Decimal, unit: &str) -> Result<(Decimal, &'static Unit)> {
    let quantity = input::number("quantity", quantity, 3, Decimal::new(1, 3)..=Decimal::from(100_000))?;
    let known = Unit::named(unit).filter(|unit| unit.dimension == Dimension::Volume);
    let unit =
        known.ok_or_else(|| Error::invalid("unit", format!("not a unit of volume: write one of {}", Unit::codes(Dimension::Volume))))?;
    Ok((quantity, unit))
}

/// The same in ml.
fn milliliters(quantity: Decimal, unit: &Unit) -> Result<Decimal> {
    let milliliters = unit.to_base(quantity).map(|volume| round(volume, 6));
    let in_range = |volume: &Decimal| (Decimal::new(1, 3)..=Decimal::from(100_000)).contains(volume);
    milliliters.filter(in_range).ok_or_else(|| Error::invalid("quantity", "must be between 0.001 ml and 100 l"))
}

/// What a container holds; what is wrong with it is told by the name that it has there.
fn container_volume(quantity: Decimal, unit: &str) -> Result<(Decimal, String)> {
    let known = volume(quantity, unit).and_then(|(volume, unit)| milliliters(volume, unit).map(|_| (volume, unit.code.to_owned())));
    known.map_err(|error| match error {
        Error::Invalid { field, message } if field == "quantity" => Error::Invalid { field: "volume".to_owned(), message },
        other => other,
    })
}

fn drink(value: &str) -> Result<String> {
    Ok(input::line("drink", value, 50)?.to_lowercase())
}

fn note(value: &str) -> Result<String> {
    input::paragraph("note", value, 1000)
}

/// What is drunk, on devices.
pub static SYNCED: Collection = Collection {
    name: "water_entries",
    person_column: "user_id",
    access: Some("calorie"),
    deletion: Deletion::At,
    groups: &[
        group("drink", &[written("drink", Kind::Text)]),
        group("amount", &[written("quantity", Kind::Decimal), written("unit", Kind::Text), derived("milliliters", Kind::Decimal)]),
        group("moment", &[written("drank_at", Kind::Instant), written("time_zone", Kind::Text), derived("drank_on", Kind::Date)]),
        group("note", &[written("note", Kind::Text)]),
    ],
    complete,
    complement: None,
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let drink = drink(draft.optional_text("drink")?.unwrap_or(WATER))?;
    draft.set("drink", drink);
    if draft.changes("amount") {
        let (quantity, unit) = volume(draft.decimal("quantity")?, draft.text("unit")?)?;
        draft.set_decimal("quantity", Some(quantity));
        draft.set("unit", unit.code);
        draft.set_decimal("milliliters", Some(milliliters(quantity, unit)?));
    }
    if draft.changes("moment") {
        draft.fix_day(context, "drank_at", "drank_on")?;
    }
    if let Some(note) = draft.optional_text("note")? {
        let note = self::note(note)?;
        draft.set("note", note);
    }
    Ok(())
}

fn scalars(entry: &Model) -> JsonValue {
    serde_json::json!({
        "id": entry.id, "drink": entry.drink, "quantity": entry.quantity.normalize(), "unit": entry.unit,
        "milliliters": entry.milliliters.normalize(), "drankAt": entry.drank_at, "timeZone": entry.time_zone, "date": entry.drank_on,
        "note": entry.note, "version": entry.version,
    })
}
