//! Chance that repeats itself: the same person and day always draw the same numbers.

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

/// A generator named by its algorithm, since `StdRng` may become another one with the next version of rand.
pub struct Chance(Xoshiro256PlusPlus);

impl Chance {
    /// The chance of one day of one person. Each day has its own, so that one more draw today leaves tomorrow as it was.
    pub fn of(seed: u64, day: i64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed * 1_000 + day.unsigned_abs()))
    }

    /// A whole number from `least` to `most`, both included.
    pub fn within(&mut self, least: i64, most: i64) -> i64 {
        let width = most.abs_diff(least) + 1;
        least + i64::try_from(self.0.next_u64() % width).unwrap_or_default()
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub fn happens(&mut self, percent: i64) -> bool {
        self.within(1, 100) <= percent
    }

    /// One of these; `None` of nothing.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        let last = i64::try_from(among.len()).ok()? - 1;
        among.get(usize::try_from(self.within(0, last.max(0))).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_day_draws_the_same_numbers() {
        let draws = |seed, day| {
            let mut chance = Chance::of(seed, day);
            (0..50).map(|_| chance.within(0, 999)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1, 7), draws(1, 7));
        assert_ne!(draws(1, 7), draws(1, 8));
        assert_ne!(draws(1, 7), draws(2, 7));
        assert_eq!(draws(1, 7)[..5], [74, 790, 541, 779, 558]);
    }

    #[test]
    fn draws_stay_within_their_bounds() {
        let mut chance = Chance::of(3, 0);
        let drawn: Vec<_> = (0..1_000).map(|_| chance.within(-2, 2)).collect();
        assert!(drawn.iter().all(|number| (-2..=2).contains(number)));
        assert!((-2..=2).all(|number| drawn.contains(&number)));
        assert!(!chance.happens(0) && chance.happens(100));
        assert_eq!(chance.pick::<u8>(&[]), None);
    }
}
