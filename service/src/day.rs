//! Which day an instant belongs to, for a person whose day may start after midnight.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use entity::id::UserId;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{
    access::Tx,
    error::{Error, Result},
};

/// The first day that can be written.
pub const FIRST: NaiveDate = NaiveDate::from_ymd_opt(1900, 1, 1).expect("a date");
/// The last day that can be written.
pub const LAST: NaiveDate = NaiveDate::from_ymd_opt(2100, 12, 31).expect("a date");
/// The latest time at which a day may start.
pub const LATEST_START: NaiveTime = NaiveTime::from_hms_opt(12, 0, 0).expect("a time");

/// How a person's days are cut.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    /// Where the person lives.
    pub time_zone: Tz,
    /// Local time at which the day starts; what comes before belongs to the day before.
    pub day_starts_at: NaiveTime,
}

/// When and where something happened, and the day it counts for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The zone it happened in.
    pub time_zone: Tz,
    /// The day, fixed from here on.
    pub on: NaiveDate,
}

impl Calendar {
    /// The calendar of `person`, where the viewer may know it.
    pub async fn of(tx: &Tx, person: UserId) -> Result<Self> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT time_zone, day_starts_at FROM auth.calendar_of($1)",
            [person.0.into()],
        );
        let row = tx.query_one_raw(statement).await?.ok_or(Error::NoSuch { field: "personId", what: "person" })?;
        let time_zone: String = row.try_get_by_index(0)?;
        Ok(Self { time_zone: zone("timeZone", &time_zone)?, day_starts_at: row.try_get_by_index(1)? })
    }

    /// The day that an instant belongs to in `time_zone`. The wall clock decides, so days of 23 and 25 hours come out right.
    pub fn day_of(&self, at: DateTime<Utc>, time_zone: Tz) -> NaiveDate {
        let local = at.with_timezone(&time_zone).naive_local();
        if local.time() < self.day_starts_at { local.date().pred_opt().unwrap_or(FIRST) } else { local.date() }
    }

    /// Today, for this person.
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        self.day_of(now, self.time_zone)
    }

    /// The moment of an event: now and here unless said otherwise. `field` is the input field of the instant.
    pub fn moment(&self, field: &str, at: Option<DateTime<Utc>>, time_zone: Option<Tz>, now: DateTime<Utc>) -> Result<Moment> {
        let (at, time_zone) = (at.unwrap_or(now), time_zone.unwrap_or(self.time_zone));
        let on = self.day_of(at, time_zone);
        if !(FIRST..=LAST).contains(&on) {
            return Err(Error::invalid(field, format!("must be between {FIRST} and {LAST}")));
        }
        Ok(Moment { at, time_zone, on })
    }

    /// The moment of this day of the person at which clocks in `time_zone` show `time`. `field` is the input field of the day.
    pub fn moment_on(&self, field: &str, day: NaiveDate, time: NaiveTime, time_zone: Tz) -> Result<Moment> {
        let on = checked(field, day)?;
        let date = if time < self.day_starts_at { on + Days::new(1) } else { on };
        Ok(Moment { at: instant(date.and_time(time), time_zone), time_zone, on })
    }
}

/// When clocks in `time_zone` show this. A time that they leap over is when they leap; of one that comes twice it is the first.
pub(crate) fn instant(mut local: NaiveDateTime, time_zone: Tz) -> DateTime<Utc> {
    loop {
        match time_zone.from_local_datetime(&local).earliest() {
            Some(at) => return at.to_utc(),
            None => local += TimeDelta::minutes(1),
        }
    }
}

/// The zone of an IANA name.
pub fn zone(field: &str, name: &str) -> Result<Tz> {
    name.parse().map_err(|_| Error::invalid(field, "not an IANA time zone: write one such as Europe/Berlin"))
}

/// A day that can be written.
pub(crate) fn checked(field: &str, day: NaiveDate) -> Result<NaiveDate> {
    if (FIRST..=LAST).contains(&day) { Ok(day) } else { Err(Error::invalid(field, format!("must be between {FIRST} and {LAST}"))) }
}

/// A range of at most `most` days, both ends included.
pub fn range(from: NaiveDate, to: NaiveDate, most: i64) -> Result<(NaiveDate, NaiveDate)> {
    let (from, to) = (checked("from", from)?, checked("to", to)?);
    if to < from {
        return Err(Error::invalid("to", "must not be before from"));
    }
    if (to - from).num_days() >= most {
        return Err(Error::invalid("to", format!("must be at most {most} days from from")));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar(zone: &str, hour: u32) -> Calendar {
        Calendar { time_zone: zone.parse().expect("a zone"), day_starts_at: NaiveTime::from_hms_opt(hour, 0, 0).expect("a time") }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    #[test]
    fn late_in_auckland_is_that_day_in_auckland() {
        let auckland = calendar("Pacific/Auckland", 0);
        assert_eq!(auckland.today(at("2026-03-10T10:30:00Z")), day("2026-03-10"));
        assert_eq!(calendar("America/Los_Angeles", 0).today(at("2026-03-10T10:30:00Z")), day("2026-03-10"));
        assert_eq!(calendar("America/Los_Angeles", 0).today(at("2026-03-10T05:30:00Z")), day("2026-03-09"));
    }

    #[test]
    fn a_day_that_starts_at_three_holds_the_small_hours_of_the_next() {
        let berlin = calendar("Europe/Berlin", 3);
        assert_eq!(berlin.today(at("2026-01-02T01:59:59Z")), day("2026-01-01"));
        assert_eq!(berlin.today(at("2026-01-02T02:00:00Z")), day("2026-01-02"));
    }

    #[test]
    fn short_and_long_days_keep_their_date() {
        let berlin = calendar("Europe/Berlin", 0);
        // 2026-03-29 has 23 hours: 23:00Z the day before to 22:00Z.
        assert_eq!(berlin.today(at("2026-03-28T23:00:00Z")), day("2026-03-29"));
        assert_eq!(berlin.today(at("2026-03-29T21:59:59Z")), day("2026-03-29"));
        assert_eq!(berlin.today(at("2026-03-29T22:00:00Z")), day("2026-03-30"));
        // 2026-10-25 has 25.
        assert_eq!(berlin.today(at("2026-10-24T22:00:00Z")), day("2026-10-25"));
        assert_eq!(berlin.today(at("2026-10-25T22:59:59Z")), day("2026-10-25"));
        // The clock goes from 02:00 to 03:00, so 03:00 is where the day starts.
        assert_eq!(calendar("Europe/Berlin", 3).today(at("2026-03-29T00:59:59Z")), day("2026-03-28"));
        assert_eq!(calendar("Europe/Berlin", 3).today(at("2026-03-29T01:00:00Z")), day("2026-03-29"));
    }

    #[test]
    fn a_wall_clock_names_one_instant_of_a_day() {
        let time = |text: &str| text.parse::<NaiveTime>().expect("a time");
        let moment = |hour, date: &str, at: &str| {
            let berlin = calendar("Europe/Berlin", hour);
            berlin.moment_on("date", day(date), time(at), berlin.time_zone).expect("a moment").at
        };
        assert_eq!(moment(0, "2026-03-28", "02:30:00"), at("2026-03-28T01:30:00Z"));
        // Clocks are set from 02:00 to 03:00: half past two is when they are.
        assert_eq!(moment(0, "2026-03-29", "02:30:00"), at("2026-03-29T01:00:00Z"));
        // They are set from 03:00 to 02:00: half past two comes twice, and the first one counts.
        assert_eq!(moment(0, "2026-10-25", "02:30:00"), at("2026-10-25T00:30:00Z"));
        // Where the day starts at three, half past two is of the night after.
        assert_eq!(moment(3, "2026-03-27", "02:30:00"), at("2026-03-28T01:30:00Z"));
        assert!(
            calendar("Europe/Berlin", 0).moment_on("date", LAST.succ_opt().expect("a date"), time("12:00:00"), chrono_tz::UTC).is_err()
        );
    }

    proptest! {
        #[test]
        fn a_wall_clock_on_a_day_is_of_that_day(days in 0i64..60_000, minutes in 0u32..1440, zone in 0usize..chrono_tz::TZ_VARIANTS.len(), hour in 0u32..=12) {
            let zone = chrono_tz::TZ_VARIANTS[zone];
            let day = FIRST + TimeDelta::days(days);
            let time = NaiveTime::from_hms_opt(minutes / 60, minutes % 60, 0).expect("a time");
            let cut = calendar(zone.name(), hour);
            let moment = cut.moment_on("date", day, time, zone).expect("a moment");
            prop_assert_eq!(moment.on, day);
            let local = moment.at.with_timezone(&zone).naive_local();
            // Where clocks show the time at all, it is that time of that day.
            if local.time() == time {
                prop_assert_eq!(cut.day_of(moment.at, zone), day);
            } else {
                let date = if time < cut.day_starts_at { day.succ_opt().expect("a date") } else { day };
                let shown = zone.from_local_datetime(&date.and_time(time)).earliest();
                prop_assert!(shown.is_none(), "{shown:?}");
            }
        }

        #[test]
        fn a_day_is_never_more_than_one_off_the_calendar_date(seconds in 0i64..4_000_000_000, zone in 0usize..chrono_tz::TZ_VARIANTS.len(), hour in 0u32..=12) {
            let zone = chrono_tz::TZ_VARIANTS[zone];
            let instant = DateTime::from_timestamp(seconds, 0).expect("in range");
            let on = calendar(zone.name(), hour).day_of(instant, zone);
            let date = instant.with_timezone(&zone).date_naive();
            prop_assert!(on == date || on == date.pred_opt().expect("in range"));
        }
    }
}
