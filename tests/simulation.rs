//! The sync engine in a world where everything fails: devices of several kinds, a network that loses, repeats and reorders, clocks that
//! are wrong, crashes, restored backups, collected tombstones, access that comes and goes. The engine is the real one; what keeps the
//! rows is memory, which is held to PostgreSQL by playing the same scripts over both.

mod device;
mod memory;
mod planted;
mod postgres;
mod script;
mod server;
mod truth;
mod world;

use std::ops::Range;

use chrono::{DateTime, Utc};
use entity::id::{FoodId, UserId};
use futures_util::FutureExt;
use uuid::Uuid;

use self::{
    memory::Memory,
    planted::{PLANTED, Planted},
    postgres::Postgres,
    script::Script,
    world::World,
};
use crate::harness::{TestApp, report};

/// How many seeds the suite plays, and how long each is.
const SEEDS: u64 = 2_000;
const STEPS: usize = 80;

fn beginning() -> DateTime<Utc> {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

fn people() -> Vec<(UserId, FoodId)> {
    (1..=4).map(|person| (UserId(Uuid::from_u128(person << 64)), FoodId(Uuid::from_u128(person << 80)))).collect()
}

/// Plays a script in memory, where nothing is waited for.
fn play(script: &Script, planted: Option<Planted>) -> Result<u64, String> {
    let (people, now) = (people(), beginning());
    let memory = Memory::new(&people, now, planted);
    World::new(script, &people, now, &memory, planted).play(script).now_or_never().expect("nothing is waited for")
}

/// Fails with the shortest script that does.
fn holds(seed: u64, steps: usize) -> u64 {
    let script = Script::new(seed, steps);
    play(&script, None).unwrap_or_else(|wrong| {
        let shrunk = script.shrunk(|shorter| play(shorter, None).is_err());
        let why = play(&shrunk, None).expect_err("a script that fails");
        panic!("seed {seed} of {steps} steps: {wrong}\nshortest: {why}\n{shrunk:?}");
    })
}

/// The first seed that shows a planted fault, and how.
fn first_seed(planted: Planted) -> Option<(u64, String)> {
    (0..5_000).find_map(|seed| Some((seed, play(&Script::new(seed, STEPS), Some(planted)).err()?)))
}

#[test]
fn every_planted_fault_is_seen() {
    let found: Vec<_> = PLANTED.iter().map(|planted| (planted, first_seed(*planted))).collect();
    for (planted, found) in &found {
        let (seed, how) = found.as_ref().map_or(("-".to_owned(), "not seen"), |(seed, how)| (seed.to_string(), how.as_str()));
        report(&format!("{:24} {seed:>5}  {}", format!("{planted:?}"), how.chars().take(120).collect::<String>()));
    }
    assert!(found.iter().all(|(_, found)| found.is_some()));
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    let hashes = |from: u64| -> Vec<u64> { (from..from + 20).map(|seed| holds(seed, STEPS)).collect() };
    assert_eq!(hashes(0), hashes(0));
    assert_ne!(hashes(0), hashes(20));
}

/// The seeds and the length that `just simulate` asks for: HALE_SIMULATE=first..last,steps.
fn asked() -> Option<(Range<u64>, usize)> {
    let asked = std::env::var("HALE_SIMULATE").ok()?;
    let (seeds, steps) = asked.split_once(',').expect("HALE_SIMULATE=first..last,steps");
    let (first, last) = seeds.split_once("..").expect("HALE_SIMULATE=first..last,steps");
    Some((first.parse().unwrap()..last.parse().unwrap(), steps.parse().unwrap()))
}

#[test]
fn two_thousand_seeds_keep_every_promise() {
    let (seeds, steps) = asked().unwrap_or((0..SEEDS, STEPS));
    for seed in seeds {
        holds(seed, steps);
    }
}

/// What is proved in memory is proved of PostgreSQL: the same scripts come to the same answers, pages and numbers.
#[tokio::test(flavor = "multi_thread")]
async fn memory_answers_as_postgresql_does() {
    for seed in 0..8 {
        let script = Script::new(seed, 40).for_a_database();
        let app = TestApp::new().await;
        let postgres = Postgres::new(&app, script.people).await;
        let mut real = World::new(&script, &postgres.people, beginning(), &postgres, None);
        real.told = Some(Vec::new());
        real.play(&script).await.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}\n{script:?}"));

        let memory = Memory::new(&postgres.people, beginning(), None);
        let mut simulated = World::new(&script, &postgres.people, beginning(), &memory, None);
        simulated.told = Some(Vec::new());
        simulated.play(&script).await.unwrap_or_else(|wrong| panic!("seed {seed} in memory: {wrong}"));
        let (real, simulated) = (real.told.unwrap(), simulated.told.unwrap());
        for (number, (real, simulated)) in real.iter().zip(&simulated).enumerate() {
            assert_eq!(simulated, real, "seed {seed}, what happened as number {number}\n{script:?}");
        }
        assert_eq!(real.len(), simulated.len());
    }
}
