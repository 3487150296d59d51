//! Exercises: finding them, and one's own.

use chrono::{DateTime, Utc};
use entity::{
    exercises::{ActiveModel, Column, Entity, Model},
    id::{ExerciseId, UserId},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QuerySelect, Statement,
};
use serde::Serialize;

use crate::{
    access::Tx,
    error::{Error, Result},
    exercise_diary::one_of,
    input,
    page::{Page, PageRequest},
};

/// What is recorded of a set: weight and repetitions, repetitions alone, how long, or how long and how far.
pub const MODALITIES: [&str; 4] = ["weight_reps", "reps_only", "duration", "duration_distance"];
/// Which way the weight goes.
pub const FORCES: [&str; 3] = ["push", "pull", "static"];
/// Whether several joints move or one.
pub const MECHANICS: [&str; 2] = ["compound", "isolation"];
/// How much practice it takes.
pub const LEVELS: [&str; 3] = ["beginner", "intermediate", "expert"];

/// The most muscles of an exercise.
const MOST_MUSCLES: usize = 30;

/// An exercise as its owner describes it.
#[derive(Clone, Debug, Serialize)]
pub struct NewExercise {
    /// Made by the client, or by the server.
    pub id: Option<ExerciseId>,
    /// Name.
    pub name: String,
    /// strength, cardio, …
    pub category: Option<String>,
    /// Muscles, the main ones first.
    pub muscle_groups: Vec<String>,
    /// Muscles that only help.
    pub secondary_muscles: Vec<String>,
    /// What is needed.
    pub equipment: Option<String>,
    /// How to do it, a step per line.
    pub instructions: Option<String>,
    /// Metabolic equivalent.
    pub met: Option<Decimal>,
    /// The part of the body weight that it moves.
    pub body_weight_fraction: Option<Decimal>,
    /// One of [`MODALITIES`]; by category and equipment when absent.
    pub modality: Option<String>,
    /// One of [`FORCES`].
    pub force: Option<String>,
    /// One of [`MECHANICS`].
    pub mechanic: Option<String>,
    /// One of [`LEVELS`].
    pub level: Option<String>,
}

/// What is to change of an exercise: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct ExerciseChange {
    /// Name.
    pub name: Option<String>,
    /// strength, cardio, …
    pub category: Option<Option<String>>,
    /// Muscles, the main ones first.
    pub muscle_groups: Option<Vec<String>>,
    /// Muscles that only help.
    pub secondary_muscles: Option<Vec<String>>,
    /// What is needed.
    pub equipment: Option<Option<String>>,
    /// How to do it, a step per line.
    pub instructions: Option<Option<String>>,
    /// Metabolic equivalent.
    pub met: Option<Option<Decimal>>,
    /// The part of the body weight that it moves.
    pub body_weight_fraction: Option<Option<Decimal>>,
    /// One of [`MODALITIES`].
    pub modality: Option<String>,
    /// One of [`FORCES`].
    pub force: Option<Option<String>>,
    /// One of [`MECHANICS`].
    pub mechanic: Option<Option<String>>,
    /// One of [`LEVELS`].
    pub level: Option<Option<String>>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// What exercises are looked for by; each may be missing.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Search {
    /// Words of the name, spelling mistakes forgiven.
    pub words: Option<String>,
    /// A muscle it trains.
    pub muscle: Option<String>,
    /// What it needs.
    pub equipment: Option<String>,
    /// strength, cardio, …
    pub category: Option<String>,
    /// One of [`MODALITIES`].
    pub modality: Option<String>,
    /// The viewer's own alone, or the catalogue's alone.
    pub own: Option<bool>,
}

/// The exercises that the viewer did most in 90 days, which rank higher for it.
const FAMILIAR: &str = "
    SELECT d.exercise_id AS id, count(*)::int AS uses FROM exercise_diary d
    WHERE d.user_id = $7 AND d.deleted_at IS NULL AND d.exercise_id IS NOT NULL AND d.performed_on > $8::timestamptz::date - 92
    GROUP BY d.exercise_id ORDER BY count(*) DESC, d.exercise_id LIMIT 200";

/// What is recorded of a set where nobody says: by its category, whether it is held still, and what it needs.
pub(crate) fn modality(category: Option<&str>, equipment: Option<&str>, force: Option<&str>) -> &'static str {
    match (category, force, equipment) {
        (Some("cardio"), ..) => "duration_distance",
        (Some("stretching"), ..) | (_, Some("static"), Some("body only")) => "duration",
        (_, _, Some("body only")) => "reps_only",
        _ => "weight_reps",
    }
}

/// The part of the body weight that exercises of the catalogue move whose name tells: all of it hangs from a bar or rests on two, and
/// hands carry 64 % of it in a push-up (Ebben et al., J Strength Cond Res 2011;25:2891).
pub(crate) fn moved_of_the_body(name: &str, equipment: Option<&str>) -> Option<Decimal> {
    let letters: String = name.to_lowercase().chars().filter(|character| character.is_ascii_alphabetic()).collect();
    let named = |words: &[&str]| words.iter().any(|word| letters.contains(word));
    if !matches!(equipment, None | Some("body only" | "other")) || named(&["bench", "machine", "handstand", "band"]) {
        None
    } else if named(&["pullup", "chinup", "muscleup"])
        || name.to_lowercase().split(|letter: char| !letter.is_alphabetic()).any(|word| matches!(word, "dip" | "dips"))
    {
        Some(Decimal::ONE)
    } else if named(&["pushup"]) {
        Some(Decimal::new(64, 2))
    } else {
        None
    }
}

/// The exercises of these ids that the viewer may see, in any order.
pub async fn by_ids(tx: &Tx, ids: &[ExerciseId]) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).filter(Column::DeletedAt.is_null()).all(tx).await?)
}

/// The exercise of this id, if the viewer may see it.
pub async fn find(tx: &Tx, id: ExerciseId) -> Result<Option<Model>> {
    Ok(by_ids(tx, &[id]).await?.pop())
}

#[derive(FromQueryResult)]
struct Found {
    id: ExerciseId,
    rank: Decimal,
}

/// Exercises, best match first: what the viewer owns and does often ranks higher.
pub async fn search(tx: &Tx, search: &Search, page: &PageRequest) -> Result<Page<Model>> {
    let folded = |field: &str, text: &Option<String>| -> Result<Option<String>> {
        text.as_deref().map(|text| Ok(input::line(field, text, 100)?.to_lowercase())).transpose()
    };
    let search = Search {
        words: search.words.as_deref().map(|words| input::line("search", words, 200)).transpose()?,
        muscle: folded("muscle", &search.muscle)?,
        equipment: folded("equipment", &search.equipment)?,
        category: folded("category", &search.category)?,
        modality: search.modality.as_deref().map(|modality| one_of("modality", modality, &MODALITIES)).transpose()?,
        own: search.own,
    };
    let after: Option<(Decimal, ExerciseId)> = page.key(&("exercises", &search))?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "WITH familiar AS ({FAMILIAR})
             SELECT id, rank FROM search.exercises($1, $2, $3, $4, $5, $6, ARRAY(SELECT id FROM familiar), ARRAY(SELECT uses FROM familiar), $9, $10, $11)"
        ),
        [
            search.words.clone().into(),
            search.muscle.clone().into(),
            search.equipment.clone().into(),
            search.category.clone().into(),
            search.modality.clone().into(),
            search.own.into(),
            tx.viewer()?.0.into(),
            tx.now().into(),
            i32::try_from(page.limit()?).unwrap_or(i32::MAX).into(),
            after.map(|(rank, _)| rank).into(),
            after.map(|(_, id)| id.0).into(),
        ],
    );
    let found = Found::find_by_statement(statement).all(tx).await?;
    with_exercises(tx, page.page(&("exercises", &search), found, |found| (found.rank, found.id))?, |found| found.id).await
}

#[derive(FromQueryResult)]
struct Done {
    id: ExerciseId,
    last: DateTime<Utc>,
}

/// What `person` did, what was done last first: the exercises that the viewer sees, whatever the diary shows.
pub async fn recent(tx: &Tx, person: UserId, page: &PageRequest) -> Result<Page<Model>> {
    let listed = ("recent exercises", person);
    let after: Option<(DateTime<Utc>, ExerciseId)> = page.key(&listed)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, last FROM (
           SELECT d.exercise_id AS id, max(d.performed_at) AS last FROM exercise_diary d
           WHERE d.user_id = $1 AND d.deleted_at IS NULL AND d.exercise_id IS NOT NULL GROUP BY d.exercise_id) done
         WHERE ($2::timestamptz IS NULL OR (last, id) < ($2, $3::uuid)) AND EXISTS (SELECT FROM exercises e WHERE e.id = done.id AND e.deleted_at IS NULL)
         ORDER BY last DESC, id DESC LIMIT $4",
        [
            person.0.into(),
            after.map(|(last, _)| last).into(),
            after.map(|(_, id)| id.0).into(),
            i64::try_from(page.limit()?).unwrap_or(i64::MAX).into(),
        ],
    );
    let done = Done::find_by_statement(statement).all(tx).await?;
    with_exercises(tx, page.page(&listed, done, |done| (done.last, done.id))?, |done| done.id).await
}

async fn with_exercises<Row>(tx: &Tx, rows: Page<Row>, id: impl Fn(&Row) -> ExerciseId) -> Result<Page<Model>> {
    let exercises = by_ids(tx, &rows.items.iter().map(|(_, row)| id(row)).collect::<Vec<_>>()).await?;
    let items = rows
        .items
        .into_iter()
        .filter_map(|(cursor, row)| Some((cursor, exercises.iter().find(|exercise| exercise.id == id(&row))?.clone())));
    Ok(Page { items: items.collect(), has_next: rows.has_next })
}

/// Adds an exercise of the viewer's own.
pub async fn create(tx: &Tx, new: NewExercise) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let owner = tx.viewer()?;
    let id = new.id.unwrap_or_else(|| ExerciseId(tx.new_id()));
    let (muscle_groups, secondary_muscles) = muscles(new.muscle_groups, new.secondary_muscles)?;
    let category = new.category.map(category).transpose()?;
    let equipment = new.equipment.map(equipment).transpose()?;
    let force = new.force.map(force).transpose()?;
    let modality = match new.modality {
        Some(modality) => one_of("modality", &modality, &MODALITIES)?,
        None => modality(category.as_deref(), equipment.as_deref(), force.as_deref()).to_owned(),
    };
    let row = ActiveModel {
        id: Set(id),
        owner_id: Set(Some(owner)),
        name: Set(input::line("name", &new.name, 255)?),
        category: Set(category),
        muscle_groups: Set(muscle_groups),
        secondary_muscles: Set(secondary_muscles),
        equipment: Set(equipment),
        instructions: Set(new.instructions.map(instructions).transpose()?),
        met: Set(new.met.map(met).transpose()?),
        body_weight_fraction: Set(new.body_weight_fraction.map(body_weight_fraction).transpose()?),
        modality: Set(modality),
        force: Set(force),
        mechanic: Set(new.mechanic.map(mechanic).transpose()?),
        level: Set(new.level.map(level).transpose()?),
        source: Set("user".to_owned()),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::Id])).await? {
        Some(row) => Ok(row),
        None => input::repeated(find(tx, id).await?, |row| row.created_from.as_ref() == Some(&created_from) && row.owner_id == Some(owner)),
    }
}

/// Changes an exercise of the viewer's own. What was logged of it stays as it was.
pub async fn update(tx: &Tx, id: ExerciseId, change: ExerciseChange) -> Result<Model> {
    let exercise = editable(tx, id, change.expected_version).await?;
    let mut row = ActiveModel { id: Unchanged(id), ..Default::default() };
    if let Some(name) = change.name {
        row.name = Set(input::line("name", &name, 255)?);
    }
    if change.muscle_groups.is_some() || change.secondary_muscles.is_some() {
        let secondary = change.secondary_muscles.unwrap_or_else(|| exercise.secondary_muscles.clone());
        let main = change.muscle_groups.unwrap_or_else(|| {
            exercise.muscle_groups.iter().filter(|muscle| !exercise.secondary_muscles.contains(muscle)).cloned().collect()
        });
        let (all, secondary) = muscles(main, secondary)?;
        (row.muscle_groups, row.secondary_muscles) = (Set(all), Set(secondary));
    }
    if let Some(value) = change.category {
        row.category = Set(value.map(category).transpose()?);
    }
    if let Some(value) = change.equipment {
        row.equipment = Set(value.map(equipment).transpose()?);
    }
    if let Some(value) = change.instructions {
        row.instructions = Set(value.map(instructions).transpose()?);
    }
    if let Some(value) = change.met {
        row.met = Set(value.map(met).transpose()?);
    }
    if let Some(value) = change.body_weight_fraction {
        row.body_weight_fraction = Set(value.map(body_weight_fraction).transpose()?);
    }
    if let Some(modality) = change.modality {
        row.modality = Set(one_of("modality", &modality, &MODALITIES)?);
    }
    if let Some(value) = change.force {
        row.force = Set(value.map(force).transpose()?);
    }
    if let Some(value) = change.mechanic {
        row.mechanic = Set(value.map(mechanic).transpose()?);
    }
    if let Some(value) = change.level {
        row.level = Set(value.map(level).transpose()?);
    }
    if row.is_changed() { Ok(Entity::update(row).exec(tx).await?) } else { Ok(exercise) }
}

/// Deletes an exercise of the viewer's own. What was logged of it stays, under its name.
pub async fn delete(tx: &Tx, id: ExerciseId, expected_version: Option<i32>) -> Result<()> {
    editable(tx, id, expected_version).await?;
    let row = ActiveModel { id: Unchanged(id), deleted_at: Set(Some(tx.now())), ..Default::default() };
    Entity::update(row).exec(tx).await?;
    Ok(())
}

async fn editable(tx: &Tx, id: ExerciseId, expected_version: Option<i32>) -> Result<Model> {
    let exercise = Entity::find_by_id(id).filter(Column::DeletedAt.is_null()).lock_exclusive().one(tx).await?;
    let exercise = exercise.ok_or(Error::NotFound("exercise"))?;
    input::expect_version(expected_version, exercise.version, || scalars(&exercise))?;
    Ok(exercise)
}

/// All muscles, the main ones first, and those of them that only help: each once.
fn muscles(main: Vec<String>, secondary: Vec<String>) -> Result<(Vec<String>, Vec<String>)> {
    if main.len() + secondary.len() > MOST_MUSCLES {
        return Err(Error::invalid("muscleGroups", format!("an exercise has at most {MOST_MUSCLES} muscle groups")));
    }
    let mut all: Vec<String> = Vec::new();
    let mut helping = Vec::new();
    for (field, muscles) in [("muscleGroups", main), ("secondaryMuscles", secondary)] {
        for (position, muscle) in muscles.iter().enumerate() {
            let muscle = input::line(&format!("{field}[{position}]"), muscle, 100)?.to_lowercase();
            if all.contains(&muscle) {
                continue;
            }
            if field == "secondaryMuscles" {
                helping.push(muscle.clone());
            }
            all.push(muscle);
        }
    }
    Ok((all, helping))
}

fn category(category: String) -> Result<String> {
    input::line("category", &category, 100)
}

fn equipment(equipment: String) -> Result<String> {
    Ok(input::line("equipment", &equipment, 100)?.to_lowercase())
}

fn instructions(text: String) -> Result<String> {
    input::paragraph("instructions", &text, 20_000)
}

fn met(met: Decimal) -> Result<Decimal> {
    input::number("met", met, 1, Decimal::new(9, 1)..=Decimal::from(30))
}

fn force(force: String) -> Result<String> {
    one_of("force", &force, &FORCES)
}

fn mechanic(mechanic: String) -> Result<String> {
    one_of("mechanic", &mechanic, &MECHANICS)
}

fn level(level: String) -> Result<String> {
    one_of("level", &level, &LEVELS)
}

fn body_weight_fraction(fraction: Decimal) -> Result<Decimal> {
    input::number("bodyWeightFraction", fraction, 3, Decimal::new(1, 2)..=Decimal::ONE)
}

fn scalars(exercise: &Model) -> JsonValue {
    serde_json::json!({
        "id": exercise.id, "name": exercise.name, "category": exercise.category, "equipment": exercise.equipment,
        "instructions": exercise.instructions, "met": exercise.met.map(|met| met.normalize()), "modality": exercise.modality,
        "bodyWeightFraction": exercise.body_weight_fraction.map(|fraction| fraction.normalize()), "force": exercise.force,
        "mechanic": exercise.mechanic, "level": exercise.level, "version": exercise.version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_how_much_of_the_body_is_moved() {
        for (name, equipment, expected) in [
            ("Pullups", Some("body only"), Some(Decimal::ONE)),
            ("Wide-Grip Rear Pull-Up", Some("body only"), Some(Decimal::ONE)),
            ("Dips - Triceps Version", Some("body only"), Some(Decimal::ONE)),
            ("Dip Machine", Some("machine"), None),
            ("Bench Dips", Some("body only"), None),
            ("Band Assisted Pull-Up", Some("other"), None),
            ("Leg Pull-In", Some("body only"), None),
            ("Incline Push-Up", Some("body only"), Some(Decimal::new(64, 2))),
            ("Handstand Push-Ups", Some("body only"), None),
            ("Diplomat's walk", None, None),
        ] {
            assert_eq!(moved_of_the_body(name, equipment), expected, "{name}");
        }
    }
}
