//! How much was trained, muscle by muscle.

use chrono::NaiveDate;
use entity::id::UserId;
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{access::Tx, day, error::Result, exercise_diary::LOAD_KG};

/// How much of a set counts for a muscle that only helps.
pub const OF_A_HELPING_MUSCLE: Decimal = Decimal::from_parts(5, 0, 0, false, 1);

/// The working sets of some days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingVolume {
    /// All of them, each once.
    pub total: Volume,
    /// How many of them load what is not known: their volume is missing.
    pub sets_of_unknown_load: i64,
    /// Muscle by muscle, that with most sets first. A set counts for each muscle of its exercise, for a helping one in part.
    pub muscles: Vec<MuscleVolume>,
}

/// How much was trained.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    /// Sets, warm-ups apart.
    pub sets: Decimal,
    /// Repetitions times load, summed, in kg.
    pub kilograms: Decimal,
}

/// How much a muscle was trained.
#[derive(Clone, Debug, PartialEq)]
pub struct MuscleVolume {
    /// Which; `None` for sets of exercises that say no muscle or are not to be seen.
    pub muscle: Option<String>,
    /// How much.
    pub volume: Volume,
}

#[derive(FromQueryResult)]
struct Summed {
    is_total: bool,
    muscle: Option<String>,
    sets: Decimal,
    kilograms: Decimal,
    unknown: i64,
}

/// The working sets of the days from `from` to `to`, by one statement.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<TrainingVolume> {
    let (from, to) = day::range(from, to, 366)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "WITH sets AS (
               SELECT e.exercise_id, s.reps, {LOAD_KG} AS load
               FROM exercise_diary e JOIN exercise_sets s ON s.user_id = e.user_id AND s.exercise_entry_id = e.id
               WHERE e.user_id = $1 AND e.performed_on BETWEEN $2 AND $3 AND e.deleted_at IS NULL AND s.kind <> 'warmup'
             ), by_exercise AS (
               SELECT exercise_id, count(*)::numeric AS sets, coalesce(sum(reps * load), 0) AS kilograms, count(*) FILTER (WHERE reps >= 1 AND load IS NULL) AS unknown
               FROM sets GROUP BY exercise_id)
             SELECT true AS is_total, NULL AS muscle, coalesce(sum(sets), 0) AS sets, coalesce(sum(kilograms), 0) AS kilograms,
               coalesce(sum(unknown), 0)::bigint AS unknown
             FROM by_exercise
             UNION ALL
             SELECT false, m.muscle, sum(b.sets * m.share), sum(b.kilograms * m.share), 0
             FROM by_exercise b LEFT JOIN exercises x ON x.id = b.exercise_id
             CROSS JOIN LATERAL (
               SELECT muscle, CASE WHEN muscle = ANY (x.secondary_muscles) THEN $4 ELSE 1 END AS share FROM unnest(x.muscle_groups) muscle
               UNION ALL SELECT NULL, 1 WHERE coalesce(cardinality(x.muscle_groups), 0) = 0) m
             GROUP BY m.muscle
             ORDER BY 1 DESC, 3 DESC, 2"
        ),
        [person.0.into(), from.into(), to.into(), OF_A_HELPING_MUSCLE.into()],
    );
    let mut found = TrainingVolume::default();
    for summed in Summed::find_by_statement(statement).all(tx).await? {
        let volume = Volume { sets: summed.sets.normalize(), kilograms: summed.kilograms.normalize() };
        if summed.is_total {
            (found.total, found.sets_of_unknown_load) = (volume, summed.unknown);
        } else {
            found.muscles.push(MuscleVolume { muscle: summed.muscle, volume });
        }
    }
    Ok(found)
}
