//! How an amount of a food in any unit becomes servings of it: by factors, by its portions, by its density, and never by a guess.

use entity::unit::{Dimension, Unit};
use rust_decimal::Decimal;

use crate::{
    error::{Error, Result},
    foods::{Food, Portion},
};

/// A cup or a piece differs from food to food; a gram, a kilocalorie and a serving do not.
pub(crate) fn may_name_a_portion(unit: &Unit) -> bool {
    !matches!(unit.dimension, Dimension::Mass | Dimension::Energy | Dimension::Serving)
}

/// Whether amounts of the one kind can be told in the other. Mass and volume can where the density is known.
pub(crate) fn converts(from: Dimension, to: Dimension, density: Option<Decimal>) -> bool {
    from == to || density.is_some() && matches!((from, to), (Dimension::Mass, Dimension::Volume) | (Dimension::Volume, Dimension::Mass))
}

impl Food {
    /// How many servings `quantity` of `unit` is, and the spelling in which the unit is kept. A portion wins over a unit of
    /// the same name.
    pub fn servings(&self, quantity: Decimal, unit: &str) -> Result<(Decimal, String)> {
        let too_much = || Error::invalid("quantity", "is more than anyone can eat: check the unit");
        if let Some(portion) = self.portion(unit)? {
            let amount = quantity.checked_mul(portion.amount).ok_or_else(too_much)?;
            let (servings, _) = self.servings_of_unit(amount, &portion.unit)?;
            return Ok((servings, portion.name.clone()));
        }
        self.servings_of_unit(quantity, unit)
    }

    /// What an amount of it in this unit is told by: a portion by what the portion is measured in.
    pub(crate) fn told_by(&self, unit: &str) -> Option<Dimension> {
        let portion = self.portion(unit).ok().flatten();
        Some(Unit::named(portion.map_or(unit, |portion| &portion.unit))?.dimension)
    }

    fn servings_of_unit(&self, quantity: Decimal, name: &str) -> Result<(Decimal, String)> {
        let unit = Unit::named(name).ok_or_else(|| {
            Error::invalid("unit", format!("\"{name}\" is neither a unit nor a portion of this food: {}", self.choices()))
        })?;
        if unit.dimension == Dimension::Serving {
            return Ok((quantity, unit.code.to_owned()));
        }
        let serving_unit =
            Unit::named(&self.serving_unit).ok_or_else(|| Error::internal(format!("food {} is described in an unknown unit", self.id)))?;
        if !converts(unit.dimension, serving_unit.dimension, self.density) {
            return Err(Error::invalid(
                "unit",
                format!(
                    "{} of {} cannot be converted to {}, in which this food is described: {}",
                    unit.code,
                    unit.dimension.name(),
                    self.serving_unit,
                    self.choices()
                ),
            ));
        }
        let servings = unit.to_base(quantity).zip(serving_unit.to_base(self.serving_size)).and_then(|(eaten, serving)| {
            match (unit.dimension, serving_unit.dimension, self.density) {
                (Dimension::Mass, Dimension::Volume, Some(density)) => eaten.checked_div(serving.checked_mul(density)?),
                (Dimension::Volume, Dimension::Mass, Some(density)) => eaten.checked_mul(density)?.checked_div(serving),
                _ => eaten.checked_div(serving),
            }
        });
        Ok((servings.ok_or_else(|| Error::invalid("quantity", "is more than anyone can eat: check the unit"))?, unit.code.to_owned()))
    }

    /// The portion that `name` means: of that name, of its singular, or the only one of that name with a further description
    /// ("cup" for "cup, chopped").
    fn portion(&self, name: &str) -> Result<Option<&Portion>> {
        let name = name.trim().to_lowercase();
        if Unit::named(&name).is_some_and(|unit| !may_name_a_portion(unit)) {
            return Ok(None);
        }
        let named = |wanted: &str| self.portions.0.iter().find(|portion| portion.name.to_lowercase() == wanted);
        let singular = name.strip_suffix('s');
        if let Some(portion) = named(&name).or_else(|| singular.and_then(named)) {
            return Ok(Some(portion));
        }
        let described = |portion: &&Portion| {
            let portion = portion.name.to_lowercase();
            [Some(name.as_str()), singular]
                .into_iter()
                .flatten()
                .any(|name| portion.strip_prefix(name).is_some_and(|rest| rest.starts_with([',', ' ', '('])))
        };
        let mut candidates = self.portions.0.iter().filter(described);
        match (candidates.next(), candidates.next()) {
            (Some(_), Some(_)) => {
                Err(Error::invalid("unit", format!("\"{name}\" could mean several portions of this food: {}", self.choices())))
            }
            (only, _) => Ok(only),
        }
    }

    fn choices(&self) -> String {
        let dimension = Unit::named(&self.serving_unit).map_or(Dimension::Serving, |unit| unit.dimension);
        let mut choices = vec!["serving".to_owned()];
        if dimension != Dimension::Serving {
            choices.push(Unit::codes(dimension));
        }
        match (dimension, self.density) {
            (Dimension::Mass, Some(_)) => choices.push(Unit::codes(Dimension::Volume)),
            (Dimension::Volume, Some(_)) => choices.push(Unit::codes(Dimension::Mass)),
            _ => {}
        }
        choices.extend(
            self.portions.0.iter().map(|portion| format!("\"{}\" ({} {})", portion.name, portion.amount.normalize(), portion.unit)),
        );
        format!("write one of {}", choices.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use entity::{id::FoodId, unit::round};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        foods::{Portions, Provenance},
        nutrition::Headline,
    };

    fn food(serving_unit: &str, portions: &[(&str, &str, &str)]) -> Food {
        let decimal = |text: &str| Decimal::from_str_exact(text).expect("a literal");
        Food {
            id: FoodId(Uuid::nil()),
            owner_id: None,
            name: "food".into(),
            brand: None,
            barcode: None,
            source: "user".into(),
            source_id: None,
            nutrition_version: 1,
            density: None,
            allergens: None,
            traces: None,
            serving_size: decimal("100"),
            serving_unit: serving_unit.into(),
            nutrition: Headline::default().checked().expect("nothing to refuse"),
            provenance: Provenance::default(),
            portions: Portions(
                portions
                    .iter()
                    .map(|(name, amount, unit)| Portion { name: (*name).into(), amount: decimal(amount), unit: (*unit).into() })
                    .collect(),
            ),
            created_from: None,
            deleted_at: None,
            version: 1,
        }
    }

    fn grams(food: &Food, quantity: &str, unit: &str) -> Result<Decimal> {
        Ok(food.servings(Decimal::from_str_exact(quantity).expect("a literal"), unit)?.0 * food.serving_size)
    }

    #[test]
    fn two_ounces_of_a_food_described_in_grams() {
        assert_eq!(grams(&food("g", &[]), "2", "oz").expect("converts").normalize().to_string(), "56.69904625");
    }

    #[test]
    fn a_portion_wins_over_the_volume_unit_of_its_name() {
        let broccoli = food("g", &[("cup, chopped", "91", "g"), ("bunch", "608", "g")]);
        assert_eq!(grams(&broccoli, "1", "cup").expect("a portion"), Decimal::from(91));
        assert_eq!(grams(&broccoli, "2", "CUPS").expect("a portion"), Decimal::from(182));
        let milk = food("ml", &[("cup", "200", "ml")]);
        assert_eq!(grams(&milk, "1", "cup").expect("a portion"), Decimal::from(200));
    }

    #[test]
    fn what_cannot_be_converted_is_refused_with_the_choices() {
        for (food, unit) in [
            (food("g", &[]), "slice"),
            (food("g", &[]), "cup"),
            (food("ml", &[]), "g"),
            (food("g", &[]), "kcal"),
            (food("piece", &[]), "g"),
        ] {
            let Err(Error::Invalid { field, message }) = grams(&food, "2", unit) else {
                panic!("{unit} of a food in {} was converted", food.serving_unit)
            };
            assert_eq!(field, "unit");
            assert!(message.contains("serving"), "{message}");
        }
        let banana = food("g", &[("cup, mashed", "225", "g"), ("cup, sliced", "150", "g")]);
        assert!(grams(&banana, "1", "cup").is_err(), "either cup could be meant");
    }

    #[test]
    fn density_bridges_mass_and_volume_and_a_portion_still_wins() {
        let oil = |unit: &str, portions| Food { density: Decimal::from_str_exact("0.92").ok(), ..food(unit, portions) };
        assert_eq!(grams(&oil("g", &[]), "100", "ml").expect("dense").normalize(), Decimal::from(92));
        assert_eq!(grams(&oil("ml", &[]), "92", "g").expect("dense").normalize(), Decimal::from(100), "ml of it");
        assert_eq!(grams(&oil("g", &[]), "1", "tbsp").expect("dense").normalize().to_string(), "13.60382359875");
        assert_eq!(grams(&oil("g", &[("tbsp", "14", "g")]), "1", "tbsp").expect("a portion"), Decimal::from(14));
        assert_eq!(grams(&oil("g", &[("bottle", "750", "ml")]), "1", "bottle").expect("a portion").normalize(), Decimal::from(690));
        assert!(grams(&oil("g", &[]), "1", "kcal").is_err());
        assert!(grams(&oil("piece", &[]), "1", "g").is_err());
    }

    proptest! {
        #[test]
        fn amounts_add_up_in_every_unit(first in 1i64..1_000_000, second in 1i64..1_000_000, place in 0usize..6, density in 1i64..2_000) {
            let unit = ["g", "oz", "kg", "ml", "cup", "slice"][place];
            let food = Food { density: Some(Decimal::new(density, 2)), ..food("g", &[("slice", "28", "g")]) };
            let servings = |thousandths: i64| food.servings(Decimal::new(thousandths, 3), unit).expect("converts").0;
            let apart = servings(first) + servings(second);
            prop_assert_eq!(round(apart, 12), round(servings(first + second), 12));
        }

        #[test]
        fn pounds_and_back_are_the_same_kilograms(thousandths in 1i64..100_000_000) {
            let food = food("kg", &[]);
            let (pound, kilograms) = (Unit::named("lb").expect("a unit"), Decimal::new(thousandths, 3));
            let pounds = pound.of_base(kilograms * Decimal::ONE_THOUSAND).expect("in range");
            let back = food.servings(pounds, "lb").expect("converts").0 * food.serving_size;
            prop_assert_eq!(round(back, 9), kilograms.normalize());
        }
    }
}
