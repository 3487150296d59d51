//! Personal records, what one repetition is estimated to be, and how much was trained.

use std::collections::HashMap;

use async_graphql::{Context, Enum, Object, SimpleObject, dataloader::Loader};
use entity::id::{ExerciseEntryId, ExerciseId, UserId};
use service::{
    exercise_diary::ExerciseEntry as Entry,
    one_rep_max,
    personal_records::{self, Asked, EstimatedMax, PersonalRecord as Record, RepRecord},
    training_volume,
};

use super::{
    error::{Error, Result},
    exercise_diary::ExerciseEntry,
    exercises::Exercise,
    scalars::{Date, DateTime, Decimal, Uuid},
    scope::{Rows, loaders, scope},
    workouts::by_person,
};

/// How the weight that could be lifted once is estimated from a set of several repetitions.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Enum)]
#[graphql(remote = "one_rep_max::Formula")]
pub enum OneRepMaxFormula {
    /// w (1 + r/30).
    #[default]
    Epley,
    /// 36 w / (37 − r).
    Brzycki,
    /// w r^0.10.
    Lombardi,
    /// w (1 + 0.025 r).
    OConner,
    /// 100 w / (101.3 − 2.67123 r).
    Lander,
    /// 100 w / (52.2 + 41.9 e^(−0.055 r)).
    Mayhew,
    /// 100 w / (48.8 + 53.8 e^(−0.075 r)).
    Wathan,
}

/// What a record is of.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum PersonalRecordKind {
    /// The best estimate of what could be lifted once, in kg, by a set of at most 12 repetitions.
    OneRepMax,
    /// The heaviest load of a set, in kg.
    HeaviestSet,
    /// The most repetitions times load of a workout, or of a day's entries in none, in kg.
    SessionVolume,
    /// The most repetitions of a set.
    MostReps,
    /// The longest distance, in m.
    LongestDistance,
    /// The longest duration, in s.
    LongestDuration,
    /// The best pace over at least `overMetres`, in s for a kilometre.
    BestPace,
}

/// A record of one exercise, computed from what is in the diary now. Warm-ups make none.
#[derive(Clone)]
pub struct PersonalRecord {
    person: UserId,
    record: Record,
}

impl PersonalRecord {
    /// A record of this person.
    pub fn of(person: UserId) -> impl Fn(Record) -> Self {
        move |record| Self { person, record }
    }

    async fn entry_of(&self, ctx: &Context<'_>) -> Result<Option<Entry>> {
        loaders(ctx).load_one(EntryOf(self.person, self.record.entry_id)).await
    }
}

/// A record of one exercise, computed from what is in the diary now. Warm-ups make none.
#[Object]
impl PersonalRecord {
    /// What it is of.
    async fn kind(&self) -> Result<PersonalRecordKind> {
        Ok(match self.record.kind.as_str() {
            "one_rep_max" => PersonalRecordKind::OneRepMax,
            "heaviest_set" => PersonalRecordKind::HeaviestSet,
            "session_volume" => PersonalRecordKind::SessionVolume,
            "most_reps" => PersonalRecordKind::MostReps,
            "longest_distance" => PersonalRecordKind::LongestDistance,
            "longest_duration" => PersonalRecordKind::LongestDuration,
            _ => PersonalRecordKind::BestPace,
        })
    }

    /// The exercise; null when it was deleted or is not visible.
    async fn exercise(&self, ctx: &Context<'_>) -> Option<Result<Exercise>> {
        loaders(ctx).load_one(self.record.exercise_id).await.map(|exercise| exercise.map(Exercise)).transpose()
    }

    /// The exercise's name when it was logged.
    async fn exercise_name(&self) -> &str {
        &self.record.exercise_name
    }

    /// How much; `kind` says of what, and in which unit.
    async fn value(&self) -> Decimal {
        Decimal(self.record.value)
    }

    /// The best before it, outside what was just logged; null where that is not asked about.
    async fn previous_value(&self) -> Option<Decimal> {
        self.record.previous.map(Decimal)
    }

    /// Of the best pace: over how many metres at least.
    async fn over_metres(&self) -> Option<Decimal> {
        Some(Decimal(self.record.over_m)).filter(|_| !self.record.over_m.is_zero())
    }

    /// The entry it was made in; of a session's volume the last one.
    async fn entry(&self, ctx: &Context<'_>) -> Option<Result<ExerciseEntry>> {
        self.entry_of(ctx).await.map(|entry| entry.map(ExerciseEntry)).transpose()
    }

    /// The place of the set it was made in among the sets of the entry, from 0; null where the entry or session as a whole made it.
    async fn set_position(&self) -> Option<i32> {
        self.record.set_position
    }

    /// The workout it was made in.
    async fn workout_id(&self) -> Option<Uuid> {
        self.record.workout_id.map(|workout| Uuid(workout.0))
    }

    /// When it was made.
    async fn performed_at(&self) -> DateTime {
        DateTime(self.record.performed_at)
    }

    /// The day it was made on.
    async fn date(&self) -> Date {
        Date(self.record.performed_on)
    }
}

/// What could be lifted once on a day, estimated from its best set.
#[derive(SimpleObject)]
pub struct OneRepMaxEstimate {
    /// The day.
    date: Date,
    /// In kg.
    weight_kg: Decimal,
    /// The repetitions of the set.
    reps: i32,
    /// What the set loaded, in kg.
    load_kg: Decimal,
    /// The entry of the set.
    entry_id: Uuid,
    /// The place of the set in the entry, from 0.
    set_position: i32,
}

impl From<EstimatedMax> for OneRepMaxEstimate {
    fn from(estimate: EstimatedMax) -> Self {
        Self {
            date: Date(estimate.performed_on),
            weight_kg: Decimal(estimate.value),
            reps: estimate.reps,
            load_kg: Decimal(estimate.load),
            entry_id: Uuid(estimate.entry_id.0),
            set_position: estimate.set_position,
        }
    }
}

/// The most repetitions that were made with a load.
#[derive(SimpleObject)]
pub struct RepetitionRecord {
    /// The load in kg.
    load_kg: Decimal,
    /// How many repetitions.
    reps: i32,
    /// The entry of the set.
    entry_id: Uuid,
    /// The place of the set in the entry, from 0.
    set_position: i32,
    /// The day it was made on.
    date: Date,
}

impl From<RepRecord> for RepetitionRecord {
    fn from(record: RepRecord) -> Self {
        Self {
            load_kg: Decimal(record.load),
            reps: record.reps,
            entry_id: Uuid(record.entry_id.0),
            set_position: record.set_position,
            date: Date(record.performed_on),
        }
    }
}

/// How much was trained on some days: working sets, which are all but warm-ups.
#[derive(SimpleObject)]
pub struct TrainingVolume {
    /// How many sets.
    sets: Decimal,
    /// Repetitions times load, summed over the sets, in kg.
    volume_kg: Decimal,
    /// How many of the sets load what is not known, which is missing in the volume.
    sets_of_unknown_load: i32,
    /// Muscle by muscle, that with most sets first. A set counts once for each muscle that its exercise trains most.
    muscles: Vec<MuscleVolume>,
    /// How much of a set counts for a muscle that only helps.
    secondary_share: Decimal,
}

/// How much a muscle was trained.
#[derive(SimpleObject)]
pub struct MuscleVolume {
    /// The muscle; null for sets of exercises whose muscles are not known.
    muscle: Option<String>,
    /// How many sets; those in which it only helped count in part.
    sets: Decimal,
    /// Repetitions times load in kg, likewise.
    volume_kg: Decimal,
}

impl From<training_volume::TrainingVolume> for TrainingVolume {
    fn from(volume: training_volume::TrainingVolume) -> Self {
        let muscle = |muscle: training_volume::MuscleVolume| MuscleVolume {
            muscle: muscle.muscle,
            sets: Decimal(muscle.volume.sets),
            volume_kg: Decimal(muscle.volume.kilograms),
        };
        Self {
            sets: Decimal(volume.total.sets),
            volume_kg: Decimal(volume.total.kilograms),
            sets_of_unknown_load: i32::try_from(volume.sets_of_unknown_load).unwrap_or(i32::MAX),
            muscles: volume.muscles.into_iter().map(muscle).collect(),
            secondary_share: Decimal(training_volume::OF_A_HELPING_MUSCLE),
        }
    }
}

/// The records that these entries of these exercises made, which beat what was there before.
pub async fn made_by(
    ctx: &Context<'_>,
    person: UserId,
    exercises: &[ExerciseId],
    entries: &[ExerciseEntryId],
    formula: OneRepMaxFormula,
) -> Result<Vec<PersonalRecord>> {
    let asked = Asked { exercises: Some(exercises), entries: Some(entries), formula: formula.into() };
    let records = personal_records::of(&*scope(ctx).read().await?, person, asked).await?;
    Ok(records.into_iter().map(PersonalRecord::of(person)).collect())
}

/// An entry of somebody's diary.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntryOf(pub UserId, pub ExerciseEntryId);

impl Loader<EntryOf> for Rows {
    type Value = Entry;
    type Error = Error;

    async fn load(&self, asked: &[EntryOf]) -> Result<HashMap<EntryOf, Entry>> {
        let tx = self.0.read().await?;
        let mut found = HashMap::new();
        for (person, entries) in by_person(asked, |asked| asked.0) {
            let ids: Vec<_> = entries.iter().map(|asked| asked.1).collect();
            let entries = service::exercise_diary::by_ids(&tx, person, &ids).await?;
            found.extend(entries.into_iter().map(|entry| (EntryOf(person, entry.row.id), entry)));
        }
        Ok(found)
    }
}

/// The viewer's records of an exercise.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordsOf(pub UserId, pub ExerciseId, pub OneRepMaxFormula);

impl Loader<RecordsOf> for Rows {
    type Value = Vec<Record>;
    type Error = Error;

    async fn load(&self, asked: &[RecordsOf]) -> Result<HashMap<RecordsOf, Vec<Record>>> {
        let tx = self.0.read().await?;
        let mut by_formula: HashMap<(UserId, OneRepMaxFormula), Vec<ExerciseId>> = HashMap::new();
        for RecordsOf(person, exercise, formula) in asked {
            by_formula.entry((*person, *formula)).or_default().push(*exercise);
        }
        let mut found: HashMap<RecordsOf, Vec<Record>> = HashMap::new();
        for ((person, formula), exercises) in by_formula {
            let asked = Asked { exercises: Some(&exercises), formula: formula.into(), ..Asked::default() };
            for record in personal_records::of(&tx, person, asked).await? {
                found.entry(RecordsOf(person, record.exercise_id, formula)).or_default().push(record);
            }
        }
        Ok(found)
    }
}
