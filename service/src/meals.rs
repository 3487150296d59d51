//! Meals and recipes of one's own: what they are made of, how much they give, and how they are made. Those with whom their owner
//! shares `food_list` see them.

pub mod diary;
pub mod dish;
pub mod recipe;
pub mod scaling;

use std::collections::{HashMap, HashSet};

use entity::{
    id::{FoodId, MealId, UserId},
    meal_ingredients as ingredients,
    meals::{ActiveModel, Column, Entity, Model},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};
use serde::Serialize;

use crate::{
    access::Tx,
    error::{Error, Result},
    foods, input,
    nutrition::Headline,
    page::{Page, PageRequest},
};

use self::recipe::Yield;

/// A meal as its owner describes it, or as it was found elsewhere.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewMeal {
    /// Made by the client, or by the server.
    pub id: Option<MealId>,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// What its owner wants to remember.
    pub notes: Option<String>,
    /// How many servings it gives.
    pub servings: Option<Decimal>,
    /// How much it weighs when it is cooked, in g.
    pub cooked_weight: Option<Decimal>,
    /// How it is made.
    pub steps: Vec<String>,
    /// Where it was imported from, which may be once; nowhere when its owner wrote it.
    pub source: Option<foods::Source>,
    /// Where it can be read: http or https.
    pub source_url: Option<String>,
    /// What a serving contains, as the source says: it holds in place of what the ingredients come to.
    pub stated_nutrition: Option<Headline>,
    /// What it is made of, in order.
    pub ingredients: Vec<NewIngredient>,
}

/// What a meal is made of: a food, another meal of the same person, or words alone.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewIngredient {
    /// A food that the viewer sees.
    pub food: Option<FoodId>,
    /// Or a meal of the viewer's own.
    pub meal: Option<MealId>,
    /// What it is called; what the food or the meal is called when absent.
    pub name: Option<String>,
    /// How much; only of words may it be absent.
    pub quantity: Option<Decimal>,
    /// A unit or a portion of the food; of a meal serving, batch or a unit of mass; of words any word.
    pub unit: Option<String>,
    /// What is to be done with it: "finely chopped".
    pub note: Option<String>,
}

/// What is to change of a meal: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct MealChange {
    /// What it is called.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<Option<String>>,
    /// What its owner wants to remember.
    pub notes: Option<Option<String>>,
    /// How many servings it gives.
    pub servings: Option<Option<Decimal>>,
    /// How much it weighs when it is cooked, in g.
    pub cooked_weight: Option<Option<Decimal>>,
    /// Replaces all steps.
    pub steps: Option<Vec<String>>,
    /// Where it can be read.
    pub source_url: Option<Option<String>>,
    /// What a serving contains, as the source says.
    pub stated_nutrition: Option<Option<Headline>>,
    /// Replaces all ingredients.
    pub ingredients: Option<Vec<NewIngredient>>,
    /// Refuse when the meal is at another version.
    pub expected_version: Option<i32>,
}

/// How many ingredients a meal has at most.
pub(crate) const MOST_INGREDIENTS: usize = 200;
/// How many steps a meal has at most.
pub(crate) const MOST_STEPS: usize = 100;

/// The meals of these ids that the viewer may see, in any order.
pub async fn by_ids(tx: &Tx, meals: &[(UserId, MealId)]) -> Result<Vec<Model>> {
    if meals.is_empty() {
        return Ok(Vec::new());
    }
    let mut any = Condition::any();
    let mut of_person: HashMap<UserId, Vec<MealId>> = HashMap::new();
    for (person, meal) in meals {
        of_person.entry(*person).or_default().push(*meal);
    }
    for (person, meals) in of_person {
        any = any.add(Condition::all().add(Column::UserId.eq(person)).add(Column::Id.is_in(meals)));
    }
    Ok(Entity::find().filter(any).filter(Column::DeletedAt.is_null()).all(tx).await?)
}

/// The meal of this id, if the viewer may see it.
pub async fn find(tx: &Tx, owner: UserId, id: MealId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((owner, id)).filter(Column::DeletedAt.is_null()).one(tx).await?)
}

/// A person's meals whose name holds every word of `search`, by name.
pub async fn list(tx: &Tx, person: UserId, search: Option<&str>, page: &PageRequest) -> Result<Page<Model>> {
    #[derive(FromQueryResult)]
    struct Listed {
        #[sea_orm(nested)]
        meal: Model,
        search_text: String,
    }
    let search = search.map(|words| input::line("search", words, 200)).transpose()?;
    let filter = ("meals", person, &search);
    let mut rows = Entity::find().expr_as(Expr::cust("search_text"), "search_text");
    rows = rows.filter(Column::UserId.eq(person)).filter(Column::DeletedAt.is_null());
    if let Some(words) = &search {
        // Folded words hold neither % nor _.
        rows = rows.filter(Expr::cust_with_values(
            "search_text LIKE ALL (SELECT '%' || word || '%' FROM unnest(string_to_array(search.fold($1), ' ')) word)",
            [words.as_str()],
        ));
    }
    if let Some((name, id)) = page.key::<(String, MealId)>(&filter)? {
        rows = rows.filter(Expr::cust_with_values::<_, sea_orm::Value, _>("(search_text, id) > ($1, $2)", [name.into(), id.0.into()]));
    }
    let rows = rows.order_by_asc(Expr::cust("search_text")).order_by_asc(Column::Id).limit(page.limit()?);
    let listed = page.page(&filter, rows.into_model::<Listed>().all(tx).await?, |listed| (listed.search_text.clone(), listed.meal.id))?;
    Ok(Page { items: listed.items.into_iter().map(|(cursor, listed)| (cursor, listed.meal)).collect(), has_next: listed.has_next })
}

/// Adds a meal of the viewer's own.
pub async fn create(tx: &Tx, new: NewMeal) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let owner = tx.viewer()?;
    let repeated = |existing: Option<Model>| input::repeated(existing, |row| row.created_from.as_ref() == Some(&created_from));
    if let Some(id) = new.id
        && let Some(row) = find(tx, owner, id).await?
    {
        return repeated(Some(row));
    }
    let id = new.id.unwrap_or_else(|| MealId(tx.new_id()));
    let yields = yields(new.servings, new.cooked_weight)?;
    let stated = stated_nutrition(tx, new.stated_nutrition, yields).await?;
    let ingredients = checked_ingredients(tx, owner, new.ingredients).await?;
    let (source, source_id) = match new.source {
        Some(source) => (input::line("source", &source.name, 50)?, source.id.map(|id| input::line("sourceId", &id, 255)).transpose()?),
        None => ("user".to_owned(), None),
    };
    let row = ActiveModel {
        user_id: Set(owner),
        id: Set(id),
        name: Set(input::line("name", &new.name, 255)?),
        description: Set(optional_text("description", new.description)?),
        notes: Set(optional_text("notes", new.notes)?),
        servings: Set(yields.servings),
        cooked_weight: Set(yields.cooked_weight),
        steps: Set(steps(new.steps)?),
        source: Set(source),
        source_id: Set(source_id),
        source_url: Set(new.source_url.map(|url| link(&url)).transpose()?),
        stated_nutrition: Set(stated),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let Some(row) = input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? else {
        return repeated(find(tx, owner, id).await?);
    };
    insert_ingredients(tx, owner, id, ingredients).await?;
    Ok(row)
}

/// Changes a meal of the viewer's own. Diaries keep what they had.
pub async fn update(tx: &Tx, id: MealId, change: MealChange) -> Result<Model> {
    let meal = editable(tx, id, change.expected_version).await?;
    let owner = meal.user_id;
    let yields = yields(change.servings.unwrap_or(meal.servings), change.cooked_weight.unwrap_or(meal.cooked_weight))?;
    let stated = match change.stated_nutrition {
        Some(stated) => Some(stated_nutrition(tx, stated, yields).await?),
        None if meal.stated_nutrition.is_some() && yields.servings.is_none() => return Err(stated_without_servings()),
        None => None,
    };
    let patch = |value: Option<Option<String>>, field: &str| -> Result<_> {
        Ok(value.map(|value| optional_text(field, value)).transpose()?.map_or(NotSet, Set))
    };
    let mut row = ActiveModel {
        user_id: Unchanged(owner),
        id: Unchanged(id),
        name: change.name.map(|name| input::line("name", &name, 255)).transpose()?.map_or(NotSet, Set),
        description: patch(change.description, "description")?,
        notes: patch(change.notes, "notes")?,
        servings: change.servings.map_or(NotSet, |_| Set(yields.servings)),
        cooked_weight: change.cooked_weight.map_or(NotSet, |_| Set(yields.cooked_weight)),
        steps: change.steps.map(steps).transpose()?.map_or(NotSet, Set),
        source_url: change.source_url.map(|url| url.map(|url| link(&url)).transpose()).transpose()?.map_or(NotSet, Set),
        stated_nutrition: stated.map_or(NotSet, Set),
        ..Default::default()
    };
    if let Some(new) = change.ingredients {
        let new = checked_ingredients(tx, owner, new).await?;
        ingredients::Entity::delete_many()
            .filter(ingredients::Column::UserId.eq(owner))
            .filter(ingredients::Column::MealId.eq(id))
            .exec(tx)
            .await?;
        insert_ingredients(tx, owner, id, new).await?;
        // New ingredients are a change of the meal too, so its version must count them.
        if row.name.is_not_set() {
            row.name = Set(meal.name.clone());
        }
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok(meal);
    }
    Ok(Entity::update(row).exec(tx).await?)
}

/// Deletes a meal of the viewer's own, unless another one contains it. Diaries and plans keep what they had.
pub async fn delete(tx: &Tx, id: MealId, expected_version: Option<i32>) -> Result<MealId> {
    let meal = editable(tx, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(meal.user_id))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(id)
}

/// Takes a deletion back, while the row is kept. What was planned of the meal can be eaten again.
pub async fn restore(tx: &Tx, id: MealId) -> Result<Model> {
    let owner = tx.viewer()?;
    let meal = Entity::find_by_id((owner, id)).lock(LockType::NoKeyUpdate).one(tx).await?.ok_or(Error::NotFound("meal of your own"))?;
    if meal.deleted_at.is_none() {
        return Ok(meal);
    }
    let restored = ActiveModel { user_id: Unchanged(owner), id: Unchanged(id), deleted_at: Set(None), ..Default::default() };
    Ok(Entity::update(restored).exec(tx).await?)
}

/// A meal that the viewer may edit, locked until the transaction ends; whoever makes another meal of it at the same time need not wait.
async fn editable(tx: &Tx, id: MealId, expected_version: Option<i32>) -> Result<Model> {
    let meal = Entity::find_by_id((tx.viewer()?, id))
        .filter(Column::DeletedAt.is_null())
        .lock(LockType::NoKeyUpdate)
        .one(tx)
        .await?
        .ok_or(Error::NotFound("meal of your own"))?;
    input::expect_version(expected_version, meal.version, || scalars(&meal))?;
    Ok(meal)
}

pub(crate) fn yields(servings: Option<Decimal>, cooked_weight: Option<Decimal>) -> Result<Yield> {
    if servings.is_none() && cooked_weight.is_none() {
        return Err(Error::invalid("servings", "say how much the meal gives: servings, cookedWeight in g, or both"));
    }
    let amount = |field: &str, value: Option<Decimal>, most: i64| {
        value.map(|value| input::number(field, value, 3, Decimal::new(1, 3)..=Decimal::from(most))).transpose()
    };
    Ok(Yield { servings: amount("servings", servings, 100_000)?, cooked_weight: amount("cookedWeight", cooked_weight, 1_000_000)? })
}

fn stated_without_servings() -> Error {
    Error::invalid("statedNutrition", "is that of a serving: say in servings how many the meal gives, or clear this")
}

async fn stated_nutrition(tx: &Tx, stated: Option<Headline>, yields: Yield) -> Result<Option<JsonValue>> {
    let Some(stated) = stated else { return Ok(None) };
    if yields.servings.is_none() {
        return Err(stated_without_servings());
    }
    let nutrition = foods::nutrition(tx, stated).await.map_err(|error| match error {
        Error::Invalid { field, message } => Error::Invalid { field: field.replacen("nutrition", "statedNutrition", 1), message },
        other => other,
    })?;
    let headline = nutrition.headline().map(|(name, amount)| (name.to_owned(), serde_json::json!(amount)));
    let mut stored = serde_json::Map::from_iter(headline);
    stored.insert("nutrients".to_owned(), nutrition.nutrients);
    Ok(Some(stored.into()))
}

fn optional_text(field: &str, value: Option<String>) -> Result<Option<String>> {
    value.map(|text| input::paragraph(field, &text, 10_000)).transpose()
}

fn steps(steps: Vec<String>) -> Result<Vec<String>> {
    if steps.len() > MOST_STEPS {
        return Err(Error::invalid("steps", format!("a meal has at most {MOST_STEPS} steps")));
    }
    steps.iter().enumerate().map(|(place, step)| input::paragraph(&format!("steps[{place}]"), step, 5_000)).collect()
}

fn link(url: &str) -> Result<String> {
    let url = input::line("sourceUrl", url, 2_000)?;
    let scheme = url.split_once("://").map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    match scheme {
        Some((scheme, rest)) if matches!(scheme.as_str(), "http" | "https") && !rest.is_empty() && !url.contains(' ') => Ok(url),
        _ => Err(Error::invalid("sourceUrl", "must be an address such as \"https://example.org/chili\"")),
    }
}

/// Ingredients as they are stored: each food and meal is there, and the quantity can be told of it.
pub(crate) async fn checked_ingredients(tx: &Tx, owner: UserId, new: Vec<NewIngredient>) -> Result<Vec<ingredients::ActiveModel>> {
    if new.len() > MOST_INGREDIENTS {
        return Err(Error::invalid("ingredients", format!("a meal has at most {MOST_INGREDIENTS} ingredients")));
    }
    let food_ids: HashSet<_> = new.iter().filter_map(|ingredient| ingredient.food).collect();
    let meal_ids: HashSet<_> = new.iter().filter_map(|ingredient| ingredient.meal.map(|meal| (owner, meal))).collect();
    let foods: HashMap<_, _> = foods::by_references(tx, &food_ids.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
    let meals: HashMap<_, _> =
        by_ids(tx, &meal_ids.into_iter().collect::<Vec<_>>()).await?.into_iter().map(|meal| (meal.id, meal)).collect();
    let check = |(place, ingredient): (usize, NewIngredient)| {
        ingredient.checked(&foods, &meals).map_err(|error| error.within(&format!("ingredients[{place}]")))
    };
    new.into_iter().enumerate().map(check).collect()
}

impl NewIngredient {
    fn checked(self, foods: &HashMap<FoodId, foods::Food>, meals: &HashMap<MealId, Model>) -> Result<ingredients::ActiveModel> {
        let quantity = self
            .quantity
            .map(|quantity| input::number("quantity", quantity, 3, Decimal::new(1, 3)..=Decimal::from(100_000)))
            .transpose()?;
        let unit = self.unit.map(|unit| input::line("unit", &unit, 100)).transpose()?;
        let amount = || {
            let quantity = quantity.ok_or_else(|| Error::invalid("quantity", "say how much: only of words may it be left out"))?;
            let unit = unit.as_deref().ok_or_else(|| Error::invalid("unit", "say in which unit: only of words may it be left out"))?;
            Ok::<_, Error>((quantity, unit))
        };
        let (own_name, unit, food) = match (self.food, self.meal) {
            (Some(_), Some(_)) => return Err(Error::invalid("mealId", "an ingredient is a food or a meal, not both")),
            (Some(food), None) => {
                let food = foods.get(&food).ok_or_else(|| Error::invalid("foodId", "no food with this id"))?;
                let (quantity, unit) = amount()?;
                (Some(food.name.clone()), Some(food.servings(quantity, unit)?.1), Some(food.id))
            }
            (None, Some(meal)) => {
                let meal = meals.get(&meal).ok_or_else(|| Error::invalid("mealId", "no meal of your own with this id"))?;
                let (quantity, unit) = amount()?;
                (Some(meal.name.clone()), Some(Yield::of(meal).share(quantity, unit)?.1.to_owned()), None)
            }
            (None, None) => (None, unit, None),
        };
        let name = self.name.map(|name| input::line("name", &name, 255)).transpose()?.or(own_name);
        Ok(ingredients::ActiveModel {
            food_item_id: Set(food),
            part_meal_id: Set(self.meal),
            name: Set(name.ok_or_else(|| Error::invalid("name", "say what it is: a foodId, a mealId, or a name"))?),
            quantity: Set(quantity),
            unit: Set(unit),
            note: Set(self.note.map(|note| input::line("note", &note, 500)).transpose()?),
            ..Default::default()
        })
    }
}

async fn insert_ingredients(tx: &Tx, owner: UserId, meal: MealId, new: Vec<ingredients::ActiveModel>) -> Result<()> {
    let rows = (0..).zip(new).map(|(position, row)| ingredients::ActiveModel {
        user_id: Set(owner),
        meal_id: Set(meal),
        position: Set(position),
        ..row
    });
    ingredients::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Which share of a meal an amount of it is.
pub fn share(meal: &Model, quantity: Decimal, unit: &str) -> Result<scaling::Share> {
    Ok(Yield::of(meal).share(quantity, unit)?.0)
}

impl Yield {
    /// What this meal gives.
    pub fn of(meal: &Model) -> Self {
        Self { servings: meal.servings, cooked_weight: meal.cooked_weight }
    }
}

/// What a serving of a meal contains as its source says.
pub fn stated(meal: &Model) -> Result<Option<crate::nutrition::Nutrition>> {
    meal.stated_nutrition.clone().map(recipe::stated).transpose()
}

fn scalars(meal: &Model) -> JsonValue {
    serde_json::json!({
        "id": meal.id, "name": meal.name, "description": meal.description, "notes": meal.notes, "steps": meal.steps,
        "servings": meal.servings.map(|servings| servings.normalize()), "cookedWeight": meal.cooked_weight.map(|weight| weight.normalize()),
        "sourceUrl": meal.source_url, "version": meal.version,
    })
}
