//! Programmes: days of training on weekdays or one after the other, which one is followed from when on, and what is next.

use chrono::{Datelike, Days, NaiveDate};
use entity::{
    active_programmes,
    id::{ActiveProgrammeId, TrainingProgrammeId, UserId, WorkoutTemplateId},
    training_programmes::{ActiveModel, Column, Entity, Model},
    workouts,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input,
    page::{Page, PageRequest},
    workout_templates::{self, WorkoutTemplate, stored, to_store},
};

/// How days follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Mode {
    /// Each on its weekday.
    Weekdays,
    /// One after the other, whenever the last one was done.
    Sequence,
}

/// A day of a programme.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgrammeDay {
    /// What it is called.
    pub name: Option<String>,
    /// 1 (Monday) to 7, where days are on weekdays.
    pub weekday: Option<i32>,
    /// What is trained.
    pub template: WorkoutTemplateId,
}

/// A programme with its days.
#[derive(Clone, Debug)]
pub struct TrainingProgramme {
    /// The row.
    pub row: Model,
    /// How its days follow each other.
    pub mode: Mode,
    /// Its days in their order.
    pub days: Vec<ProgrammeDay>,
}

/// A programme as it is made.
#[derive(Clone, Debug, Serialize)]
pub struct NewTrainingProgramme {
    /// Made by the client, or by the server.
    pub id: Option<TrainingProgrammeId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// How its days follow each other.
    pub mode: Mode,
    /// Its days in their order.
    pub days: Vec<ProgrammeDay>,
}

/// What is to change of a programme: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct TrainingProgrammeChange {
    /// What it is called.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<Option<String>>,
    /// How its days follow each other.
    pub mode: Option<Mode>,
    /// Replaces all days.
    pub days: Option<Vec<ProgrammeDay>>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// What a programme says is next.
#[derive(Clone, Debug)]
pub struct NextDay {
    /// The programme.
    pub programme: TrainingProgramme,
    /// Which of its days, from 0.
    pub position: usize,
    /// When it is due.
    pub date: NaiveDate,
    /// What is trained; `None` when the template was deleted.
    pub template: Option<WorkoutTemplate>,
}

const MOST_DAYS: usize = 100;

impl Mode {
    fn code(self) -> &'static str {
        match self {
            Self::Weekdays => "weekdays",
            Self::Sequence => "sequence",
        }
    }
}

impl TrainingProgramme {
    fn of(row: Model) -> Result<Self> {
        let mode = if row.mode == Mode::Weekdays.code() { Mode::Weekdays } else { Mode::Sequence };
        Ok(Self { mode, days: stored(row.days.clone())?, row })
    }
}

/// The programme of this id.
pub async fn find(tx: &Tx, person: UserId, id: TrainingProgrammeId) -> Result<Option<TrainingProgramme>> {
    let row = Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).one(tx).await?;
    row.map(TrainingProgramme::of).transpose()
}

/// A person's programmes, in the order of their ids, which is that in which they were made.
pub async fn list(tx: &Tx, person: UserId, page: &PageRequest) -> Result<Page<TrainingProgramme>> {
    let listed = ("training programmes", person);
    let mut rows =
        Entity::find().filter(Column::UserId.eq(person)).filter(Column::DeletedAt.is_null()).order_by_asc(Column::Id).limit(page.limit()?);
    if let Some(id) = page.key::<TrainingProgrammeId>(&listed)? {
        rows = rows.filter(Column::Id.gt(id));
    }
    let page = page.page(&listed, rows.all(tx).await?, |row| row.id)?;
    let items = page.items.into_iter().map(|(cursor, row)| Ok((cursor, TrainingProgramme::of(row)?)));
    Ok(Page { items: items.collect::<Result<_>>()?, has_next: page.has_next })
}

/// Makes a programme.
pub async fn create(tx: &Tx, new: NewTrainingProgramme) -> Result<TrainingProgramme> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let same = |row: &Model| row.created_from.as_ref() == Some(&created_from);
    if let Some(id) = new.id
        && let Some(programme) = find(tx, person, id).await?
    {
        return TrainingProgramme::of(input::repeated(Some(programme.row), same)?);
    }
    let id = new.id.unwrap_or_else(|| TrainingProgrammeId(tx.new_id()));
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        name: Set(input::line("name", &new.name, 255)?),
        description: Set(new.description.map(|text| input::paragraph("description", &text, 10_000)).transpose()?),
        mode: Set(new.mode.code().to_owned()),
        days: Set(to_store(&checked(tx, person, new.mode, new.days).await?)?),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    TrainingProgramme::of(match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => row,
        None => input::repeated(find(tx, person, id).await?.map(|programme| programme.row), same)?,
    })
}

/// Changes a programme.
pub async fn update(
    tx: &Tx,
    person: Option<UserId>,
    id: TrainingProgrammeId,
    change: TrainingProgrammeChange,
) -> Result<TrainingProgramme> {
    let person = tx.viewer_or(person)?;
    let programme = TrainingProgramme::of(editable(tx, person, id, change.expected_version).await?)?;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if let Some(name) = change.name {
        row.name = Set(input::line("name", &name, 255)?);
    }
    if let Some(text) = change.description {
        row.description = Set(text.map(|text| input::paragraph("description", &text, 10_000)).transpose()?);
    }
    if change.mode.is_some() || change.days.is_some() {
        let mode = change.mode.unwrap_or(programme.mode);
        let days = checked(tx, person, mode, change.days.unwrap_or_else(|| programme.days.clone())).await?;
        (row.mode, row.days) = (Set(mode.code().to_owned()), Set(to_store(&days)?));
    }
    if row.is_changed() { TrainingProgramme::of(Entity::update(row).exec(tx).await?) } else { Ok(programme) }
}

/// Deletes a programme. Who follows it follows none; workouts keep their plan.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: TrainingProgrammeId, expected_version: Option<i32>) -> Result<UserId> {
    let person = tx.viewer_or(person)?;
    editable(tx, person, id, expected_version).await?;
    let row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), deleted_at: Set(Some(tx.now())), ..Default::default() };
    Entity::update(row).exec(tx).await?;
    Ok(person)
}

async fn editable(tx: &Tx, person: UserId, id: TrainingProgrammeId, expected_version: Option<i32>) -> Result<Model> {
    let row = Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).lock_exclusive().one(tx).await?;
    let row = row.ok_or(Error::NotFound("training programme"))?;
    input::expect_version(
        expected_version,
        row.version,
        || serde_json::json!({ "id": row.id, "name": row.name, "description": row.description, "version": row.version }),
    )?;
    Ok(row)
}

async fn checked(tx: &Tx, person: UserId, mode: Mode, days: Vec<ProgrammeDay>) -> Result<Vec<ProgrammeDay>> {
    if days.is_empty() || days.len() > MOST_DAYS {
        return Err(Error::invalid("days", format!("a programme has 1 to {MOST_DAYS} days")));
    }
    let ids: Vec<_> = days.iter().map(|day| day.template).collect();
    let known: Vec<_> = workout_templates::by_ids(tx, person, &ids).await?.into_iter().map(|template| template.row.id).collect();
    let mut weekdays = Vec::new();
    let mut check = |day: ProgrammeDay| {
        if !known.contains(&day.template) {
            return Err(Error::NoSuch { field: "templateId", what: "workout template" });
        }
        let weekday = day.weekday.map(|weekday| input::integer("weekday", weekday, 1..=7)).transpose()?;
        match (mode, weekday) {
            (Mode::Weekdays, None) => {
                return Err(Error::invalid("weekday", "must be 1 (Monday) to 7: the days of this programme are on weekdays"));
            }
            (Mode::Sequence, Some(_)) => {
                return Err(Error::invalid("weekday", "leave it out: the days of this programme follow each other"));
            }
            (_, Some(weekday)) if weekdays.contains(&weekday) => {
                return Err(Error::invalid("weekday", "another day of the programme has this weekday"));
            }
            (_, weekday) => weekdays.extend(weekday),
        }
        Ok(ProgrammeDay { name: day.name.map(|name| input::line("name", &name, 255)).transpose()?, weekday, template: day.template })
    };
    let day = |(place, day)| check(day).map_err(|error| error.within(&format!("days[{place}]")));
    days.into_iter().enumerate().map(day).collect()
}

/// Follows a programme, or none, from a day on, until whatever was set from a later day. Answers whose, and which day is today for them.
pub async fn follow(
    tx: &Tx,
    person: Option<UserId>,
    programme: Option<TrainingProgrammeId>,
    from: Option<NaiveDate>,
) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    if let Some(id) = programme
        && find(tx, person, id).await?.is_none()
    {
        return Err(Error::NoSuch { field: "programmeId", what: "training programme" });
    }
    let today = Calendar::of(tx, person).await?.today(tx.now());
    let from = from.map_or(Ok(today), |from| day::checked("from", from))?;
    let row = active_programmes::ActiveModel {
        user_id: Set(person),
        id: Set(ActiveProgrammeId(tx.new_id())),
        valid_from: Set(from),
        programme_id: Set(programme),
        ..Default::default()
    };
    let again = OnConflict::columns([active_programmes::Column::UserId, active_programmes::Column::ValidFrom])
        .update_column(active_programmes::Column::ProgrammeId)
        .to_owned();
    active_programmes::Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    Ok((person, today))
}

/// The programme that is followed on a day, and since when.
pub async fn followed_on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Option<(TrainingProgramme, NaiveDate)>> {
    let row = active_programmes::Entity::find()
        .filter(active_programmes::Column::UserId.eq(person))
        .filter(active_programmes::Column::ValidFrom.lte(date))
        .order_by_desc(active_programmes::Column::ValidFrom)
        .one(tx)
        .await?;
    let Some((id, since)) = row.and_then(|row| Some((row.programme_id?, row.valid_from))) else { return Ok(None) };
    Ok(find(tx, person, id).await?.map(|programme| (programme, since)))
}

/// What the programme that is followed says is next, as of a day.
pub async fn next(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Option<NextDay>> {
    let Some((programme, since)) = followed_on(tx, person, date).await? else { return Ok(None) };
    let last = workouts::Entity::find()
        .filter(workouts::Column::UserId.eq(person))
        .filter(workouts::Column::ProgrammeId.eq(programme.row.id))
        .filter(workouts::Column::StartedOn.between(since, date))
        .filter(workouts::Column::FinishedAt.is_not_null())
        .filter(workouts::Column::DeletedAt.is_null())
        .order_by_desc(workouts::Column::StartedAt)
        .order_by_desc(workouts::Column::Id)
        .one(tx)
        .await?;
    let last = last.and_then(|workout| Some((workout.started_on, usize::try_from(workout.programme_day?).ok()?)));
    let Some((position, due)) = due(programme.mode, &programme.days, last, date) else { return Ok(None) };
    let template = workout_templates::find(tx, person, programme.days[position].template).await?;
    Ok(Some(NextDay { programme, position, date: due, template }))
}

/// Which day of a programme is due, and when, by the last one that was done: its day, and which of the programme's it was.
fn due(mode: Mode, days: &[ProgrammeDay], last: Option<(NaiveDate, usize)>, today: NaiveDate) -> Option<(usize, NaiveDate)> {
    match mode {
        Mode::Sequence => {
            let position = last.map_or(0, |(_, done)| (done + 1) % days.len().max(1));
            (position < days.len()).then_some((position, today))
        }
        Mode::Weekdays => (0..=7).map(|ahead| today + Days::new(ahead)).find_map(|date| {
            let weekday = i32::try_from(date.weekday().number_from_monday()).ok();
            let position = days.iter().position(|day| day.weekday.is_some() && day.weekday == weekday)?;
            (last != Some((date, position))).then_some((position, date))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programme(weekdays: &[Option<i32>]) -> Vec<ProgrammeDay> {
        let template = WorkoutTemplateId(uuid::Uuid::nil());
        weekdays.iter().map(|weekday| ProgrammeDay { name: None, weekday: *weekday, template }).collect()
    }

    /// A Tuesday, and days after it.
    fn day(after: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 10).expect("a date") + Days::new(after)
    }

    #[test]
    fn in_a_sequence_what_is_next_follows_what_was_done_last_however_long_ago() {
        let days = programme(&[None, None, None]);
        let due = |last| due(Mode::Sequence, &days, last, day(40));
        assert_eq!(due(None), Some((0, day(40))));
        assert_eq!(due(Some((day(0), 0))), Some((1, day(40))));
        assert_eq!(due(Some((day(39), 2))), Some((0, day(40))));
        // The programme has become shorter since.
        assert_eq!(due(Some((day(39), 7))), Some((2, day(40))));
        assert_eq!(super::due(Mode::Sequence, &[], None, day(0)), None);
    }

    #[test]
    fn on_weekdays_the_next_one_is_due_that_was_not_done_today() {
        // Thursday and Tuesday.
        let days = programme(&[Some(4), Some(2)]);
        let due = |last, today| due(Mode::Weekdays, &days, last, today);
        assert_eq!(due(None, day(0)), Some((1, day(0))));
        assert_eq!(due(Some((day(0), 1)), day(0)), Some((0, day(2))));
        assert_eq!(due(None, day(3)), Some((1, day(7))));
        // What was missed is not made up for, and one day a week comes again in a week.
        assert_eq!(due(Some((day(0), 1)), day(1)), Some((0, day(2))));
        assert_eq!(super::due(Mode::Weekdays, &programme(&[Some(2)]), Some((day(0), 0)), day(0)), Some((0, day(7))));
    }
}
