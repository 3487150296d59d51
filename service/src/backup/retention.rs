//! Which backups are kept: the newest of each of the last days, weeks and months that have one.

use std::{collections::HashSet, fmt, hash::Hash, str::FromStr};

use chrono::{DateTime, Datelike, Utc};

/// For how many days, weeks and months a backup is kept. Those without one do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days, in UTC.
    pub daily: usize,
    /// Weeks from Monday, in UTC.
    pub weekly: usize,
    /// Months, in UTC.
    pub monthly: usize,
}

impl Retention {
    /// Those of these backups that are no longer kept. The newest always is.
    pub fn expired(self, backups: &[DateTime<Utc>]) -> HashSet<DateTime<Utc>> {
        let mut newest_first = backups.to_vec();
        newest_first.sort_unstable_by(|one, other| other.cmp(one));
        let mut kept: HashSet<_> = newest_first.first().copied().into_iter().collect();
        kept.extend(newest_of_each(&newest_first, self.daily, |at| at.date_naive()));
        kept.extend(newest_of_each(&newest_first, self.weekly, |at| at.iso_week()));
        kept.extend(newest_of_each(&newest_first, self.monthly, |at| (at.year(), at.month())));
        backups.iter().filter(|at| !kept.contains(at)).copied().collect()
    }
}

fn newest_of_each<P: Eq + Hash>(
    newest_first: &[DateTime<Utc>],
    periods: usize,
    period: impl Fn(&DateTime<Utc>) -> P,
) -> Vec<DateTime<Utc>> {
    let mut seen = HashSet::new();
    newest_first.iter().filter(|at| seen.insert(period(at))).take(periods).copied().collect()
}

impl FromStr for Retention {
    type Err = String;

    /// Reads `7d,4w,6m`; what is not named is none.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write how many days, weeks and months: 7d,4w,6m".to_owned();
        let mut retention = Self { daily: 0, weekly: 0, monthly: 0 };
        for part in text.split(',') {
            let (unit_at, unit) = part.char_indices().last().ok_or_else(wrong)?;
            let count: u16 = part[..unit_at].parse().map_err(|_| wrong())?;
            let kept = match unit {
                'd' => &mut retention.daily,
                'w' => &mut retention.weekly,
                'm' => &mut retention.monthly,
                _ => return Err(wrong()),
            };
            *kept = count.into();
        }
        Ok(retention)
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}d,{}w,{}m", self.daily, self.weekly, self.monthly)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{Days, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_year_of_nights_leaves_a_week_of_days_a_month_of_weeks_and_half_a_year_of_months() {
        let newest = at("2026-11-27T03:30:00Z");
        let nights: Vec<_> = (0..365).map(|days| newest - Days::new(days)).collect();
        let expired = Retention { daily: 7, weekly: 4, monthly: 6 }.expired(&nights);
        let kept: Vec<_> = nights.iter().filter(|night| !expired.contains(night)).map(|night| night.date_naive().to_string()).collect();
        assert_eq!(
            kept,
            [
                // Days; the 27th is a Friday, and the 22nd the Sunday that ends its week.
                "2026-11-27",
                "2026-11-26",
                "2026-11-25",
                "2026-11-24",
                "2026-11-23",
                "2026-11-22",
                "2026-11-21",
                // Weeks.
                "2026-11-15",
                "2026-11-08",
                // Months.
                "2026-10-31",
                "2026-09-30",
                "2026-08-31",
                "2026-07-31",
                "2026-06-30",
            ]
        );
    }

    #[test]
    fn days_without_a_backup_do_not_push_others_out() {
        let (old, new) = (at("2025-01-01T12:00:00Z"), at("2026-11-27T12:00:00Z"));
        assert!(Retention { daily: 2, weekly: 0, monthly: 0 }.expired(&[new, old]).is_empty());
        assert_eq!(Retention { daily: 1, weekly: 1, monthly: 1 }.expired(&[new, old]), HashSet::from([old]));
        // The last days of a year may belong to the first week of the next.
        let (eve, day) = (at("2025-12-31T23:59:59Z"), at("2026-01-01T00:00:00Z"));
        assert_eq!(Retention { daily: 0, weekly: 2, monthly: 0 }.expired(&[eve, day]), HashSet::from([eve]));
        assert!(Retention { daily: 0, weekly: 0, monthly: 2 }.expired(&[eve, day]).is_empty());
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        let retention = Retention { daily: 7, weekly: 4, monthly: 6 };
        assert_eq!(retention.to_string().parse(), Ok(retention));
        assert_eq!("30d".parse(), Ok(Retention { daily: 30, weekly: 0, monthly: 0 }));
        for wrong in ["", "7", "d", "7d,", "7y", "-1d", "7d 4w", "70000d"] {
            assert!(wrong.parse::<Retention>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn the_newest_is_kept_and_so_is_the_newest_of_each_of_the_last_periods(
            minutes in prop::collection::vec(0i64..2_000_000, 1..80), daily in 0usize..40, weekly in 0usize..20, monthly in 0usize..20,
        ) {
            let backups: Vec<_> = minutes.iter().map(|&minutes| at("2023-01-01T00:00:00Z") + TimeDelta::minutes(minutes)).collect();
            let retention = Retention { daily, weekly, monthly };
            let expired = retention.expired(&backups);
            let kept: BTreeSet<_> = backups.iter().filter(|at| !expired.contains(at)).copied().collect();
            prop_assert!(kept.contains(backups.iter().max().unwrap()));
            prop_assert!(kept.len() <= 1 + daily + weekly + monthly);
            // Said another way: a backup is kept iff no later one is of its day, and fewer than so many later days have one.
            for at in &backups {
                let later: Vec<_> = backups.iter().filter(|other| *other > at).collect();
                let keeps = |periods: usize, of: &dyn Fn(&DateTime<Utc>) -> (i32, u32)| {
                    let later: BTreeSet<_> = later.iter().map(|other| of(other)).collect();
                    !later.contains(&of(at)) && later.len() < periods
                };
                let day = keeps(daily, &|at| (at.year(), at.ordinal()));
                let week = keeps(weekly, &|at| (at.iso_week().year(), at.iso_week().week()));
                let month = keeps(monthly, &|at| (at.year(), at.month()));
                prop_assert_eq!(kept.contains(at), later.is_empty() || day || week || month);
            }
            // Nothing more is removed when nothing was added.
            let rest: Vec<_> = kept.into_iter().collect();
            prop_assert!(retention.expired(&rest).is_empty());
        }
    }
}
