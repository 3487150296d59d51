//! Sleep: nights and naps, and what they come to.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::{NaiveDate, NaiveTime};
use entity::{
    family_access::AccessType,
    id::{SleepEntryId, UserId},
    sleep_stages,
};
use service::{
    access::Tx,
    day,
    sleep::{self, Averages, Component, NewSleep, SleepChange, StageSpan, Usual},
};

use super::{
    error::Result,
    foods::DeleteInput,
    person::Person,
    scalars::{CheckOption, CheckPatch, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What somebody in bed does.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "sleep_stages::Stage")]
pub enum SleepStageKind {
    /// Lying awake.
    Awake,
    /// Light sleep: N1 and N2.
    Light,
    /// Deep sleep: N3.
    Deep,
    /// REM sleep.
    Rem,
    /// Asleep, in a stage that the source does not tell.
    Asleep,
}

/// A stretch of a sleep.
#[derive(SimpleObject)]
pub struct SleepStage {
    /// Which stage.
    stage: SleepStageKind,
    /// From when.
    started_at: DateTime,
    /// Until when.
    ended_at: DateTime,
}

/// Minutes by stage, as far as the source tells them.
#[derive(SimpleObject)]
pub struct SleepStageMinutes {
    /// Lying awake, before falling asleep and after waking too.
    awake: Decimal,
    /// Light sleep.
    light: Decimal,
    /// Deep sleep.
    deep: Decimal,
    /// REM sleep.
    rem: Decimal,
    /// Asleep, in a stage that the source does not tell.
    asleep: Decimal,
}

impl SleepStageMinutes {
    fn of(minutes_in: impl Fn(sleep_stages::Stage) -> Option<rust_decimal::Decimal>) -> Option<Self> {
        use sleep_stages::Stage;
        let minutes_in = |stage| minutes_in(stage).map(Decimal);
        Some(Self {
            awake: minutes_in(Stage::Awake)?,
            light: minutes_in(Stage::Light)?,
            deep: minutes_in(Stage::Deep)?,
            rem: minutes_in(Stage::Rem)?,
            asleep: minutes_in(Stage::Asleep)?,
        })
    }
}

/// A sleep: a night, a part of one, or a nap, as one source tells it.
pub struct Sleep(sleep::Sleep);

/// A sleep: a night, a part of one, or a nap, as one source tells it.
#[Object]
impl Sleep {
    /// Identifies it among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.row.id.0)
    }

    /// When they went to bed.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.row.started_at)
    }

    /// When they got up.
    async fn ended_at(&self) -> DateTime {
        DateTime(self.0.row.ended_at)
    }

    /// Where they woke. Show the times in it, wherever the person is by now.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.row.time_zone)?))
    }

    /// The day that it belongs to: the date that clocks showed where they woke, whenever their day starts.
    async fn date(&self) -> Date {
        Date(self.0.row.woke_on)
    }

    /// Whether it was a nap, which is no part of the night.
    async fn nap(&self) -> bool {
        self.0.row.is_nap
    }

    /// The stages in their order; none where the source tells none.
    async fn stages(&self) -> Vec<SleepStage> {
        let stage = |span: &StageSpan| SleepStage {
            stage: span.stage.into(),
            started_at: DateTime(span.started_at),
            ended_at: DateTime(span.ended_at),
        };
        self.0.stages.iter().map(stage).collect()
    }

    /// Minutes by stage; null without stages.
    async fn stage_minutes(&self) -> Option<SleepStageMinutes> {
        SleepStageMinutes::of(|stage| self.0.minutes_in(stage))
    }

    /// Minutes in bed.
    async fn in_bed_minutes(&self) -> Decimal {
        Decimal(self.0.in_bed())
    }

    /// Minutes asleep: the sum of the stages but AWAKE, else as told; null where neither is known.
    async fn asleep_minutes(&self) -> Option<Decimal> {
        self.0.asleep().map(Decimal)
    }

    /// `asleepMinutes` per `inBedMinutes`, in percent with three decimals.
    async fn efficiency(&self) -> Option<Decimal> {
        self.0.efficiency().map(Decimal)
    }

    /// Minutes from going to bed to falling asleep; null without stages.
    async fn latency_minutes(&self) -> Option<Decimal> {
        self.0.latency().map(Decimal)
    }

    /// Minutes awake between falling asleep and waking for the last time (WASO); null without stages.
    async fn awake_after_onset_minutes(&self) -> Option<Decimal> {
        self.0.awake_after_onset().map(Decimal)
    }

    /// Halfway between falling asleep and waking for the last time; between going to bed and getting up without stages.
    async fn midpoint(&self) -> DateTime {
        DateTime(self.0.midpoint())
    }

    /// manual, or the device or app that told it.
    async fn source(&self) -> &str {
        &self.0.row.source
    }

    /// How the source calls it.
    async fn source_id(&self) -> Option<&str> {
        self.0.row.source_id.as_deref()
    }

    /// The score that the device gives, 0 to 100 by its maker's own rules. `SleepDay.score` is Hale's.
    async fn device_score(&self) -> Option<Decimal> {
        self.0.row.device_score.map(Decimal)
    }

    /// What the person wrote beside it.
    async fn note(&self) -> Option<&str> {
        self.0.row.note.as_deref()
    }

    /// Who logged it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.row.created_by.filter(|writer| *writer != self.0.row.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.row.version
    }
}

/// A part of a sleep score.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Component")]
pub enum SleepScoreComponent {
    /// How long they slept: 100 for what is recommended at their age (7 to 9 hours for an adult, and where the age is not known), 25 less
    /// for each hour under it, and for each over it, there to 50 at the least. Weighs 40 %.
    Duration,
    /// How much of it was deep and REM sleep: half for 90 minutes of each. Weighs 20 %.
    Stages,
    /// How near to the median bedtime of the 14 days before they went to bed, three nights at the least: 100 up to 15 minutes from it,
    /// nothing two hours later, and 80 at the least where it was earlier. Weighs 20 %.
    Consistency,
    /// How little they lay awake in between: 80 for no more than 20 minutes, none for 90, and 20 for waking for more than five minutes once
    /// at most. Weighs 20 %.
    Interruptions,
}

/// A part of a sleep score, as it came out.
#[derive(SimpleObject)]
pub struct SleepScorePart {
    /// Which part.
    component: SleepScoreComponent,
    /// 0 to 100; null where it is not known.
    value: Option<Decimal>,
    /// What it weighs where all are known, in percent.
    weight: i32,
    /// What it weighs here, in percent with two decimals: more where another part is not known, and nothing where it is not itself.
    share: Decimal,
}

/// How well somebody slept, with the parts that say why.
#[derive(SimpleObject)]
pub struct SleepScore {
    /// 0 to 100: the parts by their shares, rounded once.
    value: Decimal,
    /// Which formula computed it. Scores of different ones do not compare.
    version: i32,
    /// Whether all parts are known. Else the others weigh more.
    complete: bool,
    /// What it is made of.
    parts: Vec<SleepScorePart>,
}

impl From<sleep::Score> for SleepScore {
    fn from(score: sleep::Score) -> Self {
        let part = |part: sleep::Part| SleepScorePart {
            component: part.component.into(),
            value: part.value.map(Decimal),
            weight: part.component.weight(),
            share: Decimal(part.share),
        };
        Self {
            value: Decimal(score.value),
            version: sleep::VERSION,
            complete: score.is_complete(),
            parts: score.parts.into_iter().map(part).collect(),
        }
    }
}

/// How a person slept until they woke on a day.
pub struct SleepDay(sleep::SleepDay);

impl SleepDay {
    /// The days from `from` to `to`, read by one statement.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Self>> {
        Ok(sleep::days(tx, person, from, to).await?.into_iter().map(Self).collect())
    }

    async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        let mut days = Self::between(tx, person, date, date).await?;
        Ok(days.swap_remove(0))
    }
}

/// How a person slept until they woke on a day. What is said of the night is of its parts together, naps are apart.
#[Object]
impl SleepDay {
    /// The day of waking: the date that clocks showed where they woke, whenever their day starts.
    async fn date(&self) -> Date {
        Date(self.0.date)
    }

    /// The night, in its parts: more than one where they got up in between.
    async fn night(&self) -> Vec<Sleep> {
        self.0.night.iter().cloned().map(Sleep).collect()
    }

    /// Naps.
    async fn naps(&self) -> Vec<Sleep> {
        self.0.naps.iter().cloned().map(Sleep).collect()
    }

    /// What does not count, because a source that is ranked higher tells of the same time. `setSourceRanking` decides for sleep.
    async fn outranked(&self) -> Vec<Sleep> {
        self.0.outranked.iter().cloned().map(Sleep).collect()
    }

    /// When they went to bed; null without a night.
    async fn bedtime(&self) -> Option<DateTime> {
        self.0.night.first().map(|first| DateTime(first.row.started_at))
    }

    /// When they got up; null without a night.
    async fn got_up_at(&self) -> Option<DateTime> {
        self.0.night.last().map(|last| DateTime(last.row.ended_at))
    }

    /// Halfway between falling asleep and waking for the last time; null without a night.
    async fn midpoint(&self) -> Option<DateTime> {
        self.0.midpoint().map(DateTime)
    }

    /// Minutes of the night in bed; null without a night.
    async fn in_bed_minutes(&self) -> Option<Decimal> {
        self.0.in_bed().map(Decimal)
    }

    /// Minutes of the night asleep; null without a night, and where they are not known of all its parts.
    async fn asleep_minutes(&self) -> Option<Decimal> {
        self.0.asleep().map(Decimal)
    }

    /// Minutes of naps asleep: in bed, where it is not known how much of it they slept.
    async fn nap_minutes(&self) -> Decimal {
        Decimal(self.0.napped())
    }

    /// `asleepMinutes` per `inBedMinutes`, in percent with three decimals.
    async fn efficiency(&self) -> Option<Decimal> {
        self.0.efficiency().map(Decimal)
    }

    /// Minutes from going to bed to falling asleep; null without stages.
    async fn latency_minutes(&self) -> Option<Decimal> {
        self.0.latency().map(Decimal)
    }

    /// Minutes awake between falling asleep and waking for the last time (WASO), out of bed between two parts of the night too, where that
    /// was for four hours at most; null without stages.
    async fn awake_after_onset_minutes(&self) -> Option<Decimal> {
        self.0.awake_after_onset().map(Decimal)
    }

    /// Minutes of the night by stage; null without stages.
    async fn stage_minutes(&self) -> Option<SleepStageMinutes> {
        SleepStageMinutes::of(|stage| self.0.minutes_in(stage))
    }

    /// How well they slept by Hale's rules; null where nobody knows how long. A device's own score is in `Sleep.deviceScore`.
    async fn score(&self) -> Result<Option<SleepScore>> {
        Ok(self.0.score()?.map(SleepScore::from))
    }
}

/// The middle of times of day: half past eleven and half past twelve at night meet at midnight.
#[derive(SimpleObject)]
pub struct UsualTime {
    /// The time of day, HH:MM, by the clocks where they were.
    time: String,
    /// The standard deviation from it, in minutes with one decimal.
    deviation_minutes: Decimal,
}

impl From<Usual> for UsualTime {
    fn from(usual: Usual) -> Self {
        let shown = |time: NaiveTime| time.format("%H:%M").to_string();
        Self { time: shown(usual.time), deviation_minutes: Decimal(usual.deviation) }
    }
}

/// How somebody sleeps, over some days. Naps do not count.
#[derive(SimpleObject)]
pub struct SleepAverages {
    /// How many nights there are.
    nights: i32,
    /// When they go to bed.
    bedtime: Option<UsualTime>,
    /// When they get up.
    got_up: Option<UsualTime>,
    /// The middle of their nights; its deviation says how regular they are.
    midpoint: Option<UsualTime>,
    /// Minutes asleep, of the nights of which they are known.
    asleep_minutes: Option<Decimal>,
    /// Minutes asleep per minute in bed, of those nights, in percent with three decimals.
    efficiency: Option<Decimal>,
}

impl SleepAverages {
    /// Of the days from `from` to `to`.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Self> {
        let averages = Averages::of(&sleep::days(tx, person, from, to).await?)?;
        Ok(Self {
            nights: i32::try_from(averages.nights).unwrap_or(i32::MAX),
            bedtime: averages.bedtime.map(Into::into),
            got_up: averages.got_up.map(Into::into),
            midpoint: averages.midpoint.map(Into::into),
            asleep_minutes: averages.asleep.map(Decimal),
            efficiency: averages.efficiency.map(Decimal),
        })
    }
}

/// A stretch of a sleep.
#[derive(InputObject)]
pub struct SleepStageInput {
    /// Which stage.
    stage: SleepStageKind,
    /// From when.
    started_at: Unchecked<DateTime>,
    /// Until when.
    ended_at: Unchecked<DateTime>,
}

fn spans(stages: Vec<SleepStageInput>) -> Result<Vec<StageSpan>> {
    let span = |(position, stage): (usize, SleepStageInput)| {
        Ok(StageSpan {
            stage: stage.stage.into(),
            started_at: stage.started_at.check(&format!("stages[{position}].startedAt"))?.0,
            ended_at: stage.ended_at.check(&format!("stages[{position}].endedAt"))?.0,
        })
    };
    stages.into_iter().enumerate().map(span).collect()
}

/// A sleep. What the same source told before under `sourceId` is replaced; told again as it was, it leaves alone what the person changed.
#[derive(InputObject)]
pub struct LogSleepInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// When they went to bed.
    started_at: Unchecked<DateTime>,
    /// When they got up, at most 24 hours later. The date there is the day it belongs to.
    ended_at: Unchecked<DateTime>,
    /// Where they woke; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Whether it was a nap.
    #[graphql(default)]
    nap: bool,
    /// How long they slept, with at most 3 decimals, where `stages` do not tell it.
    asleep_minutes: Option<Unchecked<Decimal>>,
    /// The stages, at most 1000. None may overlap another, and all lie within the sleep.
    #[graphql(default)]
    stages: Vec<SleepStageInput>,
    /// The device or app that tells it, at most 100 characters; manual when absent. Two sleeps of one source may not overlap.
    source: Option<String>,
    /// How the source calls it, at most 200 characters.
    source_id: Option<String>,
    /// The score that the device gives, 0 to 100.
    device_score: Option<Unchecked<Decimal>>,
    /// Anything to remember, at most 1000 characters.
    note: Option<String>,
}

/// What is to change of a sleep. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateSleepInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// When they went to bed.
    started_at: Option<Unchecked<DateTime>>,
    /// When they got up; the day follows.
    ended_at: Option<Unchecked<DateTime>>,
    /// Where they woke; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Whether it was a nap.
    nap: Option<bool>,
    /// How long they slept, where there are no stages.
    asleep_minutes: MaybeUndefined<Unchecked<Decimal>>,
    /// Replaces all stages.
    stages: Option<Vec<SleepStageInput>>,
    /// Anything to remember, at most 1000 characters.
    note: MaybeUndefined<String>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// What was logged, and the day to draw.
#[derive(SimpleObject)]
pub struct LogSleepPayload {
    /// The sleep.
    sleep: Sleep,
    /// The day it is on.
    day: SleepDay,
}

/// The sleep after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdateSleepPayload {
    /// The sleep.
    sleep: Sleep,
    /// The day it is on, and before that the one it was on if it moved.
    days: Vec<SleepDay>,
}

/// What is gone, and the day to draw.
#[derive(SimpleObject)]
pub struct DeleteSleepPayload {
    /// The id of the sleep.
    deleted_id: Uuid,
    /// The day it was on.
    day: SleepDay,
}

/// Logging sleep.
#[derive(Default)]
pub struct SleepMutation;

#[Object]
impl SleepMutation {
    /// Logs a night, a part of one, or a nap.
    async fn log_sleep(&self, ctx: &Context<'_>, #[graphql(desc = "The sleep.")] input: LogSleepInput) -> Option<Result<LogSleepPayload>> {
        nullable(async {
            let new = NewSleep {
                id: input.id.check("id")?.map(|id| SleepEntryId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                started_at: input.started_at.check("startedAt")?.0,
                ended_at: input.ended_at.check("endedAt")?.0,
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                is_nap: input.nap,
                asleep_minutes: input.asleep_minutes.check("asleepMinutes")?.map(|minutes| minutes.0),
                stages: spans(input.stages)?,
                source: input.source,
                source_id: input.source_id,
                device_score: input.device_score.check("deviceScore")?.map(|score| score.0),
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let sleep = sleep::log(&tx, new).await?;
            let day = SleepDay::on(&tx, sleep.row.user_id, sleep.row.woke_on).await?;
            scope(ctx).note_read(sleep.row.user_id, AccessType::Checkin);
            tx.commit().await?;
            Ok(LogSleepPayload { sleep: Sleep(sleep), day })
        })
        .await
    }

    /// Changes a sleep.
    async fn update_sleep(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateSleepInput,
    ) -> Option<Result<UpdateSleepPayload>> {
        nullable(async {
            let id = SleepEntryId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = SleepChange {
                started_at: input.started_at.check("startedAt")?.map(|at| at.0),
                ended_at: input.ended_at.check("endedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                is_nap: input.nap,
                asleep_minutes: input.asleep_minutes.check("asleepMinutes")?.map(|minutes| minutes.map(|minutes| minutes.0)),
                stages: input.stages.map(spans).transpose()?,
                note: input.note.into(),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (sleep, before) = sleep::update(&tx, person, id, change).await?;
            let (person, on) = (sleep.row.user_id, sleep.row.woke_on);
            let mut days = vec![SleepDay::on(&tx, person, on).await?];
            if before != on {
                days.push(SleepDay::on(&tx, person, before).await?);
            }
            scope(ctx).note_read(person, AccessType::Checkin);
            tx.commit().await?;
            Ok(UpdateSleepPayload { sleep: Sleep(sleep), days })
        })
        .await
    }

    /// Takes a sleep away. Of a device's it stays away, whatever the device tells again.
    async fn delete_sleep(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteSleepPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, on) = sleep::delete(&tx, person, SleepEntryId(id.0), input.expected_version).await?;
            let day = SleepDay::on(&tx, person, on).await?;
            scope(ctx).note_read(person, AccessType::Checkin);
            tx.commit().await?;
            Ok(DeleteSleepPayload { deleted_id: id, day })
        })
        .await
    }
}
