//! The meals of a person's day: their names, order and usual times.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{
    family_access::AccessType,
    id::{MealTypeId, UserId},
};
use service::{access::Tx, meal_types};

use super::{
    error::Result,
    scalars::{CheckOption, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A meal of a person's day.
#[derive(SimpleObject, Clone)]
pub struct MealType {
    /// What entries hold as their `mealType`. It stays when the meal is called otherwise.
    pub code: String,
    /// What it is called.
    pub name: String,
    /// Its place in the day: meals come in this order.
    pub position: i32,
    /// The usual time, HH:MM: of what is logged for another day without a time. Null: noon.
    pub default_time: Option<String>,
    /// Whether it is offered no more.
    pub hidden: bool,
    /// Whether it is one of breakfast, lunch, dinner and snack, which everybody has and which can be hidden and not deleted.
    pub built_in: bool,
    /// Counts the changes; 0 while it is as everybody has it. Pass it as `expectedVersion` to lose no other change.
    pub version: i32,
}

impl From<meal_types::MealType> for MealType {
    fn from(meal: meal_types::MealType) -> Self {
        Self {
            code: meal.code,
            name: meal.name,
            position: meal.position,
            default_time: meal.default_time.map(|time| time.format("%H:%M").to_string()),
            hidden: meal.hidden,
            built_in: meal.built_in,
            version: meal.version,
        }
    }
}

impl MealType {
    /// The meals of a person's day in their order.
    pub async fn of(tx: &Tx, person: UserId) -> Result<Vec<Self>> {
        Ok(meal_types::list(tx, person).await?.into_iter().map(Self::from).collect())
    }
}

/// A meal of one's own.
#[derive(InputObject)]
pub struct CreateMealTypeInput {
    /// Made by the client, so that a repeated request adds nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called, at most 20 characters. In lower case it becomes the code.
    name: String,
    /// Its place in the day, 0 to 100000; after all others when absent. Breakfast, lunch, dinner and snack are at 100, 200, 300 and 400.
    position: Option<i32>,
    /// The usual time, HH:MM.
    default_time: Option<String>,
}

/// What is to change of a meal. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateMealTypeInput {
    /// Which one, breakfast, lunch, dinner and snack too.
    code: String,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called, at most 20 characters.
    name: Option<String>,
    /// Its place in the day, 0 to 100000.
    position: Option<i32>,
    /// The usual time, HH:MM.
    default_time: MaybeUndefined<String>,
    /// Whether it is offered no more.
    hidden: Option<bool>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// Which meal to delete.
#[derive(InputObject)]
pub struct DeleteMealTypeInput {
    /// Which one.
    code: String,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The meal that was added, and all meals to draw.
#[derive(SimpleObject)]
pub struct CreateMealTypePayload {
    /// The meal.
    meal_type: MealType,
    /// All meals in their order.
    meal_types: Vec<MealType>,
}

/// The meal after the change, and all meals to draw.
#[derive(SimpleObject)]
pub struct UpdateMealTypePayload {
    /// The meal.
    meal_type: MealType,
    /// All meals in their order.
    meal_types: Vec<MealType>,
}

/// The meals that are left.
#[derive(SimpleObject)]
pub struct DeleteMealTypePayload {
    /// The code of the meal that is gone. Entries that were logged for it keep it.
    deleted_code: String,
    /// All meals in their order.
    meal_types: Vec<MealType>,
}

/// Arranging the meals of a day.
#[derive(Default)]
pub struct MealTypesMutation;

#[Object]
impl MealTypesMutation {
    /// Adds a meal of one's own.
    async fn create_meal_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The meal.")] input: CreateMealTypeInput,
    ) -> Option<Result<CreateMealTypePayload>> {
        nullable(async {
            let new = meal_types::NewMealType {
                id: input.id.check("id")?.map(|id| MealTypeId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                name: input.name,
                position: input.position,
                default_time: input.default_time,
            };
            let tx = scope(ctx).write().await?;
            let (person, meal) = meal_types::create(&tx, new).await?;
            let meal_types = MealType::of(&tx, person).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(CreateMealTypePayload { meal_type: meal.into(), meal_types })
        })
        .await
    }

    /// Calls, orders, times or hides a meal otherwise. No entry changes.
    async fn update_meal_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateMealTypeInput,
    ) -> Option<Result<UpdateMealTypePayload>> {
        nullable(async {
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = meal_types::MealTypeChange {
                name: input.name,
                position: input.position,
                default_time: input.default_time.into(),
                hidden: input.hidden,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (person, meal) = meal_types::update(&tx, person, &input.code, change).await?;
            let meal_types = MealType::of(&tx, person).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateMealTypePayload { meal_type: meal.into(), meal_types })
        })
        .await
    }

    /// Deletes a meal of one's own. Entries that were logged for it keep it, and days show it after the others.
    async fn delete_meal_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteMealTypeInput,
    ) -> Option<Result<DeleteMealTypePayload>> {
        nullable(async {
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let person = meal_types::delete(&tx, person, &input.code, input.expected_version).await?;
            let meal_types = MealType::of(&tx, person).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteMealTypePayload { deleted_code: input.code, meal_types })
        })
        .await
    }
}
