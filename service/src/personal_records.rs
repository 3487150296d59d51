//! Personal records, computed from the sets that are stored whenever somebody asks: an entry that is edited, or taken out of the diary,
//! leaves no record behind that was never set.

use chrono::{DateTime, NaiveDate, Utc};
use entity::id::{ExerciseEntryId, ExerciseId, UserId, WorkoutId};
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};
use uuid::Uuid;

use crate::{
    access::Tx,
    day,
    error::Result,
    exercise_diary::LOAD_KG,
    one_rep_max::Formula,
    page::{Page, PageRequest},
};

/// A record of one exercise.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct PersonalRecord {
    /// Of which exercise.
    pub exercise_id: ExerciseId,
    /// What the exercise was called when it was set.
    pub exercise_name: String,
    /// `one_rep_max`, `heaviest_set`, `session_volume`, `most_reps`, `longest_distance`, `longest_duration` or `best_pace`.
    pub kind: String,
    /// Of the best pace: over how many metres at least; 0 for others.
    pub over_m: Decimal,
    /// In kg, repetitions, metres or seconds; of a pace, seconds for a kilometre.
    pub value: Decimal,
    /// The best before, outside the entries that were asked about; `None` where there was nothing to beat.
    pub previous: Option<Decimal>,
    /// The entry it was set in, of a session the last one.
    pub entry_id: ExerciseEntryId,
    /// The set of the entry, from 0; `None` where it is the entry as a whole, or a session.
    pub set_position: Option<i32>,
    /// The workout it was set in.
    pub workout_id: Option<WorkoutId>,
    /// When.
    pub performed_at: DateTime<Utc>,
    /// The day that it counts for.
    pub performed_on: NaiveDate,
}

/// Which records are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Of these exercises alone.
    pub exercises: Option<&'a [ExerciseId]>,
    /// Those alone that were set in these entries, and beat what was there before.
    pub entries: Option<&'a [ExerciseEntryId]>,
    /// How one repetition is estimated from several.
    pub formula: Formula,
}

/// The distances over which the best pace is a record, in metres: 1 km, a mile, 5 km, 10 km, half a marathon, a marathon.
pub const DISTANCES: [&str; 6] = ["1000", "1609.344", "5000", "10000", "21097.5", "42195"];

/// What may be a record, the larger `size` the better. Of equal ones the first stands. Warm-ups never count.
///
/// $1 is the person, $2 the exercises or null, $3 the factors of the formula, $4 the entries or null.
fn candidates() -> String {
    format!(
        "done AS (
           SELECT e.* FROM exercise_diary e
           WHERE e.user_id = $1 AND e.deleted_at IS NULL AND e.exercise_id IS NOT NULL AND ($2::uuid[] IS NULL OR e.exercise_id = ANY ($2))
         ), sets AS (
           SELECT e.exercise_id, e.exercise_name, e.id AS entry_id, s.position AS set_position, e.workout_id, e.performed_at, e.performed_on, s.reps,
             {LOAD_KG} AS load, s.distance_m, s.duration_seconds
           FROM done e JOIN exercise_sets s ON s.user_id = $1 AND s.exercise_entry_id = e.id
           WHERE s.kind <> 'warmup'
         ), efforts AS (
           SELECT exercise_id, exercise_name, entry_id, set_position, workout_id, performed_at, performed_on, distance_m, duration_seconds AS seconds FROM sets
           UNION ALL
           SELECT exercise_id, exercise_name, id, NULL, workout_id, performed_at, performed_on, distance_m,
             CASE WHEN distance_m IS NOT NULL OR NOT EXISTS (SELECT FROM exercise_sets s WHERE s.user_id = $1 AND s.exercise_entry_id = e.id)
               THEN duration_minutes * 60 END
           FROM done e
         ), candidates AS (
           SELECT exercise_id, exercise_name, 'one_rep_max' AS kind, 0::numeric AS over_m, round(load * ($3::numeric[])[reps], 3) AS size,
             ARRAY[entry_id] AS entries, entry_id, set_position, workout_id, performed_at, performed_on
           FROM sets WHERE reps BETWEEN 1 AND cardinality($3::numeric[]) AND load > 0
           UNION ALL
           SELECT exercise_id, exercise_name, 'heaviest_set', 0, load, ARRAY[entry_id], entry_id, set_position, workout_id, performed_at, performed_on
           FROM sets WHERE reps >= 1 AND load > 0
           UNION ALL
           SELECT exercise_id, exercise_name, 'most_reps', 0, reps, ARRAY[entry_id], entry_id, set_position, workout_id, performed_at, performed_on
           FROM sets WHERE reps >= 1
           UNION ALL
           SELECT exercise_id, max(exercise_name), 'session_volume', 0, sum(load * reps), array_agg(entry_id),
             (array_agg(entry_id ORDER BY performed_at DESC, entry_id DESC))[1], NULL, workout_id, max(performed_at), max(performed_on)
           FROM sets WHERE reps >= 1 AND load > 0
           GROUP BY exercise_id, workout_id, CASE WHEN workout_id IS NULL THEN performed_on END
           UNION ALL
           SELECT exercise_id, exercise_name, 'longest_distance', 0, distance_m, ARRAY[entry_id], entry_id, set_position, workout_id, performed_at, performed_on
           FROM efforts WHERE distance_m > 0
           UNION ALL
           SELECT exercise_id, exercise_name, 'longest_duration', 0, seconds, ARRAY[entry_id], entry_id, set_position, workout_id, performed_at, performed_on
           FROM efforts WHERE seconds > 0
           UNION ALL
           SELECT exercise_id, exercise_name, 'best_pace', over_m, distance_m / seconds, ARRAY[entry_id], entry_id, set_position, workout_id, performed_at, performed_on
           FROM efforts JOIN unnest('{{{}}}'::numeric[]) over_m ON distance_m >= over_m WHERE seconds > 0
         )",
        DISTANCES.join(",")
    )
}

/// The columns of a record; a pace is told in seconds for a kilometre.
const RECORD: &str = "exercise_id, exercise_name, kind, over_m, entry_id, set_position, workout_id, performed_at, performed_on,
    CASE kind WHEN 'best_pace' THEN round(1000 / size, 3) ELSE size END AS value,
    CASE kind WHEN 'best_pace' THEN round(1000 / nullif(previous, 0), 3) ELSE previous END AS previous";

fn best() -> String {
    format!(
        "WITH {}, ranked AS (
           SELECT *, row_number() OVER best AS place,
             max(size) FILTER (WHERE NOT entries && coalesce($4::uuid[], '{{}}')) OVER (PARTITION BY exercise_id, kind, over_m) AS others
           FROM candidates WINDOW best AS (PARTITION BY exercise_id, kind, over_m ORDER BY size DESC, performed_at, entry_id, set_position)
         ), records AS (
           SELECT *, CASE WHEN $4::uuid[] IS NOT NULL THEN others END AS previous FROM ranked
           WHERE place = 1 AND ($4::uuid[] IS NULL OR entries && $4 AND size > others))",
        candidates()
    )
}

fn values(person: UserId, asked: Asked) -> Vec<sea_orm::Value> {
    vec![
        person.0.into(),
        asked.exercises.map(|exercises| exercises.iter().map(|exercise| exercise.0).collect::<Vec<_>>()).into(),
        asked.formula.factors().into(),
        asked.entries.map(|entries| entries.iter().map(|entry| entry.0).collect::<Vec<_>>()).into(),
    ]
}

/// The records that are asked for, those set last first.
pub async fn of(tx: &Tx, person: UserId, asked: Asked<'_>) -> Result<Vec<PersonalRecord>> {
    let sql = format!("{} SELECT {RECORD} FROM records ORDER BY performed_at DESC, exercise_id, kind, over_m", best());
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values(person, asked));
    Ok(PersonalRecord::find_by_statement(statement).all(tx).await?)
}

/// All records of a person, those set last first.
pub async fn list(tx: &Tx, person: UserId, formula: Formula, page: &PageRequest) -> Result<Page<PersonalRecord>> {
    let listed = ("personal records", person, formula);
    let after: Option<(DateTime<Utc>, ExerciseId, String, Decimal)> = page.key(&listed)?;
    let sql = format!(
        "{} SELECT {RECORD} FROM records
         WHERE $5::timestamptz IS NULL OR performed_at < $5 OR performed_at = $5 AND (exercise_id, kind, over_m) > ($6::uuid, $7::text, $8::numeric)
         ORDER BY performed_at DESC, exercise_id, kind, over_m LIMIT $9",
        best()
    );
    let mut values = values(person, Asked { formula, ..Asked::default() });
    let (at, exercise, kind, over) = match after {
        Some((at, exercise, kind, over)) => (Some(at), Some(exercise.0), Some(kind), Some(over)),
        None => (None, Option::<Uuid>::None, None, None),
    };
    values.extend([at.into(), exercise.into(), kind.into(), over.into(), i64::try_from(page.limit()?).unwrap_or(i64::MAX).into()]);
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let records = PersonalRecord::find_by_statement(statement).all(tx).await?;
    page.page(&listed, records, |record| (record.performed_at, record.exercise_id, record.kind.clone(), record.over_m))
}

/// The best estimate of a day.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct EstimatedMax {
    /// The day.
    pub performed_on: NaiveDate,
    /// In kg.
    pub value: Decimal,
    /// The entry whose set it is estimated from.
    pub entry_id: ExerciseEntryId,
    /// The set of the entry, from 0.
    pub set_position: i32,
    /// Its repetitions.
    pub reps: i32,
    /// What it loaded, in kg.
    pub load: Decimal,
}

/// What one repetition of an exercise is estimated to be, day by day, by the best set of each.
pub async fn estimated_max(
    tx: &Tx,
    person: UserId,
    exercise: ExerciseId,
    (from, to): (NaiveDate, NaiveDate),
    formula: Formula,
) -> Result<Vec<EstimatedMax>> {
    let (from, to) = day::range(from, to, 3660)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "SELECT DISTINCT ON (performed_on) performed_on, round(load * ($3::numeric[])[reps], 3) AS value, entry_id, set_position, reps, load FROM (
               SELECT e.performed_on, e.performed_at, e.id AS entry_id, s.position AS set_position, s.reps, {LOAD_KG} AS load
               FROM exercise_diary e JOIN exercise_sets s ON s.user_id = e.user_id AND s.exercise_entry_id = e.id
               WHERE e.user_id = $1 AND e.exercise_id = $2 AND e.deleted_at IS NULL AND e.performed_on BETWEEN $4 AND $5 AND s.kind <> 'warmup') sets
             WHERE reps BETWEEN 1 AND cardinality($3::numeric[]) AND load > 0
             ORDER BY performed_on, 2 DESC, performed_at, entry_id, set_position"
        ),
        [person.0.into(), exercise.0.into(), formula.factors().into(), from.into(), to.into()],
    );
    Ok(EstimatedMax::find_by_statement(statement).all(tx).await?)
}

/// The most repetitions at a load.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct RepRecord {
    /// In kg.
    pub load: Decimal,
    /// How many.
    pub reps: i32,
    /// The entry it was set in.
    pub entry_id: ExerciseEntryId,
    /// The set of the entry, from 0.
    pub set_position: i32,
    /// The day that it counts for.
    pub performed_on: NaiveDate,
}

/// The heaviest loads of an exercise, and the most repetitions that were made with each.
pub async fn reps_by_load(tx: &Tx, person: UserId, exercise: ExerciseId) -> Result<Vec<RepRecord>> {
    const MOST_LOADS: i32 = 100;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "SELECT DISTINCT ON (load) load, reps, entry_id, set_position, performed_on FROM (
               SELECT e.performed_on, e.performed_at, e.id AS entry_id, s.position AS set_position, s.reps, {LOAD_KG} AS load
               FROM exercise_diary e JOIN exercise_sets s ON s.user_id = e.user_id AND s.exercise_entry_id = e.id
               WHERE e.user_id = $1 AND e.exercise_id = $2 AND e.deleted_at IS NULL AND s.kind <> 'warmup' AND s.reps >= 1) sets
             WHERE load > 0 ORDER BY load DESC, reps DESC, performed_at, entry_id, set_position LIMIT {MOST_LOADS}"
        ),
        [person.0.into(), exercise.0.into()],
    );
    Ok(RepRecord::find_by_statement(statement).all(tx).await?)
}
