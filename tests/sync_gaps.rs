//! No reader of the feed skips what is committed late: under writers that pause and give up, beside numbers that PostgreSQL gives at INSERT.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::ConnectionTrait;
use service::{
    access::{Tx, Viewer},
    measurements,
    sync::{Cursor, PageSize, feed},
};
use sqlx::{Executor, PgConnection};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::harness::{Person, TestApp, report};

/// The cells of a new measurement: type, value, unit, canonical value, instant, zone and day.
const CELLS: i64 = 7;

fn viewer(person: &Person<'_>) -> Viewer {
    person.app.database.authenticate(person.token.as_ref().unwrap()).unwrap()
}

/// A table as others keep their log in: its numbers are given at INSERT.
async fn baseline(app: &TestApp) -> PgConnection {
    let mut owner = app.connect("hale_owner").await;
    let table =
        "CREATE TABLE numbered_at_insert (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person uuid NOT NULL, id uuid NOT NULL);
        GRANT INSERT ON numbered_at_insert TO hale_app";
    owner.execute(table).await.unwrap();
    owner
}

/// Writes a measurement, and the same into the other table.
async fn writes(tx: &Tx) -> Uuid {
    let new = measurements::NewMeasurement {
        id: None,
        person: None,
        kind: "weight".into(),
        value: "70".parse().unwrap(),
        unit: "kg".into(),
        measured_at: None,
        time_zone: None,
    };
    let id = measurements::record(tx, new).await.unwrap().id.0;
    let person = tx.viewer().unwrap();
    tx.execute_unprepared(&format!("INSERT INTO numbered_at_insert (person, id) VALUES ('{person}', '{id}')")).await.unwrap();
    id
}

/// Who reads both, from where they were.
struct Reader {
    viewer: Viewer,
    cursor: Option<Cursor>,
    last: i64,
    read: Vec<Uuid>,
    read_of_baseline: Vec<Uuid>,
}

impl Reader {
    /// Somebody who has read what there is.
    async fn new(person: &Person<'_>) -> Self {
        let viewer = viewer(person);
        let page = feed(&viewer.read().await.unwrap(), viewer.user_id(), None, &[], PageSize::up_to(50)).await.unwrap();
        assert!(!page.has_more);
        Self { viewer, cursor: Some(page.cursor), last: 0, read: Vec::new(), read_of_baseline: Vec::new() }
    }

    async fn reads(&mut self, owner: &mut PgConnection) {
        let tx = self.viewer.read().await.unwrap();
        let page = feed(&tx, self.viewer.user_id(), self.cursor, &[], PageSize::up_to(50)).await.unwrap();
        assert!(!page.resync);
        for row in &page.rows {
            let before = self.cursor.map_or(0, |cursor| cursor.number);
            assert_eq!(row.number, before + CELLS, "a number is nobody's");
            self.cursor = Some(Cursor { number: row.number, ..page.cursor });
            self.read.push(row.id);
        }
        self.cursor = Some(page.cursor);
        let after = "SELECT number, id FROM numbered_at_insert WHERE person = $1 AND number > $2 ORDER BY number LIMIT 50";
        let rows: Vec<(i64, Uuid)> = sqlx::query_as(after).bind(self.viewer.user_id().0).bind(self.last).fetch_all(owner).await.unwrap();
        for (number, id) in rows {
            self.last = number;
            self.read_of_baseline.push(id);
        }
    }
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_read_all_the_same() {
    let app = TestApp::new().await;
    let mut owner = baseline(&app).await;
    let ann = app.person("ann").await;
    let mut reader = Reader::new(&ann).await;

    let slow = viewer(&ann).write().await.unwrap();
    let first = writes(&slow).await;
    let quick = viewer(&ann).write().await.unwrap();
    let second = writes(&quick).await;
    quick.commit().await.unwrap();
    reader.reads(&mut owner).await;
    slow.commit().await.unwrap();
    reader.reads(&mut owner).await;

    assert_eq!(reader.read, [second, first]);
    // Whoever numbers at INSERT never tells of the first.
    assert_eq!(reader.read_of_baseline, [second]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_writers_lose_nothing_repeat_nothing_and_leave_no_hole() {
    let app = TestApp::with_connections(18).await;
    let mut owner = baseline(&app).await;
    let people = join_all(["ann", "ben", "cho", "dee"].map(|name| app.person(name))).await;
    let (committed, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let until = Instant::now() + Duration::from_secs(2);

    let writers = (0..12_u64).map(|writer| {
        let (viewer, committed) = (viewer(&people[writer as usize % 4]), &committed);
        async move {
            let mut random = StdRng::seed_from_u64(writer);
            while Instant::now() < until {
                let tx = viewer.write().await.unwrap();
                let id = writes(&tx).await;
                if random.random_ratio(3, 10) {
                    sleep(Duration::from_micros(random.random_range(0..8_000))).await;
                }
                if random.random_ratio(1, 20) {
                    drop(tx);
                } else {
                    tx.commit().await.unwrap();
                    committed.lock().unwrap().push(id);
                }
            }
        }
    });
    let mut readers: Vec<Reader> = join_all(people.iter().map(Reader::new)).await;
    let reading = async {
        while !over.load(Ordering::Relaxed) {
            for reader in &mut readers {
                reader.reads(&mut owner).await;
            }
        }
        for reader in &mut readers {
            let mut before = None;
            while before != Some((reader.read.len(), reader.read_of_baseline.len())) {
                before = Some((reader.read.len(), reader.read_of_baseline.len()));
                reader.reads(&mut owner).await;
            }
        }
    };
    let writing = async {
        join_all(writers).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(writing, reading);

    let committed = committed.into_inner().unwrap();
    let read: Vec<Uuid> = readers.iter().flat_map(|reader| reader.read.clone()).collect();
    let read_once: BTreeSet<Uuid> = read.iter().copied().collect();
    let baseline: BTreeSet<Uuid> = readers.iter().flat_map(|reader| reader.read_of_baseline.clone()).collect();
    let lost = committed.iter().filter(|id| !read_once.contains(id)).count();
    let lost_of_baseline = committed.iter().filter(|id| !baseline.contains(id)).count();
    report(&format!(
        "{} committed by 12 writers: the feed lost {lost} and repeated {}; numbers given at INSERT lost {lost_of_baseline}",
        committed.len(),
        read.len() - read_once.len()
    ));
    assert!(committed.len() > 12, "only {} were written", committed.len());
    assert_eq!((lost, read.len()), (0, read_once.len()));
    assert_eq!(read.len(), committed.len());
}
