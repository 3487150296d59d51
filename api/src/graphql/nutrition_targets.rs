//! What days are judged by: targets by date, training day, weekday and day.

use async_graphql::{ComplexObject, Context, Enum, InputObject, Object, SimpleObject};
use entity::{
    family_access::AccessType,
    food_diary,
    id::{NutritionTargetId, UserId},
    nutrition_targets as rows,
};
use service::{
    day::Calendar,
    food_diary::eaten,
    nutrition::Nutrition,
    nutrition_targets::{self as targets, Amounts, Percentages, When},
    routines,
};

use super::{
    error::{Error, Result},
    food_diary::FoodDay,
    foods::DeleteInput,
    nutrients,
    routines::Weekday,
    scalars::{CheckOption, Date, Decimal, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// Daily targets, as one number each: of a range the middle. Null: none was set.
#[derive(SimpleObject)]
pub struct NutritionTarget {
    /// kcal a day.
    calories: Option<Decimal>,
    /// g of protein a day.
    protein: Option<Decimal>,
    /// g of carbohydrates a day.
    carbohydrates: Option<Decimal>,
    /// g of fat a day.
    fat: Option<Decimal>,
}

impl From<targets::NutritionTarget> for NutritionTarget {
    fn from(target: targets::NutritionTarget) -> Self {
        Self {
            calories: target.calories.map(Decimal),
            protein: target.protein.map(Decimal),
            carbohydrates: target.carbohydrates.map(Decimal),
            fat: target.fat.map(Decimal),
        }
    }
}

/// What a day is judged by of one nutrient, and how the day stands beside it. None of the amounts is ever negative.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct NutrientTarget {
    #[graphql(skip)]
    key: String,
    /// The least that is aimed at; null when only a most is. An amount is both.
    minimum: Option<Decimal>,
    /// The most that is aimed at; null when only a least is.
    maximum: Option<Decimal>,
    /// Of a macronutrient: its part of the energy in percent, as it was set, or as the grams of all three come to, which add up to 100.
    percent: Option<Decimal>,
    /// What was eaten, as far as the entries state it.
    eaten: Decimal,
    /// Whether every entry states it: when false, it may be more than `eaten`.
    complete: bool,
    /// What is still to be eaten to reach `minimum`; 0 when it is reached or there is none.
    missing: Decimal,
    /// What may still be eaten up to `maximum`, or where there is none what is still to be eaten; 0 when nothing is left.
    left: Decimal,
    /// What was eaten beyond `maximum`; 0 when nothing was or there is none.
    over: Decimal,
    /// How the day stands.
    standing: TargetStanding,
    /// Why the day is judged by this.
    reason: TargetReason,
    /// The id of the target that says so, or of the goal when `reason` is GOAL.
    set_by: Uuid,
}

#[ComplexObject]
impl NutrientTarget {
    /// The nutrient's code: ENERC_KCAL (kcal), PROCNT, CHOCDF and FAT (g), FIBTG and SUGAR (g), NA (mg), another of the catalogue, or one
    /// that the person defined; in whose unit the amounts are.
    async fn nutrient(&self, ctx: &Context<'_>) -> Result<String> {
        nutrients::code_of(ctx, &self.key).await
    }
}

impl NutrientTarget {
    /// The target beside what was eaten.
    pub fn judging(target: targets::NutrientTarget, entries: &[food_diary::Model]) -> Self {
        let amounts: Vec<_> = eaten(entries).map(|entry| Nutrition::from(entry).nutrient(&target.nutrient)).collect();
        let amount: rust_decimal::Decimal = amounts.iter().flatten().sum();
        let judged = target.aim.judge(amount);
        Self {
            key: target.nutrient,
            minimum: target.aim.minimum().map(Decimal),
            maximum: target.aim.maximum().map(Decimal),
            percent: target.percent.map(Decimal),
            eaten: Decimal(amount),
            complete: amounts.iter().all(Option::is_some),
            missing: Decimal(judged.missing),
            left: Decimal(judged.left),
            over: Decimal(judged.over),
            standing: judged.standing.into(),
            reason: target.reason.into(),
            set_by: Uuid(target.set_by),
        }
    }
}

/// How a day stands beside a target.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "targets::Standing")]
pub enum TargetStanding {
    /// The least is not reached yet.
    Below,
    /// Neither too little nor too much.
    Within,
    /// The most is exceeded.
    Above,
}

/// Why a day is judged by a target; the first of these that there is holds, but the last two, of which the one that began last holds.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "targets::Reason")]
pub enum TargetReason {
    /// It was set for this date.
    Date,
    /// It is for training days, and there is an entry in the exercise diary.
    Trained,
    /// It is for training days, and training is planned on this day of the week.
    TrainingPlanned,
    /// It is for this day of the week.
    Weekday,
    /// It is for every day.
    EveryDay,
    /// It is a daily goal, such as a calorie_target.
    Goal,
}

/// Which days a target is for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::TargetDays")]
pub enum TargetDays {
    /// Every day.
    EveryDay,
    /// Certain days of every week.
    Weekdays,
    /// Days with an entry in the exercise diary, and days of the week on which training is planned.
    TrainingDays,
    /// One day.
    Date,
}

/// A target as it was set. Nothing of it but its end ever changes.
#[derive(Clone)]
pub struct NutritionTargetRule(rows::Model);

/// A target as it was set. Nothing of it but its end ever changes.
#[Object]
impl NutritionTargetRule {
    /// Identifies the target among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Which days it is for.
    async fn days(&self) -> TargetDays {
        self.0.days.into()
    }

    /// Which days of the week: those it is for, or of training days those on which training is planned; null when none are named.
    async fn weekdays(&self) -> Option<Vec<Weekday>> {
        self.0.weekdays.as_deref().map(|numbers| routines::weekdays(numbers).into_iter().map(Weekday::from).collect())
    }

    /// The first day it is in force.
    async fn valid_from(&self) -> Date {
        Date(self.0.valid_from)
    }

    /// The first day it is no longer in force; null while it has no end.
    async fn valid_to(&self) -> Option<Date> {
        self.0.valid_to.map(Date)
    }

    /// What is aimed at.
    async fn aims(&self) -> Result<Vec<NutrientAim>> {
        let aim = |(key, aim): (String, targets::Aim)| NutrientAim {
            key,
            minimum: aim.minimum().map(Decimal),
            maximum: aim.maximum().map(Decimal),
        };
        Ok(targets::aims(&self.0)?.into_iter().map(aim).collect())
    }

    /// The macronutrients in percent of the energy, where they were set so.
    async fn percentages(&self) -> Option<MacroPercentages> {
        Some(MacroPercentages {
            protein: Decimal(self.0.protein_percent?),
            carbohydrates: Decimal(self.0.carbohydrates_percent?),
            fat: Decimal(self.0.fat_percent?),
        })
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

impl From<rows::Model> for NutritionTargetRule {
    fn from(row: rows::Model) -> Self {
        Self(row)
    }
}

/// What is aimed at of one nutrient a day, in its unit.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct NutrientAim {
    #[graphql(skip)]
    key: String,
    /// The least; null when only a most was set. An amount is both.
    minimum: Option<Decimal>,
    /// The most; null when only a least was set.
    maximum: Option<Decimal>,
}

#[ComplexObject]
impl NutrientAim {
    /// The nutrient's code.
    async fn nutrient(&self, ctx: &Context<'_>) -> Result<String> {
        nutrients::code_of(ctx, &self.key).await
    }
}

/// The parts of the energy in percent: 100 together, at 4 kcal per g of protein and carbohydrates and 9 per g of fat.
#[derive(SimpleObject)]
pub struct MacroPercentages {
    /// Of protein.
    protein: Decimal,
    /// Of carbohydrates.
    carbohydrates: Decimal,
    /// Of fat.
    fat: Decimal,
}

/// What is to be aimed at of one nutrient a day: an amount, or a least, a most or both.
#[derive(InputObject)]
pub struct NutrientAimInput {
    /// calories, protein, carbohydrates, fat, fiber, sugar, sodium, the code of any nutrient, such as FASAT, or one of the person's own.
    nutrient: String,
    /// So much, in the nutrient's unit (kcal, g, mg of sodium), at most 3 decimals.
    amount: Option<Unchecked<Decimal>>,
    /// At least so much.
    minimum: Option<Unchecked<Decimal>>,
    /// At most so much; with `minimum`, a range.
    maximum: Option<Unchecked<Decimal>>,
}

/// The parts of the energy in percent, at most 1 decimal each. They must add up to 100.
#[derive(InputObject)]
pub struct MacroPercentagesInput {
    /// Of protein.
    protein: Unchecked<Decimal>,
    /// Of carbohydrates.
    carbohydrates: Unchecked<Decimal>,
    /// Of fat.
    fat: Unchecked<Decimal>,
}

/// A target to set. Those that are there stay as they are, and hold again when this one ends.
#[derive(InputObject)]
pub struct SetNutritionTargetInput {
    /// Made by the client, so that a repeated request sets nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which days it is for.
    days: TargetDays,
    /// The day, when `days` is DATE.
    date: Option<Unchecked<Date>>,
    /// The days of the week, when `days` is WEEKDAYS; those on which training is planned, when it is TRAINING_DAYS.
    weekdays: Option<Vec<Weekday>>,
    /// The first day in force; today when absent. Not for a DATE.
    valid_from: Option<Unchecked<Date>>,
    /// The first day no longer in force, if it is to end by itself. Not for a DATE.
    valid_to: Option<Unchecked<Date>>,
    /// What is aimed at, 1 to 60 nutrients.
    aims: Vec<NutrientAimInput>,
    /// The macronutrients in percent of the energy, in place of aims of their own.
    percentages: Option<MacroPercentagesInput>,
}

impl SetNutritionTargetInput {
    fn checked(self) -> Result<targets::NewNutritionTarget> {
        let date = self.date.check("date")?.map(|date| date.0);
        let weekdays: Option<Vec<_>> = self.weekdays.map(|days| days.into_iter().map(Into::into).collect());
        let (valid_from, valid_to) = (self.valid_from.check("validFrom")?, self.valid_to.check("validTo")?);
        if self.days == TargetDays::Date && (valid_from.is_some() || valid_to.is_some()) {
            return Err(Error::invalid("validFrom", "a target for one date is in force on that day: leave out validFrom and validTo"));
        }
        let when = match (self.days, date, weekdays) {
            (TargetDays::EveryDay, None, None) => When::EveryDay,
            (TargetDays::Weekdays, None, Some(days)) => When::Weekdays(days),
            (TargetDays::TrainingDays, None, planned) => When::TrainingDays(planned.unwrap_or_default()),
            (TargetDays::Date, Some(date), None) => When::Date(date),
            (TargetDays::Date, None, _) => return Err(Error::invalid("date", "which day? days is DATE")),
            (TargetDays::Weekdays, _, None) => return Err(Error::invalid("weekdays", "which days of the week? days is WEEKDAYS")),
            (_, Some(_), _) => return Err(Error::invalid("date", "is only for a target whose days is DATE")),
            (_, None, Some(_)) => return Err(Error::invalid("weekdays", "is only for targets whose days is WEEKDAYS or TRAINING_DAYS")),
        };
        let aim = |(place, aim): (usize, NutrientAimInput)| {
            let amount = |name: &str, value: Option<Unchecked<Decimal>>| {
                Ok::<_, Error>(value.check(&format!("aims[{place}].{name}"))?.map(|value| value.0))
            };
            let amounts = Amounts {
                amount: amount("amount", aim.amount)?,
                minimum: amount("minimum", aim.minimum)?,
                maximum: amount("maximum", aim.maximum)?,
            };
            Ok((aim.nutrient, amounts))
        };
        let percentages = |parts: MacroPercentagesInput| {
            Ok::<_, Error>(Percentages {
                protein: parts.protein.check("percentages.protein")?.0,
                carbohydrates: parts.carbohydrates.check("percentages.carbohydrates")?.0,
                fat: parts.fat.check("percentages.fat")?.0,
            })
        };
        Ok(targets::NewNutritionTarget {
            id: self.id.check("id")?.map(|id| NutritionTargetId(id.0)),
            person: self.person_id.check("personId")?.map(|id| UserId(id.0)),
            when,
            valid_from: valid_from.map(|date| date.0),
            valid_to: valid_to.map(|date| date.0),
            aims: self.aims.into_iter().enumerate().map(aim).collect::<Result<_>>()?,
            percentages: self.percentages.map(percentages).transpose()?,
        })
    }
}

/// A target to end.
#[derive(InputObject)]
pub struct EndNutritionTargetInput {
    /// Which target.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// The first day on which it is no longer in force; today when absent.
    valid_to: Option<Unchecked<Date>>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The target, and what today comes to.
#[derive(SimpleObject)]
pub struct SetNutritionTargetPayload {
    /// The target.
    target: NutritionTargetRule,
    /// The person's today.
    today: FoodDay,
}

/// The target that ends, and what today comes to.
#[derive(SimpleObject)]
pub struct EndNutritionTargetPayload {
    /// The target.
    target: NutritionTargetRule,
    /// The person's today.
    today: FoodDay,
}

/// What is gone, and what today comes to.
#[derive(SimpleObject)]
pub struct DeleteNutritionTargetPayload {
    /// The id of the target.
    deleted_id: Uuid,
    /// The person's today.
    today: FoodDay,
}

/// Setting targets.
#[derive(Default)]
pub struct NutritionTargetsMutation;

#[Object]
impl NutritionTargetsMutation {
    /// Sets what certain days are judged by. Nothing that is there changes: of what is in force on a day, the more particular holds, then
    /// what begins last. A relative with CALORIE who may write may set it, too.
    async fn set_nutrition_target(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The target.")] input: SetNutritionTargetInput,
    ) -> Option<Result<SetNutritionTargetPayload>> {
        nullable(async {
            let new = input.checked()?;
            let tx = scope(ctx).write().await?;
            let row = targets::set(&tx, new).await?;
            let today = today(ctx, &tx, row.user_id).await?;
            tx.commit().await?;
            Ok(SetNutritionTargetPayload { target: row.into(), today })
        })
        .await
    }

    /// Ends a target: from that day on, days are judged by what else is in force. Days before stay judged as they were.
    async fn end_nutrition_target(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which target, and when.")] input: EndNutritionTargetInput,
    ) -> Option<Result<EndNutritionTargetPayload>> {
        nullable(async {
            let id = NutritionTargetId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let valid_to = input.valid_to.check("validTo")?.map(|date| date.0);
            let tx = scope(ctx).write().await?;
            let row = targets::end(&tx, person, id, valid_to, input.expected_version).await?;
            let today = today(ctx, &tx, row.user_id).await?;
            tx.commit().await?;
            Ok(EndNutritionTargetPayload { target: row.into(), today })
        })
        .await
    }

    /// Takes back a target that was set by mistake, also from days that are over. To stop it from a day on, end it.
    async fn delete_nutrition_target(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which target.")] input: DeleteInput,
    ) -> Option<Result<DeleteNutritionTargetPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let row = targets::delete(&tx, person, NutritionTargetId(id.0), input.expected_version).await?;
            let today = today(ctx, &tx, row.user_id).await?;
            tx.commit().await?;
            Ok(DeleteNutritionTargetPayload { deleted_id: id, today })
        })
        .await
    }
}

async fn today(ctx: &Context<'_>, tx: &service::access::Tx, person: UserId) -> Result<FoodDay> {
    scope(ctx).note_read(person, AccessType::Calorie);
    let date = Calendar::of(tx, person).await?.today(tx.now());
    FoodDay::on(tx, person, date).await
}
