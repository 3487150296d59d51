//! The ledger of a day's energy.

use async_graphql::{Enum, Object, SimpleObject};
use chrono::NaiveDate;
use entity::id::UserId;
use service::{
    access::Tx,
    energy_ledger::{self as ledger, Kind, Ledger},
};

use super::{
    error::Result,
    scalars::{Date, DateTime, Decimal, Uuid},
};

/// What a person burned on a day, from all that says something about it. No minute is counted twice.
pub struct EnergyDay {
    date: NaiveDate,
    ledger: Ledger,
}

impl EnergyDay {
    /// The day `date`.
    pub async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        Ok(Self { date, ledger: ledger::of_day(tx, person, date).await? })
    }
}

/// What a person burned on a day, from all that says something about it. No minute is counted twice: workouts have their minutes, the better
/// measured first; a device's total counts as far as the workouts in it do not account for it; steps count where no device's total does; the
/// allowance for general activity shrinks by the minutes that workouts and devices cover and contains the steps; resting energy counts once
/// for each minute, so that everything else is beyond it. `lines` shows all of it.
#[Object]
impl EnergyDay {
    /// The day, as the person's zone and start of day cut it.
    async fn date(&self) -> Date {
        Date(self.date)
    }

    /// When the day begins.
    async fn starts_at(&self) -> DateTime {
        DateTime(self.ledger.day.from)
    }

    /// Until when this is: the end of the day, or now when that is earlier.
    async fn until(&self) -> DateTime {
        DateTime(self.ledger.day.until)
    }

    /// All energy in kcal: the sum of the lines.
    async fn total(&self) -> Decimal {
        Decimal(self.ledger.total())
    }

    /// Of that, at rest.
    async fn resting(&self) -> Decimal {
        Decimal(self.ledger.sum(|kind| kind == Kind::Resting))
    }

    /// Of that, beyond rest.
    async fn active(&self) -> Decimal {
        Decimal(self.ledger.sum(|kind| kind != Kind::Resting))
    }

    /// The minutes of the day that workouts and devices cover.
    async fn covered_minutes(&self) -> Decimal {
        Decimal(self.ledger.covered_minutes)
    }

    /// Whether resting energy is known; where it is not, `total` lacks it.
    async fn resting_known(&self) -> bool {
        self.ledger.lines.iter().any(|line| line.kind == Kind::Resting)
    }

    /// Everything that says something about the day, counted or not, with why.
    async fn lines(&self) -> Vec<EnergyLine> {
        self.ledger.lines.iter().cloned().map(EnergyLine::from).collect()
    }
}

/// What says that energy was burned.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum EnergySource {
    /// Something trained.
    Workout,
    /// What a device tells of an interval, whatever was done then.
    Device,
    /// Steps.
    Steps,
    /// The allowance for what is neither exercise nor rest.
    Allowance,
    /// Resting energy.
    Resting,
}

/// A line of a day's ledger.
#[derive(SimpleObject)]
pub struct EnergyLine {
    /// What it is.
    kind: EnergySource,
    /// The exercise entry or the energy record that it is of, if it is of one.
    id: Option<Uuid>,
    /// Who says so: the name of the exercise, or of the device.
    source: String,
    /// Since when.
    starts_at: DateTime,
    /// Until when.
    ends_at: DateTime,
    /// What it says in kcal, beyond rest but for RESTING; null where that is unknown.
    claimed: Option<Decimal>,
    /// What of it counts.
    counted: Decimal,
    /// What of it does not.
    left_out: Decimal,
    /// How many minutes are its own.
    minutes: Decimal,
    /// Why so much.
    reason: String,
}

impl From<ledger::Line> for EnergyLine {
    fn from(line: ledger::Line) -> Self {
        Self {
            kind: match line.kind {
                Kind::Workout(_) => EnergySource::Workout,
                Kind::Device => EnergySource::Device,
                Kind::Steps => EnergySource::Steps,
                Kind::Allowance => EnergySource::Allowance,
                Kind::Resting => EnergySource::Resting,
            },
            id: line.id.map(Uuid),
            starts_at: DateTime(line.interval.from),
            ends_at: DateTime(line.interval.until),
            claimed: line.claimed.map(Decimal),
            counted: Decimal(line.counted),
            left_out: Decimal(line.left_out()),
            minutes: Decimal(line.minutes),
            source: line.source,
            reason: line.reason,
        }
    }
}
