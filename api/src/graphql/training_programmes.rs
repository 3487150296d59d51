//! Programmes: days of training, which one is followed, and what is next.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    family_access::AccessType,
    id::{TrainingProgrammeId, UserId, WorkoutTemplateId},
};
use service::{
    access::Tx,
    training_programmes::{self, Mode, NextDay},
    workout_templates,
};

use super::{
    error::{Error, Result},
    foods::DeleteInput,
    scalars::{CheckOption, Date, Unchecked, Uuid},
    scope::{nullable, scope},
    workout_templates::{PlannedExercise, WorkoutTemplate},
};

/// Days of training, each by a template.
#[derive(Clone)]
pub struct TrainingProgramme(pub training_programmes::TrainingProgramme);

/// How days of a programme follow each other.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Mode")]
pub enum TrainingProgrammeMode {
    /// Each on its weekday.
    Weekdays,
    /// One after the other, whenever the last one was done.
    Sequence,
}

/// Days of training, each by a template.
#[Object]
impl TrainingProgramme {
    /// Identifies the programme among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.row.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.row.name
    }

    /// What it is.
    async fn description(&self) -> Option<&str> {
        self.0.row.description.as_deref()
    }

    /// How its days follow each other.
    async fn mode(&self) -> TrainingProgrammeMode {
        self.0.mode.into()
    }

    /// Its days, in their order.
    async fn days(&self, ctx: &Context<'_>) -> Result<Vec<TrainingProgrammeDay>> {
        let tx = scope(ctx).read().await?;
        let ids: Vec<_> = self.0.days.iter().map(|day| day.template).collect();
        let templates = workout_templates::by_ids(&tx, self.0.row.user_id, &ids).await?;
        let day = |(position, day): (i32, &training_programmes::ProgrammeDay)| TrainingProgrammeDay {
            position,
            name: day.name.clone(),
            weekday: day.weekday,
            template: templates.iter().find(|template| template.row.id == day.template).cloned().map(WorkoutTemplate::of(tx.now())),
        };
        Ok((0..).zip(&self.0.days).map(day).collect())
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.row.version
    }
}

/// A day of a programme.
#[derive(SimpleObject)]
pub struct TrainingProgrammeDay {
    /// Its place in the programme, from 0.
    position: i32,
    /// What it is called.
    name: Option<String>,
    /// 1 (Monday) to 7, where days are on weekdays.
    weekday: Option<i32>,
    /// What is trained; null when the template was deleted.
    template: Option<WorkoutTemplate>,
}

/// The programme that is followed.
#[derive(SimpleObject)]
pub struct FollowedProgramme {
    /// The programme.
    programme: TrainingProgramme,
    /// Since which day.
    since: Date,
}

impl FollowedProgramme {
    /// What a person follows on a day.
    pub async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Option<Self>> {
        let followed = training_programmes::followed_on(tx, person, date).await?;
        Ok(followed.map(|(programme, since)| Self { programme: TrainingProgramme(programme), since: Date(since) }))
    }
}

/// The workout that the followed programme says is next.
pub struct NextWorkout {
    next: NextDay,
    now: DateTime<Utc>,
}

impl NextWorkout {
    /// What is next for a person, as of a day.
    pub async fn of(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Option<Self>> {
        Ok(training_programmes::next(tx, person, date).await?.map(|next| Self { next, now: tx.now() }))
    }
}

/// The workout that the followed programme says is next.
#[Object]
impl NextWorkout {
    /// The programme: pass its id and `position` to `startWorkout`.
    async fn programme(&self) -> TrainingProgramme {
        TrainingProgramme(self.next.programme.clone())
    }

    /// Which of the programme's days, from 0.
    async fn position(&self) -> i32 {
        i32::try_from(self.next.position).unwrap_or(i32::MAX)
    }

    /// What the day is called.
    async fn name(&self) -> Option<&str> {
        self.next.programme.days.get(self.next.position)?.name.as_deref()
    }

    /// When it is due: on its weekday, in a sequence today.
    async fn date(&self) -> Date {
        Date(self.next.date)
    }

    /// Its template; null when that was deleted.
    async fn template(&self) -> Option<WorkoutTemplate> {
        self.next.template.clone().map(WorkoutTemplate::of(self.now))
    }

    /// What is to be done, with weights as they are by now and what was done last time; nothing without a template.
    async fn exercises(&self, ctx: &Context<'_>) -> Result<Vec<PlannedExercise>> {
        let Some(template) = &self.next.template else { return Ok(Vec::new()) };
        let planned = workout_templates::next(&*scope(ctx).read().await?, template).await?;
        Ok(PlannedExercise::all(template.row.user_id, planned, self.now))
    }
}

/// A day of a programme.
#[derive(InputObject)]
pub struct TrainingProgrammeDayInput {
    /// What it is called.
    name: Option<String>,
    /// 1 (Monday) to 7 where days are on weekdays, which each has once; absent in a sequence.
    weekday: Option<i32>,
    /// What is trained: a template of the same person.
    template_id: Unchecked<Uuid>,
}

fn days(inputs: Vec<TrainingProgrammeDayInput>) -> Result<Vec<training_programmes::ProgrammeDay>> {
    let day = |(place, input): (usize, TrainingProgrammeDayInput)| {
        let template = WorkoutTemplateId(input.template_id.check(&format!("days[{place}].templateId"))?.0);
        Ok::<_, Error>(training_programmes::ProgrammeDay { name: input.name, weekday: input.weekday, template })
    };
    inputs.into_iter().enumerate().map(day).collect()
}

/// A programme.
#[derive(InputObject)]
pub struct CreateTrainingProgrammeInput {
    /// Made by the client, so that a repeated request creates nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: String,
    /// What it is.
    description: Option<String>,
    /// How its days follow each other.
    mode: TrainingProgrammeMode,
    /// Its days in their order, 1 to 100.
    days: Vec<TrainingProgrammeDayInput>,
}

/// What is to change of a programme. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateTrainingProgrammeInput {
    /// Which programme.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: Option<String>,
    /// What it is.
    description: MaybeUndefined<String>,
    /// How its days follow each other.
    mode: Option<TrainingProgrammeMode>,
    /// Replaces all days.
    days: Option<Vec<TrainingProgrammeDayInput>>,
    /// Refuse with CONFLICT when the programme is at another version.
    expected_version: Option<i32>,
}

/// Which programme is followed from when on.
#[derive(InputObject)]
pub struct FollowTrainingProgrammeInput {
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which programme; none when absent.
    programme_id: Option<Unchecked<Uuid>>,
    /// From which day on, until whatever was set from a later day; today when absent.
    from: Option<Unchecked<Date>>,
}

/// The programme that was made.
#[derive(SimpleObject)]
pub struct CreateTrainingProgrammePayload {
    /// The programme.
    programme: TrainingProgramme,
}

/// The programme after the change.
#[derive(SimpleObject)]
pub struct UpdateTrainingProgrammePayload {
    /// The programme.
    programme: TrainingProgramme,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeleteTrainingProgrammePayload {
    /// The id of the programme.
    deleted_id: Uuid,
}

/// What is followed today, and what is next.
#[derive(SimpleObject)]
pub struct FollowTrainingProgrammePayload {
    /// The programme that is followed today; null when none is.
    followed: Option<FollowedProgramme>,
    /// What is next by it.
    next_workout: Option<NextWorkout>,
}

/// Programmes.
#[derive(Default)]
pub struct TrainingProgrammesMutation;

#[Object]
impl TrainingProgrammesMutation {
    /// Makes a programme.
    async fn create_training_programme(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The programme.")] input: CreateTrainingProgrammeInput,
    ) -> Option<Result<CreateTrainingProgrammePayload>> {
        nullable(async {
            let new = training_programmes::NewTrainingProgramme {
                id: input.id.check("id")?.map(|id| TrainingProgrammeId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                name: input.name,
                description: input.description,
                mode: input.mode.into(),
                days: days(input.days)?,
            };
            let tx = scope(ctx).write().await?;
            let programme = training_programmes::create(&tx, new).await?;
            scope(ctx).note_read(programme.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(CreateTrainingProgrammePayload { programme: TrainingProgramme(programme) })
        })
        .await
    }

    /// Changes a programme.
    async fn update_training_programme(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateTrainingProgrammeInput,
    ) -> Option<Result<UpdateTrainingProgrammePayload>> {
        nullable(async {
            let id = TrainingProgrammeId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = training_programmes::TrainingProgrammeChange {
                name: input.name,
                description: input.description.into(),
                mode: input.mode.map(Into::into),
                days: input.days.map(days).transpose()?,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let programme = training_programmes::update(&tx, person, id, change).await?;
            scope(ctx).note_read(programme.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateTrainingProgrammePayload { programme: TrainingProgramme(programme) })
        })
        .await
    }

    /// Deletes a programme. Who follows it follows none from then on; workouts keep their plan.
    async fn delete_training_programme(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which programme.")] input: DeleteInput,
    ) -> Option<Result<DeleteTrainingProgrammePayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let person = training_programmes::delete(&tx, person, TrainingProgrammeId(id.0), input.expected_version).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteTrainingProgrammePayload { deleted_id: id })
        })
        .await
    }

    /// Follows a programme, or none, from a day on.
    async fn follow_training_programme(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and from when on.")] input: FollowTrainingProgrammeInput,
    ) -> Option<Result<FollowTrainingProgrammePayload>> {
        nullable(async {
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let programme = input.programme_id.check("programmeId")?.map(|id| TrainingProgrammeId(id.0));
            let from = input.from.check("from")?.map(|from| from.0);
            let tx = scope(ctx).write().await?;
            let (person, today) = training_programmes::follow(&tx, person, programme, from).await?;
            let followed = FollowedProgramme::on(&tx, person, today).await?;
            let next_workout = NextWorkout::of(&tx, person, today).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(FollowTrainingProgrammePayload { followed, next_workout })
        })
        .await
    }
}
