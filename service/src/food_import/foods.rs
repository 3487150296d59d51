//! Lines of a list of foods: what each says, and the food that it becomes.

use std::collections::HashSet;

use entity::{
    allergen::Allergen,
    nutrition_data::{Basis, CarbohydrateBasis},
};
use rust_decimal::Decimal;
use sea_orm::ActiveEnum;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Addition, Options,
    cells::{Cells, Form},
    columns::Column,
    diary::{nutrition, reason},
    report::Findings,
    values,
};
use crate::{
    barcode,
    error::{Error, Result},
    foods::{self, Portion},
    input,
};

/// A food that a line becomes, as it is stored until it is committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StagedFood {
    /// Its line.
    pub line: u64,
    /// The food's id.
    pub id: Uuid,
    /// Name.
    pub name: String,
    /// Brand.
    pub brand: Option<String>,
    /// GTIN-14.
    pub barcode: Option<String>,
    /// What nutrition is per.
    pub serving_size: Decimal,
    /// Of what.
    pub serving_unit: String,
    /// kcal.
    pub calories: Option<Decimal>,
    /// g.
    pub protein: Option<Decimal>,
    /// g.
    pub carbohydrates: Option<Decimal>,
    /// g.
    pub fat: Option<Decimal>,
    /// g.
    pub fiber: Option<Decimal>,
    /// g.
    pub sugar: Option<Decimal>,
    /// mg.
    pub sodium: Option<Decimal>,
    /// Others, by code.
    pub nutrients: serde_json::Value,
    /// How the nutrition came to be known.
    pub basis: String,
    /// What carbohydrates include.
    pub carbohydrate_basis: Option<String>,
    /// Named amounts.
    pub portions: Vec<Portion>,
    /// g per ml.
    pub density: Option<Decimal>,
    /// Codes of what it contains; nobody said when absent.
    pub allergens: Option<Vec<String>>,
    /// Codes of what it may contain.
    pub traces: Option<Vec<String>>,
}

impl StagedFood {
    /// Name and serving, to be shown before it is committed.
    pub fn addition(&self) -> Addition {
        let description = format!("{}, per {} {}", self.name, self.serving_size.normalize(), self.serving_unit);
        Addition { line: self.line, description }
    }
}

/// The foods that the lines become. `new_id` makes their ids.
pub fn read(cells: &Cells<'_>, options: &Options, findings: &mut Findings, new_id: impl Fn() -> Uuid) -> Result<Vec<StagedFood>> {
    if !cells.has(&Column::Name) {
        return Err(Error::invalid("csv", "has no column that names the food: call one Name"));
    }
    if !cells.has_nutrients() {
        return Err(Error::invalid("csv", "has no column of a nutrient: call one Calories, Protein (g), or by the code of a nutrient"));
    }
    if !cells.has(&Column::ServingSize) {
        findings.guess(None, "no column says what amounts are per: 100 g");
    }
    let form = cells.form(options, findings)?;
    let (mut named, mut barcodes) = (HashSet::new(), HashSet::new());
    let mut foods = Vec::new();
    for place in 0..cells.count() {
        let Some(food) = findings.of_line(cells.number(place), line(cells, place, &form, new_id())) else { continue };
        let same_name = !named.insert((food.name.to_lowercase(), food.brand.as_ref().map(|brand| brand.to_lowercase())));
        let same_barcode = food.barcode.as_ref().is_some_and(|barcode| !barcodes.insert(barcode.clone()));
        if same_name || same_barcode {
            let what = if same_barcode { "barcode" } else { "name and brand" };
            findings.duplicate(food.line, format!("a line before it has the same {what}"));
        } else {
            foods.push(food);
        }
    }
    Ok(foods)
}

fn line(cells: &Cells<'_>, place: usize, form: &Form, id: Uuid) -> Result<StagedFood, (Column, String)> {
    cells.complete(place)?;
    let text = |column: Column, max: usize| {
        let value = cells.text(place, &column);
        value.map(|value| input::line("cell", value, max).map_err(|error| (column, reason(error)))).transpose()
    };
    let barcode = cells.text(place, &Column::Barcode);
    let (size, unit) = cells.amount(place, form, &Column::ServingSize, &Column::ServingUnit)?;
    let size = match size {
        Some(size) => size,
        None if cells.has(&Column::ServingSize) => return Err((Column::ServingSize, "says no amount".to_owned())),
        None => Decimal::ONE_HUNDRED,
    };
    let (serving_size, serving_unit) =
        foods::serving(size, unit.as_deref().unwrap_or("g")).map_err(|error| (Column::ServingSize, reason(error)))?;
    let portions = cells.text(place, &Column::Portions).map(|typed| portions(typed, form)).transpose()?.unwrap_or_default();
    let density = cells.text(place, &Column::Density).map(|typed| density(typed, form)).transpose()?;
    let portions = foods::checked_portions(portions, serving_unit, density).map_err(|error| (Column::Portions, reason(error)))?;
    let known = |column: Column, choices: &str| (column, format!("must be {choices}"));
    let basis = cells.text(place, &Column::Basis).map(str::to_lowercase);
    let basis = basis.map_or(Ok(Basis::User), |basis| Basis::try_from_value(&basis));
    let carbohydrate_basis = cells.text(place, &Column::CarbohydrateBasis).map(str::to_lowercase);
    let carbohydrate_basis = carbohydrate_basis.map(|basis| CarbohydrateBasis::try_from_value(&basis)).transpose();
    let amounts = nutrition(&cells.nutrients(place, form, Decimal::from(100_000))?);
    Ok(StagedFood {
        line: cells.number(place),
        id,
        name: text(Column::Name, 255)?.ok_or_else(|| (Column::Name, "names no food".to_owned()))?,
        brand: text(Column::Brand, 255)?,
        barcode: barcode.map(|code| barcode::gtin14("barcode", code).map_err(|error| (Column::Barcode, reason(error)))).transpose()?,
        serving_size,
        serving_unit: serving_unit.code.to_owned(),
        calories: amounts.calories,
        protein: amounts.protein,
        carbohydrates: amounts.carbohydrates,
        fat: amounts.fat,
        fiber: amounts.fiber,
        sugar: amounts.sugar,
        sodium: amounts.sodium,
        nutrients: amounts.nutrients,
        basis: basis.map_err(|_| known(Column::Basis, "analysed, label, estimated or user"))?.to_value(),
        carbohydrate_basis: carbohydrate_basis
            .map_err(|_| known(Column::CarbohydrateBasis, "total or available"))?
            .map(|basis| basis.to_value()),
        portions,
        density,
        allergens: cells.text(place, &Column::Allergens).map(|typed| allergens(Column::Allergens, typed)).transpose()?,
        traces: cells.text(place, &Column::Traces).map(|typed| allergens(Column::Traces, typed)).transpose()?,
    })
}

fn density(typed: &str, form: &Form) -> Result<Decimal, (Column, String)> {
    let refused = || (Column::Density, format!("{} is no number of g per ml", values::shown(typed)));
    let (Some(density), None) = form.numbers.amount(typed).map_err(|_| refused())? else { return Err(refused()) };
    foods::checked_density(density).map_err(|error| (Column::Density, reason(error)))
}

/// "milk; nuts", or "none".
fn allergens(column: Column, typed: &str) -> Result<Vec<String>, (Column, String)> {
    let typed = typed.to_lowercase();
    let named: Vec<_> = typed.split([';', ',']).map(str::trim).filter(|code| !code.is_empty() && *code != "none").collect();
    match named.iter().find(|code| !Allergen::ALL.iter().any(|(_, known)| known == *code)) {
        None => Ok(Allergen::to_codes(&Allergen::of_codes(&named.into_iter().map(str::to_owned).collect::<Vec<_>>()))),
        Some(code) => {
            let known = Allergen::ALL.map(|(_, code)| code).join(", ");
            Err((column, format!("{} is none of {known}", values::shown(code))))
        }
    }
}

/// "slice = 28 g; cup = 240 g".
fn portions(typed: &str, form: &Form) -> Result<Vec<Portion>, (Column, String)> {
    let portion = |text: &str| {
        let refused = || (Column::Portions, format!("{} is not written like slice = 28 g", values::shown(text)));
        let (name, amount) = text.rsplit_once('=').ok_or_else(refused)?;
        let (Some(amount), Some(unit)) = form.numbers.amount(amount).map_err(|_| refused())? else { return Err(refused()) };
        Ok(Portion { name: name.trim().to_owned(), amount, unit })
    };
    typed.split(';').filter(|text| !text.trim().is_empty()).map(portion).collect()
}
