//! The walls between the crates, as cargo sees them: data goes down once and comes up once, and no crate can name what is
//! behind the next one.

use std::process::Command;

use serde_json::{Value, json};

const CRATES: [&str; 5] = ["api", "entity", "migration", "service", "tests"];

/// What may not be among the dependencies of a crate, and why.
const WALLS: &[(&str, &[&str], &str)] = &[
    ("api", &["sea-orm", "sea-orm-migration", "sea-query", "sea-query-sqlx", "sqlx", "tokio-postgres"], "queries are the service's"),
    (
        "service",
        &["api", "async-graphql", "async-graphql-axum", "axum", "hyper", "migration", "tower", "tower-http"],
        "rules know no HTTP and no GraphQL",
    ),
    (
        "entity",
        &["api", "async-graphql", "async-graphql-axum", "axum", "migration", "service", "sqlx", "tower-http"],
        "rows know nothing above them",
    ),
    ("migration", &["api", "async-graphql", "axum", "entity", "service"], "the schema depends on nothing of ours"),
];

fn metadata() -> Value {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1", "--no-deps"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn breaches(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().unwrap();
    let mut breaches = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        // A renamed dependency is still the package that it renames.
        let dependencies: Vec<&str> = package["dependencies"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        let wall = WALLS.iter().find(|(behind, ..)| *behind == name);
        for &dependency in &dependencies {
            if let Some((_, forbidden, reason)) = wall
                && forbidden.contains(&dependency)
            {
                breaches.push(format!("{name} depends on {dependency}: {reason}"));
            }
            if dependency == "tests" || dependency == "api" && name != "tests" {
                breaches.push(format!("{name} depends on {dependency}: nothing is above it"));
            }
        }
        if !CRATES.contains(&name) {
            breaches.push(format!("{name} is a crate without walls: decide what it may know"));
        }
    }
    breaches
}

#[test]
fn no_crate_names_what_is_behind_the_next_one() {
    assert_eq!(breaches(&metadata()), Vec::<String>::new());
}

#[test]
fn a_breach_is_seen() {
    for (name, forbidden, _) in WALLS {
        for dependency in *forbidden {
            let mut doctored = metadata();
            let package = doctored["packages"].as_array_mut().unwrap().iter_mut().find(|package| package["name"] == *name).unwrap();
            package["dependencies"].as_array_mut().unwrap().push(json!({ "name": dependency, "rename": "innocent" }));
            assert!(
                breaches(&doctored).iter().any(|breach| breach.starts_with(&format!("{name} depends on {dependency}: "))),
                "{name} {dependency}"
            );
        }
    }
    let mut doctored = metadata();
    doctored["packages"].as_array_mut().unwrap().push(json!({ "name": "common", "dependencies": [] }));
    assert_eq!(breaches(&doctored), ["common is a crate without walls: decide what it may know"]);
}

#[test]
fn every_file_is_named_for_what_it_holds() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let Ok(output) = Command::new("git").args(["ls-files"]).current_dir(root).output() else {
        crate::harness::report("skipped: git is not there, so names of files are not checked");
        return;
    };
    let files = String::from_utf8(output.stdout).unwrap();
    let nameless: Vec<&str> = files
        .lines()
        .filter(|path| {
            path.split('/')
                .any(|part| matches!(part.split('.').next(), Some("utils" | "util" | "helpers" | "helper" | "common" | "misc" | "shared")))
        })
        .chain(files.lines().filter(|path| path.ends_with("/mod.rs")))
        .collect();
    assert_eq!(nameless, Vec::<&str>::new());
}
