//! Searching foods: one ranked list over one's own, those of relatives and the catalogue.

use entity::id::FoodId;
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};
use serde::Serialize;

use crate::{
    access::Tx,
    barcode,
    error::Result,
    foods::{self, Food},
    input,
    page::{Page, PageRequest},
};

/// Whose foods are looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// The viewer's.
    Own,
    /// Those that relatives share.
    Family,
    /// The shared catalogue's.
    Catalogue,
}

/// Which foods are wanted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Filter {
    /// Whose; everybody's when empty.
    pub whose: Vec<Whose>,
    /// Only the viewer's favourites.
    pub favourites: bool,
    /// Only from these sources; from all when empty.
    pub sources: Vec<String>,
    /// Only those with a barcode.
    pub with_barcode: bool,
}

#[derive(FromQueryResult)]
struct Found {
    id: FoodId,
    rank: Decimal,
}

/// The foods that the viewer ate most in 90 days, which rank higher for it. The index knows dates, which begin earlier in some zones.
const FAMILIAR: &str = "
    SELECT f.food_item_id AS id, count(*)::int AS uses FROM food_diary f
    WHERE f.user_id = $9 AND f.deleted_at IS NULL AND f.status = 'eaten' AND f.food_item_id IS NOT NULL
      AND f.consumed_on > $10::timestamptz::date - 92 AND f.consumed_at > $10::timestamptz - interval '90 days'
    GROUP BY f.food_item_id ORDER BY count(*) DESC, f.food_item_id LIMIT 200";

/// Foods whose name or brand holds every word of `words`, or whose barcode it is, best first: spelling mistakes are forgiven, and what
/// the viewer owns and eats comes first.
pub async fn search(tx: &Tx, words: &str, filter: &Filter, page: &PageRequest) -> Result<Page<Food>> {
    let words = input::line("search", words, 200)?;
    let sources = filter.sources.iter().map(|source| input::line("filter.sources", source, 50)).collect::<Result<Vec<_>>>()?;
    let viewer = tx.viewer()?;
    let listed = ("foods", &words, filter);
    let after: Option<(Decimal, FoodId)> = page.key(&listed)?;
    let whose = if filter.whose.is_empty() { &[Whose::Own, Whose::Family, Whose::Catalogue] } else { filter.whose.as_slice() };
    let whose: Vec<String> = whose.iter().map(|whose| format!("{whose:?}").to_lowercase()).collect();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "WITH familiar AS ({FAMILIAR})
             SELECT id, rank FROM search.foods($1, $2, $3, $4, $5, CASE WHEN $6 THEN ARRAY(SELECT food_id FROM favourite_foods WHERE user_id = $9) END,
               ARRAY(SELECT id FROM familiar), ARRAY(SELECT uses FROM familiar), $7, $8, $11)"
        ),
        [
            words.as_str().into(),
            barcode::gtin14("search", &words).ok().into(),
            whose.into(),
            Some(sources).filter(|sources| !sources.is_empty()).into(),
            filter.with_barcode.into(),
            filter.favourites.into(),
            i32::try_from(page.limit()?).unwrap_or(i32::MAX).into(),
            after.map(|(rank, _)| rank).into(),
            viewer.0.into(),
            tx.now().into(),
            after.map(|(_, id)| id.0).into(),
        ],
    );
    let found = Found::find_by_statement(statement).all(tx).await?;
    let found = page.page(&listed, found, |found| (found.rank, found.id))?;
    let foods = foods::by_ids(tx, &found.items.iter().map(|(_, found)| found.id).collect::<Vec<_>>()).await?;
    let ranked =
        found.items.into_iter().filter_map(|(cursor, found)| Some((cursor, foods.iter().find(|food| food.id == found.id)?.clone())));
    Ok(Page { items: ranked.collect(), has_next: found.has_next })
}
