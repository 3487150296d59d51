//! The access log: each person sees who read their data, what kind of it and when, but not what was read.

use std::collections::BTreeSet;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entity::{
    access_log::{Column, Entity, Model},
    family_access::AccessType,
    id::{AccessLogId, UserId},
};
use sea_orm::{
    ActiveEnum, ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use serde::{Deserialize, Serialize};

use crate::{
    access::Tx,
    error::Result,
    page::{Page, PageRequest},
};

/// What a request read of other people: whose and by which kind of access.
#[derive(Default, Serialize, Deserialize)]
pub struct Reads(BTreeSet<(UserId, String)>);

impl Reads {
    /// Notes that something of `person` is about to be read.
    pub fn note(&mut self, person: UserId, access_type: AccessType) {
        self.0.insert((person, access_type.to_value()));
    }

    /// Whether nothing was read of anybody else.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes them down, each once per quarter of an hour. What cannot be written down may not be answered.
    pub async fn write(&self, tx: &Tx) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let (people, access_types): (Vec<_>, Vec<_>) = self.0.iter().map(|(person, access_type)| (person.0, access_type.clone())).unzip();
        let quarter = tx.now().duration_trunc(TimeDelta::minutes(15)).unwrap_or(tx.now());
        // Without RETURNING and without a conflict target: the reader may not read the log.
        let insert = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "INSERT INTO access_log (user_id, access_type, read_at) SELECT person, access_type, $3 FROM unnest($1::uuid[], $2::text[]) AS r (person, access_type)
             ON CONFLICT DO NOTHING",
            [people.into(), access_types.into(), quarter.into()],
        );
        tx.execute_raw(insert).await?;
        Ok(())
    }
}

/// Who read the viewer's data, newest first.
pub async fn list(tx: &Tx, page: &PageRequest) -> Result<Page<Model>> {
    let viewer = tx.viewer()?;
    let mut rows = Entity::find().filter(Column::UserId.eq(viewer));
    if let Some((at, id)) = page.key::<(DateTime<Utc>, AccessLogId)>(&("access_log", viewer))? {
        let same_time = Condition::all().add(Column::ReadAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::ReadAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::ReadAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("access_log", viewer), rows, |row| (row.read_at, row.id))
}
