//! Hale's own small catalogue: everyday foods and exercises with rounded values of general knowledge, written for this project.

use std::collections::BTreeMap;

use csv::{Reader, StringRecord};
use entity::nutrition_data::{Basis, CarbohydrateBasis};
use rust_decimal::Decimal;

use super::{Exercise, Food, Portion, amount};
use crate::{
    error::{Error, Result},
    exercises,
};

const SOURCE: &str = "hale";
const FOODS: &str = include_str!("starter_foods.csv");
const EXERCISES: &str = include_str!("starter_exercises.csv");

/// Columns that are codes of nutrients.
const NUTRIENTS: [&str; 10] = ["FASAT", "CHOLE", "K", "CA", "FE", "VITC", "VITB12", "VITD", "ALC", "CAFFN"];

/// The foods.
pub(super) fn foods() -> Result<Vec<Food>> {
    rows(FOODS, food)
}

/// The exercises.
pub(super) fn exercises() -> Result<Vec<Exercise>> {
    rows(EXERCISES, exercise)
}

fn rows<T>(file: &str, read: impl Fn(&Row) -> std::result::Result<T, String>) -> Result<Vec<T>> {
    let mut csv = Reader::from_reader(file.as_bytes());
    let headings = csv.headers().cloned().map_err(|error| Error::Internal(error.into()))?;
    let rows = csv.records().map(|cells| {
        let row = Row { headings: &headings, cells: cells.map_err(|error| Error::Internal(error.into()))? };
        read(&row).map_err(|reason| Error::internal(format!("starter catalogue, {:?}: {reason}", row.cells)))
    });
    rows.collect()
}

struct Row<'a> {
    headings: &'a StringRecord,
    cells: StringRecord,
}

impl Row<'_> {
    fn text(&self, heading: &str) -> std::result::Result<&str, String> {
        let cell = self.headings.iter().zip(&self.cells).find(|(found, _)| *found == heading);
        cell.map(|(_, cell)| cell).ok_or_else(|| format!("the column {heading} is missing"))
    }

    fn amount(&self, heading: &str) -> std::result::Result<Option<Decimal>, String> {
        match self.text(heading)? {
            "" => Ok(None),
            text => amount::parse_amount(text).map(Some),
        }
    }

    fn list(&self, heading: &str) -> std::result::Result<impl Iterator<Item = &str>, String> {
        Ok(self.text(heading)?.split(';').map(str::trim).filter(|item| !item.is_empty()))
    }
}

fn food(row: &Row) -> std::result::Result<Food, String> {
    let mut nutrients = BTreeMap::new();
    for code in NUTRIENTS {
        if let Some(value) = row.amount(code)? {
            nutrients.insert(code, value);
        }
    }
    Ok(Food {
        source: SOURCE,
        source_id: row.text("id")?.to_owned(),
        name: row.text("name")?.to_owned(),
        brand: None,
        barcode: None,
        serving_size: amount::parse_amount(row.text("serving_size")?)?,
        serving_unit: row.text("serving_unit")?.to_owned(),
        calories: row.amount("calories")?,
        protein: row.amount("protein")?,
        carbohydrates: row.amount("carbohydrates")?,
        fat: row.amount("fat")?,
        fiber: row.amount("fiber")?,
        sugar: row.amount("sugar")?,
        sodium: row.amount("sodium")?,
        nutrients,
        basis: Basis::Estimated,
        licence: "MIT OR Apache-2.0",
        carbohydrate_basis: CarbohydrateBasis::Total,
        portions: row.list("portions")?.map(portion).collect::<std::result::Result<_, _>>()?,
    })
}

/// "slice=28 g".
fn portion(text: &str) -> std::result::Result<Portion, String> {
    let parts = text.split_once('=').and_then(|(name, measure)| Some((name, measure.split_once(' ')?)));
    let (name, (amount, unit)) = parts.ok_or_else(|| format!("{text:?} is not a portion"))?;
    let unit = match unit {
        "g" => "g",
        "ml" => "ml",
        other => return Err(format!("{other:?} is not g or ml")),
    };
    Ok(Portion { name: name.to_owned(), amount: amount::parse_amount(amount)?, unit })
}

fn exercise(row: &Row) -> std::result::Result<Exercise, String> {
    let force = Some(row.text("force")?).filter(|force| !force.is_empty());
    Ok(Exercise {
        source: SOURCE,
        source_id: row.text("id")?.to_owned(),
        name: row.text("name")?.to_owned(),
        category: Some(row.text("category")?.to_owned()),
        muscle_groups: row.list("muscle_groups")?.map(str::to_owned).collect(),
        secondary_muscles: Vec::new(),
        modality: exercises::modality(Some(row.text("category")?), Some(row.text("equipment")?), force),
        force: force.map(str::to_owned),
        mechanic: None,
        level: None,
        body_weight_fraction: exercises::moved_of_the_body(row.text("name")?, Some(row.text("equipment")?)),
        equipment: Some(row.text("equipment")?.to_owned()),
        instructions: Some(row.text("instructions")?.to_owned()),
        met: row.amount("met")?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{super::store::Entry, *};

    fn grams(value: Option<Decimal>) -> Decimal {
        value.expect("every headline nutrient is known here")
    }

    #[test]
    fn every_food_is_plausible() {
        let foods = foods().expect("starter foods");
        assert!(foods.len() >= 100, "{}", foods.len());
        let mut ids = HashSet::new();
        for food in foods {
            let name = food.name.clone();
            assert!(ids.insert(food.source_id.clone()), "{name} is there twice");
            assert!(food.serving_size == Decimal::ONE_HUNDRED && ["g", "ml"].contains(&food.serving_unit.as_str()), "{name}");
            assert!((1..=3).contains(&food.portions.len()), "{name}");
            assert!(food.portions.iter().all(|portion| amount::is_positive(portion.amount) && portion.unit == food.serving_unit), "{name}");
            for portion in &food.portions {
                let described = super::super::portion::described(&portion.name, portion.amount, portion.unit);
                assert_eq!(described.as_ref(), Some(portion), "{name}");
            }
            assert_eq!(super::super::portion::distinct(food.portions.clone()), food.portions, "{name}");

            let (protein, carbohydrates, fat) = (grams(food.protein), grams(food.carbohydrates), grams(food.fat));
            let (fiber, sugar) = (grams(food.fiber), grams(food.sugar));
            let alcohol = food.nutrients.get("ALC").copied().unwrap_or_default();
            assert!(protein + carbohydrates + fat + alcohol <= Decimal::ONE_HUNDRED, "{name} weighs more than it does");
            // Whipping cream and the like: saturated fat is part of fat, sugar and fiber of carbohydrates.
            assert!(food.nutrients.get("FASAT").is_none_or(|part| *part <= fat), "{name}");
            assert!(sugar + fiber <= carbohydrates + Decimal::ONE, "{name}");

            // Atwater's factors, with 2 kcal for a gram of fiber and 7 for one of alcohol.
            let energy = protein * Decimal::from(4)
                + (carbohydrates - fiber) * Decimal::from(4)
                + fiber * Decimal::TWO
                + fat * Decimal::from(9)
                + alcohol * Decimal::from(7);
            let calories = grams(food.calories);
            let tolerance = (calories * Decimal::new(15, 2)).max(Decimal::from(6));
            assert!((energy - calories).abs() <= tolerance, "{name}: {calories} kcal, but its parts have {energy}");
            food.checked().expect("storable");
        }
    }

    #[test]
    fn every_exercise_is_plausible() {
        let muscles = [
            "abdominals",
            "abductors",
            "adductors",
            "biceps",
            "calves",
            "chest",
            "forearms",
            "glutes",
            "hamstrings",
            "lats",
            "lower back",
            "middle back",
            "neck",
            "quadriceps",
            "shoulders",
            "traps",
            "triceps",
        ];
        let exercises = exercises().expect("starter exercises");
        assert!(exercises.len() >= 60, "{}", exercises.len());
        let mut ids = HashSet::new();
        for exercise in exercises {
            let name = exercise.name.clone();
            assert!(ids.insert(exercise.source_id.clone()), "{name} is there twice");
            let met = exercise.met.expect("a MET value");
            assert!(met >= Decimal::TWO && met <= Decimal::from(15) && met.scale() <= 1, "{name}: {met}");
            assert!(!exercise.muscle_groups.is_empty(), "{name}");
            assert!(exercise.muscle_groups.iter().all(|muscle| muscles.contains(&muscle.as_str())), "{name}");
            exercise.checked().expect("storable");
        }
    }
}
