//! Which of several sources counts where they tell the same: each person ranks them for themselves. What loses is kept.

use entity::{
    id::{SourceRankingId, UserId},
    source_rankings::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};

use crate::{
    access::Tx,
    device_samples::Metric,
    error::{Error, Result},
    input,
};

/// The source of what a person types in.
pub const MANUAL: &str = "manual";
/// What sleep is called among the metrics.
pub const SLEEP: &str = "sleep";
/// The most sources of a ranking.
const MOST_SOURCES: usize = 50;

/// A person's rankings, by metric.
pub async fn list(tx: &Tx, person: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(person)).order_by_asc(Column::Metric).all(tx).await?)
}

/// Ranks the sources of a metric, the best first; with none they are ranked as if nobody had said anything. Days that were read
/// before are others from then on, for nothing that sources told is lost.
pub async fn set(tx: &Tx, person: Option<UserId>, metric: &str, sources: &[String]) -> Result<UserId> {
    let person = tx.viewer_or(person)?;
    if metric != SLEEP {
        Metric::named(metric)?;
    }
    if sources.len() > MOST_SOURCES {
        return Err(Error::invalid("sources", format!("at most {MOST_SOURCES} sources are ranked")));
    }
    let mut ranked = Vec::with_capacity(sources.len());
    for (position, name) in sources.iter().enumerate() {
        let name = source(&format!("sources[{position}]"), name)?;
        if ranked.contains(&name) {
            return Err(Error::invalid("sources", format!("{name} is ranked twice")));
        }
        ranked.push(name);
    }
    if ranked.is_empty() {
        Entity::delete_many().filter(Column::UserId.eq(person)).filter(Column::Metric.eq(metric)).exec(tx).await?;
        return Ok(person);
    }
    let row =
        ActiveModel { user_id: Set(person), id: Set(SourceRankingId(tx.new_id())), metric: Set(metric.to_owned()), sources: Set(ranked) };
    let replace = OnConflict::columns([Column::UserId, Column::Metric]).update_column(Column::Sources).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(person)
}

/// The name of a source.
pub(crate) fn source(field: &str, name: &str) -> Result<String> {
    input::line(field, name, 100)
}

/// Where a source stands, best first: by the person's ranking, then what they typed in, then devices by name.
pub(crate) fn rank<'a>(ranking: &[String], source: &'a str) -> (usize, bool, &'a str) {
    let position = ranking.iter().position(|ranked| ranked == source).unwrap_or(ranking.len());
    (position, source != MANUAL, source)
}
