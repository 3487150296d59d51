//! What devices tell of: each metric has a unit, bounds, and a way in which a day is made of several samples.

use entity::unit::{Dimension, Unit, round};
use rust_decimal::Decimal;

use crate::{
    error::{Error, Result},
    input,
};

/// How a day is made of several samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// Their sum, each minute counted once.
    Sum,
    /// Their mean, whatever time lies between them.
    Mean,
    /// The least of them.
    Least,
    /// The last of them.
    Last,
}

/// What a metric is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Any unit of a dimension; it is kept in the base unit.
    Of(Dimension),
    /// This unit alone.
    In(&'static str),
}

/// What devices tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// What it is called.
    pub code: &'static str,
    /// What it is told in.
    pub measure: Measure,
    /// The least figure of a sample, in the unit of the metric.
    pub least: i32,
    /// The greatest figure of a sample.
    pub most: i32,
    /// How a day is made of several.
    pub fold: Fold,
}

const fn metric(code: &'static str, measure: Measure, least: i32, most: i32, fold: Fold) -> Metric {
    Metric { code, measure, least, most, fold }
}

/// All metrics, by code.
pub const METRICS: [Metric; 22] = [
    metric("active_energy", Measure::Of(Dimension::Energy), 0, 50_000, Fold::Sum),
    metric("blood_glucose", Measure::In("mmol/L"), 0, 100, Fold::Mean),
    metric("body_battery", Measure::Of(Dimension::Proportion), 0, 100, Fold::Last),
    metric("body_temperature", Measure::Of(Dimension::Temperature), 20, 50, Fold::Mean),
    metric("distance", Measure::Of(Dimension::Length), 0, 2_000_000, Fold::Sum),
    metric("exercise_time", Measure::Of(Dimension::Duration), 0, 172_800, Fold::Sum),
    metric("floors_climbed", Measure::Of(Dimension::Count), 0, 10_000, Fold::Sum),
    metric("heart_rate", Measure::Of(Dimension::Rate), 1, 400, Fold::Mean),
    metric("hrv_rmssd", Measure::In("ms"), 0, 2_000, Fold::Mean),
    metric("hrv_sdnn", Measure::In("ms"), 0, 2_000, Fold::Mean),
    metric("oxygen_saturation", Measure::Of(Dimension::Proportion), 0, 100, Fold::Mean),
    metric("oxygen_saturation_low", Measure::Of(Dimension::Proportion), 0, 100, Fold::Least),
    metric("readiness", Measure::Of(Dimension::Proportion), 0, 100, Fold::Last),
    metric("respiratory_rate", Measure::In("breaths/min"), 0, 200, Fold::Mean),
    metric("resting_energy", Measure::Of(Dimension::Energy), 0, 50_000, Fold::Sum),
    metric("resting_heart_rate", Measure::Of(Dimension::Rate), 1, 400, Fold::Last),
    metric("skin_temperature", Measure::Of(Dimension::Temperature), 0, 60, Fold::Mean),
    metric("stand_time", Measure::Of(Dimension::Duration), 0, 172_800, Fold::Sum),
    metric("steps", Measure::Of(Dimension::Steps), 0, 500_000, Fold::Sum),
    metric("stress", Measure::Of(Dimension::Proportion), 0, 100, Fold::Mean),
    metric("vo2_max", Measure::In("ml/kg/min"), 0, 200, Fold::Last),
    metric("wheelchair_pushes", Measure::Of(Dimension::Count), 0, 500_000, Fold::Sum),
];

impl Metric {
    /// The metric of this code.
    pub fn named(code: &str) -> Result<&'static Self> {
        let found = METRICS.iter().find(|metric| metric.code == code);
        found.ok_or_else(|| {
            let codes: Vec<_> = METRICS.iter().map(|metric| metric.code).collect();
            Error::invalid("metric", format!("not a known metric: write one of {}", codes.join(", ")))
        })
    }

    /// The unit in which it is kept and answered.
    pub fn unit(&self) -> &'static str {
        match self.measure {
            Measure::In(unit) => unit,
            Measure::Of(dimension) => match dimension {
                Dimension::Mass => "g",
                Dimension::Volume => "ml",
                Dimension::Energy => "kcal",
                Dimension::Length => "m",
                Dimension::Duration => "s",
                Dimension::Count => "piece",
                Dimension::Steps => "steps",
                Dimension::Serving => "serving",
                Dimension::Proportion => "%",
                Dimension::Rate => "bpm",
                Dimension::Pressure => "mmHg",
                Dimension::Temperature => "°C",
            },
        }
    }

    /// A figure in the unit of the metric, with six decimals.
    pub fn value(&self, value: Decimal, unit: Option<&str>) -> Result<Decimal> {
        let told = match (self.measure, unit) {
            (_, None) => Some(value),
            (Measure::In(own), Some(unit)) if unit == own => Some(value),
            (Measure::Of(dimension), Some(unit)) => match Unit::named(unit).filter(|unit| unit.dimension == dimension) {
                Some(unit) => unit.to_base(value),
                None => return Err(self.wrong_unit()),
            },
            (Measure::In(_), Some(_)) => return Err(self.wrong_unit()),
        };
        let told = told.ok_or_else(|| Error::invalid("value", "out of range"))?;
        input::number("value", round(told, 6), 6, Decimal::from(self.least)..=Decimal::from(self.most))
    }

    fn wrong_unit(&self) -> Error {
        let units = match self.measure {
            Measure::In(unit) => unit.to_owned(),
            Measure::Of(dimension) => Unit::codes(dimension),
        };
        Error::invalid("unit", format!("{} is told in one of {units}", self.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_in_order_with_units_that_are_known_and_bounds_that_hold_something() {
        assert!(METRICS.windows(2).all(|pair| pair[0].code < pair[1].code));
        for metric in METRICS {
            assert!(metric.least < metric.most, "{}", metric.code);
            if let Measure::Of(dimension) = metric.measure {
                let base = Unit::named(metric.unit()).expect("a unit");
                assert_eq!((base.dimension, base.to_base(Decimal::ONE)), (dimension, Some(Decimal::ONE)), "{}", metric.code);
            }
        }
    }

    #[test]
    fn figures_are_kept_in_the_unit_of_the_metric() {
        let value = |code: &str, value: &str, unit: Option<&str>| {
            let metric = Metric::named(code).expect("a metric");
            metric.value(Decimal::from_str_exact(value).expect("a literal"), unit).map(|value| value.normalize().to_string())
        };
        assert_eq!(value("active_energy", "418.4", Some("kJ")).expect("in range"), "100");
        assert_eq!(value("body_temperature", "98.6", Some("°F")).expect("in range"), "37");
        assert_eq!(value("distance", "1", Some("mi")).expect("in range"), "1609.344");
        assert_eq!(value("hrv_rmssd", "41.5", None).expect("in range"), "41.5");
        assert!(value("heart_rate", "0", None).is_err());
        assert!(value("hrv_rmssd", "41", Some("s")).is_err());
        assert!(value("steps", "41", Some("m")).is_err());
        assert!(Metric::named("luck").is_err());
    }
}
