//! When backups are made by themselves.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};

/// When the server makes backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Never.
    Off,
    /// Every day at this time of UTC.
    Daily(NaiveTime),
    /// Every so many hours from midnight, UTC: a divisor of 24.
    Hours(u32),
}

impl Schedule {
    /// The last moment, not after `now`, for which a backup is scheduled.
    pub fn last(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
        match self {
            Self::Off => None,
            Self::Daily(at) => {
                let today = now.date_naive().and_time(at).and_utc();
                if today <= now { Some(today) } else { today.checked_sub_days(Days::new(1)) }
            }
            Self::Hours(hours) => {
                let every = TimeDelta::hours(hours.into());
                let whole = (now - midnight).num_seconds() / every.num_seconds();
                Some(midnight + every * i32::try_from(whole).ok()?)
            }
        }
    }
}

impl FromStr for Schedule {
    type Err = String;

    /// Reads `03:30`, `6h` and `off`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let hours = text.strip_suffix('h').and_then(|hours| hours.parse().ok()).filter(|&hours: &u32| hours > 0 && 24 % hours == 0);
        let time = || NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5);
        hours
            .map(Self::Hours)
            .or_else(|| time().map(Self::Daily))
            .ok_or_else(|| "write a time of UTC for every day (03:30), how often (1h, 2h, 3h, 4h, 6h, 8h, 12h) or off".to_owned())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.write_str("off"),
            Self::Daily(at) => write!(formatter, "{}", at.format("%H:%M")),
            Self::Hours(hours) => write!(formatter, "{hours}h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_moment_is_today_or_yesterday() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let last = |schedule: &str, now: &str| schedule.parse::<Schedule>().unwrap().last(at(now));
        assert_eq!(last("03:30", "2026-11-27T03:30:00Z"), Some(at("2026-11-27T03:30:00Z")));
        assert_eq!(last("03:30", "2026-11-27T03:29:59Z"), Some(at("2026-11-26T03:30:00Z")));
        assert_eq!(last("03:30", "2026-03-01T00:00:00Z"), Some(at("2026-02-28T03:30:00Z")));
        assert_eq!(last("6h", "2026-11-27T17:59:59Z"), Some(at("2026-11-27T12:00:00Z")));
        assert_eq!(last("24h", "2026-11-27T17:59:59Z"), Some(at("2026-11-27T00:00:00Z")));
        assert_eq!(last("off", "2026-11-27T17:59:59Z"), None);
    }

    #[test]
    fn it_is_read_as_it_is_written() {
        for text in ["off", "00:00", "23:59", "1h", "24h"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        for wrong in ["", "3:30", "24:00", "5h", "0h", "48h", "h", "daily", "03:30:00"] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }
}
