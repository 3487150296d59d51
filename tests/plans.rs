//! What users wait for most is read by its index, by one statement for each thing that is shown.

use serde_json::{Value, json};
use sqlx::Executor;

use crate::harness::{TestApp, statements::Listener};

/// What is asked, and how many statements read for it between the one that opens the transaction and the one that ends it.
const READ: &[(&str, usize)] = &[
    (
        "{ viewer { foodDay(date: \"2026-03-01\") { date entries { id name quantity unit mealType nutrition { calories protein } } totals { calories } } } }",
        2,
    ),
    ("{ viewer { foodDay(date: \"2026-03-01\") { date entries { id food { id name } } totals { calories } goal { calories } } } }", 4),
    ("{ viewer { foodDays(from: \"2025-12-01\", to: \"2026-02-28\") { date totals { calories } goal { calories } } } }", 3),
    (
        "{ viewer { nutritionReport(from: \"2025-12-01\", to: \"2026-02-28\") { days { date totals { calories } } average { calories } } } }",
        3,
    ),
    ("{ foods(search: \"porridge\", first: 20) { nodes { id name nutrition { calories } portions { name } } } }", 2),
];

#[tokio::test]
async fn a_day_a_report_and_a_search_are_a_statement_each_and_read_no_diary_as_a_whole() {
    let app = TestApp::with_connections(1).await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({ "name": "Porridge" })).await;
    let mut owner = app.connect("hale_owner").await;
    fill(&mut owner, &ann.id, &food).await;
    let listener = Listener::new(&app, &ann).await;
    let before = whole_reads(&mut owner).await;
    for (document, reads) in READ {
        let (answer, statements) = listener.hear(document).await;
        assert!(answer["errors"].is_null() && answer["data"] != Value::Null, "{document}: {answer}");
        let (first, last) = (statements.first().unwrap(), statements.last().unwrap());
        assert!(first.contains("auth.enter") && last.contains("ROLLBACK"), "{document}: {statements:#?}");
        assert_eq!(statements.len() - 2, *reads, "{document}: {statements:#?}");
    }
    // The connections report what they did as they close.
    app.database.close().await;
    let mut after = whole_reads(&mut owner).await;
    for _ in 0..100 {
        if after.1 > before.1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        after = whole_reads(&mut owner).await;
    }
    assert!(after.1 > before.1, "no index of food_diary was read");
    assert_eq!(after.0, before.0, "food_diary was read as a whole");
}

/// How often all rows of food_diary were read, and how often an index.
async fn whole_reads(owner: &mut sqlx::PgConnection) -> (i64, i64) {
    owner.execute("SELECT pg_stat_force_next_flush()").await.unwrap();
    owner.execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
    sqlx::query_as("SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = 'food_diary'").fetch_one(owner).await.unwrap()
}

/// Twelve entries on each of 100 days for Ann and 60 others, written without the log of changes.
async fn fill(owner: &mut sqlx::PgConnection, ann: &str, food: &str) {
    let rows = "WITH person AS (SELECT id FROM users)
        INSERT INTO food_diary (user_id, id, food_item_id, food_name, nutrition_version, quantity, unit, servings, calories, meal_type, consumed_at, time_zone, consumed_on)
        SELECT person.id, gen_random_uuid(), CASE WHEN person.id = $1::uuid THEN $2::uuid END, 'Porridge', 1, 150, 'g', 1.5, 112.5, 'breakfast',
          '2025-12-01T07:00:00Z'::timestamptz + day * interval '1 day' + entry * interval '1 hour', 'UTC', '2025-12-01'::date + day
        FROM person, generate_series(0, 99) day, generate_series(1, 12) entry";
    owner.execute("INSERT INTO users (id, email, password_hash) SELECT gen_random_uuid(), n || '@example.org', 'nobody signs in here' FROM generate_series(1, 60) n").await.unwrap();
    owner.execute("ALTER TABLE food_diary DISABLE TRIGGER USER").await.unwrap();
    sqlx::query(rows).bind(ann).bind(food).execute(&mut *owner).await.unwrap();
    owner.execute("ALTER TABLE food_diary ENABLE TRIGGER USER").await.unwrap();
    owner.execute("ANALYZE food_diary").await.unwrap();
}
