//! How the weight of a planned exercise goes on from one workout to the next: more once all was made, less after failures.
//!
//! Pure: the rule, where it began and what became of each workout go in, a weight and the reason for it come out.

use entity::unit::round;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A rule of progression; weights are in one unit, whichever.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What is added once all planned sets were made.
    pub increment: Decimal,
    /// After how many failures in a row the weight goes down.
    pub deload_after: u32,
    /// By how many percent it does.
    pub deload_percent: Decimal,
}

/// What became of a workout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every planned set had the most repetitions that were planned.
    Made,
    /// Every planned set had the least repetitions, some not the most.
    Held,
    /// A planned set is missing, had fewer repetitions or less weight.
    Failed,
}

/// A workout of the exercise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Session {
    /// What was planned to be lifted, or what was lifted where that was more and all was made.
    pub weight: Decimal,
    /// What became of it.
    pub outcome: Outcome,
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nothing was done yet: the plan's own weight.
    Start,
    /// More, for all planned sets were made.
    Add,
    /// The same again.
    Repeat,
    /// Less, after so many failures.
    Deload,
}

/// A decision and why it was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The weight to plan.
    pub weight: Decimal,
    /// What is decided.
    pub step: Step,
    /// How many failures there were in a row, until now.
    pub failures: u32,
}

/// What to plan after these workouts, the oldest first; `start` is the plan's own weight.
pub fn next(rule: &Rule, start: Decimal, sessions: &[Session]) -> Decision {
    let first = Decision { weight: start, step: Step::Start, failures: 0 };
    sessions.iter().fold(first, |before, session| match session.outcome {
        Outcome::Made => Decision { weight: session.weight + rule.increment, step: Step::Add, failures: 0 },
        // Neither made nor failed: failures in a row end, and the weight stays.
        Outcome::Held => Decision { weight: session.weight, step: Step::Repeat, failures: 0 },
        Outcome::Failed if before.failures + 1 >= rule.deload_after => {
            Decision { weight: less(rule, session.weight), step: Step::Deload, failures: 0 }
        }
        Outcome::Failed => Decision { weight: session.weight, step: Step::Repeat, failures: before.failures + 1 },
    })
}

/// The weight after a deload: down to a multiple of the increment, for that is what plates make.
fn less(rule: &Rule, weight: Decimal) -> Decimal {
    let reduced = weight * (Decimal::ONE_HUNDRED - rule.deload_percent) / Decimal::ONE_HUNDRED;
    if rule.increment.is_zero() { round(reduced, 3) } else { (reduced / rule.increment).floor() * rule.increment }
}

impl Decision {
    /// The reason in words, for whoever trains.
    pub fn explanation(&self, rule: &Rule, unit: &str) -> String {
        match self.step {
            Step::Start => "nothing was done yet: this is where the plan begins".to_owned(),
            Step::Add => format!("all planned sets were made: {} {unit} more", rule.increment.normalize()),
            Step::Repeat if self.failures > 0 => {
                format!("not all planned sets were made, {} of {} times in a row: the same again", self.failures, rule.deload_after)
            }
            Step::Repeat => "all sets were within the planned repetitions, not all at their top: the same again".to_owned(),
            Step::Deload => format!(
                "not all planned sets were made {} times in a row: {} % less, in steps of {} {unit}",
                rule.deload_after,
                rule.deload_percent.normalize(),
                rule.increment.normalize()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule() -> Rule {
        Rule { increment: Decimal::new(25, 1), deload_after: 3, deload_percent: Decimal::TEN }
    }

    fn session(weight: i64, outcome: Outcome) -> Session {
        Session { weight: Decimal::from(weight), outcome }
    }

    #[test]
    fn weight_is_added_once_all_was_made_and_taken_off_after_three_failures() {
        use Outcome::{Failed, Held, Made};
        let decided = |sessions: &[(i64, Outcome)]| {
            let sessions: Vec<_> = sessions.iter().map(|(weight, outcome)| session(*weight, *outcome)).collect();
            let decision = next(&rule(), Decimal::from(60), &sessions);
            (decision.weight.normalize().to_string(), decision.step, decision.failures)
        };
        assert_eq!(decided(&[]), ("60".to_owned(), Step::Start, 0));
        assert_eq!(decided(&[(60, Made)]), ("62.5".to_owned(), Step::Add, 0));
        assert_eq!(decided(&[(60, Held)]), ("60".to_owned(), Step::Repeat, 0));
        assert_eq!(decided(&[(100, Failed)]), ("100".to_owned(), Step::Repeat, 1));
        assert_eq!(decided(&[(100, Failed), (100, Failed)]), ("100".to_owned(), Step::Repeat, 2));
        assert_eq!(decided(&[(100, Failed), (100, Failed), (100, Failed)]), ("90".to_owned(), Step::Deload, 0));
        assert_eq!(decided(&[(100, Failed), (100, Failed), (100, Held), (100, Failed)]), ("100".to_owned(), Step::Repeat, 1));
        // 95 kg less 10 % are 85.5 kg, which plates make 85 of.
        assert_eq!(decided(&[(95, Failed), (95, Failed), (95, Failed)]), ("85".to_owned(), Step::Deload, 0));
        assert_eq!(decided(&[(95, Failed), (95, Failed), (95, Failed), (85, Made)]), ("87.5".to_owned(), Step::Add, 0));
    }

    #[test]
    fn a_decision_says_why() {
        let explained = |sessions: &[Session]| next(&rule(), Decimal::from(60), sessions).explanation(&rule(), "kg");
        assert!(explained(&[]).contains("begins"));
        assert_eq!(explained(&[session(60, Outcome::Made)]), "all planned sets were made: 2.5 kg more");
        let failed = [session(60, Outcome::Failed); 3];
        assert!(explained(&failed[..2]).contains("2 of 3 times"));
        assert!(explained(&failed).contains("10 % less"));
    }

    proptest! {
        #[test]
        fn the_weight_goes_up_only_when_all_was_made_and_down_only_after_failures(
            start in 1i64..3000, increment in 0i64..100, deload_after in 1u32..6, percent in 1i64..50,
            outcomes in prop::collection::vec(0u8..3, 0..40),
        ) {
            let rule = Rule { increment: Decimal::new(increment, 1), deload_after, deload_percent: Decimal::from(percent) };
            let start = Decimal::new(start, 1);
            let mut sessions = Vec::new();
            let mut decision = next(&rule, start, &sessions);
            let mut in_a_row = 0;
            for outcome in outcomes {
                let outcome = [Outcome::Made, Outcome::Held, Outcome::Failed][usize::from(outcome)];
                let planned = decision.weight;
                sessions.push(Session { weight: planned, outcome });
                decision = next(&rule, start, &sessions);
                prop_assert!(decision.weight >= Decimal::ZERO && decision.failures < deload_after);
                in_a_row = if outcome == Outcome::Failed { in_a_row + 1 } else { 0 };
                match decision.step {
                    Step::Add => prop_assert!(outcome == Outcome::Made && decision.weight == planned + rule.increment),
                    Step::Repeat => prop_assert!(outcome != Outcome::Made && decision.weight == planned),
                    Step::Deload => {
                        prop_assert!(in_a_row == deload_after && decision.weight <= planned);
                        in_a_row = 0;
                    }
                    Step::Start => prop_assert!(false, "something was done"),
                }
            }
        }
    }
}
