//! Splits, laps, and the fastest stretches of standard distances.

use rust_decimal::Decimal;

use super::{Track, metres, seconds};

/// Distances in metres that people compare themselves over.
pub const STANDARD: [f64; 11] = [400.0, 800.0, 1_000.0, 1_609.344, 5_000.0, 10_000.0, 20_000.0, 21_097.5, 40_000.0, 42_195.0, 100_000.0];
/// A mile in metres.
pub const MILE: f64 = 1_609.344;
/// A kilometre in metres.
pub const KILOMETRE: f64 = 1_000.0;

/// A part of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// How far, in metres: the last one may be shorter than the others.
    pub distance: Option<Decimal>,
    /// How long, in seconds, pauses included.
    pub duration: Decimal,
    /// Beats per minute on average.
    pub average_heart_rate: Option<i32>,
    /// The highest heart rate.
    pub max_heart_rate: Option<i32>,
}

/// The fastest stretch of a distance.
#[derive(Clone, Debug, PartialEq)]
pub struct Effort {
    /// How far, in metres.
    pub distance: Decimal,
    /// How long, in seconds, pauses included.
    pub duration: Decimal,
    /// How long after the start it begins, in seconds.
    pub begins: Decimal,
}

/// The recording as a line of distance over time, which grows.
struct Line {
    /// Milliseconds and metres.
    nodes: Vec<(f64, f64)>,
}

impl Line {
    fn of(track: &Track) -> Option<Self> {
        let distances = track.distances()?;
        let nodes: Vec<_> = track.points.iter().zip(distances).map(|(point, far)| (point.at as f64, far)).collect();
        (nodes.len() > 1).then_some(Self { nodes })
    }

    fn length(&self) -> f64 {
        self.nodes.last().map_or(0.0, |(_, far)| *far)
    }

    /// When the distance was `far`, in the stretch that ends at the node `end`.
    fn crossed(&self, end: usize, far: f64) -> f64 {
        let ((from_at, from), (to_at, to)) = (self.nodes[end.saturating_sub(1)], self.nodes[end]);
        if to <= from { to_at } else { from_at + (to_at - from_at) * ((far - from) / (to - from)).clamp(0.0, 1.0) }
    }

    /// The fastest stretch of this distance: when it begins, and how long it takes. One of its ends is a node.
    fn fastest(&self, distance: f64) -> Option<(f64, f64)> {
        if self.length() < distance {
            return None;
        }
        let mut best: Option<(f64, f64)> = None;
        let mut keep = |begins: f64, ends: f64| {
            if best.is_none_or(|(_, least)| ends - begins < least) {
                best = Some((begins, ends - begins));
            }
        };
        let mut start = 0;
        for (at, far) in &self.nodes {
            if *far < distance {
                continue;
            }
            // The last node from which it is still far enough, and where between it and the next one it is exactly that.
            while start + 1 < self.nodes.len() && far - self.nodes[start + 1].1 >= distance {
                start += 1;
            }
            keep(self.crossed((start + 1).min(self.nodes.len() - 1), far - distance), *at);
        }
        let mut end = 0;
        for (at, far) in &self.nodes {
            while end < self.nodes.len() && self.nodes[end].1 - far < distance {
                end += 1;
            }
            if end == self.nodes.len() {
                break;
            }
            keep(*at, self.crossed(end, far + distance));
        }
        best
    }
}

/// The fastest stretches of the standard distances that it is long enough for.
pub fn best_efforts(track: &Track) -> Vec<Effort> {
    let Some(line) = Line::of(track) else { return Vec::new() };
    let effort = |distance: f64| {
        let (begins, took) = line.fastest(distance)?;
        // Two points at one instant, or a receiver that leapt: no record.
        (took > 0.0).then(|| Effort {
            distance: metres(distance),
            duration: seconds(took.round() as i64),
            begins: seconds(begins.round() as i64),
        })
    };
    STANDARD.into_iter().filter_map(effort).collect()
}

/// Parts of `length` metres each, and what is left.
pub fn splits(track: &Track, length: f64) -> Vec<Split> {
    let Some(line) = Line::of(track) else { return Vec::new() };
    let mut splits = Vec::new();
    let (mut began, mut from, mut end) = (0.0, 0.0, 0);
    while from < line.length() {
        let to = (from + length).min(line.length());
        while end + 1 < line.nodes.len() && line.nodes[end].1 < to {
            end += 1;
        }
        let ended = if to >= line.length() { line.nodes.last().map_or(0.0, |(at, _)| *at) } else { line.crossed(end, to) };
        let (average_heart_rate, max_heart_rate) = heart_rates(track, began as i64, ended.ceil() as i64);
        splits.push(Split {
            distance: Some(metres(to - from)),
            duration: seconds(ended.round() as i64 - began as i64),
            average_heart_rate,
            max_heart_rate,
        });
        (began, from) = (ended.round(), to);
    }
    splits
}

/// The laps as the device says.
pub fn laps(track: &Track) -> Vec<Split> {
    let lap = |lap: &super::Lap| Split {
        distance: lap.distance.map(|centimetres| Decimal::new(centimetres, 2)),
        duration: seconds(lap.duration),
        average_heart_rate: lap.average_heart_rate,
        max_heart_rate: lap.max_heart_rate,
    };
    track.laps.iter().map(lap).collect()
}

fn heart_rates(track: &Track, from: i64, until: i64) -> (Option<i32>, Option<i32>) {
    let (mut beats, mut time, mut highest) = (0, 0, None);
    let begin = track.points.partition_point(|point| point.at < from);
    for pair in track.points[begin..].windows(2).take_while(|pair| pair[0].at < until) {
        if let Some(rate) = pair[0].heart_rate {
            let held = (pair[1].at - pair[0].at).min(super::LONGEST_GAP);
            beats += i64::from(rate) * held;
            time += held;
            highest = highest.max(Some(rate));
        }
    }
    ((time > 0).then(|| i32::try_from((beats + time / 2) / time).unwrap_or(i32::MAX)), highest)
}
