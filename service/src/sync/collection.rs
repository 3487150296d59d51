//! What the engine knows of a synced table: its columns, which of them are merged together, and what a whole row may be.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use entity::{
    exercises,
    id::{ExerciseId, FoodId, UserId},
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::{
    clock::Clock,
    merge::{Refused, Row},
};
use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    exercise_energy::Body,
    foods::Food,
};

/// The synced columns of a row by name. Decimals, ids, dates and instants are strings.
pub type Document = Map<String, Value>;

/// The column that says whether a row is deleted, and the group that it is alone in.
pub const DELETED: &str = "deleted";

/// A synced table.
pub struct Collection {
    /// The table, and what clients call it.
    pub name: &'static str,
    /// The column that says whose a row is.
    pub person_column: &'static str,
    /// The type of family access whose `can_write` lets a relative write; `None` where nobody but the person writes.
    pub access: Option<&'static str>,
    /// How a deleted row is known.
    pub deletion: Deletion,
    /// The columns that are merged together.
    pub groups: &'static [Group],
    /// Holds a merged row to the rules that the ordinary mutations hold it to, and fills the columns that follow from others.
    pub complete: fn(&Context, &mut Draft) -> Result<(), Refused>,
    /// Writes what belongs to rows of this collection and lies in other tables or rows, after the rows themselves.
    pub complement: Option<Complement>,
}

/// Writes what belongs to rows and does not lie in them.
pub type Complement = for<'a> fn(&'a Tx, UserId, &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>>;

/// How a deleted row is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// There is one row per person, which Hale makes and nobody deletes.
    Never,
    /// By the column `deleted_at`.
    At,
    /// By the column `deleted`.
    Flag,
}

/// Columns that only make sense together: the last write of any of them decides all.
pub struct Group {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is decided when the row is made.
    pub fixed: bool,
    /// Its columns.
    pub columns: &'static [Column],
}

/// A column.
pub struct Column {
    /// What it is called.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it follows from others, so that no client writes it.
    pub derived: bool,
    /// Whether it lies in other tables.
    pub elsewhere: bool,
}

/// What a column holds, and how a document tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A decimal number, as a string.
    Decimal,
    /// A whole number of 32 bits.
    Integer,
    /// An instant, RFC 3339 in UTC with microseconds.
    Instant,
    /// A calendar date.
    Date,
    /// A time of day, HH:MM.
    Time,
    /// A UUID.
    Id,
    /// JSON.
    Json,
    /// True or false.
    Boolean,
}

/// A column that clients write.
pub const fn written(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, derived: false, elsewhere: false }
}

/// A column that follows from others.
pub const fn derived(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, derived: true, elsewhere: false }
}

/// JSON that clients write and that lies in other tables.
pub const fn elsewhere(name: &'static str) -> Column {
    Column { name, kind: Kind::Json, derived: false, elsewhere: true }
}

/// Columns that clients write and that are merged together.
pub const fn group(name: &'static str, columns: &'static [Column]) -> Group {
    Group { name, fixed: false, columns }
}

/// Columns that are decided when the row is made.
pub const fn fixed(name: &'static str, columns: &'static [Column]) -> Group {
    Group { name, fixed: true, columns }
}

impl Collection {
    /// The group and the column of this name.
    pub fn column(&self, name: &str) -> Option<(&'static Group, &'static Column)> {
        self.groups.iter().find_map(|group| Some((group, group.columns.iter().find(|column| column.name == name)?)))
    }

    /// All columns.
    pub fn columns(&self) -> impl Iterator<Item = &'static Column> {
        self.groups.iter().flat_map(|group| group.columns)
    }
}

impl Kind {
    /// The type in PostgreSQL.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Decimal => "numeric",
            Self::Integer => "integer",
            Self::Instant => "timestamptz",
            Self::Date => "date",
            Self::Time => "time",
            Self::Id => "uuid",
            Self::Json => "jsonb",
            Self::Boolean => "boolean",
        }
    }

    /// The value as documents tell it. Strict: what is not of the kind is refused, never taken for zero.
    pub fn read(self, field: &str, value: &Value) -> Result<Value> {
        let wrong = |what: &str| Error::invalid(field, format!("must be {what}, is {}", shown(value)));
        Ok(match (self, value) {
            (_, Value::Null) => Value::Null,
            (Self::Json, value) => value.clone(),
            (Self::Text, Value::String(text)) => Value::String(text.nfc().collect()),
            (Self::Decimal, value) => {
                as_decimal(value).map(|number| string(number.normalize())).ok_or_else(|| wrong("a decimal number"))?
            }
            (Self::Integer, Value::Number(number)) => Value::from(
                number.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or_else(|| wrong("a whole number of 32 bits"))?,
            ),
            (Self::Integer, Value::String(text)) => Value::from(text.parse::<i32>().map_err(|_| wrong("a whole number of 32 bits"))?),
            (Self::Instant, Value::String(text)) => {
                instant(text.parse::<DateTime<Utc>>().map_err(|_| wrong("an instant such as 2026-03-10T12:00:00Z"))?)
            }
            (Self::Date, Value::String(date)) => string(date.parse::<NaiveDate>().map_err(|_| wrong("a date such as 2026-03-10"))?),
            (Self::Time, Value::String(time)) => {
                let time = NaiveTime::parse_from_str(time, "%H:%M").map_err(|_| wrong("a time of day such as 08:30"))?;
                string(time.format("%H:%M"))
            }
            (Self::Id, Value::String(id)) => string(Uuid::try_parse(id).map_err(|_| wrong("a UUID"))?.hyphenated()),
            (Self::Boolean, Value::Bool(_)) => value.clone(),
            (Self::Boolean, Value::String(text)) if text == "1" || text == "true" => Value::Bool(true),
            (Self::Boolean, Value::String(text)) if text == "0" || text == "false" => Value::Bool(false),
            (Self::Text, _) => return Err(wrong("a text")),
            (Self::Integer, _) => return Err(wrong("a whole number of 32 bits")),
            (Self::Instant, _) => return Err(wrong("an instant such as 2026-03-10T12:00:00Z")),
            (Self::Date, _) => return Err(wrong("a date such as 2026-03-10")),
            (Self::Time, _) => return Err(wrong("a time of day such as 08:30")),
            (Self::Id, _) => return Err(wrong("a UUID")),
            (Self::Boolean, _) => return Err(wrong("true or false")),
        })
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(100).collect()
}

fn string(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

fn as_decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => Decimal::from_str_exact(text).ok(),
        Value::Number(number) => Decimal::from_str_exact(&number.to_string()).ok(),
        _ => None,
    }
}

fn instant(at: DateTime<Utc>) -> Value {
    string(at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// The text of a column.
pub fn text<'a>(document: &'a Document, column: &str) -> Result<Option<&'a str>, Refused> {
    match document.get(column) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(column, "must be a text").into()),
    }
}

/// The number of a column.
pub fn decimal(document: &Document, column: &str) -> Result<Option<Decimal>, Refused> {
    match document.get(column) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => as_decimal(value).map(Some).ok_or_else(|| Error::invalid(column, "must be a decimal number").into()),
    }
}

/// What a row cannot be without.
pub fn required<T>(value: Option<T>, column: &str) -> Result<T, Refused> {
    value.ok_or_else(|| Refused::missing(column))
}

/// What holding rows to the rules needs to know beside them.
#[derive(Default)]
pub struct Context {
    /// How the person's days are cut.
    pub calendar: Option<Calendar>,
    /// The foods that rows name, as far as the writer sees them: as they are, and in the version that an entry was logged with.
    pub foods: HashMap<(FoodId, Option<i32>), Food>,
    /// The exercises that rows name, as far as the writer sees them.
    pub exercises: HashMap<ExerciseId, exercises::Model>,
    /// What is known of the person's body at the instants that rows name.
    pub bodies: HashMap<DateTime<Utc>, Body>,
}

/// What rows name that lies in other tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named {
    /// Foods of new entries.
    pub foods: BTreeSet<FoodId>,
    /// Foods of entries that are there, in the version that they were logged with.
    pub logged_foods: BTreeSet<(FoodId, i32)>,
    /// Exercises.
    pub exercises: BTreeSet<ExerciseId>,
    /// Instants at which the person's weight matters.
    pub instants: BTreeSet<DateTime<Utc>>,
}

impl Named {
    /// Notes what a column of a row names; of a row that is there the nutrition version too.
    pub fn note(&mut self, column: &str, value: &Value) {
        let Value::String(text) = value else { return };
        match column {
            "food_item_id" => self.foods.extend(text.parse().map(FoodId)),
            "exercise_id" => self.exercises.extend(text.parse().map(ExerciseId)),
            "performed_at" => self.instants.extend(text.parse::<DateTime<Utc>>()),
            _ => {}
        }
    }

    /// Notes what a row that is there names.
    pub fn note_row(&mut self, document: &Document) {
        let version = document.get("nutrition_version").and_then(|version| i32::try_from(version.as_i64()?).ok());
        let food = document.get("food_item_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        self.logged_foods.extend(food.map(FoodId).zip(version));
        for column in ["exercise_id", "performed_at"] {
            self.note(column, document.get(column).unwrap_or(&Value::Null));
        }
    }
}

impl Context {
    /// How the person's days are cut.
    pub fn calendar(&self) -> Result<Calendar> {
        self.calendar.ok_or_else(|| Error::internal("rows are completed without a calendar"))
    }
}

/// A row on its way to be written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Whose.
    pub person: UserId,
    /// Which.
    pub id: Uuid,
    /// As it was; `None` when it is new.
    pub before: Option<Document>,
    /// As it will be.
    pub document: Document,
    /// The groups that change.
    pub changed: BTreeSet<&'static str>,
}

impl Draft {
    /// Whether columns of the group change, as they all do in a new row.
    pub fn changes(&self, group: &str) -> bool {
        self.before.is_none() || self.changed.contains(group)
    }

    /// The text of a column that must have one.
    pub fn text(&self, column: &str) -> Result<&str, Refused> {
        required(text(&self.document, column)?, column)
    }

    /// The text of a column.
    pub fn optional_text(&self, column: &str) -> Result<Option<&str>, Refused> {
        text(&self.document, column)
    }

    /// The number of a column that must have one.
    pub fn decimal(&self, column: &str) -> Result<Decimal, Refused> {
        required(decimal(&self.document, column)?, column)
    }

    /// The number of a column.
    pub fn optional_decimal(&self, column: &str) -> Result<Option<Decimal>, Refused> {
        decimal(&self.document, column)
    }

    /// The instant of a column that must have one.
    pub fn instant(&self, column: &str) -> Result<DateTime<Utc>, Refused> {
        let told = self.text(column)?.parse();
        told.map_err(|_| Error::invalid(column, "must be an instant such as 2026-03-10T12:00:00Z").into())
    }

    /// The whole number of a column.
    pub fn optional_integer(&self, column: &str) -> Result<Option<i32>, Refused> {
        let wrong = || Error::invalid(column, "must be a whole number of 32 bits");
        match self.value(column) {
            Value::Null => Ok(None),
            value => Ok(Some(value.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or_else(wrong)?)),
        }
    }

    /// The value of a column.
    pub fn value(&self, column: &str) -> &Value {
        self.document.get(column).unwrap_or(&Value::Null)
    }

    /// Sets a column.
    pub fn set(&mut self, column: &str, value: impl Into<Value>) {
        self.document.insert(column.to_owned(), value.into());
    }

    /// Sets a column to a number.
    pub fn set_decimal(&mut self, column: &str, value: Option<Decimal>) {
        self.set(column, value.map_or(Value::Null, |value| string(value.normalize())));
    }

    /// Checks when and where the row happened, and fixes its day. A zone that is not told is the person's.
    pub fn fix_day(&mut self, context: &Context, at: &str, on: &str) -> Result<(), Refused> {
        let calendar = context.calendar()?;
        let told = self.instant(at)?;
        let zone: Option<Tz> = self.optional_text("time_zone")?.map(|name| day::zone("time_zone", name)).transpose()?;
        let moment = calendar.moment(at, Some(told), zone, told)?;
        self.set(at, instant(moment.at));
        self.set("time_zone", moment.time_zone.name());
        self.set(on, string(moment.on));
        Ok(())
    }
}

/// The clocks of a row's groups.
pub type Clocks = BTreeMap<String, Clock>;
