//! Disks that are full: that of the data, and that of the write-ahead log. Both are file systems of their own, in memory.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tokio::time::{Duration, Instant, sleep};

use super::{
    row,
    server::{AGES, Server},
    times,
    writers::Writers,
};
use crate::{command_line::Folder, harness::report};

/// A file system of its own, gone in the end.
struct Disk(PathBuf);

impl Disk {
    /// `None`, said aloud, where it may not be mounted.
    fn mounted(path: PathBuf, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(&path).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=0755"), "hale-test"]).arg(&path).output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            report("skipped: no file system may be mounted here; run the tests as root of a machine where `mount -t tmpfs` works");
            return None;
        }
        Some(Self(path))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut room = fs::File::create(self.0.join("filler")).unwrap();
        // Ends when there is no room any more.
        std::io::copy(&mut std::io::repeat(0), &mut room).unwrap_err();
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What still has files open there lets go of it when it ends.
        Command::new("umount").arg("--lazy").arg(&self.0).status().ok();
    }
}

/// Waits until writes are refused, so that the disk is full for those who write.
async fn refused(writers: &Writers) {
    let begun = Instant::now();
    let mut known = writers.acknowledged();
    loop {
        sleep(Duration::from_millis(1500)).await;
        let now = writers.acknowledged();
        if now == known {
            return;
        }
        assert!(begun.elapsed() < AGES, "the disk is never full");
        known = now;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_data_refuses_writes_serves_reads_and_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let Some(disk) = Disk::mounted(folder.0.join("data"), 400) else { return };
    fs::set_permissions(&disk.0, fs::Permissions::from_mode(0o711)).unwrap();
    let elsewhere = folder.0.clone();
    let mut server = Server::start_with(folder, &[]).await;
    assert_eq!(server.stops().await, Some(0));
    moves_log(&server.postgres().join("data"), &elsewhere);
    server.starts_again().await;
    let pid = server.pid();
    let mut writers = Writers::start(server.address, 8).await;
    let injections = times(1, 5);
    let mut recoveries = Vec::new();
    for _ in 0..injections {
        disk.fill();
        refused(&writers).await;
        writers.demand_reads().await;
        assert_eq!(server.status("/healthz").await, Some(200));
        let at = Instant::now();
        disk.empty();
        recoveries.push(writers.acknowledged_since(at).await);
    }
    server.ready().await;
    let verdict = writers.judged(&mut server.connect("hale_owner").await.unwrap()).await;
    row("disk of data full", injections, &verdict, recoveries);
    assert!(verdict.refusals.contains_key("UNAVAILABLE") && verdict.unanswered == 0, "{verdict:?}");
    assert_eq!(server.pid(), pid);
    server.demand_no_defect();
    assert_eq!(server.stops().await, Some(0));
}

/// PostgreSQL ends when it cannot write its log, and cannot start before there is room.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_log_refuses_writes_and_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let place = folder.0.join("log-disk");
    let Some(disk) = Disk::mounted(place, 64) else { return };
    let mut server = Server::start_with(folder, &[]).await;
    assert_eq!(server.stops().await, Some(0));
    moves_log(&server.postgres().join("data"), &disk.0);
    server.starts_again().await;
    let pid = server.pid();
    let mut writers = Writers::start(server.address, 8).await;
    let injections = times(1, 5);
    let mut recoveries = Vec::new();
    for _ in 0..injections {
        disk.fill();
        // What was there is used up first.
        let mut owner = server.connect("hale_owner").await.unwrap();
        let much = "CREATE TABLE IF NOT EXISTS filler AS SELECT repeat(md5(n::text), 20) AS text FROM generate_series(1, 200000) n; DROP TABLE filler";
        sqlx::Executor::execute(&mut owner, much).await.expect_err("there is room");
        server.not_ready().await;
        assert_eq!(server.status("/healthz").await, Some(200));
        let at = Instant::now();
        disk.empty();
        recoveries.push(writers.acknowledged_since(at).await);
    }
    server.ready().await;
    let verdict = writers.judged(&mut server.connect("hale_owner").await.unwrap()).await;
    row("disk of the write-ahead log full", injections, &verdict, recoveries);
    assert!(verdict.refusals.contains_key("UNAVAILABLE") && verdict.unanswered == 0, "{verdict:?}");
    assert_eq!(server.pid(), pid);
    server.demand_no_defect();
    assert_eq!(server.stops().await, Some(0));
}

/// Moves the write-ahead log of a cluster that does not run to another disk.
fn moves_log(data: &Path, disk: &Path) {
    let (log, moved) = (data.join("pg_wal"), disk.join("pg_wal"));
    let run = |program: &str, arguments: &[&Path]| {
        assert!(Command::new(program).args(arguments).status().unwrap().success(), "{program} {arguments:?}");
    };
    // With its owner, who may pass through the disk's top folder.
    run("cp", &[Path::new("-a"), &log, &moved]);
    run("rm", &[Path::new("-r"), &log]);
    run("ln", &[Path::new("-s"), &moved, &log]);
}
