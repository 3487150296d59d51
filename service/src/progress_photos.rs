//! Pictures of one's body over time, for oneself alone. Of what is sent nothing is kept but the pixels, turned the right way up: no place,
//! no time, no camera, no comment.

use std::{io::Cursor, sync::LazyLock, time::Duration};

use chrono::NaiveDate;
use entity::{
    id::{ProgressPhotoId, UserId},
    progress_photos::{ActiveModel, Column, Entity, Model, PhotoKind},
};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder};
use sea_orm::{
    ActiveEnum,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, JsonValue, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input,
    page::{Page, PageRequest},
};

/// The most bytes of a picture as it is sent.
pub const MOST_BYTES: usize = 10 << 20;
/// The most pixels of a picture as it is sent: few bytes may say that they are many more.
const MOST_PIXELS: u64 = 50_000_000;
/// The most memory that reading one may take, beside what it becomes.
const MOST_MEMORY: u64 = 256 << 20;
/// The longer side of a picture as it is kept.
const LONGER_SIDE: u32 = 2048;
/// The most bytes of a picture as it is kept.
const MOST_KEPT_BYTES: usize = 4 << 20;
/// The most pictures of a person.
const MOST_PHOTOS: u64 = 500;

/// Reading a picture takes a core and much memory. One is read at a time, and a bounded queue waits.
static READING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(1));
static WAITING: Semaphore = Semaphore::const_new(8);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// The pixels of a picture, as they are kept.
#[derive(Clone, Debug)]
pub struct Picture {
    jpeg: Vec<u8>,
    width: i32,
    height: i32,
    /// SHA-256 of what was sent.
    sent: Vec<u8>,
}

/// A picture, as it is added.
#[derive(Clone, Debug)]
pub struct NewPhoto {
    /// Made by the client, or by the server.
    pub id: Option<ProgressPhotoId>,
    /// From where it was taken.
    pub kind: PhotoKind,
    /// The day it shows; the viewer's today when absent.
    pub taken_on: Option<NaiveDate>,
    /// Its pixels.
    pub picture: Picture,
}

/// What is to change of a picture; absent keeps.
#[derive(Clone, Debug, Default)]
pub struct PhotoChange {
    /// From where it was taken.
    pub kind: Option<PhotoKind>,
    /// The day it shows.
    pub taken_on: Option<NaiveDate>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// Which pictures are listed; each may be missing.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// From where they were taken.
    pub kind: Option<PhotoKind>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
}

/// The name of a kind.
pub fn kind(field: &str, name: &str) -> Result<PhotoKind> {
    PhotoKind::try_from_value(&name.to_owned()).map_err(|_| Error::invalid(field, "must be front, side or back"))
}

/// Reads what somebody sent, which may be anything, and keeps its pixels. Call it before a transaction begins: it takes its time.
pub async fn read(sent: Vec<u8>) -> Result<Picture> {
    let busy = || Error::RateLimited { retry_after: LONGEST_WAIT };
    let _waiting = WAITING.try_acquire().map_err(|_| busy())?;
    let permit = tokio::time::timeout(LONGEST_WAIT, READING.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    // A picture that makes its decoder panic is one that cannot be read.
    let picture = tokio::task::spawn_blocking(move || picture(&sent)).await.unwrap_or_else(|_| Err(unreadable()));
    drop(permit);
    picture
}

fn unreadable() -> Error {
    Error::invalid("image", "must be a JPEG, PNG or WebP picture that can be read")
}

fn picture(sent: &[u8]) -> Result<Picture> {
    let mut reader = ImageReader::new(Cursor::new(sent)).with_guessed_format().map_err(|_| unreadable())?;
    if !matches!(reader.format(), Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) {
        return Err(unreadable());
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| unreadable())?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        let message = format!("has {width} by {height} pixels, may have {} million", MOST_PIXELS / 1_000_000);
        return Err(Error::invalid("image", message));
    }
    let orientation = decoder.orientation().map_err(|_| unreadable())?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| unreadable())?;
    if image.width().max(image.height()) > LONGER_SIDE {
        image = image.thumbnail(LONGER_SIDE, LONGER_SIDE);
    }
    image.apply_orientation(orientation);
    let pixels = image.into_rgb8();
    let side = |pixels: u32| i32::try_from(pixels).map_err(|_| unreadable());
    let (width, height) = (side(pixels.width())?, side(pixels.height())?);
    for quality in [85, 70, 50] {
        let mut jpeg = Vec::new();
        let encoded = JpegEncoder::new_with_quality(&mut jpeg, quality).encode_image(&pixels);
        encoded.map_err(|error| Error::Internal(error.into()))?;
        if jpeg.len() <= MOST_KEPT_BYTES {
            return Ok(Picture { jpeg, width, height, sent: Sha256::digest(sent).to_vec() });
        }
    }
    Err(Error::invalid("image", "is too rich in detail to be kept: make it smaller"))
}

/// Adds a picture of the viewer's.
pub async fn add(tx: &Tx, new: NewPhoto) -> Result<Model> {
    let person = tx.viewer()?;
    let taken_on = match new.taken_on {
        Some(date) => day::checked("date", date)?,
        None => Calendar::of(tx, person).await?.today(tx.now()),
    };
    let created_from = input::fingerprint(&(new.kind, new.taken_on, &new.picture.sent))?;
    if let Some(id) = new.id
        && let Some(row) = Entity::find_by_id((person, id)).one(tx).await?
    {
        return input::repeated(Some(row), |row| row.created_from.as_ref() == Some(&created_from));
    }
    if Entity::find().filter(Column::UserId.eq(person)).count(tx).await? >= MOST_PHOTOS {
        return Err(Error::invalid("image", format!("there are {MOST_PHOTOS} photos at most: delete one first")));
    }
    let id = new.id.unwrap_or_else(|| ProgressPhotoId(tx.new_id()));
    let Picture { jpeg, width, height, .. } = new.picture;
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO progress_photos (user_id, id, kind, taken_on, width, height, jpeg, created_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            person.0.into(),
            id.0.into(),
            new.kind.to_value().into(),
            taken_on.into(),
            width.into(),
            height.into(),
            jpeg.into(),
            created_from.into(),
        ],
    ))
    .await?;
    Entity::find_by_id((person, id)).one(tx).await?.ok_or_else(|| Error::internal("a photo that was written is not there"))
}

/// The viewer's pictures, newest first.
pub async fn list(tx: &Tx, filter: &Filter, page: &PageRequest) -> Result<Page<Model>> {
    let person: UserId = tx.viewer()?;
    let mut rows = Entity::find().filter(Column::UserId.eq(person));
    if let Some(kind) = filter.kind {
        rows = rows.filter(Column::Kind.eq(kind));
    }
    if let Some(from) = filter.from {
        rows = rows.filter(Column::TakenOn.gte(day::checked("from", from)?));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(Column::TakenOn.lte(day::checked("to", to)?));
    }
    if let Some((on, id)) = page.key::<(NaiveDate, ProgressPhotoId)>(&("progress photos", filter))? {
        let same_day = Condition::all().add(Column::TakenOn.eq(on)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::TakenOn.lt(on)).add(same_day));
    }
    let rows = rows.order_by_desc(Column::TakenOn).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("progress photos", filter), rows, |row| (row.taken_on, row.id))
}

#[derive(FromQueryResult)]
struct Pixels {
    jpeg: Vec<u8>,
}

/// The pixels of a picture of the viewer's, as JPEG.
pub async fn jpeg(tx: &Tx, id: ProgressPhotoId) -> Result<Vec<u8>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT jpeg FROM progress_photos WHERE user_id = $1 AND id = $2",
        [tx.viewer()?.0.into(), id.0.into()],
    );
    Ok(Pixels::find_by_statement(statement).one(tx).await?.ok_or(Error::NotFound("photo"))?.jpeg)
}

/// Changes what is said of a picture of the viewer's.
pub async fn update(tx: &Tx, id: ProgressPhotoId, change: PhotoChange) -> Result<Model> {
    let photo = editable(tx, id, change.expected_version).await?;
    let mut row = ActiveModel { user_id: Unchanged(photo.user_id), id: Unchanged(id), ..Default::default() };
    if let Some(kind) = change.kind {
        row.kind = Set(kind);
    }
    if let Some(date) = change.taken_on {
        row.taken_on = Set(day::checked("date", date)?);
    }
    if sea_orm::ActiveModelTrait::is_changed(&row) { Ok(Entity::update(row).exec(tx).await?) } else { Ok(photo) }
}

/// Deletes a picture of the viewer's for good. Backups that were made before still hold it.
pub async fn delete(tx: &Tx, id: ProgressPhotoId, expected_version: Option<i32>) -> Result<()> {
    let photo = editable(tx, id, expected_version).await?;
    Entity::delete_by_id((photo.user_id, id)).exec(tx).await?;
    Ok(())
}

async fn editable(tx: &Tx, id: ProgressPhotoId, expected_version: Option<i32>) -> Result<Model> {
    let row = Entity::find_by_id((tx.viewer()?, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("photo"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    Ok(row)
}

fn scalars(photo: &Model) -> JsonValue {
    serde_json::json!({
        "id": photo.id, "kind": photo.kind.to_value().to_uppercase(), "date": photo.taken_on, "width": photo.width, "height": photo.height,
        "version": photo.version,
    })
}
