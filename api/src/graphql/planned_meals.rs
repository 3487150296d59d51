//! What is planned to be eaten on dates, and what became of it.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{
    family_access::AccessType,
    id::{FoodEntryId, FoodGroupId, MealPlanTemplateId, PlannedMealId, UserId},
    planned_meals as rows,
};
use service::{
    access::Tx,
    day,
    planned_meals::{self, DayAdherence, Replacement},
};

use super::{
    error::{Error, Result},
    food_diary::{FoodDay, FoodGroup},
    foods::{DeleteInput, Food},
    meals::{DishFields, Meal},
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{boxed, loaders, nullable, scope},
};

/// What is planned for a day, and how it went.
pub struct MealPlanDay {
    went: DayAdherence,
    meals: Vec<planned_meals::PlannedMeal>,
}

impl MealPlanDay {
    /// The days from `from` to `to`, at most 400, by two statements.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Self>> {
        let (from, to) = day::range(from, to, 400)?;
        let mut meals = planned_meals::between(tx, person, from, to).await?.into_iter().peekable();
        let went = planned_meals::adherence(tx, person, from, to).await?;
        let day = |went: DayAdherence| {
            let mut of_day = Vec::new();
            while let Some(meal) = meals.next_if(|meal| meal.row.planned_on == went.day) {
                of_day.push(meal);
            }
            Self { went, meals: of_day }
        };
        Ok(went.into_iter().map(day).collect())
    }

    async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        let mut days = Self::between(tx, person, date, date).await?;
        Ok(days.swap_remove(0))
    }
}

/// What is planned for a day, and how it went.
#[Object]
impl MealPlanDay {
    /// The day.
    async fn date(&self) -> Date {
        Date(self.went.day)
    }

    /// What is planned for it, in the order in which it was planned.
    async fn meals(&self) -> Vec<PlannedMeal> {
        self.meals.iter().cloned().map(PlannedMeal).collect()
    }

    /// How many meals are planned, whatever became of them.
    async fn planned(&self) -> i64 {
        self.went.planned
    }

    /// How many of them were eaten.
    async fn eaten(&self) -> i64 {
        self.went.eaten
    }

    /// In place of how many of them something else was eaten.
    async fn replaced(&self) -> i64 {
        self.went.replaced
    }

    /// How many of them were skipped.
    async fn skipped(&self) -> i64 {
        self.went.skipped
    }

    /// kcal of what is planned, as it was when it was planned, as far as they are known.
    async fn planned_calories(&self) -> Decimal {
        Decimal(self.went.planned_calories)
    }

    /// Whether the kcal of every part of all that is planned are known; else `plannedCalories` leaves something out.
    async fn calories_known(&self) -> bool {
        self.went.calories_known
    }

    /// kcal that the template aims at from which the day was planned: compare `plannedCalories`, which counts what was added to it too. Null
    /// where that was no template or several, where it aims at nothing, and for anyone but the person.
    async fn target_calories(&self) -> Option<Decimal> {
        self.went.target_calories.map(Decimal)
    }

    /// kcal of all that was eaten on the day, planned or not.
    async fn eaten_calories(&self) -> Decimal {
        Decimal(self.went.eaten_calories)
    }
}

/// Something to be eaten on a date. It is in no diary before it is eaten.
pub struct PlannedMeal(pub planned_meals::PlannedMeal);

/// Something to be eaten on a date. It is in no diary before it is eaten.
#[Object]
impl PlannedMeal {
    /// Identifies it in this person's plan.
    async fn id(&self) -> Uuid {
        Uuid(self.0.row.id.0)
    }

    /// On which day.
    async fn date(&self) -> Date {
        Date(self.0.row.planned_on)
    }

    /// breakfast, lunch, dinner, snack or one of the person's own.
    async fn meal_type(&self) -> &str {
        &self.0.row.meal_type
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.row.name
    }

    /// The meal as it is today; null when it is none, was deleted or is not shared.
    async fn meal(&self, ctx: &Context<'_>) -> Option<Result<Meal>> {
        let meal = self.0.row.meal_owner_id.zip(self.0.row.meal_id)?;
        boxed(async { Ok(loaders(ctx).load_one(meal).await?.map(Meal)) }).await.transpose()
    }

    /// The food as it is today; null when it is none, was deleted or is not shared.
    async fn food(&self, ctx: &Context<'_>) -> Option<Result<Food>> {
        let food = self.0.row.food_item_id?;
        boxed(async { Ok(loaders(ctx).load_one(food).await?.map(Food)) }).await.transpose()
    }

    /// How much.
    async fn quantity(&self) -> Decimal {
        Decimal(self.0.row.quantity)
    }

    /// The unit of `quantity`.
    async fn unit(&self) -> &str {
        &self.0.row.unit
    }

    /// What is to be remembered.
    async fn note(&self) -> Option<&str> {
        self.0.row.note.as_deref()
    }

    /// kcal of it when it was planned, as far as they were known: `unknown` names them if something is left out. Null when nothing was
    /// known.
    async fn calories(&self) -> Option<Decimal> {
        self.0.row.calories.map(Decimal)
    }

    /// g of protein in it when it was planned.
    async fn protein(&self) -> Option<Decimal> {
        self.0.row.protein.map(Decimal)
    }

    /// g of carbohydrates in it when it was planned.
    async fn carbohydrates(&self) -> Option<Decimal> {
        self.0.row.carbohydrates.map(Decimal)
    }

    /// g of fat in it when it was planned.
    async fn fat(&self) -> Option<Decimal> {
        self.0.row.fat.map(Decimal)
    }

    /// Which of calories, protein, carbohydrates and fat were not known of every part of it when it was planned.
    async fn unknown(&self) -> &[String] {
        &self.0.row.unknown
    }

    /// What became of it. What was eaten and taken out of the diary again is planned as before.
    async fn status(&self) -> PlannedMealStatus {
        self.0.stands.into()
    }

    /// What was logged for it, or in place of it; null when that was a single entry.
    async fn group(&self, ctx: &Context<'_>) -> Option<Result<FoodGroup>> {
        let group = self.0.row.eaten_group_id?;
        boxed(async { Ok(loaders(ctx).load_one((self.0.row.user_id, group)).await?.map(FoodGroup)) }).await.transpose()
    }

    /// The entry of the diary that was eaten in place of it.
    async fn entry_id(&self) -> Option<Uuid> {
        self.0.row.eaten_entry_id.map(|id| Uuid(id.0))
    }

    /// Who planned it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.row.created_by.filter(|writer| *writer != self.0.row.user_id)?;
        nullable(Person::known_as(ctx, writer)).await
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.row.version
    }
}

/// What became of something planned.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::PlanStatus")]
pub enum PlannedMealStatus {
    /// Nothing yet.
    Planned,
    /// It was eaten.
    Eaten,
    /// Something else was eaten in its place.
    Replaced,
    /// Nothing was eaten in its place.
    Skipped,
}

/// Something to be eaten on a date: a meal, a food, or a name alone.
#[derive(InputObject)]
pub struct PlanMealInput {
    /// Made by the client, so that a repeated request plans nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose plan; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// On which day.
    date: Unchecked<Date>,
    /// breakfast, lunch, dinner, snack or one of the person's own.
    meal_type: String,
    /// A meal.
    meal_id: Option<Unchecked<Uuid>>,
    /// Whose meal; the viewer's when absent.
    meal_person_id: Option<Unchecked<Uuid>>,
    /// Or a food.
    food_id: Option<Unchecked<Uuid>>,
    /// What it is called; needed where it is neither a meal nor a food.
    name: Option<String>,
    /// How much: 0.001 to 100000 with at most 3 decimals.
    quantity: Unchecked<Decimal>,
    /// Of a meal serving, batch or a unit of mass; of a food a unit code, serving or a portion.
    unit: String,
    /// What is to be remembered.
    note: Option<String>,
}

/// A template that is put on dates.
#[derive(InputObject)]
pub struct PlanMealsInput {
    /// Made by the client, so that a repeated request plans nothing twice: the first meal that is planned has it. By the server when
    /// absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose plan; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which template of the viewer's.
    template_id: Unchecked<Uuid>,
    /// The date of its first day.
    from: Unchecked<Date>,
    /// How often, one after the other: 1 to 52, and 400 days at most.
    #[graphql(default = 1)]
    times: i32,
}

/// What is to change of something planned. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdatePlannedMealInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose plan; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Moves it to this day.
    date: Option<Unchecked<Date>>,
    /// Which meal.
    meal_type: Option<String>,
    /// How much.
    quantity: Option<Unchecked<Decimal>>,
    /// The unit of `quantity`.
    unit: Option<String>,
    /// What is to be remembered; null clears it.
    note: MaybeUndefined<String>,
    /// Whether it is skipped.
    skipped: Option<bool>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// How something planned was eaten.
#[derive(InputObject)]
pub struct EatPlannedMealInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose plan; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// How much; what was planned when absent.
    quantity: Option<Unchecked<Decimal>>,
    /// The unit of `quantity`; the planned one when absent.
    unit: Option<String>,
    /// When; now when it was planned for today, else at the usual time of the meal type on the planned day.
    consumed_at: Option<Unchecked<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
}

/// What was eaten in place of something planned: `groupId` or `entryId`.
#[derive(InputObject)]
pub struct ReplacePlannedMealInput {
    /// What was planned.
    id: Unchecked<Uuid>,
    /// Whose plan; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// A logged meal of the person's diary.
    group_id: Option<Unchecked<Uuid>>,
    /// Or an entry of it.
    entry_id: Option<Unchecked<Uuid>>,
}

/// What is planned, and the day to draw.
#[derive(SimpleObject)]
pub struct PlanMealPayload {
    /// What is planned.
    planned_meal: PlannedMeal,
    /// The day it is on.
    day: MealPlanDay,
}

/// The days to draw.
#[derive(SimpleObject)]
pub struct PlanMealsPayload {
    /// Every day that the template was put on.
    days: Vec<MealPlanDay>,
}

/// What is planned after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdatePlannedMealPayload {
    /// What is planned.
    planned_meal: PlannedMeal,
    /// The day it is on, and before that the one it was on if it moved.
    days: Vec<MealPlanDay>,
}

/// What is off the plan, and the day to draw.
#[derive(SimpleObject)]
pub struct RemovePlannedMealPayload {
    /// Its id.
    deleted_id: Uuid,
    /// The day it was on.
    day: MealPlanDay,
}

/// What was eaten, and the days to draw.
#[derive(SimpleObject)]
pub struct EatPlannedMealPayload {
    /// What was planned.
    planned_meal: PlannedMeal,
    /// What is in the diary of it.
    group: FoodGroup,
    /// The day of the diary.
    food_day: FoodDay,
}

/// What was planned and replaced, and the day to draw.
#[derive(SimpleObject)]
pub struct ReplacePlannedMealPayload {
    /// What was planned.
    planned_meal: PlannedMeal,
    /// The day it is on.
    day: MealPlanDay,
}

/// Planning meals.
#[derive(Default)]
pub struct PlannedMealsMutation;

#[Object]
impl PlannedMealsMutation {
    /// Plans something for a day. Nothing is written to the diary.
    async fn plan_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What and when.")] input: PlanMealInput,
    ) -> Option<Result<PlanMealPayload>> {
        nullable(async {
            let dish = DishFields {
                meal_id: input.meal_id,
                meal_person_id: input.meal_person_id,
                food_id: input.food_id,
                name: input.name,
                quantity: input.quantity,
                unit: input.unit,
            };
            let new = planned_meals::NewPlannedMeal {
                id: input.id.check("id")?.map(|id| PlannedMealId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                date: input.date.check("date")?.0,
                meal_type: input.meal_type,
                dish: dish.check(ctx, "")?,
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let planned = planned_meals::plan(&tx, new).await?;
            let (person, date) = (planned.row.user_id, planned.row.planned_on);
            let day = MealPlanDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(PlanMealPayload { planned_meal: PlannedMeal(planned), day })
        })
        .await
    }

    /// Puts a template on dates, in addition to what is planned there. Nothing is written to the diary.
    async fn plan_meals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which template on which dates.")] input: PlanMealsInput,
    ) -> Option<Result<PlanMealsPayload>> {
        nullable(async {
            let placement = planned_meals::Placement {
                id: input.id.check("id")?.map(|id| PlannedMealId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                template: MealPlanTemplateId(input.template_id.check("templateId")?.0),
                from: input.from.check("from")?.0,
                times: input.times,
            };
            let tx = scope(ctx).write().await?;
            let (person, from, to) = planned_meals::place(&tx, placement).await?;
            let days = MealPlanDay::between(&tx, person, from, to).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(PlanMealsPayload { days })
        })
        .await
    }

    /// Moves, changes or skips something planned.
    async fn update_planned_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdatePlannedMealInput,
    ) -> Option<Result<UpdatePlannedMealPayload>> {
        nullable(async {
            let id = PlannedMealId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = planned_meals::PlannedMealChange {
                date: input.date.check("date")?.map(|date| date.0),
                meal_type: input.meal_type,
                quantity: input.quantity.check("quantity")?.map(|quantity| quantity.0),
                unit: input.unit,
                note: input.note.into(),
                skipped: input.skipped,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (planned, before) = planned_meals::update(&tx, person, id, change).await?;
            let (person, date) = (planned.row.user_id, planned.row.planned_on);
            let mut days = Vec::new();
            if before != date {
                days.push(MealPlanDay::on(&tx, person, before).await?);
            }
            days.push(MealPlanDay::on(&tx, person, date).await?);
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdatePlannedMealPayload { planned_meal: PlannedMeal(planned), days })
        })
        .await
    }

    /// Takes something off the plan. What was eaten of it stays in the diary.
    async fn remove_planned_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<RemovePlannedMealPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, date) = planned_meals::remove(&tx, person, PlannedMealId(id.0), input.expected_version).await?;
            let day = MealPlanDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(RemovePlannedMealPayload { deleted_id: id, day })
        })
        .await
    }

    /// Logs something planned as eaten, once: while it is in the diary, asking again answers the same. CONFLICT when its meal or food was
    /// deleted or is not shared any more: replacePlannedMeal says what was eaten in its place.
    async fn eat_planned_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one, and how.")] input: EatPlannedMealInput,
    ) -> Option<Result<EatPlannedMealPayload>> {
        nullable(async {
            let id = PlannedMealId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let eating = planned_meals::Eating {
                quantity: input.quantity.check("quantity")?.map(|quantity| quantity.0),
                unit: input.unit,
                consumed_at: input.consumed_at.check("consumedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
            };
            let tx = scope(ctx).write().await?;
            let (planned, group) = planned_meals::eat(&tx, person, id, eating).await?;
            let food_day = FoodDay::on(&tx, group.group.user_id, group.group.consumed_on).await?;
            scope(ctx).note_read(planned.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(EatPlannedMealPayload { planned_meal: PlannedMeal(planned), group: FoodGroup(group), food_day })
        })
        .await
    }

    /// Notes that something else, which is in the diary already, was eaten in place of something planned.
    async fn replace_planned_meal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What by what.")] input: ReplacePlannedMealInput,
    ) -> Option<Result<ReplacePlannedMealPayload>> {
        nullable(async {
            let id = PlannedMealId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let by = match (input.group_id.check("groupId")?, input.entry_id.check("entryId")?) {
                (Some(group), None) => Replacement::Group(FoodGroupId(group.0)),
                (None, Some(entry)) => Replacement::Entry(FoodEntryId(entry.0)),
                _ => return Err(Error::invalid("groupId", "say what was eaten: a groupId or an entryId, not both")),
            };
            let tx = scope(ctx).write().await?;
            let planned = planned_meals::replace(&tx, person, id, by).await?;
            let day = MealPlanDay::on(&tx, planned.row.user_id, planned.row.planned_on).await?;
            scope(ctx).note_read(planned.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(ReplacePlannedMealPayload { planned_meal: PlannedMeal(planned), day })
        })
        .await
    }
}
