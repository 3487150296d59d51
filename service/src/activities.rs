//! Recorded activities: files of watches become entries of the exercise diary, with their track, splits and best efforts beside.
//!
//! The same file is imported once. Another file of the same activity becomes another recording of it: each number of the activity is of
//! the best recording that has it, which is one with places, then with more points, then FIT before TCX before GPX. A recording can be
//! taken out again, and is then an activity of its own. What is written is computed anew from the files, which are kept.

use std::cmp::{Reverse, max, min};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    activities::{ActiveModel, Column, Entity, Model},
    activity_recordings as recordings, activity_splits as splits, exercise_diary as diary, exercises,
    id::{ActivityId, ExerciseEntryId, RecordingId, UserId},
    unit::round,
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect,
    Statement,
    sea_query::{Expr, ExprTrait, Query},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    access::Tx,
    activity_files::{self, Format},
    day::Calendar,
    error::{Error, Result},
    exercise_energy::{self, Effort, max_heart_rate},
    page::{Page, PageRequest},
    track::{Point, Position, Sport, Track, efforts, heart_rate},
};

/// The most that a person's files may take, compressed, in bytes.
const MOST_BYTES: i64 = 500 << 20;
/// The most kilometres, or miles, that are shown one by one.
const MOST_SPLITS: usize = 1_000;
/// What stands where a device noted nothing.
const NOTHING: i32 = i32::MIN;

/// A file that was read.
pub struct File {
    /// What it is.
    pub format: Format,
    /// What is in it.
    pub track: Track,
    sha256: Vec<u8>,
    kept: Vec<u8>,
}

/// Reads a file, or says what is wrong with it. Needs no transaction, and should hold none.
pub async fn read(bytes: Vec<u8>, now: DateTime<Utc>) -> Result<File> {
    let sha256 = Sha256::digest(&bytes).to_vec();
    let (format, track, kept) = activity_files::read(bytes, now).await?;
    Ok(File { format, track, sha256, kept })
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new activity.
    Created,
    /// The file was imported before.
    Repeated,
    /// It is another recording of an activity that was there.
    Merged,
}

/// A recording, without its file and its track.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Recording {
    /// Identifies it.
    pub id: RecordingId,
    /// Of which activity.
    pub activity_id: ActivityId,
    /// Whether the activity shows its track.
    pub is_primary: bool,
    /// gpx, tcx or fit.
    pub format: String,
    /// What was done.
    pub sport: String,
    /// What recorded it.
    pub device: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How far, in metres.
    pub distance_m: Option<Decimal>,
    /// The first place in it.
    pub latitude: Option<i32>,
    /// The first place in it.
    pub longitude: Option<i32>,
}

/// Imports a file into the viewer's diary.
pub async fn import(tx: &Tx, file: File, time_zone: Option<Tz>) -> Result<(Model, Outcome)> {
    let person = tx.viewer()?;
    if let Some(activity) = imported(tx, person, &file.sha256).await? {
        return Ok((activity, Outcome::Repeated));
    }
    let size = i64::try_from(file.kept.len()).unwrap_or(i64::MAX);
    let used: i64 = tx
        .query_one_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT coalesce(sum(octet_length(file)), 0)::bigint FROM activity_recordings WHERE user_id = $1",
            [person.0.into()],
        ))
        .await?
        .map_or(Ok(0), |row| row.try_get_by_index(0))?;
    if used + size > MOST_BYTES {
        let mebibytes = MOST_BYTES >> 20;
        return Err(Error::invalid("file", format!("your files would take more than {mebibytes} MiB: delete activities first")));
    }
    let row = recording(tx, person, &file);
    if let Some(activity) = same_activity(tx, person, &file.track).await? {
        insert_recording(tx, recordings::ActiveModel { activity_id: Set(activity), ..row }).await?;
        return Ok((compute(tx, person, activity).await?, Outcome::Merged));
    }
    let activity = begin(tx, person, &file.track, time_zone).await?;
    insert_recording(tx, recordings::ActiveModel { activity_id: Set(activity), ..row }).await?;
    Ok((compute(tx, person, activity).await?, Outcome::Created))
}

/// The activity of this very file. One whose entry was deleted makes room for it to be imported again.
async fn imported(tx: &Tx, person: UserId, sha256: &[u8]) -> Result<Option<Model>> {
    let row = recordings::Entity::find()
        .select_only()
        .column(recordings::Column::ActivityId)
        .filter(recordings::Column::UserId.eq(person))
        .filter(recordings::Column::Sha256.eq(sha256));
    let Some(activity) = row.into_tuple::<ActivityId>().one(tx).await? else { return Ok(None) };
    let living = find(tx, person, activity).await?;
    if living.is_none() {
        Entity::delete_by_id((person, activity)).exec(tx).await?;
    }
    Ok(living)
}

fn recording(tx: &Tx, person: UserId, file: &File) -> recordings::ActiveModel {
    let track = &file.track;
    let column = |value: fn(&Point) -> Option<i32>| {
        let noted = track.points.iter().any(|point| value(point).is_some());
        if noted { track.points.iter().map(|point| value(point).unwrap_or(NOTHING)).collect() } else { Vec::new() }
    };
    recordings::ActiveModel {
        user_id: Set(person),
        id: Set(RecordingId(tx.new_id())),
        is_primary: Set(false),
        sha256: Set(file.sha256.clone()),
        format: Set(file.format.code().to_owned()),
        file: Set(file.kept.clone()),
        sport: Set(track.sport.code().to_owned()),
        device: Set(track.device.clone()),
        started_at: Set(track.started_at),
        ended_at: Set(track.ended_at()),
        distance_m: Set(track.summary().distance),
        // A week of milliseconds fits.
        offsets: Set(track.points.iter().map(|point| i32::try_from(point.at).unwrap_or(i32::MAX)).collect()),
        latitudes: Set(column(|point| point.position.map(|position| position.latitude))),
        longitudes: Set(column(|point| point.position.map(|position| position.longitude))),
        elevations: Set(column(|point| point.elevation)),
        heart_rates: Set(column(|point| point.heart_rate)),
        cadences: Set(column(|point| point.cadence)),
        powers: Set(column(|point| point.power)),
        ..Default::default()
    }
}

async fn insert_recording(tx: &Tx, row: recordings::ActiveModel) -> Result<()> {
    recordings::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// What tells whether two recordings are of the same activity.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    sport: Sport,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    distance: Option<Decimal>,
    begins: Option<Position>,
}

impl Shape {
    /// The same time (four fifths of the longer one), and nothing that speaks against it: another sport, a distance that differs by more
    /// than a tenth, or a start 250 m and more away.
    fn is_of_the_same_activity(self, other: Self) -> bool {
        let common = (min(self.until, other.until) - max(self.from, other.from)).num_milliseconds();
        let longer = max(self.until - self.from, other.until - other.from).num_milliseconds();
        let sports = self.sport == other.sport || self.sport == Sport::Other || other.sport == Sport::Other;
        let distances = match (self.distance, other.distance) {
            (Some(one), Some(other)) => (one - other).abs() * Decimal::TEN <= max(one, other),
            _ => true,
        };
        let places = match (self.begins, other.begins) {
            (Some(one), Some(other)) => one.metres_to(other) < 250.0,
            _ => true,
        };
        common > 0 && common * 5 >= longer * 4 && sports && distances && places
    }
}

/// The living activity that this is another recording of.
async fn same_activity(tx: &Tx, person: UserId, track: &Track) -> Result<Option<ActivityId>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "{RECORDINGS} WHERE r.user_id = $1 AND NOT r.separated AND r.started_at BETWEEN $2 AND $3 AND r.ended_at > $4
               AND EXISTS (SELECT FROM activities a JOIN exercise_diary e ON e.user_id = a.user_id AND e.id = a.exercise_entry_id
                           WHERE a.user_id = r.user_id AND a.id = r.activity_id AND e.deleted_at IS NULL)
             ORDER BY r.started_at, r.id"
        ),
        [person.0.into(), (track.started_at - TimeDelta::days(7)).into(), track.ended_at().into(), track.started_at.into()],
    );
    let new = Shape {
        sport: track.sport,
        from: track.started_at,
        until: track.ended_at(),
        distance: track.summary().distance,
        begins: track.begins(),
    };
    let shape = |recording: &Recording| Shape {
        sport: Sport::of_code(&recording.sport).unwrap_or_default(),
        from: recording.started_at,
        until: recording.ended_at,
        distance: recording.distance_m,
        begins: recording.latitude.zip(recording.longitude).map(|(latitude, longitude)| Position { latitude, longitude }),
    };
    let near = Recording::find_by_statement(statement).all(tx).await?;
    Ok(near.iter().find(|recording| shape(recording).is_of_the_same_activity(new)).map(|recording| recording.activity_id))
}

/// Recordings without what is large in them; of the places the first one.
const RECORDINGS: &str = "
    SELECT r.id, r.activity_id, r.is_primary, r.format, r.sport, r.device, r.started_at, r.ended_at, r.distance_m, p.latitude, p.longitude
    FROM activity_recordings r LEFT JOIN LATERAL (
      SELECT p.latitude, p.longitude FROM unnest(r.latitudes, r.longitudes) WITH ORDINALITY AS p (latitude, longitude, number)
      WHERE p.latitude > -2147483648 ORDER BY number LIMIT 1) p ON true";

/// Begins an activity with an entry in the diary, whose numbers are computed afterwards.
async fn begin(tx: &Tx, person: UserId, track: &Track, time_zone: Option<Tz>) -> Result<ActivityId> {
    let moment = Calendar::of(tx, person).await?.moment("file", Some(track.started_at), time_zone, tx.now())?;
    let exercise = exercise_of(tx, track.sport).await?;
    let (id, entry) = (ActivityId(tx.new_id()), ExerciseEntryId(tx.new_id()));
    let name = exercise.as_ref().map(|exercise| exercise.name.clone());
    let row = diary::ActiveModel {
        user_id: Set(person),
        id: Set(entry),
        exercise_id: Set(exercise.map(|exercise| exercise.id)),
        exercise_name: Set(name.unwrap_or_else(|| track.name.clone().unwrap_or_else(|| track.sport.title().to_owned()))),
        notes: Set(track.name.clone()),
        performed_at: Set(moment.at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        performed_on: Set(moment.on),
        ..Default::default()
    };
    diary::Entity::insert(row).exec_without_returning(tx).await?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        exercise_entry_id: Set(entry),
        sport: Set(track.sport.code().to_owned()),
        started_at: Set(track.started_at),
        elapsed_seconds: Set(Decimal::ZERO),
        duration_seconds: Set(Decimal::ZERO),
        moving_seconds: Set(Decimal::ZERO),
        ..Default::default()
    };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(id)
}

/// The exercise of a sport: one's own before the catalogue's.
async fn exercise_of(tx: &Tx, sport: Sport) -> Result<Option<exercises::Model>> {
    let names: Vec<String> = sport.exercise_names().iter().map(|name| (*name).to_owned()).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let lower = || Expr::cust("lower(name)");
    let found = exercises::Entity::find()
        .filter(exercises::Column::DeletedAt.is_null())
        .filter(lower().is_in(names.clone()))
        .order_by(exercises::Column::OwnerId.is_null(), Order::Asc)
        .order_by_asc(exercises::Column::Id)
        .all(tx)
        .await?;
    let place = |exercise: &exercises::Model| names.iter().position(|name| *name == exercise.name.to_lowercase());
    Ok(found.into_iter().min_by_key(|exercise| (exercise.owner_id.is_none(), place(exercise))))
}

/// Computes an activity, its splits and its entry from the files of its recordings.
async fn compute(tx: &Tx, person: UserId, activity: ActivityId) -> Result<Model> {
    let rows = recordings::Entity::find()
        .select_only()
        .columns([recordings::Column::Id, recordings::Column::File])
        .filter(recordings::Column::UserId.eq(person))
        .filter(recordings::Column::ActivityId.eq(activity))
        .order_by_asc(recordings::Column::Id);
    let mut files = Vec::new();
    for (id, file) in rows.into_tuple::<(RecordingId, Vec<u8>)>().all(tx).await? {
        let (format, track) = activity_files::read_again(file, tx.now()).await?;
        files.push((id, format, track));
    }
    // The best one first.
    files.sort_by_key(|(_, format, track)| (track.begins().is_none(), Reverse(track.points.len()), Reverse(*format)));
    let Some((primary, ..)) = files.first() else { return Err(Error::internal("an activity without recordings")) };
    let primary = *primary;
    let tracks: Vec<&Track> = files.iter().map(|(.., track)| track).collect();
    let activity_row = Entity::find_by_id((person, activity)).one(tx).await?.ok_or(Error::NotFound("activity"))?;
    let body = exercise_energy::body_at(tx, person, tracks[0].started_at).await?;
    let row = ActiveModel { user_id: Unchanged(person), id: Unchanged(activity), ..summarised(&tracks, body.age) };
    let row = Entity::update(row).exec(tx).await?;

    let parts = parts(person, activity, tracks[0]);
    splits::Entity::delete_many()
        .filter(splits::Column::UserId.eq(person))
        .filter(splits::Column::ActivityId.eq(activity))
        .exec(tx)
        .await?;
    splits::Entity::insert_many(parts).exec_without_returning(tx).await?;
    recordings::Entity::update_many()
        .col_expr(recordings::Column::IsPrimary, Expr::col(recordings::Column::Id).eq(primary.0))
        .filter(recordings::Column::UserId.eq(person))
        .filter(recordings::Column::ActivityId.eq(activity))
        .exec(tx)
        .await?;
    write_entry(tx, &row, activity_row.exercise_entry_id, &body).await?;
    Ok(row)
}

/// What recordings of an activity, the best one first, add up to.
fn summarised(tracks: &[&Track], age: Option<i32>) -> ActiveModel {
    let summaries: Vec<_> = tracks.iter().map(|track| track.summary()).collect();
    let first = &summaries[0];
    let sport = tracks.iter().map(|track| track.sport).find(|sport| *sport != Sport::Other).unwrap_or_default();
    let average = summaries.iter().find_map(|summary| summary.average_heart_rate);
    let highest = age.map(max_heart_rate);
    let zones = highest.and_then(|highest| tracks.iter().find_map(|track| heart_rate::time_in_zones(track, highest)));
    let seconds = |zones: [i64; 6]| zones.iter().map(|held| i32::try_from((held + 500) / 1000).unwrap_or(i32::MAX)).collect::<Vec<_>>();
    ActiveModel {
        sport: Set(sport.code().to_owned()),
        device: Set(tracks.iter().find_map(|track| track.device.clone())),
        started_at: Set(tracks[0].started_at),
        elapsed_seconds: Set(first.elapsed),
        duration_seconds: Set(first.duration),
        moving_seconds: Set(first.moving),
        distance_m: Set(summaries.iter().find_map(|summary| summary.distance)),
        elevation_gain_m: Set(summaries.iter().find_map(|summary| summary.elevation_gain)),
        elevation_loss_m: Set(summaries.iter().find_map(|summary| summary.elevation_loss)),
        average_heart_rate: Set(average),
        // The two may be of different devices.
        max_heart_rate: Set(max(summaries.iter().find_map(|summary| summary.max_heart_rate), average)),
        average_cadence: Set(summaries.iter().find_map(|summary| summary.average_cadence)),
        average_power: Set(summaries.iter().find_map(|summary| summary.average_power)),
        device_calories: Set(tracks.iter().find_map(|track| track.calories)),
        zones_of_heart_rate: Set(zones.and(highest)),
        zone_seconds: Set(zones.map(seconds)),
        ..Default::default()
    }
}

fn parts(person: UserId, activity: ActivityId, track: &Track) -> Vec<splits::ActiveModel> {
    let row = |kind: &str, position: usize, distance: Option<Decimal>, duration: Decimal| splits::ActiveModel {
        user_id: Set(person),
        activity_id: Set(activity),
        kind: Set(kind.to_owned()),
        position: Set(i32::try_from(position).unwrap_or(i32::MAX)),
        distance_m: Set(distance),
        begins_seconds: Set(None),
        duration_seconds: Set(duration),
        average_heart_rate: Set(None),
        max_heart_rate: Set(None),
    };
    let mut rows = Vec::new();
    for (kind, parts) in [
        ("lap", efforts::laps(track)),
        ("kilometre", efforts::splits(track, efforts::KILOMETRE)),
        ("mile", efforts::splits(track, efforts::MILE)),
    ] {
        if parts.len() <= MOST_SPLITS {
            rows.extend(parts.into_iter().enumerate().map(|(position, part)| splits::ActiveModel {
                average_heart_rate: Set(part.average_heart_rate),
                max_heart_rate: Set(part.max_heart_rate),
                ..row(kind, position, part.distance, part.duration)
            }));
        }
    }
    rows.extend(efforts::best_efforts(track).into_iter().enumerate().map(|(position, effort)| splits::ActiveModel {
        begins_seconds: Set(Some(effort.begins)),
        ..row("best", position, Some(effort.distance), effort.duration)
    }));
    rows
}

/// Writes what the diary tells of an activity into its entry.
async fn write_entry(tx: &Tx, activity: &Model, entry: ExerciseEntryId, body: &exercise_energy::Body) -> Result<()> {
    let person = activity.user_id;
    let current = diary::Entity::find_by_id((person, entry)).one(tx).await?.ok_or(Error::NotFound("exercise entry"))?;
    let exercise = match current.exercise_id {
        Some(exercise) => crate::exercises::find(tx, exercise).await?,
        None => None,
    };
    let minutes = Some(round(activity.duration_seconds / Decimal::from(60), 3)).filter(|minutes| *minutes > Decimal::ZERO);
    let kilometres = activity.distance_m.map(|metres| round(metres / Decimal::ONE_THOUSAND, 3)).filter(|far| *far > Decimal::ZERO);
    let effort = Effort {
        device: activity.device_calories.map(Decimal::from),
        met: exercise.and_then(|exercise| exercise.met),
        minutes,
        heart_rate: activity.average_heart_rate,
    };
    let energy = exercise_energy::estimate(&effort, body);
    let row = diary::ActiveModel {
        user_id: Unchanged(person),
        id: Unchanged(entry),
        duration_minutes: Set(minutes),
        distance: Set(kilometres),
        distance_unit: Set(kilometres.map(|_| "km".to_owned())),
        distance_m: Set(kilometres.and(activity.distance_m)),
        average_heart_rate: Set(activity.average_heart_rate),
        max_heart_rate: Set(activity.max_heart_rate),
        calories_burned: Set(energy.gross),
        calories_source: Set(energy.method.map(|method| method.code().to_owned())),
        calories_basis: Set(Some(energy.stored()?)),
        ..Default::default()
    };
    diary::Entity::update(row).exec(tx).await?;
    Ok(())
}

/// Activities whose entries were not deleted.
fn living(person: UserId) -> Condition {
    let entries = Query::select()
        .column(diary::Column::Id)
        .from(diary::Entity)
        .and_where(diary::Column::UserId.eq(person))
        .and_where(diary::Column::DeletedAt.is_null())
        .to_owned();
    Condition::all().add(Column::UserId.eq(person)).add(Column::ExerciseEntryId.in_subquery(entries))
}

/// An activity, if the viewer may see it.
pub async fn find(tx: &Tx, person: UserId, id: ActivityId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((person, id)).filter(living(person)).one(tx).await?)
}

#[derive(Serialize)]
struct Listed {
    person: UserId,
}

/// A person's activities, the last one first.
pub async fn list(tx: &Tx, person: UserId, page: &PageRequest) -> Result<Page<Model>> {
    let of = ("activities", Listed { person });
    let mut rows = Entity::find().filter(living(person));
    if let Some((at, id)) = page.key::<(DateTime<Utc>, ActivityId)>(&of)? {
        let same_time = Condition::all().add(Column::StartedAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::StartedAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::StartedAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&of, rows, |row| (row.started_at, row.id))
}

/// The parts of an activity, kind by kind and in their order.
pub async fn parts_of(tx: &Tx, person: UserId, id: ActivityId) -> Result<Vec<splits::Model>> {
    let rows = splits::Entity::find().filter(splits::Column::UserId.eq(person)).filter(splits::Column::ActivityId.eq(id));
    Ok(rows.order_by_asc(splits::Column::Kind).order_by_asc(splits::Column::Position).all(tx).await?)
}

/// The recordings of one of the viewer's activities, the primary one first; those of others are nobody's to see.
pub async fn recordings_of(tx: &Tx, person: UserId, id: ActivityId) -> Result<Vec<Recording>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!("{RECORDINGS} WHERE r.user_id = $1 AND r.activity_id = $2 ORDER BY r.is_primary DESC, r.created_at, r.id"),
        [person.0.into(), id.0.into()],
    );
    Ok(Recording::find_by_statement(statement).all(tx).await?)
}

/// The track of an activity, as the viewer may see it. The columns are of the same points.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ShownTrack {
    /// Whether points were left out, for they lie in a privacy zone.
    pub hidden: bool,
    /// Milliseconds since the start.
    pub offsets: Vec<i32>,
    /// In 10⁻⁷ degrees, as is the next one.
    pub latitudes: Vec<i32>,
    /// East.
    pub longitudes: Vec<i32>,
    /// In decimetres.
    pub elevations: Vec<i32>,
    /// Beats per minute.
    pub heart_rates: Vec<i32>,
    /// Per minute.
    pub cadences: Vec<i32>,
    /// In watts.
    pub powers: Vec<i32>,
}

impl ShownTrack {
    /// The places of every so many of `count` points that at most `most` are left, the last one among them.
    pub fn places(count: usize, most: usize) -> impl Iterator<Item = usize> {
        let most = max(most, 2);
        (0..min(count, most)).map(move |number| if count <= most { number } else { number * (count - 1) / (most - 1) })
    }

    /// What stands at a place of a column; `None` where the device noted nothing.
    pub fn noted(column: &[i32], place: usize) -> Option<i32> {
        column.get(place).copied().filter(|value| *value != NOTHING)
    }
}

/// The track of an activity.
pub async fn track(tx: &Tx, person: UserId, id: ActivityId) -> Result<Option<ShownTrack>> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, "SELECT * FROM auth.activity_track($1, $2)", [person.0.into(), id.0.into()]);
    Ok(ShownTrack::find_by_statement(statement).one(tx).await?)
}

/// The fastest stretch of a distance among all activities of a sport.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Record {
    /// How far, in metres.
    pub distance_m: Decimal,
    /// How long, in seconds.
    pub duration_seconds: Decimal,
    /// How long after the start of the activity it begins, in seconds.
    pub begins_seconds: Decimal,
    /// In which activity.
    pub activity_id: ActivityId,
    /// When that began.
    pub started_at: DateTime<Utc>,
}

/// A person's records of a sport, the shortest distance first. Of activities as they are now: one that is deleted gives its records back.
pub async fn records(tx: &Tx, person: UserId, sport: Sport) -> Result<Vec<Record>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT DISTINCT ON (s.distance_m) s.distance_m, s.duration_seconds, s.begins_seconds, s.activity_id, a.started_at
         FROM activities a JOIN exercise_diary e ON e.user_id = a.user_id AND e.id = a.exercise_entry_id AND e.deleted_at IS NULL
           JOIN activity_splits s ON s.user_id = a.user_id AND s.activity_id = a.id AND s.kind = 'best'
         WHERE a.user_id = $1 AND a.sport = $2 ORDER BY s.distance_m, s.duration_seconds, a.started_at, a.id",
        [person.0.into(), sport.code().into()],
    );
    Ok(Record::find_by_statement(statement).all(tx).await?)
}

/// Makes the recordings of one activity recordings of another one, whose entry stays; the other entry is deleted.
pub async fn merge(tx: &Tx, into: ActivityId, from: ActivityId) -> Result<Model> {
    let person = tx.viewer()?;
    if into == from {
        return Err(Error::invalid("fromId", "must be another activity"));
    }
    let gone = find(tx, person, from).await?.ok_or(Error::NoSuch { field: "fromId", what: "activity" })?;
    find(tx, person, into).await?.ok_or(Error::NoSuch { field: "intoId", what: "activity" })?;
    recordings::Entity::update_many()
        .col_expr(recordings::Column::ActivityId, Expr::value(into.0))
        .col_expr(recordings::Column::Separated, Expr::value(false))
        .filter(recordings::Column::UserId.eq(person))
        .filter(recordings::Column::ActivityId.eq(from))
        .exec(tx)
        .await?;
    Entity::delete_by_id((person, from)).exec(tx).await?;
    crate::exercise_diary::delete(tx, None, gone.exercise_entry_id, None).await?;
    compute(tx, person, into).await
}

/// Takes a recording out of its activity: it is one of its own from then on, and not merged by itself again. Answers with what it was
/// taken out of, and with what it is now.
pub async fn separate(tx: &Tx, id: RecordingId) -> Result<(Model, Model)> {
    let person = tx.viewer()?;
    let row = recordings::Entity::find_by_id((person, id)).one(tx).await?.ok_or(Error::NotFound("recording"))?;
    let before = find(tx, person, row.activity_id).await?.ok_or(Error::NotFound("recording"))?;
    if recordings_of(tx, person, before.id).await?.len() < 2 {
        return Err(Error::invalid("recordingId", "is the only recording of its activity"));
    }
    let entry = diary::Entity::find_by_id((person, before.exercise_entry_id)).one(tx).await?.ok_or(Error::NotFound("exercise entry"))?;
    let (_, track) = activity_files::read_again(row.file, tx.now()).await?;
    let activity = begin(tx, person, &track, Some(crate::day::zone("timeZone", &entry.time_zone)?)).await?;
    recordings::Entity::update_many()
        .col_expr(recordings::Column::ActivityId, Expr::value(activity.0))
        .col_expr(recordings::Column::Separated, Expr::value(true))
        .filter(recordings::Column::UserId.eq(person))
        .filter(recordings::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok((compute(tx, person, before.id).await?, compute(tx, person, activity).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(from: i64, minutes: i64, metres: i64, north: i32) -> Shape {
        let start = DateTime::UNIX_EPOCH + TimeDelta::minutes(from);
        Shape {
            sport: Sport::Running,
            from: start,
            until: start + TimeDelta::minutes(minutes),
            distance: Some(metres.into()),
            begins: Some(Position { latitude: 525_000_000 + north, longitude: 134_000_000 }),
        }
    }

    #[test]
    fn the_same_activity_is_known_by_time_sport_distance_and_start() {
        let run = shape(0, 60, 10_000, 0);
        assert!(run.is_of_the_same_activity(shape(1, 60, 10_150, 1_000)));
        assert!(run.is_of_the_same_activity(Shape { sport: Sport::Other, begins: None, distance: None, ..shape(0, 50, 0, 0) }));
        assert!(!run.is_of_the_same_activity(shape(0, 40, 10_000, 0)), "four fifths of the time");
        assert!(!run.is_of_the_same_activity(shape(13, 60, 10_000, 0)), "another start");
        assert!(!run.is_of_the_same_activity(shape(60, 60, 10_000, 0)), "the next hour");
        assert!(!run.is_of_the_same_activity(shape(0, 60, 8_900, 0)), "another distance");
        // 250 m are 0.0022483 degrees.
        assert!(run.is_of_the_same_activity(shape(0, 60, 10_000, 22_400)) && !run.is_of_the_same_activity(shape(0, 60, 10_000, 22_500)));
        assert!(!run.is_of_the_same_activity(Shape { sport: Sport::Cycling, ..run }), "another sport");
    }

    #[test]
    fn a_thinned_track_keeps_its_ends() {
        let thinned: Vec<_> = ShownTrack::places(1_000, 10).collect();
        assert_eq!((thinned.len(), thinned[0], thinned[9]), (10, 0, 999));
        assert_eq!(ShownTrack::places(3, 10).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(ShownTrack::places(0, 10).count(), 0);
        assert_eq!([0, 1, 2, 3].map(|place| ShownTrack::noted(&[1, NOTHING, 3], place)), [Some(1), None, Some(3), None]);
    }
}
