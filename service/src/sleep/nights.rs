//! What a person's sleeps come to: the figures of one, which of several sources counts, and the days that they belong to.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{sleep_entries::Model, sleep_stages::Stage, unit::round};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    bedtimes::{self, Usual},
    score::{Night, Score},
};
use crate::{day, error::Result, source_rankings};

/// How many days before a night its bedtime is compared with.
pub const REMEMBERED: Days = Days::new(14);
/// The fewest nights that make a usual bedtime.
const FEWEST_NIGHTS: usize = 3;
/// Parts of a night lie no further apart: what does is another sleep.
const LONGEST_BREAK: TimeDelta = TimeDelta::hours(4);
/// Waking for no longer is not remembered.
const SHORT_AWAKENING: TimeDelta = TimeDelta::minutes(5);

/// A stretch of a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpan {
    /// Which stage.
    pub stage: Stage,
    /// From when.
    pub started_at: DateTime<Utc>,
    /// Until when.
    pub ended_at: DateTime<Utc>,
}

impl StageSpan {
    fn length(&self) -> TimeDelta {
        self.ended_at - self.started_at
    }
}

/// A sleep with its stages, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sleep {
    /// The row.
    pub row: Model,
    /// Its stages, in their order; none where the source tells none.
    pub stages: Vec<StageSpan>,
}

impl Sleep {
    /// Minutes in bed.
    pub fn in_bed(&self) -> Decimal {
        minutes(self.row.ended_at - self.row.started_at)
    }

    /// Minutes asleep: the sum of the stages but awake, else as told; `None` where neither is known.
    pub fn asleep(&self) -> Option<Decimal> {
        if self.stages.is_empty() { self.row.asleep_minutes } else { Some(minutes(self.spent(|stage| stage != Stage::Awake))) }
    }

    /// Minutes in a stage; `None` where there are no stages.
    pub fn minutes_in(&self, stage: Stage) -> Option<Decimal> {
        (!self.stages.is_empty()).then(|| minutes(self.spent(|spent| spent == stage)))
    }

    fn spent(&self, counts: impl Fn(Stage) -> bool) -> TimeDelta {
        self.stages.iter().filter(|span| counts(span.stage)).map(StageSpan::length).sum()
    }

    /// When they fell asleep; `None` where there are no stages.
    pub fn fell_asleep_at(&self) -> Option<DateTime<Utc>> {
        self.stages.iter().find(|span| span.stage != Stage::Awake).map(|span| span.started_at)
    }

    /// When they woke for the last time; `None` where there are no stages.
    pub fn awoke_at(&self) -> Option<DateTime<Utc>> {
        self.stages.iter().rev().find(|span| span.stage != Stage::Awake).map(|span| span.ended_at)
    }

    /// Minutes from going to bed to falling asleep.
    pub fn latency(&self) -> Option<Decimal> {
        Some(minutes(self.fell_asleep_at()? - self.row.started_at))
    }

    /// How long they were awake each time, between falling asleep and waking for the last time; `None` where there are no stages.
    fn awakenings(&self) -> Option<Vec<TimeDelta>> {
        let (from, to) = self.fell_asleep_at().zip(self.awoke_at())?;
        let mut awakenings: Vec<(DateTime<Utc>, TimeDelta)> = Vec::new();
        for span in self.stages.iter().filter(|span| span.stage == Stage::Awake && from <= span.started_at && span.ended_at <= to) {
            match awakenings.last_mut() {
                Some((until, length)) if *until == span.started_at => {
                    *length += span.length();
                    *until = span.ended_at;
                }
                _ => awakenings.push((span.ended_at, span.length())),
            }
        }
        Some(awakenings.into_iter().map(|(_, length)| length).collect())
    }

    /// Minutes awake after falling asleep and before waking for the last time (WASO).
    pub fn awake_after_onset(&self) -> Option<Decimal> {
        Some(minutes(self.awakenings()?.into_iter().sum()))
    }

    /// Minutes asleep per minute in bed, in percent with three decimals.
    pub fn efficiency(&self) -> Option<Decimal> {
        efficiency(self.asleep(), self.in_bed())
    }

    /// Halfway between falling asleep and waking; between going to bed and getting up where there are no stages.
    pub fn midpoint(&self) -> DateTime<Utc> {
        halfway(self.fell_asleep_at().unwrap_or(self.row.started_at), self.awoke_at().unwrap_or(self.row.ended_at))
    }

    fn zone(&self) -> Result<Tz> {
        day::zone("timeZone", &self.row.time_zone)
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.row.started_at < other.row.ended_at && other.row.started_at < self.row.ended_at
    }
}

fn minutes(length: TimeDelta) -> Decimal {
    round(Decimal::from(length.num_milliseconds()) / Decimal::from(60_000), 3)
}

fn efficiency(asleep: Option<Decimal>, in_bed: Decimal) -> Option<Decimal> {
    Some(round((asleep? * Decimal::ONE_HUNDRED).checked_div(in_bed)?, 3))
}

fn halfway(from: DateTime<Utc>, to: DateTime<Utc>) -> DateTime<Utc> {
    from + (to - from) / 2
}

/// The sum where all are known.
fn sum(values: impl IntoIterator<Item = Option<Decimal>>) -> Option<Decimal> {
    let mut values = values.into_iter().peekable();
    values.peek()?;
    values.sum()
}

/// How a person slept until they woke on a day.
#[derive(Clone, Debug)]
pub struct SleepDay {
    /// The day of waking.
    pub date: NaiveDate,
    /// The night, in its parts.
    pub night: Vec<Sleep>,
    /// Naps.
    pub naps: Vec<Sleep>,
    /// What does not count, because a source that is ranked higher tells of the same time.
    pub outranked: Vec<Sleep>,
    /// When they went to bed in the nights before, as far as it is remembered.
    bedtimes: Vec<NaiveTime>,
    /// How old they were.
    age: Option<i32>,
}

impl SleepDay {
    /// The days from `from` to `to`. `sleeps` are those of these days and of the time that is remembered before, in their order.
    pub fn between(
        sleeps: Vec<Sleep>,
        ranking: &[String],
        from: NaiveDate,
        to: NaiveDate,
        age_on: impl Fn(NaiveDate) -> Option<i32>,
    ) -> Result<Vec<Self>> {
        let (counting, outranked) = ranked(sleeps, ranking);
        let mut days: BTreeMap<NaiveDate, Self> = from
            .checked_sub_days(REMEMBERED)
            .unwrap_or(from)
            .iter_days()
            .take_while(|date| *date <= to)
            .map(|date| {
                let day =
                    Self { date, night: Vec::new(), naps: Vec::new(), outranked: Vec::new(), bedtimes: Vec::new(), age: age_on(date) };
                (date, day)
            })
            .collect();
        for sleep in counting {
            if let Some(day) = days.get_mut(&sleep.row.woke_on) {
                if sleep.row.is_nap { day.naps.push(sleep) } else { day.night.push(sleep) }
            }
        }
        for sleep in outranked {
            if let Some(day) = days.get_mut(&sleep.row.woke_on) {
                day.outranked.push(sleep);
            }
        }
        let mut bedtimes: BTreeMap<NaiveDate, NaiveTime> = BTreeMap::new();
        for (date, day) in &mut days {
            let remembered = date.checked_sub_days(REMEMBERED).unwrap_or(*date);
            day.bedtimes = bedtimes.range(remembered..*date).map(|(_, time)| *time).collect();
            if let Some(time) = day.bedtime()? {
                bedtimes.insert(*date, time);
            }
        }
        Ok(days.into_values().filter(|day| day.date >= from).collect())
    }

    /// What their clock showed when they went to bed.
    pub fn bedtime(&self) -> Result<Option<NaiveTime>> {
        self.night.first().map(|first| clock(first, first.row.started_at)).transpose()
    }

    /// What their clock showed when they got up.
    pub fn got_up(&self) -> Result<Option<NaiveTime>> {
        self.night.last().map(|last| clock(last, last.row.ended_at)).transpose()
    }

    /// Minutes of the night in bed; `None` without a night.
    pub fn in_bed(&self) -> Option<Decimal> {
        sum(self.night.iter().map(|part| Some(part.in_bed())))
    }

    /// Minutes of the night asleep; `None` without a night, and where they are not known of all its parts.
    pub fn asleep(&self) -> Option<Decimal> {
        sum(self.night.iter().map(Sleep::asleep))
    }

    /// Minutes of naps asleep: in bed, where it is not known how much of it they slept.
    pub fn napped(&self) -> Decimal {
        self.naps.iter().map(|nap| nap.asleep().unwrap_or_else(|| nap.in_bed())).sum()
    }

    /// Minutes of the night in a stage.
    pub fn minutes_in(&self, stage: Stage) -> Option<Decimal> {
        sum(self.night.iter().map(|part| part.minutes_in(stage)))
    }

    /// Minutes from going to bed to falling asleep.
    pub fn latency(&self) -> Option<Decimal> {
        self.night.first()?.latency()
    }

    /// Minutes asleep per minute in bed, in percent with three decimals.
    pub fn efficiency(&self) -> Option<Decimal> {
        efficiency(self.asleep(), self.in_bed()?)
    }

    fn awakenings(&self) -> Option<Vec<TimeDelta>> {
        let mut awakenings = Vec::new();
        for part in &self.night {
            awakenings.extend(part.awakenings()?);
        }
        let between = self.night.windows(2).map(|parts| parts[1].row.started_at - parts[0].row.ended_at);
        awakenings.extend(between.filter(|length| (TimeDelta::microseconds(1)..=LONGEST_BREAK).contains(length)));
        (!self.night.is_empty()).then_some(awakenings)
    }

    /// Minutes awake between falling asleep and waking for the last time, out of bed between two parts of the night too.
    pub fn awake_after_onset(&self) -> Option<Decimal> {
        Some(minutes(self.awakenings()?.into_iter().sum()))
    }

    /// Halfway between falling asleep and waking.
    pub fn midpoint(&self) -> Option<DateTime<Utc>> {
        let (first, last) = (self.night.first()?, self.night.last()?);
        Some(halfway(first.fell_asleep_at().unwrap_or(first.row.started_at), last.awoke_at().unwrap_or(last.row.ended_at)))
    }

    /// How well they slept; `None` where nobody knows how long.
    pub fn score(&self) -> Result<Option<Score>> {
        let staged = self.night.iter().flat_map(|part| &part.stages).any(|span| !matches!(span.stage, Stage::Awake | Stage::Asleep));
        let usual = (self.bedtimes.len() >= FEWEST_NIGHTS).then_some(&self.bedtimes);
        let later = usual.zip(self.bedtime()?).and_then(|(usual, tonight)| bedtimes::minutes_after_median(usual, tonight));
        let awake = self.awake_after_onset().zip(self.awakenings());
        Ok(Score::of(&Night {
            asleep: self.asleep(),
            deep_and_rem: self.minutes_in(Stage::Deep).zip(self.minutes_in(Stage::Rem)).filter(|_| staged),
            later_than_usual: later,
            awake: awake.map(|(minutes, times)| (minutes, times.iter().filter(|length| **length > SHORT_AWAKENING).count())),
            age: self.age,
        }))
    }
}

fn clock(sleep: &Sleep, at: DateTime<Utc>) -> Result<NaiveTime> {
    Ok(at.with_timezone(&sleep.zone()?).time())
}

/// The sleeps that count, in their order, and those of which a source that is ranked higher tells otherwise.
fn ranked(mut sleeps: Vec<Sleep>, ranking: &[String]) -> (Vec<Sleep>, Vec<Sleep>) {
    let rank = |sleep: &Sleep| {
        let (position, typed, name) = source_rankings::rank(ranking, &sleep.row.source);
        (position, typed, name.to_owned(), sleep.row.started_at)
    };
    sleeps.sort_by_cached_key(rank);
    let (mut counting, mut outranked): (Vec<Sleep>, Vec<Sleep>) = Default::default();
    for sleep in sleeps {
        let loses = counting.iter().any(|other| other.overlaps(&sleep));
        if loses { outranked.push(sleep) } else { counting.push(sleep) }
    }
    counting.sort_by_key(|sleep| sleep.row.started_at);
    outranked.sort_by_key(|sleep| sleep.row.started_at);
    (counting, outranked)
}

/// How somebody sleeps, over some days.
#[derive(Clone, Debug, PartialEq)]
pub struct Averages {
    /// How many nights there are.
    pub nights: usize,
    /// When they go to bed.
    pub bedtime: Option<Usual>,
    /// When they get up.
    pub got_up: Option<Usual>,
    /// The middle of their nights; its deviation says how regular they are.
    pub midpoint: Option<Usual>,
    /// Minutes asleep, of the nights of which they are known.
    pub asleep: Option<Decimal>,
    /// Minutes asleep per minute in bed, of those nights, in percent.
    pub efficiency: Option<Decimal>,
}

impl Averages {
    /// Of these days.
    pub fn of(days: &[SleepDay]) -> Result<Self> {
        let nights: Vec<_> = days.iter().filter(|day| !day.night.is_empty()).collect();
        let (mut bedtimes, mut got_up, mut midpoints) = (Vec::new(), Vec::new(), Vec::new());
        for day in &nights {
            bedtimes.extend(day.bedtime()?);
            got_up.extend(day.got_up()?);
            midpoints.extend(day.night.last().zip(day.midpoint()).map(|(last, at)| clock(last, at)).transpose()?);
        }
        let known: Vec<_> = nights.iter().filter_map(|day| day.asleep().zip(day.in_bed())).collect();
        let (asleep, in_bed) = known.iter().fold((Decimal::ZERO, Decimal::ZERO), |sums, night| (sums.0 + night.0, sums.1 + night.1));
        Ok(Self {
            nights: nights.len(),
            bedtime: bedtimes::usual(bedtimes),
            got_up: bedtimes::usual(got_up),
            midpoint: bedtimes::usual(midpoints),
            asleep: asleep.checked_div(Decimal::from(known.len())).map(|minutes| round(minutes, 3)),
            efficiency: efficiency(Some(asleep), in_bed),
        })
    }
}
