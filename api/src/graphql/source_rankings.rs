//! Which of several sources counts where they tell the same.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{family_access::AccessType, id::UserId, source_rankings as rows};
use service::{access::Tx, source_rankings};

use super::{
    error::Result,
    scalars::{CheckOption, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// Which source counts where several tell of the same: the best first. What loses is kept, and counts again once it is ranked higher.
#[derive(SimpleObject)]
pub struct SourceRanking {
    /// sleep, or a code of `sampleMetrics`.
    metric: String,
    /// The sources, the best first. Any other comes after them: manual, which is what the person types in, then devices by name.
    sources: Vec<String>,
}

impl SourceRanking {
    /// A person's rankings.
    pub async fn of(tx: &Tx, person: UserId) -> Result<Vec<Self>> {
        let of_row = |row: rows::Model| Self { metric: row.metric, sources: row.sources };
        Ok(source_rankings::list(tx, person).await?.into_iter().map(of_row).collect())
    }
}

/// How a person ranks the sources of a metric.
#[derive(InputObject)]
pub struct SetSourceRankingInput {
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// sleep, or a code of `sampleMetrics`.
    metric: String,
    /// The sources, the best first, at most 50; an empty list forgets the ranking.
    sources: Vec<String>,
}

/// All rankings after the change.
#[derive(SimpleObject)]
pub struct SetSourceRankingPayload {
    /// All rankings, by metric.
    rankings: Vec<SourceRanking>,
}

/// Ranking sources.
#[derive(Default)]
pub struct SourceRankingsMutation;

#[Object]
impl SourceRankingsMutation {
    /// Ranks the sources of a metric. Days are others from then on, past ones too: nothing that sources told is lost.
    async fn set_source_ranking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ranking.")] input: SetSourceRankingInput,
    ) -> Option<Result<SetSourceRankingPayload>> {
        nullable(async {
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let person = source_rankings::set(&tx, person, &input.metric, &input.sources).await?;
            let rankings = SourceRanking::of(&tx, person).await?;
            scope(ctx).note_read(person, AccessType::Checkin);
            tx.commit().await?;
            Ok(SetSourceRankingPayload { rankings })
        })
        .await
    }
}
