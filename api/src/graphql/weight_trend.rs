//! The trend of a weight.

use async_graphql::Object;
use service::weight_trend::{self, TrendPoint};

use super::{
    explanation::Explanation,
    scalars::{Date, Decimal},
};

/// The weight of a day with its trend: what remains when water and meals are smoothed away.
pub struct WeightTrendPoint(pub TrendPoint);

/// The weight of a day with its trend: what remains when water and meals are smoothed away.
#[Object]
impl WeightTrendPoint {
    /// The day.
    async fn date(&self) -> Date {
        Date(self.0.on)
    }

    /// The mean of the day's readings, in kg.
    async fn weight(&self) -> Decimal {
        Decimal(weight_trend::shown(self.0.weight))
    }

    /// The trend, in kg: a tenth of the way to each day's weight.
    async fn trend(&self) -> Decimal {
        Decimal(weight_trend::shown(self.0.trend))
    }

    /// How the trend came about.
    async fn explain(&self) -> Explanation {
        weight_trend::explain(&self.0).into()
    }
}
