//! TCX (Garmin Training Center Database 2), with the extension for power.

use chrono::{DateTime, Utc};

use super::{
    Builder, Reading, Told, plausible,
    xml::{self, Element},
};
use crate::track::{Lap, Sport, Track};

/// Reads a file.
pub(super) fn parse(text: &str, now: DateTime<Utc>) -> Reading<Track> {
    let mut builder = Builder::new(now);
    let mut activities = 0;
    let (mut point, mut lap) = (Told::default(), Lap::default());
    let mut latitude = None;
    xml::walk(text, |element| {
        match element {
            Element::Begins { path, attributes } => match path.last().map(String::as_str) {
                Some("Activity") => {
                    activities += 1;
                    if activities > 1 {
                        return Err("holds several activities: send each as a file of its own".to_owned());
                    }
                    let sport = attributes.iter().find(|(name, _)| name == "Sport");
                    builder.sport = sport.map_or(Sport::Other, |(_, sport)| Sport::named(sport));
                }
                Some("Lap") => {
                    lap = Lap::default();
                    if let Some((_, start)) = attributes.iter().find(|(name, _)| name == "StartTime") {
                        let start = builder.instant(xml::instant(start)?)?;
                        builder.started_at.get_or_insert(start);
                    }
                }
                Some("Track") => builder.interrupted(),
                Some("Trackpoint") => (point, latitude) = (Told::default(), None),
                _ => {}
            },
            Element::Ended { path, text } => {
                let Some(name) = path.last() else { return Ok(()) };
                let parent = path.len().checked_sub(2).map(|index| path[index].as_str()).unwrap_or_default();
                let number = || xml::number(text);
                match (parent, name.as_str()) {
                    (_, "Trackpoint") => builder.point(point)?,
                    ("Trackpoint", "Time") => point.at = Some(xml::instant(text)?),
                    ("Position", "LatitudeDegrees") => latitude = number(),
                    ("Position", "LongitudeDegrees") => {
                        point.position = Some(latitude.zip(number()).ok_or("has a point without a place")?);
                    }
                    ("Trackpoint", "AltitudeMeters") => point.elevation = number(),
                    ("Trackpoint", "DistanceMeters") => point.distance = number(),
                    ("Trackpoint", "Cadence") | ("TPX", "RunCadence") => point.cadence = number(),
                    ("TPX", "Watts") => point.power = number(),
                    ("HeartRateBpm", "Value") => point.heart_rate = number(),
                    ("Lap", "TotalTimeSeconds") => {
                        let seconds = number().filter(|seconds| (0.0..=1e6).contains(seconds));
                        lap.duration = (seconds.ok_or("has a lap without a duration")? * 1000.0).round() as i64;
                    }
                    ("Lap", "DistanceMeters") => lap.distance = plausible(number(), 0.0..=10_000_000.0, 100.0).map(i64::from),
                    ("Lap", "Calories") => lap.calories = plausible(number(), 0.0..=100_000.0, 1.0),
                    ("AverageHeartRateBpm", "Value") => lap.average_heart_rate = plausible(number(), 20.0..=300.0, 1.0),
                    ("MaximumHeartRateBpm", "Value") => lap.max_heart_rate = plausible(number(), 20.0..=300.0, 1.0),
                    ("Activity", "Lap") => builder.lap(lap)?,
                    ("Creator", "Name") => builder.device = Some(text.to_owned()),
                    _ => {}
                }
            }
        }
        Ok(())
    })?;
    builder.calories = builder.laps.iter().map(|lap| lap.calories).sum();
    builder.build()
}
