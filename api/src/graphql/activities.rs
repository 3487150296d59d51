//! Recorded activities: what files of watches tell, beside the entries of the exercise diary that they are.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{
    activities as rows, activity_splits as splits,
    id::{ActivityId, RecordingId, UserId},
};
use service::{
    access::Tx,
    activities::{self, ShownTrack},
    exercise_energy::target_heart_rate,
    pace,
    track::{self, heart_rate::ZONES},
};

use super::{
    error::{Error, Result},
    exercise_diary::Pace,
    scalars::{DateTime, Decimal, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "track::Sport")]
pub enum Sport {
    /// On foot, running.
    Running,
    /// On a bicycle.
    Cycling,
    /// On foot, walking.
    Walking,
    /// On foot in the hills.
    Hiking,
    /// In water.
    Swimming,
    /// In a boat or on a machine.
    Rowing,
    /// On skis.
    Skiing,
    /// Something else, or not told.
    Other,
}

/// A recorded activity. `POST /activities` makes them of GPX, TCX and FIT files.
#[derive(Clone)]
pub struct Activity(pub rows::Model);

/// A recorded activity. `POST /activities` makes them of GPX, TCX and FIT files of at most 20 MiB, compressed with gzip or not. Where several
/// files are of the same activity, each number is of the best one that has it: with places, then with more points, then FIT, TCX, GPX.
#[Object]
impl Activity {
    /// Identifies the activity among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The entry of the exercise diary that it is.
    async fn exercise_entry_id(&self) -> Uuid {
        Uuid(self.0.exercise_entry_id.0)
    }

    /// What was done.
    async fn sport(&self) -> Sport {
        track::Sport::of_code(&self.0.sport).unwrap_or_default().into()
    }

    /// What recorded it.
    async fn device(&self) -> Option<&str> {
        self.0.device.as_deref()
    }

    /// When it began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// From start to end, in seconds.
    async fn elapsed_seconds(&self) -> Decimal {
        Decimal(self.0.elapsed_seconds)
    }

    /// Without interruptions of the recording, in seconds.
    async fn duration_seconds(&self) -> Decimal {
        Decimal(self.0.duration_seconds)
    }

    /// The time in motion, in seconds: faster than 1 m/s by bicycle or ski, 0.8 running, 0.5 rowing, 0.2 swimming, 0.3 otherwise.
    async fn moving_seconds(&self) -> Decimal {
        Decimal(self.0.moving_seconds)
    }

    /// How far, in metres: as the device says, else along the surface of the earth from point to point.
    async fn distance_meters(&self) -> Option<Decimal> {
        self.0.distance_m.map(Decimal)
    }

    /// How fast, by the time in motion.
    async fn pace(&self) -> Option<Pace> {
        pace::Pace::of(self.0.distance_m?, self.0.moving_seconds).map(Pace::from)
    }

    /// Climbed, in metres: from each turn of 3 m and more, for less is what altimeters do by themselves.
    async fn elevation_gain_meters(&self) -> Option<Decimal> {
        self.0.elevation_gain_m.map(Decimal)
    }

    /// Descended, in metres, in the same way.
    async fn elevation_loss_meters(&self) -> Option<Decimal> {
        self.0.elevation_loss_m.map(Decimal)
    }

    /// Heartbeats per minute on average over time.
    async fn average_heart_rate(&self) -> Option<i32> {
        self.0.average_heart_rate
    }

    /// The highest heart rate, in beats per minute.
    async fn max_heart_rate(&self) -> Option<i32> {
        self.0.max_heart_rate
    }

    /// Steps, strokes or turns per minute on average, as the device counts them.
    async fn average_cadence(&self) -> Option<i32> {
        self.0.average_cadence
    }

    /// Watts on average.
    async fn average_power(&self) -> Option<i32> {
        self.0.average_power
    }

    /// Energy in kcal as the device says.
    async fn device_calories(&self) -> Option<i32> {
        self.0.device_calories
    }

    /// How long the heart beat how fast, by the maximum that Tanaka's formula gave for the age then; empty without an age or heart rates.
    async fn heart_rate_zones(&self) -> Vec<HeartRateZone> {
        let (Some(seconds), Some(highest)) = (&self.0.zone_seconds, self.0.zones_of_heart_rate) else { return Vec::new() };
        let from = [0].into_iter().chain(ZONES);
        let zone = |(from_percent, seconds): (i32, &i32)| HeartRateZone {
            from_percent,
            from_heart_rate: Decimal(highest * rust_decimal::Decimal::new(from_percent.into(), 2)),
            seconds: *seconds,
        };
        from.zip(seconds).map(zone).collect()
    }
}

/// A zone of heart rate, up to the next one.
#[derive(SimpleObject)]
pub struct HeartRateZone {
    /// Where it begins, in percent of the maximal heart rate.
    from_percent: i32,
    /// Where it begins, in beats per minute.
    from_heart_rate: Decimal,
    /// How long it was, in seconds. A value of the device holds for a minute at most.
    seconds: i32,
}

/// Heart rates to train at, up to those of the next one.
#[derive(SimpleObject)]
pub struct TrainingZone {
    /// Where it begins, in percent of the maximal heart rate or, where the resting one is told, of what lies between the two.
    from_percent: i32,
    /// Where it begins, in beats per minute.
    from_heart_rate: Decimal,
}

impl TrainingZone {
    /// The five zones: of the reserve where the resting heart rate is told, else of the maximum.
    pub fn all(highest: rust_decimal::Decimal, resting: Option<i32>) -> Vec<Self> {
        let resting = resting.map_or(rust_decimal::Decimal::ZERO, Into::into);
        let zone = |from_percent| Self { from_percent, from_heart_rate: Decimal(target_heart_rate(resting, highest, from_percent)) };
        ZONES.into_iter().map(zone).collect()
    }
}

/// A part of an activity.
#[derive(SimpleObject)]
pub struct ActivitySplit {
    /// How far, in metres.
    distance_meters: Option<Decimal>,
    /// How long, in seconds, pauses included.
    duration_seconds: Decimal,
    /// How long after the start of the activity it begins, in seconds; null but for the fastest stretches.
    begins_after_seconds: Option<Decimal>,
    /// Heartbeats per minute on average.
    average_heart_rate: Option<i32>,
    /// The highest heart rate.
    max_heart_rate: Option<i32>,
}

impl From<&splits::Model> for ActivitySplit {
    fn from(split: &splits::Model) -> Self {
        Self {
            distance_meters: split.distance_m.map(Decimal),
            duration_seconds: Decimal(split.duration_seconds),
            begins_after_seconds: split.begins_seconds.map(Decimal),
            average_heart_rate: split.average_heart_rate,
            max_heart_rate: split.max_heart_rate,
        }
    }
}

/// An activity in detail.
pub struct ActivityDetails {
    activity: rows::Model,
    splits: Vec<splits::Model>,
}

impl ActivityDetails {
    /// The activity of this id, if the viewer may see it.
    pub async fn find(tx: &Tx, person: UserId, id: ActivityId) -> Result<Option<Self>> {
        let Some(activity) = activities::find(tx, person, id).await? else { return Ok(None) };
        Ok(Some(Self { splits: activities::parts_of(tx, person, id).await?, activity }))
    }

    fn of_kind(&self, kind: &str) -> Vec<ActivitySplit> {
        self.splits.iter().filter(|split| split.kind == kind).map(ActivitySplit::from).collect()
    }
}

/// An activity in detail.
#[Object]
impl ActivityDetails {
    /// The activity.
    async fn activity(&self) -> Activity {
        Activity(self.activity.clone())
    }

    /// The laps, as the device says.
    async fn laps(&self) -> Vec<ActivitySplit> {
        self.of_kind("lap")
    }

    /// Each kilometre, and what is left; empty where there are more than 1,000.
    async fn kilometers(&self) -> Vec<ActivitySplit> {
        self.of_kind("kilometre")
    }

    /// Each mile, and what is left; empty where there are more than 1,000.
    async fn miles(&self) -> Vec<ActivitySplit> {
        self.of_kind("mile")
    }

    /// The fastest stretches of 400 and 800 m, 1 km, a mile, 5, 10 and 20 km, a half marathon, 40 km, a marathon and 100 km.
    async fn best_efforts(&self) -> Vec<ActivitySplit> {
        self.of_kind("best")
    }

    /// The files that it is made of, the one whose track it shows first; empty for everybody but the owner.
    async fn recordings(&self, ctx: &Context<'_>) -> Result<Vec<ActivityRecording>> {
        let tx = scope(ctx).read().await?;
        let recordings = activities::recordings_of(&tx, self.activity.user_id, self.activity.id).await?;
        Ok(recordings.into_iter().map(ActivityRecording::from).collect())
    }

    /// Where it went, and what the device noted there. Relatives do not see the points that lie in a privacy zone of the owner's.
    async fn track(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many points, evenly taken: 2 to 20000.", default = 1000)] max_points: i32,
    ) -> Option<Result<ActivityTrack>> {
        let track = async {
            let most = usize::try_from(max_points).ok().filter(|most| (2..=20_000).contains(most));
            let most = most.ok_or_else(|| Error::invalid("maxPoints", "must be between 2 and 20000"))?;
            let track = activities::track(&*scope(ctx).read().await?, self.activity.user_id, self.activity.id).await?;
            Ok(track.map(|track| ActivityTrack::thinned(&track, most)))
        };
        track.await.transpose()
    }
}

/// A file of an activity.
#[derive(SimpleObject)]
pub struct ActivityRecording {
    /// Identifies the recording; `separateActivity` takes it.
    id: Uuid,
    /// gpx, tcx or fit.
    format: String,
    /// What recorded it.
    device: Option<String>,
    /// When it began.
    started_at: DateTime,
    /// When it ended.
    ended_at: DateTime,
    /// How far, in metres.
    distance_meters: Option<Decimal>,
    /// Whether the activity shows its track.
    primary: bool,
}

impl From<activities::Recording> for ActivityRecording {
    fn from(recording: activities::Recording) -> Self {
        Self {
            id: Uuid(recording.id.0),
            format: recording.format,
            device: recording.device,
            started_at: DateTime(recording.started_at),
            ended_at: DateTime(recording.ended_at),
            distance_meters: recording.distance_m.map(Decimal),
            primary: recording.is_primary,
        }
    }
}

/// The track of an activity.
#[derive(SimpleObject)]
pub struct ActivityTrack {
    /// Whether points are left out because they lie in a privacy zone.
    hidden: bool,
    /// In the order of time.
    points: Vec<TrackPoint>,
}

/// What a device noted at one moment; null is what it did not.
#[derive(SimpleObject)]
pub struct TrackPoint {
    /// Since the start of the activity.
    seconds: Decimal,
    /// Degrees north.
    latitude: Option<Decimal>,
    /// Degrees east.
    longitude: Option<Decimal>,
    /// Metres above the sea.
    elevation: Option<Decimal>,
    /// Beats per minute.
    heart_rate: Option<i32>,
    /// Steps, strokes or turns per minute.
    cadence: Option<i32>,
    /// Watts.
    power: Option<i32>,
}

impl ActivityTrack {
    fn thinned(track: &ShownTrack, most: usize) -> Self {
        let noted = ShownTrack::noted;
        let scaled =
            |column: &[i32], place, decimals| noted(column, place).map(|value| Decimal(rust_decimal::Decimal::new(value.into(), decimals)));
        let point = |place| {
            Some(TrackPoint {
                seconds: scaled(&track.offsets, place, 3)?,
                latitude: scaled(&track.latitudes, place, 7),
                longitude: scaled(&track.longitudes, place, 7),
                elevation: scaled(&track.elevations, place, 1),
                heart_rate: noted(&track.heart_rates, place),
                cadence: noted(&track.cadences, place),
                power: noted(&track.powers, place),
            })
        };
        Self { hidden: track.hidden, points: ShownTrack::places(track.offsets.len(), most).filter_map(point).collect() }
    }
}

/// The fastest stretch of a distance among all activities of a sport.
#[derive(SimpleObject)]
pub struct ActivityRecord {
    /// How far, in metres.
    distance_meters: Decimal,
    /// How long, in seconds, pauses included.
    duration_seconds: Decimal,
    /// How long after the start of the activity it begins, in seconds.
    begins_after_seconds: Decimal,
    /// In which activity.
    activity_id: Uuid,
    /// When that began.
    started_at: DateTime,
}

impl From<activities::Record> for ActivityRecord {
    fn from(record: activities::Record) -> Self {
        Self {
            distance_meters: Decimal(record.distance_m),
            duration_seconds: Decimal(record.duration_seconds),
            begins_after_seconds: Decimal(record.begins_seconds),
            activity_id: Uuid(record.activity_id.0),
            started_at: DateTime(record.started_at),
        }
    }
}

/// Which activities are the same one.
#[derive(InputObject)]
pub struct MergeActivitiesInput {
    /// The activity that stays, with its entry in the diary.
    into_id: Unchecked<Uuid>,
    /// The activity whose recordings become recordings of the other one; its entry is deleted.
    from_id: Unchecked<Uuid>,
}

/// The activity with all recordings.
#[derive(SimpleObject)]
pub struct MergeActivitiesPayload {
    /// The activity.
    activity: Activity,
}

/// Which recording is an activity of its own.
#[derive(InputObject)]
pub struct SeparateActivityInput {
    /// Which recording.
    recording_id: Unchecked<Uuid>,
}

/// What was one activity, and is two.
#[derive(SimpleObject)]
pub struct SeparateActivityPayload {
    /// What is left of it.
    activity: Activity,
    /// What was taken out, with an entry of its own in the diary.
    separated: Activity,
}

/// Recorded activities.
#[derive(Default)]
pub struct ActivitiesMutation;

#[Object]
impl ActivitiesMutation {
    /// Makes two of the viewer's activities one: for what was not recognised as the same by itself. `separateActivity` takes it back.
    async fn merge_activities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which ones.")] input: MergeActivitiesInput,
    ) -> Option<Result<MergeActivitiesPayload>> {
        nullable(async {
            let (into, from) = (ActivityId(input.into_id.check("intoId")?.0), ActivityId(input.from_id.check("fromId")?.0));
            let tx = scope(ctx).write().await?;
            let activity = activities::merge(&tx, into, from).await?;
            tx.commit().await?;
            Ok(MergeActivitiesPayload { activity: Activity(activity) })
        })
        .await
    }

    /// Takes a recording out of an activity of the viewer's: it becomes one of its own, and is not merged by itself again.
    async fn separate_activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: SeparateActivityInput,
    ) -> Option<Result<SeparateActivityPayload>> {
        nullable(async {
            let id = RecordingId(input.recording_id.check("recordingId")?.0);
            let tx = scope(ctx).write().await?;
            let (activity, separated) = activities::separate(&tx, id).await?;
            tx.commit().await?;
            Ok(SeparateActivityPayload { activity: Activity(activity), separated: Activity(separated) })
        })
        .await
    }
}
