//! GPX 1.0 and 1.1 (Topografix), with the extensions for heart rate, cadence and power that devices write.

use chrono::{DateTime, Utc};

use super::{
    Builder, Reading, Told,
    xml::{self, Element},
};
use crate::track::{Sport, Track};

/// Reads a file.
pub(super) fn parse(text: &str, now: DateTime<Utc>) -> Reading<Track> {
    let mut builder = Builder::new(now);
    let mut point = Told::default();
    xml::walk(text, |element| {
        match element {
            Element::Begins { path, attributes } => match path.last().map(String::as_str) {
                Some("gpx") => builder.device = attribute(attributes, "creator").map(str::to_owned),
                Some("trkseg") => builder.interrupted(),
                Some("trkpt") => {
                    let degrees = |name| attribute(attributes, name).and_then(xml::number);
                    let place = degrees("lat").zip(degrees("lon"));
                    point = Told { position: Some(place.ok_or("has a point without a place")?), ..Told::default() };
                }
                _ => {}
            },
            Element::Ended { path, text } => {
                let Some(name) = path.last() else { return Ok(()) };
                if path.iter().any(|part| part == "trkpt") {
                    match name.as_str() {
                        "trkpt" => builder.point(point)?,
                        "ele" => point.elevation = xml::number(text),
                        "time" => point.at = Some(xml::instant(text)?),
                        "hr" | "heartrate" => point.heart_rate = xml::number(text),
                        "cad" | "cadence" => point.cadence = xml::number(text),
                        "power" | "PowerInWatts" => point.power = xml::number(text),
                        _ => {}
                    }
                } else if path.len() == 3 && path[1] == "trk" {
                    match name.as_str() {
                        "name" => builder.name = Some(text.to_owned()),
                        "type" => builder.sport = Sport::named(text),
                        _ => {}
                    }
                }
            }
        }
        Ok(())
    })?;
    builder.build()
}

fn attribute<'a>(attributes: &'a [(String, String)], name: &str) -> Option<&'a str> {
    attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
