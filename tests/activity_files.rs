//! What is in files of activities, and what is refused of them. The files are made here.

use std::{fmt::Write as _, io::Write as _};

use chrono::{DateTime, Utc};
use flate2::{Compression, write::GzEncoder};
use service::{
    activity_files::{Format, LARGEST_EXPANDED, MOST_POINTS, parse},
    track::{Sport, Track},
};

/// Somebody's run: north along a meridian at 3 m/s, a point every 10 s, 100 m of hill in the middle.
#[derive(Clone, Copy)]
pub struct Run {
    pub start: &'static str,
    /// How many points.
    pub points: i64,
    pub latitude: f64,
    pub longitude: f64,
    pub heart_rate: Option<i32>,
}

pub const RUN: Run = Run { start: "2026-03-10T08:00:00Z", points: 181, latitude: 52.5, longitude: 13.4, heart_rate: None };

/// Degrees of latitude in 30 m.
const STEP: f64 = 30.0 / 111_195.080_233;

impl Run {
    fn rows(self) -> impl Iterator<Item = (i64, DateTime<Utc>, f64)> {
        let start: DateTime<Utc> = self.start.parse().unwrap();
        (0..self.points).map(move |index| (index, start + chrono::TimeDelta::seconds(index * 10), self.latitude + index as f64 * STEP))
    }
}

pub fn gpx(run: Run) -> Vec<u8> {
    let mut text = r#"<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Handheld &amp; Sons" xmlns="http://www.topografix.com/GPX/1/1" xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v1">
<trk><name>Morning run</name><type>running</type><trkseg>"#
        .to_owned();
    for (index, at, latitude) in run.rows() {
        let heart = run.heart_rate.map(|rate| {
            format!("<extensions><gpxtpx:TrackPointExtension><gpxtpx:hr>{rate}</gpxtpx:hr></gpxtpx:TrackPointExtension></extensions>")
        });
        let elevation = 100.0 + (index.min(100) as f64);
        writeln!(
            text,
            r#"<trkpt lat="{latitude:.7}" lon="{:.7}"><ele>{elevation}</ele><time>{}</time>{}</trkpt>"#,
            run.longitude,
            at.to_rfc3339(),
            heart.unwrap_or_default()
        )
        .unwrap();
    }
    (text + "</trkseg></trk></gpx>").into_bytes()
}

pub fn tcx(run: Run) -> Vec<u8> {
    let mut text = format!(
        r#"<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities><Activity Sport="Running"><Id>{0}</Id>
<Lap StartTime="{0}"><TotalTimeSeconds>{1}</TotalTimeSeconds><DistanceMeters>{2}</DistanceMeters><Calories>412</Calories>
<AverageHeartRateBpm><Value>{3}</Value></AverageHeartRateBpm><Intensity>Active</Intensity><TriggerMethod>Manual</TriggerMethod><Track>"#,
        run.start,
        (run.points - 1) * 10,
        (run.points - 1) * 30,
        run.heart_rate.unwrap_or(150),
    );
    for (index, at, _) in run.rows() {
        let heart = run.heart_rate.map(|rate| format!("<HeartRateBpm><Value>{rate}</Value></HeartRateBpm>")).unwrap_or_default();
        writeln!(
            text,
            "<Trackpoint><Time>{}</Time><DistanceMeters>{}</DistanceMeters>{heart}<Cadence>85</Cadence></Trackpoint>",
            at.format("%FT%T.000Z"),
            index * 30
        )
        .unwrap();
    }
    (text + "</Track></Lap><Creator><Name>Forerunner</Name></Creator></Activity></Activities></TrainingCenterDatabase>").into_bytes()
}

/// A field of a FIT message: number, bytes and base type.
type FitField = (u8, u8, u8);
/// A FIT message: number, fields, and the rows of values.
type FitMessage<'a> = (u16, &'a [FitField], Vec<Vec<u64>>);

fn fit_of(messages: &[FitMessage<'_>]) -> Vec<u8> {
    let mut data = Vec::new();
    for (number, fields, rows) in messages {
        data.extend([0x40, 0, 0]);
        data.extend(number.to_le_bytes());
        data.push(fields.len() as u8);
        fields.iter().for_each(|(field, size, base)| data.extend([*field, *size, *base]));
        for row in rows {
            data.push(0);
            for ((_, size, _), value) in fields.iter().zip(row) {
                data.extend(&value.to_le_bytes()[..usize::from(*size)]);
            }
        }
    }
    fit_around(&data, data.len())
}

fn fit_around(data: &[u8], size: usize) -> Vec<u8> {
    let mut file = vec![14, 0x20, 0x54, 0x08];
    file.extend((size as u32).to_le_bytes());
    file.extend(b".FIT");
    file.extend([0, 0]);
    file.extend(data);
    // A checksum of zero is one that was not written.
    file.extend([0, 0]);
    file
}

pub fn fit(run: Run) -> Vec<u8> {
    let seconds = |at: DateTime<Utc>| (at.timestamp() - 631_065_600) as u64;
    let semicircles = |degrees: f64| (degrees / 180.0 * 2_147_483_648.0).round() as i32 as u32 as u64;
    let records = run.rows().map(|(index, at, latitude)| {
        let elevation = (100 + index.min(100) + 500) * 5;
        let rate = run.heart_rate.map_or(255, |rate| rate as u64);
        vec![seconds(at), semicircles(latitude), semicircles(run.longitude), elevation as u64, rate, (index * 3000) as u64]
    });
    let records: Vec<_> = records.collect();
    let start = seconds(run.start.parse().unwrap());
    let took = (run.points - 1) as u64 * 10_000;
    let half = vec![start, took / 2, run.points as u64 * 1500, 150, 171];
    fit_of(&[
        (0, &[(0, 1, 0), (1, 2, 0x84)], vec![vec![4, 1]]),
        (20, &[(253, 4, 0x86), (0, 4, 0x85), (1, 4, 0x85), (2, 2, 0x84), (3, 1, 0x02), (5, 4, 0x86)], records),
        (19, &[(2, 4, 0x86), (8, 4, 0x86), (9, 4, 0x86), (15, 1, 2), (16, 1, 2)], vec![half.clone(), half]),
        (18, &[(2, 4, 0x86), (5, 1, 0), (8, 4, 0x86), (11, 2, 0x84)], vec![vec![start, 1, took, 398]]),
    ])
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-03-10T12:00:00Z".parse().unwrap()
}

fn read(bytes: &[u8]) -> (Format, Track) {
    parse(bytes, now()).unwrap()
}

fn refused(bytes: &[u8]) -> String {
    parse(bytes, now()).map(|(_, track)| track).expect_err("it was accepted")
}

#[test]
fn the_same_run_is_in_gpx_tcx_and_fit() {
    let run = Run { heart_rate: Some(150), ..RUN };
    for (file, format) in [(gpx(run), Format::Gpx), (tcx(run), Format::Tcx), (fit(run), Format::Fit)] {
        for bytes in [gzip(&file), file] {
            let (read, track) = read(&bytes);
            assert_eq!((read, track.sport, track.points.len()), (format, Sport::Running, 181), "{format:?}");
            assert_eq!(track.started_at.to_rfc3339(), "2026-03-10T08:00:00+00:00");
            let summary = track.summary();
            assert_eq!((summary.elapsed, summary.moving), (1800.into(), 1800.into()));
            let distance: f64 = summary.distance.unwrap().to_string().parse().unwrap();
            assert!((distance - 5400.0).abs() < 1.0, "{format:?}: {distance}");
            assert_eq!(summary.average_heart_rate, Some(150));
            assert_eq!(summary.elevation_gain, (format != Format::Tcx).then_some(100.into()));
        }
    }
    let (_, track) = read(&fit(run));
    assert_eq!(
        (track.laps.len(), track.laps[0].duration, track.laps[0].max_heart_rate, track.calories),
        (2, 900_000, Some(171), Some(398))
    );
    let (_, track) = read(&tcx(run));
    assert_eq!((track.device.as_deref(), track.calories, track.laps[0].distance), (Some("Forerunner"), Some(412), Some(540_000)));
    let (_, track) = read(&gpx(run));
    assert_eq!((track.device.as_deref(), track.name.as_deref()), (Some("Handheld & Sons"), Some("Morning run")));
}

#[test]
fn an_activity_indoors_without_places_is_one() {
    let track = read(&tcx(RUN)).1;
    assert!(track.begins().is_none() && track.summary().distance == Some(5400.into()));
    let only_a_lap = br#"<TrainingCenterDatabase><Activities><Activity Sport="Other"><Lap StartTime="2026-03-10T08:00:00Z">
        <TotalTimeSeconds>1200</TotalTimeSeconds></Lap></Activity></Activities></TrainingCenterDatabase>"#;
    assert_eq!(read(only_a_lap).1.summary().duration, 1200.into());
}

#[test]
fn xml_that_would_expand_or_nest_is_refused() {
    let lol: String = (1..10).map(|n| format!(r#"<!ENTITY l{n} "&l{};&l{};&l{};&l{};">"#, n - 1, n - 1, n - 1, n - 1)).collect();
    let bomb = format!(r#"<?xml version="1.0"?><!DOCTYPE gpx [<!ENTITY l0 "lol">{lol}]><gpx><trk><name>&l9;</name></trk></gpx>"#);
    assert!(refused(bomb.as_bytes()).contains("document type"));
    let external = r#"<!DOCTYPE gpx [<!ENTITY x SYSTEM "file:///etc/passwd">]><gpx><trk><name>&x;</name></trk></gpx>"#;
    assert!(refused(external.as_bytes()).contains("document type"));
    let deep = "<gpx>".to_owned() + &"<a>".repeat(100_000);
    assert!(refused(deep.as_bytes()).contains("deep"));
    // An entity that nobody declared is nothing.
    let text = String::from_utf8(gpx(RUN)).unwrap().replace("Morning run", "Morning &x; run");
    assert_eq!(read(text.as_bytes()).1.name.as_deref(), Some("Morning  run"));
}

#[test]
fn what_is_too_large_is_refused() {
    let zeros = gzip(&vec![b' '; LARGEST_EXPANDED + 1]);
    assert!(zeros.len() < 1 << 20 && refused(&zeros).contains("unpack"));
    let mut points = String::new();
    for index in 0..=MOST_POINTS {
        write!(
            points,
            "<trkpt lat='1' lon='1'><time>2026-03-0{}T{:02}:{:02}:{:02}Z</time></trkpt>",
            1 + index / 86_400,
            index / 3600 % 24,
            index / 60 % 60,
            index % 60
        )
        .unwrap();
    }
    let many = format!("<gpx><trk><trkseg>{points}</trkseg></trk></gpx>");
    assert!(refused(&gzip(many.as_bytes())).contains("more than 200000 points"));
    let laps = r#"<Lap StartTime="2026-03-10T08:00:00Z"><TotalTimeSeconds>1</TotalTimeSeconds></Lap>"#.repeat(1001);
    let many = format!("<TrainingCenterDatabase><Activities><Activity>{laps}</Activity></Activities></TrainingCenterDatabase>");
    assert!(refused(many.as_bytes()).contains("more than 1000 laps"));
}

#[test]
fn places_and_times_that_cannot_be_are_refused() {
    let text = String::from_utf8(gpx(Run { points: 3, ..RUN })).unwrap();
    for (from, to, why) in [
        (r#"lat="52.5000000""#, r#"lat="91""#, "no place on earth"),
        (r#"lat="52.5000000""#, r#"lat="NaN""#, "no place on earth"),
        (r#"lat="52.5000000""#, r#"lat="1e999""#, "no place on earth"),
        (r#"lat="52.5000000""#, r#"lat="north""#, "without a place"),
        (r#"lon="13.4000000""#, r#"lon="-180.1""#, "no place on earth"),
        ("2026-03-10T08:00:20", "2026-03-10T07:59:59", "backwards"),
        ("2026-03-10T08:00:20", "2026-03-10T25:00:20", "a time that is none"),
        ("2026-03-10T08:00:20", "2026-03-18T08:00:20", "from 1980 until now"),
        ("2026-03-10T08:00:00", "1975-03-10T08:00:00", "from 1980 until now"),
        ("2026-03-10T08:00:00", "2026-02-10T08:00:00", "7 days"),
        ("</trkseg></trk></gpx>", "", "breaks off"),
        ("</trkseg>", "</trk>", "no well-formed XML"),
    ] {
        let said = refused(text.replace(from, to).as_bytes());
        assert!(said.contains(why), "{to}: {said}");
    }
    let route =
        br#"<gpx><rte><rtept lat="1" lon="1"/></rte><trk><trkseg><trkpt lat="1" lon="1"/><trkpt lat="2" lon="2"/></trkseg></trk></gpx>"#;
    assert!(refused(route).contains("no activity"));
    let wild = text.replace("<ele>100</ele>", "<ele>inf</ele>");
    assert_eq!(read(wild.as_bytes()).1.points[0].elevation, None);
}

#[test]
fn what_is_no_activity_file_is_refused() {
    for (bytes, why) in [
        (&b""[..], "empty"),
        (b"   ", "empty"),
        (b"{}", "neither FIT nor XML"),
        (b"<html></html>", "neither GPX nor TCX"),
        (b"\xff\xfe<\0g\0", "UTF-8"),
        (&[0x1f, 0x8b, 8, 0, 0], "unpack"),
        (b"PK\x03\x04\xff", "UTF-8"),
    ] {
        let said = refused(bytes);
        assert!(said.contains(why), "{bytes:?}: {said}");
    }
}

#[test]
fn fit_files_that_lie_are_refused() {
    let good = fit(RUN);
    let data = &good[14..good.len() - 2];
    let file_of = |kind: u64| fit_of(&[(0, &[(0, 1, 0)], vec![vec![kind]])]);
    let undefined = fit_around(&[0x05, 1, 2, 3], 4);
    let mut damaged = good.clone();
    let end = damaged.len();
    damaged[end - 2..].copy_from_slice(&[1, 2]);
    for (bytes, why) in [
        (fit_around(data, data.len() + 1), "shorter than it says"),
        (fit_around(data, u32::MAX as usize), "shorter than it says"),
        (good[..good.len() / 2].to_vec(), "shorter than it says"),
        (good[..14].to_vec(), "shorter than it says"),
        ([&[200], &good[1..]].concat(), "header of a size"),
        (undefined, "does not define"),
        (fit_around(&data[..data.len() - 3], data.len() - 3), "middle of a message"),
        (damaged, "checksum"),
        (file_of(2), "of no activity"),
        (file_of(4), "no points"),
        // A message without anything in it would be endlessly many of one byte.
        (fit_around(&[&[0x40, 0, 0, 20, 0, 0][..], &vec![0; 100_000]].concat(), 100_006), "without anything"),
    ] {
        let said = refused(&bytes);
        assert!(said.contains(why), "{why}: {said}");
    }
    // Any byte may be another one: it is read, or refused.
    let short = fit(Run { points: 20, ..RUN });
    for index in 0..short.len() {
        let mut other = short.clone();
        other[index] ^= 0x55;
        parse(&other, now()).map(|(_, track)| track.summary()).ok();
    }
}

#[test]
fn compressed_timestamps_and_the_order_of_bytes_are_read() {
    // Big-endian, with a timestamp, then two of 5 bits: 3 s later, and 32 s after the first.
    // Its last five bits are 30.
    let base: u32 = 1_142_000_030;
    let mut data = vec![0x40, 0, 1, 0, 20, 2, 253, 4, 0x86, 3, 1, 2, 0x00];
    data.extend(base.to_be_bytes());
    data.push(140);
    data.extend([0x41, 0, 1, 0, 20, 1, 3, 1, 2]);
    data.extend([0x80 | 1 << 5 | 1, 150, 0x80 | 1 << 5 | 30, 160]);
    let (_, track) = read(&fit_around(&data, data.len()));
    let points: Vec<_> = track.points.iter().map(|point| (point.at, point.heart_rate)).collect();
    assert_eq!(points, [(0, Some(140)), (3000, Some(150)), (32_000, Some(160))]);
}
