//! Foods at hand: favourites, what was eaten last, and what is eaten most at a meal.

use chrono::{DateTime, Days, NaiveDate, Utc};
use entity::{
    favourite_foods::{ActiveModel, Column, Entity},
    id::{FoodId, UserId},
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Expr, ExprTrait},
};

use crate::{
    access::Tx,
    error::{Error, Result},
    foods::{self, Food},
    input,
    page::{Page, PageRequest},
};

/// Over how many days what somebody eats is looked at.
const REMEMBERED: Days = Days::new(90);

/// Makes a food a favourite of the viewer's. Repeating it changes nothing.
pub async fn add(tx: &Tx, id: FoodId) -> Result<Food> {
    let food = foods::find(tx, id).await?.ok_or(Error::NotFound("food"))?;
    let row = ActiveModel { user_id: Set(tx.viewer()?), food_id: Set(id), added_at: Set(tx.now()) };
    Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::FoodId]).exec_without_returning(tx).await?;
    Ok(food)
}

/// Makes a food no favourite of the viewer's any more. Answers with the food, if it is still there.
pub async fn remove(tx: &Tx, id: FoodId) -> Result<Option<Food>> {
    let removed = Entity::delete_many().filter(Column::UserId.eq(tx.viewer()?)).filter(Column::FoodId.eq(id)).exec(tx).await?.rows_affected;
    if removed == 0 {
        return Err(Error::NotFound("favourite"));
    }
    foods::find(tx, id).await
}

/// Which of these foods are favourites of the viewer's.
pub async fn among(tx: &Tx, ids: &[FoodId]) -> Result<Vec<FoodId>> {
    let rows = Entity::find().filter(Column::UserId.eq(tx.viewer()?)).filter(Column::FoodId.is_in(ids.iter().copied())).all(tx).await?;
    Ok(rows.into_iter().map(|row| row.food_id).collect())
}

/// The viewer's favourites that are there to be seen, those added last first.
pub async fn list(tx: &Tx, page: &PageRequest) -> Result<Page<Food>> {
    let listed = "favourite foods";
    let mut rows = Entity::find()
        .filter(Column::UserId.eq(tx.viewer()?))
        .filter(Expr::cust("EXISTS (SELECT FROM food_items f WHERE f.id = food_id AND f.deleted_at IS NULL)"))
        .order_by_desc(Column::AddedAt)
        .order_by_desc(Column::FoodId)
        .limit(page.limit()?);
    if let Some((at, id)) = page.key::<(DateTime<Utc>, FoodId)>(&listed)? {
        rows = rows.filter(
            Expr::tuple([Expr::col(Column::AddedAt), Expr::col(Column::FoodId)]).lt(Expr::tuple([Expr::value(at), Expr::value(id.0)])),
        );
    }
    let rows = page.page(&listed, rows.all(tx).await?, |row| (row.added_at, row.food_id))?;
    with_foods(tx, rows, |row| row.food_id).await
}

#[derive(FromQueryResult)]
struct Eaten {
    id: FoodId,
    uses: i64,
    last: DateTime<Utc>,
}

/// What `person` ate in the last 90 days, what was eaten last first. The foods that the viewer sees, whatever the diary shows.
pub async fn recent(tx: &Tx, person: UserId, today: NaiveDate, page: &PageRequest) -> Result<Page<Food>> {
    let listed = ("recent foods", person);
    let after: Option<(DateTime<Utc>, FoodId)> = page.key(&listed)?;
    let rows = eaten(tx, person, today, None, "(last, id) < ($4, $5)", "last DESC, id DESC", page, after).await?;
    with_foods(tx, page.page(&listed, rows, |row| (row.last, row.id))?, |row| row.id).await
}

/// What `person` ate most often in the last 90 days, at one meal or at any.
pub async fn usual(tx: &Tx, person: UserId, today: NaiveDate, meal: Option<&str>, page: &PageRequest) -> Result<Page<Food>> {
    let meal = meal.map(|meal| input::line("mealType", meal, 20)).transpose()?.map(|meal| meal.to_lowercase());
    let listed = ("usual foods", person, &meal);
    let after: Option<(i64, FoodId)> = page.key(&listed)?;
    let rows = eaten(tx, person, today, meal.as_deref(), "(uses, id) < ($4, $5)", "uses DESC, id DESC", page, after).await?;
    with_foods(tx, page.page(&listed, rows, |row| (row.uses, row.id))?, |row| row.id).await
}

#[expect(clippy::too_many_arguments, reason = "one statement in two orders")]
async fn eaten<Place: Into<sea_orm::Value>>(
    tx: &Tx,
    person: UserId,
    today: NaiveDate,
    meal: Option<&str>,
    after: &str,
    order: &str,
    page: &PageRequest,
    place: Option<(Place, FoodId)>,
) -> Result<Vec<Eaten>>
where
    Option<Place>: Into<sea_orm::Value>,
{
    let (place, id) = place.map_or((None, None), |(place, id)| (Some(place), Some(id.0)));
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "SELECT id, uses, last FROM (
               SELECT d.food_item_id AS id, count(*) AS uses, max(d.consumed_at) AS last FROM food_diary d
               WHERE d.user_id = $1 AND d.consumed_on > $2 AND d.deleted_at IS NULL AND d.status = 'eaten'
                 AND d.food_item_id IS NOT NULL
                 AND ($3::text IS NULL OR d.meal_type = $3)
               GROUP BY d.food_item_id) eaten
             WHERE ($5::uuid IS NULL OR {after}) AND EXISTS (SELECT FROM food_items f WHERE f.id = eaten.id AND f.deleted_at IS NULL)
             ORDER BY {order} LIMIT {}",
            page.limit()?
        ),
        [person.0.into(), (today - REMEMBERED).into(), meal.into(), place.into(), id.into()],
    );
    Ok(Eaten::find_by_statement(statement).all(tx).await?)
}

async fn with_foods<Row>(tx: &Tx, rows: Page<Row>, id: impl Fn(&Row) -> FoodId) -> Result<Page<Food>> {
    let foods = foods::by_ids(tx, &rows.items.iter().map(|(_, row)| id(row)).collect::<Vec<_>>()).await?;
    let items = rows.items.into_iter().filter_map(|(cursor, row)| Some((cursor, foods.iter().find(|food| food.id == id(&row))?.clone())));
    Ok(Page { items: items.collect(), has_next: rows.has_next })
}
