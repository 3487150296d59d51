//! A recorded activity: its points in time, and what they add up to. Pure: nothing here knows a file or a database.
//!
//! Geometry on a sphere needs sines, which decimals do not have: what is measured are integers (10⁻⁷ degrees, milliseconds, decimetres),
//! between them it is computed in floating point, and what comes out is rounded to decimals once.

pub mod efforts;
pub mod heart_rate;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::{Decimal, prelude::FromPrimitive};

/// The mean radius of the earth in metres (IUGG), which the haversine formula is with.
const EARTH: f64 = 6_371_008.8;
/// Climbing and descending less than this is what altimeters do by themselves. In decimetres.
pub const HYSTERESIS: i32 = 30;
/// Nobody is faster on land or water: a jump of the receiver. In m/s.
const FASTEST: f64 = 100.0;
/// A value holds until the next one, but not for longer: then the device was off. In milliseconds.
pub const LONGEST_GAP: i64 = 60_000;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sport {
    /// On foot, running.
    Running,
    /// On a bicycle.
    Cycling,
    /// On foot, walking.
    Walking,
    /// On foot in the hills.
    Hiking,
    /// In water.
    Swimming,
    /// In a boat or on a machine.
    Rowing,
    /// On skis.
    Skiing,
    /// Something else, or not told.
    #[default]
    Other,
}

impl Sport {
    const ALL: [Self; 8] =
        [Self::Running, Self::Cycling, Self::Walking, Self::Hiking, Self::Swimming, Self::Rowing, Self::Skiing, Self::Other];

    /// As it is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Cycling => "cycling",
            Self::Walking => "walking",
            Self::Hiking => "hiking",
            Self::Swimming => "swimming",
            Self::Rowing => "rowing",
            Self::Skiing => "skiing",
            Self::Other => "other",
        }
    }

    /// The sport of a code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sport| sport.code() == code)
    }

    /// The sport that a file names, in whatever words.
    pub fn named(words: &str) -> Self {
        let words = words.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        match () {
            () if says(&["hik", "mountaineer", "trek"]) => Self::Hiking,
            () if says(&["run", "jog"]) => Self::Running,
            () if says(&["cycl", "bik", "ride"]) => Self::Cycling,
            () if says(&["walk"]) => Self::Walking,
            () if says(&["swim"]) => Self::Swimming,
            () if says(&["row", "kayak", "canoe", "paddl"]) => Self::Rowing,
            () if says(&["ski"]) => Self::Skiing,
            () => Self::Other,
        }
    }

    /// Slower than this is standing, in m/s.
    pub fn stop_speed(self) -> f64 {
        match self {
            Self::Cycling | Self::Skiing => 1.0,
            Self::Running => 0.8,
            Self::Rowing => 0.5,
            Self::Walking | Self::Hiking | Self::Other => 0.3,
            Self::Swimming => 0.2,
        }
    }

    /// What exercises of this sport are called, the best fitting first; none where the sport is not told.
    pub fn exercise_names(self) -> &'static [&'static str] {
        match self {
            Self::Running => &["running", "run", "jogging", "trail running/walking", "running, treadmill", "jogging, treadmill"],
            Self::Cycling => &["cycling", "bicycling", "biking", "bike ride", "bicycling, stationary"],
            Self::Walking => &["walking", "walk", "walking, treadmill"],
            Self::Hiking => &["hiking", "hike", "walking"],
            Self::Swimming => &["swimming", "swim"],
            Self::Rowing => &["rowing", "rowing, stationary"],
            Self::Skiing => &["skiing", "cross-country skiing"],
            Self::Other => &[],
        }
    }

    /// What an entry is called for which there is no exercise.
    pub fn title(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Cycling => "Cycling",
            Self::Walking => "Walking",
            Self::Hiking => "Hiking",
            Self::Swimming => "Swimming",
            Self::Rowing => "Rowing",
            Self::Skiing => "Skiing",
            Self::Other => "Activity",
        }
    }
}

/// A place, in 10⁻⁷ degrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// North of the equator.
    pub latitude: i32,
    /// East of Greenwich.
    pub longitude: i32,
}

impl Position {
    /// A place on earth in degrees; `None` for numbers that are none.
    pub fn of_degrees(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        // Within these bounds both fit.
        on_earth.then(|| Self { latitude: (latitude * 1e7).round() as i32, longitude: (longitude * 1e7).round() as i32 })
    }

    /// How far another place is, in metres, along the surface (haversine).
    pub fn metres_to(self, other: Self) -> f64 {
        let radians = |units: i32| (f64::from(units) / 1e7).to_radians();
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let (north, east) = (to - from, radians(other.longitude) - radians(self.longitude));
        let chord = (north / 2.0).sin().powi(2) + from.cos() * to.cos() * (east / 2.0).sin().powi(2);
        2.0 * EARTH * chord.sqrt().clamp(0.0, 1.0).asin()
    }
}

/// What a device noted at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Milliseconds since the first point.
    pub at: i64,
    /// Where.
    pub position: Option<Position>,
    /// Above the sea, in decimetres.
    pub elevation: Option<i32>,
    /// Beats per minute.
    pub heart_rate: Option<i32>,
    /// Steps, strokes or turns per minute, as the device counts.
    pub cadence: Option<i32>,
    /// Watts.
    pub power: Option<i32>,
    /// How far since the start, as the device says, in centimetres.
    pub distance: Option<i32>,
    /// Whether recording was interrupted before it.
    pub resumes: bool,
}

/// A lap as the device says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lap {
    /// How long, in milliseconds.
    pub duration: i64,
    /// How far, in centimetres.
    pub distance: Option<i64>,
    /// Beats per minute on average.
    pub average_heart_rate: Option<i32>,
    /// The highest heart rate.
    pub max_heart_rate: Option<i32>,
    /// In kcal.
    pub calories: Option<i32>,
}

/// A recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// When it begins.
    pub started_at: DateTime<Utc>,
    /// What was done.
    pub sport: Sport,
    /// What it is called, if anything.
    pub name: Option<String>,
    /// What recorded it.
    pub device: Option<String>,
    /// In order of time.
    pub points: Vec<Point>,
    /// As the device says.
    pub laps: Vec<Lap>,
    /// Energy in kcal as the device says.
    pub calories: Option<i32>,
}

/// What a recording adds up to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Until when, from the start, in seconds.
    pub elapsed: Decimal,
    /// The time that was recorded, without interruptions, in seconds.
    pub duration: Decimal,
    /// The time in motion, in seconds.
    pub moving: Decimal,
    /// How far, in metres; `None` where nothing tells it.
    pub distance: Option<Decimal>,
    /// Climbed, in metres.
    pub elevation_gain: Option<Decimal>,
    /// Descended, in metres.
    pub elevation_loss: Option<Decimal>,
    /// Beats per minute on average over time.
    pub average_heart_rate: Option<i32>,
    /// The highest heart rate.
    pub max_heart_rate: Option<i32>,
    /// On average over time.
    pub average_cadence: Option<i32>,
    /// In watts, on average over time.
    pub average_power: Option<i32>,
}

/// Seconds of milliseconds.
pub(crate) fn seconds(milliseconds: i64) -> Decimal {
    Decimal::new(milliseconds, 3)
}

/// Metres with three decimals.
pub(crate) fn metres(metres: f64) -> Decimal {
    // Finite, and far from what a decimal cannot hold: the sum of parts of the earth.
    Decimal::from_f64(metres).map_or(Decimal::ZERO, |metres| entity::unit::round(metres, 3))
}

impl Track {
    /// When it ends.
    pub fn ended_at(&self) -> DateTime<Utc> {
        self.started_at + TimeDelta::milliseconds(self.elapsed())
    }

    /// The first place that it knows.
    pub fn begins(&self) -> Option<Position> {
        self.points.iter().find_map(|point| point.position)
    }

    fn elapsed(&self) -> i64 {
        let by_laps = self.laps.iter().map(|lap| lap.duration).sum();
        self.points.last().map_or(by_laps, |last| if self.points.len() > 1 { last.at } else { by_laps })
    }

    /// How far it was at each point, in metres: as the device says where it does at every point, else from place to place. `None` where
    /// neither is known. Interruptions and jumps of the receiver add nothing.
    pub fn distances(&self) -> Option<Vec<f64>> {
        if self.points.iter().any(|point| point.distance.is_some()) {
            // It only grows; where it is missing it is as far as before.
            let mut far = 0;
            let so_far = self.points.iter().map(|point| {
                far = far.max(point.distance.unwrap_or(far));
                f64::from(far) / 100.0
            });
            return Some(so_far.collect());
        }
        self.begins()?;
        let (mut far, mut before): (f64, Option<(i64, Position)>) = (0.0, None);
        let so_far = self.points.iter().map(|point| {
            let Some(position) = point.position else { return far };
            if let Some((at, last)) = before.filter(|_| !point.resumes) {
                let step = last.metres_to(position);
                if step * 1000.0 > FASTEST * (point.at - at).max(1) as f64 {
                    return far;
                }
                far += step;
            }
            before = Some((point.at, position));
            far
        });
        Some(so_far.collect())
    }

    /// What it adds up to.
    pub fn summary(&self) -> Summary {
        let distances = self.distances();
        let mut recorded = 0;
        let mut moving = 0;
        for (index, pair) in self.points.windows(2).enumerate() {
            if pair[1].resumes {
                continue;
            }
            let took = pair[1].at - pair[0].at;
            recorded += took;
            let moves = match &distances {
                Some(far) => (far[index + 1] - far[index]) * 1000.0 >= self.sport.stop_speed() * took as f64,
                None => took <= LONGEST_GAP,
            };
            if moves {
                moving += took;
            }
        }
        let by_laps: i64 = self.laps.iter().map(|lap| lap.duration).sum();
        if self.points.len() < 2 {
            (recorded, moving) = (by_laps, by_laps);
        }
        let lap_distances: Option<Vec<i64>> = self.laps.iter().map(|lap| lap.distance).collect();
        let lap_distance = lap_distances.filter(|distances| !distances.is_empty()).map(|distances| Decimal::new(distances.iter().sum(), 2));
        let distance = distances.and_then(|far| far.last().copied()).map(metres).or(lap_distance).filter(|far| *far > Decimal::ZERO);
        let climbed = self.climbed();
        Summary {
            elapsed: seconds(self.elapsed()),
            duration: seconds(recorded),
            moving: seconds(moving),
            distance,
            elevation_gain: climbed.map(|(gain, _)| Decimal::new(gain, 1)),
            elevation_loss: climbed.map(|(_, loss)| Decimal::new(loss, 1)),
            average_heart_rate: self.average(|point| point.heart_rate).or_else(|| self.lap_heart_rate()),
            max_heart_rate: self
                .points
                .iter()
                .filter_map(|point| point.heart_rate)
                .max()
                .or_else(|| self.laps.iter().filter_map(|lap| lap.max_heart_rate).max()),
            average_cadence: self.average(|point| point.cadence),
            average_power: self.average(|point| point.power),
        }
    }

    /// Climbed and descended, in decimetres: between turns from which it goes the other way by more than the hysteresis.
    fn climbed(&self) -> Option<(i64, i64)> {
        let mut elevations = self.points.iter().filter_map(|point| point.elevation);
        let first = elevations.next()?;
        let (mut gain, mut loss) = (0, 0);
        // Between which points it goes since the last turn, and whether it climbs; at first it does neither.
        let (mut low, mut high, mut climbs) = (first, first, None);
        for elevation in elevations {
            let (falls, rises) = (high - elevation >= HYSTERESIS, elevation - low >= HYSTERESIS);
            match climbs {
                Some(true) if falls => {
                    gain += i64::from(high - low);
                    (low, climbs) = (elevation, Some(false));
                }
                Some(false) if rises => {
                    loss += i64::from(high - low);
                    (high, climbs) = (elevation, Some(true));
                }
                Some(true) => high = high.max(elevation),
                Some(false) => low = low.min(elevation),
                None if falls => (low, climbs) = (elevation, Some(false)),
                None if rises => (high, climbs) = (elevation, Some(true)),
                None => (low, high) = (low.min(elevation), high.max(elevation)),
            }
        }
        match climbs {
            Some(true) => gain += i64::from(high - low),
            Some(false) => loss += i64::from(high - low),
            None => {}
        }
        Some((gain, loss))
    }

    /// How long each point's values hold, in milliseconds: until the next, at most [`LONGEST_GAP`].
    pub(crate) fn holds(&self) -> impl Iterator<Item = (&Point, i64)> {
        let next = self.points.iter().skip(1).map(Some).chain([None]);
        self.points.iter().zip(next).map(|(point, next)| {
            let until = next.filter(|next| !next.resumes).map_or(point.at, |next| next.at);
            (point, (until - point.at).min(LONGEST_GAP))
        })
    }

    fn average(&self, value: impl Fn(&Point) -> Option<i32>) -> Option<i32> {
        let (mut sum, mut time) = (0, 0);
        for (point, held) in self.holds() {
            if let Some(value) = value(point) {
                sum += i64::from(value) * held;
                time += held;
            }
        }
        (time > 0).then(|| i32::try_from((sum + time / 2) / time).unwrap_or(i32::MAX))
    }

    fn lap_heart_rate(&self) -> Option<i32> {
        let known = || self.laps.iter().filter_map(|lap| Some((i64::from(lap.average_heart_rate?), lap.duration)));
        let time: i64 = known().map(|(_, duration)| duration).sum();
        let beats: i64 = known().map(|(rate, duration)| rate * duration).sum();
        (time > 0).then(|| i32::try_from((beats + time / 2) / time).unwrap_or(i32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        efforts::{KILOMETRE, best_efforts, splits},
        *,
    };

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    fn track(sport: Sport, points: Vec<Point>) -> Track {
        let started_at = "2026-03-10T08:00:00Z".parse().expect("an instant");
        Track { started_at, sport, name: None, device: None, points, laps: vec![], calories: None }
    }

    /// A run north along a meridian at this speed in m/s, a point each second.
    fn run(seconds: i64, speed: f64) -> Track {
        let degree = (EARTH * std::f64::consts::PI / 180.0) / speed;
        let point = |second: i64| Point {
            at: second * 1000,
            position: Position::of_degrees(52.0 + second as f64 / degree, 13.0),
            heart_rate: Some(150),
            ..Point::default()
        };
        track(Sport::Running, (0..=seconds).map(point).collect())
    }

    #[test]
    fn the_haversine_vectors_hold() {
        let far = |one: (f64, f64), other: (f64, f64)| {
            let place = |(latitude, longitude)| Position::of_degrees(latitude, longitude).expect("on earth");
            place(one).metres_to(place(other))
        };
        assert_eq!(entity::unit::round(metres(far((44.68095, 6.07367), (44.68091, 6.07367))), 3), decimal("4.448"));
        assert_eq!(entity::unit::round(metres(far((48.8566, 2.3522), (51.5074, -0.1278))), 1), decimal("343556.5"));
        assert!(Position::of_degrees(90.1, 0.0).is_none() && Position::of_degrees(0.0, f64::NAN).is_none());
    }

    #[test]
    fn a_run_adds_up() {
        // 3 m/s for 1,000 s.
        let summary = run(1000, 3.0).summary();
        assert_eq!((summary.elapsed, summary.duration, summary.moving), (1000.into(), 1000.into(), 1000.into()));
        let distance = summary.distance.expect("a distance");
        assert!((distance - Decimal::from(3000)).abs() < Decimal::ONE, "{distance}");
        assert_eq!((summary.average_heart_rate, summary.max_heart_rate), (Some(150), Some(150)));
        assert_eq!((summary.elevation_gain, summary.average_power), (None, None));
    }

    #[test]
    fn standing_is_not_moving_and_an_interruption_is_not_recorded() {
        let mut walked = run(100, 2.0);
        let last = *walked.points.last().expect("points");
        // A minute at a traffic light, and half an hour in a café with the watch off, 500 m away.
        walked.points.extend((1..=60).map(|second| Point { at: last.at + second * 1000, ..last }));
        let away = Position { latitude: last.position.expect("a place").latitude + 45_000, longitude: 130_000_000 };
        walked.points.push(Point { at: last.at + 1_860_000, position: Some(away), resumes: true, ..last });
        let summary = walked.summary();
        assert_eq!((summary.elapsed, summary.duration, summary.moving), (1960.into(), 160.into(), 100.into()));
        assert!(summary.distance.expect("a distance") < decimal("200.5"));
    }

    #[test]
    fn a_jump_of_the_receiver_adds_nothing() {
        let mut jumped = run(100, 3.0);
        jumped.points[50].position = Position::of_degrees(10.0, 10.0);
        let distance = jumped.summary().distance.expect("a distance");
        assert!((distance - Decimal::from(300)).abs() < Decimal::ONE, "{distance}");
    }

    #[test]
    fn the_device_knows_the_distance_better() {
        let mut on_a_treadmill = run(600, 0.0);
        for point in &mut on_a_treadmill.points {
            (point.position, point.distance) = (None, Some(i32::try_from(point.at).expect("small") * 3 / 10));
        }
        assert_eq!(on_a_treadmill.summary().distance, Some(1800.into()));
    }

    #[test]
    fn climbing_counts_from_three_metres() {
        let mut hill = run(6, 3.0);
        // In decimetres: 2.9 m of noise, then 10 m up, 5 m down, 2 m up.
        for (point, elevation) in hill.points.iter_mut().zip([1000, 1029, 1000, 1100, 1050, 1070, 1070]) {
            point.elevation = Some(elevation);
        }
        let summary = hill.summary();
        assert_eq!((summary.elevation_gain, summary.elevation_loss), (Some(10.into()), Some(5.into())));
        // A staircase of steps below the threshold is climbed all the same, and descended.
        let stairs = |steps: &[i32]| {
            let point = |(index, step): (usize, &i32)| Point { at: index as i64 * 1000, elevation: Some(step * 10), ..Point::default() };
            let summary = track(Sport::Hiking, steps.iter().enumerate().map(point).collect()).summary();
            (summary.elevation_gain, summary.elevation_loss)
        };
        assert_eq!(stairs(&[100, 101, 102, 103, 104, 105]), (Some(5.into()), Some(0.into())));
        assert_eq!(stairs(&[105, 104, 103, 102, 101, 100, 102, 104, 106, 105, 103]), (Some(6.into()), Some(8.into())));
        assert_eq!(stairs(&[100, 106, 90, 95]), (Some(11.into()), Some(16.into())));
        assert_eq!(stairs(&[100, 102, 100, 102, 100]), (Some(0.into()), Some(0.into())));
    }

    #[test]
    fn time_is_kept_in_zones_and_gaps_are_capped() {
        let mut track = run(0, 3.0);
        // 89, 90, 162 and 200 beats of a maximum of 180, 10 s each; the last one before a gap of ten minutes holds for one.
        track.points = [(0, 89), (10, 90), (20, 162), (30, 200), (630, 100)]
            .map(|(second, rate)| Point { at: second * 1000, heart_rate: Some(rate), ..Point::default() })
            .to_vec();
        assert_eq!(heart_rate::time_in_zones(&track, 180.into()), Some([10_000, 10_000, 0, 0, 0, 70_000]));
        assert_eq!(heart_rate::time_in_zones(&Track { points: vec![], ..track }, 180.into()), None);
    }

    #[test]
    fn a_kilometre_in_five_minutes_is_found_between_slower_ones() {
        // 1 km in 400 s, 1 km in 300 s, 500 m in 200 s, as the device counts.
        let mut points = Vec::new();
        let (mut at, mut far) = (0, 0.0);
        for (seconds, metres) in [(400, 1000.0), (300, 1000.0), (200, 500.0)] {
            for _ in 0..seconds {
                points.push(Point { at, distance: Some((far * 100.0f64).round() as i32), ..Point::default() });
                at += 1000;
                far += metres / f64::from(seconds);
            }
        }
        points.push(Point { at, distance: Some((far * 100.0).round() as i32), ..Point::default() });
        let track = track(Sport::Running, points);
        let kilometre = best_efforts(&track).into_iter().find(|effort| effort.distance == 1000.into()).expect("a kilometre");
        assert_eq!((entity::unit::round(kilometre.duration, 0), entity::unit::round(kilometre.begins, 0)), (300.into(), 400.into()));
        let splits: Vec<_> =
            splits(&track, KILOMETRE).into_iter().map(|split| (split.distance, entity::unit::round(split.duration, 0))).collect();
        assert_eq!(splits, [(Some(1000.into()), 400.into()), (Some(1000.into()), 300.into()), (Some(500.into()), 200.into())]);
    }

    proptest! {
        #[test]
        fn longer_stretches_take_longer_and_splits_add_up(steps in prop::collection::vec((1i64..20_000, 0i32..10_000), 2..200)) {
            let mut points = vec![Point { distance: Some(0), ..Point::default() }];
            for (took, far) in steps {
                let last = *points.last().expect("a point");
                points.push(Point { at: last.at + took, distance: Some(last.distance.unwrap_or_default() + far), ..Point::default() });
            }
            let track = track(Sport::Cycling, points);
            let summary = track.summary();
            let efforts = best_efforts(&track);
            for pair in efforts.windows(2) {
                prop_assert!(pair[0].distance < pair[1].distance && pair[0].duration <= pair[1].duration);
            }
            for effort in &efforts {
                prop_assert!(effort.begins + effort.duration <= summary.elapsed + Decimal::new(2, 3));
            }
            let splits = splits(&track, KILOMETRE);
            let (far, took): (Decimal, Decimal) = splits.iter().fold((Decimal::ZERO, Decimal::ZERO), |(far, took), split| (far + split.distance.unwrap_or_default(), took + split.duration));
            prop_assert!((far - summary.distance.unwrap_or_default()).abs() <= Decimal::new(1, 1));
            if !splits.is_empty() {
                prop_assert_eq!(took, summary.elapsed);
            }
            prop_assert!(summary.moving <= summary.duration && summary.duration <= summary.elapsed);
        }

        #[test]
        fn distances_are_the_same_in_both_directions_and_bounded(a in -90.0f64..90.0, b in -180.0f64..180.0, c in -90.0f64..90.0, d in -180.0f64..180.0) {
            let (one, other) = (Position::of_degrees(a, b).expect("on earth"), Position::of_degrees(c, d).expect("on earth"));
            let far = one.metres_to(other);
            prop_assert!((far - other.metres_to(one)).abs() < 1e-3);
            prop_assert!((0.0..=EARTH * std::f64::consts::PI + 1.0).contains(&far));
        }
    }
}
