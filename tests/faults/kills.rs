//! Processes that are killed or stopped while clients write.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::{row, server::Server, times, writers::Writers};

const WRITERS: usize = 8;

/// Times that look random and are the same in each run.
fn scattered(n: usize) -> Duration {
    Duration::from_millis(30 + (n as u64 * 7919) % 400)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_writes_has_all_that_it_acknowledged_and_nothing_twice() {
    let mut server = Server::start().await;
    let mut writers = Writers::start(server.address, WRITERS).await;
    let injections = times(6, 200);
    let mut recoveries = Vec::new();
    for n in 0..injections {
        sleep(scattered(n)).await;
        let at = Instant::now();
        server.killed().await;
        recoveries.push(writers.acknowledged_since(at).await);
    }
    let verdict = writers.judged(&mut server.connect("hale_owner").await.unwrap()).await;
    row("kill -9 of the server", injections, &verdict, recoveries);
    assert!(verdict.acknowledged > injections && verdict.unanswered > 0, "{verdict:?}");
    server.demand_no_defect();
    assert_eq!(server.stops().await, Some(0));
}

/// PostgreSQL comes back by itself, and the server, which stays the same process, finds it.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_killed_and_stopped_under_writes_and_the_server_goes_on_by_itself() {
    let mut server = Server::start().await;
    let pid = server.pid();
    for (kind, signal, few, many) in [
        ("kill -9 of PostgreSQL", Signal::KILL, 2, 20),
        ("immediate stop of PostgreSQL", Signal::QUIT, 1, 20),
        ("fast stop of PostgreSQL", Signal::INT, 1, 20),
    ] {
        let mut writers = Writers::start(server.address, WRITERS).await;
        let injections = times(few, many);
        let mut recoveries = Vec::new();
        for n in 0..injections {
            sleep(scattered(n)).await;
            let at = server.signals_postgres(signal).await;
            recoveries.push(writers.acknowledged_since(at).await);
        }
        server.ready().await;
        let verdict = writers.judged(&mut server.connect("hale_owner").await.unwrap()).await;
        row(kind, injections, &verdict, recoveries);
        assert!(verdict.acknowledged > 0, "{kind}: {verdict:?}");
        // What PostgreSQL does is no reason to hang up on anybody.
        assert_eq!(verdict.unanswered, 0, "{kind}: {verdict:?}");
    }
    assert_eq!(server.pid(), pid);
    server.demand_no_defect();
    assert_eq!(server.stops().await, Some(0));
    assert_eq!(server.postmaster(), None, "the one that was started again is stopped as well");
}
