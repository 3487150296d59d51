//! How often a provider may be asked.

use std::{fmt, str::FromStr};

use chrono::TimeDelta;

use crate::accounts::Limit;

/// So many requests in each stretch of time: "15/min", "1000/h", "5000/day".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    requests: u32,
    per: Per,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Per {
    Minute,
    Hour,
    Day,
}

impl Per {
    const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    fn name(self) -> &'static str {
        match self {
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "day",
        }
    }

    fn length(self) -> TimeDelta {
        match self {
            Self::Minute => TimeDelta::minutes(1),
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(requests, per)| {
            let per = Per::ALL.into_iter().find(|known| known.name() == per)?;
            Some(Self { requests: requests.parse().ok().filter(|requests| (1..=1_000_000).contains(requests))?, per })
        });
        parts.ok_or_else(|| "write how many requests per min, h or day, such as 15/min".to_owned())
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.requests, self.per.name())
    }
}

impl Quota {
    /// A bucket that never lets more through in any such stretch, wherever that begins: half of them at once, and the other half in the
    /// course of it.
    pub(crate) fn limit(self) -> Limit {
        let burst = (self.requests / 2).max(1);
        let back = (self.requests - burst).max(1);
        let millis = self.per.length().num_milliseconds();
        let refill = (millis + i64::from(back) - 1) / i64::from(back);
        Limit { burst: burst.try_into().unwrap_or(i32::MAX), refill: TimeDelta::milliseconds(refill) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotas_are_written_as_they_are_read() {
        for text in ["15/min", "1000/h", "5000/day", "1/day"] {
            assert_eq!(text.parse::<Quota>().expect(text).to_string(), text);
        }
        for text in ["", "15", "0/min", "-1/min", "15/s", "15/", "1000001/h"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }

    proptest! {
        /// A bucket that is full at the beginning of the stretch, and emptied as fast as it fills.
        #[test]
        fn no_stretch_sees_more_than_the_quota(requests in 1u32..5_000, place in 0usize..3) {
            let per = Per::ALL[place];
            let limit = Quota { requests, per }.limit();
            let refill = limit.refill.num_milliseconds();
            let refilled = (per.length().num_milliseconds() - 1) / refill;
            prop_assert!(i64::from(limit.burst) + refilled <= i64::from(requests));
            prop_assert!((i64::from(limit.burst) + refilled) * 2 >= i64::from(requests));
        }
    }
}
