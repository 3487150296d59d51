//! What a person burned on a day, from all that says something about it, so that no minute is counted twice.
//!
//! The rule, layer by layer; within a layer a minute belongs to the first claim in the order of [`Kind`], then of time, then of source:
//!
//! 1. **Workouts** have the minutes they took, with their energy beyond resting: first those a device measured, then by heart rate, then by
//!    MET. Of a workout that overlaps one before it, the minutes that are left count, by their share of its energy.
//! 2. **Devices' totals** tell what was burned beyond resting during an interval, whatever was done then. They therefore hold the workouts
//!    inside: what counts of them is what these do not already account for, and never less than nothing.
//! 3. **Steps** count where no device's total does, less what workouts account for there.
//! 4. **The allowance for general activity** is per 1,440 minutes and shrinks by those that workouts and devices cover. Steps are part of
//!    general activity: the allowance counts as far as it is more than they.
//! 5. **Resting energy** counts once for each minute of the day, workouts or not; therefore everything above is beyond it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use entity::{id::UserId, unit::round};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    access::Tx,
    day::{self, Calendar},
    energy_needs, energy_records as records,
    error::Result,
    exercise_diary,
    exercise_energy::{self, DECIMALS, Method},
    profiles,
};

/// The minutes that resting energy and the allowance are per.
const MINUTES: i64 = 1440;

/// What says that energy was burned, in the order in which it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Something trained.
    Workout(Trust),
    /// A device's energy beyond resting of an interval, whatever was done then.
    Device,
    /// Steps that were counted.
    Steps,
    /// The allowance for what is neither exercise nor rest.
    Allowance,
    /// Resting energy.
    Resting,
}

/// How the energy of a workout was found, in the order in which it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// A device measured it.
    Measured,
    /// By heart rate.
    HeartRate,
    /// By MET.
    Met,
}

impl From<Method> for Trust {
    fn from(method: Method) -> Self {
        match method {
            Method::Device => Self::Measured,
            Method::HeartRate => Self::HeartRate,
            Method::Met => Self::Met,
        }
    }
}

/// From one instant until another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
}

impl Interval {
    fn seconds(self) -> i64 {
        (self.until - self.from).num_seconds().max(0)
    }

    fn overlap(self, other: Self) -> Option<Self> {
        let common = Self { from: self.from.max(other.from), until: self.until.min(other.until) };
        (common.from < common.until).then_some(common)
    }
}

/// Something that says how much was burned beyond resting.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The exercise entry or the device's record that it is.
    pub id: Option<Uuid>,
    /// What it is.
    pub kind: Kind,
    /// Who says so: the name of the exercise, or of the device.
    pub source: String,
    /// During which time; of no length where only an instant is known.
    pub interval: Interval,
    /// How much in kcal, beyond resting; `None` where that is unknown.
    pub energy: Option<Decimal>,
    /// What limits it.
    pub note: Option<String>,
    /// The day whose ledger counts it, when that is another one: here it only has its minutes.
    pub counted_on: Option<NaiveDate>,
}

/// What there is to make a ledger from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sources {
    /// The day, as far as it has passed.
    pub day: Interval,
    /// Resting energy of 24 hours in kcal.
    pub resting: Option<Decimal>,
    /// Whether that is the lower end of a range, for the sex is not said.
    pub resting_is_range: bool,
    /// The allowance for general activity of 24 hours in kcal.
    pub allowance: Option<Decimal>,
    /// Resting energy as devices tell it, which counts where `resting` is unknown.
    pub resting_claims: Vec<Claim>,
    /// Everything else.
    pub claims: Vec<Claim>,
}

/// A line of the ledger: a source, what of it was counted, and why not all.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The exercise entry or the device's record that it is of.
    pub id: Option<Uuid>,
    /// What it is.
    pub kind: Kind,
    /// Who says so.
    pub source: String,
    /// During which time.
    pub interval: Interval,
    /// What it says, in kcal; `None` where that is unknown.
    pub claimed: Option<Decimal>,
    /// What of it counts.
    pub counted: Decimal,
    /// How many of its minutes count.
    pub minutes: Decimal,
    /// Why so much.
    pub reason: String,
}

impl Line {
    /// What of it does not count, in kcal.
    pub fn left_out(&self) -> Decimal {
        (self.claimed.unwrap_or_default() - self.counted).max(Decimal::ZERO)
    }
}

/// A day's energy.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// The day, as far as it has passed.
    pub day: Interval,
    /// Everything that says something, counted or not.
    pub lines: Vec<Line>,
    /// The minutes of the day that workouts and devices cover.
    pub covered_minutes: Decimal,
}

impl Ledger {
    /// The energy of the lines of these kinds in kcal.
    pub fn sum(&self, kinds: impl Fn(Kind) -> bool) -> Decimal {
        self.lines.iter().filter(|line| kinds(line.kind)).map(|line| line.counted).sum()
    }

    /// All of it in kcal.
    pub fn total(&self) -> Decimal {
        self.sum(|_| true)
    }
}

/// Stretches of time, apart from each other and in order.
#[derive(Clone, Debug, Default)]
struct Stretches(Vec<Interval>);

impl Stretches {
    /// What of `interval` is in none of them.
    fn missing(&self, interval: Interval) -> Vec<Interval> {
        let mut missing = Vec::new();
        let mut from = interval.from;
        for taken in self.0.iter().filter_map(|taken| taken.overlap(interval)) {
            if from < taken.from {
                missing.push(Interval { from, until: taken.from });
            }
            from = taken.until;
        }
        if from < interval.until {
            missing.push(Interval { from, until: interval.until });
        }
        missing
    }

    fn add(&mut self, interval: Interval) {
        if interval.from >= interval.until {
            return;
        }
        let (touching, mut apart): (Vec<_>, Vec<_>) =
            self.0.iter().copied().partition(|taken| taken.from <= interval.until && interval.from <= taken.until);
        apart.push(
            touching
                .into_iter()
                .fold(interval, |all: Interval, one: Interval| Interval { from: all.from.min(one.from), until: all.until.max(one.until) }),
        );
        apart.sort_unstable();
        self.0 = apart;
    }

    fn within(&self, interval: Interval) -> i64 {
        self.0.iter().filter_map(|taken| taken.overlap(interval)).map(Interval::seconds).sum()
    }
}

/// A claim with the stretches that are its own.
struct Owner<'a> {
    claim: &'a Claim,
    energy: Decimal,
    own: Vec<Interval>,
}

impl Owner<'_> {
    fn seconds(&self) -> i64 {
        self.own.iter().map(|own| own.seconds()).sum()
    }

    /// What it says of its own stretches. Within a claim all minutes are alike.
    fn share(&self) -> Decimal {
        match self.claim.interval.seconds() {
            0 => self.energy,
            all => self.energy * Decimal::from(self.seconds()) / Decimal::from(all),
        }
    }

    /// What it says of its own stretches as far as they lie in `stretches`.
    fn share_within(&self, stretches: &[Interval]) -> Decimal {
        let all = self.claim.interval.seconds();
        if all == 0 {
            let at = self.claim.interval.from;
            let inside = stretches.iter().any(|stretch| stretch.from <= at && at < stretch.until);
            return if inside { self.energy } else { Decimal::ZERO };
        }
        let common: i64 =
            self.own.iter().flat_map(|own| stretches.iter().filter_map(|other| own.overlap(*other))).map(Interval::seconds).sum();
        self.energy * Decimal::from(common) / Decimal::from(all)
    }
}

/// Deals out the time to claims whose energy is known, the better ones first; what `taken` holds is nobody's.
fn deal<'a>(claims: &[&'a Claim], mut taken: Stretches) -> Vec<Owner<'a>> {
    let known = claims.iter().filter_map(|claim| Some((*claim, claim.energy?)));
    let deal = |(claim, energy): (&'a Claim, Decimal)| {
        let own = taken.missing(claim.interval);
        taken.add(claim.interval);
        Owner { claim, energy, own }
    };
    known.map(deal).collect()
}

fn minutes(seconds: i64) -> Decimal {
    round(Decimal::from(seconds) / Decimal::from(60), DECIMALS)
}

/// The ledger of a day. The order of the claims does not matter.
pub fn ledger(sources: &Sources) -> Ledger {
    let mut claims: Vec<&Claim> = sources.claims.iter().collect();
    claims.sort_by(|one, other| {
        let key = |claim: &Claim| (claim.kind, claim.interval);
        key(one).cmp(&key(other)).then_with(|| (&one.source, one.id, one.energy).cmp(&(&other.source, other.id, other.energy)))
    });
    let of = |wanted: fn(Kind) -> bool| claims.iter().copied().filter(|claim| wanted(claim.kind)).collect::<Vec<_>>();
    let workouts = deal(&of(|kind| matches!(kind, Kind::Workout(_))), Stretches::default());
    let devices = deal(&of(|kind| kind == Kind::Device), Stretches::default());
    let mut told = Stretches::default();
    devices.iter().for_each(|device| told.add(device.claim.interval));
    let steps = deal(&of(|kind| kind == Kind::Steps), told.clone());

    let mut lines: Vec<Line> = claims.iter().filter(|claim| claim.energy.is_none()).map(|claim| unknown(claim)).collect();
    lines.extend(workouts.iter().map(|workout| {
        let left = round(workout.share(), DECIMALS);
        let reason = if workout.seconds() < workout.claim.interval.seconds() {
            "the minutes that a better source of a workout does not have"
        } else {
            "all of it: nothing better tells of these minutes"
        };
        line(workout, left, reason.to_owned())
    }));
    for (owners, whose) in [(&devices, "another device"), (&steps, "a device")] {
        lines.extend(owners.iter().map(|owner| {
            let held: Decimal = workouts.iter().map(|workout| workout.share_within(&owner.own)).sum();
            let left = round((owner.share() - held).max(Decimal::ZERO), DECIMALS);
            let mut reasons = Vec::new();
            if owner.seconds() < owner.claim.interval.seconds() {
                reasons.push(format!("the minutes that {whose} tells of are left out"));
            }
            if held > Decimal::ZERO {
                reasons.push(format!("{} kcal are workouts' of this time", round(held, 0)));
            }
            let reason =
                if reasons.is_empty() { "all of it: nothing better tells of these minutes".to_owned() } else { reasons.join("; ") };
            line(owner, left, reason)
        }));
    }

    let mut covered = told;
    workouts.iter().for_each(|workout| covered.add(workout.claim.interval));
    let covered_seconds = covered.within(sources.day);
    let day = sources.day.seconds();
    let per_day = |energy: Decimal, seconds: i64| energy * Decimal::from(seconds) / Decimal::from(MINUTES * 60);
    let walked: Decimal = lines.iter().filter(|line| line.kind == Kind::Steps).map(|line| line.counted).sum();
    if let Some(allowance) = sources.allowance {
        let free = round(per_day(allowance, day - covered_seconds), DECIMALS);
        let mut reason = format!("for the {} minutes that neither workouts nor devices cover", minutes(day - covered_seconds).normalize());
        if walked > Decimal::ZERO {
            reason += ", beyond the steps";
        }
        lines.push(Line {
            id: None,
            kind: Kind::Allowance,
            source: "general activity".to_owned(),
            interval: sources.day,
            claimed: Some(round(per_day(allowance, day), DECIMALS)),
            counted: (free - walked).max(Decimal::ZERO),
            minutes: minutes(day - covered_seconds),
            reason,
        });
    }
    lines.extend(resting(sources));
    Ledger { day: sources.day, lines, covered_minutes: minutes(covered_seconds) }
}

/// Resting energy counts once for each minute: by the formula, else as devices tell it.
fn resting(sources: &Sources) -> Vec<Line> {
    let day = sources.day;
    if let Some(resting) = sources.resting {
        let energy = round(resting * Decimal::from(day.seconds()) / Decimal::from(MINUTES * 60), DECIMALS);
        return vec![Line {
            id: None,
            kind: Kind::Resting,
            source: "resting energy".to_owned(),
            interval: day,
            claimed: Some(energy),
            counted: energy,
            minutes: minutes(day.seconds()),
            reason: match sources.resting_is_range {
                true => "once for each minute of the day so far; the sex is not said, so the lower end of a range",
                false => "once for each minute of the day so far: everything else is beyond it",
            }
            .to_owned(),
        }];
    }
    let mut claims: Vec<&Claim> = sources.resting_claims.iter().collect();
    claims.sort_by(|one, other| (one.interval, &one.source, one.id).cmp(&(other.interval, &other.source, other.id)));
    let reason = "as the device tells it: there is no formula's".to_owned();
    deal(&claims, Stretches::default()).iter().map(|owner| line(owner, round(owner.share(), DECIMALS), reason.clone())).collect()
}

fn line(owner: &Owner, counted: Decimal, reason: String) -> Line {
    let claim = owner.claim;
    let reason = [Some(reason), claim.note.clone()].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let (counted, seconds, reason) = match claim.counted_on {
        Some(date) => (Decimal::ZERO, 0, format!("counted on {date}: here it only has its minutes")),
        None => (counted, owner.seconds(), reason),
    };
    Line {
        id: claim.id,
        kind: claim.kind,
        source: claim.source.clone(),
        interval: claim.interval,
        claimed: claim.energy,
        counted,
        minutes: minutes(seconds),
        reason,
    }
}

fn unknown(claim: &Claim) -> Line {
    Line {
        id: claim.id,
        kind: claim.kind,
        source: claim.source.clone(),
        interval: claim.interval,
        claimed: None,
        counted: Decimal::ZERO,
        minutes: Decimal::ZERO,
        reason: claim.note.clone().unwrap_or_else(|| "its energy is not known".to_owned()),
    }
}

/// How far a step goes, of the height (the usual ratio of walking).
const STEP: Decimal = Decimal::from_parts(414, 0, 0, false, 3);
/// Walking takes 0.1 ml of oxygen per kg and metre beyond resting (ACSM), of which a litre is 5 kcal: kcal per kg and metre.
const WALKING: Decimal = Decimal::from_parts(5, 0, 0, false, 4);
/// An entry may be as long as a week.
const LONGEST_ENTRY: i64 = 7;

/// The ledger of a person's day, as far as it has passed.
pub async fn of_day(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Ledger> {
    let calendar = Calendar::of(tx, person).await?;
    let begins = |date: NaiveDate| calendar.moment_on("date", date, calendar.day_starts_at, calendar.time_zone);
    let date = day::checked("date", date)?;
    let start = begins(date)?.at;
    // The last day has no next one.
    let end = date.succ_opt().and_then(|next| begins(next).ok()).map_or(start + TimeDelta::days(1), |moment| moment.at);
    let until = end.min(tx.now()).max(start);

    let days = (date - TimeDelta::days(LONGEST_ENTRY)).max(day::FIRST)..=(date + TimeDelta::days(1)).min(day::LAST);
    let entries = exercise_diary::rows_between(tx, person, *days.start(), *days.end()).await?;
    let records = records::between(tx, person, (date - TimeDelta::days(1)).max(day::FIRST), *days.end()).await?;
    let mut claims: Vec<Claim> = entries.iter().map(|entry| of_entry(entry, date)).collect();
    let mut resting_claims = Vec::new();
    let profile = profiles::as_of(tx, person, date).await?;
    let body = energy_needs::body_as_of(tx, person, date).await?;
    let needs = energy_needs::needs(&profile, &body, date);
    // Where the sex is not said resting energy is between two numbers: then the lower one counts.
    let resting_per_day = needs.resting.map(|resting| resting.least);
    let allowance = resting_per_day.zip(needs.activity_factor).map(|(resting, factor)| resting * (factor - Decimal::ONE));
    let walker = body.weight.zip(body.height);
    for record in &records {
        let claim = |kind, energy: Option<Decimal>, note: Option<&str>| Claim {
            id: Some(record.id.0),
            kind,
            source: record.source.clone(),
            interval: Interval { from: record.started_at, until: record.ended_at },
            energy,
            note: note.map(str::to_owned),
            counted_on: (record.started_on != date).then_some(record.started_on),
        };
        let share =
            |per_day: Decimal| per_day * Decimal::from((record.ended_at - record.started_at).num_seconds()) / Decimal::from(MINUTES * 60);
        let resting = record.resting_calories.or(resting_per_day.map(share));
        if let Some(active) = record.active_calories {
            claims.push(claim(Kind::Device, Some(active), None));
        } else if let Some(total) = record.total_calories {
            let active = resting.map(|resting| round((total - resting).max(Decimal::ZERO), DECIMALS));
            let note = if active.is_some() { "its total less resting energy" } else { "it tells a total, and resting energy is not known" };
            claims.push(claim(Kind::Device, active, Some(note)));
        }
        if let Some(steps) = record.steps {
            let energy = walker.map(|(kilograms, height)| {
                let metres = Decimal::from(steps) * STEP * height / Decimal::ONE_HUNDRED;
                round(metres * WALKING * kilograms, DECIMALS)
            });
            let note = match energy {
                Some(_) => format!("{steps} steps of 0.414 × height, 0.5 kcal per kg and km"),
                None => format!("{steps} steps: weight and height are needed to tell their energy"),
            };
            claims.push(claim(Kind::Steps, energy, Some(&note)));
        }
        if record.started_on == date
            && let Some(resting) = record.resting_calories
        {
            resting_claims.push(claim(Kind::Resting, Some(resting), None));
        }
    }
    let day = Interval { from: start, until };
    // What another day counts matters as far as it reaches into this one.
    claims.retain(|claim| claim.counted_on.is_none() || claim.interval.overlap(Interval { from: start, until: end }).is_some());
    let is_range = needs.resting.is_some_and(|resting| resting.least < resting.most);
    Ok(ledger(&Sources { day, resting: resting_per_day, resting_is_range: is_range, allowance, resting_claims, claims }))
}

/// What an entry of the exercise diary claims. It begins when it was done.
fn of_entry(entry: &entity::exercise_diary::Model, date: NaiveDate) -> Claim {
    let energy = exercise_energy::of_entry(entry);
    let seconds = entry.duration_minutes.map_or(0, |minutes| i64::try_from(round(minutes * Decimal::from(60), 0)).unwrap_or_default());
    let note = match (energy.gross, energy.net) {
        (None, _) => Some(energy.notes.first().cloned().unwrap_or_else(|| "its energy is not known".to_owned())),
        (Some(_), None) => Some("resting energy of this time is not taken off, for weight or duration is not known".to_owned()),
        (Some(gross), Some(net)) => Some(format!("{} kcal less {} of rest", gross.normalize(), (gross - net).normalize())),
    };
    Claim {
        id: Some(entry.id.0),
        kind: Kind::Workout(energy.method.map_or(Trust::Met, Trust::from)),
        source: entry.exercise_name.clone(),
        interval: Interval { from: entry.performed_at, until: entry.performed_at + TimeDelta::seconds(seconds) },
        energy: energy.net.or(energy.gross),
        note,
        counted_on: (entry.performed_on != date).then_some(entry.performed_on),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        "2026-03-10T00:00:00Z".parse::<DateTime<Utc>>().expect("an instant") + TimeDelta::minutes(minute)
    }

    fn between(from: i64, until: i64) -> Interval {
        Interval { from: at(from), until: at(until) }
    }

    fn claim(kind: Kind, source: &str, from: i64, until: i64, energy: i64) -> Claim {
        let energy = Some(energy.into());
        Claim { id: None, kind, source: source.to_owned(), interval: between(from, until), energy, note: None, counted_on: None }
    }

    fn run(from: i64, until: i64, energy: i64) -> Claim {
        claim(Kind::Workout(Trust::Met), "Running", from, until, energy)
    }

    fn sources(claims: Vec<Claim>) -> Sources {
        Sources {
            day: between(0, MINUTES),
            resting: Some(1780.into()),
            resting_is_range: false,
            allowance: Some(720.into()),
            resting_claims: vec![],
            claims,
        }
    }

    fn counted(ledger: &Ledger) -> Vec<(Kind, i64)> {
        ledger.lines.iter().map(|line| (line.kind, i64::try_from(round(line.counted, 0).mantissa()).expect("small"))).collect()
    }

    #[test]
    fn a_day_without_anything_is_rest_and_the_allowance() {
        let ledger = ledger(&sources(vec![]));
        assert_eq!(counted(&ledger), [(Kind::Allowance, 720), (Kind::Resting, 1780)]);
        assert_eq!(ledger.total(), 2500.into());
    }

    #[test]
    fn the_allowance_shrinks_by_the_minutes_of_exercise() {
        // (1440 - 60) / 1440 of it.
        let ledger = ledger(&sources(vec![run(600, 660, 500)]));
        assert_eq!(counted(&ledger), [(Kind::Workout(Trust::Met), 500), (Kind::Allowance, 690), (Kind::Resting, 1780)]);
        assert_eq!(ledger.covered_minutes, 60.into());
    }

    #[test]
    fn a_watch_that_saw_the_workout_adds_only_what_it_does_not_account_for() {
        let ledger = ledger(&sources(vec![claim(Kind::Device, "Watch", 0, MINUTES, 900), run(600, 660, 500)]));
        assert_eq!(counted(&ledger), [(Kind::Workout(Trust::Met), 500), (Kind::Device, 400), (Kind::Allowance, 0), (Kind::Resting, 1780)]);
        assert_eq!(ledger.lines[1].reason, "500 kcal are workouts' of this time");
        assert_eq!(ledger.lines[1].left_out(), 500.into());
    }

    #[test]
    fn a_watch_that_tells_less_than_the_workout_adds_nothing() {
        let ledger = ledger(&sources(vec![claim(Kind::Device, "Watch", 0, MINUTES, 300), run(600, 660, 500)]));
        assert_eq!(ledger.sum(|kind| kind == Kind::Device), Decimal::ZERO);
    }

    #[test]
    fn the_same_run_by_watch_and_by_hand_counts_once_and_the_rest_of_the_longer_one_too() {
        let measured = claim(Kind::Workout(Trust::Measured), "Running", 600, 630, 300);
        let by_hand = run(600, 660, 500);
        let ledger = ledger(&sources(vec![by_hand, measured]));
        // Half of the hour by hand is left.
        assert_eq!(counted(&ledger)[..2], [(Kind::Workout(Trust::Measured), 300), (Kind::Workout(Trust::Met), 250)]);
        assert_eq!((ledger.lines[0].minutes, ledger.lines[1].minutes), (30.into(), 30.into()));
        assert_eq!(ledger.covered_minutes, 60.into());
    }

    #[test]
    fn steps_count_outside_of_workouts_and_where_no_device_tells_and_are_part_of_general_activity() {
        let steps = claim(Kind::Steps, "Phone", 0, MINUTES, 400);
        let alone = ledger(&sources(vec![steps.clone()]));
        assert_eq!(counted(&alone), [(Kind::Steps, 400), (Kind::Allowance, 320), (Kind::Resting, 1780)]);
        let with_run = ledger(&sources(vec![steps.clone(), run(600, 660, 300)]));
        assert_eq!(with_run.sum(|kind| kind == Kind::Steps), 100.into());
        let with_watch = ledger(&sources(vec![steps, claim(Kind::Device, "Watch", 0, MINUTES, 600)]));
        assert_eq!(with_watch.sum(|kind| kind == Kind::Steps), Decimal::ZERO);
    }

    #[test]
    fn of_two_watches_of_the_same_day_one_counts() {
        let ledger = ledger(&sources(vec![claim(Kind::Device, "B", 0, MINUTES, 900), claim(Kind::Device, "A", 0, MINUTES, 700)]));
        assert_eq!(ledger.sum(|kind| kind == Kind::Device), 700.into());
    }

    #[test]
    fn what_another_day_counts_only_has_its_minutes_here() {
        let late = Claim { counted_on: NaiveDate::from_ymd_opt(2026, 3, 9), ..run(-30, 30, 500) };
        let ledger = ledger(&sources(vec![late, claim(Kind::Device, "Watch", 0, MINUTES, 900)]));
        assert_eq!(ledger.sum(|kind| matches!(kind, Kind::Workout(_))), Decimal::ZERO);
        assert_eq!(ledger.sum(|kind| kind == Kind::Device), 650.into());
    }

    #[test]
    fn unknown_energy_takes_no_minutes_from_anybody() {
        let unknown = Claim { energy: None, ..run(600, 660, 0) };
        let ledger = ledger(&sources(vec![unknown, claim(Kind::Device, "Watch", 0, MINUTES, 900)]));
        assert_eq!(ledger.lines[0].claimed, None);
        assert_eq!(ledger.sum(|kind| kind == Kind::Device), 900.into());
    }

    #[test]
    fn days_of_23_and_25_hours_have_their_minutes() {
        for (hours, resting, allowance) in [(23, 1150, 460), (25, 1250, 500)] {
            let day = Sources {
                day: between(0, hours * 60),
                resting: Some(1200.into()),
                resting_is_range: false,
                allowance: Some(480.into()),
                resting_claims: vec![],
                claims: vec![],
            };
            assert_eq!(counted(&ledger(&day)), [(Kind::Allowance, allowance), (Kind::Resting, resting)], "{hours}");
        }
    }

    #[test]
    fn without_a_formula_devices_tell_the_resting_energy_once() {
        let resting = vec![claim(Kind::Resting, "A", 0, 720, 800), claim(Kind::Resting, "B", 0, MINUTES, 1600)];
        let ledger = ledger(&Sources { resting: None, allowance: None, resting_claims: resting, ..sources(vec![]) });
        assert_eq!(counted(&ledger), [(Kind::Resting, 800), (Kind::Resting, 800)]);
    }

    fn any_claim() -> impl Strategy<Value = Claim> {
        let kind = prop_oneof![
            Just(Kind::Workout(Trust::Measured)),
            Just(Kind::Workout(Trust::HeartRate)),
            Just(Kind::Workout(Trust::Met)),
            Just(Kind::Device),
            Just(Kind::Steps)
        ];
        (kind, 0..1500i64, 0..400i64, 0..2000i64, 0..4u8)
            .prop_map(|(kind, from, length, energy, source)| claim(kind, &format!("source {source}"), from, from + length, energy))
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(claims in prop::collection::vec(any_claim(), 0..12), seed in 0usize..1000) {
            let mut shuffled = claims.clone();
            let length = shuffled.len().max(1);
            shuffled.rotate_left(seed % length);
            shuffled.reverse();
            let (one, other) = (ledger(&sources(claims)), ledger(&sources(shuffled)));
            prop_assert_eq!(one.total(), other.total());
            prop_assert_eq!(one, other);
        }

        #[test]
        fn lines_add_up_and_none_counts_more_than_it_says(claims in prop::collection::vec(any_claim(), 0..12)) {
            let ledger = ledger(&sources(claims));
            let sum: Decimal = ledger.lines.iter().map(|line| line.counted).sum();
            prop_assert_eq!(ledger.total(), sum);
            for line in &ledger.lines {
                prop_assert!(line.counted >= Decimal::ZERO);
                prop_assert!(line.claimed.is_some_and(|claimed| line.counted <= claimed), "{:?}", line);
            }
            prop_assert!(ledger.covered_minutes <= MINUTES.into());
            let free = ledger.lines.iter().find(|line| line.kind == Kind::Allowance).expect("an allowance").minutes;
            prop_assert_eq!(free + ledger.covered_minutes, MINUTES.into());
        }

        #[test]
        fn what_overlaps_better_sources_never_adds_their_minutes_again(claims in prop::collection::vec(any_claim(), 1..10), which in 0usize..10, energy in 0..2000i64) {
            let before = ledger(&sources(claims.clone()));
            let again = claims[which % claims.len()].clone();
            // The same time by the worst source of its kind: after all others in the order, so nothing is left for it.
            let kind = match again.kind { Kind::Workout(_) => Kind::Workout(Trust::Met), kind => kind };
            prop_assume!(again.interval.from < again.interval.until);
            let later = Interval { from: again.interval.from, until: again.interval.until };
            let mut repeated = Claim { kind, interval: later, energy: Some(energy.into()), ..again };
            repeated.source = "zzz".to_owned();
            repeated.id = Some(Uuid::max());
            let after = ledger(&sources([claims, vec![repeated]].concat()));
            prop_assert_eq!(before.covered_minutes, after.covered_minutes);
            let minutes = |ledger: &Ledger| -> Decimal {
                ledger.lines.iter().filter(|line| matches!(line.kind, Kind::Workout(_))).map(|line| line.minutes).sum()
            };
            prop_assert_eq!(minutes(&before), minutes(&after));
            prop_assert!(minutes(&after) <= 2000.into());
        }
    }
}
