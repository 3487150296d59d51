//! The JSON of USDA FoodData Central: its downloads, and what its API answers (the same for one food; flatter in a list that was
//! searched for). What it states is per 100 g or 100 ml, for branded foods too.

use std::{
    collections::BTreeMap,
    io::{self, Read},
};

use entity::{
    nutrition_data::{Basis, CarbohydrateBasis},
    unit::Unit,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Food, Portion, Records, amount, json_records, portion, tidy};
use crate::barcode::{self, Circulation};

/// Nutrient ids by column, the best first. These are ids, not the numbers that stand beside them: 1008 is number 208.
pub(crate) const PROTEIN: &[u32] = &[1003];
pub(crate) const FAT: &[u32] = &[1004, 1085];
pub(crate) const CARBOHYDRATES: &[u32] = &[1005, 1050];
pub(crate) const FIBER: &[u32] = &[1079, 2033];
pub(crate) const SUGAR: &[u32] = &[2000, 1063];
pub(crate) const SODIUM: &[u32] = &[1093];
/// 1008 is what the label says; Foundation foods often have the Atwater rows alone: specific factors, then general ones.
pub(crate) const KILOCALORIES: &[u32] = &[1008, 2048, 2047];
pub(crate) const KILOJOULES: &[u32] = &[1062];

/// Further nutrients: id, unit and code. Vitamin A in international units (1104) is left out: what one weighs depends on the substance.
pub(crate) const NUTRIENTS: [(u32, &str, &str); 44] = [
    (1051, "g", "WATER"),
    (1007, "g", "ASH"),
    (1018, "g", "ALC"),
    (1235, "g", "SUGAD"),
    (1009, "g", "STARCH"),
    (1258, "g", "FASAT"),
    (1292, "g", "FAMS"),
    (1293, "g", "FAPU"),
    (1257, "g", "FATRN"),
    (1253, "mg", "CHOLE"),
    (1057, "mg", "CAFFN"),
    (1087, "mg", "CA"),
    (1089, "mg", "FE"),
    (1090, "mg", "MG"),
    (1091, "mg", "P"),
    (1092, "mg", "K"),
    (1095, "mg", "ZN"),
    (1098, "mg", "CU"),
    (1101, "mg", "MN"),
    (1103, "ug", "SE"),
    (1100, "ug", "ID"),
    (1162, "mg", "VITC"),
    (1165, "mg", "THIA"),
    (1166, "mg", "RIBF"),
    (1167, "mg", "NIA"),
    (1170, "mg", "PANTAC"),
    (1175, "mg", "VITB6A"),
    (1176, "ug", "BIOT"),
    (1177, "ug", "FOL"),
    (1186, "ug", "FOLAC"),
    (1187, "ug", "FOLFD"),
    (1190, "ug", "FOLDFE"),
    (1180, "mg", "CHOLN"),
    (1178, "ug", "VITB12"),
    (1106, "ug", "VITA_RAE"),
    (1105, "ug", "RETOL"),
    (1108, "ug", "CARTA"),
    (1107, "ug", "CARTB"),
    (1120, "ug", "CRYPX"),
    (1122, "ug", "LYCPN"),
    (1123, "ug", "LUT_ZEA"),
    (1109, "mg", "VITE"),
    (1114, "ug", "VITD"),
    (1185, "ug", "VITK"),
];

/// Vitamin D in international units, where it is not there in µg: one is 1/40 µg.
const VITAMIN_D_IU: &[u32] = &[1110];

/// Carbohydrate by difference may come out this far below zero, from the errors of what is subtracted.
const DIFFERENCE_ERROR: Decimal = Decimal::from_parts(5, 0, 0, true, 0);

/// The foods of the file.
pub(super) fn foods<'a>(reader: impl Read + Send + 'a) -> io::Result<Records<'a, Food>> {
    // Numbers stay the text they are written as, hence the raw record.
    Ok(Box::new(json_records::open(reader)?.parsed(|record: Box<RawValue>| food(&record))))
}

/// One food, as a download has it. One that states an amount that cannot be is bad.
fn food(record: &RawValue) -> Result<Food, String> {
    let (food, mut problems) = food_with_problems(record)?;
    if problems.is_empty() { Ok(food) } else { Err(problems.swap_remove(0)) }
}

/// One food, as the API has it, without the amounts that cannot be; and why they cannot.
pub(crate) fn food_with_problems(record: &RawValue) -> Result<(Food, Vec<String>), String> {
    let food: Published = serde_json::from_str(record.get()).map_err(json_records::reason)?;
    let mut problems = Vec::new();
    let food = food.read(&mut problems);
    Ok((food, problems))
}

/// Whether the only energy of a food is in kilojoules, so that its kilocalories are computed from them.
pub(crate) fn states_kilojoules_alone(record: &RawValue) -> bool {
    let food: Result<Published, _> = serde_json::from_str(record.get());
    food.is_ok_and(|food| {
        food.stated(KILOCALORIES, "kcal", &mut Vec::new()).is_none() && food.stated(KILOJOULES, "kJ", &mut Vec::new()).is_some()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published<'a> {
    fdc_id: u64,
    description: String,
    brand_owner: Option<String>,
    brand_name: Option<String>,
    gtin_upc: Option<String>,
    #[serde(borrow)]
    serving_size: Option<&'a RawValue>,
    serving_size_unit: Option<String>,
    household_serving_full_text: Option<String>,
    #[serde(borrow)]
    food_nutrients: Option<Vec<Stated<'a>>>,
    #[serde(borrow)]
    food_portions: Option<Vec<Measure<'a>>>,
    #[serde(borrow)]
    food_measures: Option<Vec<Measure<'a>>>,
}

/// A nutrient: in an object of its own and with an `amount`, or in a list that was searched for flat and with a `value`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stated<'a> {
    nutrient: Option<Nutrient>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    nutrient_id: Option<u32>,
    unit_name: Option<String>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

impl<'a> Stated<'a> {
    /// The nutrient's id, its unit and the amount, which may be written as a string.
    fn parts(&self) -> Option<(u32, &str, &'a str)> {
        let (id, unit) = match &self.nutrient {
            Some(nutrient) => (nutrient.id, nutrient.unit_name.as_str()),
            None => (self.nutrient_id?, self.unit_name.as_deref()?),
        };
        Some((id, unit, self.amount.or(self.value)?.get().trim_matches('"')))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Nutrient {
    id: u32,
    unit_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Measure<'a> {
    #[serde(borrow)]
    gram_weight: Option<&'a RawValue>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    modifier: Option<String>,
    #[serde(alias = "disseminationText")]
    portion_description: Option<String>,
    measure_unit: Option<MeasureUnit>,
}

#[derive(Deserialize)]
struct MeasureUnit {
    name: String,
}

impl Published<'_> {
    /// What is stated; what of it cannot be is left out, and is one of the problems.
    fn read(&self, problems: &mut Vec<String>) -> Food {
        let mut nutrients = BTreeMap::new();
        for (id, unit, code) in NUTRIENTS {
            if let Some(value) = self.stated(&[id], unit, problems) {
                nutrients.insert(code, value);
            }
        }
        if !nutrients.contains_key("VITD")
            && let Some(units) = self.stated(VITAMIN_D_IU, "IU", problems)
        {
            nutrients.insert("VITD", amount::stored(units / Decimal::from(40)));
        }
        let unit = self.serving_unit().map(|(unit, _)| unit);
        let brand = self.brand_name.iter().chain(&self.brand_owner).map(|brand| tidy(brand)).find(|brand| !brand.is_empty());
        Food {
            source: "usda-fdc",
            source_id: self.fdc_id.to_string(),
            name: tidy(&self.description),
            barcode: self.gtin_upc.as_deref().and_then(barcode),
            serving_size: Decimal::ONE_HUNDRED,
            serving_unit: unit.unwrap_or("g").to_owned(),
            calories: self.energy(problems),
            protein: self.stated(PROTEIN, "g", problems),
            carbohydrates: self.stated(CARBOHYDRATES, "g", problems),
            fat: self.stated(FAT, "g", problems),
            fiber: self.stated(FIBER, "g", problems),
            sugar: self.stated(SUGAR, "g", problems),
            sodium: self.stated(SODIUM, "mg", problems),
            nutrients,
            basis: if brand.is_some() { Basis::Label } else { Basis::Analysed },
            licence: "CC0-1.0",
            carbohydrate_basis: CarbohydrateBasis::Total,
            portions: self.portions(problems),
            brand,
        }
    }

    fn energy(&self, problems: &mut Vec<String>) -> Option<Decimal> {
        self.stated(KILOCALORIES, "kcal", problems).or_else(|| self.stated(KILOJOULES, "kJ", problems).and_then(kilocalories))
    }

    /// The amount of the first of `ids` that is stated in something that `unit` can be made of. The unit is not always the
    /// expected one, nor always written alike: UG, µg.
    fn stated(&self, ids: &[u32], unit: &str, problems: &mut Vec<String>) -> Option<Decimal> {
        for id in ids {
            for stated in self.food_nutrients.iter().flatten() {
                let Some((of, from, amount)) = stated.parts() else { continue };
                if of != *id {
                    continue;
                }
                let Some(factor) = factor(from, unit) else { continue };
                let value = amount::exact(amount).and_then(|value| {
                    let value = if *id == 1005 && value >= DIFFERENCE_ERROR { value.max(Decimal::ZERO) } else { value };
                    let value = value.checked_mul(factor).ok_or_else(|| format!("{value} is too much"))?;
                    amount::in_range(amount::stored(value))
                });
                match value {
                    Ok(value) => return Some(value),
                    Err(reason) => problems.push(format!("nutrient {id}: {reason}")),
                }
            }
        }
        None
    }

    /// What branded foods are measured in, and how much of it the unit is in which their serving is written.
    fn serving_unit(&self) -> Option<(&'static str, Decimal)> {
        match self.serving_size_unit.as_deref()?.to_ascii_lowercase().as_str() {
            "g" | "grm" => Some(("g", Decimal::ONE)),
            "ml" | "mlt" => Some(("ml", Decimal::ONE)),
            "oz" | "onz" => Some(("g", Unit::named("oz")?.to_base(Decimal::ONE)?)),
            _ => None,
        }
    }

    fn portions(&self, problems: &mut Vec<String>) -> Vec<Portion> {
        let mut portions = Vec::new();
        let mut weight = |stated: &RawValue| {
            let weight = amount::parse_amount(stated.get().trim_matches('"'));
            weight.map_err(|reason| problems.push(format!("portion: {reason}"))).ok()
        };
        if let (Some(size), Some((unit, factor))) = (self.serving_size, self.serving_unit()) {
            let description = self.household_serving_full_text.as_deref().unwrap_or("serving");
            let size = weight(size).map(|size| amount::stored(size * factor));
            portions.extend(size.and_then(|size| portion::described(description, size, unit)));
        }
        for measure in self.food_portions.iter().chain(&self.food_measures).flatten() {
            let weight = measure.gram_weight.and_then(&mut weight);
            portions.extend(weight.and_then(|weight| portion::described(&measure.description(), weight, "g")));
        }
        portion::distinct(portions)
    }
}

impl Measure<'_> {
    /// "2 cup, sliced". Survey foods say it all in `portionDescription`, and have a code for a modifier.
    fn description(&self) -> String {
        if let Some(description) = self.portion_description.as_deref().filter(|text| !text.is_empty()) {
            return if description == "Quantity not specified" { String::new() } else { description.to_owned() };
        }
        let unit = self.measure_unit.as_ref().map(|unit| unit.name.as_str()).filter(|name| *name != "undetermined");
        let name: Vec<_> = unit.into_iter().chain(self.modifier.as_deref()).filter(|part| !part.trim().is_empty()).collect();
        format!("{} {}", self.amount.map_or("1", RawValue::get), name.join(", "))
    }
}

/// As many kilocalories as these kilojoules are.
pub(crate) fn kilocalories(kilojoules: Decimal) -> Option<Decimal> {
    kilojoules.checked_div(Decimal::new(4184, 3)).map(amount::stored)
}

/// What to multiply an amount in `from` with to have it in `to`; `None` for another dimension, and for international units,
/// which weigh something else for each vitamin.
pub(crate) fn factor(from: &str, to: &str) -> Option<Decimal> {
    let power_of_ten = |unit: &str| match unit.to_lowercase().as_str() {
        "g" => Some(6),
        // Of vitamin E, as alpha-tocopherol.
        "mg" | "mg_ate" => Some(3),
        // The micro sign, and what lower case makes of it elsewhere: the Greek letter.
        "ug" | "µg" | "μg" | "mcg" => Some(0),
        _ => None,
    };
    match (power_of_ten(from), power_of_ten(to)) {
        (Some(from), Some(to)) if from >= to => Some(Decimal::from(10_u64.pow(from - to))),
        (Some(from), Some(to)) => Some(Decimal::new(1, to - from)),
        _ => from.eq_ignore_ascii_case(to).then_some(Decimal::ONE),
    }
}

/// The barcode, if it is one; many were typed without the zeros they begin with.
fn barcode(code: &str) -> Option<String> {
    let code = code.trim();
    let padded = if code.len() == 8 { code.to_owned() } else { format!("{code:0>12}") };
    // A company's own numbers are nobody else's.
    barcode::gtin14("barcode", &padded).ok().filter(|gtin14| barcode::circulation(gtin14) == Circulation::Public)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn nutrient(id: u32, number: &str, unit: &str, amount: Value) -> Value {
        json!({"type": "FoodNutrient", "nutrient": {"id": id, "number": number, "unitName": unit}, "amount": amount})
    }

    fn read(nutrients: &[Value], more: Value) -> Result<Food, String> {
        let mut food = json!({"fdcId": 42, "description": "Soup,  plain", "foodNutrients": nutrients});
        for (key, value) in more.as_object().expect("an object") {
            food[key] = value.clone();
        }
        let file = json!({"FoundationFoods": [food]}).to_string();
        let mut records = foods(file.as_bytes()).expect("an array");
        records.next().expect("a record").expect("readable").content
    }

    fn food(nutrients: &[Value]) -> Food {
        read(nutrients, json!({})).expect("a food")
    }

    fn text(value: Option<Decimal>) -> String {
        value.map_or("unknown".to_owned(), |value| value.to_string())
    }

    #[test]
    fn takes_the_best_of_the_energies() {
        let label = nutrient(1008, "208", "KCAL", json!(230));
        let specific = nutrient(2048, "958", "kcal", json!(229));
        let general = nutrient(2047, "957", "kcal", json!(243.0));
        let joules = nutrient(1062, "268", "kJ", json!(960));
        let energy = |nutrients: &[&Value]| text(food(&nutrients.iter().map(|it| (*it).clone()).collect::<Vec<_>>()).calories);
        assert_eq!(energy(&[&joules, &general, &specific, &label]), "230");
        assert_eq!(energy(&[&joules, &general, &specific]), "229");
        assert_eq!(energy(&[&joules, &general]), "243");
        assert_eq!(energy(&[&joules]), "229.445507");
        assert_eq!(energy(&[]), "unknown");
    }

    #[test]
    fn maps_ids_not_numbers_and_minds_the_units() {
        let food = food(&[
            nutrient(1114, "328", "UG", json!(2.5)),
            nutrient(1110, "324", "IU", json!(100)),
            nutrient(1106, "320", "µg", json!(30)),
            nutrient(1104, "318", "IU", json!(100)),
            nutrient(208, "1008", "kcal", json!(9999)),
            nutrient(1063, "269.3", "g", json!(3.4)),
            nutrient(1093, "307", "g", json!(0.5)),
            nutrient(1003, "203", "G", Value::Null),
            nutrient(1109, "323", "IU", json!(7)),
        ]);
        assert_eq!(text(food.calories), "unknown");
        assert_eq!((text(food.sugar), text(food.sodium), text(food.protein)), ("3.4".into(), "500".into(), "unknown".into()));
        let nutrients: Vec<_> = food.nutrients.iter().map(|(code, value)| format!("{code} {value}")).collect();
        assert_eq!(nutrients, ["VITA_RAE 30", "VITD 2.5"]);
    }

    #[test]
    fn reads_the_flat_nutrients_of_a_search_and_vitamin_d_in_international_units_alone() {
        let flat = json!({"nutrientId": 1008, "nutrientNumber": "208", "nutrientName": "Energy", "unitName": "KCAL", "value": "52"});
        let tocopherol = json!({"nutrientId": 1109, "unitName": "MG_ATE", "value": 0.5});
        let found = read(
            &[flat, tocopherol, nutrient(1110, "324", "IU", json!(100))],
            json!({"foodMeasures": [{"disseminationText": "1 cup", "gramWeight": 240}], "servingSize": 1, "servingSizeUnit": "oz"}),
        )
        .expect("a food");
        assert_eq!((text(found.calories), found.nutrients["VITD"].to_string()), ("52".into(), "2.5".into()));
        assert_eq!(found.nutrients["VITE"].to_string(), "0.5");
        let portions: Vec<_> = found.portions.iter().map(|it| format!("{} {}{}", it.name, it.amount, it.unit)).collect();
        assert_eq!(portions, ["serving of 28.349523 g 28.349523g", "cup 240g"]);
    }

    #[test]
    fn total_sugars_come_before_those_of_the_label() {
        let both = food(&[nutrient(1063, "269.3", "g", json!(3.4)), nutrient(2000, "269", "g", json!(3.6))]);
        assert_eq!(text(both.sugar), "3.6");
    }

    #[test]
    fn negative_amounts_are_bad_but_a_difference_of_nothing_is_zero() {
        assert_eq!(text(food(&[nutrient(1005, "205", "g", json!(-0.4))]).carbohydrates), "0");
        let bad = |id| read(&[nutrient(id, "", "g", json!(-7))], json!({})).expect_err("bad");
        assert_eq!((bad(1005), bad(1003)), ("nutrient 1005: -7 is negative".into(), "nutrient 1003: -7 is negative".into()));
    }

    #[test]
    fn household_weights_become_portions() {
        let measures = json!({"foodPortions": [
            {"gramWeight": 33.9, "measureUnit": {"name": "tablespoon"}, "modifier": ""},
            {"gramWeight": 129.0, "amount": 2.0, "measureUnit": {"name": "cup"}, "modifier": "drained"},
            {"gramWeight": 91, "amount": 1, "measureUnit": {"name": "undetermined"}, "modifier": "pod"},
            {"gramWeight": 28.4, "measureUnit": {"name": "oz"}, "modifier": ""},
            {"gramWeight": 50, "portionDescription": "1 slice", "modifier": "10205", "measureUnit": {"name": "undetermined"}},
            {"gramWeight": 60, "portionDescription": "Quantity not specified", "modifier": "90000"},
            {"gramWeight": 0, "measureUnit": {"name": "jar"}},
        ]});
        let portions = read(&[], measures).expect("a food").portions;
        let portions: Vec<_> = portions.iter().map(|it| format!("{} {}{}", it.name, it.amount, it.unit)).collect();
        assert_eq!(portions, ["tablespoon 33.9g", "cup, drained 64.5g", "pod 91g", "slice 50g"]);
    }

    #[test]
    fn branded_foods_have_a_maker_a_barcode_and_a_serving() {
        let branded = json!({
            "brandOwner": "Maker Inc.", "brandName": "", "gtinUpc": "00034000470693", "servingSize": 240.0, "servingSizeUnit": "MLT",
            "householdServingFullText": "1 cup",
        });
        let food = read(&[], branded).expect("a food");
        assert_eq!((food.brand.as_deref(), food.barcode.as_deref()), (Some("Maker Inc."), Some("00034000470693")));
        assert_eq!(food.serving_unit, "ml");
        assert_eq!(food.portions, [Portion { name: "cup".into(), amount: Decimal::from(240), unit: "ml" }]);
        assert_eq!(barcode("34000470693").as_deref(), Some("00034000470693"));
        assert_eq!((barcode("34000470694"), barcode("no code here")), (None, None));
    }

    #[test]
    fn a_record_of_another_shape_is_reported() {
        let mut records = foods(&b"[{\"fdcId\": \"x\"},\n{\"fdcId\": 1, \"description\": \"Good\"}]"[..]).expect("an array");
        let bad = records.next().expect("a record").expect("readable");
        assert_eq!(bad.content, Err("invalid type: string \"x\", expected u64".to_owned()));
        let good = records.next().expect("a record").expect("readable");
        assert_eq!((good.line, good.record, good.content.expect("a food").name), (2, 2, "Good".to_owned()));
    }
}
