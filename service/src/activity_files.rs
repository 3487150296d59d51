//! Files of recorded activities: GPX, TCX and FIT, as they come or compressed with gzip. Everything in them is input of unknown origin:
//! sizes, depths, numbers of points, times and places are bounded, XML entities are never expanded, and what is wrong is told.

mod fit;
mod gpx;
mod tcx;
mod xml;

use std::{io::Read, sync::LazyLock, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use flate2::read::MultiGzDecoder;
use tokio::sync::Semaphore;

use crate::{
    error::{Error, Result},
    track::{Lap, Point, Position, Sport, Track},
};

/// The largest file, as it is sent.
pub const LARGEST: usize = 20 << 20;
/// The largest that a compressed one may expand to.
pub const LARGEST_EXPANDED: usize = 64 << 20;
/// The most points: a day and a night and a day, one each second.
pub const MOST_POINTS: usize = 200_000;
/// The most laps.
pub const MOST_LAPS: usize = 1_000;
/// The longest activity.
const LONGEST: TimeDelta = TimeDelta::days(7);

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// GPS Exchange Format 1.0 or 1.1.
    Gpx,
    /// Garmin's Training Center Database.
    Tcx,
    /// Garmin's Flexible and Interoperable Data Transfer.
    Fit,
}

impl Format {
    /// As it is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Gpx => "gpx",
            Self::Tcx => "tcx",
            Self::Fit => "fit",
        }
    }
}

/// Why a file is refused, to be told to whoever sent it.
type Reading<T> = std::result::Result<T, String>;

/// Reading takes memory and a core: two at a time, and some that wait.
static READING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(2));
static WAITING: Semaphore = Semaphore::const_new(16);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Reads a file. Answers with it as it is kept, too.
pub async fn read(bytes: Vec<u8>, now: DateTime<Utc>) -> Result<(Format, Track, Vec<u8>)> {
    aside(move || {
        let (format, track) = parse(&bytes, now).map_err(|why| Error::invalid("file", why))?;
        let kept = zstd::bulk::compress(&bytes, 3).map_err(|error| Error::Internal(error.into()))?;
        Ok((format, track, kept))
    })
    .await
}

/// Reads a file again that was kept.
pub(crate) async fn read_again(kept: Vec<u8>, now: DateTime<Utc>) -> Result<(Format, Track)> {
    aside(move || {
        let bytes = zstd::bulk::decompress(&kept, LARGEST).map_err(|error| Error::Internal(error.into()))?;
        parse(&bytes, now).map_err(Error::internal)
    })
    .await
}

/// Does what takes a core away from what serves requests.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let busy = || Error::RateLimited { retry_after: LONGEST_WAIT };
    let _waiting = WAITING.try_acquire().map_err(|_| busy())?;
    let _reading = tokio::time::timeout(LONGEST_WAIT, READING.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))?
}

/// Reads a file.
pub fn parse(bytes: &[u8], now: DateTime<Utc>) -> Reading<(Format, Track)> {
    if bytes.len() > LARGEST {
        return Err(format!("must have at most {LARGEST} bytes, has {}", bytes.len()));
    }
    let expanded = if bytes.starts_with(&[0x1f, 0x8b]) { Some(expand(bytes)?) } else { None };
    let bytes = expanded.as_deref().unwrap_or(bytes);
    if bytes.get(8..12) == Some(b".FIT".as_slice()) {
        return Ok((Format::Fit, fit::parse(bytes, now)?));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is neither FIT nor XML in UTF-8: send a GPX, TCX or FIT file".to_owned())?;
    match xml::root(text)?.as_str() {
        "gpx" => Ok((Format::Gpx, gpx::parse(text, now)?)),
        "TrainingCenterDatabase" => Ok((Format::Tcx, tcx::parse(text, now)?)),
        _ => Err("is XML, but neither GPX nor TCX".to_owned()),
    }
}

fn expand(bytes: &[u8]) -> Reading<Vec<u8>> {
    let mut expanded = Vec::new();
    let most = u64::try_from(LARGEST_EXPANDED).unwrap_or(u64::MAX);
    MultiGzDecoder::new(bytes).take(most + 1).read_to_end(&mut expanded).map_err(|_| "is damaged: it does not unpack".to_owned())?;
    if expanded.len() > LARGEST_EXPANDED {
        return Err(format!("must unpack to at most {LARGEST_EXPANDED} bytes"));
    }
    Ok(expanded)
}

/// Puts a track together from what a file says, and holds it to what can be.
struct Builder {
    now: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    sport: Sport,
    name: Option<String>,
    device: Option<String>,
    points: Vec<Point>,
    laps: Vec<Lap>,
    calories: Option<i32>,
    resumes: bool,
}

/// A point as a file says it.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    at: Option<DateTime<Utc>>,
    position: Option<(f64, f64)>,
    /// Metres.
    elevation: Option<f64>,
    heart_rate: Option<f64>,
    cadence: Option<f64>,
    power: Option<f64>,
    /// Metres since the start.
    distance: Option<f64>,
}

/// A measurement within what can be; devices write zeros and all ones for what they do not know.
fn plausible(value: Option<f64>, range: std::ops::RangeInclusive<f64>, scale: f64) -> Option<i32> {
    value.filter(|value| range.contains(value)).map(|value| (value * scale).round() as i32)
}

impl Builder {
    fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            started_at: None,
            sport: Sport::Other,
            name: None,
            device: None,
            points: Vec::new(),
            laps: Vec::new(),
            calories: None,
            resumes: false,
        }
    }

    /// What an instant is held to.
    fn instant(&self, at: DateTime<Utc>) -> Reading<DateTime<Utc>> {
        let first = DateTime::UNIX_EPOCH + TimeDelta::days(3652);
        if at < first || at > self.now + TimeDelta::days(1) {
            return Err(format!("says {at}: activities are from 1980 until now"));
        }
        Ok(at)
    }

    /// What comes next was recorded after an interruption.
    fn interrupted(&mut self) {
        self.resumes = true;
    }

    fn point(&mut self, told: Told) -> Reading<()> {
        let number = self.points.len() + 1;
        // A place without a time says nothing about an activity, but may be in a file that does.
        let Some(at) = told.at else { return Ok(()) };
        let at = self.instant(at)?;
        let position = match told.position {
            Some((latitude, longitude)) => Some(
                Position::of_degrees(latitude, longitude)
                    .ok_or_else(|| format!("point {number} is at {latitude}, {longitude}: no place on earth"))?,
            ),
            None => None,
        };
        let start = *self.started_at.get_or_insert(at);
        let at = (at - start).num_milliseconds();
        let last = self.points.last().map(|last| last.at);
        if at < last.unwrap_or(0) {
            return Err(format!("time goes backwards at point {number}"));
        }
        if at > LONGEST.num_milliseconds() {
            return Err("is longer than 7 days: split it".to_owned());
        }
        let point = Point {
            at,
            position,
            elevation: plausible(told.elevation, -500.0..=9_500.0, 10.0),
            heart_rate: plausible(told.heart_rate, 20.0..=300.0, 1.0),
            cadence: plausible(told.cadence, 0.0..=400.0, 1.0),
            power: plausible(told.power, 0.0..=4_000.0, 1.0),
            distance: plausible(told.distance, 0.0..=10_000_000.0, 100.0),
            resumes: std::mem::take(&mut self.resumes) && !self.points.is_empty(),
        };
        // Of two at one instant the later one is what the device meant.
        if last == Some(at) {
            self.points.pop();
        }
        if self.points.len() == MOST_POINTS {
            return Err(format!("has more than {MOST_POINTS} points"));
        }
        self.points.push(point);
        Ok(())
    }

    fn lap(&mut self, lap: Lap) -> Reading<()> {
        if self.laps.len() == MOST_LAPS {
            return Err(format!("has more than {MOST_LAPS} laps"));
        }
        if lap.duration > LONGEST.num_milliseconds() {
            return Err("has a lap of more than 7 days".to_owned());
        }
        self.laps.push(lap);
        Ok(())
    }

    fn build(self) -> Reading<Track> {
        let by_laps: i64 = self.laps.iter().map(|lap| lap.duration).sum();
        let recorded = self.points.last().map_or(0, |last| last.at);
        if recorded == 0 && by_laps == 0 {
            return Err("has no points with times: a route or a place is no activity".to_owned());
        }
        if by_laps > LONGEST.num_milliseconds() {
            return Err("is longer than 7 days: split it".to_owned());
        }
        let line = |text: Option<String>| {
            let text: String = text?.chars().filter(|character| !character.is_control()).take(200).collect();
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        Ok(Track {
            started_at: self.started_at.ok_or("does not say when it began")?,
            sport: self.sport,
            name: line(self.name),
            device: line(self.device),
            points: self.points,
            laps: self.laps,
            calories: self.calories.filter(|calories| (1..=100_000).contains(calories)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_the_entities_that_xml_has_and_no_others() {
        let file = r#"<gpx creator="Handheld &amp; Sons"><trk><name>Up &lt;&amp; down &x;</name><trkseg>
            <trkpt lat="1" lon="2"><time>2026-03-10T08:00:00Z</time></trkpt><trkpt lat="1" lon="2"><time>2026-03-10T08:00:10Z</time></trkpt>
            </trkseg></trk></gpx>"#;
        let now = "2026-03-10T12:00:00Z".parse().expect("an instant");
        let (format, track) = parse(file.as_bytes(), now).expect("a track");
        assert_eq!((format, track.device.as_deref(), track.name.as_deref()), (Format::Gpx, Some("Handheld & Sons"), Some("Up <& down")));
    }
}
