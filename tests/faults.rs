//! What goes wrong around a server, done to real processes: it is killed, its PostgreSQL is killed, stopped, full or silent, its
//! clients are many, slow or gone, its providers do not answer, its clock jumps. Whatever was acknowledged is there, and once;
//! whatever was not is told in a code; and when the fault is over the server goes on, without being started again.
//!
//! The suite injects each a few times. `just faults` injects them many times and prints the table.

mod clients;
mod clock;
mod disks;
mod drain;
mod exhaustion;
mod kills;
mod providers;
mod server;
mod writers;

use std::time::Duration;

use self::writers::Verdict;
use crate::harness::report;

/// How often a fault is injected: in the suite, and by `just faults`.
fn times(few: usize, many: usize) -> usize {
    if std::env::var_os("HALE_FAULTS").is_some() { many } else { few }
}

/// Prints a row of the table of faults, and demands that nothing was lost and nothing done twice.
fn row(kind: &str, injections: usize, verdict: &Verdict, mut recoveries: Vec<Duration>) {
    recoveries.sort_unstable();
    let seconds = |duration: Option<&Duration>| duration.map_or("".to_owned(), |duration| format!("{:.2} s", duration.as_secs_f64()));
    let (median, longest) = (seconds(recoveries.get(recoveries.len() / 2)), seconds(recoveries.last()));
    let Verdict { acknowledged, lost, duplicated, strange, .. } = verdict;
    report(&format!("| {kind} | {injections} | {acknowledged} | {} | {} | {median} | {longest} |", lost.len(), duplicated.len()));
    assert_eq!((lost.as_slice(), duplicated.as_slice(), *strange), (&[][..], &[][..], 0), "{kind}");
}
