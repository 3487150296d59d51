//! Searching foods: ranks, spelling, pages, privacy, and that it stays fast.

use std::time::Instant;

use serde_json::{Value, json};
use sqlx::{Executor, PgConnection};

use crate::harness::{Person, TestApp, report, shared_data};

const SEARCH: &str = "query($search: String!, $first: Int, $after: String) { foods(search: $search, first: $first, after: $after) {
    nodes { name source } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

async fn found(person: &Person<'_>, search: &str) -> Vec<String> {
    let answer = person.ask(SEARCH, json!({ "search": search })).await;
    answer["foods"]["nodes"].as_array().unwrap().iter().map(|food| food["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_meant_comes_first() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    for name in ["Crème brûlée", "Oats, rolled, dry", "Greek yoghurt 0% \"light\"", "Milk with oats", "Grandma's pie", "Борщ"] {
        ann.creates_food(json!({ "name": name })).await;
    }
    ann.creates_food(json!({ "name": "Hazelnut spread", "brand": "Nutella" })).await;
    ben.creates_food(json!({ "name": "Oats of ben's secret recipe" })).await;

    let oats = ann.ask(SEARCH, json!({ "search": "oats" })).await["foods"]["nodes"].take();
    assert_eq!(oats[0], json!({ "name": "Oats, rolled, dry", "source": "user" }), "one's own comes before the same of the catalogue");
    assert_eq!(oats[1], json!({ "name": "Oats, rolled, dry", "source": "hale" }));
    assert_eq!(oats[2], json!({ "name": "Milk with oats", "source": "user" }), "what begins with it comes before what contains it");
    assert!(!oats.to_string().contains("secret"), "a stranger's food is never found");

    for (search, first) in [
        ("brocoli", "Broccoli, cooked"),
        ("BROCCOLI", "Broccoli, cooked"),
        ("chiken brest", "Chicken breast, skinless, cooked"),
        ("breast chicken", "Chicken breast, skinless, cooked"),
        ("cooked, breast; chicken!", "Chicken breast, skinless, cooked"),
        ("creme brulee", "Crème brûlée"),
        ("CRÈME BRÛLÉE", "Crème brûlée"),
        ("Cre\u{300}me", "Crème brûlée"),
        ("nutella", "Hazelnut spread"),
        ("spread nutela", "Hazelnut spread"),
        ("yoghurt 0%", "Greek yoghurt 0% \"light\""),
        ("\"light\" yoghurt", "Greek yoghurt 0% \"light\""),
        ("grandma's", "Grandma's pie"),
        ("egg", "Egg, whole"),
    ] {
        let names = found(&ann, search).await;
        let position = names.iter().position(|name| name == first);
        let at_top = position == Some(0) || search == "egg" && position.is_some_and(|position| position < 3);
        assert!(at_top, "{search}: {names:?}");
    }
    for nothing in ["%", "_", "%%%%", "' OR '1'='1", "zzzzqqqq", "chicken%zzzzqqqq", "\\", "*:&|!", "oats' --zzzz"] {
        assert_eq!(found(&ann, nothing).await, [""; 0], "{nothing}");
    }
    assert_eq!(found(&ben, "creme brulee").await.iter().filter(|name| name.contains("brûlée")).count(), 0);

    for (search, field) in [("", "search"), ("  ", "search"), ("\u{0}", "search"), (&"x".repeat(201), "search")] {
        let refused = ann.refused(SEARCH, json!({ "search": search })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    assert!(!found(&ann, &"milk ".repeat(39)).await.is_empty(), "many words are one condition each");
    assert_eq!(app.nobody().refused(SEARCH, json!({ "search": "oats" })).await.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn pages_have_everything_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    // Names of one length rank alike, so that only the ids tell them apart.
    for number in 10..35 {
        ann.creates_food(json!({ "name": format!("Sandwich number {number}") })).await;
    }
    let page = async |first: Value, after: Value| ann.ask(SEARCH, json!({ "search": "sandwich", "first": first, "after": after })).await;
    let (mut after, mut names, mut pages) = (json!(null), Vec::new(), 0);
    loop {
        let answer = page(json!(7), after.clone()).await["foods"].take();
        names.extend(answer["nodes"].as_array().unwrap().iter().map(|food| food["name"].as_str().unwrap().to_owned()));
        pages += 1;
        assert_eq!(answer["pageInfo"]["hasPreviousPage"], json!(pages > 1));
        assert_eq!(answer["pageInfo"]["startCursor"], answer["edges"][0]["cursor"]);
        after = answer["pageInfo"]["endCursor"].clone();
        if answer["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    let all = page(json!(60), json!(null)).await;
    assert_eq!(all["foods"]["pageInfo"]["hasNextPage"], false);
    let all: Vec<_> = all["foods"]["nodes"].as_array().unwrap().iter().map(|food| food["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!((names.len(), pages), (all.len(), all.len().div_ceil(7)));
    assert_eq!(names, all, "in the same order, nothing twice, nothing left out");
    assert!((10..35).all(|number| names.contains(&format!("Sandwich number {number}"))));
    assert_eq!(page(json!(null), json!(null)).await["foods"]["nodes"].as_array().unwrap().len(), 20);

    let elsewhere = ann.ask(SEARCH, json!({ "search": "bread", "first": 1 })).await["foods"]["pageInfo"]["endCursor"].take();
    for after in [elsewhere, json!("x"), json!(""), json!("W10"), json!("ü")] {
        let refused = ann.refused(SEARCH, json!({ "search": "sandwich", "after": after })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("after")), "{after}");
    }
    for first in [0, -1, 101] {
        let refused = ann.refused(SEARCH, json!({ "search": "sandwich", "first": first })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("first")), "{first}");
    }
    // A list of a million is refused before anything is read.
    assert_eq!(ann.refused(SEARCH, json!({ "search": "sandwich", "first": i32::MAX })).await.code, "LIMIT_EXCEEDED");
}

/// Adds foods of made-up names to the catalogue until there are `count`.
async fn fill(owner: &mut PgConnection, count: i32) {
    let foods = "INSERT INTO food_items (id, name, source, source_id)
        SELECT gen_random_uuid(), initcap(kinds[1 + g % 40] || ', ' || ways[1 + g / 40 % 20] || ', no. ' || g), 'test', g::text
        FROM generate_series((SELECT count(*) FROM food_items), $1 - 1) g,
          (SELECT string_to_array('chicken,beef,pork,lamb,salmon,tuna,milk,yogurt,cheese,butter,bread,rice,pasta,potato,tomato,carrot,onion,'
             'apple,banana,orange,grape,peach,plum,cherry,melon,spinach,lettuce,pepper,bean,lentil,pea,corn,wheat,barley,almond,walnut,'
             'honey,sugar,coffee,tea', ',') kinds,
           string_to_array('raw,boiled,fried,baked,roasted,grilled,steamed,smoked,dried,canned,frozen,pickled,salted,sweetened,unsalted,'
             'with skin,skinless,ground,sliced,whole', ',') ways) words";
    owner.execute("ALTER TABLE food_items DISABLE TRIGGER words").await.unwrap();
    sqlx::query(foods).bind(count).execute(&mut *owner).await.unwrap();
    owner.execute("ALTER TABLE food_items ENABLE TRIGGER words").await.unwrap();
    let words = "INSERT INTO food_words (word) SELECT DISTINCT word FROM food_items, unnest(string_to_array(btrim(search_text), ' ')) word
        ON CONFLICT DO NOTHING";
    owner.execute(words).await.unwrap();
    owner.execute("VACUUM ANALYZE food_items").await.unwrap();
}

#[tokio::test]
async fn searching_goes_by_the_index_in_a_small_catalogue_and_in_a_large_one() {
    const SEARCHES: [&str; 5] = ["chicken", "chicken roasted", "no 4711 beef", "chiken rosted", "brocoli"];
    const INDEXES: [&str; 2] = ["food_items_words_idx", "food_items_plain_idx"];
    let index = "SELECT sum(idx_scan)::bigint FROM pg_stat_user_indexes WHERE indexrelname = ANY ($1)";
    let sequential = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'food_items'";
    for count in [8_500, 200_000] {
        let app = TestApp::new().await;
        let ann = app.person("ann").await;
        let mut owner = app.connect("hale_owner").await;
        // Building an index once is much faster than adding to it row by row.
        let definitions: Vec<String> = sqlx::query_scalar("SELECT pg_get_indexdef(index::regclass) FROM unnest($1) index")
            .bind(INDEXES.as_slice())
            .fetch_all(&mut owner)
            .await
            .unwrap();
        owner.execute("DROP INDEX food_items_words_idx, food_items_plain_idx").await.unwrap();
        fill(&mut owner, count).await;
        for definition in definitions {
            owner.execute(sqlx::AssertSqlSafe(definition)).await.unwrap();
        }
        owner.execute("SELECT pg_stat_force_next_flush()").await.unwrap();
        owner.execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        let scans: i64 = sqlx::query_scalar(sequential).fetch_one(&mut owner).await.unwrap();

        for search in SEARCHES {
            let started = Instant::now();
            ann.ask(SEARCH, json!({ "search": search })).await;
            report(&format!("{search:?} among {count} foods took {:?}", started.elapsed()));
        }
        // The connections report what they did as they close.
        app.database.close().await;
        let enough = i64::try_from(SEARCHES.len()).unwrap();
        let mut seen = 0;
        for _ in 0..100 {
            owner.execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
            seen = sqlx::query_scalar(index).bind(INDEXES.as_slice()).fetch_one(&mut owner).await.unwrap();
            if seen >= enough {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert!(seen >= enough, "{seen} scans of the index for {enough} searches among {count} foods");
        let after: i64 = sqlx::query_scalar(sequential).fetch_one(&mut owner).await.unwrap();
        assert_eq!(after, scans, "nothing read the whole table of {count} foods");

        // Why there is a function for it: under row level security the same condition reads every row.
        let mut admin = app.connect("postgres").await;
        admin.execute("BEGIN; SET LOCAL ROLE hale_app").await.unwrap();
        sqlx::query("SELECT set_config('app.user_id', $1, true)").bind(&ann.id).execute(&mut admin).await.unwrap();
        let plan: Vec<String> =
            sqlx::query_scalar("EXPLAIN SELECT id FROM food_items WHERE owner_id IS NULL AND deleted_at IS NULL AND string_to_array(search_text, ' ') && '{chicken}'")
                .fetch_all(&mut admin)
                .await
                .unwrap();
        assert!(!plan.join("\n").contains("food_items_words_idx"), "{}", plan.join("\n"));
    }
}

#[tokio::test]
async fn real_names_are_found_in_the_published_catalogue() {
    let Some(file) = shared_data("usda-sr28/ABBREV.csv") else { return };
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let maintenance = app.maintenance().await;
    let file = std::fs::File::open(file).unwrap();
    service::catalogue::import_foods(&maintenance, service::catalogue::FoodFormat::UsdaSr, file, |_| {}).await.unwrap();
    for (search, part) in [
        ("brocoli raw", "Broccoli, raw"),
        ("chiken brest", "hicken"),
        ("beef", "Beef"),
        ("butter salt", "Butter"),
        ("egg", "Egg"),
        ("cheddar chese", "heddar"),
    ] {
        let started = Instant::now();
        let names = found(&ann, search).await;
        report(&format!("{search:?} among 8463 published foods took {:?}", started.elapsed()));
        // A name that is misspelt just so comes before what is meant.
        assert!(names.iter().take(2).any(|name| name.contains(part)), "{search}: {names:?}");
    }
}

#[tokio::test]
async fn words_of_other_scripts_are_found_in_either_case() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    ann.creates_food(json!({ "name": "Борщ" })).await;
    let found = ann.ask("{ foods(search: \"борщ\") { nodes { name } } }", json!({})).await;
    assert_eq!(found["foods"]["nodes"], json!([{ "name": "Борщ" }]));
}

const FILTERED: &str = "query($search: String!, $filter: FoodFilter, $first: Int, $after: String) {
    foods(search: $search, filter: $filter, first: $first, after: $after) { nodes { id name source } pageInfo { hasNextPage endCursor } } }";

async fn names(person: &Person<'_>, search: &str, filter: Value) -> Vec<String> {
    let answer = person.ask(FILTERED, json!({ "search": search, "filter": filter })).await;
    answer["foods"]["nodes"].as_array().unwrap().iter().map(|food| food["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_ann_eats_often_comes_before_what_she_owns() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for name in ["Muesli plain", "Muesli fruit", "Muesli crunchy"] {
        ann.creates_food(json!({ "name": name })).await;
    }
    let crunchy = ann.ask(FILTERED, json!({ "search": "muesli crunchy" })).await["foods"]["nodes"][0]["id"].as_str().unwrap().to_owned();
    assert_ne!(found(&ann, "muesli").await.first().unwrap(), "Muesli crunchy", "longer names come later");
    for _ in 0..3 {
        ann.logs_food(&crunchy, json!({})).await;
    }
    assert_eq!(found(&ann, "muesli").await.first().unwrap(), "Muesli crunchy");
    assert_eq!(found(&ann, "muesly").await.first().unwrap(), "Muesli crunchy", "misspelt as well");

    let broccoli: String = app.value("SELECT id::text FROM food_items WHERE name = 'Broccoli, cooked'").await;
    ann.creates_food(json!({ "name": "Broccoli soup" })).await;
    assert_eq!(found(&ann, "broccoli").await.first().unwrap(), "Broccoli soup", "hers before the catalogue's");
    for _ in 0..5 {
        ann.logs_food(&broccoli, json!({})).await;
    }
    assert_eq!(found(&ann, "broccoli").await.first().unwrap(), "Broccoli, cooked", "unless she eats that");
}

#[tokio::test]
async fn what_ann_ate_lately_is_what_she_ate_in_ninety_days_to_the_hour_wherever_she_is() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Pacific/Auckland").await;
    ann.creates_food(json!({ "name": "Muesli plain" })).await;
    let crunchy = ann.creates_food(json!({ "name": "Muesli crunchy" })).await;
    for (hour, expected) in [("10", "Muesli plain"), ("12", "Muesli crunchy")] {
        for _ in 0..3 {
            ann.logs_food(&crunchy, json!({ "consumedAt": format!("2025-12-10T{hour}:30:00Z") })).await;
        }
        assert_eq!(found(&ann, "muesli").await.first().unwrap(), expected, "eaten at {hour}:30");
    }
}

#[tokio::test]
async fn a_filter_narrows_the_list_and_its_cursors_are_its_own() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    crate::family_access::shares(&ann, &ben, &["FOOD_LIST"], false).await;
    ben.creates_food(json!({ "name": "Oats of ben" })).await;
    let anns = ann.creates_food(json!({ "name": "Oats of ann", "barcode": "4260392550101" })).await;
    let all = names(&ben, "oats", json!(null)).await;
    assert!(["Oats of ben", "Oats of ann", "Oats, rolled, dry"].iter().all(|name| all.iter().any(|found| found == name)), "{all:?}");
    assert_eq!(names(&ben, "oats", json!({ "whose": ["OWN"] })).await, ["Oats of ben"]);
    assert_eq!(names(&ben, "oats", json!({ "whose": ["FAMILY"] })).await, ["Oats of ann"]);
    assert!(!names(&ben, "oats", json!({ "whose": ["CATALOGUE"] })).await.join(" ").contains("Oats of"));
    assert_eq!(names(&ben, "oats", json!({ "hasBarcode": true })).await, ["Oats of ann"]);
    assert!(names(&ben, "oats", json!({ "sources": ["hale"] })).await.contains(&"Oats, rolled, dry".to_owned()));
    assert_eq!(names(&ben, "oats", json!({ "sources": ["nowhere"] })).await, [""; 0]);
    assert_eq!(names(&ben, "oats", json!({ "favourites": true })).await, [""; 0]);
    ben.ask("mutation($id: UUID!) { addFavouriteFood(input: { foodId: $id }) { food { favourite } } }", json!({ "id": anns })).await;
    assert_eq!(names(&ben, "oats", json!({ "favourites": true })).await, ["Oats of ann"]);
    assert_eq!(names(&ben, "oats", json!({ "favourites": true, "whose": ["OWN"] })).await, [""; 0]);

    // The digits of a barcode are found as such, as they are written.
    assert_eq!(names(&ben, "4 260392 550101", json!(null)).await, ["Oats of ann"]);
    let page = ben.ask(FILTERED, json!({ "search": "oats", "first": 1 })).await["foods"]["pageInfo"]["endCursor"].take();
    let refused = ben.refused(FILTERED, json!({ "search": "oats", "filter": { "hasBarcode": true }, "first": 1, "after": page })).await;
    assert_eq!(refused.field.as_deref(), Some("after"), "a cursor of another list");
    // It stays good when foods come and go meanwhile.
    ben.creates_food(json!({ "name": "Oats" })).await;
    let rest = ben.ask(FILTERED, json!({ "search": "oats", "first": 100, "after": page })).await["foods"]["nodes"].take();
    let rest: Vec<_> = rest.as_array().unwrap().iter().map(|food| food["name"].as_str().unwrap()).collect();
    assert!(!rest.contains(&all[0].as_str()) && rest.len() == all.len() - 1, "{rest:?} after {all:?}");
}

#[tokio::test]
async fn words_within_words_are_found_and_one_letter_is_enough() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut owner = app.connect("hale_owner").await;
    let foods = "INSERT INTO food_items (id, name, source, source_id) VALUES
        (gen_random_uuid(), 'Vollkornbrot', 'test', '1'), (gen_random_uuid(), 'Erdbeermarmelade', 'test', '2'), (gen_random_uuid(), 'Xavier''s pie', 'test', '3')";
    owner.execute(foods).await.unwrap();
    let nutrition = "INSERT INTO nutrition_data (food_item_id, nutrition_version, serving_size, serving_unit) SELECT id, 1, 100, 'g' FROM food_items WHERE source = 'test'";
    owner.execute(nutrition).await.unwrap();
    assert_eq!(found(&ann, "brot").await.first().unwrap(), "Vollkornbrot");
    assert_eq!(found(&ann, "marmelade erdbeer").await, ["Erdbeermarmelade"]);
    assert_eq!(found(&ann, "volkornbrot").await.first().unwrap(), "Vollkornbrot");
    assert_eq!(found(&ann, "x").await, ["Xavier's pie"]);
    // A name that changes is found by its new words.
    owner.execute("UPDATE food_items SET name = 'Pumpernickel' WHERE source = 'test' AND source_id = '1'").await.unwrap();
    assert_eq!(found(&ann, "pumpernikel").await, ["Pumpernickel"]);
}
