//! The trend of a weight.

use std::sync::Arc;

use async_graphql::Object;
use service::weight_trend::{self, TrendPoint};

use super::{
    explanation::Explanation,
    scalars::{Date, Decimal},
};

/// The weight of a day with its trend: what remains when water and meals are smoothed away.
pub struct WeightTrendPoint {
    points: Arc<[TrendPoint]>,
    place: usize,
}

impl WeightTrendPoint {
    /// All of them, in the order of their days.
    pub fn all(points: Vec<TrendPoint>) -> Vec<Self> {
        let points: Arc<[TrendPoint]> = points.into();
        (0..points.len()).map(|place| Self { points: points.clone(), place }).collect()
    }

    fn point(&self) -> &TrendPoint {
        &self.points[self.place]
    }
}

/// The weight of a day with its trend: what remains when water and meals are smoothed away.
#[Object]
impl WeightTrendPoint {
    /// The day.
    async fn date(&self) -> Date {
        Date(self.point().on)
    }

    /// The mean of the day's readings, in kg.
    async fn weight(&self) -> Decimal {
        Decimal(weight_trend::shown(self.point().weight))
    }

    /// The trend, in kg: a tenth of the way to each day's weight.
    async fn trend(&self) -> Decimal {
        Decimal(weight_trend::shown(self.point().trend))
    }

    /// How the trend came about.
    async fn explain(&self) -> Option<Explanation> {
        weight_trend::explain(&self.points[..=self.place]).map(Into::into)
    }
}
