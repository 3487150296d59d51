//! Places around which a person's tracks are hidden from everybody else.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{id::PrivacyZoneId, privacy_zones as rows};
use service::privacy_zones;

use super::{
    error::Result,
    scalars::{CheckOption, Decimal, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A place around which nobody but the owner sees where tracks go: points in it are left out, of past activities too.
#[derive(SimpleObject)]
pub struct PrivacyZone {
    /// Identifies the zone.
    id: Uuid,
    /// What the person calls it.
    name: Option<String>,
    /// Degrees north of the centre.
    latitude: Decimal,
    /// Degrees east of the centre.
    longitude: Decimal,
    /// In metres.
    radius: i32,
}

impl From<rows::Model> for PrivacyZone {
    fn from(row: rows::Model) -> Self {
        Self {
            id: Uuid(row.id.0),
            name: row.name,
            latitude: Decimal(row.latitude),
            longitude: Decimal(row.longitude),
            radius: row.radius_m,
        }
    }
}

/// A place to hide. A centre some way from the door tells less than the door: from many tracks that end on one circle its centre shows.
#[derive(InputObject)]
pub struct CreatePrivacyZoneInput {
    /// Made by the client, so that a repeated request makes no second one; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What to call it.
    name: Option<String>,
    /// Degrees north of the centre, -90 to 90, at most 7 decimals.
    latitude: Unchecked<Decimal>,
    /// Degrees east of the centre, -180 to 180, at most 7 decimals.
    longitude: Unchecked<Decimal>,
    /// In metres, 50 to 5000.
    radius: i32,
}

/// The zone that was made.
#[derive(SimpleObject)]
pub struct CreatePrivacyZonePayload {
    /// The zone.
    zone: PrivacyZone,
}

/// Which zone.
#[derive(InputObject)]
pub struct DeletePrivacyZoneInput {
    /// Which one.
    id: Unchecked<Uuid>,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeletePrivacyZonePayload {
    /// The id of the zone.
    deleted_id: Uuid,
}

/// Zones of privacy.
#[derive(Default)]
pub struct PrivacyZonesMutation;

#[Object]
impl PrivacyZonesMutation {
    /// Hides from now on what lies in a zone, in tracks of the past too. At most 20 zones.
    async fn create_privacy_zone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The zone.")] input: CreatePrivacyZoneInput,
    ) -> Option<Result<CreatePrivacyZonePayload>> {
        nullable(async {
            let new = privacy_zones::NewPrivacyZone {
                id: input.id.check("id")?.map(|id| PrivacyZoneId(id.0)),
                name: input.name,
                latitude: input.latitude.check("latitude")?.0,
                longitude: input.longitude.check("longitude")?.0,
                radius: input.radius,
            };
            let tx = scope(ctx).write().await?;
            let zone = privacy_zones::create(&tx, new).await?;
            tx.commit().await?;
            Ok(CreatePrivacyZonePayload { zone: zone.into() })
        })
        .await
    }

    /// Hides no more what lies in a zone.
    async fn delete_privacy_zone(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeletePrivacyZoneInput,
    ) -> Option<Result<DeletePrivacyZonePayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let tx = scope(ctx).write().await?;
            privacy_zones::delete(&tx, PrivacyZoneId(id.0)).await?;
            tx.commit().await?;
            Ok(DeletePrivacyZonePayload { deleted_id: id })
        })
        .await
    }
}
