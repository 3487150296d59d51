//! Devices that keep a copy.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{devices as rows, id::DeviceId};
use service::{devices, error::Error as ServiceError, sync::Cursor};

use super::{
    error::Result,
    scalars::{DateTime, Unchecked, Uuid},
    scope::{nullable, scope},
    sync,
};

/// A device that keeps a copy of what its owner may see.
#[derive(Clone)]
pub struct Device(pub rows::Model);

/// A device that keeps a copy of what its owner may see.
#[Object]
impl Device {
    /// Identifies the device: made by it, and kept.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What its owner calls it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it first signed in.
    async fn registered_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When it last signed in or acknowledged anything. After 180 days nothing waits for it any more.
    async fn last_seen_at(&self) -> DateTime {
        DateTime(self.0.last_seen_at)
    }

    /// Up to where it keeps its owner's feed, as it acknowledged.
    async fn acknowledged(&self) -> Option<String> {
        self.0.epoch.map(|epoch| sync::text(Cursor { epoch, number: self.0.acknowledged, floor: 0, shown: 0 }))
    }
}

/// The device of this session.
#[derive(InputObject)]
pub struct RegisterDeviceInput {
    /// Made by the device, and kept.
    id: Unchecked<Uuid>,
    /// What its owner calls it, 1 to 100 characters.
    name: String,
}

/// The device of this session.
#[derive(SimpleObject)]
pub struct RegisterDevicePayload {
    /// The device.
    device: Device,
}

/// How far this device has come.
#[derive(InputObject)]
pub struct AcknowledgeSyncInput {
    /// The cursor of a page of the viewer's own feed whose rows the device keeps.
    cursor: String,
}

/// How far this device has come.
#[derive(SimpleObject)]
pub struct AcknowledgeSyncPayload {
    /// The device.
    device: Device,
}

/// Which device goes.
#[derive(InputObject)]
pub struct RevokeDeviceInput {
    /// Which.
    id: Unchecked<Uuid>,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct RevokeDevicePayload {
    /// The id of the device.
    revoked_id: Uuid,
}

/// Registering and revoking devices.
#[derive(Default)]
pub struct DevicesMutation;

#[Object]
impl DevicesMutation {
    /// Registers the device that this session is on, as signIn does with a deviceId. A person has at most 20.
    async fn register_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The device.")] input: RegisterDeviceInput,
    ) -> Option<Result<RegisterDevicePayload>> {
        nullable(async {
            let id = DeviceId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let device = devices::register(&tx, session(ctx)?, id, &input.name).await?;
            tx.commit().await?;
            Ok(RegisterDevicePayload { device: Device(device) })
        })
        .await
    }

    /// Says how far this device keeps the viewer's feed. Deleted rows are told until every device has acknowledged them, for at most 180
    /// days; once a day, after catching up, is enough.
    async fn acknowledge_sync(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How far.")] input: AcknowledgeSyncInput,
    ) -> Option<Result<AcknowledgeSyncPayload>> {
        nullable(async {
            let cursor = sync::cursor("cursor", &input.cursor)?;
            let tx = scope(ctx).write().await?;
            let device = devices::acknowledge(&tx, session(ctx)?, cursor).await?;
            tx.commit().await?;
            Ok(AcknowledgeSyncPayload { device: Device(device) })
        })
        .await
    }

    /// Takes a device off the list and ends its sessions at once.
    async fn revoke_device(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RevokeDeviceInput,
    ) -> Option<Result<RevokeDevicePayload>> {
        nullable(async {
            let id = DeviceId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let revoked = devices::revoke(&tx, id).await?;
            tx.commit().await?;
            Ok(RevokeDevicePayload { revoked_id: Uuid(revoked.0) })
        })
        .await
    }
}

fn session(ctx: &Context<'_>) -> Result<entity::id::SessionId> {
    Ok(scope(ctx).viewer()?.session_id().ok_or(ServiceError::Unauthenticated("sign in first"))?)
}
