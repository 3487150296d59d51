//! The shared catalogue: foods and exercises that every account sees, from published files and from a starter of Hale's own.
//!
//! A file is read as a stream of records; a record that cannot be used is reported and skipped, and the others are written in
//! batches, each in a transaction of its own. Importing the same file again changes nothing.

pub(crate) mod amount;
pub(crate) mod fdc_json;
mod free_exercise_db;
mod json_records;
pub(crate) mod portion;
mod starter;
mod store;
mod usda_sr;

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use entity::nutrition_data::{Basis, CarbohydrateBasis};
use rust_decimal::Decimal;
use serde::Serialize;

use self::store::Entry;
use crate::{
    access::Maintenance,
    error::{Error, Result},
};

/// A food as a catalogue states it. What is `None` is unknown, which is not zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Food {
    /// Which catalogue it comes from.
    pub source: &'static str,
    /// Its key in that catalogue.
    pub source_id: String,
    /// What it is called.
    pub name: String,
    /// Who makes it.
    pub brand: Option<String>,
    /// Its GTIN-14.
    pub barcode: Option<String>,
    /// The amount that the nutrition is stated for.
    pub serving_size: Decimal,
    /// The unit of `serving_size`.
    pub serving_unit: String,
    /// Energy in kcal.
    pub calories: Option<Decimal>,
    /// Protein in g.
    pub protein: Option<Decimal>,
    /// Carbohydrates in g.
    pub carbohydrates: Option<Decimal>,
    /// Fat in g.
    pub fat: Option<Decimal>,
    /// Fiber in g.
    pub fiber: Option<Decimal>,
    /// Sugars in g.
    pub sugar: Option<Decimal>,
    /// Sodium in mg.
    pub sodium: Option<Decimal>,
    /// Further nutrients by code of the table `nutrients`, each in the unit given there.
    pub nutrients: BTreeMap<&'static str, Decimal>,
    /// How the catalogue knows.
    pub basis: Basis,
    /// Its terms.
    pub licence: &'static str,
    /// What `carbohydrates` include.
    pub carbohydrate_basis: CarbohydrateBasis,
    /// What people measure it in.
    pub portions: Vec<Portion>,
}

/// A household measure of a food: one cup is 240 g.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Portion {
    /// What one of it is called.
    pub name: String,
    /// How much one of it is.
    pub amount: Decimal,
    /// The unit of `amount`: `g` or `ml`.
    pub unit: &'static str,
}

/// An exercise as a catalogue states it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exercise {
    /// Which catalogue it comes from.
    pub source: &'static str,
    /// Its key in that catalogue.
    pub source_id: String,
    /// What it is called.
    pub name: String,
    /// Its kind, such as strength or cardio.
    pub category: Option<String>,
    /// The muscles it trains, the main ones first.
    pub muscle_groups: Vec<String>,
    /// Those of them that only help.
    pub secondary_muscles: Vec<String>,
    /// What is recorded of a set: weight_reps, reps_only, duration or duration_distance.
    pub modality: &'static str,
    /// push, pull or static.
    pub force: Option<String>,
    /// compound or isolation.
    pub mechanic: Option<String>,
    /// beginner, intermediate or expert.
    pub level: Option<String>,
    /// The part of the body weight that it moves.
    pub body_weight_fraction: Option<Decimal>,
    /// What it is done with.
    pub equipment: Option<String>,
    /// How it is done, a step per line.
    pub instructions: Option<String>,
    /// Metabolic equivalent: multiples of resting energy expenditure.
    pub met: Option<Decimal>,
}

/// A kind of file that foods are published in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoodFormat {
    /// `ABBREV.csv` of the USDA National Nutrient Database for Standard Reference.
    UsdaSr,
    /// A JSON download of USDA FoodData Central: Foundation, SR Legacy, Survey or Branded foods.
    FdcJson,
}

/// A kind of file that exercises are published in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExerciseFormat {
    /// `exercises.json` of free-exercise-db.
    FreeExerciseDb,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// How many records are new.
    pub added: u64,
    /// How many differed from what was stored.
    pub changed: u64,
    /// How many were stored like this already.
    pub unchanged: u64,
    /// The records that were left out.
    pub skipped: Vec<BadRow>,
}

/// A record that was left out of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The line it begins on, from 1.
    pub line: u64,
    /// Which record of the file it is, from 1; a JSON file may well be one long line.
    pub record: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, record {}: {}", self.line, self.record, self.reason)
    }
}

/// A record of a file: what it says, or why it cannot be used.
#[derive(Debug, PartialEq)]
struct Record<T> {
    line: u64,
    record: u64,
    content: std::result::Result<T, String>,
}

/// The records of a file, read as they are asked for. An `Err` is about the whole file, and nothing follows it.
type Records<'a, T> = Box<dyn Iterator<Item = io::Result<Record<T>>> + Send + 'a>;

/// Brings the foods of a file into the shared catalogue. `progress` hears how many bytes were read so far.
pub async fn import_foods(
    maintenance: &Maintenance,
    format: FoodFormat,
    reader: impl Read + Send,
    progress: impl FnMut(u64) + Send,
) -> Result<Outcome> {
    let (reader, read) = Counted::new(reader);
    let foods = match format {
        FoodFormat::UsdaSr => usda_sr::foods(reader),
        FoodFormat::FdcJson => fdc_json::foods(reader),
    };
    import(maintenance, foods.map_err(not_of_this_format)?, &read, progress).await
}

/// Brings the exercises of a file into the shared catalogue. `progress` hears how many bytes were read so far.
pub async fn import_exercises(
    maintenance: &Maintenance,
    format: ExerciseFormat,
    reader: impl Read + Send,
    progress: impl FnMut(u64) + Send,
) -> Result<Outcome> {
    let (reader, read) = Counted::new(reader);
    let exercises = match format {
        ExerciseFormat::FreeExerciseDb => free_exercise_db::exercises(reader),
    };
    import(maintenance, exercises.map_err(not_of_this_format)?, &read, progress).await
}

/// Brings Hale's own foods and exercises into the shared catalogue, so that a fresh install is useful at once. Two statements
/// when they are there already.
pub async fn load_starter(maintenance: &Maintenance) -> Result<Outcome> {
    let tx = maintenance.begin().await?;
    let mut outcome = Outcome::default();
    outcome.count(Food::store(&tx, &starter::foods()?).await?);
    outcome.count(Exercise::store(&tx, &starter::exercises()?).await?);
    tx.commit().await?;
    Ok(outcome)
}

/// How many records a transaction writes: enough that round trips do not matter, few enough to hold in memory.
const BATCH: usize = 500;

async fn import<T: Entry>(
    maintenance: &Maintenance,
    mut records: Records<'_, T>,
    read: &AtomicU64,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut seen = HashSet::new();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let record = records.next().transpose().map_err(unreadable)?;
        let ended = record.is_none();
        if let Some(Record { line, record, content }) = record {
            // The second of two records with one id would undo the first, at every import anew.
            let content = content.and_then(T::checked).and_then(|entry| match seen.insert(entry.source_id().to_owned()) {
                true => Ok(entry),
                false => Err(format!("an earlier record has the id {} too", entry.source_id())),
            });
            match content {
                Ok(entry) => batch.push(entry),
                Err(reason) => outcome.skipped.push(BadRow { line, record, reason }),
            }
        }
        if batch.len() == BATCH || ended {
            let tx = maintenance.begin().await?;
            outcome.count(T::store(&tx, &batch).await?);
            tx.commit().await?;
            batch.clear();
            progress(read.load(Ordering::Relaxed));
        }
        if ended {
            return Ok(outcome);
        }
    }
}

impl Outcome {
    fn count(&mut self, stored: store::Stored) {
        self.added += stored.added;
        self.changed += stored.changed;
        self.unchanged += stored.unchanged;
    }
}

fn not_of_this_format(error: io::Error) -> Error {
    Error::invalid("file", error.to_string())
}

fn unreadable(error: io::Error) -> Error {
    Error::invalid("file", format!("{error}. Records before this point may be imported already; repeating an import is safe"))
}

/// Words with one blank between them, and nothing that cannot be printed: a NUL, say, cannot be stored either.
pub(crate) fn tidy(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// A reader that says how far it has come.
struct Counted<R> {
    reader: R,
    read: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    fn new(reader: R) -> (Self, Arc<AtomicU64>) {
        let read = Arc::new(AtomicU64::new(0));
        (Self { reader, read: read.clone() }, read)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_public_future_can_be_spawned() {
        fn send(_: impl Send) {}
        fn check(maintenance: &Maintenance) {
            send(import_foods(maintenance, FoodFormat::UsdaSr, io::empty(), |_| {}));
            send(import_exercises(maintenance, ExerciseFormat::FreeExerciseDb, io::empty(), |_| {}));
            send(load_starter(maintenance));
        }
        let _ = check;
    }

    #[test]
    fn words_keep_one_blank_between_them_and_nothing_unprintable() {
        assert_eq!(tidy(" Crème \t\u{0}brûlée\r\n"), "Crème brûlée");
        assert_eq!(tidy("\u{7}\n"), "");
    }

    #[test]
    fn a_bad_row_tells_its_place() {
        let row = BadRow { line: 5, record: 4, reason: "Energ_Kcal: -1 is negative".to_owned() };
        assert_eq!(row.to_string(), "line 5, record 4: Energ_Kcal: -1 is negative");
    }
}
