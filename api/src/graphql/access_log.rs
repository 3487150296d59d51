//! Who read one's data.

use async_graphql::{Context, Object};
use entity::access_log as rows;

use super::{error::Result, family_access::AccessType, person::Person, scalars::DateTime, scope::loaders};

/// That someone read something of the viewer, at most once per reader, kind and quarter of an hour. What was read is not kept.
#[derive(Clone)]
pub struct AccessLogEntry(pub rows::Model);

/// That someone read something of the viewer, at most once per reader, kind and quarter of an hour. What was read is not kept.
#[Object]
impl AccessLogEntry {
    /// Who read it; null once the account is gone.
    async fn reader(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let reader = self.0.reader_id?;
        loaders(ctx).load_one(reader).await.map(|person| person.map(Person)).transpose()
    }

    /// By which kind of access.
    async fn access_type(&self) -> AccessType {
        self.0.access_type.into()
    }

    /// The start of the quarter of an hour in which it was read.
    async fn read_at(&self) -> DateTime {
        DateTime(self.0.read_at)
    }
}
