//! Pictures of one's body over time. They come and go by HTTP, at `/photos`; what is said of them is here.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{id::ProgressPhotoId, progress_photos as rows};
use service::progress_photos::{self, PhotoChange};

use super::{
    error::Result,
    scalars::{CheckOption, Date, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// From where a picture was taken.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::PhotoKind")]
pub enum PhotoKind {
    /// From the front.
    Front,
    /// From a side.
    Side,
    /// From behind.
    Back,
}

/// A picture of the viewer's body, which nobody else sees.
#[derive(Clone)]
pub struct ProgressPhoto(pub rows::Model);

/// A picture of the viewer's body, which nobody else sees. `POST /photos?kind=front&date=2026-03-29` with the picture as its body adds one: a
/// JPEG, PNG or WebP of at most 10 MiB and 50 million pixels. Only its pixels are kept, at most 2048 on the longer side.
#[Object]
impl ProgressPhoto {
    /// Identifies it among the viewer's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Where the picture is, as JPEG: a path of this server, asked for with the same Authorization header.
    async fn path(&self) -> String {
        format!("/photos/{}", self.0.id.0)
    }

    /// From where it was taken.
    async fn kind(&self) -> PhotoKind {
        self.0.kind.into()
    }

    /// The day it shows.
    async fn date(&self) -> Date {
        Date(self.0.taken_on)
    }

    /// Pixels from left to right.
    async fn width(&self) -> i32 {
        self.0.width
    }

    /// Pixels from top to bottom.
    async fn height(&self) -> i32 {
        self.0.height
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// What is to change of a picture. Absent keeps.
#[derive(InputObject)]
pub struct UpdateProgressPhotoInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// From where it was taken.
    kind: Option<PhotoKind>,
    /// The day it shows.
    date: Option<Unchecked<Date>>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The picture after the change.
#[derive(SimpleObject)]
pub struct UpdateProgressPhotoPayload {
    /// The picture.
    photo: ProgressPhoto,
}

/// Which picture is to go.
#[derive(InputObject)]
pub struct DeleteProgressPhotoInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeleteProgressPhotoPayload {
    /// The id of the picture.
    deleted_id: Uuid,
}

/// Pictures of one's body.
#[derive(Default)]
pub struct ProgressPhotosMutation;

#[Object]
impl ProgressPhotosMutation {
    /// Changes what is said of a picture of the viewer's.
    async fn update_progress_photo(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateProgressPhotoInput,
    ) -> Option<Result<UpdateProgressPhotoPayload>> {
        nullable(async {
            let id = ProgressPhotoId(input.id.check("id")?.0);
            let change = PhotoChange {
                kind: input.kind.map(Into::into),
                taken_on: input.date.check("date")?.map(|date| date.0),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let photo = progress_photos::update(&tx, id, change).await?;
            tx.commit().await?;
            Ok(UpdateProgressPhotoPayload { photo: ProgressPhoto(photo) })
        })
        .await
    }

    /// Deletes a picture of the viewer's for good. Backups that were made before still hold it.
    async fn delete_progress_photo(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteProgressPhotoInput,
    ) -> Option<Result<DeleteProgressPhotoPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let tx = scope(ctx).write().await?;
            progress_photos::delete(&tx, ProgressPhotoId(id.0), input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteProgressPhotoPayload { deleted_id: id })
        })
        .await
    }
}
