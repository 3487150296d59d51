//! Cook once, eat in portions: a batch keeps what is in it, portions go into the diaries of those who allow it, and what is left over
//! can be portioned later.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    cooked_batches::{ActiveModel, Column, Entity, Model},
    cooked_portions as portions,
    family_access::AccessType,
    id::{CookedBatchId, CookedPortionId, FoodGroupId, FoodId, MealId, UserId},
    unit::{Dimension, Unit, round},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::{Deserialize, Serialize};

use crate::{
    access::Tx,
    error::{Error, Result},
    family_access,
    food_diary::{self, FoodGroup},
    foods, input,
    meals::{
        self, NewIngredient,
        diary::{self, Eaten, Occasion},
        recipe::{self, BATCH, Part, Recipe, Yield},
        scaling::Share,
    },
    nutrition::Nutrition,
    page::{Page, PageRequest},
};

/// A meal as it was cooked.
#[derive(Clone, Debug, Serialize)]
pub struct NewBatch {
    /// Made by the client, or by the server.
    pub id: Option<CookedBatchId>,
    /// The meal, and whose it is.
    pub meal: (UserId, MealId),
    /// How often the recipe: 2 is twice as much of everything. Not with `ingredients`.
    pub times: Option<Decimal>,
    /// What really went in, in place of the recipe's ingredients.
    pub ingredients: Option<Vec<NewIngredient>>,
    /// What it weighs, in g; the recipe's when absent.
    pub cooked_weight: Option<Decimal>,
    /// How many servings it gives; the recipe's when absent.
    pub servings: Option<Decimal>,
    /// Who eats of it at once.
    pub portions: Vec<NewPortion>,
    /// When and as what.
    pub serving: Serving,
}

/// A portion for somebody.
#[derive(Clone, Debug, Serialize)]
pub struct NewPortion {
    /// Made by the client, or by the server. What is logged for it has the same id in the diary of whoever eats it.
    pub id: Option<CookedPortionId>,
    /// Who eats it: oneself, or someone who lets one write in their diary.
    pub person: UserId,
    /// How much; all that is left when absent.
    pub amount: Option<(Decimal, String)>,
}

/// When portions are eaten, and as what.
#[derive(Clone, Debug, Serialize)]
pub struct Serving {
    /// breakfast, lunch, dinner, snack or one of one's own.
    pub meal_type: String,
    /// When; now when absent.
    pub consumed_at: Option<DateTime<Utc>>,
    /// On which day, in place of `consumed_at`.
    pub date: Option<NaiveDate>,
    /// Where; the zone of whoever eats when absent.
    pub time_zone: Option<Tz>,
}

/// A portion that was written into a diary.
#[derive(Clone, Debug)]
pub struct Portioned {
    /// How much of the batch it is.
    pub portion: portions::Model,
    /// What was logged.
    pub group: FoodGroup,
}

const MOST_PORTIONS: usize = 20;

/// The viewer's batches, newest first; those of which something is left alone if so wanted.
pub async fn list(tx: &Tx, left_over: bool, page: &PageRequest) -> Result<Page<Model>> {
    let cook = tx.viewer()?;
    let filter = ("cooked batches", cook, left_over);
    let mut rows = Entity::find().filter(Column::UserId.eq(cook));
    if left_over {
        rows = rows.filter(Expr::cust("portioned < total"));
    }
    if let Some((at, id)) = page.key::<(DateTime<Utc>, CookedBatchId)>(&filter)? {
        let same_time = Condition::all().add(Column::CookedAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::CookedAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::CookedAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&filter, rows, |row| (row.cooked_at, row.id))
}

/// Who was given what of these batches of the viewer's, in the order in which it was given.
pub async fn portions_of(tx: &Tx, batches: &[CookedBatchId]) -> Result<Vec<portions::Model>> {
    let rows = portions::Entity::find()
        .filter(portions::Column::UserId.eq(tx.viewer()?))
        .filter(portions::Column::BatchId.is_in(batches.iter().copied()))
        .order_by_asc(portions::Column::PortionedAt)
        .order_by_asc(portions::Column::Id);
    Ok(rows.all(tx).await?)
}

/// Cooks a meal, and gives out its first portions.
pub async fn cook(tx: &Tx, new: NewBatch) -> Result<(Model, Vec<Portioned>)> {
    let created_from = input::fingerprint(&new)?;
    let cook = tx.viewer()?;
    let portion_ids: Vec<_> = new.portions.iter().map(|portion| portion.id).collect();
    if let Some(id) = new.id
        && let Some(row) = find(tx, id).await?
    {
        return cooked_before(tx, Some(row), &created_from, &portion_ids).await;
    }
    let id = new.id.unwrap_or_else(|| CookedBatchId(tx.new_id()));
    let (owner, meal) = new.meal;
    let recipe = recipe::of(tx, owner, meal).await?.ok_or(Error::NoSuch { field: "mealId", what: "meal" })?;
    let (parts, times) = match new.ingredients {
        Some(_) if new.times.is_some() => return Err(Error::invalid("times", "leave it out where the ingredients say how much went in")),
        Some(ingredients) => {
            let really = Recipe { stated: None, ingredients: as_ingredients(tx, cook, ingredients).await?, ..(*recipe).clone() };
            (really.parts(Share::WHOLE)?, None)
        }
        None => {
            let times = new.times.map(|times| input::number("times", times, 3, Decimal::new(1, 3)..=Decimal::from(1_000))).transpose()?;
            (recipe.parts(Share::of(times.unwrap_or(Decimal::ONE), Decimal::ONE))?, times)
        }
    };
    let parts = if parts.is_empty() { vec![Part::words(recipe.name.clone(), Decimal::ONE, BATCH.to_owned())] } else { parts };
    // So many times the recipe gives so many times as much, unless somebody counted or weighed.
    let scaled = |known: Option<Decimal>| known.map(|known| round(known * times.unwrap_or(Decimal::ONE), 3));
    let yields = meals::yields(new.servings.or(scaled(recipe.yields.servings)), new.cooked_weight.or(scaled(recipe.yields.cooked_weight)))?;
    let (measure, total) = match (yields.cooked_weight, yields.servings) {
        (Some(weight), _) => ("g", weight),
        (None, Some(servings)) => ("serving", servings),
        (None, None) => return Err(Error::internal("a batch without a yield")),
    };
    let row = ActiveModel {
        user_id: Set(cook),
        id: Set(id),
        meal_id: Set(Some(meal)),
        name: Set(recipe.name.clone()),
        measure: Set(measure.to_owned()),
        total: Set(total),
        servings: Set(yields.servings),
        parts: Set(
            serde_json::to_value(parts.iter().map(StoredPart::of).collect::<Vec<_>>()).map_err(|error| Error::Internal(error.into()))?
        ),
        cooked_at: Set(tx.now()),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let Some(row) = input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? else {
        return cooked_before(tx, find(tx, id).await?, &created_from, &portion_ids).await;
    };
    if new.portions.is_empty() { Ok((row, Vec::new())) } else { give(tx, row, new.portions, &new.serving).await }
}

/// What the same request cooked and gave out, when it is sent again. Its portions were written by the transaction that wrote the batch.
async fn cooked_before(
    tx: &Tx,
    existing: Option<Model>,
    created_from: &[u8],
    ids: &[Option<CookedPortionId>],
) -> Result<(Model, Vec<Portioned>)> {
    let batch = input::repeated(existing, |row| row.created_from.as_deref() == Some(created_from))?;
    let with_the_batch =
        "created_at = (SELECT b.created_at FROM cooked_batches b WHERE b.user_id = cooked_portions.user_id AND b.id = batch_id)";
    let rows = portions::Entity::find()
        .filter(portions::Column::UserId.eq(batch.user_id))
        .filter(portions::Column::BatchId.eq(batch.id))
        .filter(Expr::cust(with_the_batch))
        .order_by_asc(portions::Column::Id);
    let mut rows = rows.all(tx).await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == Some(row.id)));
    Ok((batch, portioned(tx, rows).await?))
}

/// What is in the diaries of these portions still, as far as the viewer sees it.
async fn portioned(tx: &Tx, rows: Vec<portions::Model>) -> Result<Vec<Portioned>> {
    let mut given = Vec::with_capacity(rows.len());
    for portion in rows {
        let Some(eater) = portion.eater_id else { continue };
        let group = food_diary::groups_by_ids(tx, eater, &[FoodGroupId(portion.id.0)]).await?.pop();
        given.extend(group.map(|group| Portioned { portion, group }));
    }
    Ok(given)
}

/// What the same request gave out of this batch, when it is sent again.
async fn given_before(tx: &Tx, batch: &Model, new: &[NewPortion], serving: &Serving) -> Result<Option<Vec<Portioned>>> {
    let ids: Vec<_> = new.iter().filter_map(|portion| portion.id).collect();
    let rows =
        portions::Entity::find().filter(portions::Column::UserId.eq(batch.user_id)).filter(portions::Column::Id.is_in(ids.iter().copied()));
    let mut rows = if ids.is_empty() { Vec::new() } else { rows.all(tx).await? };
    if rows.is_empty() {
        return Ok(None);
    }
    let taken = || Error::conflict("one of these ids is taken by another portion: make a new one");
    if rows.len() != new.len() || rows.iter().any(|row| row.batch_id != batch.id) {
        return Err(taken());
    }
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    if rows.iter().zip(new).any(|(row, portion)| row.eater_id.is_some_and(|eater| eater != portion.person)) {
        return Err(taken());
    }
    let given = portioned(tx, rows).await?;
    for Portioned { portion, group } in &given {
        let asked = new.iter().find(|asked| asked.id == Some(portion.id)).ok_or_else(taken)?;
        if group.group.created_from != Some(asked.fingerprint(batch.id, serving)?) {
            return Err(taken());
        }
    }
    Ok(Some(given))
}

impl NewPortion {
    fn fingerprint(&self, batch: CookedBatchId, serving: &Serving) -> Result<Vec<u8>> {
        input::fingerprint(&(batch, self, serving))
    }
}

/// Gives out portions of what is left of a batch. A portion that has an id of the client's is given out once.
pub async fn portion(
    tx: &Tx,
    id: CookedBatchId,
    new: Vec<NewPortion>,
    serving: &Serving,
    expected_version: Option<i32>,
) -> Result<(Model, Vec<Portioned>)> {
    let batch = Entity::find_by_id((tx.viewer()?, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("batch of your own"))?;
    if let Some(given) = given_before(tx, &batch, &new, serving).await? {
        return Ok((batch, given));
    }
    input::expect_version(expected_version, batch.version, || scalars(&batch))?;
    if new.is_empty() {
        return Err(Error::invalid("portions", "say who eats how much"));
    }
    give(tx, batch, new, serving).await
}

/// Forgets a batch. What was eaten of it stays in the diaries.
pub async fn delete(tx: &Tx, id: CookedBatchId, expected_version: Option<i32>) -> Result<CookedBatchId> {
    let batch = Entity::find_by_id((tx.viewer()?, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("batch of your own"))?;
    input::expect_version(expected_version, batch.version, || scalars(&batch))?;
    Entity::delete_by_id((batch.user_id, id)).exec(tx).await?;
    Ok(id)
}

async fn find(tx: &Tx, id: CookedBatchId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((tx.viewer()?, id)).one(tx).await?)
}

/// Each portion begins where the one before ended, so that together they are the batch, to the last digit.
async fn give(tx: &Tx, batch: Model, new: Vec<NewPortion>, serving: &Serving) -> Result<(Model, Vec<Portioned>)> {
    if new.len() > MOST_PORTIONS {
        return Err(Error::invalid("portions", format!("at most {MOST_PORTIONS} portions at once")));
    }
    let field = |place: usize, name: &str| format!("portions[{place}].{name}");
    let named: HashSet<_> = new.iter().filter_map(|portion| portion.id).collect();
    if !named.is_empty() && named.len() != new.len() {
        return Err(Error::invalid("portions", "give each portion an id of its own, or none of them"));
    }
    let eaters: Vec<_> = new.iter().map(|portion| portion.person).collect();
    let willing = family_access::sharing(tx, &eaters, AccessType::Calorie, true).await?;
    if let Some(place) = eaters.iter().position(|eater| !willing.contains(eater)) {
        return Err(Error::invalid(field(place, "personId"), "does not let you write in their diary: ask them for CALORIE with canWrite"));
    }
    let mut parts: Vec<StoredPart> = serde_json::from_value(batch.parts.clone()).map_err(Error::stored_json)?;
    // A food that is gone by now is eaten by its name. One that was merged is the kept food by now, with what it contained itself.
    let foods: Vec<_> = parts.iter().filter_map(|part| part.food_item_id).collect();
    let there: HashMap<_, _> = foods::by_references(tx, &foods).await?.into_iter().map(|(food, meant)| (food, meant.id)).collect();
    for part in &mut parts {
        let meant = part.food_item_id.and_then(|food| there.get(&food).copied());
        part.nutrition_version = part.nutrition_version.filter(|_| meant == part.food_item_id);
        part.food_item_id = meant;
    }
    let mut at = batch.portioned;
    let mut given = Vec::with_capacity(new.len());
    let ids = tx.new_ids(new.len());
    for ((place, portion), new_id) in new.into_iter().enumerate().zip(ids) {
        let created_from = portion.fingerprint(batch.id, serving)?;
        let NewPortion { id, person, amount } = portion;
        let id = id.unwrap_or(CookedPortionId(new_id));
        let to = match &amount {
            Some((quantity, unit)) => end_of(&batch, at, *quantity, unit).map_err(|error| error.within(&format!("portions[{place}]")))?,
            None => batch.total,
        };
        if to > batch.total || to <= at {
            let left = (batch.total - at).normalize();
            let message = format!("only {left} {} of it is left for this portion", batch.measure);
            return Err(Error::invalid(field(place, "quantity"), message));
        }
        let (from, until) = (Share::of(at, batch.total), Share::of(to, batch.total));
        let portion_parts = parts.iter().map(|part| part.between(from, until)).collect::<Result<Vec<_>>>()?;
        let (quantity, unit) =
            amount.filter(|(_, unit)| !unit.trim().eq_ignore_ascii_case(BATCH)).unwrap_or((to - at, batch.measure.clone()));
        let unit = Unit::named(&unit).map_or(unit, |unit| unit.code.to_owned());
        let eaten = Eaten { meal: batch.meal_id.map(|meal| meal.0), name: batch.name.clone(), quantity, unit };
        let occasion = Occasion {
            meal_type: serving.meal_type.clone(),
            consumed_at: serving.consumed_at,
            date: serving.date,
            time_zone: serving.time_zone,
            note: None,
        };
        let group = diary::log_parts(tx, Some(FoodGroupId(id.0)), Some(person), eaten, portion_parts, occasion, Some(created_from)).await?;
        let row = portions::ActiveModel {
            user_id: Set(batch.user_id),
            id: Set(id),
            batch_id: Set(batch.id),
            eater_id: Set(Some(person)),
            amount: Set(to - at),
            portioned_at: Set(tx.now()),
        };
        given.push(Portioned { portion: portions::Entity::insert(row).exec_with_returning(tx).await?, group });
        at = to;
    }
    let row = ActiveModel { user_id: Unchanged(batch.user_id), id: Unchanged(batch.id), portioned: Set(at), ..Default::default() };
    Ok((Entity::update(row).exec(tx).await?, given))
}

/// Where `quantity` of another measure, in which the batch is `in_unit`, ends if it begins at `at`. If `at` is where so many of that
/// measure ended, it goes on from there: three of three servings end at the end, though none of them weighs a whole gram.
fn mark_after(total: Decimal, in_unit: Decimal, at: Decimal, quantity: Decimal) -> Option<Decimal> {
    let mark = |counted: Decimal| Some(round(Share::of(counted, in_unit).amount(total)?, 3));
    let begun = round(Share::of(at, total).amount(in_unit)?, 3);
    if mark(begun)? == at { mark(begun.checked_add(quantity)?) } else { at.checked_add(mark(quantity)?) }
}

/// Where an amount of a batch ends that begins at `at`.
fn end_of(batch: &Model, at: Decimal, quantity: Decimal, unit: &str) -> Result<Decimal> {
    let quantity = input::number("quantity", quantity, 3, Decimal::new(1, 3)..=Decimal::from(1_000_000))?;
    let weight = (batch.measure == "g").then_some(batch.total);
    let (_, unit) = Yield { servings: batch.servings, cooked_weight: weight }.share(quantity, unit)?;
    let end = match Unit::named(unit) {
        Some(unit) if unit.dimension == Dimension::Mass => {
            unit.to_base(quantity).and_then(|grams| mark_after(batch.total, batch.total, at, grams))
        }
        Some(_) => mark_after(batch.total, batch.servings.unwrap_or(batch.total), at, quantity),
        None => mark_after(batch.total, Decimal::ONE, at, quantity),
    };
    end.ok_or_else(|| Error::invalid("quantity", "is more than anyone can eat: check the unit"))
}

/// What really went in.
async fn as_ingredients(tx: &Tx, cook: UserId, new: Vec<NewIngredient>) -> Result<Vec<recipe::Ingredient>> {
    let checked = meals::checked_ingredients(tx, cook, new).await?;
    recipe::ingredients(tx, cook, checked).await
}

/// A part of a batch as it is stored: a snapshot.
#[derive(Serialize, Deserialize)]
struct StoredPart {
    food_item_id: Option<FoodId>,
    nutrition_version: Option<i32>,
    name: String,
    brand: Option<String>,
    quantity: Option<Decimal>,
    unit: Option<String>,
    servings: Option<Decimal>,
    milliliters: Option<Decimal>,
    nutrition: serde_json::Map<String, JsonValue>,
}

impl StoredPart {
    fn of(part: &Part) -> Self {
        Self {
            food_item_id: part.food.map(|(food, _)| food),
            nutrition_version: part.food.and_then(|(_, version)| version),
            name: part.name.clone(),
            brand: part.brand.clone(),
            quantity: part.quantity,
            unit: part.unit.clone(),
            servings: part.servings,
            milliliters: part.milliliters,
            nutrition: part.nutrition.document(),
        }
    }

    /// What lies of it between two marks.
    fn between(&self, from: Share, to: Share) -> Result<Part> {
        let too_much = || Error::invalid("quantity", "is more than anyone can eat: check the unit");
        let slice = |amount: Decimal| Share::between(amount, from, to).ok_or_else(too_much);
        let nutrition = Nutrition::try_from(&self.nutrition).map_err(|_| Error::internal("a part of a batch that cannot be read"))?;
        Ok(Part {
            food: self.food_item_id.map(|food| (food, self.nutrition_version)),
            name: self.name.clone(),
            brand: self.brand.clone(),
            quantity: self.quantity.map(slice).transpose()?,
            unit: self.unit.clone(),
            servings: self.servings.map(slice).transpose()?,
            milliliters: self.milliliters.map(slice).transpose()?,
            nutrition: nutrition.each(slice)?,
        })
    }
}

fn scalars(batch: &Model) -> JsonValue {
    serde_json::json!({
        "id": batch.id, "name": batch.name, "total": batch.total.normalize(), "leftOver": (batch.total - batch.portioned).normalize(),
        "unit": batch.measure, "version": batch.version,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_goes_on_where_another_ended() {
        let decimal = |text: &str| Decimal::from_str_exact(text).expect("a literal");
        let end = mark_after(decimal("1400"), Decimal::ONE, decimal("683.333"), decimal("0.25"));
        assert_eq!(end, Some(decimal("1033.333")));
    }

    #[test]
    fn three_servings_of_a_kilo_are_all_of_it() {
        let (kilo, three) = (Decimal::from(1_000), Decimal::from(3));
        let mut at = Decimal::ZERO;
        for expected in ["333.333", "666.667", "1000"] {
            at = mark_after(kilo, three, at, Decimal::ONE).expect("in range");
            assert_eq!(at.normalize().to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn servings_end_where_the_batch_ends(grams in 0i64..1_000_000, servings in 1i64..60) {
            // A serving weighs a gram at least.
            let (total, all) = (Decimal::from(servings + grams), Decimal::from(servings));
            let mut at = Decimal::ZERO;
            for _ in 0..servings {
                let to = mark_after(total, all, at, Decimal::ONE).expect("in range");
                prop_assert!(to >= at && to <= total);
                at = to;
            }
            prop_assert_eq!(at, total);
        }
    }
}
