//! FIT (Garmin's Flexible and Interoperable Data Transfer, protocol 1 and 2), as far as an activity needs it: five messages of some two
//! hundred, read field by field.
//!
//! Read here rather than by the `fitparser` crate: that one indexes past the end of files whose header lies about its size, prints what is
//! wrong to standard error, refuses fields of developers that it was not told about, and brings 105,000 lines of generated profile.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Builder, Reading, Told, plausible};
use crate::track::{Lap, Sport, Track};

/// The numbers of the messages that are read.
const FILE_ID: u16 = 0;
const SESSION: u16 = 18;
const LAP: u16 = 19;
const RECORD: u16 = 20;
const EVENT: u16 = 21;
const DEVICE_INFO: u16 = 23;
/// The field of every message that says when.
const TIMESTAMP: u8 = 253;
/// Seconds of FIT begin at the end of 1989.
const EPOCH: i64 = 631_065_600;
/// Semicircles of half a turn.
const SEMICIRCLES: f64 = 2_147_483_648.0;

/// How the fields of a kind of message lie.
#[derive(Clone, Debug, Default)]
struct Definition {
    message: u16,
    big_endian: bool,
    /// Number, bytes and base type.
    fields: Vec<(u8, usize, u8)>,
    /// Bytes of developers' fields behind them.
    further: usize,
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Reading<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or("breaks off in the middle of a message")?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Reading<u8> {
        Ok(self.take(1)?[0])
    }
}

/// Reads a file.
pub(super) fn parse(bytes: &[u8], now: DateTime<Utc>) -> Reading<Track> {
    let mut data = Bytes(data(bytes)?);
    let mut definitions: [Option<Definition>; 16] = Default::default();
    let mut builder = Builder::new(now);
    let mut clock: Option<i64> = None;
    while !data.0.is_empty() {
        let header = data.byte()?;
        let compressed = header & 0x80 != 0;
        let kind = usize::from(if compressed { header >> 5 & 0x3 } else { header & 0xf });
        if !compressed && header & 0x40 != 0 {
            definitions[kind] = Some(definition(&mut data, header & 0x20 != 0)?);
            continue;
        }
        let definition = definitions[kind].as_ref().ok_or("has a message of a kind that it does not define")?;
        let mut message = Message { number: definition.message, values: Vec::new(), text: None };
        for (number, size, base) in &definition.fields {
            let value = data.take(*size)?;
            if *base & 0x1f == 7 {
                let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
                message.text = message.text.or_else(|| Some((*number, String::from_utf8_lossy(text).into_owned())));
            } else if let Some(value) = number_of(value, *base, definition.big_endian) {
                message.values.push((*number, value));
            }
        }
        data.take(definition.further)?;
        let at = match (message.value(TIMESTAMP), compressed, clock) {
            (Some(at), ..) => Some(at as i64),
            // The last five bits of the time, which runs on.
            (None, true, Some(before)) => Some(before + (i64::from(header & 0x1f) - before).rem_euclid(32)),
            (None, ..) => None,
        };
        clock = at.or(clock);
        message.tell(&mut builder, at)?;
    }
    builder.build()
}

/// The messages of a file, whose sizes and checksum are what they say.
fn data(bytes: &[u8]) -> Reading<&[u8]> {
    let header = usize::from(*bytes.first().ok_or("is empty")?);
    let size = bytes.get(4..8).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes).ok_or("breaks off in its header")?;
    if !(12..=14).contains(&header) {
        return Err("has a header of a size that no FIT file has".to_owned());
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let end = header.saturating_add(size);
    let (Some(data), Some(checksum)) = (bytes.get(header..end), bytes.get(end..end.saturating_add(2))) else {
        return Err("is shorter than it says: it is damaged, or was not sent to the end".to_owned());
    };
    // Some write none.
    let told = u16::from_le_bytes([checksum[0], checksum[1]]);
    if told != 0 && told != crc(&bytes[..end]) {
        return Err("is damaged: its checksum is another".to_owned());
    }
    Ok(data)
}

/// The CRC-16 of the FIT protocol.
fn crc(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 16] =
        [0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01, 0x8801, 0x4400];
    bytes.iter().fold(0, |crc, byte| {
        let half = |crc: u16, bits: u8| (crc >> 4) ^ TABLE[usize::from(crc & 0xf)] ^ TABLE[usize::from(bits & 0xf)];
        half(half(crc, *byte), byte >> 4)
    })
}

fn definition(data: &mut Bytes, further: bool) -> Reading<Definition> {
    data.byte()?;
    let big_endian = data.byte()? == 1;
    let message = data.take(2)?;
    let message = if big_endian { u16::from_be_bytes([message[0], message[1]]) } else { u16::from_le_bytes([message[0], message[1]]) };
    let mut definition = Definition { message, big_endian, ..Definition::default() };
    for _ in 0..data.byte()? {
        let field = data.take(3)?;
        definition.fields.push((field[0], usize::from(field[1]), field[2]));
    }
    if further {
        for _ in 0..data.byte()? {
            definition.further += usize::from(data.take(3)?[1]);
        }
    }
    // Else a short definition makes endless messages of one byte.
    if definition.fields.iter().all(|(_, size, _)| *size == 0) {
        return Err("defines a message without anything in it".to_owned());
    }
    Ok(definition)
}

/// A single number of a base type; `None` for lists, for what the type calls invalid, and for types that no field here has.
fn number_of(bytes: &[u8], base: u8, big_endian: bool) -> Option<f64> {
    let ordered = |bytes: &[u8]| -> u64 {
        let fold = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) }
    };
    let (size, signed, none) = match base & 0x1f {
        0 | 2 | 13 => (1, false, u64::from(u8::MAX)),
        1 => (1, true, 0x7f),
        3 => (2, true, 0x7fff),
        4 => (2, false, u64::from(u16::MAX)),
        5 => (4, true, 0x7fff_ffff),
        6 => (4, false, u64::from(u32::MAX)),
        10..=12 => ([1, 2, 4][usize::from(base & 0x1f) - 10], false, 0),
        _ => return None,
    };
    if bytes.len() != size {
        return None;
    }
    let bits = ordered(bytes);
    if bits == none {
        return None;
    }
    Some(match (signed, size) {
        (true, 1) => f64::from(bits as u8 as i8),
        (true, 2) => f64::from(bits as u16 as i16),
        (true, _) => f64::from(bits as u32 as i32),
        (false, _) => bits as f64,
    })
}

struct Message {
    number: u16,
    values: Vec<(u8, f64)>,
    text: Option<(u8, String)>,
}

impl Message {
    fn value(&self, field: u8) -> Option<f64> {
        self.values.iter().find(|(number, _)| *number == field).map(|(_, value)| *value)
    }

    fn tell(self, builder: &mut Builder, at: Option<i64>) -> Reading<()> {
        let instant = |seconds: f64| DateTime::UNIX_EPOCH + TimeDelta::seconds(EPOCH + seconds as i64);
        match self.number {
            FILE_ID if self.value(0).is_some_and(|kind| kind != 4.0) => {
                return Err("is a FIT file, but of no activity: it holds settings, a course or a workout".to_owned());
            }
            FILE_ID | DEVICE_INFO => {
                // product_name of either.
                if let Some((8 | 27, name)) = self.text {
                    builder.device.get_or_insert(name);
                }
            }
            // The timer stops.
            EVENT if self.value(0) == Some(0.0) && self.value(1).is_some_and(|kind| kind != 0.0) => builder.interrupted(),
            RECORD => {
                let degrees = |field| self.value(field).map(|semicircles| semicircles * 180.0 / SEMICIRCLES);
                let altitude = self.value(78).or_else(|| self.value(2)).map(|value| value / 5.0 - 500.0);
                builder.point(Told {
                    at: at.map(|at| instant(at as f64)),
                    position: degrees(0).zip(degrees(1)),
                    elevation: altitude,
                    heart_rate: self.value(3),
                    cadence: self.value(4),
                    power: self.value(7),
                    distance: self.value(5).map(|centimetres| centimetres / 100.0),
                })?;
            }
            LAP | SESSION => {
                let start = self.value(2).map(instant).map(|start| builder.instant(start)).transpose()?;
                if let Some(start) = start.filter(|_| builder.points.is_empty()) {
                    builder.started_at.get_or_insert(start);
                }
                let duration = self.value(8).or_else(|| self.value(7)).unwrap_or_default();
                let lap = Lap {
                    duration: duration as i64,
                    distance: plausible(self.value(9), 0.0..=1e9, 1.0).map(i64::from),
                    average_heart_rate: plausible(self.value(if self.number == LAP { 15 } else { 16 }), 20.0..=300.0, 1.0),
                    max_heart_rate: plausible(self.value(if self.number == LAP { 16 } else { 17 }), 20.0..=300.0, 1.0),
                    calories: plausible(self.value(11), 0.0..=65_534.0, 1.0),
                };
                if self.number == LAP {
                    builder.lap(lap)?;
                } else {
                    builder.sport = self.value(5).map_or(builder.sport, sport);
                    builder.calories =
                        builder.calories.into_iter().chain(lap.calories).reduce(|sum, calories| sum.saturating_add(calories));
                    // Where the file has no laps the session is one.
                    if builder.laps.is_empty() {
                        builder.lap(lap)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn sport(number: f64) -> Sport {
    match number as i64 {
        1 => Sport::Running,
        2 | 21 => Sport::Cycling,
        5 => Sport::Swimming,
        11 => Sport::Walking,
        12..=14 => Sport::Skiing,
        15 | 19 | 41 => Sport::Rowing,
        16 | 17 => Sport::Hiking,
        _ => Sport::Other,
    }
}
