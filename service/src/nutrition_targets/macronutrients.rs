//! Energy and the three nutrients that carry most of it, by the general factors of Atwater (21 CFR 101.9): 4 kcal per g of protein and
//! of carbohydrates, 9 per g of fat. What has to add up is shared out by largest remainder.

use entity::unit::round;
use rust_decimal::Decimal;

/// kcal per g of protein, carbohydrates and fat, in this order here and below.
const ENERGY: [Decimal; 3] =
    [Decimal::from_parts(4, 0, 0, false, 0), Decimal::from_parts(4, 0, 0, false, 0), Decimal::from_parts(9, 0, 0, false, 0)];

/// Decimals of grams that come from percentages: a tenth of a gram of fat is less than a kcal.
const GRAM_DECIMALS: u32 = 1;

/// The grams of percentages (which add up to 100) of so many kcal. What each has of the energy adds up to it exactly; the grams are
/// then rounded to a tenth, so that their energy is less than 1 kcal off.
pub fn grams(energy: Decimal, percentages: [Decimal; 3]) -> [Decimal; 3] {
    let thousandths = shares((energy * Decimal::ONE_THOUSAND).round(), percentages).unwrap_or_default();
    std::array::from_fn(|place| round(thousandths[place] / Decimal::ONE_THOUSAND / ENERGY[place], GRAM_DECIMALS))
}

/// The whole percentages of the energy that so many grams have; they add up to 100. `None` where there is no energy.
pub fn percentages(grams: [Decimal; 3]) -> Option<[Decimal; 3]> {
    shares(Decimal::ONE_HUNDRED, std::array::from_fn(|place| grams[place] * ENERGY[place]))
}

/// A whole number shared out in whole numbers, by weights and largest remainder; of equal remainders the first one's is the larger.
/// `None` where all weights are zero.
fn shares(whole: Decimal, weights: [Decimal; 3]) -> Option<[Decimal; 3]> {
    let all: Decimal = weights.iter().sum();
    if all.is_zero() {
        return None;
    }
    // Exact: the product less its remainder is a multiple of the sum.
    let remainders = weights.map(|weight| whole * weight % all);
    let mut shares: [Decimal; 3] = std::array::from_fn(|place| ((whole * weights[place] - remainders[place]) / all).round());
    let mut places = [0, 1, 2];
    places.sort_by(|one, other| remainders[*other].cmp(&remainders[*one]));
    for place in places {
        if shares.iter().sum::<Decimal>() == whole {
            break;
        }
        shares[place] += Decimal::ONE;
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(numbers: [i64; 3]) -> [Decimal; 3] {
        numbers.map(Decimal::from)
    }

    fn energy(grams: [Decimal; 3]) -> Decimal {
        grams.iter().zip(ENERGY).map(|(grams, energy)| *grams * energy).sum()
    }

    #[test]
    fn two_thousand_kcal_by_thirty_forty_thirty() {
        let grams = grams(Decimal::from(2000), whole([30, 40, 30]));
        assert_eq!(grams, [Decimal::from(150), Decimal::from(200), Decimal::new(667, 1)]);
        assert_eq!(percentages(grams), Some(whole([30, 40, 30])));
    }

    #[test]
    fn three_equal_parts_still_make_a_hundred() {
        // 9 g of fat carry as much as 20.25 g of each of the others: a third each, and the first gets what is left.
        assert_eq!(percentages([Decimal::from(9), Decimal::from(9), Decimal::from(4)]), Some(whole([34, 33, 33])));
    }

    #[test]
    fn nothing_has_no_percentages() {
        assert_eq!(percentages([Decimal::ZERO; 3]), None);
        assert_eq!(percentages([Decimal::ZERO, Decimal::ZERO, Decimal::new(1, 3)]), Some(whole([0, 0, 100])));
        assert_eq!(grams(Decimal::ZERO, whole([30, 40, 30])), [Decimal::ZERO; 3]);
    }

    proptest! {
        #[test]
        fn percentages_of_any_grams_add_up_to_a_hundred_and_are_less_than_one_off(grams in prop::array::uniform3(0i64..100_000_000)) {
            let grams = grams.map(|thousandths| Decimal::new(thousandths, 3));
            let Some(percentages) = percentages(grams) else {
                prop_assert!(grams.iter().all(Decimal::is_zero));
                return Ok(());
            };
            prop_assert_eq!(percentages.iter().sum::<Decimal>(), Decimal::ONE_HUNDRED);
            for place in 0..3 {
                let exact = grams[place] * ENERGY[place] * Decimal::ONE_HUNDRED / energy(grams);
                prop_assert!((percentages[place] - exact).abs() < Decimal::ONE, "{} for {exact}", percentages[place]);
            }
        }

        #[test]
        fn the_energy_of_the_grams_is_that_of_the_target_within_a_kcal(
            energy_thousandths in 0i64..20_000_000, protein in 0i64..=1000, carbohydrates in 0i64..=1000,
        ) {
            let carbohydrates = carbohydrates.min(1000 - protein);
            let target = Decimal::new(energy_thousandths, 3);
            let percentages = [protein, carbohydrates, 1000 - protein - carbohydrates].map(|tenths| Decimal::new(tenths, 1));
            let off = (energy(grams(target, percentages)) - target).abs();
            prop_assert!(off < Decimal::ONE, "{off} kcal off");
        }

        #[test]
        fn whole_percentages_come_back_from_their_grams(energy in 500i64..10_000, protein in 0i64..=100, carbohydrates in 0i64..=100) {
            let carbohydrates = carbohydrates.min(100 - protein);
            let percentages_before = whole([protein, carbohydrates, 100 - protein - carbohydrates]);
            prop_assert_eq!(percentages(grams(Decimal::from(energy), percentages_before)), Some(percentages_before));
        }
    }
}
