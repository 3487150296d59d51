//! Foods: the one with an id or a barcode, and one's own.

use std::collections::BTreeMap;

use entity::{
    allergen::Allergen,
    food_items, food_portions,
    id::{FoodId, UserId},
    nutrition_data::{self, Basis, CarbohydrateBasis},
    unit::{Dimension, Unit},
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromJsonQueryResult, FromQueryResult, JsonValue, QueryFilter, QuerySelect,
    Statement, TryInsertResult,
    prelude::DateTimeUtc,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Tx,
    barcode,
    error::{Error, Result},
    food_amounts, input, nutrients,
    nutrition::{Headline, Nutrition},
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, elsewhere, group, written},
        merge::{Refused, Row},
    },
};

/// A food with the nutrition that holds now and its portions.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Food {
    /// Identifies the food.
    pub id: FoodId,
    /// Whose; nobody's in the shared catalogue.
    pub owner_id: Option<UserId>,
    /// Name.
    pub name: String,
    /// Brand.
    pub brand: Option<String>,
    /// GTIN-14.
    pub barcode: Option<String>,
    /// g per ml.
    pub density: Option<Decimal>,
    /// Codes of allergens that it contains; `None` when nobody said.
    pub allergens: Option<Vec<String>>,
    /// Codes of those that it may contain though it should not.
    pub traces: Option<Vec<String>>,
    /// Where it comes from.
    pub source: String,
    /// Its id there.
    pub source_id: Option<String>,
    /// Which version of its nutrition this is.
    pub nutrition_version: i32,
    /// What `nutrition` is per.
    pub serving_size: Decimal,
    /// Unit of `serving_size`.
    pub serving_unit: String,
    /// What a serving contains.
    #[sea_orm(nested)]
    pub nutrition: Nutrition,
    /// How that came to be known.
    #[sea_orm(nested)]
    pub provenance: Provenance,
    /// Named amounts.
    pub portions: Portions,
    /// SHA-256 of the input that created it.
    pub created_from: Option<Vec<u8>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTimeUtc>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// How a version of a food's nutrition came to be known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, FromQueryResult)]
pub struct Provenance {
    /// From what.
    pub basis: Basis,
    /// The terms of the source, an SPDX identifier where there is one.
    pub licence: Option<String>,
    /// When it was taken over from the source. No part of a creation's fingerprint: fetching again repeats the creation.
    #[serde(skip)]
    pub fetched_at: Option<DateTimeUtc>,
    /// What carbohydrates include, where somebody said.
    pub carbohydrate_basis: Option<CarbohydrateBasis>,
}

/// What is to change of a version's provenance: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct ProvenanceChange {
    /// From what.
    pub basis: Option<Basis>,
    /// The terms of the source.
    pub licence: Option<Option<String>>,
    /// When it was taken over from the source.
    pub fetched_at: Option<Option<DateTimeUtc>>,
    /// What carbohydrates include.
    pub carbohydrate_basis: Option<Option<CarbohydrateBasis>>,
}

/// What else its owner says of a food.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Details {
    /// g per ml.
    pub density: Option<Decimal>,
    /// What it contains; `None` when nobody said.
    #[serde(serialize_with = "allergen_codes")]
    pub allergens: Option<Vec<Allergen>>,
    /// What it may contain though it should not.
    #[serde(serialize_with = "allergen_codes")]
    pub traces: Option<Vec<Allergen>>,
}

/// What is to change of that: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct DetailsChange {
    /// g per ml.
    pub density: Option<Option<Decimal>>,
    /// What it contains.
    pub allergens: Option<Option<Vec<Allergen>>>,
    /// What it may contain though it should not.
    pub traces: Option<Option<Vec<Allergen>>>,
}

/// Where a food was taken over from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Source {
    /// Whose: open-food-facts, csv, …
    pub name: String,
    /// The food's id there.
    pub id: Option<String>,
}

/// A named amount of a food: "slice" = 28 g.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Portion {
    /// What it is called.
    pub name: String,
    /// How much it is.
    pub amount: Decimal,
    /// Unit of `amount`.
    pub unit: String,
}

/// The portions of a food, read as one JSON column of the statement that reads the food.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, FromJsonQueryResult)]
pub struct Portions(pub Vec<Portion>);

/// A food as its owner describes it.
#[derive(Clone, Debug, Serialize)]
pub struct NewFood {
    /// Made by the client, or by the server.
    pub id: Option<FoodId>,
    /// Name.
    pub name: String,
    /// Brand.
    pub brand: Option<String>,
    /// GTIN-8, -12, -13, -14 or UPC-E.
    pub barcode: Option<String>,
    /// What `nutrition` is per.
    pub serving_size: Decimal,
    /// Unit of `serving_size`.
    pub serving_unit: String,
    /// What a serving contains.
    pub nutrition: Headline,
    /// Named amounts.
    pub portions: Vec<Portion>,
    /// How the nutrition is known.
    #[serde(skip_serializing_if = "Provenance::is_unstated")]
    pub provenance: Provenance,
    /// What else there is to say of it.
    #[serde(skip_serializing_if = "Details::are_unstated")]
    pub details: Details,
    /// Where it was taken over from; `None` when its owner described it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// What is to change of a food: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct FoodChange {
    /// Name.
    pub name: Option<String>,
    /// Brand.
    pub brand: Option<Option<String>>,
    /// Barcode.
    pub barcode: Option<Option<String>>,
    /// What nutrition is per.
    pub serving_size: Option<Decimal>,
    /// Unit of `serving_size`.
    pub serving_unit: Option<String>,
    /// Replaces all headline nutrients, and the further ones if it says something of them.
    pub nutrition: Option<Headline>,
    /// How the nutrition is known.
    pub provenance: ProvenanceChange,
    /// What else there is to say of it.
    pub details: DetailsChange,
    /// Replaces all portions.
    pub portions: Option<Vec<Portion>>,
    /// Refuse when the food is at another version.
    pub expected_version: Option<i32>,
}

/// How many portions a food has at most.
pub(crate) const MOST_PORTIONS: usize = 50;

const SELECT: &str = "
    SELECT f.id, f.owner_id, f.name, f.brand, f.barcode, f.density, f.allergens, f.traces, f.source, f.source_id, n.nutrition_version, f.created_from, f.deleted_at, f.version,
      n.serving_size, n.serving_unit, n.calories, n.protein, n.carbohydrates, n.fat, n.fiber, n.sugar, n.sodium, n.nutrients,
      n.basis, n.licence, n.fetched_at, n.carbohydrate_basis,
      coalesce((SELECT jsonb_agg(jsonb_build_object('name', p.name, 'amount', p.amount::text, 'unit', p.unit) ORDER BY p.position)
                FROM food_portions p WHERE p.food_item_id = f.id), '[]') AS portions
    FROM food_items f JOIN nutrition_data n ON n.food_item_id = f.id";

const CURRENT: &str = "n.nutrition_version = f.nutrition_version AND f.deleted_at IS NULL";

/// The foods of these ids that the viewer may see, in any order.
pub async fn by_ids(tx: &Tx, ids: &[FoodId]) -> Result<Vec<Food>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, format!("{SELECT} WHERE f.id = ANY ($1) AND {CURRENT}"), [ids.into()]);
    Ok(Food::find_by_statement(statement).all(tx).await?)
}

/// The food of this id, if the viewer may see it.
pub async fn find(tx: &Tx, id: FoodId) -> Result<Option<Food>> {
    Ok(by_ids(tx, &[id]).await?.pop())
}

/// The food that a reference means.
pub(crate) async fn meant(tx: &Tx, id: FoodId) -> Result<Option<Food>> {
    Ok(by_references(tx, &[id]).await?.pop().map(|(_, food)| food))
}

/// The foods that references mean, by reference: a duplicate that was merged means the food that was kept.
pub async fn by_references(tx: &Tx, ids: &[FoodId]) -> Result<Vec<(FoodId, Food)>> {
    let foods = by_ids(tx, ids).await?;
    let gone: Vec<_> = ids.iter().filter(|id| !foods.iter().any(|food| food.id == **id)).copied().collect();
    let mut meant: Vec<_> = foods.into_iter().map(|food| (food.id, food)).collect();
    if gone.is_empty() {
        return Ok(meant);
    }
    let merged = food_items::Entity::find()
        .filter(food_items::Column::Id.is_in(gone))
        .filter(food_items::Column::MergedInto.is_not_null())
        .all(tx)
        .await?;
    let kept: Vec<_> = merged.iter().filter_map(|row| row.merged_into).collect();
    let kept = by_ids(tx, &kept).await?;
    let of = |row: &food_items::Model| Some((row.id, kept.iter().find(|food| Some(food.id) == row.merged_into)?.clone()));
    meant.extend(merged.iter().filter_map(of));
    Ok(meant)
}

/// The food with the nutrition that held in an earlier version, though it may be deleted by now: what an entry was logged with.
pub(crate) async fn in_version(tx: &Tx, id: FoodId, nutrition_version: i32) -> Result<Option<Food>> {
    Ok(in_versions(tx, &[(id, nutrition_version)]).await?.pop())
}

/// Foods with the nutrition that held in earlier versions.
pub(crate) async fn in_versions(tx: &Tx, versions: &[(FoodId, i32)]) -> Result<Vec<Food>> {
    let (ids, versions): (Vec<_>, Vec<_>) = versions.iter().map(|(id, version)| (id.0, *version)).unzip();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "{SELECT} JOIN (SELECT DISTINCT * FROM unnest($1::uuid[], $2::int[]) AS w (id, version)) w ON w.id = f.id AND w.version = n.nutrition_version"
        ),
        [ids.into(), versions.into()],
    );
    Ok(Food::find_by_statement(statement).all(tx).await?)
}

/// The food with this barcode: one's own before a relative's before the catalogue's. That of a duplicate means the food that was kept.
pub async fn by_barcode(tx: &Tx, barcode: &str) -> Result<Option<Food>> {
    let barcode = barcode::of_food("barcode", barcode)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "{SELECT} WHERE {CURRENT} AND f.id IN (SELECT coalesce(b.merged_into, b.id) FROM food_items b
               WHERE b.barcode = $1 AND b.deleted_at IS NULL OR b.barcode = $1 AND b.merged_into IS NOT NULL)
             ORDER BY f.owner_id = $2 DESC NULLS LAST, f.owner_id, f.id DESC LIMIT 1"
        ),
        [barcode.into(), tx.viewer()?.0.into()],
    );
    Ok(Food::find_by_statement(statement).one(tx).await?)
}

/// Adds a food of the viewer's own.
pub async fn create(tx: &Tx, new: NewFood) -> Result<Food> {
    let created_from = input::fingerprint(&new)?;
    let owner = tx.viewer()?;
    let id = new.id.unwrap_or_else(|| FoodId(tx.new_id()));
    let (serving_size, serving_unit) = serving(new.serving_size, &new.serving_unit)?;
    let density = new.details.density.map(checked_density).transpose()?;
    let portions = checked_portions(new.portions, serving_unit, density)?;
    let nutrition = nutrition(tx, new.nutrition).await?;
    let provenance = new.provenance.checked()?;
    let (source, source_id) = match new.source {
        Some(source) => (input::line("source", &source.name, 50)?, source.id.map(|id| input::line("sourceId", &id, 255)).transpose()?),
        None => ("user".to_owned(), None),
    };
    let row = food_items::ActiveModel {
        id: Set(id),
        owner_id: Set(Some(owner)),
        name: Set(input::line("name", &new.name, 255)?),
        brand: Set(new.brand.map(|brand| input::line("brand", &brand, 255)).transpose()?),
        barcode: Set(new.barcode.map(|barcode| barcode::of_food("barcode", &barcode)).transpose()?),
        density: Set(density),
        allergens: Set(new.details.allergens.as_deref().map(Allergen::to_codes)),
        traces: Set(new.details.traces.as_deref().map(Allergen::to_codes)),
        source: Set(source),
        source_id: Set(source_id),
        nutrition_version: Set(1),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let inserted = food_items::Entity::insert(row).on_conflict_do_nothing_on([food_items::Column::Id]).exec_without_returning(tx).await?;
    if matches!(inserted, TryInsertResult::Conflicted | TryInsertResult::Inserted(0)) {
        return input::repeated(find(tx, id).await?, |food| {
            food.created_from.as_ref() == Some(&created_from) && food.owner_id == Some(owner)
        });
    }
    nutrition_data::Entity::insert(nutrition_row(tx, owner, id, 1, (serving_size, serving_unit), nutrition, provenance))
        .exec_without_returning(tx)
        .await?;
    insert_portions(tx, owner, id, portions).await?;
    find(tx, id).await?.ok_or_else(|| Error::internal("a food that was just created is not visible"))
}

/// Changes a food of the viewer's own. Diaries keep what they had: new nutrition is a new version.
pub async fn update(tx: &Tx, id: FoodId, change: FoodChange) -> Result<Food> {
    let owner = tx.viewer()?;
    let food = editable(tx, id).await?;
    input::expect_version(change.expected_version, food.version, || food.scalars())?;

    let (size, unit) = (change.serving_size.unwrap_or(food.serving_size), change.serving_unit.as_deref().unwrap_or(&food.serving_unit));
    let (serving_size, serving_unit) = serving(size, unit)?;
    let details = change.details;
    let density = match details.density {
        Some(density) => density.map(checked_density).transpose()?,
        None => food.density,
    };
    let portions = checked_portions(change.portions.clone().unwrap_or_else(|| food.portions.0.clone()), serving_unit, density)?;
    let nutrition = match change.nutrition {
        Some(stated) if stated.nutrients.is_some() => nutrition(tx, stated).await?,
        Some(headline) => Nutrition { nutrients: food.nutrition.nutrients.clone(), ..headline.checked()? },
        None => food.nutrition.clone(),
    };
    let provenance = food.provenance.changed(change.provenance, nutrition != food.nutrition)?;
    let nutrition_changed = nutrition != food.nutrition
        || provenance != food.provenance
        || serving_size != food.serving_size
        || serving_unit.code != food.serving_unit;
    let nutrition_version = food.nutrition_version + i32::from(nutrition_changed);
    if nutrition_changed {
        let row = nutrition_row(tx, owner, id, nutrition_version, (serving_size, serving_unit), nutrition, provenance);
        nutrition_data::Entity::insert(row).exec_without_returning(tx).await?;
    }
    if change.portions.is_some() {
        food_portions::Entity::delete_many().filter(food_portions::Column::FoodItemId.eq(id)).exec(tx).await?;
        insert_portions(tx, owner, id, portions).await?;
    }
    let row = food_items::ActiveModel {
        id: Unchanged(id),
        name: change.name.map(|name| input::line("name", &name, 255)).transpose()?.map_or(NotSet, Set),
        brand: change.brand.map(|brand| brand.map(|brand| input::line("brand", &brand, 255)).transpose()).transpose()?.map_or(NotSet, Set),
        barcode: change
            .barcode
            .map(|barcode| barcode.map(|barcode| barcode::of_food("barcode", &barcode)).transpose())
            .transpose()?
            .map_or(NotSet, Set),
        density: details.density.map_or(NotSet, |_| Set(density)),
        allergens: details.allergens.map_or(NotSet, |allergens| Set(allergens.as_deref().map(Allergen::to_codes))),
        traces: details.traces.map_or(NotSet, |traces| Set(traces.as_deref().map(Allergen::to_codes))),
        // New portions are a change of the food too, so its version must count them.
        nutrition_version: if nutrition_changed || change.portions.is_some() { Set(nutrition_version) } else { NotSet },
        ..Default::default()
    };
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok(food);
    }
    food_items::Entity::update(row).exec(tx).await?;
    find(tx, id).await?.ok_or(Error::NotFound("food"))
}

/// Deletes a food of the viewer's own. Diaries keep what they had.
pub async fn delete(tx: &Tx, id: FoodId, expected_version: Option<i32>) -> Result<FoodId> {
    let food = editable(tx, id).await?;
    input::expect_version(expected_version, food.version, || food.scalars())?;
    food_items::Entity::update_many()
        .col_expr(food_items::Column::DeletedAt, Expr::value(tx.now()))
        .filter(food_items::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(id)
}

/// A food that the viewer may edit, locked until the transaction ends.
pub(crate) async fn editable(tx: &Tx, id: FoodId) -> Result<Food> {
    food_items::Entity::find_by_id(id)
        .filter(food_items::Column::OwnerId.eq(tx.viewer()?))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound("food of your own"))?;
    find(tx, id).await?.ok_or(Error::NotFound("food of your own"))
}

/// What a serving contains, the codes of further nutrients compared with the catalogue.
pub(crate) async fn nutrition(tx: &Tx, mut stated: Headline) -> Result<Nutrition> {
    let nutrients = nutrients::checked(tx, stated.nutrients.take().unwrap_or_default()).await?;
    Ok(Nutrition { nutrients, ..stated.checked()? })
}

impl Provenance {
    fn is_unstated(&self) -> bool {
        *self == Self::default()
    }

    fn checked(self) -> Result<Self> {
        let licence = self.licence.map(|licence| input::line("licence", &licence, 100)).transpose()?;
        Ok(Self { licence, ..self })
    }

    /// The provenance of the next version. Amounts that were typed over what a source said are no longer the source's.
    fn changed(&self, change: ProvenanceChange, retyped: bool) -> Result<Self> {
        let before = if retyped { Self { carbohydrate_basis: self.carbohydrate_basis, ..Self::default() } } else { self.clone() };
        Self {
            basis: change.basis.unwrap_or(before.basis),
            licence: change.licence.unwrap_or(before.licence),
            fetched_at: change.fetched_at.unwrap_or(before.fetched_at),
            carbohydrate_basis: change.carbohydrate_basis.unwrap_or(before.carbohydrate_basis),
        }
        .checked()
    }
}

/// What nutrition is per, and its unit.
pub(crate) fn serving(size: Decimal, unit: &str) -> Result<(Decimal, &'static Unit)> {
    let size = input::number("servingSize", size, 6, Decimal::new(1, 6)..=Decimal::from(100_000))?;
    let unit = Unit::named(unit)
        .filter(|unit| matches!(unit.dimension, Dimension::Mass | Dimension::Volume | Dimension::Count | Dimension::Serving))
        .ok_or_else(|| {
            Error::invalid(
                "servingUnit",
                format!(
                    "not a unit of mass or volume, piece or serving: write one of {}, {}, piece, serving",
                    Unit::codes(Dimension::Mass),
                    Unit::codes(Dimension::Volume)
                ),
            )
        })?;
    Ok((size, unit))
}

pub(crate) fn checked_density(density: Decimal) -> Result<Decimal> {
    input::number("density", density, 6, Decimal::new(1, 2)..=Decimal::from(25))
}

impl Details {
    fn are_unstated(&self) -> bool {
        *self == Self::default()
    }
}

fn allergen_codes<S: serde::Serializer>(allergens: &Option<Vec<Allergen>>, serializer: S) -> Result<S::Ok, S::Error> {
    allergens.as_deref().map(Allergen::to_codes).serialize(serializer)
}

/// Portions that an amount of the food can be told from: none is named like a unit of mass or energy, and each converts.
pub(crate) fn checked_portions(portions: Vec<Portion>, serving_unit: &Unit, density: Option<Decimal>) -> Result<Vec<Portion>> {
    if portions.len() > MOST_PORTIONS {
        return Err(Error::invalid("portions", format!("a food has at most {MOST_PORTIONS} portions")));
    }
    let check = |(position, portion): (usize, Portion)| {
        let field = |name: &str| format!("portions[{position}].{name}");
        let name = input::line(&field("name"), &portion.name, 100)?;
        if Unit::named(&name).is_some_and(|unit| !food_amounts::may_name_a_portion(unit)) {
            return Err(Error::invalid(field("name"), format!("\"{name}\" is a unit already: choose another name")));
        }
        let amount = input::number(&field("amount"), portion.amount, 6, Decimal::new(1, 6)..=Decimal::from(100_000))?;
        let unit =
            Unit::named(&portion.unit).ok_or_else(|| Error::invalid(field("unit"), format!("not a known unit: {}", portion.unit)))?;
        if !food_amounts::converts(unit.dimension, serving_unit.dimension, density) && unit.dimension != Dimension::Serving {
            return Err(Error::invalid(
                field("unit"),
                format!(
                    "{} does not convert to {}, in which this food is described: write one of {}",
                    unit.code,
                    serving_unit.code,
                    Unit::codes(serving_unit.dimension)
                ),
            ));
        }
        Ok(Portion { name, amount, unit: unit.code.to_owned() })
    };
    portions.into_iter().enumerate().map(check).collect()
}

/// Private foods on devices. What a serving contains is one column, and so are the portions.
pub static SYNCED: Collection = Collection {
    name: "food_items",
    person_column: "owner_id",
    access: None,
    deletion: Deletion::At,
    groups: &[
        group("name", &[written("name", Kind::Text)]),
        group("brand", &[written("brand", Kind::Text)]),
        group("barcode", &[written("barcode", Kind::Text)]),
        group("nutrition", &[elsewhere("nutrition"), derived("nutrition_version", Kind::Integer)]),
        group("portions", &[elsewhere("portions")]),
    ],
    complete,
    complement: Some(write_nutrition),
};

/// What a serving of a food contains, as devices write it.
#[derive(Serialize, Deserialize)]
struct ServingDocument {
    serving_size: Decimal,
    serving_unit: String,
    #[serde(flatten)]
    headline: Headline,
    #[serde(default = "no_nutrients")]
    nutrients: JsonValue,
}

fn no_nutrients() -> JsonValue {
    JsonValue::Object(serde_json::Map::new())
}

fn complete(_: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let name = input::line("name", draft.text("name")?, 255)?;
    draft.set("name", name);
    if let Some(brand) = draft.optional_text("brand")? {
        let brand = input::line("brand", brand, 255)?;
        draft.set("brand", brand);
    }
    if let Some(barcode) = draft.optional_text("barcode")? {
        let barcode = barcode::of_food("barcode", barcode)?;
        draft.set("barcode", barcode);
    }
    if draft.changes("nutrition") || draft.changes("portions") {
        let (size, unit, nutrition) = nutrition_of(draft.value("nutrition"))?;
        // A device knows no density. A food that is there already may have one, by which `write_nutrition` holds its portions to it.
        let density = draft.before.as_ref().map(|_| Decimal::ONE);
        let portions = checked_portions(portions_of(draft.value("portions"))?, unit, density)?;
        // A device says nothing of nutrients beyond the headline, and keeps those that there are.
        let kept = draft.before.as_ref().and_then(|before| before.get("nutrition")?.get("nutrients").cloned()).unwrap_or_else(no_nutrients);
        let mut document = serde_json::Map::new();
        document.insert("serving_size".to_owned(), size.normalize().to_string().into());
        document.insert("serving_unit".to_owned(), unit.code.into());
        for (nutrient, amount) in nutrition.headline() {
            document.insert(nutrient.to_owned(), amount.map(|amount| amount.normalize().to_string()).into());
        }
        document.insert("nutrients".to_owned(), kept);
        draft.set("nutrition", document);
        draft.set("portions", serde_json::to_value(&portions).map_err(|error| Error::Internal(error.into()))?);
    }
    if draft.changes("nutrition") {
        let version = draft.value("nutrition_version").as_i64().unwrap_or_default() + 1;
        draft.set("nutrition_version", version);
    }
    Ok(())
}

fn nutrition_of(value: &JsonValue) -> Result<(Decimal, &'static Unit, Nutrition), Refused> {
    if value.is_null() {
        return Err(Refused::missing("nutrition"));
    }
    let example = r#"must be an object such as {"serving_size": "100", "serving_unit": "g", "calories": "380"}"#;
    let serving_document: ServingDocument = serde_json::from_value(value.clone()).map_err(|_| Error::invalid("nutrition", example))?;
    let (size, unit) = serving(serving_document.serving_size, &serving_document.serving_unit)?;
    let nutrition = Nutrition { nutrients: serving_document.nutrients, ..serving_document.headline.checked()? };
    Ok((size, unit, nutrition))
}

fn portions_of(value: &JsonValue) -> Result<Vec<Portion>> {
    let example = r#"must be a list of portions such as {"name": "slice", "amount": "28", "unit": "g"}"#;
    match value {
        JsonValue::Null => Ok(Vec::new()),
        value => serde_json::from_value(value.clone()).map_err(|_| Error::invalid("portions", example)),
    }
}

/// A device says nothing of it, so what was known of the version before holds on.
const KEEP_CARBOHYDRATE_BASIS: &str = "
    UPDATE nutrition_data n SET carbohydrate_basis = p.carbohydrate_basis
    FROM food_items f, nutrition_data p
    WHERE f.id = ANY ($1) AND n.food_item_id = f.id AND n.nutrition_version = f.nutrition_version
      AND p.food_item_id = f.id AND p.nutrition_version = f.nutrition_version - 1";

/// Writes new versions of nutrition, and the portions that changed.
fn write_nutrition<'a>(tx: &'a Tx, owner: UserId, rows: &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let (mut versions, mut written, mut portions, mut renewed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let densities = densities(tx, rows.keys().copied()).await?;
        for (id, row) in rows {
            let Some(document) = &row.document else { continue };
            let value = |column: &str| document.get(column).unwrap_or(&JsonValue::Null);
            let version = i32::try_from(value("nutrition_version").as_i64().unwrap_or(1)).unwrap_or(i32::MAX);
            let (nutrition_is_new, portions_are_new) =
                (row.made || row.written.contains_key("nutrition"), row.made || row.written.contains_key("portions"));
            if !nutrition_is_new && !portions_are_new {
                continue;
            }
            let (size, unit, nutrition) =
                nutrition_of(value("nutrition")).map_err(|refused| Error::invalid(refused.field, refused.message))?;
            let known = checked_portions(portions_of(value("portions"))?, unit, densities.get(id).copied())?;
            if nutrition_is_new {
                written.push(*id);
                versions.push(nutrition_row(tx, owner, FoodId(*id), version, (size, unit), nutrition, Provenance::default()));
            }
            if portions_are_new {
                renewed.push(*id);
                portions.extend(portion_rows(owner, FoodId(*id), known));
            }
        }
        nutrition_data::Entity::insert_many(versions).exec_without_returning(tx).await?;
        tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, KEEP_CARBOHYDRATE_BASIS, [written.into()])).await?;
        food_portions::Entity::delete_many().filter(food_portions::Column::FoodItemId.is_in(renewed)).exec(tx).await?;
        food_portions::Entity::insert_many(portions).exec_without_returning(tx).await?;
        Ok(())
    })
}

/// The densities of those of these foods that have one.
async fn densities(tx: &Tx, foods: impl Iterator<Item = Uuid>) -> Result<BTreeMap<Uuid, Decimal>> {
    let known = food_items::Entity::find()
        .select_only()
        .columns([food_items::Column::Id, food_items::Column::Density])
        .filter(food_items::Column::Id.is_in(foods))
        .filter(food_items::Column::Density.is_not_null());
    Ok(known.into_tuple::<(Uuid, Decimal)>().all(tx).await?.into_iter().collect())
}

fn nutrition_row(
    tx: &Tx,
    owner: UserId,
    food: FoodId,
    version: i32,
    (serving_size, serving_unit): (Decimal, &Unit),
    nutrition: Nutrition,
    provenance: Provenance,
) -> nutrition_data::ActiveModel {
    nutrition_data::ActiveModel {
        id: Set(tx.new_id()),
        food_item_id: Set(food),
        owner_id: Set(Some(owner)),
        nutrition_version: Set(version),
        serving_size: Set(serving_size),
        serving_unit: Set(serving_unit.code.to_owned()),
        calories: Set(nutrition.calories),
        protein: Set(nutrition.protein),
        carbohydrates: Set(nutrition.carbohydrates),
        fat: Set(nutrition.fat),
        fiber: Set(nutrition.fiber),
        sugar: Set(nutrition.sugar),
        sodium: Set(nutrition.sodium),
        nutrients: Set(nutrition.nutrients),
        basis: Set(provenance.basis),
        licence: Set(provenance.licence),
        fetched_at: Set(provenance.fetched_at),
        carbohydrate_basis: Set(provenance.carbohydrate_basis),
    }
}

pub(crate) async fn insert_portions(tx: &Tx, owner: UserId, food: FoodId, portions: Vec<Portion>) -> Result<()> {
    food_portions::Entity::insert_many(portion_rows(owner, food, portions)).exec_without_returning(tx).await?;
    Ok(())
}

fn portion_rows(owner: UserId, food: FoodId, portions: Vec<Portion>) -> impl Iterator<Item = food_portions::ActiveModel> {
    (0..).zip(portions).map(move |(position, portion)| food_portions::ActiveModel {
        food_item_id: Set(food),
        position: Set(position),
        owner_id: Set(Some(owner)),
        name: Set(portion.name),
        amount: Set(portion.amount),
        unit: Set(portion.unit),
    })
}

impl Food {
    /// The scalar fields by their schema names, for a client that lost a race.
    pub(crate) fn scalars(&self) -> JsonValue {
        serde_json::json!({
            "id": self.id, "name": self.name, "brand": self.brand, "barcode": self.barcode, "source": self.source,
            "servingSize": self.serving_size.normalize(), "servingUnit": self.serving_unit, "version": self.version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_food_that_says_nothing_new_has_the_fingerprint_it_always_had() {
        let plain = NewFood {
            id: None,
            name: "Oats".to_owned(),
            brand: None,
            barcode: None,
            serving_size: Decimal::ONE_HUNDRED,
            serving_unit: "g".to_owned(),
            nutrition: Headline { calories: Some(Decimal::from(380)), ..Headline::default() },
            portions: Vec::new(),
            provenance: Provenance::default(),
            details: Details::default(),
            source: None,
        };
        let before = r#"{"id":null,"name":"Oats","brand":null,"barcode":null,"serving_size":"100","serving_unit":"g","nutrition":{"calories":"380","protein":null,"carbohydrates":null,"fat":null,"fiber":null,"sugar":null,"sodium":null},"portions":[]}"#;
        let stated = serde_json::to_string(&plain).expect("JSON");
        assert_eq!(stated, before);
        let said = NewFood { details: Details { density: Some(Decimal::ONE), ..Details::default() }, ..plain };
        assert_ne!(serde_json::to_string(&said).expect("JSON"), before);
    }
}
