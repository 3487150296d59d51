//! The isolation matrix: every table × principal × operation, run as hale_app and compared with the one reviewed file
//! `isolation/access.toml`, every field of the API × principal with `isolation/fields.toml`; and the proof that it sees, by
//! mutants of each policy.

mod access;
mod denial;
mod doors;
mod fields;
mod foreign_keys;
mod mutants;
mod people;
mod statements;
mod tables;
mod world;

use std::collections::BTreeSet;

use self::{
    access::{Access, Layer},
    doors::DOORS,
    tables::TABLES,
    world::World,
};
use crate::harness::report;

#[tokio::test]
async fn every_principal_gets_what_the_reviewed_file_says() {
    let access = Access::read();
    let cells = access.cells();
    let mut world = World::new().await;
    let mut mismatches = Vec::new();
    for title in cells.iter().map(|cell| cell.title).collect::<BTreeSet<_>>() {
        for layer in Layer::ALL {
            let here: Vec<_> = cells.iter().filter(|cell| cell.title == title && cell.layer == layer).collect();
            if !here.is_empty() {
                world.run(&layer.setup(title)).await;
                mismatches.extend(world.mismatches(here, false).await);
                world.undo().await;
            }
        }
    }
    report(&format!("isolation: {} cells", cells.len()));
    assert!(cells.len() >= 3_500, "only {} cells", cells.len());
    assert!(mismatches.is_empty(), "{} cells differ:\n{}", mismatches.len(), mismatches.join("\n"));
}

/// A relation without an entry and a row factory, or an entry without a relation, fails; so it is with functions that see more
/// than their caller.
#[tokio::test]
async fn every_relation_and_door_is_classified() {
    let access = Access::read();
    let mut world = World::new().await;
    let relations = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
        AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')";
    let there: BTreeSet<_> = world.texts(relations).await.into_iter().collect();
    let classified: BTreeSet<_> = access.relation.keys().cloned().collect();
    let made: BTreeSet<_> = TABLES.iter().map(|table| table.name.to_owned()).collect();
    assert_eq!(there, classified, "relations, and those in access.toml");
    assert_eq!(there, made, "relations, and those in tables.rs");
    let doors = "SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef AND pronamespace <> 'pg_catalog'::regnamespace";
    let there: BTreeSet<_> = world.texts(doors).await.into_iter().collect();
    let classified: BTreeSet<_> = access.function.keys().cloned().collect();
    let called: BTreeSet<_> = DOORS.iter().map(|door| door.name.to_owned()).collect();
    assert_eq!(there, classified, "functions, and those in access.toml");
    assert_eq!(there, called, "functions, and those in doors.rs");
}
