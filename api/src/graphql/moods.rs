//! How people feel.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{
    family_access::AccessType,
    id::{MoodId, UserId},
    moods as rows,
    unit::round,
};
use service::{
    access::Tx,
    day,
    moods::{self, MoodChange, NewMood},
};

use super::{
    error::Result,
    foods::DeleteInput,
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// How somebody felt.
#[derive(Clone)]
pub struct Mood(pub rows::Model);

/// How somebody felt.
#[Object]
impl Mood {
    /// Identifies it among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// 0, as bad as can be, to 100, as good as can be.
    async fn value(&self) -> i32 {
        self.0.value
    }

    /// Words for it, in lower case.
    async fn tags(&self) -> Vec<String> {
        self.0.tags()
    }

    /// What the person wrote beside it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// When.
    async fn felt_at(&self) -> DateTime {
        DateTime(self.0.felt_at)
    }

    /// The zone they were in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.time_zone)?))
    }

    /// The day it counts for, fixed when it was logged.
    async fn date(&self) -> Date {
        Date(self.0.felt_on)
    }

    /// Who logged it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.created_by.filter(|writer| *writer != self.0.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// How somebody felt on a day.
#[derive(SimpleObject)]
pub struct MoodDay {
    /// The day, as the person's zone and start of day cut it.
    date: Date,
    /// The moods in their order.
    moods: Vec<Mood>,
    /// The mean of their values, with one decimal; null without a mood.
    average: Option<Decimal>,
    /// The lowest value; null without a mood.
    lowest: Option<i32>,
    /// The highest value; null without a mood.
    highest: Option<i32>,
}

impl MoodDay {
    /// The days from `from` to `to`, read by one statement.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Self>> {
        let mut moods = moods::between(tx, person, from, to).await?.into_iter().peekable();
        let day = |date| {
            let mut of_day = Vec::new();
            while let Some(mood) = moods.next_if(|mood| mood.felt_on == date) {
                of_day.push(Mood(mood));
            }
            Self::of(date, of_day)
        };
        Ok(from.iter_days().take_while(|date| *date <= to).map(day).collect())
    }

    fn of(date: NaiveDate, moods: Vec<Mood>) -> Self {
        let values = || moods.iter().map(|mood| mood.0.value);
        let sum = rust_decimal::Decimal::from(values().sum::<i32>());
        let average = sum.checked_div(rust_decimal::Decimal::from(moods.len())).map(|mean| Decimal(round(mean, 1)));
        Self { date: Date(date), average, lowest: values().min(), highest: values().max(), moods }
    }

    async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        let mut days = Self::between(tx, person, date, date).await?;
        Ok(days.swap_remove(0))
    }
}

/// A word for a mood.
#[derive(SimpleObject)]
pub struct MoodTag {
    /// The word.
    name: String,
    /// Whether everybody has it. Any other is the person's own, from its first use on.
    built_in: bool,
    /// How many of the person's moods have it.
    uses: i32,
}

impl MoodTag {
    /// The words of a person.
    pub async fn of(tx: &Tx, person: UserId) -> Result<Vec<Self>> {
        let shown = |tag: moods::Tag| Self {
            built_in: moods::TAGS.contains(&tag.name.as_str()),
            name: tag.name,
            uses: i32::try_from(tag.uses).unwrap_or(i32::MAX),
        };
        Ok(moods::tags(tx, person).await?.into_iter().map(shown).collect())
    }
}

/// A mood. There may be several a day.
#[derive(InputObject)]
pub struct LogMoodInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// 0, as bad as can be, to 100, as good as can be. Five faces are 0, 25, 50, 75 and 100.
    value: i32,
    /// Words for it, at most 20 of at most 50 characters: those of `Person.moodTags`, or any other.
    #[graphql(default)]
    tags: Vec<String>,
    /// When; now when absent.
    felt_at: Option<Unchecked<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Anything to remember, at most 10000 characters.
    note: Option<String>,
}

/// What is to change of a mood. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateMoodInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// 0 to 100.
    value: Option<i32>,
    /// Replaces all words for it.
    tags: Option<Vec<String>>,
    /// When; the day follows.
    felt_at: Option<Unchecked<DateTime>>,
    /// Where; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Anything to remember, at most 10000 characters.
    note: MaybeUndefined<String>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// What was logged, and the day to draw.
#[derive(SimpleObject)]
pub struct LogMoodPayload {
    /// The mood.
    mood: Mood,
    /// The day it is on.
    day: MoodDay,
}

/// The mood after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdateMoodPayload {
    /// The mood.
    mood: Mood,
    /// The day it is on, and before that the one it was on if it moved.
    days: Vec<MoodDay>,
}

/// What is gone, and the day to draw.
#[derive(SimpleObject)]
pub struct DeleteMoodPayload {
    /// The id of the mood.
    deleted_id: Uuid,
    /// The day it was on.
    day: MoodDay,
}

/// Logging moods.
#[derive(Default)]
pub struct MoodsMutation;

#[Object]
impl MoodsMutation {
    /// Logs how somebody feels.
    async fn log_mood(&self, ctx: &Context<'_>, #[graphql(desc = "The mood.")] input: LogMoodInput) -> Option<Result<LogMoodPayload>> {
        nullable(async {
            let new = NewMood {
                id: input.id.check("id")?.map(|id| MoodId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                value: input.value,
                tags: input.tags,
                felt_at: input.felt_at.check("feltAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let mood = moods::log(&tx, new).await?;
            let day = MoodDay::on(&tx, mood.user_id, mood.felt_on).await?;
            scope(ctx).note_read(mood.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(LogMoodPayload { mood: Mood(mood), day })
        })
        .await
    }

    /// Changes a mood.
    async fn update_mood(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateMoodInput,
    ) -> Option<Result<UpdateMoodPayload>> {
        nullable(async {
            let id = MoodId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = MoodChange {
                value: input.value,
                tags: input.tags,
                felt_at: input.felt_at.check("feltAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                note: input.note.into(),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (mood, before) = moods::update(&tx, person, id, change).await?;
            let mut days = vec![MoodDay::on(&tx, mood.user_id, mood.felt_on).await?];
            if before != mood.felt_on {
                days.push(MoodDay::on(&tx, mood.user_id, before).await?);
            }
            scope(ctx).note_read(mood.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(UpdateMoodPayload { mood: Mood(mood), days })
        })
        .await
    }

    /// Takes a mood away.
    async fn delete_mood(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteMoodPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, on) = moods::delete(&tx, person, MoodId(id.0), input.expected_version).await?;
            let day = MoodDay::on(&tx, person, on).await?;
            scope(ctx).note_read(person, AccessType::Checkin);
            tx.commit().await?;
            Ok(DeleteMoodPayload { deleted_id: id, day })
        })
        .await
    }
}
