//! The meals of a person's day: the four that everybody has, called, ordered and timed as the person likes, and their own.
//!
//! An entry of the diary holds the code of its meal, so another name changes no entry, and a meal that is deleted is still theirs.

use chrono::NaiveTime;
use entity::{
    id::{MealTypeId, UserId},
    meal_types::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, JsonValue, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    error::{Error, Result},
    input,
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, fixed, group, written},
        merge::Refused,
    },
};

/// The meals that everybody has, in their order: code, name, position, and hour and minute of the usual time.
const BUILT_IN: [(&str, &str, i32, u32, u32); 4] = [
    ("breakfast", "Breakfast", 100, 8, 0),
    ("lunch", "Lunch", 200, 12, 30),
    ("dinner", "Dinner", 300, 18, 30),
    ("snack", "Snack", 400, 15, 30),
];

/// When a meal is eaten of which nobody has said when.
const NOON: NaiveTime = NaiveTime::from_hms_opt(12, 0, 0).expect("a time");

/// The most meals of one's own.
const MOST: usize = 30;

/// A meal of a person's day.
#[derive(Clone, Debug, PartialEq)]
pub struct MealType {
    /// What entries of the diary hold.
    pub code: String,
    /// What it is called.
    pub name: String,
    /// Its place in the day.
    pub position: i32,
    /// The local time of what is logged for another day without one.
    pub default_time: Option<NaiveTime>,
    /// Whether it is offered no more.
    pub hidden: bool,
    /// Whether it is one of the four that everybody has.
    pub built_in: bool,
    /// Counts the changes; 0 while it is as everybody has it.
    pub version: i32,
}

/// A meal as somebody adds it.
#[derive(Clone, Debug, Serialize)]
pub struct NewMealType {
    /// Made by the client, or by the server.
    pub id: Option<MealTypeId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is called, at most 20 characters. In lower case it is what entries hold.
    pub name: String,
    /// Its place in the day, 0 to 100,000; after all others when absent. Those that everybody has are at 100, 200, 300 and 400.
    pub position: Option<i32>,
    /// Its usual time, HH:MM.
    pub default_time: Option<String>,
}

/// What is to change; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct MealTypeChange {
    /// What it is called.
    pub name: Option<String>,
    /// Its place in the day.
    pub position: Option<i32>,
    /// Its usual time, HH:MM.
    pub default_time: Option<Option<String>>,
    /// Whether it is offered no more.
    pub hidden: Option<bool>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

impl From<Model> for MealType {
    fn from(row: Model) -> Self {
        Self {
            built_in: built_in(&row.code).is_some(),
            code: row.code,
            name: row.name,
            position: row.position,
            default_time: row.default_time,
            hidden: row.hidden,
            version: row.version,
        }
    }
}

fn built_in(code: &str) -> Option<MealType> {
    BUILT_IN.iter().find(|(known, ..)| *known == code).map(|(code, name, position, hour, minute)| MealType {
        code: (*code).to_owned(),
        name: (*name).to_owned(),
        position: *position,
        default_time: NaiveTime::from_hms_opt(*hour, *minute, 0),
        hidden: false,
        built_in: true,
        version: 0,
    })
}

/// The meals of a person's day in their order, hidden ones too.
pub async fn list(tx: &Tx, person: UserId) -> Result<Vec<MealType>> {
    let rows = Entity::find().filter(Column::UserId.eq(person)).filter(Column::DeletedAt.is_null()).all(tx).await?;
    let mut types: Vec<MealType> = rows.into_iter().map(MealType::from).collect();
    for (code, ..) in BUILT_IN {
        if types.iter().all(|known| known.code != code) {
            types.extend(built_in(code));
        }
    }
    types.sort_by(|one, other| (one.position, &one.code).cmp(&(other.position, &other.code)));
    Ok(types)
}

/// The local time at which a person usually has this meal; noon where nobody has said.
pub async fn default_time(tx: &Tx, person: UserId, code: &str) -> Result<NaiveTime> {
    let time = match of_code(person, code).one(tx).await? {
        Some(row) => row.default_time,
        None => built_in(code).and_then(|meal| meal.default_time),
    };
    Ok(time.unwrap_or(NOON))
}

/// The local time at which a person who has these meals usually has one of them; noon where nobody has said.
#[must_use]
pub fn usual_time(meals: &[MealType], code: &str) -> NaiveTime {
    meals.iter().find(|meal| meal.code == code).and_then(|meal| meal.default_time).unwrap_or(NOON)
}

fn of_code(person: UserId, code: &str) -> sea_orm::Select<Entity> {
    Entity::find().filter(Column::UserId.eq(person)).filter(Column::Code.eq(code)).filter(Column::DeletedAt.is_null())
}

/// Adds a meal of one's own.
pub async fn create(tx: &Tx, new: NewMealType) -> Result<(UserId, MealType)> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let id = new.id.unwrap_or_else(|| MealTypeId(tx.new_id()));
    let name = name("name", &new.name)?;
    let code = name.to_lowercase();
    let known = list(tx, person).await?;
    if let Some(existing) = Entity::find_by_id((person, id)).one(tx).await? {
        let same = |row: &Model| row.created_from.as_ref() == Some(&created_from) && row.deleted_at.is_none();
        return Ok((person, input::repeated(Some(existing), same)?.into()));
    }
    if known.iter().any(|known| known.code == code || known.name.to_lowercase() == code) {
        return Err(taken());
    }
    if known.len() >= MOST + BUILT_IN.len() {
        return Err(Error::invalid("name", format!("there are {MOST} meals of one's own at most: delete one first")));
    }
    let last = known.iter().map(|known| known.position).max().unwrap_or_default();
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        code: Set(code),
        name: Set(name),
        position: Set(position(new.position.unwrap_or((last + 100).min(LAST_POSITION)))?),
        default_time: Set(new.default_time.map(|time| input::time("defaultTime", &time)).transpose()?),
        created_from: Set(Some(created_from)),
        ..Default::default()
    };
    let row = input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await?;
    row.map(|row| (person, row.into())).ok_or_else(|| Error::conflict("this id is taken by something else: make a new one"))
}

/// Calls, orders, times or hides a meal otherwise, one of those that everybody has too. No entry changes.
pub async fn update(tx: &Tx, person: Option<UserId>, code: &str, change: MealTypeChange) -> Result<(UserId, MealType)> {
    let person = tx.viewer_or(person)?;
    let code = &name("code", code)?.to_lowercase();
    let row = of_code(person, code).lock_exclusive().one(tx).await?;
    let meal = row.clone().map(MealType::from).or_else(|| built_in(code)).ok_or(Error::NoSuch { field: "code", what: "meal type" })?;
    input::expect_version(change.expected_version, meal.version, || scalars(&meal))?;
    let name = change.name.map(|name| self::name("name", &name)).transpose()?;
    if let Some(name) = &name
        && list(tx, person).await?.iter().any(|known| known.code != *code && known.name.to_lowercase() == name.to_lowercase())
    {
        return Err(taken());
    }
    let changed = ActiveModel {
        name: Set(name.unwrap_or(meal.name)),
        position: Set(change.position.map_or(Ok(meal.position), position)?),
        default_time: Set(match change.default_time {
            Some(time) => time.map(|time| input::time("defaultTime", &time)).transpose()?,
            None => meal.default_time,
        }),
        hidden: Set(change.hidden.unwrap_or(meal.hidden)),
        ..Default::default()
    };
    let row = match row {
        Some(row) => Entity::update(ActiveModel { user_id: Unchanged(person), id: Unchanged(row.id), ..changed }).exec(tx).await?,
        None => {
            let id = MealTypeId(tx.new_id());
            let row = ActiveModel { user_id: Set(person), id: Set(id), code: Set(code.clone()), ..changed };
            Entity::insert(row).exec_with_returning(tx).await?
        }
    };
    Ok((person, row.into()))
}

/// Takes a meal of one's own away. Entries that were logged for it keep it.
pub async fn delete(tx: &Tx, person: Option<UserId>, code: &str, expected_version: Option<i32>) -> Result<UserId> {
    let person = tx.viewer_or(person)?;
    let code = &name("code", code)?.to_lowercase();
    if built_in(code).is_some() {
        return Err(Error::invalid("code", "this is one of the meals that everybody has: hide it instead"));
    }
    let row = of_code(person, code).lock_exclusive().one(tx).await?.ok_or(Error::NoSuch { field: "code", what: "meal type" })?;
    input::expect_version(expected_version, row.version, || scalars(&row.clone().into()))?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(row.id))
        .exec(tx)
        .await?;
    Ok(person)
}

const LAST_POSITION: i32 = 100_000;

fn position(value: i32) -> Result<i32> {
    input::integer("position", value, 0..=LAST_POSITION)
}

fn name(field: &str, value: &str) -> Result<String> {
    input::line(field, value, 20)
}

fn taken() -> Error {
    Error::invalid("name", "there is a meal of this name already")
}

/// Meals on devices. The first of two devices that add one of the same name has it.
pub static SYNCED: Collection = Collection {
    name: "meal_types",
    person_column: "user_id",
    access: Some("calorie"),
    deletion: Deletion::At,
    groups: &[
        fixed("code", &[written("code", Kind::Text)]),
        group("name", &[written("name", Kind::Text)]),
        group("position", &[written("position", Kind::Integer)]),
        group("default_time", &[written("default_time", Kind::Time)]),
        group("hidden", &[written("hidden", Kind::Boolean)]),
    ],
    complete,
    complement: None,
};

fn complete(_: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let name = name("name", draft.text("name")?)?;
    if draft.before.is_none() {
        let code = draft.optional_text("code")?.map_or_else(|| Ok(name.clone()), |code| self::name("code", code))?;
        draft.set("code", code.to_lowercase());
    }
    draft.set("name", name);
    let place = draft.value("position").as_i64().unwrap_or_else(|| i64::from(LAST_POSITION));
    draft.set("position", position(i32::try_from(place).unwrap_or(-1))?);
    if draft.value("hidden").is_null() {
        draft.set("hidden", false);
    }
    Ok(())
}

fn scalars(meal: &MealType) -> JsonValue {
    serde_json::json!({
        "code": meal.code, "name": meal.name, "position": meal.position, "defaultTime": meal.default_time.map(|time| time.format("%H:%M").to_string()),
        "hidden": meal.hidden, "builtIn": meal.built_in, "version": meal.version,
    })
}
