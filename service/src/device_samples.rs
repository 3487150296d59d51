//! What devices tell in bulk: heart rates, steps, energy and the like. Whatever a source tells is kept; a person's ranking of sources says
//! which of them a day is made of.

mod metrics;

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    device_samples::{Column, Entity, Model},
    id::UserId,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Expr, ExprTrait},
};
use serde::Serialize;

pub use self::metrics::{Fold, METRICS, Metric};
use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input,
    page::{Page, PageRequest},
    source_rankings,
};

/// The most samples that are told at once.
pub const MOST_SAMPLES: usize = 10_000;
/// The longest stretch of time that a sample is of: a day and a bit, wherever clocks are set back.
const LONGEST: TimeDelta = TimeDelta::hours(48);
/// The most days that are read at once.
const MOST_DAYS: i64 = 100;

/// A sample, as a source tells it.
#[derive(Clone, Debug)]
pub struct NewSample {
    /// How the source calls it.
    pub source_id: String,
    /// Of what: a code of [`METRICS`].
    pub metric: String,
    /// From when, or when.
    pub started_at: DateTime<Utc>,
    /// Until when; `None` of what has no length.
    pub ended_at: Option<DateTime<Utc>>,
    /// The figure.
    pub value: Decimal,
    /// Its unit; that of the metric when absent.
    pub unit: Option<String>,
    /// Where; the zone of the batch, else the person's, when absent.
    pub time_zone: Option<Tz>,
    /// A whole number that grows with each correction.
    pub revision: Decimal,
}

/// What became of samples that were told.
#[derive(Debug, Default)]
pub struct Ingested {
    /// How many are new.
    pub created: usize,
    /// How many corrected what was told before.
    pub replaced: usize,
    /// How many were known as they are, or came later than a correction.
    pub unchanged: usize,
    /// Those that cannot be, by their position. All others are kept.
    pub refused: Vec<(usize, Error)>,
}

#[derive(FromQueryResult)]
struct Written {
    created: bool,
}

/// Keeps what a source of the viewer's tells, all of it by one statement. A sample is known by its source, its metric and how the source
/// calls it: told again it is the same one, corrected where it is another now, unless it comes later than a correction. What cannot be is
/// answered by its position, and the others are kept.
pub async fn ingest(tx: &Tx, source: &str, time_zone: Option<Tz>, told: Vec<NewSample>) -> Result<Ingested> {
    let person = tx.viewer()?;
    let source = source_rankings::source("source", source)?;
    if told.len() > MOST_SAMPLES {
        return Err(Error::invalid("series", format!("at most {MOST_SAMPLES} samples are taken at once, there are {}", told.len())));
    }
    let calendar = Calendar::of(tx, person).await?;
    let mut ingested = Ingested::default();
    let count = told.len();
    // The last word of each, since one statement writes a row once.
    let mut latest: BTreeMap<(String, String), Row> = BTreeMap::new();
    for (position, sample) in told.into_iter().enumerate() {
        match Row::of(sample, &calendar, time_zone) {
            Ok(row) => {
                let known = latest.entry((row.metric.clone(), row.source_id.clone()));
                known
                    .and_modify(|known| {
                        if row.revision >= known.revision {
                            *known = row.clone()
                        }
                    })
                    .or_insert(row);
            }
            Err(error) => ingested.refused.push((position, error)),
        }
    }
    note_source(tx, person, &source).await?;
    let mut columns = Columns::default();
    latest.into_values().for_each(|row| columns.push(row));
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO device_samples AS s (user_id, source, metric, source_id, revision, started_at, ended_at, time_zone, recorded_on, value)
         SELECT $1, $2, t.* FROM unnest($3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::date[], $10::numeric[]) AS t
         ON CONFLICT (user_id, source, metric, source_id) DO UPDATE SET revision = EXCLUDED.revision, started_at = EXCLUDED.started_at,
           ended_at = EXCLUDED.ended_at, time_zone = EXCLUDED.time_zone, recorded_on = EXCLUDED.recorded_on, value = EXCLUDED.value
         WHERE EXCLUDED.revision >= s.revision AND (EXCLUDED.revision, EXCLUDED.started_at, EXCLUDED.ended_at, EXCLUDED.time_zone, EXCLUDED.value)
           IS DISTINCT FROM (s.revision, s.started_at, s.ended_at, s.time_zone, s.value)
         RETURNING s.xmax = 0 AS created",
        [
            person.0.into(),
            source.into(),
            columns.metrics.into(),
            columns.source_ids.into(),
            columns.revisions.into(),
            columns.starts.into(),
            columns.ends.into(),
            columns.zones.into(),
            columns.days.into(),
            columns.values.into(),
        ],
    );
    let written = Written::find_by_statement(statement).all(tx).await?;
    ingested.created = written.iter().filter(|row| row.created).count();
    ingested.replaced = written.len() - ingested.created;
    ingested.unchanged = count - ingested.refused.len() - written.len();
    Ok(ingested)
}

/// A sample that can be, in the unit of its metric.
#[derive(Clone)]
struct Row {
    metric: String,
    source_id: String,
    revision: i64,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    time_zone: Tz,
    recorded_on: NaiveDate,
    value: Decimal,
}

impl Row {
    fn of(sample: NewSample, calendar: &Calendar, time_zone: Option<Tz>) -> Result<Self> {
        let metric = Metric::named(&sample.metric)?;
        let source_id = input::line("id", &sample.source_id, 200)?;
        let revision = Some(sample.revision).filter(|revision| revision.fract().is_zero()).and_then(|revision| revision.to_i64());
        let revision = revision.ok_or_else(|| Error::invalid("revision", "must be a whole number of 64 bits"))?;
        let ended_at = sample.ended_at.unwrap_or(sample.started_at);
        let length = ended_at - sample.started_at;
        if !(TimeDelta::zero()..=LONGEST).contains(&length) {
            return Err(Error::invalid("until", "must not be before at, and at most 48 hours after it"));
        }
        let time_zone = sample.time_zone.or(time_zone).unwrap_or(calendar.time_zone);
        // What lasts a whole day is of that day, whenever the person's days start, and what lasts over midnight of where most of it was.
        let middle = calendar.moment("at", Some(sample.started_at + length / 2), Some(time_zone), ended_at)?;
        Ok(Self {
            metric: metric.code.to_owned(),
            source_id,
            revision,
            started_at: sample.started_at,
            ended_at,
            time_zone,
            recorded_on: middle.on,
            value: metric.value(sample.value, sample.unit.as_deref())?,
        })
    }
}

/// Rows, column by column.
#[derive(Default)]
struct Columns {
    metrics: Vec<String>,
    source_ids: Vec<String>,
    revisions: Vec<i64>,
    starts: Vec<DateTime<Utc>>,
    ends: Vec<DateTime<Utc>>,
    zones: Vec<String>,
    days: Vec<NaiveDate>,
    values: Vec<Decimal>,
}

impl Columns {
    fn push(&mut self, row: Row) {
        self.metrics.push(row.metric);
        self.source_ids.push(row.source_id);
        self.revisions.push(row.revision);
        self.starts.push(row.started_at);
        self.ends.push(row.ended_at);
        self.zones.push(row.time_zone.name().to_owned());
        self.days.push(row.recorded_on);
        self.values.push(row.value);
    }
}

/// Notes when a source was heard of last. Two batches of one source follow each other.
async fn note_source(tx: &Tx, person: UserId, source: &str) -> Result<()> {
    tx.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "INSERT INTO device_sources (user_id, id, name, last_received_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id, name) DO UPDATE SET last_received_at = EXCLUDED.last_received_at",
        [person.0.into(), tx.new_id().into(), source.into(), tx.now().into()],
    ))
    .await?;
    Ok(())
}

/// A source, and what it tells.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct Source {
    /// What it is called.
    pub name: String,
    /// When it was heard of last.
    pub last_received_at: DateTime<Utc>,
    /// What it told, by code.
    pub metrics: Vec<String>,
}

/// A person's sources, by name. The index is asked once for each source and metric, however many samples there are.
pub async fn sources(tx: &Tx, person: UserId) -> Result<Vec<Source>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "WITH RECURSIVE told AS (
           (SELECT source, metric FROM device_samples WHERE user_id = $1 ORDER BY source, metric LIMIT 1)
           UNION ALL
           SELECT n.* FROM told CROSS JOIN LATERAL (
             SELECT source, metric FROM device_samples s WHERE user_id = $1 AND (s.source, s.metric) > (told.source, told.metric)
             ORDER BY source, metric LIMIT 1) n)
         SELECT d.name, d.last_received_at, ARRAY(SELECT metric FROM told WHERE told.source = d.name ORDER BY metric) AS metrics
         FROM device_sources d WHERE d.user_id = $1 ORDER BY d.name",
        [person.0.into()],
    );
    Ok(Source::find_by_statement(statement).all(tx).await?)
}

/// Takes away what a source told of a metric, or all that it told. Answers how much that was.
pub async fn delete_of_source(tx: &Tx, source: &str, metric: Option<&str>) -> Result<u64> {
    let person = tx.viewer()?;
    let mut samples = Entity::delete_many().filter(Column::UserId.eq(person)).filter(Column::Source.eq(source));
    if let Some(metric) = metric {
        samples = samples.filter(Column::Metric.eq(Metric::named(metric)?.code));
    }
    let deleted = samples.exec(tx).await?.rows_affected;
    let source_row = match metric {
        Some(_) => "UPDATE device_sources SET last_received_at = last_received_at WHERE user_id = $1 AND name = $2",
        None => "DELETE FROM device_sources WHERE user_id = $1 AND name = $2",
    };
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, source_row, [person.0.into(), source.into()]);
    if tx.execute_raw(statement).await?.rows_affected() == 0 {
        return Err(Error::NotFound("source"));
    }
    Ok(deleted)
}

/// Which samples are listed.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Whose.
    pub person: UserId,
    /// Of what.
    pub metric: String,
    /// Of this source alone.
    pub source: Option<String>,
    /// From this day on.
    pub from: Option<NaiveDate>,
    /// Up to this day.
    pub to: Option<NaiveDate>,
}

/// Samples of a metric as they were told, newest day first, those that count and those that do not.
pub async fn list(tx: &Tx, filter: &Filter, page: &PageRequest) -> Result<Page<Model>> {
    let metric = Metric::named(&filter.metric)?;
    let mut rows = Entity::find().filter(Column::UserId.eq(filter.person)).filter(Column::Metric.eq(metric.code));
    if let Some(from) = filter.from {
        rows = rows.filter(Column::RecordedOn.gte(day::checked("from", from)?));
    }
    if let Some(to) = filter.to {
        rows = rows.filter(Column::RecordedOn.lte(day::checked("to", to)?));
    }
    if let Some(source) = &filter.source {
        rows = rows.filter(Column::Source.eq(source));
    }
    if let Some((on, at, source, id)) = page.key::<(NaiveDate, DateTime<Utc>, String, String)>(&("samples", filter))? {
        let key = [Column::RecordedOn, Column::StartedAt, Column::Source, Column::SourceId].map(Expr::col);
        let last = [Expr::value(on), Expr::value(at), Expr::value(source), Expr::value(id)];
        rows = rows.filter(Expr::tuple(key).lt(Expr::tuple(last)));
    }
    for column in [Column::RecordedOn, Column::StartedAt, Column::Source, Column::SourceId] {
        rows = rows.order_by_desc(column);
    }
    let rows = rows.limit(page.limit()?).all(tx).await?;
    page.page(&("samples", filter), rows, |row| (row.recorded_on, row.started_at, row.source.clone(), row.source_id.clone()))
}

/// What a source told of a metric on a day.
#[derive(Clone, Debug, PartialEq, FromQueryResult)]
pub struct SourceDay {
    recorded_on: NaiveDate,
    /// Which source.
    pub source: String,
    /// How many samples.
    pub samples: i64,
    /// What the day would come to by this source alone.
    pub value: Decimal,
    /// How much of the day's value is of this source.
    pub counted: Decimal,
    /// The least figure.
    pub least: Decimal,
    /// The greatest figure.
    pub greatest: Decimal,
}

/// What a day comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleDay {
    /// The day.
    pub date: NaiveDate,
    /// What counts; `None` where no source told anything.
    pub value: Option<Decimal>,
    /// What each source told, the one that counts most first.
    pub sources: Vec<SourceDay>,
}

/// What a metric comes to on each of a person's days from `from` to `to`, by one statement. Of sums each minute is that of the source that
/// is ranked highest among those that told of it, and others fill the gaps; anything else is of the source that is ranked highest among
/// those that told something on that day.
pub async fn between(tx: &Tx, person: UserId, metric: &Metric, from: NaiveDate, to: NaiveDate) -> Result<Vec<SampleDay>> {
    let (from, to) = day::range(from, to, MOST_DAYS)?;
    let sql = match metric.fold {
        Fold::Sum => SUMS.to_owned(),
        Fold::Mean => folded("avg(value)"),
        Fold::Least => folded("min(value)"),
        Fold::Last => folded("(array_agg(value ORDER BY started_at DESC, source_id DESC))[1]"),
    };
    let values = [person.0.into(), metric.code.into(), from.into(), to.into()];
    let mut days: HashMap<NaiveDate, Vec<SourceDay>> = HashMap::new();
    for told in SourceDay::find_by_statement(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).all(tx).await? {
        days.entry(told.recorded_on).or_default().push(told);
    }
    let day = |date| {
        let sources = days.remove(&date).unwrap_or_default();
        let value = (!sources.is_empty()).then(|| sources.iter().map(|source| source.counted).sum());
        SampleDay { date, value, sources }
    };
    Ok(from.iter_days().take_while(|date| *date <= to).map(day).collect())
}

/// Where a source stands: by the person's ranking of the metric, then by name.
const RANKED: &str =
    "coalesce(array_position((SELECT sources FROM source_rankings WHERE user_id = $1 AND metric = $2), source), 1000) AS rank";

fn folded(value: &str) -> String {
    format!(
        "WITH told AS (
           SELECT recorded_on, source, {RANKED}, count(*) AS samples, round({value}, 6) AS value, min(value) AS least, max(value) AS greatest
           FROM device_samples WHERE user_id = $1 AND metric = $2 AND recorded_on BETWEEN $3 AND $4 GROUP BY recorded_on, source)
         SELECT recorded_on, source, samples, value, least, greatest,
           CASE row_number() OVER (PARTITION BY recorded_on ORDER BY rank, source COLLATE \"C\") WHEN 1 THEN value ELSE 0 END AS counted
         FROM told ORDER BY recorded_on, rank, source COLLATE \"C\""
    )
}

/// A sample is spread evenly over its time. Of the samples of one source that overlap, the time of one that began earlier is not counted
/// again, nor of two that began together that of the shorter one: the longer one holds what it tells. Of what is left of a sample, the time
/// that sources ranked higher told of counts for them; what they told over midnight is of both days here.
const SUMS: &str = "
WITH told AS (
  SELECT *, coalesce(array_position((SELECT sources FROM source_rankings WHERE user_id = $1 AND metric = $2), source), 1000) AS rank,
    max(ended_at) OVER (PARTITION BY source ORDER BY started_at, ended_at DESC, source_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered
  FROM device_samples WHERE user_id = $1 AND metric = $2 AND recorded_on BETWEEN $3::date - 1 AND $4::date + 1),
own AS (
  SELECT recorded_on, source, rank, value, started_at, ended_at, greatest(started_at, covered) AS since,
    extract(epoch FROM ended_at - started_at) AS length, covered IS NULL OR covered <= started_at AS uncovered
  FROM told),
shared AS MATERIALIZED (
  SELECT recorded_on AS day, min(started_at) AS since, max(ended_at) AS until FROM own GROUP BY recorded_on
  HAVING (SELECT min(source) < max(source) FROM own)),
times AS MATERIALIZED (
  SELECT day, source, rank, range_agg(tstzrange(started_at, ended_at)) AS time FROM (
    SELECT d.day, o.source, o.rank, o.started_at, o.ended_at FROM shared d JOIN own o ON o.recorded_on = d.day
    UNION ALL SELECT d.day, o.source, o.rank, o.started_at, o.ended_at FROM shared d JOIN own o ON o.recorded_on = d.day - 1 AND o.ended_at > d.since
    UNION ALL SELECT d.day, o.source, o.rank, o.started_at, o.ended_at FROM shared d JOIN own o ON o.recorded_on = d.day + 1 AND o.started_at < d.until) t
  WHERE started_at < ended_at GROUP BY day, source, rank),
better AS MATERIALIZED (
  SELECT r.recorded_on, r.source, (SELECT range_agg(t.time) FROM times t
    WHERE t.day = r.recorded_on AND (t.rank, t.source COLLATE \"C\") < (r.rank, r.source COLLATE \"C\")) AS time
  FROM (SELECT DISTINCT recorded_on, source, rank FROM own) r),
counted AS (
  SELECT o.recorded_on, o.source, o.rank, o.value AS told,
    CASE WHEN length = 0 THEN CASE WHEN uncovered THEN value ELSE 0 END
         ELSE value * greatest(extract(epoch FROM ended_at - since), 0) / length END AS value,
    CASE WHEN length = 0 THEN CASE WHEN uncovered AND NOT coalesce(b.time @> started_at, false) THEN value ELSE 0 END
         WHEN since >= ended_at THEN 0
         WHEN b.time IS NULL THEN value * extract(epoch FROM ended_at - since) / length
         ELSE value * (SELECT coalesce(sum(extract(epoch FROM upper(left_over) - lower(left_over))), 0)
                       FROM unnest(tstzmultirange(tstzrange(since, ended_at)) - b.time) left_over) / length END AS counted
  FROM own o JOIN better b USING (recorded_on, source))
SELECT recorded_on, source, count(*) AS samples, round(sum(value), 6) AS value, round(sum(counted), 6) AS counted, min(told) AS least,
  max(told) AS greatest
FROM counted WHERE recorded_on BETWEEN $3 AND $4 GROUP BY recorded_on, source, rank ORDER BY recorded_on, rank, source COLLATE \"C\"";
