//! A diary and one's own foods as CSV (RFC 4180), row by row from one snapshot: what a spreadsheet opens without running anything, and what
//! an import reads again.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use entity::{family_access::AccessType, id::UserId};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::{
    access::{Tx, Viewer},
    access_log::Reads,
    day,
    error::{Error, Result},
    family_access,
    foods::Portions,
    nutrients,
    nutrition::Nutrition,
};

/// Rows that are read, and written, at a time.
const CHUNK: u32 = 500;

/// What is exported.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// The diary of these days.
    Diary {
        /// The first day.
        from: NaiveDate,
        /// The last day.
        to: NaiveDate,
    },
    /// The foods of a person's own.
    Foods,
}

/// An export that is being read. It holds its transaction, whose snapshot all of it is from, until it is dropped.
pub struct Export {
    tx: Tx,
    what: What,
    /// What amounts of further nutrients are kept under, for which there are columns.
    keys: Option<Vec<String>>,
    done: bool,
}

/// Begins to export what is the viewer's, or the diary of a relative who shares it, which their access log is told first.
pub async fn begin(viewer: &Viewer, person: Option<UserId>, what: What) -> Result<Export> {
    let person = person.unwrap_or(viewer.user_id());
    if person != viewer.user_id() {
        let shared = family_access::types_of(&viewer.read().await?, person).await?.contains(&AccessType::Calorie);
        if !shared || matches!(what, What::Foods) {
            return Err(Error::NoSuch { field: "personId", what: "person" });
        }
        let mut reads = Reads::default();
        reads.note(person, AccessType::Calorie);
        let tx = viewer.write().await?;
        reads.write(&tx).await?;
        tx.commit().await?;
    }
    Export::begin(viewer.read().await?, person, what).await
}

impl Export {
    async fn begin(tx: Tx, person: UserId, what: What) -> Result<Self> {
        let declare = |select: &str| format!("DECLARE export NO SCROLL CURSOR FOR {select}");
        let statement = match what {
            What::Diary { from, to } => {
                let (from, to) = day::range(from, to, i64::MAX)?;
                Statement::from_sql_and_values(DbBackend::Postgres, declare(DIARY), [person.0.into(), from.into(), to.into()])
            }
            What::Foods => Statement::from_sql_and_values(DbBackend::Postgres, declare(FOODS), [person.0.into()]),
        };
        tx.execute_raw(statement).await?;
        Ok(Self { tx, what, keys: None, done: false })
    }

    /// The next part of the file, the header first; `None` when there is no more of it.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.done {
            return Ok(None);
        }
        let rows = self.tx.query_all_raw(Statement::from_string(DbBackend::Postgres, format!("FETCH FORWARD {CHUNK} FROM export"))).await?;
        self.done = rows.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let first = self.keys.is_none();
        let keys = match &self.keys {
            Some(keys) => keys,
            None => {
                // The first row says which there are.
                let keys = rows.first().map(|row| row.try_get::<Option<Vec<String>>>("", "keys")).transpose()?.flatten();
                self.keys.insert(keys.unwrap_or_default())
            }
        };
        let mut write = |cells: Vec<String>| writer.write_record(cells).map_err(|error| Error::Internal(error.into()));
        let further = |nutrition: &Nutrition| keys.iter().map(|key| number(nutrition.nutrient(key))).collect::<Vec<_>>();
        match self.what {
            What::Diary { .. } => {
                if first {
                    let codes = titles(&self.tx, keys).await?;
                    write(ENTRY_COLUMNS.iter().chain(&NUTRIENT_COLUMNS).map(|title| (*title).to_owned()).chain(codes).collect())?;
                }
                for row in &rows {
                    let entry = Entry::from_query_result(row, "")?;
                    let nutrition = Nutrition::from_query_result(row, "")?;
                    write([entry.cells()?, headline(&nutrition), further(&nutrition)].concat())?;
                }
            }
            What::Foods => {
                if first {
                    let codes = titles(&self.tx, keys).await?;
                    write(FOOD_COLUMNS.iter().chain(&NUTRIENT_COLUMNS).map(|title| (*title).to_owned()).chain(codes).collect())?;
                }
                for row in &rows {
                    let food = Food::from_query_result(row, "")?;
                    let nutrition = Nutrition::from_query_result(row, "")?;
                    write([food.cells(), headline(&nutrition), further(&nutrition)].concat())?;
                }
            }
        }
        let part = writer.into_inner().map_err(|error| Error::Internal(error.into_error().into()))?;
        Ok(Some(part))
    }
}

/// The codes of nutrients, those that people define included, by what amounts are kept under.
async fn titles(tx: &Tx, keys: &[String]) -> Result<Vec<String>> {
    let mut known = nutrients::by_keys(tx, keys).await?;
    Ok(keys.iter().map(|key| known.remove(key).map_or_else(|| key.clone(), |nutrient| nutrient.code)).collect())
}

const NUTRIENT_COLUMNS: [&str; 7] = ["calories_kcal", "protein_g", "carbohydrates_g", "fat_g", "fiber_g", "sugar_g", "sodium_mg"];

const ENTRY_COLUMNS: [&str; 13] =
    ["id", "date", "time", "time_zone", "consumed_at", "status", "meal", "name", "brand", "food_id", "quantity", "unit", "note"];

/// What amounts of nutrients are kept under is told by the first row alone.
const DIARY: &str = "
    SELECT d.id, d.consumed_on, d.consumed_at, d.time_zone, d.status, d.meal_type, d.food_name, d.food_brand, d.food_item_id, d.quantity, d.unit,
      d.note, d.calories, d.protein, d.carbohydrates, d.fat, d.fiber, d.sugar, d.sodium, d.nutrients,
      CASE WHEN row_number() OVER (ORDER BY d.consumed_on, d.consumed_at, d.id) = 1 THEN (
        SELECT array_agg(DISTINCT key ORDER BY key) FROM food_diary c, jsonb_object_keys(c.nutrients) key
        WHERE c.user_id = $1 AND c.consumed_on BETWEEN $2 AND $3 AND c.deleted_at IS NULL) END AS keys
    FROM food_diary d
    WHERE d.user_id = $1 AND d.consumed_on BETWEEN $2 AND $3 AND d.deleted_at IS NULL
    ORDER BY d.consumed_on, d.consumed_at, d.id";

#[derive(FromQueryResult)]
struct Entry {
    id: uuid::Uuid,
    consumed_on: NaiveDate,
    consumed_at: DateTime<Utc>,
    time_zone: String,
    status: String,
    meal_type: String,
    food_name: String,
    food_brand: Option<String>,
    food_item_id: Option<uuid::Uuid>,
    quantity: Decimal,
    unit: String,
    note: Option<String>,
}

impl Entry {
    fn cells(&self) -> Result<Vec<String>> {
        let local = self.consumed_at.with_timezone(&day::zone("timeZone", &self.time_zone)?);
        Ok(vec![
            self.id.to_string(),
            self.consumed_on.to_string(),
            local.format("%H:%M:%S").to_string(),
            self.time_zone.clone(),
            self.consumed_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            self.status.clone(),
            harmless(&self.meal_type),
            harmless(&self.food_name),
            self.food_brand.as_deref().map(harmless).unwrap_or_default(),
            self.food_item_id.map(|food| food.to_string()).unwrap_or_default(),
            self.quantity.normalize().to_string(),
            harmless(&self.unit),
            self.note.as_deref().map(harmless).unwrap_or_default(),
        ])
    }
}

const FOOD_COLUMNS: [&str; 11] = [
    "name",
    "brand",
    "barcode",
    "serving_size",
    "serving_unit",
    "portions",
    "basis",
    "carbohydrate_basis",
    "density",
    "allergens",
    "traces",
];

const FOODS: &str = "
    SELECT f.name, f.brand, f.barcode, f.density, f.allergens, f.traces, n.serving_size, n.serving_unit, n.basis, n.carbohydrate_basis,
      n.calories, n.protein, n.carbohydrates, n.fat, n.fiber, n.sugar, n.sodium, n.nutrients,
      coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.name, 'amount', p.amount::text, 'unit', p.unit) ORDER BY p.position)
                FROM food_portions p WHERE p.food_item_id = f.id), '[]') AS portions,
      CASE WHEN row_number() OVER (ORDER BY f.name, f.id) = 1 THEN (
        SELECT array_agg(DISTINCT key ORDER BY key) FROM food_items o JOIN nutrition_data c ON c.food_item_id = o.id AND c.nutrition_version = o.nutrition_version,
          jsonb_object_keys(c.nutrients) key WHERE o.owner_id = $1 AND o.deleted_at IS NULL) END AS keys
    FROM food_items f JOIN nutrition_data n ON n.food_item_id = f.id AND n.nutrition_version = f.nutrition_version
    WHERE f.owner_id = $1 AND f.deleted_at IS NULL
    ORDER BY f.name, f.id";

#[derive(FromQueryResult)]
struct Food {
    name: String,
    brand: Option<String>,
    barcode: Option<String>,
    serving_size: Decimal,
    serving_unit: String,
    basis: String,
    carbohydrate_basis: Option<String>,
    density: Option<Decimal>,
    allergens: Option<Vec<String>>,
    traces: Option<Vec<String>>,
    portions: Portions,
}

impl Food {
    fn cells(&self) -> Vec<String> {
        let mut portions = String::new();
        for portion in &self.portions.0 {
            let parted = if portions.is_empty() { "" } else { "; " };
            _ = write!(portions, "{parted}{} = {} {}", portion.name, portion.amount.normalize(), portion.unit);
        }
        vec![
            harmless(&self.name),
            self.brand.as_deref().map(harmless).unwrap_or_default(),
            self.barcode.clone().unwrap_or_default(),
            self.serving_size.normalize().to_string(),
            self.serving_unit.clone(),
            harmless(&portions),
            self.basis.clone(),
            self.carbohydrate_basis.clone().unwrap_or_default(),
            number(self.density),
            codes(self.allergens.as_deref()),
            codes(self.traces.as_deref()),
        ]
    }
}

/// "milk; nuts"; nobody said is not none.
fn codes(allergens: Option<&[String]>) -> String {
    allergens.map(|codes| if codes.is_empty() { "none".to_owned() } else { codes.join("; ") }).unwrap_or_default()
}

fn headline(nutrition: &Nutrition) -> Vec<String> {
    nutrition.headline().map(|(_, amount)| number(amount)).to_vec()
}

fn number(amount: Option<Decimal>) -> String {
    amount.map(|amount| amount.normalize().to_string()).unwrap_or_default()
}

/// What a spreadsheet takes for a formula when a cell begins with it.
const FORMULAS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '＠'];

/// A text that a spreadsheet shows as it is: an apostrophe before what it would take for a formula. Numbers are left alone.
fn harmless(text: &str) -> String {
    let bare = text.trim_start_matches('\'');
    if bare.starts_with(FORMULAS) && text.parse::<Decimal>().is_err() { format!("'{text}") } else { text.to_owned() }
}

/// The text of a cell that [`harmless`] may have changed.
pub(crate) fn as_it_was(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.trim_start_matches('\'').starts_with(FORMULAS) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_made_harmless_and_negative_numbers_are_kept() {
        for (text, cell) in [
            ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("+1 egg", "'+1 egg"),
            ("-5", "-5"),
            ("-5.25", "-5.25"),
            ("- half -", "'- half -"),
            ("@home", "'@home"),
            ("'=1", "''=1"),
            ("'tis", "'tis"),
            ("porridge", "porridge"),
        ] {
            assert_eq!(harmless(text), cell);
            assert_eq!(as_it_was(cell), text);
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "['=+@a-c\\-\t0-9]{0,6}") {
            let cell = harmless(&text);
            prop_assert_eq!(as_it_was(&cell), text.as_str());
            prop_assert!(!cell.starts_with(FORMULAS) || cell.parse::<Decimal>().is_ok());
        }
    }
}
