//! How well somebody slept, as a number from 0 to 100 whose parts are shown. The weights and the figures behind the parts are those
//! that Open Wearables publishes; where its curve of the duration is a sigmoid, this one is straight. What is not known is left
//! out, and the others weigh more.

use entity::unit::round;
use rust_decimal::Decimal;

/// Which formula this is: another one gets another number.
pub const VERSION: i32 = 1;

/// A part of the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// How long they slept.
    Duration,
    /// How much of it was deep and REM sleep.
    Stages,
    /// How near to their usual time they went to bed.
    Consistency,
    /// How little they lay awake in between.
    Interruptions,
}

impl Component {
    const ALL: [Self; 4] = [Self::Duration, Self::Stages, Self::Consistency, Self::Interruptions];

    /// What it weighs where all are known, in hundredths.
    pub fn weight(self) -> i32 {
        match self {
            Self::Duration => 40,
            Self::Stages | Self::Consistency | Self::Interruptions => 20,
        }
    }
}

/// What the score is made of; each may be unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Night {
    /// Minutes asleep.
    pub asleep: Option<Decimal>,
    /// Minutes of deep, and of REM sleep.
    pub deep_and_rem: Option<(Decimal, Decimal)>,
    /// How many minutes after the median of the nights before they went to bed.
    pub later_than_usual: Option<Decimal>,
    /// Minutes awake after falling asleep, and how many times it was for more than five.
    pub awake: Option<(Decimal, usize)>,
    /// How old they were, in years.
    pub age: Option<i32>,
}

/// A part of the score as it came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Which.
    pub component: Component,
    /// 0 to 100; `None` where it is not known.
    pub value: Option<Decimal>,
    /// What it weighs here, in percent with two decimals: more where another part is not known.
    pub share: Decimal,
}

/// A score.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// 0 to 100, whole.
    pub value: Decimal,
    /// What it is made of.
    pub parts: [Part; 4],
}

impl Score {
    /// The score of a night; `None` where nobody knows how long it was.
    pub fn of(night: &Night) -> Option<Self> {
        night.asleep?;
        let values = Component::ALL.map(|component| match component {
            Component::Duration => night.asleep.map(|asleep| duration(asleep, recommended_hours(night.age))),
            Component::Stages => night.deep_and_rem.map(|(deep, rem)| stages(deep, rem)),
            Component::Consistency => night.later_than_usual.map(consistency),
            Component::Interruptions => night.awake.map(|(minutes, long)| interruptions(minutes, long)),
        });
        Self::combined(values)
    }

    fn combined(values: [Option<Decimal>; 4]) -> Option<Self> {
        let parts = Component::ALL.into_iter().zip(values);
        let known: i32 = parts.clone().filter(|(_, value)| value.is_some()).map(|(component, _)| component.weight()).sum();
        let whole = Decimal::from(known);
        let sum: Decimal = parts.clone().filter_map(|(component, value)| Some(value? * Decimal::from(component.weight()))).sum();
        let value = round(sum.checked_div(whole)?, 0);
        let mut parts = parts.map(|(component, value)| {
            let weight = if value.is_some() { Decimal::from(component.weight()) } else { Decimal::ZERO };
            Part { component, value, share: round(weight * Decimal::ONE_HUNDRED / whole, 2) }
        });
        let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        Some(Self { value, parts })
    }

    /// Whether all of it is known.
    pub fn is_complete(&self) -> bool {
        self.parts.iter().all(|part| part.value.is_some())
    }
}

/// How many hours of sleep the National Sleep Foundation (2015) recommends: 9 to 11 from 6 years on, 8 to 10 from 14, 7 to 9 from 18
/// and where the age is not known, 7 to 8 from 65.
fn recommended_hours(age: Option<i32>) -> (i32, i32) {
    match age {
        Some(..14) => (9, 11),
        Some(14..18) => (8, 10),
        Some(65..) => (7, 8),
        _ => (7, 9),
    }
}

/// 100 within what is recommended; 25 less for each hour under it, and over it too, there to 50 at the least.
fn duration(asleep: Decimal, (least, most): (i32, i32)) -> Decimal {
    let hours = asleep / Decimal::from(60);
    let off = |hours: Decimal| Decimal::ONE_HUNDRED - hours * Decimal::from(25);
    let (least, most) = (Decimal::from(least), Decimal::from(most));
    if hours < least {
        bounded(off(least - hours), Decimal::ZERO)
    } else if hours > most {
        bounded(off(hours - most), Decimal::from(50))
    } else {
        Decimal::ONE_HUNDRED
    }
}

/// Half for 90 minutes of deep sleep, half for 90 of REM sleep.
fn stages(deep: Decimal, rem: Decimal) -> Decimal {
    let of = |minutes: Decimal| (minutes / Decimal::from(90)).min(Decimal::ONE) * Decimal::from(50);
    bounded(of(deep) + of(rem), Decimal::ZERO)
}

/// 100 up to a quarter of an hour from the median bedtime; nothing two hours later, and 80 at the least where it was earlier.
fn consistency(later: Decimal) -> Decimal {
    let over = (later.abs() - Decimal::from(15)).max(Decimal::ZERO);
    let least = if later < Decimal::ZERO { Decimal::from(80) } else { Decimal::ZERO };
    bounded(Decimal::ONE_HUNDRED - over * Decimal::ONE_HUNDRED / Decimal::from(105), least)
}

/// 80 for lying awake for no more than 20 minutes, none for 90; 20 for waking for more than five minutes once at most.
fn interruptions(minutes: Decimal, long: usize) -> Decimal {
    let over = (minutes - Decimal::from(20)).max(Decimal::ZERO);
    let calm = (Decimal::from(80) - over * Decimal::from(80) / Decimal::from(70)).max(Decimal::ZERO);
    bounded(calm + Decimal::from([20, 20, 15, 10, 0][long.min(4)]), Decimal::ZERO)
}

fn bounded(value: Decimal, least: Decimal) -> Decimal {
    round(value.clamp(least, Decimal::ONE_HUNDRED), 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(value: i64) -> Decimal {
        Decimal::from(value)
    }

    #[test]
    fn the_documented_weights_give_88() {
        let score = Score::combined([100, 80, 90, 70].map(|value| Some(number(value)))).expect("all is known");
        assert_eq!((score.value, score.is_complete()), (number(88), true));
        assert_eq!(score.parts.map(|part| part.share), [40, 20, 20, 20].map(number));
    }

    #[test]
    fn what_is_not_known_leaves_its_weight_to_the_others() {
        let score = Score::combined([Some(number(100)), None, Some(number(90)), Some(number(70))]).expect("most is known");
        // (40·100 + 20·90 + 20·70) / 80
        assert_eq!((score.value, score.is_complete()), (number(90), false));
        assert_eq!(score.parts.map(|part| part.share), [50, 0, 25, 25].map(number));
        assert_eq!(Score::of(&Night { awake: Some((number(3), 0)), ..Night::default() }), None, "nobody knows how long it was");
    }

    #[test]
    fn the_parts_are_what_their_descriptions_say() {
        for (minutes, age, value) in [
            (420, None, 100),
            (540, None, 100),
            (360, None, 75),
            (180, None, 0),
            (600, None, 75),
            (900, None, 50),
            (510, Some(70), 88),
            (420, Some(15), 75),
            (420, Some(10), 50),
        ] {
            assert_eq!(duration(number(minutes), recommended_hours(age)), number(value), "{minutes} {age:?}");
        }
        for (deep, rem, value) in [(90, 90, 100), (45, 90, 75), (0, 0, 0), (200, 45, 75)] {
            assert_eq!(stages(number(deep), number(rem)), number(value));
        }
        for (later, value) in [(0, 100), (15, 100), (-15, 100), (120, 0), (300, 0), (-300, 80), (36, 80), (-36, 80)] {
            assert_eq!(consistency(number(later)), number(value), "{later}");
        }
        for (minutes, long, value) in [(0, 0, 100), (20, 1, 100), (20, 2, 95), (55, 3, 50), (90, 9, 0), (500, 0, 20)] {
            assert_eq!(interruptions(number(minutes), long), number(value));
        }
    }

    proptest! {
        #[test]
        fn a_score_lies_between_its_parts(parts in prop::array::uniform4(prop::option::of(0i64..=100))) {
            let score = Score::combined(parts.map(|value| value.map(number)));
            let known: Vec<_> = parts.into_iter().flatten().map(number).collect();
            prop_assert_eq!(score.is_some(), !known.is_empty());
            if let Some(score) = score {
                prop_assert!(known.iter().min() <= Some(&score.value) && Some(&score.value) <= known.iter().max());
                let shares: Decimal = score.parts.iter().map(|part| part.share).sum();
                prop_assert!((shares - Decimal::ONE_HUNDRED).abs() <= Decimal::new(2, 2));
            }
        }
    }
}
