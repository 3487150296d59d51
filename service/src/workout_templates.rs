//! Templates of workouts: exercises with planned sets, and what to plan next by what was done so far.

use std::collections::HashMap;

use entity::{
    exercise_sets,
    id::{ExerciseId, UserId, WorkoutId, WorkoutTemplateId},
    unit::{Dimension, Unit, round},
    workout_templates::{ActiveModel, Column, Entity, Model},
    workouts as rows,
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    access::Tx,
    error::{Error, Result},
    exercise_diary::{ExerciseEntry, SET_KINDS, one_of, rest, rpe},
    exercises, input,
    one_rep_max::Formula,
    page::{Page, PageRequest},
    personal_records::{self, Asked},
    progression::{self, Decision, Outcome, Rule, Session},
    workouts,
};

/// An exercise as it is planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedExercise {
    /// Which.
    pub exercise: ExerciseId,
    /// What it was called when it was planned.
    pub name: String,
    /// Exercises with the same number are done in turns.
    pub superset_group: Option<i32>,
    /// Free text.
    pub notes: Option<String>,
    /// Its sets in their order.
    pub sets: Vec<PlannedSet>,
    /// How its weight goes on.
    pub progression: Option<Rule>,
    /// What was decided when it was planned for a workout.
    pub decision: Option<Decision>,
}

/// A set as it is planned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlannedSet {
    /// One of [`SET_KINDS`].
    pub kind: String,
    /// The fewest repetitions.
    pub reps_min: Option<i32>,
    /// The most repetitions.
    pub reps_max: Option<i32>,
    /// Weight.
    pub weight: Option<Decimal>,
    /// Unit of `weight`.
    pub weight_unit: String,
    /// Weight as a percentage of what could be lifted once.
    pub percent_of_max: Option<Decimal>,
    /// How hard it is to be.
    pub rpe: Option<Decimal>,
    /// Rest after it, in seconds.
    pub rest_seconds: Option<i32>,
    /// How long, in seconds.
    pub duration_seconds: Option<Decimal>,
}

/// An exercise as somebody plans it.
#[derive(Clone, Debug, Serialize)]
pub struct NewPlannedExercise {
    /// Which.
    pub exercise: ExerciseId,
    /// Exercises with the same number are done in turns.
    pub superset_group: Option<i32>,
    /// Free text.
    pub notes: Option<String>,
    /// Its sets in their order.
    pub sets: Vec<NewPlannedSet>,
    /// How its weight goes on.
    pub progression: Option<NewRule>,
}

/// A set as somebody plans it.
#[derive(Clone, Debug, Serialize)]
pub struct NewPlannedSet {
    /// One of [`SET_KINDS`]; working when absent.
    pub kind: Option<String>,
    /// The fewest repetitions.
    pub reps_min: Option<i32>,
    /// The most repetitions; the fewest when absent.
    pub reps_max: Option<i32>,
    /// Weight.
    pub weight: Option<Decimal>,
    /// Unit of `weight`; kg when absent.
    pub weight_unit: Option<String>,
    /// Weight as a percentage of what could be lifted once.
    pub percent_of_max: Option<Decimal>,
    /// How hard it is to be.
    pub rpe: Option<Decimal>,
    /// Rest after it, in seconds.
    pub rest_seconds: Option<i32>,
    /// How long, in seconds.
    pub duration_seconds: Option<Decimal>,
}

/// A rule of progression as somebody sets it.
#[derive(Clone, Debug, Serialize)]
pub struct NewRule {
    /// What is added once all planned sets were made, in the unit of the sets.
    pub increment: Decimal,
    /// After how many failures in a row the weight goes down; 3 when absent.
    pub deload_after: Option<i32>,
    /// By how many percent; 10 when absent.
    pub deload_percent: Option<Decimal>,
}

/// A template with its exercises.
#[derive(Clone, Debug)]
pub struct WorkoutTemplate {
    /// The row.
    pub row: Model,
    /// Its exercises, in their order.
    pub exercises: Vec<PlannedExercise>,
}

/// A template as it is made.
#[derive(Clone, Debug, Serialize)]
pub struct NewWorkoutTemplate {
    /// Made by the client, or by the server.
    pub id: Option<WorkoutTemplateId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Its exercises, in their order.
    pub exercises: Vec<NewPlannedExercise>,
}

/// What is to change of a template: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct WorkoutTemplateChange {
    /// What it is called.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<Option<String>>,
    /// Replaces all exercises.
    pub exercises: Option<Vec<NewPlannedExercise>>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

const MOST_EXERCISES: usize = 50;
const MOST_SETS: usize = 50;
/// How many workouts a progression looks back on.
const REMEMBERED: u64 = 30;
/// What a weight by percentage is rounded to: what two of the smallest common plates make.
const PLATES: Decimal = Decimal::from_parts(25, 0, 0, false, 1);

impl WorkoutTemplate {
    fn of(row: Model) -> Result<Self> {
        let exercises = stored(row.exercises.clone())?;
        Ok(Self { row, exercises })
    }
}

/// What a column of JSON holds.
pub(crate) fn stored<T: DeserializeOwned>(json: JsonValue) -> Result<T> {
    serde_json::from_value(json).map_err(Error::stored_json)
}

/// What a column of JSON is to hold.
pub(crate) fn to_store(value: &impl Serialize) -> Result<JsonValue> {
    serde_json::to_value(value).map_err(|error| Error::Internal(error.into()))
}

/// The templates of these ids, in any order.
pub async fn by_ids(tx: &Tx, person: UserId, ids: &[WorkoutTemplateId]) -> Result<Vec<WorkoutTemplate>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::DeletedAt.is_null())
        .all(tx)
        .await?;
    rows.into_iter().map(WorkoutTemplate::of).collect()
}

/// The template of this id.
pub async fn find(tx: &Tx, person: UserId, id: WorkoutTemplateId) -> Result<Option<WorkoutTemplate>> {
    Ok(by_ids(tx, person, &[id]).await?.pop())
}

/// A person's templates, in the order of their ids, which is that in which they were made.
pub async fn list(tx: &Tx, person: UserId, page: &PageRequest) -> Result<Page<WorkoutTemplate>> {
    let listed = ("workout templates", person);
    let mut rows =
        Entity::find().filter(Column::UserId.eq(person)).filter(Column::DeletedAt.is_null()).order_by_asc(Column::Id).limit(page.limit()?);
    if let Some(id) = page.key::<WorkoutTemplateId>(&listed)? {
        rows = rows.filter(Column::Id.gt(id));
    }
    let page = page.page(&listed, rows.all(tx).await?, |row| row.id)?;
    let items = page.items.into_iter().map(|(cursor, row)| Ok((cursor, WorkoutTemplate::of(row)?)));
    Ok(Page { items: items.collect::<Result<_>>()?, has_next: page.has_next })
}

/// Makes a template.
pub async fn create(tx: &Tx, new: NewWorkoutTemplate) -> Result<WorkoutTemplate> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let same = |row: &Model| row.created_from.as_ref() == Some(&created_from);
    if let Some(id) = new.id
        && let Some(template) = find(tx, person, id).await?
    {
        return WorkoutTemplate::of(input::repeated(Some(template.row), same)?);
    }
    let id = new.id.unwrap_or_else(|| WorkoutTemplateId(tx.new_id()));
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        name: Set(input::line("name", &new.name, 255)?),
        description: Set(new.description.map(|text| input::paragraph("description", &text, 10_000)).transpose()?),
        exercises: Set(to_store(&planned(tx, new.exercises).await?)?),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    WorkoutTemplate::of(match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => row,
        None => input::repeated(find(tx, person, id).await?.map(|template| template.row), same)?,
    })
}

/// Changes a template. Workouts that were started from it keep their plan.
pub async fn update(tx: &Tx, person: Option<UserId>, id: WorkoutTemplateId, change: WorkoutTemplateChange) -> Result<WorkoutTemplate> {
    let template = editable(tx, tx.viewer_or(person)?, id, change.expected_version).await?;
    let mut row = ActiveModel { user_id: Unchanged(template.user_id), id: Unchanged(id), ..Default::default() };
    if let Some(name) = change.name {
        row.name = Set(input::line("name", &name, 255)?);
    }
    if let Some(text) = change.description {
        row.description = Set(text.map(|text| input::paragraph("description", &text, 10_000)).transpose()?);
    }
    if let Some(exercises) = change.exercises {
        row.exercises = Set(to_store(&planned(tx, exercises).await?)?);
    }
    WorkoutTemplate::of(if row.is_changed() { Entity::update(row).exec(tx).await? } else { template })
}

/// Deletes a template. Programmes keep the day, without a template; workouts keep their plan.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: WorkoutTemplateId, expected_version: Option<i32>) -> Result<UserId> {
    let template = editable(tx, tx.viewer_or(person)?, id, expected_version).await?;
    let row =
        ActiveModel { user_id: Unchanged(template.user_id), id: Unchanged(id), deleted_at: Set(Some(tx.now())), ..Default::default() };
    Entity::update(row).exec(tx).await?;
    Ok(template.user_id)
}

async fn editable(tx: &Tx, person: UserId, id: WorkoutTemplateId, expected_version: Option<i32>) -> Result<Model> {
    let row = Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Error::NotFound("workout template"))?;
    input::expect_version(
        expected_version,
        row.version,
        || serde_json::json!({ "id": row.id, "name": row.name, "description": row.description, "version": row.version }),
    )?;
    Ok(row)
}

/// What somebody plans, checked, with the names that the exercises have.
async fn planned(tx: &Tx, exercises: Vec<NewPlannedExercise>) -> Result<Vec<PlannedExercise>> {
    if exercises.len() > MOST_EXERCISES {
        return Err(Error::invalid("exercises", format!("a template has at most {MOST_EXERCISES} exercises")));
    }
    let ids: Vec<_> = exercises.iter().map(|planned| planned.exercise).collect();
    let known: HashMap<_, _> = exercises::by_ids(tx, &ids).await?.into_iter().map(|exercise| (exercise.id, exercise)).collect();
    let checked = |(place, new): (usize, NewPlannedExercise)| {
        let within = |error: Error| error.within(&format!("exercises[{place}]"));
        let exercise = known.get(&new.exercise).ok_or(Error::NoSuch { field: "exerciseId", what: "exercise" }).map_err(within)?;
        planned_exercise(new, exercise.name.clone()).map_err(within)
    };
    exercises.into_iter().enumerate().map(checked).collect()
}

fn planned_exercise(new: NewPlannedExercise, name: String) -> Result<PlannedExercise> {
    if new.sets.len() > MOST_SETS {
        return Err(Error::invalid("sets", format!("an exercise is planned with at most {MOST_SETS} sets")));
    }
    let set = |(place, set): (usize, NewPlannedSet)| planned_set(set).map_err(|error| error.within(&format!("sets[{place}]")));
    let sets: Vec<_> = new.sets.into_iter().enumerate().map(set).collect::<Result<_>>()?;
    if new.progression.is_some() && top_weight(&sets).is_none() {
        return Err(Error::invalid("progression", "needs a working set with a weight to go on from"));
    }
    if sets.iter().any(|set| set.weight.is_some() && set.weight_unit != sets[0].weight_unit) {
        return Err(Error::invalid("sets", "the sets of an exercise are planned in one unit of weight"));
    }
    Ok(PlannedExercise {
        exercise: new.exercise,
        name,
        superset_group: new.superset_group.map(|group| input::integer("supersetGroup", group, 1..=100)).transpose()?,
        notes: new.notes.map(|notes| input::paragraph("notes", &notes, 1000)).transpose()?,
        sets,
        progression: new.progression.map(|rule| checked_rule(rule).map_err(|error| error.within("progression"))).transpose()?,
        decision: None,
    })
}

fn planned_set(new: NewPlannedSet) -> Result<PlannedSet> {
    let unit = Unit::named(new.weight_unit.as_deref().unwrap_or("kg")).filter(|unit| unit.dimension == Dimension::Mass);
    let unit =
        unit.ok_or_else(|| Error::invalid("weightUnit", format!("not a unit of mass: write one of {}", Unit::codes(Dimension::Mass))))?;
    if new.weight.is_some() && new.percent_of_max.is_some() {
        return Err(Error::invalid("percentOfMax", "leave out weight or percentOfMax, which says the weight too"));
    }
    let reps_min = new.reps_min.or(new.reps_max).map(|reps| input::integer("repsMin", reps, 1..=1000)).transpose()?;
    let reps_max = new.reps_max.or(new.reps_min).map(|reps| input::integer("repsMax", reps, 1..=1000)).transpose()?;
    if reps_min > reps_max {
        return Err(Error::invalid("repsMax", "must not be below repsMin"));
    }
    Ok(PlannedSet {
        kind: one_of("kind", new.kind.as_deref().unwrap_or("working"), &SET_KINDS)?,
        reps_min,
        reps_max,
        weight: new.weight.map(|weight| input::number("weight", weight, 3, Decimal::ZERO..=Decimal::from(100_000))).transpose()?,
        weight_unit: unit.code.to_owned(),
        percent_of_max: new
            .percent_of_max
            .map(|percent| input::number("percentOfMax", percent, 1, Decimal::ONE..=Decimal::from(150)))
            .transpose()?,
        rpe: new.rpe.map(rpe).transpose()?,
        rest_seconds: new.rest_seconds.map(rest).transpose()?,
        duration_seconds: new
            .duration_seconds
            .map(|seconds| input::number("durationSeconds", seconds, 3, Decimal::new(1, 3)..=Decimal::from(604_800)))
            .transpose()?,
    })
}

fn checked_rule(new: NewRule) -> Result<Rule> {
    let deload_after = input::integer("deloadAfter", new.deload_after.unwrap_or(3), 1..=10)?;
    Ok(Rule {
        increment: input::number("increment", new.increment, 3, Decimal::ZERO..=Decimal::from(1000))?,
        deload_after: u32::try_from(deload_after).unwrap_or(1),
        deload_percent: input::number("deloadPercent", new.deload_percent.unwrap_or(Decimal::TEN), 1, Decimal::ONE..=Decimal::from(90))?,
    })
}

/// What is to be done next by a template: its weights as the progression has them by now, percentages as weights.
pub async fn next(tx: &Tx, template: &WorkoutTemplate) -> Result<Vec<PlannedExercise>> {
    let person = template.row.user_id;
    let mut planned = template.exercises.clone();
    if planned.iter().any(|exercise| exercise.progression.is_some()) {
        let done = done_by(tx, person, template.row.id).await?;
        for (place, exercise) in planned.iter_mut().enumerate() {
            let Some(rule) = exercise.progression.clone() else { continue };
            let Some(start) = top_weight(&exercise.sets) else { continue };
            let nth = template.exercises[..place].iter().filter(|other| other.exercise == exercise.exercise).count();
            let sessions: Vec<_> = done.iter().filter_map(|(plan, entries)| session(plan, entries, exercise, nth)).collect();
            let decision = progression::next(&rule, start, &sessions);
            for set in exercise.sets.iter_mut().filter(|set| set.kind == "working") {
                set.weight = set.weight.map(|weight| (weight + decision.weight - start).max(Decimal::ZERO).normalize());
            }
            exercise.decision = Some(decision);
        }
    }
    by_percentage(tx, person, &mut planned).await?;
    Ok(planned)
}

/// The finished workouts that were started from a template, the oldest first: their plans, and what was done.
async fn done_by(tx: &Tx, person: UserId, template: WorkoutTemplateId) -> Result<Vec<(Vec<PlannedExercise>, Vec<ExerciseEntry>)>> {
    let workouts = rows::Entity::find()
        .filter(rows::Column::UserId.eq(person))
        .filter(rows::Column::TemplateId.eq(template))
        .filter(rows::Column::FinishedAt.is_not_null())
        .filter(rows::Column::DeletedAt.is_null())
        .order_by_desc(rows::Column::StartedAt)
        .order_by_desc(rows::Column::Id)
        .limit(REMEMBERED)
        .all(tx)
        .await?;
    let ids: Vec<WorkoutId> = workouts.iter().map(|workout| workout.id).collect();
    let mut entries = workouts::entries(tx, person, &ids).await?;
    let done = workouts
        .into_iter()
        .rev()
        .filter_map(|workout| Some(stored(workout.plan?).map(|plan| (plan, entries.remove(&workout.id).unwrap_or_default()))));
    done.collect()
}

/// Which entry of a workout is which planned exercise: of one that is planned twice, the first and the second.
pub fn matched<'a>(plan: &[PlannedExercise], entries: &'a [ExerciseEntry]) -> Vec<Option<&'a ExerciseEntry>> {
    let nth = |place: usize| plan[..place].iter().filter(|other| other.exercise == plan[place].exercise).count();
    let entry = |place: usize| entries.iter().filter(|entry| entry.row.exercise_id == Some(plan[place].exercise)).nth(nth(place));
    (0..plan.len()).map(entry).collect()
}

/// What became of an exercise in a workout, where it was planned and done at all.
fn session(plan: &[PlannedExercise], entries: &[ExerciseEntry], exercise: &PlannedExercise, nth: usize) -> Option<Session> {
    let place = plan.iter().enumerate().filter(|(_, planned)| planned.exercise == exercise.exercise).nth(nth)?.0;
    let planned = &plan[place];
    let entry = matched(plan, entries)[place]?;
    let top = top_weight(&planned.sets)?;
    let outcome = outcome(planned, entry);
    let lifted = outcome.1.filter(|_| outcome.0 == Outcome::Made);
    Some(Session { weight: lifted.unwrap_or(top).max(top), outcome: outcome.0 })
}

/// Whether the planned working sets were made, and the least weight of those that were planned heaviest.
pub fn outcome(planned: &PlannedExercise, entry: &ExerciseEntry) -> (Outcome, Option<Decimal>) {
    let working: Vec<_> = planned.sets.iter().filter(|set| set.kind == "working").collect();
    let done: Vec<_> = entry.sets.iter().filter(|set| set.kind != "warmup").collect();
    let top = top_weight(&planned.sets);
    let (mut outcome, mut lifted) = (Outcome::Made, None);
    for (place, set) in working.iter().enumerate() {
        let Some(done) = done.get(place) else { return (Outcome::Failed, None) };
        let weight = weight_in(&set.weight_unit, done);
        let light = set.weight.is_some_and(|planned| weight.is_none_or(|weight| weight < planned));
        let reps = done.reps.unwrap_or_default();
        let short = done.duration_seconds.unwrap_or_default() < set.duration_seconds.unwrap_or_default();
        if light || short || reps < set.reps_min.unwrap_or_default() {
            return (Outcome::Failed, None);
        }
        if reps < set.reps_max.unwrap_or_default() {
            outcome = Outcome::Held;
        }
        if set.weight == top {
            lifted = lifted.into_iter().chain(weight).min();
        }
    }
    (outcome, lifted)
}

fn weight_in(unit: &str, set: &exercise_sets::Model) -> Option<Decimal> {
    if set.weight_unit.as_deref() == Some(unit) {
        return set.weight;
    }
    let grams = set.weight_kg?.checked_mul(Decimal::ONE_THOUSAND)?;
    Unit::named(unit)?.of_base(grams).map(|weight| round(weight, 3))
}

/// The heaviest weight of the working sets.
fn top_weight(sets: &[PlannedSet]) -> Option<Decimal> {
    sets.iter().filter(|set| set.kind == "working").filter_map(|set| set.weight).max()
}

/// Sets that are planned as a percentage of what could be lifted once get their weight, as far as that is known.
async fn by_percentage(tx: &Tx, person: UserId, planned: &mut [PlannedExercise]) -> Result<()> {
    let asked: Vec<_> = planned
        .iter()
        .filter(|exercise| exercise.sets.iter().any(|set| set.percent_of_max.is_some()))
        .map(|exercise| exercise.exercise)
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let asked = Asked { exercises: Some(&asked), formula: Formula::default(), ..Asked::default() };
    let records = personal_records::of(tx, person, asked).await?;
    let maxima: HashMap<_, _> =
        records.iter().filter(|record| record.kind == "one_rep_max").map(|record| (record.exercise_id, record.value)).collect();
    for exercise in planned {
        let Some(max) = maxima.get(&exercise.exercise) else { continue };
        for set in &mut exercise.sets {
            let Some(percent) = set.percent_of_max else { continue };
            let in_unit = Unit::named(&set.weight_unit).and_then(|unit| unit.of_base(max * Decimal::ONE_THOUSAND));
            set.weight = in_unit.map(|max| (round(max * percent / Decimal::ONE_HUNDRED / PLATES, 0) * PLATES).normalize());
        }
    }
    Ok(())
}

/// What was planned when a workout was started; nothing for one without a plan.
pub fn plan_of(workout: &rows::Model) -> Result<Vec<PlannedExercise>> {
    workout.plan.clone().map_or(Ok(Vec::new()), stored)
}
