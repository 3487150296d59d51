//! Migrations as an operator meets them: on databases full of people's data, killed, started many times at once, from every release.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use futures_util::future::join_all;
use serde_json::json;
use service::{
    access::{Connection as Reach, Database, Maintenance},
    clock::SystemClock,
    doctor::{Expectations, Status},
    random::SystemRandom,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::{process::Command, time::sleep};

use crate::{
    command_line::{Folder, Served, fails, hale},
    harness::{Person, TestApp, database_url, http, report, tokens},
    households::does,
    migrations::{Empty, differences},
    noots::{noot_id, syncs, todo},
    reminders::Family,
    sync::{Device, id},
};

/// The demo household, and what it does not have: a family with a rota, a list, noots.
async fn fill(app: &TestApp) {
    let family = Family::of(app, json!({})).await;
    let activities = json!([todo("Milk")]);
    let noot = json!({ "id": noot_id(1), "version": 0, "checksum": crate::noots::checksum(&activities), "activities": activities });
    syncs(&family.ann, json!({ "noots": [noot] })).await;
    let (ann, ben, household) = (&family.ann, &family.ben, &family.household);
    let away = json!({ "householdId": household, "memberId": family.ids[1], "from": "2026-03-20", "until": "2026-03-22" });
    does(ben, "addUnavailability", away, "unavailability { id }").await;
    does(ann, "createCalendarFeed", json!({ "householdId": household, "memberId": family.ids[0] }), "feed { id }").await;
    let reminder = json!({ "householdId": household, "routineId": family.routine, "minutesBefore": 30 });
    does(ann, "setRoutineReminder", reminder, "routine { id }").await;
    let phone = Device::new(ann, "phone");
    let weight = |value: &str| json!({ "type": "weight", "value": value, "unit": "kg", "measured_at": "2026-03-10T08:00:00Z" });
    // The second is too heavy, and kept as what was rejected.
    let changes = ["80.5", "80500"].map(|value| phone.change(&id(), &phone.at("08:00:00"), weight(value)));
    phone.pushes(json!(changes)).await;
    keeps_house(ann).await;
    // What has tables and nothing yet that writes them.
    let unwritten =
        "INSERT INTO chat_history (user_id, id, message, response) SELECT id, gen_random_uuid(), 'Hello', 'Good day' FROM users";
    app.connect("hale_owner").await.execute(unwritten).await.unwrap();
    let maintenance = app.maintenance().await;
    service::demo::create(&app.database, &maintenance, true, |_, _| {}).await.unwrap();
    maintenance.close().await;
}

/// Somebody who trains by a programme.
async fn trains(ann: &Person<'_>) {
    let squat = crate::exercises::creates_exercise(ann, json!({ "name": "Squat", "bodyWeightFraction": "0.9" })).await;
    let planned = json!({ "exerciseId": squat, "sets": [{ "repsMin": 5, "weight": "60" }], "progression": { "increment": "2.5" } });
    let template = does(ann, "createWorkoutTemplate", json!({ "name": "Legs", "exercises": [planned] }), "template { id }").await;
    let days = json!([{ "templateId": template["template"]["id"] }]);
    let programme = json!({ "name": "Twice a week", "mode": "SEQUENCE", "days": days });
    let programme = does(ann, "createTrainingProgramme", programme, "programme { id }").await;
    let programme = &programme["programme"]["id"];
    does(ann, "followTrainingProgramme", json!({ "programmeId": programme }), "followed { since }").await;
    let workout = does(ann, "startWorkout", json!({ "programmeId": programme, "programmeDay": 0 }), "workout { id }").await;
    let set = json!({ "reps": 5, "weight": "60", "rpe": "8.5", "restSeconds": 90 });
    let done = json!({ "workoutId": workout["workout"]["id"], "sets": [set], "averageHeartRate": 120, "supersetGroup": 1 });
    crate::exercise_diary::logs(ann, &squat, done).await;
}

/// Somebody who cooks, plans and drinks.
async fn keeps_house(ann: &Person<'_>) {
    let oats = ann.creates_food(json!({})).await;
    let ingredient = json!({ "foodId": oats, "quantity": "100", "unit": "g" });
    let meal = does(ann, "createMeal", json!({ "name": "Porridge", "servings": "2", "ingredients": [ingredient] }), "meal { id }").await;
    let meal = &meal["meal"]["id"];
    let eaten = json!({ "mealId": meal, "quantity": "1", "unit": "serving", "mealType": "breakfast", "note": "hot" });
    does(ann, "logMeal", eaten, "group { id }").await;
    let typed = json!({ "name": "Cake", "nutrition": { "calories": "300" }, "mealType": "snack" });
    does(ann, "logNutrition", typed, "entry { id }").await;
    let portion = json!({ "personId": ann.id, "quantity": "1" });
    let cooked = json!({ "mealId": meal, "portions": [portion], "serving": { "mealType": "lunch" } });
    does(ann, "cookMeal", cooked, "batch { id }").await;
    let item = json!({ "day": 1, "mealType": "dinner", "mealId": meal, "quantity": "1", "unit": "serving" });
    let template = does(ann, "createMealPlanTemplate", json!({ "name": "A week", "items": [item] }), "template { id }").await;
    does(ann, "planMeals", json!({ "templateId": template["template"]["id"], "from": "2026-03-09" }), "days { date }").await;
    does(ann, "createShoppingList", json!({ "from": "2026-03-09", "to": "2026-03-15" }), "list { id }").await;
    does(ann, "addFavouriteFood", json!({ "foodId": oats }), "food { id }").await;
    does(ann, "createNutrient", json!({ "code": "X_CREATINE", "name": "Creatine", "unit": "g" }), "nutrient { code }").await;
    does(ann, "createMealType", json!({ "name": "Supper" }), "mealType { code }").await;
    let cup = does(ann, "createWaterContainer", json!({ "name": "Cup", "volume": "250", "unit": "ml" }), "container { id }").await;
    does(ann, "logWater", json!({ "containerId": cup["container"]["id"], "note": "cold" }), "entry { id }").await;
    let deep = json!([{ "stage": "DEEP", "startedAt": "2026-03-09T23:00:00Z", "endedAt": "2026-03-10T01:00:00Z" }]);
    let night = json!({ "startedAt": "2026-03-09T22:00:00Z", "endedAt": "2026-03-10T06:00:00Z", "stages": deep });
    does(ann, "logSleep", night, "sleep { id }").await;
    does(ann, "logMood", json!({ "value": 70, "tags": ["calm", "my own"] }), "mood { id }").await;
    does(ann, "logFast", json!({ "startedAt": "2026-03-08T20:00:00Z", "endedAt": "2026-03-09T12:00:00Z" }), "fast { id }").await;
    let steps = json!([{ "metric": "steps", "samples": [{ "id": "1", "at": "2026-03-10T10:00:00Z", "until": "2026-03-10T10:10:00Z", "value": "900" }] }]);
    does(ann, "ingestSamples", json!({ "source": "watch", "series": steps }), "created").await;
    let mut photo = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(2, 2).write_to(&mut photo, image::ImageFormat::Png).unwrap();
    let upload = ann.app.post("/photos?kind=front").bearer_auth(ann.token.as_deref().unwrap()).body(photo.into_inner());
    assert!(upload.send().await.unwrap().status().is_success());
    does(ann, "setSourceRanking", json!({ "metric": "sleep", "sources": ["watch", "manual"] }), "rankings { metric }").await;
    let so_far = json!({ "source": "watch", "startedAt": "2026-03-10T00:00:00Z", "endedAt": "2026-03-10T12:00:00Z", "steps": 900 });
    does(ann, "recordEnergy", so_far, "record { id }").await;
    let run =
        ann.app.post("/activities").bearer_auth(ann.token.as_deref().unwrap()).body(crate::activity_files::gpx(crate::activity_files::RUN));
    assert!(run.send().await.unwrap().status().is_success());
    does(ann, "createPrivacyZone", json!({ "latitude": "52.5", "longitude": "13.4", "radius": 200 }), "zone { id }").await;
    trains(ann).await;
    does(ann, "completeFoodDay", json!({ "date": "2026-03-09" }), "day { date }").await;
    let aims = json!([{ "nutrient": "ALC", "maximum": "10" }]);
    does(ann, "setNutritionTarget", json!({ "days": "EVERY_DAY", "aims": aims }), "target { id }").await;
    let csv = "Date,Meal,Name,Calories\n2026-03-10,lunch,Soup,120\n";
    let import = does(ann, "rehearseImport", json!({ "kind": "DIARY", "csv": csv }), "import { id }").await;
    does(ann, "commitImport", json!({ "id": import["import"]["id"] }), "import { id }").await;
}

/// What is gone with dropped tables is gone from the feed: their rows, and their digests.
async fn forget_in_the_feed(connection: &mut PgConnection, dropped: &BTreeSet<String>) {
    let dropped: Vec<_> = dropped.iter().cloned().collect();
    for sql in [
        "DELETE FROM kept.sync_changes WHERE collection = ANY ($1)",
        "DELETE FROM kept.sync_rows WHERE collection = ANY ($1)",
        "UPDATE kept.sync_spaces k SET digests = k.digests - $1, updated_at = s.updated_at FROM sync_spaces s
         WHERE s.user_id = k.user_id AND k.digests ?| $1",
    ] {
        sqlx::query(sql).bind(&dropped).execute(&mut *connection).await.unwrap();
    }
}

async fn strings(connection: &mut PgConnection, sql: &str) -> BTreeSet<String> {
    let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap();
    rows.into_iter().map(|(text,)| text).collect()
}

const TABLES: &str =
    "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'migrations'";

/// Copies every table of the schema public, as it is, into the schema `kept`.
async fn keep(connection: &mut PgConnection) {
    connection.execute("CREATE SCHEMA kept").await.unwrap();
    for table in strings(connection, TABLES).await {
        connection.execute(AssertSqlSafe(format!("CREATE TABLE kept.{table} AS TABLE public.{table}"))).await.unwrap();
    }
}

/// `table column` for each column that is in both schemas.
async fn shared_columns(connection: &mut PgConnection) -> BTreeSet<String> {
    let sql = "SELECT k.table_name || ' ' || k.column_name FROM information_schema.columns k
        JOIN information_schema.columns p USING (table_name, column_name) WHERE k.table_schema = 'kept' AND p.table_schema = 'public'";
    strings(connection, sql).await
}

/// The tables whose rows, as far as these columns go, are not those that were kept.
async fn changed(connection: &mut PgConnection, columns: &BTreeSet<String>) -> BTreeSet<String> {
    let tables: BTreeSet<_> = columns.iter().filter_map(|pair| pair.split(' ').next()).collect();
    let compare = tables.iter().map(|table| {
        let of_table = columns.iter().filter_map(|pair| pair.strip_prefix(&format!("{table} ")));
        let list = of_table.map(|column| format!("\"{column}\"::text")).collect::<Vec<_>>().join(", ");
        let side = |schema: &str| format!("SELECT {list} FROM {schema}.{table}");
        let (kept, now) = (side("kept"), side("public"));
        format!("SELECT '{table}' WHERE EXISTS (({kept} EXCEPT ALL {now}) UNION ALL ({now} EXCEPT ALL {kept}))")
    });
    let sql = compare.collect::<Vec<_>>().join(" UNION ALL ");
    if sql.is_empty() { BTreeSet::new() } else { strings(connection, &sql).await }
}

/// Takes the rows of these tables as they are by now for those that are kept.
async fn keep_anew(connection: &mut PgConnection, columns: &BTreeSet<String>, tables: impl IntoIterator<Item = &'static &'static str>) {
    for table in tables {
        let of_table = columns.iter().filter_map(|pair| pair.strip_prefix(&format!("{table} ")));
        let list = of_table.collect::<Vec<_>>().join(", ");
        if !list.is_empty() {
            let keep = format!("TRUNCATE kept.{table}; INSERT INTO kept.{table} ({list}) SELECT {list} FROM public.{table}");
            connection.execute(AssertSqlSafe(keep)).await.unwrap();
        }
    }
}

async fn rows(connection: &mut PgConnection, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM public.{table}");
    sqlx::query_as::<_, (i64,)>(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap().0
}

/// Tables whose rows the up file makes from those of others.
const DERIVED: [&str; 4] = ["sync_spaces", "sync_rows", "sync_changes", "food_words"];

/// The migration whose down file gives up a value, access of the type organiser, and the rows that have it: there is no room for them.
const NARROWED: &str = "2026_11_27_13_30";

/// The migration whose down file gives up what sets say beside repetitions and weight, so that the feed tells them anew.
const SETS_NARROWED: &str = "2026_11_28_11_00";

/// What migrations write where there were rows before them: the first two give a table that was synced more columns, with which the feed
/// tells its rows anew, the last more nutrients to the catalogue, and to its foods where what they state comes from.
const TOLD_ANEW: [(&str, &[&str]); 3] =
    [("2026_11_27_16_20", &DERIVED), ("2026_11_28_11_00", &DERIVED), ("2026_11_27_16_00", &["nutrients", "nutrition_data"])];

/// Those tables of `changed` that these migrations do not write to themselves.
fn unexpected(changed: BTreeSet<String>, applied: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let written = |table: &String| TOLD_ANEW.iter().any(|(version, tables)| applied(version) && tables.contains(&table.as_str()));
    changed.into_iter().filter(|table| !written(table)).collect()
}

/// What "leaves the data equal" means here. From a full database one migration after the other goes down, and up again alone, on
/// everything that was there before it; half-way all of them go up again. Rows of tables that the down files left are the same each time,
/// in every column that they left. Tables that they dropped come back as in a database that was never used: nobody's rows come back from
/// nowhere, and none is half there. The feed of changes is made anew from the rows that are there.
#[tokio::test]
async fn going_down_and_up_again_leaves_what_was_not_dropped_as_it_was() {
    let app = TestApp::new().await;
    fill(&app).await;
    let owner_url = app.url("hale_owner");
    let mut owner = app.connect("hale_owner").await;
    keep(&mut owner).await;
    let all = strings(&mut owner, TABLES).await;
    let mut filled = BTreeSet::new();
    for table in &all {
        if rows(&mut owner, table).await > 0 {
            filled.insert(table.clone());
        }
    }
    assert!(filled.len() >= 50, "only {} of {} tables have rows: {filled:?}", filled.len(), all.len());
    let mut fresh = Empty::new().await;
    migration::up(&fresh.owner, |_| {}).await.unwrap();

    let files = migration::migrations();
    let (mut compared, mut left) = (BTreeSet::new(), all.clone());
    for (steps, file) in (1..).zip(files.iter().rev()) {
        let name = file.description();
        assert_eq!(migration::down(&owner_url, 1).await.unwrap()[0].version, file.version());
        if file.version() == NARROWED {
            for table in ["change_counts", "access_log", "family_access"] {
                let unholdable = format!("DELETE FROM kept.{table} WHERE access_type = 'organiser'");
                owner.execute(AssertSqlSafe(unholdable)).await.unwrap();
            }
        }
        if file.version() == TOLD_ANEW[2].0 {
            let added = "DELETE FROM kept.nutrients k WHERE NOT EXISTS (SELECT FROM nutrients n WHERE n.code = k.code)";
            owner.execute(added).await.unwrap();
        }
        let columns = shared_columns(&mut owner).await;
        left = columns.iter().filter_map(|pair| Some(pair.split(' ').next()?.to_owned())).collect();
        if left.contains("sync_spaces") {
            forget_in_the_feed(&mut owner, &all.difference(&left).cloned().collect()).await;
        }
        if file.version() == SETS_NARROWED {
            keep_anew(&mut owner, &columns, &DERIVED).await;
        }
        compared.extend(left.intersection(&filled).cloned());
        assert_eq!(changed(&mut owner, &columns).await, BTreeSet::new(), "reverting {name} changes these");

        owner.execute("BEGIN").await.unwrap();
        owner.execute(file.sql()).await.unwrap_or_else(|error| panic!("{name} on what was there before it: {error}"));
        owner.execute("SET CONSTRAINTS ALL IMMEDIATE").await.unwrap();
        let again = unexpected(changed(&mut owner, &columns).await, |version| version == file.version());
        assert_eq!(again, BTreeSet::new(), "reverting {name} and applying it again changes these");
        if name == "sync" {
            // Columns that came later are gone.
            let lost = "SELECT id::text FROM (SELECT * FROM kept.sync_rows WHERE NOT deleted AND collection <> 'noots') k
                FULL JOIN (SELECT * FROM sync_rows WHERE NOT deleted AND collection <> 'noots') n USING (user_id, collection, id)
                WHERE k.document IS NULL OR n.document IS NULL
                  OR EXISTS (SELECT FROM jsonb_each(n.document) told WHERE k.document -> told.key IS DISTINCT FROM told.value)";
            assert_eq!(strings(&mut owner, lost).await, BTreeSet::new(), "the feed is another one");
        }
        owner.execute("ROLLBACK").await.unwrap();

        if steps == files.len() / 2 {
            assert_eq!(migration::up(&owner_url, |_| {}).await.unwrap().len(), steps);
            let again = unexpected(changed(&mut owner, &columns).await, |version| version >= file.version());
            assert_eq!(again, BTreeSet::new(), "going down {steps} and up again changes these");
            for table in all.difference(&left).filter(|table| !DERIVED.contains(&table.as_str())) {
                assert_eq!(rows(&mut owner, table).await, rows(&mut fresh.connection, table).await, "{table} after {steps} down and up");
            }
            assert_eq!(migration::down(&owner_url, steps).await.unwrap().len(), steps);
            keep_anew(&mut owner, &columns, TOLD_ANEW.iter().flat_map(|(_, tables)| *tables)).await;
        }
    }
    assert_eq!(left, BTreeSet::new(), "all the way down");
    migration::up(&owner_url, |_| {}).await.unwrap();
    for table in &all {
        assert_eq!(rows(&mut owner, table).await, rows(&mut fresh.connection, table).await, "{table} after going down to nothing and up");
    }
    assert!(compared.len() >= 25, "only these were ever compared: {compared:?}");
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_half() {
    let mut database = Empty::new().await;
    migration::up(&database.owner, |_| {}).await.unwrap();
    let whole = database.fingerprint().await;
    let mut failed = 0;
    for file in migration::migrations().iter().rev() {
        migration::down(&database.owner, 1).await.unwrap();
        // What is in the way of the last thing that the file makes, so that as much as possible comes before it.
        let last = file.sql().lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")).next_back();
        let Some(name) = last.and_then(|rest| rest.split([' ', '(']).next()) else { continue };
        let plant = format!("CREATE TABLE {name} (planted int)");
        database.connection.execute(AssertSqlSafe(plant)).await.unwrap();
        let before = database.fingerprint().await;
        let refused = migration::up(&database.owner, |_| {}).await.unwrap_err();
        assert!(matches!(&refused, migration::Error::Failed { version, .. } if *version == file.version()), "{refused}");
        assert!(refused.to_string().contains("was rolled back: ") && refused.to_string().contains("already exists"), "{refused}");
        let after = database.fingerprint().await;
        assert!(differences(&before, &after).is_empty(), "{refused} and left {:#?}", differences(&before, &after));
        database.connection.execute(AssertSqlSafe(format!("DROP TABLE {name}"))).await.unwrap();
        failed += 1;
    }
    assert!(failed >= 12, "{failed}");
    migration::up(&database.owner, |_| {}).await.unwrap();
    assert!(differences(&whole, &database.fingerprint().await).is_empty());
}

/// `hale migrate up` on a database.
fn migrate(database: &Empty, folder: &Folder) -> Command {
    let mut command = hale();
    command.env("HALE_DATA_DIR", &folder.0).env("DATABASE_URL", &database.app).env("DATABASE_OWNER_URL", &database.owner);
    command.args(["migrate", "up"]);
    command
}

/// Every migration is recorded once, and has made what it makes.
async fn is_whole(database: &mut Empty, whole: &[String]) {
    migration::verify(&database.app).await.unwrap();
    let lines = database.fingerprint().await;
    assert!(differences(whole, &lines).is_empty(), "{:#?}", differences(whole, &lines));
    assert_eq!(rows(&mut database.connection, "migrations").await, i64::try_from(migration::migrations().len()).unwrap());
}

async fn whole() -> Vec<String> {
    let mut database = Empty::new().await;
    migration::up(&database.owner, |_| {}).await.unwrap();
    database.fingerprint().await
}

/// Whether somebody migrates this database.
async fn is_connected(database: &mut Empty) -> bool {
    let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hale-migration')";
    sqlx::query_as::<_, (bool,)>(sql).fetch_one(&mut database.connection).await.unwrap().0
}

const KILLS: u64 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn killed_thirty_times_it_ends_as_if_it_never_was() {
    let (folder, whole) = (Folder::new(), whole().await);
    let mut reached = BTreeSet::new();
    let (mut kills, mut runs, mut databases) = (0, 0, 0);
    // How long a run is let at most. It grows while none comes any further, so that this works on any machine.
    let mut window = 60;
    while kills < KILLS {
        let mut database = Empty::new().await;
        databases += 1;
        let mut left = migration::migrations().len();
        loop {
            runs += 1;
            let mut child = migrate(&database, &folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            // From when it is connected, whatever the machine: while it looks, between two files, in the middle of one.
            while child.try_wait().unwrap().is_none() && !is_connected(&mut database).await {}
            sleep(Duration::from_millis(runs * 37 % window)).await;
            child.start_kill().unwrap();
            let status = child.wait().await.unwrap();
            if status.signal() == Some(9) {
                kills += 1;
                let pending = migration::pending(&database.app).await.unwrap().len();
                reached.insert(pending);
                window += if pending == left { 40 } else { 0 };
                left = pending;
            } else {
                assert!(status.success(), "{status}");
                break;
            }
            if kills >= KILLS || left == 0 {
                break;
            }
        }
        migration::up(&database.owner, |_| {}).await.unwrap();
        is_whole(&mut database, &whole).await;
    }
    let all = migration::migrations().len();
    assert!(
        reached.iter().any(|left| (1..all).contains(left)) && reached.len() >= 3,
        "it was always killed at the same places: {reached:?} pending, in {databases} databases"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn five_commands_and_then_five_servers_at_once_apply_each_once() {
    let (folder, whole) = (Folder::new(), whole().await);
    let mut database = Empty::new().await;
    let outputs = join_all((0..5).map(|_| {
        let mut command = migrate(&database, &folder);
        async move { command.output().await.unwrap() }
    }))
    .await;
    let said: Vec<_> = outputs.iter().map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).collect();
    assert!(outputs.iter().all(|output| output.status.success()), "{outputs:?}");
    let applied: Vec<_> = said.iter().flat_map(|text| text.lines()).filter(|line| line.starts_with("applied ")).collect();
    assert_eq!(applied.len(), migration::migrations().len(), "{said:#?}");
    is_whole(&mut database, &whole).await;

    let mut database = Empty::new().await;
    let servers = join_all((0..5).map(|_| {
        let mut command = hale();
        command.env("HALE_DATA_DIR", &folder.0).env("DATABASE_URL", &database.app).env("DATABASE_OWNER_URL", &database.owner);
        async move { Served::start(&mut command).await }
    }))
    .await;
    for server in &servers {
        assert_eq!(http().get(format!("http://{}/readyz", server.address)).send().await.unwrap().status(), 200);
    }
    is_whole(&mut database, &whole).await;
    for server in servers {
        assert_eq!(server.stops().await, Some(0));
    }

    // The same servers, once a newer Hale has migrated.
    let newer = "INSERT INTO migrations (version, name, checksum) VALUES ('2099_01_01_00_00', 'from_the_future', '')";
    database.connection.execute(newer).await.unwrap();
    let older = |arguments: &[&str], owner: bool| {
        let mut command = hale();
        command.env("HALE_DATA_DIR", &folder.0).env("DATABASE_URL", &database.app).args(arguments);
        if owner {
            command.env("DATABASE_OWNER_URL", &database.owner);
        }
        command
    };
    for mut command in [
        older(&["serve", "--listen", "127.0.0.1:0"], true),
        older(&["serve", "--listen", "127.0.0.1:0"], false),
        older(&["worker"], true),
        older(&["migrate", "up"], true),
        older(&["migrate", "down"], true),
        older(&["maintain"], true),
    ] {
        let line = fails(&mut command).await;
        assert!(line.contains("2099_01_01_00_00 (from_the_future), which this Hale does not know: update hale"), "{line}");
    }
}

/// What separates the parts of a fixture; then follows whose they are.
const PART: &str = "-- hale fixture, as ";

/// One file for each release: SQL, compressed.
fn releases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("releases")
}

#[tokio::test]
async fn every_release_upgrades_and_keeps_its_data() {
    let whole = whole().await;
    let mut count = 0;
    for entry in fs::read_dir(releases()).unwrap() {
        let path = entry.unwrap().path();
        let mut text = String::new();
        GzDecoder::new(fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
        let mut database = Empty::new().await;
        let mut administrator = PgConnection::connect(&database_url("postgres", &database.name)).await.unwrap();
        for part in text.split(PART).skip(1) {
            let (role, sql) = part.split_once('\n').unwrap();
            let connection = if role == "owner" { &mut database.connection } else { &mut administrator };
            connection.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        keep(&mut database.connection).await;
        migration::up(&database.owner, |_| {}).await.unwrap_or_else(|error| {
            panic!("{}: {error}. If this version was never released, `just release-schema` makes its fixture anew", path.display())
        });
        let shared = shared_columns(&mut database.connection).await;
        assert!(shared.len() > 200, "{} columns", shared.len());
        assert_eq!(changed(&mut database.connection, &shared).await, BTreeSet::new(), "{}", path.display());
        database.connection.execute("DROP SCHEMA kept CASCADE").await.unwrap();
        is_whole(&mut database, &whole).await;

        // Every key still leads somewhere, and a server takes it.
        let maintenance = Maintenance::connect(&database.owner, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
        let findings = service::doctor::examine(&maintenance, Expectations { connections: 8 }, false, |_| {}).await.unwrap();
        let sound = ["foreign_keys", "constraints", "invalid_indexes", "btree_indexes"];
        let ill: Vec<_> = findings.iter().filter(|finding| sound.contains(&finding.name) && finding.status != Status::Ok).collect();
        assert!(ill.is_empty(), "{ill:#?}");
        let reach = Reach { url: database.app.clone(), max_connections: 2, statement_cache: 100, listen_url: None, replica_url: None };
        Database::connect(&reach, Arc::new(SystemClock), Arc::new(SystemRandom), tokens::keys()).await.unwrap();
        assert!(rows(&mut database.connection, "users").await >= 3 && rows(&mut database.connection, "food_diary").await > 20);
        count += 1;
    }
    assert!(count > 0, "there is no fixture");
}

/// The rows of every table as statements, made by the database itself.
const ROWS: &str = "
    SELECT format('SELECT format(''INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM jsonb_populate_recordset(NULL::public.%I, %%L);'',
        jsonb_agg(to_jsonb(t)))::text FROM public.%I t HAVING count(*) > 0', relname, columns, columns, relname, relname)
    FROM pg_class c, LATERAL (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns FROM pg_attribute
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') a
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'migrations' ORDER BY relname";

#[tokio::test]
#[ignore = "makes the fixture of a release: `just release-schema` runs it"]
async fn the_present_schema_becomes_the_fixture_of_this_version() {
    let app = TestApp::new().await;
    fill(&app).await;
    let mut owner = app.connect("hale_owner").await;
    // A week of the demo household says as much as four months.
    let old = "DELETE FROM food_diary WHERE consumed_on < '2026-03-04'; DELETE FROM exercise_diary WHERE performed_on < '2026-03-04';
        DELETE FROM measurements WHERE measured_on < '2026-03-04'";
    owner.execute(old).await.unwrap();
    let log = "DELETE FROM sync_changes c WHERE number < (SELECT max(number) - 200 FROM sync_changes m WHERE m.user_id = c.user_id);
        DELETE FROM sync_rows r WHERE NOT EXISTS (SELECT FROM sync_changes c WHERE c.user_id = r.user_id AND c.id = r.id)";
    owner.execute(log).await.unwrap();

    let mut text = String::new();
    let mut part = |role: &str, sql: &str| text.push_str(&format!("{PART}{role}\n{sql}\n"));
    part(
        "owner",
        "CREATE TABLE migrations (version text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now(), name text NOT NULL, checksum text NOT NULL); GRANT SELECT ON migrations TO hale_app;",
    );
    for file in migration::migrations() {
        part("owner", file.sql());
        let (version, name, checksum) = (file.version(), file.description(), file.checksum());
        part("owner", &format!("INSERT INTO migrations (version, name, checksum) VALUES ('{version}', '{name}', '{checksum}');"));
    }
    // Rows are as they were: no trigger changes them, and they come in any order.
    part("administrator", "SET session_replication_role = replica;");
    for table in strings(&mut owner, TABLES).await {
        part("administrator", &format!("TRUNCATE public.{table} CASCADE;"));
    }
    let statements: Vec<(String,)> = sqlx::query_as(ROWS).fetch_all(&mut owner).await.unwrap();
    for (statement,) in statements {
        let rows: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(statement)).fetch_all(&mut owner).await.unwrap();
        for (insert,) in rows {
            part("administrator", &insert);
        }
    }
    let path = releases().join(format!("{}.sql.gz", env!("CARGO_PKG_VERSION")));
    fs::create_dir_all(releases()).unwrap();
    let mut file = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::best());
    file.write_all(text.as_bytes()).unwrap();
    let size = file.finish().unwrap().metadata().unwrap().len();
    report(&format!("{} holds {size} bytes", path.display()));
    assert!(size < 300 << 10, "{size} bytes: a fixture stays small");
}
