//! What people are allergic to, and warnings of it.

use std::collections::HashMap;

use async_graphql::{Context, Enum, SimpleObject, dataloader::Loader};
use entity::allergen;
use service::people;

use super::{
    error::{Error, Result},
    scope::{Rows, loaders},
};

/// What labels must name because people are allergic to it: the fourteen of Annex II of Regulation (EU) 1169/2011.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "allergen::Allergen")]
pub enum Allergen {
    /// Cereals with gluten: wheat, rye, barley, oats.
    Gluten,
    /// Prawns, crabs, lobsters.
    Crustaceans,
    /// Eggs.
    Eggs,
    /// Fish.
    Fish,
    /// Peanuts.
    Peanuts,
    /// Soybeans.
    Soybeans,
    /// Milk, lactose included.
    Milk,
    /// Almonds, hazelnuts, walnuts and other tree nuts.
    Nuts,
    /// Celery.
    Celery,
    /// Mustard.
    Mustard,
    /// Sesame seeds.
    Sesame,
    /// Sulphur dioxide and sulphites.
    Sulphites,
    /// Lupin.
    Lupin,
    /// Mussels, snails, squid.
    Molluscs,
}

/// That a food has what the viewer wants to be warned of.
#[derive(SimpleObject)]
pub struct AllergenWarning {
    /// What.
    allergen: Allergen,
    /// Whether it only may have traces of it.
    traces_only: bool,
}

/// The allergens of stored codes.
pub fn shown(codes: &[String]) -> Vec<Allergen> {
    allergen::Allergen::of_codes(codes).into_iter().map(Into::into).collect()
}

/// Allergens as the service takes them.
pub fn taken(allergens: Vec<Allergen>) -> Vec<allergen::Allergen> {
    allergens.into_iter().map(Into::into).collect()
}

/// The key of the one list of what the viewer wants to be warned of.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OfViewer;

impl Loader<OfViewer> for Rows {
    type Value = Vec<String>;
    type Error = Error;

    async fn load(&self, _: &[OfViewer]) -> Result<HashMap<OfViewer, Vec<String>>> {
        Ok([(OfViewer, people::preferences(&*self.0.read().await?).await?.allergens)].into())
    }
}

/// What the viewer must be warned of in a food with these allergens and traces.
pub async fn warnings(ctx: &Context<'_>, contains: Option<&[String]>, traces: Option<&[String]>) -> Result<Vec<AllergenWarning>> {
    let (contains, traces) = (contains.unwrap_or_default(), traces.unwrap_or_default());
    if contains.is_empty() && traces.is_empty() {
        return Ok(Vec::new());
    }
    let dreaded = loaders(ctx).load_one(OfViewer).await?.unwrap_or_default();
    let warning = |allergen: allergen::Allergen| {
        let is_in = |codes: &[String]| codes.iter().any(|code| code == allergen.code());
        (is_in(contains) || is_in(traces)).then(|| AllergenWarning { allergen: allergen.into(), traces_only: !is_in(contains) })
    };
    Ok(allergen::Allergen::of_codes(&dreaded).into_iter().filter_map(warning).collect())
}
