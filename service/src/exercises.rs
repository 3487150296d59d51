//! Exercises: finding them, and one's own.

use entity::{
    exercises::{ActiveModel, Column, Entity, Model},
    id::ExerciseId,
};
use rust_decimal::Decimal;
use sea_orm::{ActiveValue::Set, ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Statement};
use serde::Serialize;

use crate::{
    access::Tx,
    error::{Error, Result},
    input,
    page::{Page, PageRequest},
};

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
    /// What is needed.
    pub equipment: Option<String>,
    /// How to do it.
    pub instructions: Option<String>,
    /// Metabolic equivalent.
    pub met: Option<Decimal>,
    /// The part of the body weight that it moves.
    pub body_weight_fraction: Option<Decimal>,
}

/// What exercises are looked for by; each may be missing.
#[derive(Clone, Debug, Serialize)]
pub struct Search {
    /// Words of the name, spelling mistakes forgiven.
    pub words: Option<String>,
    /// A muscle it trains.
    pub muscle: Option<String>,
    /// What it needs.
    pub equipment: Option<String>,
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

/// Exercises, best match first.
pub async fn search(tx: &Tx, search: &Search, page: &PageRequest) -> Result<Page<Model>> {
    let search = Search {
        words: search.words.as_deref().map(|words| input::line("search", words, 200)).transpose()?,
        muscle: search.muscle.as_deref().map(|muscle| input::line("muscle", muscle, 100)).transpose()?.map(|muscle| muscle.to_lowercase()),
        equipment: search.equipment.as_deref().map(|tool| input::line("equipment", tool, 100)).transpose()?.map(|tool| tool.to_lowercase()),
    };
    let after: Option<(Decimal, ExerciseId)> = page.key(&("exercises", &search))?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, rank FROM search.exercises($1, $2, $3, $4, $5, $6)",
        [
            search.words.clone().into(),
            search.muscle.clone().into(),
            search.equipment.clone().into(),
            i32::try_from(page.limit()?).unwrap_or(i32::MAX).into(),
            after.map(|(rank, _)| rank).into(),
            after.map(|(_, id)| id.0).into(),
        ],
    );
    let found = Found::find_by_statement(statement).all(tx).await?;
    let found = page.page(&("exercises", &search), found, |found| (found.rank, found.id))?;
    let exercises = by_ids(tx, &found.items.iter().map(|(_, found)| found.id).collect::<Vec<_>>()).await?;
    let ranked = found
        .items
        .into_iter()
        .filter_map(|(cursor, found)| Some((cursor, exercises.iter().find(|exercise| exercise.id == found.id)?.clone())));
    Ok(Page { items: ranked.collect(), has_next: found.has_next })
}

/// Adds an exercise of the viewer's own.
pub async fn create(tx: &Tx, new: NewExercise) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let owner = tx.viewer()?;
    let id = new.id.unwrap_or_else(|| ExerciseId(tx.new_id()));
    if new.muscle_groups.len() > 30 {
        return Err(Error::invalid("muscleGroups", "an exercise has at most 30 muscle groups"));
    }
    let muscles = new
        .muscle_groups
        .iter()
        .enumerate()
        .map(|(position, muscle)| Ok(input::line(&format!("muscleGroups[{position}]"), muscle, 100)?.to_lowercase()));
    let row = ActiveModel {
        id: Set(id),
        owner_id: Set(Some(owner)),
        name: Set(input::line("name", &new.name, 255)?),
        category: Set(new.category.map(|category| input::line("category", &category, 100)).transpose()?),
        muscle_groups: Set(muscles.collect::<Result<_>>()?),
        equipment: Set(new.equipment.map(|tool| input::line("equipment", &tool, 100)).transpose()?.map(|tool| tool.to_lowercase())),
        instructions: Set(new.instructions.map(|text| input::paragraph("instructions", &text, 20_000)).transpose()?),
        met: Set(new.met.map(|met| input::number("met", met, 1, Decimal::new(9, 1)..=Decimal::from(30))).transpose()?),
        body_weight_fraction: Set(new.body_weight_fraction.map(body_weight_fraction).transpose()?),
        source: Set("user".to_owned()),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::Id])).await? {
        Some(row) => Ok(row),
        None => input::repeated(find(tx, id).await?, |row| row.created_from.as_ref() == Some(&created_from) && row.owner_id == Some(owner)),
    }
}

fn body_weight_fraction(fraction: Decimal) -> Result<Decimal> {
    input::number("bodyWeightFraction", fraction, 3, Decimal::new(1, 2)..=Decimal::ONE)
}
