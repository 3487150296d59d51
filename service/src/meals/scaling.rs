//! How much of a whole an amount of it is. Whatever is scaled, of a meal, of a part of it, of a batch, of a logged group or of an entry,
//! is scaled here: linearly, and rounded once.

use entity::unit::round;
use rust_decimal::Decimal;

use crate::nutrition::SNAPSHOT_DECIMALS;

/// A fraction of a whole: exact as long as 28 digits hold what is multiplied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    part: Decimal,
    whole: Decimal,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { part: Decimal::ONE, whole: Decimal::ONE };

    /// `part` of `whole`; nothing of nothing.
    pub fn of(part: Decimal, whole: Decimal) -> Self {
        if whole.is_zero() {
            return Self { part: Decimal::ZERO, whole: Decimal::ONE };
        }
        Self { part: part.normalize(), whole: whole.normalize() }
    }

    /// This share of another share. `None` when it is too large to be written.
    pub fn within(self, outer: Self) -> Option<Self> {
        let exact = || Some(Self::of(self.part.checked_mul(outer.part)?, self.whole.checked_mul(outer.whole)?));
        let rounded = || Some(Self::of(self.quotient()?.checked_mul(outer.quotient()?)?, Decimal::ONE));
        exact().or_else(rounded)
    }

    /// This much of `amount`, not yet rounded. `None` when it is too large to be written.
    pub fn amount(self, amount: Decimal) -> Option<Decimal> {
        match amount.checked_mul(self.part) {
            Some(product) => product.checked_div(self.whole),
            None => amount.checked_mul(self.quotient()?),
        }
    }

    /// What lies of `amount` between the mark `from` and the mark `to`. Each mark is rounded once, so what lies between neighbouring
    /// marks adds up to the whole, whatever the marks are and however many.
    pub fn between(amount: Decimal, from: Self, to: Self) -> Option<Decimal> {
        let mark = |share: Self| share.amount(amount).map(|amount| round(amount, SNAPSHOT_DECIMALS));
        mark(to)?.checked_sub(mark(from)?)
    }

    fn quotient(self) -> Option<Decimal> {
        self.part.checked_div(self.whole)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn thousandths(number: i64) -> Decimal {
        Decimal::new(number, 3)
    }

    fn scaled(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal {
        round(Share::of(part, whole).amount(amount).expect("in range"), SNAPSHOT_DECIMALS)
    }

    #[test]
    fn half_of_a_third_is_a_sixth_and_six_of_them_are_all() {
        let sixth = Share::of(Decimal::ONE, Decimal::TWO).within(Share::of(Decimal::ONE, Decimal::from(3))).expect("in range");
        assert_eq!(sixth.amount(Decimal::from(6)), Some(Decimal::ONE));
        assert_eq!(Share::of(Decimal::ZERO, Decimal::ZERO).amount(Decimal::TEN), Some(Decimal::ZERO));
    }

    #[test]
    fn thirds_of_a_batch_add_up_to_it() {
        let marks: Vec<_> = (0..=3).map(|mark| Share::of(Decimal::from(mark), Decimal::from(3))).collect();
        let parts: Vec<_> =
            marks.windows(2).map(|marks| Share::between(Decimal::from(1000), marks[0], marks[1]).expect("in range")).collect();
        assert_eq!(parts.iter().map(ToString::to_string).collect::<Vec<_>>(), ["333.333333", "333.333334", "333.333333"]);
        assert_eq!(parts.into_iter().sum::<Decimal>(), Decimal::from(1000));
    }

    #[test]
    fn what_is_too_large_for_28_digits_is_rounded_and_not_lost() {
        let tiny = Share::of(
            Decimal::from_str_exact("0.123456789012").expect("a literal"),
            Decimal::from_str_exact("99999.999").expect("a literal"),
        );
        let mut share = tiny;
        for _ in 0..4 {
            share = share.within(tiny).expect("in range");
        }
        assert!(share.amount(Decimal::from(1_000_000_000)).is_some_and(|amount| amount >= Decimal::ZERO));
    }

    proptest! {
        #[test]
        fn scaling_is_linear_to_the_last_digit(amount in 0i64..1_000_000_000, a in 1i64..100_000_000, b in 1i64..100_000_000, whole in 1i64..100_000_000) {
            let (amount, whole) = (thousandths(amount), thousandths(whole));
            let apart = scaled(amount, thousandths(a), whole) + scaled(amount, thousandths(b), whole);
            let together = scaled(amount, thousandths(a + b), whole);
            prop_assert!((apart - together).abs() <= Decimal::new(1, SNAPSHOT_DECIMALS), "{apart} and {together}");
        }

        #[test]
        fn portions_add_up_to_the_batch(amount in 0i64..1_000_000_000_000, cuts in proptest::collection::vec(1i64..1_000_000, 1..12)) {
            let amount = Decimal::new(amount, SNAPSHOT_DECIMALS);
            let whole: i64 = cuts.iter().sum();
            let (mut at, mut sum) = (0, Decimal::ZERO);
            for cut in cuts {
                let mark = |at| Share::of(thousandths(at), thousandths(whole));
                let part = Share::between(amount, mark(at), mark(at + cut)).expect("in range");
                prop_assert!(part >= Decimal::ZERO);
                sum += part;
                at += cut;
            }
            prop_assert_eq!(sum, amount);
        }

        #[test]
        fn a_share_of_a_share_is_what_is_left_of_both(a in 1i64..1_000_000, b in 1i64..1_000_000, c in 1i64..1_000_000) {
            let (a, b, c) = (thousandths(a), thousandths(b), thousandths(c));
            let nested = Share::of(a, b).within(Share::of(b, c)).expect("in range");
            prop_assert_eq!(nested.amount(c).map(|amount| round(amount, 12)), Some(a.normalize()).map(|amount| round(amount, 12)));
        }
    }
}
