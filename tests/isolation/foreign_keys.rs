//! Foreign keys look past row level security: what one person references may not tell about another's rows, hold them, or go
//! with them. That hidden, missing and deleted rows cannot be referenced is in the matrix ("log a hidden food" and the like).

use super::{
    people::{NOBODY, PRINCIPALS, person, row_id},
    world::World,
};

/// Keys of a shape that would let one person's row hang on another's. Answers which, and what is wrong. A key that begins with
/// the owner joins rows of one owner.
const OFFENDERS: &str = "
    WITH keys AS (
      SELECT c.*, conrelid::regclass || ' ' || conname AS title, (SELECT array_agg(attname::text ORDER BY n) FROM unnest(conkey) WITH ORDINALITY k (num, n)
        JOIN pg_attribute ON attrelid = conrelid AND attnum = num) AS columns
      FROM pg_constraint c WHERE contype = 'f' AND connamespace = 'public'::regnamespace)
    SELECT title || ' goes with somebody else' FROM keys
      WHERE confrelid = 'users'::regclass AND confdeltype = 'c' AND columns[1] NOT IN ('user_id', 'owner_id', 'grantor_user_id', 'grantee_user_id')
    UNION ALL SELECT title || ' holds a person' FROM keys WHERE confrelid = 'users'::regclass AND confdeltype NOT IN ('c', 'n')
    UNION ALL SELECT title || ' joins rows of two people' FROM keys
      WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'user_id') AND columns[1] NOT IN ('user_id', 'household_id')
    UNION ALL SELECT title || ' may reference what its writer cannot see' FROM keys
      WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'owner_id') AND columns[1] <> 'owner_id'
        AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = conrelid AND NOT polpermissive AND polcmd = 'a'
                        AND pg_get_expr(polwithcheck, polrelid) LIKE '%= ' || conrelid::regclass || '.' || columns[1] || '%')
    UNION ALL SELECT title || ' may be changed to what its writer cannot see' FROM keys
      WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'owner_id')
        AND has_column_privilege('hale_app', conrelid, columns[1], 'UPDATE')
    UNION ALL SELECT title || ' holds a row of the catalogue, or goes with it' FROM keys
      WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'owner_id') AND columns[1] <> 'owner_id'
        AND confdeltype <> CASE WHEN EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = 'owner_id') THEN 'c' ELSE 'n' END";

#[tokio::test]
async fn no_key_hangs_on_what_its_writer_cannot_see() {
    let mut world = World::new().await;
    assert_eq!(world.texts(OFFENDERS).await, Vec::<String>::new());
    for (offence, named) in [
        (
            "ALTER TABLE food_diary DROP CONSTRAINT food_diary_created_by_fkey, ADD CONSTRAINT a FOREIGN KEY (created_by) REFERENCES users (id)",
            "food_diary a holds a person",
        ),
        (
            "ALTER TABLE food_diary ADD CONSTRAINT a FOREIGN KEY (created_by) REFERENCES users (id) ON DELETE CASCADE",
            "food_diary a goes with somebody else",
        ),
        ("DROP POLICY visible_food ON food_diary", "food_diary food_diary_food_item_id_fkey may reference what its writer cannot see"),
        (
            "GRANT UPDATE (exercise_id) ON exercise_diary TO hale_app",
            "exercise_diary exercise_diary_exercise_id_fkey may be changed to what its writer cannot see",
        ),
        (
            "ALTER TABLE exercise_diary ADD CONSTRAINT a FOREIGN KEY (exercise_id) REFERENCES exercises (id)",
            "exercise_diary a holds a row of the catalogue, or goes with it",
        ),
        (
            "ALTER TABLE measurements ADD entry uuid; CREATE UNIQUE INDEX one ON food_diary (id);
          ALTER TABLE measurements ADD CONSTRAINT a FOREIGN KEY (entry) REFERENCES food_diary (id)",
            "measurements a joins rows of two people",
        ),
    ] {
        world.run(offence).await;
        assert_eq!(world.texts(OFFENDERS).await, [named]);
        world.undo().await;
    }
}

/// What a person shared may be in another's diary. It can be deleted all the same, and the entry outlives it.
#[tokio::test]
async fn a_food_goes_though_it_is_in_anothers_diary_and_the_entry_stays() {
    let mut world = World::new().await;
    let (food, entry) = (row_id("ann", "food_items", 0), row_id("food_list", "food_diary", 7));
    enter(&mut world, "food_list").await;
    world
        .run(&format!(
            "INSERT INTO food_diary (user_id, id, food_item_id, food_name, quantity, unit, servings, calories, meal_type, consumed_at, time_zone, consumed_on)
             VALUES ('{}', '{entry}', '{food}', 'Porridge of ann', 1, 'g', 1, 100, 'lunch', '2026-03-10', 'UTC', '2026-03-10')",
            person("food_list")
        ))
        .await;
    enter(&mut world, "owner").await;
    world.run(&format!("DELETE FROM food_items WHERE id = '{food}'")).await;
    world.run("RESET ROLE").await;
    let left = world.texts(&format!("SELECT concat_ws(' ', food_item_id, food_name, calories) FROM food_diary WHERE id = '{entry}'")).await;
    assert_eq!(left, ["Porridge of ann 100.000000"]);
    let vanished = world.vanished().await;
    assert!(vanished.iter().all(|row| row.ends_with(&person("ann").to_string())), "{vanished:?}");
    assert_eq!(vanished.len(), 3, "the food, its nutrition and its portion: {vanished:?}");
}

/// Whoever goes takes along their own rows and the grants they gave or had, and nothing else: not what they wrote for others,
/// nor what others made of the shared catalogue.
#[tokio::test]
async fn whoever_goes_takes_nothing_of_others_along() {
    let mut world = World::new().await;
    for principal in PRINCIPALS.iter().filter(|principal| principal.viewer() != "deleted" && principal.name != "grantor") {
        let id = person(principal.viewer());
        world.run("UPDATE food_diary SET created_by = NULL, food_item_id = NULL; UPDATE exercise_diary SET exercise_id = NULL").await;
        // Everybody's entries hang on this person in every way there is.
        world
            .run(&format!(
                "UPDATE food_diary SET created_by = '{id}', food_item_id = '{}'; UPDATE exercise_diary SET created_by = '{id}', exercise_id = '{}';
                 UPDATE measurements SET created_by = '{id}'; UPDATE goals SET created_by = '{id}'; UPDATE access_log SET reader_id = '{id}'",
                row_id(principal.viewer(), "food_items", 0),
                row_id(principal.viewer(), "exercises", 0)
            ))
            .await;
        world.run(&format!("DELETE FROM users WHERE id = '{id}'")).await;
        let others = world.vanished().await.into_iter().filter(|row| !row.ends_with(&id.to_string()) && !row.starts_with("family_access "));
        assert_eq!(others.collect::<Vec<_>>(), Vec::<String>::new(), "{} took them along", principal.name);
        world.undo().await;
    }
    // A row of the shared catalogue goes the same way.
    world.run(&format!("DELETE FROM food_items WHERE id = '{}'", row_id(NOBODY, "food_items", 0))).await;
    let vanished = world.vanished().await;
    assert!(vanished.len() == 3 && vanished.iter().all(|row| row.ends_with(' ')), "{vanished:?}");
}

async fn enter(world: &mut World, name: &str) {
    let principal = PRINCIPALS.iter().find(|principal| principal.name == name).unwrap();
    world.run(&format!("SET LOCAL ROLE hale_app; {}", principal.enter())).await;
}
