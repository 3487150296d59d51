//! Backups: one file that holds everything as one moment saw it, and that is refused when anything about it was changed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use age::secrecy::ExposeSecret;
use serde_json::{Value, json};
use service::backup::{self, Unlock};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{
    command_line::{Folder, Served, fails, hale, succeeds, text},
    harness::{TestApp, database_url, empty_database, http},
};

/// How long anything may take at most.
const AGES: Duration = Duration::from_secs(60);

/// The hale binary on the database of this app, as an operator starts it.
pub fn operator(app: &TestApp, folder: &Folder) -> Command {
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("DATABASE_OWNER_URL", app.url("hale_owner"));
    command.arg("--data-dir").arg(folder.0.join("data"));
    command
}

/// Makes a backup in the folder's `backups`; the file.
pub async fn backs_up(app: &TestApp, folder: &Folder, arguments: &[&str]) -> PathBuf {
    let said = succeeds(operator(app, folder).args(["backup", "--to"]).arg(folder.0.join("backups")).args(arguments)).await;
    let path = PathBuf::from(said.split(": ").next().unwrap());
    assert!(path.exists(), "{said}");
    path
}

fn backups_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// What is in a backup, read with the standard formats and nothing of Hale's.
struct Opened(Vec<(String, Vec<u8>)>);

impl Opened {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let mut archive = tar::Archive::new(zstd::Decoder::new(&bytes[..]).unwrap());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
        });
        Self(entries.collect())
    }

    /// A backup of the same form with these parts, sealed like one that nobody touched.
    fn write(&self, path: &Path) {
        let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
        for (name, bytes) in &self.0 {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            tar.append_data(&mut header, name, &bytes[..]).unwrap();
        }
        let mut file = tar.into_inner().unwrap().finish().unwrap();
        let hash = Sha256::digest(&file);
        file.extend([0x50, 0x2a, 0x4d, 0x18, 32, 0, 0, 0]);
        file.extend(hash);
        fs::write(path, file).unwrap();
    }

    fn part(&mut self, name: &str) -> &mut Vec<u8> {
        &mut self.0.iter_mut().find(|(part, _)| part.starts_with(name)).unwrap_or_else(|| panic!("no {name}")).1
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.0.iter().find(|(part, _)| part == name).unwrap().1).unwrap()
    }

    /// Writes the sums anew, as whoever meddles with a part would.
    fn with_right_sums(mut self) -> Self {
        let others = self.0.iter().filter(|(name, _)| name != "SHA256SUMS");
        let sums: String = others.map(|(name, bytes)| format!("{}  {name}\n", hexadecimal(&Sha256::digest(bytes)))).collect();
        *self.part("SHA256SUMS") = sums.into_bytes();
        self
    }

    /// The rows of a table: each by its columns.
    fn rows(&self, table: &str) -> Vec<BTreeMap<String, String>> {
        let manifest = self.json("manifest.json");
        let described = manifest["tables"].as_array().unwrap().iter();
        let described =
            described.clone().find(|one| format!("{}.{}", one["schema"].as_str().unwrap(), one["name"].as_str().unwrap()) == table);
        let columns: Vec<String> = serde_json::from_value(described.unwrap()["columns"].clone()).unwrap();
        let parts = self.0.iter().filter(|(name, _)| name.starts_with(&format!("tables/{table}/")));
        let lines: String = parts.map(|(_, bytes)| text(bytes)).collect();
        lines.lines().map(|line| columns.iter().cloned().zip(line.split('\t').map(str::to_owned)).collect()).collect()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_holds_every_table_and_standard_programs_open_it() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    app.person("ann").await;
    let path = backs_up(&app, &folder, &[]).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("hale_backup_20") && name.ends_with(".tar.zst"), "{name}");

    let opened = Opened::read(&path);
    let head = opened.json("hale.json");
    assert_eq!((&head["application"], &head["format"]), (&json!("hale"), &json!(1)));
    assert_eq!(head["migrations"].as_array().unwrap().len(), migration::migrations().len());
    let manifest = opened.json("manifest.json");
    let told: BTreeSet<_> = manifest["tables"].as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap().to_owned()).collect();
    let mut connection = app.connect("hale_owner").await;
    let there: Vec<(String,)> = sqlx::query_as(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'pg_toast'::regnamespace)",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(told, there.into_iter().map(|(name,)| name).collect());
    assert_eq!(opened.rows("public.users")[0]["email"], "ann@example.org");
    assert!(opened.rows("public.food_items").len() > 100);

    // As whoever has tar, zstd and sha256sum does.
    let out = folder.0.join("out");
    fs::create_dir(&out).unwrap();
    let by_hand = "tar --zstd -xf \"$1\" && sha256sum --quiet --check SHA256SUMS && cat tables/public.users/*.copy";
    let shown = succeeds(Command::new("sh").args(["-c", by_hand, "sh"]).arg(&path).current_dir(&out)).await;
    assert!(shown.contains("ann@example.org"), "{shown}");

    let said = succeeds(operator(&app, &folder).args(["backup", "verify"]).arg(&path)).await;
    assert!(said.contains("is whole"), "{said}");
    let listed = succeeds(operator(&app, &folder).args(["backup", "list", "--in"]).arg(path.parent().unwrap())).await;
    assert!(listed.lines().count() == 1 && listed.contains(name) && listed.contains("plain"), "{listed}");
    let (file, error): (String, Option<String>) =
        sqlx::query_as("SELECT file, error FROM backups").fetch_one(&mut connection).await.unwrap();
    assert_eq!((file.as_str(), error), (name, None));
}

#[tokio::test]
async fn only_the_owner_makes_and_restores_backups() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let path = backs_up(&app, &folder, &[]).await;
    let bound = |arguments: &[&str]| {
        let mut command = operator(&app, &folder);
        command.env("DATABASE_OWNER_URL", app.url("hale_app")).args(arguments);
        command
    };
    let to = folder.0.join("by hale_app");
    let line = fails(bound(&["backup", "--to"]).arg(&to)).await;
    assert!(line.contains("permission denied"), "{line}");
    assert_eq!(backups_in(&to), [""; 0]);
    let line = fails(bound(&["restore", "--yes"]).arg(&path)).await;
    assert!(line.contains("permission denied"), "{line}");
    let line = fails(operator(&app, &folder).env_remove("DATABASE_OWNER_URL").args(["backup"])).await;
    assert!(line.contains("DATABASE_OWNER_URL"), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn backups_are_consistent_while_people_write() {
    let (app, folder) = (TestApp::with_connections(16).await, Folder::new());
    let mut people = Vec::new();
    for name in ["ann", "ben", "carla", "dora"] {
        let person = app.person(name).await;
        let food = person.creates_food(json!({})).await;
        people.push((person, food));
    }
    let enough = AtomicBool::new(false);
    let writing = futures_util::future::join_all(people.iter().map(|(person, food)| async {
        let mut written = 0;
        while !enough.load(Ordering::Relaxed) {
            person.logs_food(food, json!({})).await;
            written += 1;
        }
        written
    }));
    let backing_up = async {
        let mut backups = Vec::new();
        for _ in 0..3 {
            backups.push(backs_up(&app, &folder, &[]).await);
        }
        enough.store(true, Ordering::Relaxed);
        backups
    };
    let (written, backups) = tokio::join!(writing, backing_up);
    let counts = backups.iter().map(|path| {
        let opened = Opened::read(path);
        // Each transaction writes an entry, its row of the feed, and moves its writer's counter to the number of that row.
        let entries: BTreeSet<_> = opened.rows("public.food_diary").into_iter().map(|mut row| row.remove("id").unwrap()).collect();
        let feed = opened.rows("public.sync_rows");
        let fed: BTreeSet<_> = feed.iter().filter(|row| row["collection"] == "food_diary").map(|row| row["id"].clone()).collect();
        assert_eq!(entries, fed);
        for space in opened.rows("public.sync_spaces") {
            let last = feed.iter().filter(|row| row["user_id"] == space["user_id"]).map(|row| row["number"].parse::<i64>().unwrap()).max();
            assert_eq!(space["head"].parse().ok(), last);
        }
        entries.len()
    });
    let counts: Vec<_> = counts.collect();
    assert!(counts.is_sorted() && counts[0] < counts[2], "nobody wrote meanwhile: {counts:?}");
    assert!(counts[2] <= written.iter().sum::<usize>());
    crate::restore::restores(&app, &folder, &backups[1]).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, i64::try_from(counts[1]).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_leaves_nothing_that_looks_like_one() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let to = folder.0.join("backups");
    let (mut killed, mut attempts) = (0, 0);
    while killed < 3 {
        attempts += 1;
        assert!(attempts < 60, "no backup could be killed half-way");
        drop(fs::remove_dir_all(&to));
        let mut child = operator(&app, &folder).args(["backup", "--to"]).arg(&to).spawn().unwrap();
        let begun = Instant::now();
        while backups_in(&to).is_empty() {
            assert!(begun.elapsed() < AGES);
            sleep(Duration::from_millis(1)).await;
        }
        child.kill().await.unwrap();
        let left = backups_in(&to);
        if left.iter().any(|name| name.starts_with("hale_backup_")) {
            continue;
        }
        assert!(left.len() == 1 && left[0].starts_with(".hale_backup_") && left[0].ends_with(".partial"), "{left:?}");
        let mode = fs::metadata(to.join(&left[0])).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        killed += 1;
    }
    // The next one clears up, and leaves what is not its own.
    fs::write(to.join(".notes.partial"), "mine").unwrap();
    let path = backs_up(&app, &folder, &[]).await;
    assert_eq!(backups_in(&to), [".notes.partial", path.file_name().unwrap().to_str().unwrap()]);
}

/// Whether this file is taken for a backup.
async fn accepted(path: &Path, identity: Option<&str>) -> bool {
    let unlock = identity.map(|identity| Unlock::identities(identity).unwrap());
    backup::verify(path, unlock, |_, _| {}).await.is_ok()
}

/// The same numbers in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Files that each differ from a backup in one thing, by what that is.
fn damaged(whole: &[u8], dice: &mut Dice, ends: usize) -> Vec<(String, Vec<u8>)> {
    let flipped = |bit: usize| {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit} of {}", 8 * whole.len()), bytes)
    };
    let mut files: Vec<_> = (0..ends).map(|byte| flipped(8 * byte + dice.below(8))).collect();
    files.extend((0..ends).map(|byte| flipped(8 * (whole.len() - 1 - byte) + dice.below(8))));
    files.extend((0..60).map(|_| flipped(dice.below(8 * whole.len()))));
    let lengths = [0, 1, 4, 39, 40, 41, whole.len() / 2, whole.len() - 41, whole.len() - 40, whole.len() - 39, whole.len() - 1];
    files.extend(lengths.map(|length| (format!("the first {length} bytes"), whole[..length].to_vec())));
    files.extend((0..9).map(|_| dice.below(whole.len())).map(|length| (format!("the first {length} bytes"), whole[..length].to_vec())));
    for more in [vec![0], vec![0; 512], b"more".to_vec(), whole.to_vec(), whole[whole.len() - 40..].to_vec()] {
        files.push((format!("{} bytes more", more.len()), [whole, &more].concat()));
    }
    for _ in 0..5 {
        let (from, length) = (dice.below(whole.len() - 64), 1 + dice.below(64));
        files.push((format!("{length} bytes less at {from}"), [&whole[..from], &whole[from + length..]].concat()));
    }
    files
}

/// Files whose seal and sums are right, made by somebody who meddles with the parts.
fn meddled(path: &Path, other: &Path) -> Vec<(&'static str, Opened)> {
    let read = || Opened::read(path);
    let position = |opened: &Opened, name: &str| opened.0.iter().position(|(part, _)| part.starts_with(name)).unwrap();
    let mut files = Vec::new();
    let mut change = |what, with: &dyn Fn(&mut Opened)| {
        let mut opened = read();
        with(&mut opened);
        files.push((what, opened.with_right_sums()));
    };
    change("two tables' rows are exchanged", &|opened| {
        let (one, two) = (position(opened, "tables/public.food_items/"), position(opened, "tables/public.exercises/"));
        let rows = std::mem::take(&mut opened.0[one].1);
        opened.0[one].1 = std::mem::replace(&mut opened.0[two].1, rows);
    });
    change("two tables are exchanged", &|opened| {
        let (one, two) = (position(opened, "tables/public.food_items/"), position(opened, "tables/public.exercises/"));
        opened.0.swap(one, two);
    });
    change("a table is missing", &|opened| {
        let table = position(opened, "tables/public.exercises/");
        opened.0.remove(table);
    });
    change("a table comes twice", &|opened| {
        let table = position(opened, "tables/public.exercises/");
        let again = opened.0[table].clone();
        opened.0.insert(table, again);
    });
    change("a row is missing", &|opened| {
        let rows = opened.part("tables/public.food_items/");
        let line = rows.iter().position(|&byte| byte == b'\n').unwrap();
        rows.drain(..=line);
    });
    change("a row comes twice", &|opened| {
        let rows = opened.part("tables/public.food_items/");
        let line = rows.iter().position(|&byte| byte == b'\n').unwrap();
        let first = rows[..=line].to_vec();
        rows.extend(first);
    });
    change("one letter of a row is another", &|opened| {
        let rows = opened.part("tables/public.food_items/");
        let letter = rows.iter().position(|&byte| byte == b'a').unwrap();
        rows[letter] = b'b';
    });
    change("the manifest is another backup's", &|opened| *opened.part("manifest.json") = Opened::read(other).part("manifest.json").clone());
    change("the manifest is none", &|opened| *opened.part("manifest.json") = b"{}".to_vec());
    change("the beginning is missing", &|opened| drop(opened.0.remove(0)));
    change("it is another application's", &|opened| {
        let head = text(opened.part("hale.json"));
        *opened.part("hale.json") = head.replace("\"application\": \"hale\"", "\"application\": \"bale\"").into_bytes();
    });
    change("its format is newer", &|opened| {
        let head = text(opened.part("hale.json"));
        *opened.part("hale.json") = head.replace("\"format\": 1", "\"format\": 2").into_bytes();
    });
    change("something is in it that is no part", &|opened| opened.0.insert(1, ("notes.txt".to_owned(), b"mine".to_vec())));
    change("the first part of a table is missing", &|opened| {
        let table = position(opened, "tables/public.exercises/");
        opened.0[table].0 = "tables/public.exercises/000002.copy".to_owned();
    });
    change("a part is of an unknown kind", &|opened| {
        let table = position(opened, "tables/public.exercises/");
        opened.0[table].0 = "tables/public.exercises/000001.sql".to_owned();
    });
    let mut opened = read();
    *opened.part("tables/public.food_items/") = b"1\n".to_vec();
    files.push(("the sums are those of other parts", opened));
    let mut opened = read();
    opened.0.pop();
    files.push(("the sums are missing", opened));
    let mut opened = read();
    let again = opened.part("SHA256SUMS").clone();
    opened.0.push(("SHA256SUMS".to_owned(), again));
    files.push(("the sums come twice", opened));
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_and_fifty_ways_to_spoil_a_backup_are_refused_and_nothing_changes() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let whole = backs_up(&app, &folder, &[]).await;
    app.person("ann").await;
    let other = backs_up(&app, &folder, &[]).await;
    let key = age::x25519::Identity::generate();
    let encrypted = backs_up(&app, &folder, &["--encrypt-to", &key.to_public().to_string()]).await;
    let identity = key.to_string().expose_secret().to_owned();
    assert!(accepted(&whole, None).await && accepted(&other, None).await && accepted(&encrypted, Some(&identity)).await);
    let untouched = folder.0.join("untouched");
    Opened::read(&whole).with_right_sums().write(&untouched);
    assert!(accepted(&untouched, None).await, "what these tests write is not what they think");

    let mut dice = Dice(7);
    let mut tried = Vec::new();
    let mut try_bytes = |what: String, bytes: Vec<u8>, identity: Option<&str>| {
        let path = folder.0.join(format!("spoilt {}", tried.len()));
        fs::write(&path, bytes).unwrap();
        tried.push((what, path, identity.map(str::to_owned)));
    };
    for (what, bytes) in damaged(&fs::read(&whole).unwrap(), &mut dice, 48) {
        try_bytes(what, bytes, None);
    }
    for (what, bytes) in damaged(&fs::read(&encrypted).unwrap(), &mut dice, 8) {
        try_bytes(format!("encrypted, {what}"), bytes, Some(&identity));
    }
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let stranger = zstd::encode_all(&b"a text"[..], 1).unwrap();
    for foreign in [
        b"PGDMP\x01\x0e\x00".to_vec(),
        gzip.to_vec(),
        b"-- PostgreSQL database dump\n".to_vec(),
        stranger,
        b"age-encryption.org/v1\n".to_vec(),
    ] {
        try_bytes("foreign".to_owned(), foreign, Some(&identity));
    }
    for (what, opened) in meddled(&whole, &other) {
        let path = folder.0.join(what);
        opened.write(&path);
        tried.push((what.to_owned(), path, None));
    }
    assert!(tried.len() >= 250, "{}", tried.len());
    let wrongly = futures_util::StreamExt::collect::<Vec<_>>(futures_util::StreamExt::buffer_unordered(
        futures_util::stream::iter(
            tried.iter().map(|(what, path, identity)| async move { accepted(path, identity.as_deref()).await.then_some(what) }),
        ),
        4,
    ))
    .await;
    assert_eq!(wrongly.into_iter().flatten().collect::<Vec<_>>(), Vec::<&String>::new());

    // The command says so before it looks at the database, which is as it was.
    let before = crate::restore::contents(&app).await;
    let some = tried.iter().step_by(40).chain(&tried[tried.len() - 4..]);
    for (what, path, _) in some {
        let mut command = operator(&app, &folder);
        if what.starts_with("encrypted") {
            command.arg("--backup-identity-file").arg(folder.file("identity", &identity));
        }
        let line = fails(command.args(["restore", "--yes"]).arg(path)).await;
        assert!(line.contains("othing was changed"), "{what}: {line}");
    }
    let line = fails(operator(&app, &folder).args(["restore", "--yes"]).arg(folder.0.join("its format is newer"))).await;
    assert!(line.contains("format 2") && line.contains("update hale"), "{line}");

    // A schema of the future.
    let mut future = Opened::read(&whole);
    let mut head = future.json("hale.json");
    head["migrations"].as_array_mut().unwrap().push(json!({ "version": "2099_01_01_00_00", "name": "holodeck", "checksum": "0" }));
    *future.part("hale.json") = head.to_string().into_bytes();
    let path = folder.0.join("future");
    future.with_right_sums().write(&path);
    let line = fails(operator(&app, &folder).args(["restore", "--yes"]).arg(&path)).await;
    assert!(line.contains("holodeck") && line.contains("update hale") && line.contains("nothing was changed"), "{line}");
    // And one of another past.
    let mut past = Opened::read(&whole);
    let mut head = past.json("hale.json");
    head["migrations"][3]["checksum"] = json!("another text's");
    *past.part("hale.json") = head.to_string().into_bytes();
    past.with_right_sums().write(&path);
    let line = fails(operator(&app, &folder).args(["restore", "--yes"]).arg(&path)).await;
    assert!(line.contains("changed after it was applied") && line.contains("nothing was changed"), "{line}");
    assert_eq!(crate::restore::contents(&app).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_backup_opens_with_its_key_and_no_other() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    app.person("ann").await;
    let (ann, ben, carla) = (age::x25519::Identity::generate(), age::x25519::Identity::generate(), age::x25519::Identity::generate());
    let file = |name: &str, key: &age::x25519::Identity| folder.file(name, key.to_string().expose_secret());
    let path = backs_up(&app, &folder, &["--encrypt-to", &ann.to_public().to_string(), "--encrypt-to", &ben.to_public().to_string()]).await;
    assert!(path.to_str().unwrap().ends_with(".tar.zst.age"));
    let bytes = fs::read(&path).unwrap();
    assert!(!bytes.windows(15).any(|window| window == b"ann@example.org") && bytes.starts_with(b"age-encryption.org/v1\n"));
    let verify = |arguments: &[&std::ffi::OsStr]| {
        let mut command = operator(&app, &folder);
        command.args(["backup", "verify"]).arg(&path).args(arguments);
        command
    };
    for (name, key) in [("ann", &ann), ("ben", &ben)] {
        succeeds(&mut verify(&["--identity".as_ref(), file(name, key).as_os_str()])).await;
    }
    let line = fails(&mut verify(&["--identity".as_ref(), file("carla", &carla).as_os_str()])).await;
    assert!(line.contains("not with this key"), "{line}");
    let line = fails(&mut verify(&[])).await;
    assert!(line.contains("--identity"), "{line}");
    let line = fails(&mut verify(&["--identity".as_ref(), folder.file("none", "not a key").as_os_str()])).await;
    assert!(line.contains("age-keygen"), "{line}");
    let line = fails(operator(&app, &folder).args(["backup", "--encrypt-to", "age1nonsense"])).await;
    assert!(line.contains("age1nonsense"), "{line}");

    // A passphrase, from the settings.
    let (right, wrong) = (folder.file("right", "plum kettle\n"), folder.file("wrong", "plum"));
    let said = succeeds(operator(&app, &folder).env("HALE_BACKUP_PASSPHRASE_FILE", &right).arg("backup")).await;
    let path = PathBuf::from(said.split(": ").next().unwrap());
    assert!(path.starts_with(folder.0.join("data/backups")), "{said}");
    let opened = |passphrase: &Path| {
        let mut command = operator(&app, &folder);
        command.args(["backup", "verify"]).arg(&path).arg("--passphrase-file").arg(passphrase);
        command
    };
    succeeds(&mut opened(&right)).await;
    let line = fails(&mut opened(&wrong)).await;
    assert!(line.contains("not with this key"), "{line}");
}

/// Names of backups that the retention may look at.
fn old_backups(folder: &Path, names: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    for name in names {
        fs::File::create(folder.join(name)).unwrap().write_all(b"old").unwrap();
    }
}

async fn until<T, F: Future<Output = Option<T>>>(mut look: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < AGES, "it does not happen");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_make_the_scheduled_backup_once_and_keep_what_they_shall() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let to = folder.0.join("backups");
    let ours = [
        "hale_backup_2020-01-01_00-00-00.tar.zst",
        "hale_backup_2020-01-02_00-00-00.tar.zst.age",
        "hale_backup_2020-01-03_00-00-00 (keep).tar.zst",
    ];
    old_backups(&to, &ours);
    let serve = || {
        let mut command = operator(&app, &folder);
        command.arg("--backup-dir").arg(&to).args(["--backup-schedule", "1h", "--backup-keep", "1d,0w,1m"]);
        command
    };
    let (first, second) = (&mut serve(), &mut serve());
    let (first, second) = tokio::join!(Served::start(first), Served::start(second));
    let name = until(async || {
        let names = backups_in(&to);
        names.iter().find(|name| !name.starts_with('.') && !name.contains("_2020-")).cloned().filter(|_| names.len() == 2)
    })
    .await;
    // Of 2020 nothing is kept but what is called otherwise.
    assert_eq!(backups_in(&to), [ours[2].to_owned(), name.clone()]);
    succeeds(operator(&app, &folder).args(["backup", "verify"]).arg(to.join(&name))).await;
    let note = until(async || {
        let mut connection = app.connect("hale_owner").await;
        let notes: Vec<(String, String)> = sqlx::query_as("SELECT kind, file FROM backups").fetch_all(&mut connection).await.unwrap();
        (!notes.is_empty()).then_some(notes)
    })
    .await;
    assert_eq!(note, [("scheduled".to_owned(), name)]);
    let ready = http().get(format!("http://{}/readyz?verbose", first.address)).send().await.unwrap().text().await.unwrap();
    assert!(ready.starts_with("ready\n") && ready.contains("last backup: 20") && !ready.contains("hale_backup_"), "{ready}");
    let last = backup::last(&app.database).await.unwrap();
    assert!(last.succeeded_at.is_some() && last.bytes.is_some_and(|bytes| bytes > 1_000) && last.failed_at.is_none(), "{last:?}");
    assert_eq!((first.stops().await, second.stops().await), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_that_cannot_be_kept_is_said() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let to = folder.file("no folder", "");
    let mut command = operator(&app, &folder);
    let server = Served::start(command.arg("--backup-dir").arg(&to)).await;
    let error = until(async || {
        let mut connection = app.connect("hale_owner").await;
        let notes: Option<(Option<String>,)> = sqlx::query_as("SELECT error FROM backups").fetch_optional(&mut connection).await.unwrap();
        notes
    })
    .await;
    assert!(error.0.is_some_and(|error| error.contains("no folder")));
    let last = backup::last(&app.database).await.unwrap();
    assert!(last.succeeded_at.is_none() && last.failed_at.is_some(), "{last:?}");
    let ready = http().get(format!("http://{}/readyz?verbose", server.address)).send().await.unwrap().text().await.unwrap();
    assert!(ready.contains("a backup failed: 20"), "{ready}");
    drop(server);

    let without_owner = &mut operator(&app, &folder);
    let mut server = Served::start(without_owner.env_remove("DATABASE_OWNER_URL").args(["--backup-schedule", "03:30"])).await;
    let mut errors = server.child.stderr.take().unwrap();
    assert_eq!(server.stops().await, Some(0));
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut errors, &mut said).await.unwrap();
    assert!(said.contains("no backups are made") && said.contains("DATABASE_OWNER_URL"), "{said}");
}

#[tokio::test]
async fn there_is_nothing_to_back_up_in_an_empty_database() {
    let folder = Folder::new();
    let name = empty_database().await;
    let mut command = hale();
    command.env("DATABASE_URL", database_url("hale_app", &name)).env("DATABASE_OWNER_URL", database_url("hale_owner", &name));
    let line = fails(command.arg("--data-dir").arg(folder.0.join("data")).arg("backup")).await;
    assert!(line.contains("nothing to back up"), "{line}");
    let mut connection = PgConnection::connect(&database_url("hale_owner", &name)).await.unwrap();
    let (tables,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(tables, 0, "a backup changes nothing");
}
