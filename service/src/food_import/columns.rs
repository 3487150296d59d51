//! What the columns of a file are about, by their titles: Hale's own, those of common programs, and what people call them.

use std::collections::BTreeMap;

use entity::unit::{Dimension, Unit};
use rust_decimal::Decimal;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::{
    nutrients::Nutrient,
    nutrition_targets::{ENERGY, MACRONUTRIENTS},
};

/// What a column is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// The id of an entry, in Hale's own exports.
    Id,
    /// The day.
    Date,
    /// The time of day.
    Time,
    /// The instant, RFC 3339.
    ConsumedAt,
    /// The zone.
    TimeZone,
    /// eaten or planned.
    Status,
    /// The meal.
    Meal,
    /// What the food is called.
    Name,
    /// Who makes it.
    Brand,
    /// Its barcode.
    Barcode,
    /// The id of the food, in Hale's own exports.
    FoodId,
    /// How much, with or without a unit.
    Quantity,
    /// The unit of the quantity.
    Unit,
    /// What somebody wrote beside it.
    Note,
    /// What nutrition is per, with or without a unit.
    ServingSize,
    /// The unit of the serving.
    ServingUnit,
    /// Named amounts: "slice = 28 g; cup = 240 g".
    Portions,
    /// How nutrition came to be known.
    Basis,
    /// What carbohydrates include.
    CarbohydrateBasis,
    /// g per ml.
    Density,
    /// What it contains that people are allergic to: "milk; nuts", or none.
    Allergens,
    /// What it may contain of that.
    Traces,
    /// An amount of a nutrient.
    Nutrient(NutrientColumn),
    /// Nothing that is read.
    Ignored,
}

/// Amounts of a nutrient.
#[derive(Clone, Debug, PartialEq)]
pub struct NutrientColumn {
    /// What amounts of it are kept under.
    pub key: String,
    /// From the column's unit to the nutrient's.
    pub factor: Decimal,
    /// What follows it: of kJ, kcal by division, which no decimal factor can say.
    pub divisor: Decimal,
    /// Whether the title says the unit.
    pub unit_is_said: bool,
}

/// The columns of a file, and what was guessed of them or left unread.
pub struct Columns {
    /// One for each column of the file.
    pub columns: Vec<Column>,
    /// Remarks, each about one column.
    pub guesses: Vec<(String, String)>,
}

const TITLES: [(&str, &[&str], Column); 22] = [
    ("id", &[], Column::Id),
    ("date", &["day", "datum", "tag", "fecha", "logged on"], Column::Date),
    ("time", &["uhrzeit", "zeit", "hora"], Column::Time),
    ("consumed at", &["logged at", "timestamp", "datetime", "date time"], Column::ConsumedAt),
    ("time zone", &["timezone", "zone", "zeitzone"], Column::TimeZone),
    ("status", &[], Column::Status),
    ("meal", &["meal type", "group", "mahlzeit", "comida"], Column::Meal),
    ("name", &["food", "food name", "item", "description", "lebensmittel", "produkt", "alimento"], Column::Name),
    ("brand", &["brand name", "brands", "manufacturer", "marke", "hersteller", "marca"], Column::Brand),
    ("barcode", &["gtin", "ean", "upc", "code"], Column::Barcode),
    ("food id", &[], Column::FoodId),
    ("quantity", &["amount", "qty", "servings", "menge", "cantidad"], Column::Quantity),
    ("unit", &["units", "einheit", "unidad"], Column::Unit),
    ("note", &["notes", "comment", "notiz"], Column::Note),
    ("serving size", &["serving", "portion size", "portion"], Column::ServingSize),
    ("serving unit", &["portion unit"], Column::ServingUnit),
    ("portions", &[], Column::Portions),
    ("basis", &[], Column::Basis),
    ("carbohydrate basis", &[], Column::CarbohydrateBasis),
    ("density", &["dichte"], Column::Density),
    ("allergens", &["contains", "allergene"], Column::Allergens),
    ("traces", &["may contain", "spuren"], Column::Traces),
];

/// Nutrients as programs and people call them, besides their codes and their names in the catalogue; with the unit that is meant where none
/// is written, if there is no doubt.
const NUTRIENTS: [(&str, Option<&str>, &[&str]); 37] = [
    (
        ENERGY,
        Some("kcal"),
        &["calories", "energy", "kcal", "cal", "calorias", "kalorien", "energie", "brennwert", "energy kcal", "energia"],
    ),
    (MACRONUTRIENTS[0], Some("g"), &["protein", "proteins", "eiweiß", "proteine", "proteinas"]),
    (
        MACRONUTRIENTS[1],
        Some("g"),
        &["carbohydrates", "carbs", "carbohydrate", "total carbohydrate", "total carbohydrates", "kohlenhydrate", "carbohidratos"],
    ),
    (MACRONUTRIENTS[2], Some("g"), &["fat", "total fat", "fats", "fett", "grasas"]),
    ("FIBTG", Some("g"), &["fiber", "fibre", "dietary fiber", "dietary fibre", "ballaststoffe", "fibra"]),
    ("SUGAR", Some("g"), &["sugar", "sugars", "total sugars", "zucker", "azucar", "azucares"]),
    ("NA", Some("mg"), &["sodium", "natrium", "sodio"]),
    ("FASAT", Some("g"), &["saturated fat", "saturated", "saturates", "saturated fats", "gesattigte fettsauren"]),
    ("FAMS", Some("g"), &["monounsaturated fat", "monounsaturated"]),
    ("FAPU", Some("g"), &["polyunsaturated fat", "polyunsaturated"]),
    ("FATRN", Some("g"), &["trans fat", "trans fats", "trans"]),
    ("SUGAD", Some("g"), &["added sugars", "added sugar"]),
    ("CHOLE", Some("mg"), &["cholesterol"]),
    ("K", Some("mg"), &["potassium", "kalium"]),
    ("ALC", Some("g"), &["alcohol", "alkohol"]),
    ("CAFFN", Some("mg"), &["caffeine", "koffein"]),
    ("WATER", Some("g"), &["water", "wasser"]),
    ("STARCH", Some("g"), &["starch"]),
    ("FAPUN3", None, &["omega 3"]),
    ("FAPUN6", None, &["omega 6"]),
    ("THIA", None, &["b1 thiamine", "vitamin b1", "thiamine"]),
    ("RIBF", None, &["b2 riboflavin", "vitamin b2"]),
    ("NIA", None, &["b3 niacin", "vitamin b3"]),
    ("PANTAC", None, &["b5 pantothenic acid", "vitamin b5"]),
    ("VITB6A", None, &["b6 pyridoxine"]),
    ("VITB12", None, &["b12 cobalamin"]),
    ("FOL", None, &["folate"]),
    ("VITA_RAE", None, &["vitamin a"]),
    ("VITC", None, &["vitamin c"]),
    ("VITD", None, &["vitamin d"]),
    ("VITE", None, &["vitamin e"]),
    ("VITK", None, &["vitamin k"]),
    ("CA", None, &["calcium"]),
    ("FE", None, &["iron"]),
    ("MG", None, &["magnesium"]),
    ("P", None, &["phosphorus"]),
    ("ZN", None, &["zinc"]),
];

/// The code of a column that holds salt, of which 2.5 g hold 1 g of sodium (Regulation (EU) 1169/2011, Annex I).
const SALT: [&str; 3] = ["salt", "salz", "sal"];

impl Columns {
    /// What the columns of this header are about; `known` are the nutrients that there are, by what amounts of them are kept under.
    pub fn of(header: &[String], known: &[(String, Nutrient)]) -> Self {
        let mut columns: Vec<Column> = Vec::new();
        let mut guesses = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for title in header {
            let (name, unit) = name_and_unit(title);
            let mut remark = |text: String| guesses.push((title.clone(), text));
            let titled = TITLES.iter().find(|(own, others, _)| *own == name || others.contains(&name.as_str()));
            let mut column = match titled {
                // "Portion (g)" is a size as well as its unit.
                Some((.., column)) => column.clone(),
                None => nutrient(title, &name, unit.as_deref(), known, &mut remark),
            };
            // One column for each: of kcal and kJ that of kcal.
            let key = match &column {
                Column::Ignored => None,
                Column::Nutrient(nutrient) => Some(nutrient.key.clone()),
                other => Some(format!("{other:?}")),
            };
            if let Some(earlier) = key.as_ref().and_then(|key| places.get(key).copied()) {
                remark("says again what another column says: one of them is left unread".to_owned());
                if is_in_kilojoules(&columns[earlier]) && !is_in_kilojoules(&column) {
                    columns[earlier] = Column::Ignored;
                } else {
                    column = Column::Ignored;
                }
            }
            if let Some(key) = key.filter(|_| column != Column::Ignored) {
                places.insert(key, columns.len());
            }
            columns.push(column);
        }
        Self { columns, guesses }
    }

    /// Whether there is such a column.
    pub fn has(&self, column: &Column) -> bool {
        self.columns.contains(column)
    }

    /// Whether there is a column of amounts of a nutrient.
    pub fn has_nutrients(&self) -> bool {
        self.columns.iter().any(|column| matches!(column, Column::Nutrient(_)))
    }
}

fn is_in_kilojoules(column: &Column) -> bool {
    matches!(column, Column::Nutrient(nutrient) if nutrient.divisor == KILOJOULES)
}

fn nutrient(title: &str, name: &str, unit: Option<&str>, known: &[(String, Nutrient)], remark: &mut impl FnMut(String)) -> Column {
    if SALT.contains(&name) {
        let factor = match unit {
            None | Some("g") => Decimal::from(400),
            Some("mg") => Decimal::new(4, 1),
            Some(_) => {
                remark("is in a unit that is not known: it is left unread".to_owned());
                return Column::Ignored;
            }
        };
        remark("salt is read as sodium: 2.5 g of salt hold 1 g".to_owned());
        return Column::Nutrient(NutrientColumn { key: "NA".to_owned(), factor, divisor: Decimal::ONE, unit_is_said: unit.is_some() });
    }
    if matches!(name, "kj" | "kilojoule" | "kilojoules") {
        return energy_in_kilojoules(remark);
    }
    let by_code = known.iter().find(|(_, nutrient)| nutrient.code == title.trim());
    let by_alias = NUTRIENTS.iter().find(|(_, _, names)| names.contains(&name));
    let by_name = || known.iter().find(|(_, nutrient)| folded(&nutrient.name) == name);
    let found = by_code.or_else(|| by_alias.and_then(|(code, ..)| known.iter().find(|(key, _)| key == code))).or_else(by_name);
    let Some((key, nutrient)) = found else {
        if !title.trim().is_empty() {
            remark("is nothing that is known: it is left unread".to_owned());
        }
        return Column::Ignored;
    };
    let meant = match (unit, by_code, by_alias.and_then(|(_, unit, _)| *unit)) {
        (Some(unit), ..) => unit.to_owned(),
        // A code has the unit of the catalogue.
        (None, Some((_, nutrient)), _) => nutrient.unit.clone(),
        (None, None, Some(unit)) => {
            if !matches!(nutrient.code.as_str(), "PROCNT" | "CHOCDF" | "FAT" | "FIBTG" | "SUGAR") && name != "calories" && name != "kcal" {
                remark(format!("has no unit: read as {unit}"));
            }
            unit.to_owned()
        }
        (None, None, None) => {
            remark("has no unit, and may be a share of a daily value: it is left unread".to_owned());
            return Column::Ignored;
        }
    };
    if nutrient.code == ENERGY && meant == "kj" {
        return energy_in_kilojoules(remark);
    }
    match factor(&nutrient.code, &meant, &nutrient.unit) {
        Some(factor) => {
            let unit_is_said = unit.is_some() || by_code.is_some() || matches!(name, "calories" | "kcal");
            Column::Nutrient(NutrientColumn { key: key.clone(), factor, divisor: Decimal::ONE, unit_is_said })
        }
        None => {
            remark(format!("is in {meant}, which does not convert to {}: it is left unread", nutrient.unit));
            Column::Ignored
        }
    }
}

fn energy_in_kilojoules(remark: &mut impl FnMut(String)) -> Column {
    remark("is in kJ: divided by 4.184".to_owned());
    Column::Nutrient(NutrientColumn { key: ENERGY.to_owned(), factor: Decimal::ONE, divisor: KILOJOULES, unit_is_said: true })
}

/// kJ in a kcal.
pub const KILOJOULES: Decimal = Decimal::from_parts(4184, 0, 0, false, 3);

fn factor(code: &str, from: &str, to: &str) -> Option<Decimal> {
    if code == "VITD" && from == "iu" {
        return Some(Decimal::new(25, 3));
    }
    let named = |unit: &str| {
        Unit::named(match unit {
            "µg" | "μg" | "mcg" => "ug",
            "kcals" | "calories" | "cal" => "kcal",
            other => other,
        })
    };
    let (from, to) = (named(from)?, named(to)?);
    if from.dimension != to.dimension || !matches!(from.dimension, Dimension::Mass | Dimension::Energy) {
        return None;
    }
    to.of_base(from.to_base(Decimal::ONE)?).map(|factor| factor.normalize())
}

/// A title without its unit, folded, and the unit: "Fat (g)", "Fett [g]", "energy_kcal".
fn name_and_unit(title: &str) -> (String, Option<String>) {
    let title = title.trim();
    let bracketed = title.strip_suffix([')', ']']).and_then(|rest| rest.rsplit_once(['(', '[']));
    match bracketed {
        Some((name, unit)) if is_unit(unit) => (folded(name), Some(unit.trim().to_lowercase())),
        _ => {
            let name = folded(title);
            match name.rsplit_once(' ') {
                Some((nutrient, unit)) if is_unit(unit) && unit != "cal" => (nutrient.to_owned(), Some(unit.to_owned())),
                _ => (name, None),
            }
        }
    }
}

fn is_unit(text: &str) -> bool {
    matches!(
        text.trim().to_lowercase().as_str(),
        "g" | "mg" | "ug" | "µg" | "μg" | "mcg" | "kcal" | "kcals" | "kj" | "cal" | "iu" | "%" | "ml" | "% dv" | "kg" | "oz"
    )
}

/// Lower case without accents and punctuation.
pub fn folded(text: &str) -> String {
    let plain: String = text.nfd().filter(|character| !is_combining_mark(*character)).collect();
    let spaced: String = plain
        .to_lowercase()
        .chars()
        .map(|character| if character.is_alphanumeric() || "%µμ".contains(character) { character } else { ' ' })
        .collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nutrients::Category;

    fn known() -> Vec<(String, Nutrient)> {
        let nutrient = |(code, name, unit): (&str, &str, &str)| Nutrient {
            code: code.to_owned(),
            name: name.to_owned(),
            unit: unit.to_owned(),
            position: 1,
            category: Category::Other,
            headline: None,
            fda_daily_value: None,
            eu_daily_value: None,
        };
        [
            (ENERGY, "Energy", "kcal"),
            ("PROCNT", "Protein", "g"),
            ("FAT", "Fat", "g"),
            ("CHOCDF", "Carbohydrates", "g"),
            ("NA", "Sodium", "mg"),
            ("VITC", "Vitamin C", "mg"),
            ("VITD", "Vitamin D", "ug"),
            ("THIA", "Thiamin", "mg"),
            ("FASAT", "Saturated fat", "g"),
            ("VITB12", "Vitamin B12", "ug"),
        ]
        .map(|described| (described.0.to_owned(), nutrient(described)))
        .to_vec()
    }

    fn told(header: &[&str]) -> Vec<String> {
        let header: Vec<_> = header.iter().map(|title| (*title).to_owned()).collect();
        let tell = |column: &Column| match column {
            Column::Nutrient(nutrient) => format!("{} x{} /{}", nutrient.key, nutrient.factor, nutrient.divisor),
            other => format!("{other:?}"),
        };
        Columns::of(&header, &known()).columns.iter().map(tell).collect()
    }

    #[test]
    fn titles_of_common_programs_are_known() {
        assert_eq!(
            told(&[
                "Day",
                "Group",
                "Food Name",
                "Amount",
                "Energy (kcal)",
                "B1 (Thiamine) (mg)",
                "B12 (Cobalamin) (µg)",
                "Vitamin D (IU)",
                "Category"
            ]),
            ["Date", "Meal", "Name", "Quantity", "ENERC_KCAL x1 /1", "THIA x1 /1", "VITB12 x1 /1", "VITD x0.025 /1", "Ignored"]
        );
        assert_eq!(
            told(&["Date", "Meal", "Calories", "Fat (g)", "Saturated Fat", "Sodium (mg)", "Vitamin C", "Note"]),
            ["Date", "Meal", "ENERC_KCAL x1 /1", "FAT x1 /1", "FASAT x1 /1", "NA x1 /1", "Ignored", "Note"]
        );
        assert_eq!(
            told(&["Datum", "Mahlzeit", "Lebensmittel", "Menge", "Einheit", "Brennwert (kJ)", "Eiweiß (g)", "Salz (g)"]),
            ["Date", "Meal", "Name", "Quantity", "Unit", "ENERC_KCAL x1 /4.184", "PROCNT x1 /1", "NA x400 /1"]
        );
        assert_eq!(told(&["energy_kj", "energy_kcal", "VITC", "vitamin_c_mg"]), ["Ignored", "ENERC_KCAL x1 /1", "VITC x1 /1", "Ignored"]);
    }

    #[test]
    fn what_is_converted_guessed_or_left_unread_is_told() {
        let header: Vec<_> = ["Energy (kJ)", "Saturated Fat", "Vitamin C", "Mood", "Fat (g)"].map(str::to_owned).to_vec();
        let guesses = Columns::of(&header, &known()).guesses;
        let told: Vec<_> = guesses.iter().map(|(title, text)| format!("{title} {text}")).collect();
        assert_eq!(
            told,
            [
                "Energy (kJ) is in kJ: divided by 4.184",
                "Saturated Fat has no unit: read as g",
                "Vitamin C has no unit, and may be a share of a daily value: it is left unread",
                "Mood is nothing that is known: it is left unread",
            ]
        );
    }
}
