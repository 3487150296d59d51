//! The machine's clock jumps, under a server that runs.

use std::{fs, path::Path, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    row,
    server::{AGES, Server},
    writers::Writers,
};
use crate::{command_line::Folder, harness::report};

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// By an hour, a day and ten seconds, there and back, while people write: nobody is locked out for longer than a token lasts,
/// no job is put off, and points come back.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_jumps_and_nothing_is_lost_and_nobody_locked_out() {
    if !Path::new(LIBRARY).exists() {
        report("skipped: the clock of a process cannot be moved here; apt-get install faketime");
        return;
    }
    let folder = Folder::new();
    let offset = folder.file("clock", "+0");
    let settings = [
        ("LD_PRELOAD", LIBRARY),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        // Durations are measured by another clock, which does not jump.
        ("DONT_FAKE_MONOTONIC", "1"),
        ("HALE_POINTS_PER_PERSON", "2000/1000"),
    ];
    let mut server = Server::start_with(folder, &settings).await;
    let mut writers = Writers::start(server.address, 4).await;
    let jumps = ["+1h", "+0", "-1h", "+0", "+1d", "+0", "-10", "+0"];
    let mut recoveries = Vec::new();
    for jump in jumps {
        let written = writers.acknowledged();
        let at = Instant::now();
        fs::write(&offset, jump).unwrap();
        recoveries.push(writers.acknowledged_since(at).await);
        let begun = Instant::now();
        while writers.acknowledged() < written + 10 {
            assert!(begun.elapsed() < AGES, "after {jump} nobody is let in");
            sleep(Duration::from_millis(20)).await;
        }
        // Hale's own work goes on: what a jump put off comes back with the clock.
        if jump == "+0" {
            let mut owner = server.connect("hale_owner").await.unwrap();
            let begun = Instant::now();
            loop {
                let (late,): (i64,) = sqlx::query_as("SELECT count(*) FROM jobs WHERE due_at > now() + interval '7 hours'")
                    .fetch_one(&mut owner)
                    .await
                    .unwrap();
                if late == 0 {
                    break;
                }
                assert!(begun.elapsed() < AGES, "{late} jobs wait for a time that a jump named");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    let verdict = writers.judged(&mut server.connect("hale_owner").await.unwrap()).await;
    row("clock jumps (an hour, a day, ten seconds)", jumps.len(), &verdict, recoveries);
    let codes: Vec<_> = verdict.refusals.keys().map(String::as_str).collect();
    assert!(codes.iter().all(|code| ["UNAUTHENTICATED", "RATE_LIMITED"].contains(code)), "{verdict:?}");
    assert_eq!(verdict.unanswered, 0);
    server.demand_no_defect();
    assert_eq!(server.stops().await, Some(0));
}
