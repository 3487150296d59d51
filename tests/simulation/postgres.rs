//! The real server, for the same scripts.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use entity::id::{FoodId, MeasurementId, UserId};
use serde_json::{Value, json};
use service::{
    access::Viewer,
    error::Result,
    measurements::{self, MeasurementChange, NewMeasurement},
    sync::{self, Cursor, FeedPage, FeedRow, PageSize, Push, Receipt, collection::Document, merge::Mutation},
};
use uuid::Uuid;

use super::server::{Change, Ordinary, Server, Space};
use crate::harness::TestApp;

pub struct Postgres<'a> {
    app: &'a TestApp,
    pub people: Vec<(UserId, FoodId)>,
    sessions: BTreeMap<UserId, Uuid>,
}

impl<'a> Postgres<'a> {
    pub async fn new(app: &'a TestApp, count: usize) -> Self {
        let (mut people, mut sessions) = (Vec::new(), BTreeMap::new());
        let mut owner = app.connect("hale_owner").await;
        for name in &["ann", "ben", "cho", "dee"][..count] {
            let person = app.person(name).await;
            let food = person.creates_food(json!({})).await;
            let id = UserId(person.id.parse().unwrap());
            let session = sqlx::query_as::<_, (Uuid,)>("SELECT id FROM sessions WHERE user_id = $1").bind(id.0);
            sessions.insert(id, session.fetch_one(&mut owner).await.unwrap().0);
            people.push((id, FoodId(food.parse().unwrap())));
        }
        // Foods are rows of the feed as well, and no device of the simulation knows them.
        for table in ["sync_changes", "sync_rows", "sync_spaces"] {
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut owner).await.unwrap();
        }
        Self { app, people, sessions }
    }

    fn viewer(&self, person: UserId) -> Viewer {
        let token = self.app.token(&person.to_string(), &self.sessions[&person].to_string());
        self.app.database.authenticate(&token).unwrap()
    }
}

fn text(written: &Document, column: &str) -> Option<String> {
    written.get(column).and_then(Value::as_str).map(str::to_owned)
}

impl Server for Postgres<'_> {
    type Backup = ();

    async fn push(&self, viewer: UserId, push: Push, _: bool) -> Result<Vec<Receipt>> {
        sync::apply(&self.viewer(viewer), push).await
    }

    async fn crash_in(&self, _: UserId, _: Push) {}

    async fn page(&self, viewer: UserId, person: UserId, after: Option<Cursor>, limit: u32) -> Result<FeedPage> {
        let tx = self.viewer(viewer).read().await?;
        sync::feed(&tx, person, after, &[], PageSize::up_to(limit)).await
    }

    async fn write(&self, viewer: UserId, person: UserId, write: &Ordinary) -> Result<()> {
        let tx = self.viewer(viewer).write().await?;
        let id = MeasurementId(write.id());
        let number = |written: &Document| text(written, "value").map(|value| value.parse().unwrap());
        let instant = |written: &Document| text(written, "measured_at").map(|at| at.parse().unwrap());
        match write {
            Ordinary::Record { written, .. } => {
                let new = NewMeasurement {
                    id: Some(id),
                    person: Some(person),
                    kind: text(written, "type").unwrap(),
                    value: number(written).unwrap(),
                    unit: text(written, "unit").unwrap(),
                    measured_at: instant(written),
                    time_zone: None,
                };
                measurements::record(&tx, new).await?;
            }
            Ordinary::Change { written, .. } => {
                let change = MeasurementChange {
                    value: number(written),
                    unit: text(written, "unit"),
                    measured_at: instant(written),
                    ..MeasurementChange::default()
                };
                measurements::update(&tx, Some(person), id, change).await?;
            }
            Ordinary::Delete { .. } => _ = measurements::delete(&tx, Some(person), id, None).await?,
        }
        tx.commit().await
    }

    async fn share(&self, grantor: UserId, grantee: UserId, access: &'static str, shared: bool) {
        let mut owner = self.app.connect("hale_owner").await;
        let statement = if shared {
            "INSERT INTO family_access (grantor_user_id, grantee_user_id, grantee_email, grantee_address, access_type, status, granted_at, can_write)
             VALUES ($1, $2, $2::uuid || '@example.org', $2::uuid || '@example.org', $3, 'active', now(), true)"
        } else {
            "UPDATE family_access SET status = 'revoked' WHERE grantor_user_id = $1 AND grantee_user_id = $2 AND access_type = $3 AND status = 'active'"
        };
        sqlx::query(statement).bind(grantor.0).bind(grantee.0).bind(access).execute(&mut owner).await.unwrap();
    }

    async fn collect_tombstones(&self, person: UserId, up_to: i64) {
        let mut owner = self.app.connect("hale_owner").await;
        // One device that knows as much as the last of the simulation's.
        let device =
            "INSERT INTO devices (user_id, id, name, epoch, acknowledged, last_seen_at) VALUES ($1, $1, 'all', auth.sync_epoch(), $2, $3)
            ON CONFLICT (user_id, id) DO UPDATE SET acknowledged = $2, last_seen_at = $3";
        let now = self.app.database.now();
        sqlx::query(device).bind(person.0).bind(up_to).bind(now).execute(&mut owner).await.unwrap();
        sqlx::query("SELECT auth.collect_sync($1, 1000)").bind(now).execute(&mut owner).await.unwrap();
    }

    async fn collect_changes(&self, person: UserId, up_to: i64) {
        let mut owner = self.app.connect("hale_owner").await;
        for statement in [
            "DELETE FROM sync_changes WHERE user_id = $1 AND number <= $2",
            "UPDATE sync_spaces SET change_floor = greatest(change_floor, $2) WHERE user_id = $1",
        ] {
            sqlx::query(statement).bind(person.0).bind(up_to).execute(&mut owner).await.unwrap();
        }
    }

    async fn space(&self, person: UserId, after: i64) -> Space {
        let mut owner = self.app.connect("hale_owner").await;
        let space = "SELECT head, change_floor, NOT EXISTS (
            SELECT FROM (SELECT collection, auth.bits_hex(bit_xor(auth.row_hash(id, version, deleted))) AS digest FROM sync_rows WHERE user_id = $1 GROUP BY collection) r
            WHERE r.digest IS DISTINCT FROM s.digests ->> r.collection) FROM sync_spaces s WHERE user_id = $1";
        let found: Option<(i64, i64, bool)> = sqlx::query_as(space).bind(person.0).fetch_optional(&mut owner).await.unwrap();
        let (head, change_floor, digests_agree) = found.unwrap_or((0, 0, true));
        let rows = "SELECT collection, id, number, document, clocks, deleted, version, access_type FROM sync_rows WHERE user_id = $1
            ORDER BY collection, id";
        type Stored = (String, Uuid, i64, Value, Value, bool, i32, String);
        let rows: Vec<Stored> = sqlx::query_as(rows).bind(person.0).fetch_all(&mut owner).await.unwrap();
        let row = |(collection, id, number, document, clocks, deleted, version, access_type): Stored| {
            Arc::new(FeedRow { collection, id, number, document, clocks, deleted, version, access_type })
        };
        let changes = "SELECT number, first_number, collection, id, cells, client FROM sync_changes WHERE user_id = $1 AND number > $2 ORDER BY number";
        type Logged = (i64, i64, String, Uuid, Value, String);
        let changes: Vec<Logged> = sqlx::query_as(changes).bind(person.0).bind(after).fetch_all(&mut owner).await.unwrap();
        let change = |(number, first_number, collection, id, cells, client): Logged| {
            Arc::new(Change { number, first_number, collection, id, cells: serde_json::from_value(cells).unwrap(), client })
        };
        Space {
            head,
            change_floor,
            rows: rows.into_iter().map(row).collect(),
            changes: changes.into_iter().map(change).collect(),
            digests_agree,
        }
    }

    async fn keeps(&self, viewer: UserId, mutation: &Mutation) -> bool {
        let mut owner = self.app.connect("hale_owner").await;
        let kept = sqlx::query_as::<_, (Value,)>("SELECT mutation FROM sync_rejections WHERE user_id = $1").bind(viewer.0);
        let kept = kept.fetch_all(&mut owner).await.unwrap();
        kept.into_iter().any(|(kept,)| serde_json::from_value::<Mutation>(kept).unwrap() == *mutation)
    }

    async fn backup(&self) {}

    async fn restore(&self, (): &()) {
        unreachable!("a database is restored by the command, which has a test of its own");
    }

    fn set_now(&self, now: DateTime<Utc>) {
        self.app.clock.set(&now.to_rfc3339());
    }
}
