//! What devices tell in bulk.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{device_samples as rows, id::UserId};
use service::{
    access::Tx,
    day,
    device_samples::{self, Fold, METRICS, Metric, NewSample},
    error::Error as ServiceError,
};

use super::{
    error::{Error, Result},
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked},
    scope::{nullable, scope},
};

/// How a day is made of several samples.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Fold")]
pub enum SampleFold {
    /// Their sum. Each minute is that of the source that is ranked highest among those that told of it, and others fill the gaps.
    Sum,
    /// The mean of those of the source that is ranked highest.
    Mean,
    /// The least of those of the source that is ranked highest.
    Least,
    /// The last of those of the source that is ranked highest.
    Last,
}

/// What devices tell of.
#[derive(SimpleObject)]
pub struct SampleMetric {
    /// What it is called.
    code: &'static str,
    /// The unit in which it is kept and answered.
    unit: &'static str,
    /// The least figure of a sample, in that unit.
    minimum: i32,
    /// The greatest figure of a sample, in that unit.
    maximum: i32,
    /// How a day is made of several.
    fold: SampleFold,
}

impl From<&Metric> for SampleMetric {
    fn from(metric: &Metric) -> Self {
        Self { code: metric.code, unit: metric.unit(), minimum: metric.least, maximum: metric.most, fold: metric.fold.into() }
    }
}

/// Something a device told, as it told it.
#[derive(Clone)]
pub struct Sample(pub rows::Model);

/// Something a device told, as it told it.
#[Object]
impl Sample {
    /// The device or app that told it.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// How the source calls it.
    async fn source_id(&self) -> &str {
        &self.0.source_id
    }

    /// What it is of.
    async fn metric(&self) -> &str {
        &self.0.metric
    }

    /// From when, or when.
    async fn at(&self) -> DateTime {
        DateTime(self.0.started_at)
    }

    /// Until when; null of what has no length.
    async fn until(&self) -> Option<DateTime> {
        (self.0.ended_at > self.0.started_at).then_some(DateTime(self.0.ended_at))
    }

    /// The figure, in the unit of the metric.
    async fn value(&self) -> Decimal {
        Decimal(self.0.value)
    }

    /// The zone it happened in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.time_zone)?))
    }

    /// The person's day that holds its middle, fixed when it was told.
    async fn date(&self) -> Date {
        Date(self.0.recorded_on)
    }
}

/// What a source told of a metric on a day.
#[derive(SimpleObject)]
pub struct SampleSourceDay {
    /// Which source.
    source: String,
    /// How many samples.
    samples: i32,
    /// What the day would come to by this source alone.
    value: Decimal,
    /// How much of the day's value is of this source: 0 of one that does not count.
    counted: Decimal,
    /// The least figure.
    minimum: Decimal,
    /// The greatest figure.
    maximum: Decimal,
}

/// What a metric comes to on a day.
#[derive(SimpleObject)]
pub struct SampleDay {
    /// The day, as the zone where it happened and the person's start of day cut it.
    date: Date,
    /// What it comes to, in the unit of the metric; null where no source told anything.
    value: Option<Decimal>,
    /// What each source told, the one that is ranked highest first. What does not count is kept.
    sources: Vec<SampleSourceDay>,
}

impl SampleDay {
    /// The days from `from` to `to`, read by one statement.
    pub async fn between(tx: &Tx, person: UserId, metric: &str, from: NaiveDate, to: NaiveDate) -> Result<Vec<Self>> {
        let source = |source: device_samples::SourceDay| SampleSourceDay {
            source: source.source,
            samples: i32::try_from(source.samples).unwrap_or(i32::MAX),
            value: Decimal(source.value),
            counted: Decimal(source.counted),
            minimum: Decimal(source.least),
            maximum: Decimal(source.greatest),
        };
        let day = |day: device_samples::SampleDay| Self {
            date: Date(day.date),
            value: day.value.map(Decimal),
            sources: day.sources.into_iter().map(source).collect(),
        };
        Ok(device_samples::between(tx, person, Metric::named(metric)?, from, to).await?.into_iter().map(day).collect())
    }
}

/// A device or app that told samples.
#[derive(SimpleObject)]
pub struct SampleSource {
    /// What it is called.
    name: String,
    /// When it was heard of last.
    last_received_at: DateTime,
    /// What it told of, by code.
    metrics: Vec<String>,
}

impl SampleSource {
    /// A person's sources.
    pub async fn of(tx: &Tx, person: UserId) -> Result<Vec<Self>> {
        let shown = |source: device_samples::Source| Self {
            name: source.name,
            last_received_at: DateTime(source.last_received_at),
            metrics: source.metrics,
        };
        Ok(device_samples::sources(tx, person).await?.into_iter().map(shown).collect())
    }
}

/// A sample of a series.
#[derive(InputObject)]
pub struct SampleInput {
    /// How the source calls it, at most 200 characters. Told again it is the same sample of that metric, corrected where it is another now.
    id: String,
    /// From when, or when.
    at: Unchecked<DateTime>,
    /// Until when, at most 48 hours later; left out of what has no length.
    until: Option<Unchecked<DateTime>>,
    /// The figure.
    value: Unchecked<Decimal>,
    /// A whole number that grows with each correction, such as how many there were, or milliseconds; 0 when absent. What comes later with a
    /// smaller one changes nothing. With the same one, the last one told counts.
    revision: Option<Unchecked<Decimal>>,
    /// Where; that of the batch when absent.
    time_zone: Option<Unchecked<TimeZone>>,
}

/// Samples of one metric.
#[derive(InputObject)]
pub struct SampleSeriesInput {
    /// A code of `sampleMetrics`.
    metric: String,
    /// The unit of the figures; that of the metric when absent.
    unit: Option<String>,
    /// The samples.
    samples: Vec<SampleInput>,
}

/// What a device or app tells.
#[derive(InputObject)]
pub struct IngestSamplesInput {
    /// The device or app, at most 100 characters.
    source: String,
    /// Where; the person's zone when absent. A sample may say otherwise.
    time_zone: Option<Unchecked<TimeZone>>,
    /// The samples by metric, at most 10000 in all. They travel in variables: with a valid token a request may have 2 MiB.
    series: Vec<SampleSeriesInput>,
}

impl SampleSeriesInput {
    fn told(self) -> impl Iterator<Item = (String, Result<NewSample>)> {
        let Self { metric, unit, samples } = self;
        samples.into_iter().map(move |sample| (sample.id.clone(), told(&metric, unit.as_deref(), sample)))
    }
}

fn told(metric: &str, unit: Option<&str>, sample: SampleInput) -> Result<NewSample> {
    Ok(NewSample {
        source_id: sample.id,
        metric: metric.to_owned(),
        started_at: sample.at.check("at")?.0,
        ended_at: sample.until.check("until")?.map(|at| at.0),
        value: sample.value.check("value")?.0,
        unit: unit.map(str::to_owned),
        time_zone: sample.time_zone.check("timeZone")?.map(|zone| zone.0),
        revision: sample.revision.check("revision")?.map_or(rust_decimal::Decimal::ZERO, |revision| revision.0),
    })
}

/// A sample that cannot be.
#[derive(SimpleObject)]
pub struct RefusedSample {
    /// The position of its series, from 0.
    series: i32,
    /// Its position in the series, from 0.
    index: i32,
    /// How the source calls it.
    id: String,
    /// The code of the error, such as BAD_USER_INPUT.
    code: &'static str,
    /// What is wrong with it: a field of the sample, or `metric` or `unit` of the series.
    field: Option<String>,
    /// What is wrong and what would be right.
    message: String,
}

/// What became of the samples.
#[derive(SimpleObject)]
pub struct IngestSamplesPayload {
    /// How many are new.
    created: i32,
    /// How many corrected what was told before.
    replaced: i32,
    /// How many were known as they are, or came later than a correction.
    unchanged: i32,
    /// Those that cannot be. All others are kept.
    refused: Vec<RefusedSample>,
}

/// What is to be forgotten.
#[derive(InputObject)]
pub struct DeleteSamplesOfSourceInput {
    /// The device or app.
    source: String,
    /// This metric alone; all that it told when absent.
    metric: Option<String>,
}

/// What was forgotten, and the sources that are left.
#[derive(SimpleObject)]
pub struct DeleteSamplesOfSourcePayload {
    /// How many samples.
    deleted_count: i32,
    /// All sources that are left.
    sources: Vec<SampleSource>,
}

/// What devices tell of.
#[derive(Default)]
pub struct DeviceSamplesQuery;

#[Object]
impl DeviceSamplesQuery {
    /// The metrics that devices tell of, by code.
    async fn sample_metrics(&self, ctx: &Context<'_>) -> Option<Result<Vec<SampleMetric>>> {
        nullable(async {
            // Whoever is signed in, which the database knows.
            scope(ctx).read().await?;
            Ok(METRICS.iter().map(SampleMetric::from).collect())
        })
        .await
    }
}

/// Telling samples.
#[derive(Default)]
pub struct DeviceSamplesMutation;

#[Object]
impl DeviceSamplesMutation {
    /// Keeps what a device of the viewer's tells. It may be told any number of times. What cannot be is listed, and all others are kept.
    async fn ingest_samples(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The samples.")] input: IngestSamplesInput,
    ) -> Option<Result<IngestSamplesPayload>> {
        nullable(async {
            let time_zone = input.time_zone.check("timeZone")?.map(|zone| zone.0);
            let (mut names, mut told) = (Vec::new(), Vec::new());
            let mut misread = Vec::new();
            for (series, of_series) in input.series.into_iter().enumerate() {
                for (index, (id, sample)) in of_series.told().enumerate() {
                    match sample {
                        Ok(sample) => {
                            names.push((series, index, id));
                            told.push(sample);
                        }
                        Err(error) => misread.push(refused((series, index, id), error)),
                    }
                }
            }
            if told.len() + misread.len() > device_samples::MOST_SAMPLES {
                let message = format!("at most {} samples are taken at once", device_samples::MOST_SAMPLES);
                return Err(ServiceError::invalid("series", message).into());
            }
            let tx = scope(ctx).write().await?;
            let ingested = device_samples::ingest(&tx, &input.source, time_zone, told).await?;
            tx.commit().await?;
            let unfit = ingested.refused.into_iter().map(|(position, error)| refused(names[position].clone(), error.into()));
            let mut all: Vec<_> = misread.into_iter().chain(unfit).collect();
            all.sort_by_key(|refused| (refused.series, refused.index));
            Ok(IngestSamplesPayload {
                created: count(ingested.created),
                replaced: count(ingested.replaced),
                unchanged: count(ingested.unchanged),
                refused: all,
            })
        })
        .await
    }

    /// Forgets what a device of the viewer's told, for good.
    async fn delete_samples_of_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which source.")] input: DeleteSamplesOfSourceInput,
    ) -> Option<Result<DeleteSamplesOfSourcePayload>> {
        nullable(async {
            let tx = scope(ctx).write().await?;
            let deleted = device_samples::delete_of_source(&tx, &input.source, input.metric.as_deref()).await?;
            let sources = SampleSource::of(&tx, tx.viewer()?).await?;
            tx.commit().await?;
            Ok(DeleteSamplesOfSourcePayload { deleted_count: i32::try_from(deleted).unwrap_or(i32::MAX), sources })
        })
        .await
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn refused((series, index, id): (usize, usize, String), error: Error) -> RefusedSample {
    RefusedSample {
        series: count(series),
        index: count(index),
        id,
        code: error.code(),
        field: error.field().map(str::to_owned),
        message: error.message().to_owned(),
    }
}
