//! The file of a backup: a tar archive, compressed by zstd and, where that was asked for, encrypted by age. Standard programs open it:
//!
//! ```text
//! hale.json                            what made it, of which schema
//! tables/public.users/000001.copy      rows in the text format of COPY, in parts of some megabytes
//! …
//! manifest.json                        the columns, number and hash of the rows of each table
//! SHA256SUMS                           of all of the above, for `sha256sum --check`
//! ```
//!
//! Behind the compressed archive a skippable frame of zstd's holds the SHA-256 of everything before it, so that no bit of the file can
//! change unnoticed. The archive is written and read from its beginning to its end, and neither end holds more than a part in memory.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, Write},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{
    Error,
    encryption::{Lock, Unlock},
};

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;
const APPLICATION: &str = "hale";

const HEAD: &str = "hale.json";
const MANIFEST: &str = "manifest.json";
const SUMS: &str = "SHA256SUMS";

/// Rows are gathered to parts of about this size. A part ends with a row, so one with a huge row is larger.
pub(super) const PART: usize = 4 << 20;
/// PostgreSQL's rows are no larger than this, and its escaping at most doubles them.
const LARGEST_PART: u64 = 3 << 30;

const COMPRESSION: i32 = 3;
const ZSTD: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();
const AGE: &[u8] = b"age-encryption.org/v1\n";

/// What made a backup, and of which schema. It comes first in the file, so that whoever reads it knows what follows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    /// "hale".
    pub application: String,
    /// How the file is laid out, from 1.
    pub format: u32,
    /// The version of Hale.
    pub version: String,
    /// When the snapshot was taken.
    pub created_at: DateTime<Utc>,
    /// The version of PostgreSQL.
    pub postgresql: String,
    /// The migrations that the database held, in the order of their versions.
    pub migrations: Vec<Migration>,
    /// The names of the keys that sign and seal. The keys themselves are in no backup.
    pub keys: Vec<String>,
}

/// A migration that the database held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// Its version.
    pub version: String,
    /// What it is called.
    pub name: String,
    /// The SHA-256 of its text.
    pub checksum: String,
}

/// What the rows were, all in the same snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The tables, in the order in which they are in the file.
    pub tables: Vec<Table>,
    /// Where the sequences stood.
    pub sequences: Vec<Sequence>,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its columns, in the order in which they are in the rows.
    pub columns: Vec<String>,
    /// How many rows there are.
    pub rows: u64,
    /// [`Rows::hash`] of them.
    pub hash: String,
}

impl Table {
    /// The folder of its parts.
    pub(crate) fn folder(&self) -> String {
        folder(&self.schema, &self.name)
    }
}

fn folder(schema: &str, name: &str) -> String {
    format!("tables/{schema}.{name}")
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The last value that it gave, or will give first.
    pub last_value: i64,
    /// Whether it gave that.
    pub is_called: bool,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// What made it.
    pub head: Head,
    /// The rows.
    pub manifest: Manifest,
}

impl Contents {
    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.manifest.tables.iter().map(|table| table.rows).sum()
    }
}

/// Counts rows of COPY's text format and adds up their SHA-256s, so that the same rows in another order are the same.
#[derive(Default)]
pub struct Rows {
    count: u64,
    sum: [u64; 4],
    row: Sha256,
}

impl Rows {
    /// Takes the next bytes, which may end within a row.
    pub fn add(&mut self, mut bytes: &[u8]) {
        // A line break within a value is escaped.
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.row.update(&bytes[..end]);
            self.end_row();
            bytes = &bytes[end + 1..];
        }
        self.row.update(bytes);
    }

    fn end_row(&mut self) {
        self.count += 1;
        let digest = self.row.finalize_reset();
        let mut carried = false;
        for (sum, digest) in self.sum.iter_mut().zip(digest.as_chunks::<8>().0) {
            (*sum, carried) = sum.carrying_add(u64::from_le_bytes(*digest), carried);
        }
    }

    /// How many rows came.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the SHA-256 of each row, modulo 2^256, in hexadecimal, the lowest 64 bits first.
    pub fn hash(&self) -> String {
        self.sum.iter().map(|sum| format!("{sum:016x}")).collect()
    }
}

/// Writes a backup.
pub(super) struct Writer {
    tar: tar::Builder<zstd::Encoder<'static, Hashing<Destination>>>,
    created_at: DateTime<Utc>,
    sums: String,
    folder: String,
    parts: usize,
}

enum Destination {
    Plain(File),
    Encrypted(age::stream::StreamWriter<File>),
}

impl Writer {
    pub fn begin(file: File, head: &Head, lock: Option<&Lock>) -> Result<Self, Error> {
        let destination = match lock {
            None => Destination::Plain(file),
            Some(lock) => Destination::Encrypted(lock.encryptor()?.wrap_output(file)?),
        };
        let mut compressed = zstd::Encoder::new(Hashing { inner: destination, hash: Sha256::new() }, COMPRESSION)?;
        compressed.include_checksum(true)?;
        let tar = tar::Builder::new(compressed);
        let mut writer = Self { tar, created_at: head.created_at, sums: String::new(), folder: String::new(), parts: 0 };
        writer.append(HEAD, &json(head))?;
        Ok(writer)
    }

    /// The next rows of a table.
    pub fn part(&mut self, schema: &str, name: &str, rows: &[u8]) -> Result<(), Error> {
        let folder = folder(schema, name);
        if self.folder != folder {
            (self.folder, self.parts) = (folder, 0);
        }
        self.parts += 1;
        self.append(&part_path(&self.folder, self.parts), rows)
    }

    /// Ends the file and brings it to the disk; how many bytes it is.
    pub fn finish(mut self, manifest: &Manifest) -> Result<(File, u64), Error> {
        self.append(MANIFEST, &json(manifest))?;
        let sums = self.sums.clone();
        self.append(SUMS, sums.as_bytes())?;
        let Hashing { mut inner, hash } = self.tar.into_inner()?.finish()?;
        inner.write_all(&seal(hash))?;
        let file = match inner {
            Destination::Plain(file) => file,
            Destination::Encrypted(stream) => stream.finish()?,
        };
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    }

    fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.created_at.timestamp()).unwrap_or_default());
        self.tar.append_data(&mut header, path, bytes)?;
        self.sums.push_str(&sum_line(bytes, path));
        Ok(())
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

const SEAL: usize = 40;

/// A skippable frame of zstd's, which programs pass over, with the hash of what is before it.
fn seal(hash: Sha256) -> [u8; SEAL] {
    let mut frame = [0; SEAL];
    frame[..4].copy_from_slice(&0x184D_2A50_u32.to_le_bytes());
    frame[4..8].copy_from_slice(&32_u32.to_le_bytes());
    frame[8..].copy_from_slice(&hash.finalize());
    frame
}

/// Passes on what is before the seal, and fails at the end when the seal is not that of what was passed on.
struct Sealed<R> {
    inner: R,
    hash: Sha256,
    buffer: Vec<u8>,
    /// What of the buffer was passed on.
    passed: usize,
}

impl<R: Read> Sealed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new(), buffer: Vec::new(), passed: 0 }
    }

    /// Reads on until there is something before what may be the seal; whether there is.
    fn fill(&mut self) -> io::Result<bool> {
        while self.buffer.len() <= self.passed + SEAL {
            self.buffer.drain(..self.passed);
            self.passed = 0;
            let begin = self.buffer.len();
            self.buffer.resize(begin + (64 << 10), 0);
            let read = self.inner.read(&mut self.buffer[begin..]);
            self.buffer.truncate(begin + *read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Ok(false),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
        Ok(true)
    }
}

impl<R: Read> Read for Sealed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if !self.fill()? {
            let whole = self.buffer[self.passed..] == seal(self.hash.clone());
            return if whole { Ok(0) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "it is not whole, or was changed")) };
        }
        let length = into.len().min(self.buffer.len() - SEAL - self.passed);
        let bytes = &self.buffer[self.passed..self.passed + length];
        into[..length].copy_from_slice(bytes);
        self.hash.update(bytes);
        self.passed += length;
        Ok(length)
    }
}

/// Reads a backup from its beginning and checks everything about it. `each` is given the rows of each part as they come, which are only
/// known to be right once this has answered; `progress` how many bytes of the file were read.
pub(super) fn read(
    file: &mut File,
    unlock: Option<&Unlock>,
    progress: impl Fn(u64) + 'static,
    mut each: impl FnMut(&str, Vec<u8>) -> Result<(), Error>,
) -> Result<Contents, Error> {
    file.rewind()?;
    let mut begin = Vec::new();
    Read::by_ref(file).take(AGE.len() as u64).read_to_end(&mut begin)?;
    file.rewind()?;
    let counted = BufReader::new(Counting { inner: file, count: 0, progress });
    let source: Box<dyn Read + '_> = if begin == AGE {
        Box::new(unlock.ok_or(Error::Encrypted)?.decrypt(counted)?)
    } else if begin.starts_with(&ZSTD) {
        Box::new(counted)
    } else {
        return Err(Error::Foreign);
    };
    let mut archive = tar::Archive::new(zstd::Decoder::new(Sealed::new(source)).map_err(damaged)?);
    let contents = read_entries(&mut archive, &mut each)?;
    // What is behind the archive is checked like the rest.
    let mut behind = archive.into_inner();
    let mut bytes = [0; 4096];
    loop {
        match behind.read(&mut bytes).map_err(damaged)? {
            0 => return Ok(contents),
            length if bytes[..length].iter().any(|&byte| byte != 0) => return Err(Error::damaged("something follows its end")),
            _ => {}
        }
    }
}

fn read_entries<R: Read>(
    archive: &mut tar::Archive<R>,
    each: &mut impl FnMut(&str, Vec<u8>) -> Result<(), Error>,
) -> Result<Contents, Error> {
    let mut head: Option<Head> = None;
    let mut manifest: Option<Manifest> = None;
    let mut sums = String::new();
    let mut tables: Vec<(String, Rows)> = Vec::new();
    let mut parts = 0;
    let mut complete = false;
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| Error::damaged("a part has no name"))?;
        if !entry.header().entry_type().is_file() || entry.size() > LARGEST_PART {
            return Err(Error::damaged(format!("{path:?} is no part of a backup")));
        }
        if complete {
            return Err(Error::damaged("something follows its end"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(damaged)?;
        if path == SUMS {
            if bytes != sums.as_bytes() || manifest.is_none() {
                return Err(Error::damaged(format!("its parts are not those that {SUMS} lists")));
            }
            complete = true;
            continue;
        }
        sums.push_str(&sum_line(&bytes, &path));
        if head.is_none() {
            if path != HEAD {
                return Err(Error::Foreign);
            }
            head = Some(read_head(&bytes)?);
        } else if path == MANIFEST && manifest.is_none() {
            manifest = Some(parse(&bytes, MANIFEST)?);
        } else if let Some((folder, _)) = path.rsplit_once('/').filter(|_| manifest.is_none()) {
            if tables.last().is_none_or(|(last, _)| last != folder) {
                tables.push((folder.to_owned(), Rows::default()));
                parts = 0;
            }
            parts += 1;
            if path != part_path(folder, parts) {
                return Err(Error::damaged(format!("{path:?} is not the part that comes next")));
            }
            let Some((_, rows)) = tables.last_mut() else { continue };
            rows.add(&bytes);
            each(folder, bytes)?;
        } else {
            return Err(Error::damaged(format!("{path:?} is no part of a backup")));
        }
    }
    match (head, manifest) {
        (Some(head), Some(manifest)) if complete => {
            compare(&manifest, &tables)?;
            Ok(Contents { head, manifest })
        }
        (None, _) => Err(Error::Foreign),
        _ => Err(Error::damaged("its end is missing")),
    }
}

fn read_head(bytes: &[u8]) -> Result<Head, Error> {
    #[derive(Deserialize)]
    struct Whose {
        application: String,
        format: u32,
    }
    let Whose { application, format } = parse(bytes, HEAD)?;
    if application != APPLICATION {
        return Err(Error::Foreign);
    }
    if format > FORMAT {
        return Err(Error::NewerFormat(format));
    }
    parse(bytes, HEAD)
}

/// Whether the rows that came are those that the manifest tells of.
fn compare(manifest: &Manifest, tables: &[(String, Rows)]) -> Result<(), Error> {
    let mut found = tables.iter().peekable();
    for table in &manifest.tables {
        let rows = found.next_if(|(folder, _)| *folder == table.folder()).map(|(_, rows)| rows);
        let none = Rows::default();
        let rows = rows.unwrap_or(&none);
        if (rows.count(), rows.hash()) != (table.rows, table.hash.clone()) {
            return Err(Error::damaged(format!("the rows of {}.{} are not those that {MANIFEST} tells of", table.schema, table.name)));
        }
    }
    match found.next() {
        None => Ok(()),
        Some((folder, _)) => Err(Error::damaged(format!("{MANIFEST} does not tell of {folder}"))),
    }
}

fn part_path(folder: &str, number: usize) -> String {
    format!("{folder}/{number:06}.copy")
}

fn sum_line(bytes: &[u8], path: &str) -> String {
    let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hash}  {path}\n")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    text
}

fn parse<T: DeserializeOwned>(bytes: &[u8], name: &str) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::damaged(format!("{name} cannot be read ({error})")))
}

/// While a file is read, whatever goes wrong but the disk's own failures tells of damage.
fn damaged(error: io::Error) -> Error {
    match error.raw_os_error() {
        Some(_) => Error::Io(error),
        None => Error::damaged(error.to_string()),
    }
}

struct Counting<R, P> {
    inner: R,
    count: u64,
    progress: P,
}

impl<R: Read, P: Fn(u64)> Read for Counting<R, P> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.count += read as u64;
        (self.progress)(self.count);
        Ok(read)
    }
}
