//! What people drink: water and other drinks, and the glasses and bottles they drink from.

use std::{collections::BTreeMap, sync::Arc};

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{
    family_access::AccessType,
    id::{UserId, WaterContainerId, WaterEntryId},
    water_containers, water_entries as rows,
};
use service::{
    access::Tx,
    day,
    error::Error as ServiceError,
    water::{self, Drunk, FoodFluids, WaterTargets},
};
use tokio::sync::OnceCell;

use super::{
    error::Result,
    food_diary::RestoreInput,
    foods::DeleteInput,
    person::Person,
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{boxed, nullable, scope},
};

/// What a person drank on a day.
pub struct WaterDay {
    date: NaiveDate,
    entries: Vec<rows::Model>,
    range: Arc<Range>,
}

/// What days share that are read together.
struct Range {
    person: UserId,
    from: NaiveDate,
    to: NaiveDate,
    of_foods: OnceCell<BTreeMap<NaiveDate, FoodFluids>>,
    targets: OnceCell<WaterTargets>,
}

impl WaterDay {
    /// The days from `from` to `to`, read by one statement.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Self>> {
        let (from, to) = day::range(from, to, 400)?;
        let mut entries = water::between(tx, person, from, to).await?.into_iter().peekable();
        let range = Arc::new(Range { person, from, to, of_foods: OnceCell::new(), targets: OnceCell::new() });
        let day = |date| {
            let mut of_day = Vec::new();
            while let Some(entry) = entries.next_if(|entry| entry.drank_on == date) {
                of_day.push(entry);
            }
            Self { date, entries: of_day, range: range.clone() }
        };
        Ok(from.iter_days().take_while(|date| *date <= to).map(day).collect())
    }

    async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        let mut days = Self::between(tx, person, date, date).await?;
        Ok(days.swap_remove(0))
    }

    fn sum(&self, counts: impl Fn(&rows::Model) -> bool) -> rust_decimal::Decimal {
        self.entries.iter().filter(|entry| counts(entry)).map(|entry| entry.milliliters).sum()
    }

    async fn of_foods(&self, ctx: &Context<'_>) -> Result<FoodFluids> {
        let Range { person, from, to, of_foods, .. } = &*self.range;
        let read = async || Ok::<_, super::error::Error>(water::of_foods(&*scope(ctx).read().await?, *person, *from, *to).await?);
        Ok(of_foods.get_or_try_init(read).await?.get(&self.date).cloned().unwrap_or_default())
    }
}

/// What a person drank on a day. Volumes are in ml.
#[Object]
impl WaterDay {
    /// The day, as the person's zone and start of day cut it.
    async fn date(&self) -> Date {
        Date(self.date)
    }

    /// What was drunk, in that order.
    async fn entries(&self) -> Vec<WaterEntry> {
        self.entries.iter().cloned().map(WaterEntry).collect()
    }

    /// Plain water.
    async fn water(&self) -> Decimal {
        Decimal(self.sum(|entry| entry.drink == water::WATER))
    }

    /// What was logged here as another drink, such as tea.
    async fn other_drinks(&self) -> Decimal {
        Decimal(self.sum(|entry| entry.drink != water::WATER))
    }

    /// What was logged as food and is told by volume, such as milk or soup: in a unit of volume, or of a food that is described by one.
    /// Spoonfuls do not count.
    async fn drinks_in_food_diary(&self, ctx: &Context<'_>) -> Option<Result<Decimal>> {
        nullable(async { Ok(Decimal(self.of_foods(ctx).await?.drinks)) }).await
    }

    /// All drinks: `water`, `otherDrinks` and `drinksInFoodDiary`. What is logged here and as food counts twice, so log it in one place.
    async fn drinks(&self, ctx: &Context<'_>) -> Option<Result<Decimal>> {
        nullable(async { Ok(Decimal(self.sum(|_| true) + self.of_foods(ctx).await?.drinks)) }).await
    }

    /// All water that was taken in: what was logged here, and the water that foods state, at 1 ml for 1 g. It is another figure than
    /// `drinks`, and what recommendations of total water are about.
    async fn total_water(&self, ctx: &Context<'_>) -> Option<Result<Decimal>> {
        nullable(async { Ok(Decimal(self.sum(|_| true) + self.of_foods(ctx).await?.water)) }).await
    }

    /// How many foods that were eaten do not state their water: while there are some, `totalWater` is a lower bound.
    async fn foods_without_water(&self, ctx: &Context<'_>) -> Option<Result<i32>> {
        nullable(async { Ok(i32::try_from(self.of_foods(ctx).await?.unknown).unwrap_or(i32::MAX)) }).await
    }

    /// How much was to be drunk: the goal `water_target` that was in force on the day, in ml; null when none was.
    async fn goal(&self, ctx: &Context<'_>) -> Option<Result<Decimal>> {
        boxed(async {
            let Range { person, from, to, targets, .. } = &*self.range;
            let read = async || Ok::<_, super::error::Error>(WaterTargets::between(&*scope(ctx).read().await?, *person, *from, *to).await?);
            Ok(targets.get_or_try_init(read).await?.on(self.date).map(Decimal))
        })
        .await
        .transpose()
    }
}

/// Something drunk.
pub struct WaterEntry(rows::Model);

/// Something drunk.
#[Object]
impl WaterEntry {
    /// Identifies it among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// water, or what else it was, in lower case.
    async fn drink(&self) -> &str {
        &self.0.drink
    }

    /// How much, as typed.
    async fn quantity(&self) -> Decimal {
        Decimal(self.0.quantity)
    }

    /// The unit of `quantity`.
    async fn unit(&self) -> &str {
        &self.0.unit
    }

    /// The same in ml.
    async fn milliliters(&self) -> Decimal {
        Decimal(self.0.milliliters)
    }

    /// The container that it was drunk from, which may be gone.
    async fn container_id(&self) -> Option<Uuid> {
        self.0.container_id.map(|id| Uuid(id.0))
    }

    /// When.
    async fn drank_at(&self) -> DateTime {
        DateTime(self.0.drank_at)
    }

    /// The zone it was drunk in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.time_zone)?))
    }

    /// The day it counts for, fixed when it was logged.
    async fn date(&self) -> Date {
        Date(self.0.drank_on)
    }

    /// What the person wrote beside it.
    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    /// Who logged it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.created_by.filter(|writer| *writer != self.0.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// A glass or a bottle.
#[derive(SimpleObject)]
pub struct WaterContainer {
    /// Identifies it among this person's.
    id: Uuid,
    /// What it is called.
    name: String,
    /// How much it holds.
    volume: Decimal,
    /// The unit of `volume`.
    unit: String,
    /// How often it is drunk from until it is empty.
    servings: i32,
    /// Whether it is the one that `logWater` takes when nothing else is said.
    primary: bool,
    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    version: i32,
}

impl From<water_containers::Model> for WaterContainer {
    fn from(row: water_containers::Model) -> Self {
        Self {
            id: Uuid(row.id.0),
            name: row.name,
            volume: Decimal(row.volume),
            unit: row.unit,
            servings: row.servings,
            primary: row.is_primary,
            version: row.version,
        }
    }
}

impl WaterContainer {
    /// What a person drinks from.
    pub async fn of(tx: &Tx, person: UserId) -> Result<Vec<Self>> {
        Ok(water::containers(tx, person).await?.into_iter().map(Self::from).collect())
    }
}

/// Something drunk: a volume, or servings of a container. With neither it is a serving of the primary container.
#[derive(InputObject)]
pub struct LogWaterInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// How much, with `unit`: 0.001 to 100000 with at most 3 decimals, and at most 100 l.
    quantity: Option<Unchecked<Decimal>>,
    /// A unit of volume: ml, l, fl_oz, cup, …
    unit: Option<String>,
    /// The container it was drunk from, in place of `quantity` and `unit`.
    container_id: Option<Unchecked<Uuid>>,
    /// How many servings of the container; 1 when absent.
    servings: Option<Unchecked<Decimal>>,
    /// What was drunk, at most 50 characters; water when absent.
    drink: Option<String>,
    /// When; now when absent.
    drank_at: Option<Unchecked<DateTime>>,
    /// On which day, in place of `drankAt`: now when that is today, else at noon.
    date: Option<Unchecked<Date>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Anything to remember, at most 1000 characters.
    note: Option<String>,
}

/// What is to change of something drunk. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateWaterEntryInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// How much.
    quantity: Option<Unchecked<Decimal>>,
    /// A unit of volume.
    unit: Option<String>,
    /// What was drunk.
    drink: Option<String>,
    /// When; the day follows.
    drank_at: Option<Unchecked<DateTime>>,
    /// Where; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Anything to remember, at most 1000 characters.
    note: MaybeUndefined<String>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// A glass or a bottle.
#[derive(InputObject)]
pub struct CreateWaterContainerInput {
    /// Made by the client, so that a repeated request adds nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called, at most 100 characters.
    name: String,
    /// How much it holds: 0.001 to 100000 with at most 3 decimals, and at most 100 l.
    volume: Unchecked<Decimal>,
    /// A unit of volume: ml, l, fl_oz, cup, …
    unit: String,
    /// How often it is drunk from until it is empty, 1 to 100.
    #[graphql(default = 1)]
    servings: i32,
    /// Whether `logWater` takes it when nothing else is said. No other one is primary then.
    #[graphql(default)]
    primary: bool,
}

/// What is to change of a container. Absent keeps. What was drunk from it stays as it was.
#[derive(InputObject)]
pub struct UpdateWaterContainerInput {
    /// Which one.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: Option<String>,
    /// How much it holds.
    volume: Option<Unchecked<Decimal>>,
    /// A unit of volume.
    unit: Option<String>,
    /// How often it is drunk from until it is empty.
    servings: Option<i32>,
    /// Whether `logWater` takes it when nothing else is said.
    primary: Option<bool>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// What was logged, and the day to draw.
#[derive(SimpleObject)]
pub struct LogWaterPayload {
    /// The entry.
    entry: WaterEntry,
    /// The day it is on.
    day: WaterDay,
}

/// The entry after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdateWaterEntryPayload {
    /// The entry.
    entry: WaterEntry,
    /// The day it is on, and before that the one it was on if it moved.
    days: Vec<WaterDay>,
}

/// What is gone, and the day to draw.
#[derive(SimpleObject)]
pub struct DeleteWaterEntryPayload {
    /// The id of the entry.
    deleted_id: Uuid,
    /// The day it was on.
    day: WaterDay,
}

/// What is back, and the day to draw.
#[derive(SimpleObject)]
pub struct RestoreWaterEntryPayload {
    /// The entry.
    entry: WaterEntry,
    /// The day it is on.
    day: WaterDay,
}

/// The container that was added, and all of them to draw.
#[derive(SimpleObject)]
pub struct CreateWaterContainerPayload {
    /// The container.
    container: WaterContainer,
    /// All of them, the primary one first.
    containers: Vec<WaterContainer>,
}

/// The container after the change, and all of them to draw.
#[derive(SimpleObject)]
pub struct UpdateWaterContainerPayload {
    /// The container.
    container: WaterContainer,
    /// All of them, the primary one first.
    containers: Vec<WaterContainer>,
}

/// What is gone, and the containers that are left.
#[derive(SimpleObject)]
pub struct DeleteWaterContainerPayload {
    /// The id of the container. What was drunk from it stays.
    deleted_id: Uuid,
    /// All that are left, the primary one first.
    containers: Vec<WaterContainer>,
}

fn drunk(input: &mut LogWaterInput) -> Result<Drunk> {
    let quantity = input.quantity.take().check("quantity")?.map(|quantity| quantity.0);
    let container = input.container_id.take().check("containerId")?.map(|id| WaterContainerId(id.0));
    let servings = input.servings.take().check("servings")?.map(|servings| servings.0);
    match (quantity, input.unit.take(), container, servings) {
        (Some(quantity), Some(unit), None, None) => Ok(Drunk::Volume { quantity, unit }),
        (None, None, container, servings) => Ok(Drunk::Of { container, servings: servings.unwrap_or(rust_decimal::Decimal::ONE) }),
        (Some(_), None, None, None) => Err(ServiceError::invalid("unit", "say the unit of quantity, such as ml").into()),
        (None, Some(_), None, None) => Err(ServiceError::invalid("quantity", "say how much, or leave out unit").into()),
        _ => Err(ServiceError::invalid("quantity", "is either quantity with unit, or servings of a container: leave out the other").into()),
    }
}

/// Logging what is drunk.
#[derive(Default)]
pub struct WaterMutation;

#[Object]
impl WaterMutation {
    /// Logs something drunk: water unless said otherwise, and a serving of the primary container unless said how much.
    async fn log_water(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was drunk.")] mut input: LogWaterInput,
    ) -> Option<Result<LogWaterPayload>> {
        nullable(async {
            let new = water::NewWaterEntry {
                amount: drunk(&mut input)?,
                id: input.id.check("id")?.map(|id| WaterEntryId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                drink: input.drink,
                drank_at: input.drank_at.check("drankAt")?.map(|at| at.0),
                date: input.date.check("date")?.map(|date| date.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                note: input.note,
            };
            let tx = scope(ctx).write().await?;
            let entry = water::log(&tx, new).await?;
            let day = WaterDay::on(&tx, entry.user_id, entry.drank_on).await?;
            scope(ctx).note_read(entry.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(LogWaterPayload { entry: WaterEntry(entry), day })
        })
        .await
    }

    /// Changes something drunk.
    async fn update_water_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateWaterEntryInput,
    ) -> Option<Result<UpdateWaterEntryPayload>> {
        nullable(async {
            let id = WaterEntryId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = water::WaterEntryChange {
                quantity: input.quantity.check("quantity")?.map(|quantity| quantity.0),
                unit: input.unit,
                drink: input.drink,
                drank_at: input.drank_at.check("drankAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                note: input.note.into(),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (entry, before) = water::update(&tx, person, id, change).await?;
            let mut days = Vec::new();
            if before != entry.drank_on {
                days.push(WaterDay::on(&tx, entry.user_id, before).await?);
            }
            days.push(WaterDay::on(&tx, entry.user_id, entry.drank_on).await?);
            scope(ctx).note_read(entry.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateWaterEntryPayload { entry: WaterEntry(entry), days })
        })
        .await
    }

    /// Takes something drunk away.
    async fn delete_water_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteWaterEntryPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, date) = water::delete(&tx, person, WaterEntryId(id.0), input.expected_version).await?;
            let day = WaterDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteWaterEntryPayload { deleted_id: id, day })
        })
        .await
    }

    /// Brings something drunk back that was taken away, for as long as it is kept.
    async fn restore_water_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RestoreInput,
    ) -> Option<Result<RestoreWaterEntryPayload>> {
        nullable(async {
            let id = WaterEntryId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let entry = water::restore(&tx, person, id).await?;
            let day = WaterDay::on(&tx, entry.user_id, entry.drank_on).await?;
            scope(ctx).note_read(entry.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(RestoreWaterEntryPayload { entry: WaterEntry(entry), day })
        })
        .await
    }

    /// Adds a glass or a bottle.
    async fn create_water_container(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The container.")] input: CreateWaterContainerInput,
    ) -> Option<Result<CreateWaterContainerPayload>> {
        nullable(async {
            let new = water::NewContainer {
                id: input.id.check("id")?.map(|id| WaterContainerId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                name: input.name,
                volume: input.volume.check("volume")?.0,
                unit: input.unit,
                servings: input.servings,
                primary: input.primary,
            };
            let tx = scope(ctx).write().await?;
            let container = water::create_container(&tx, new).await?;
            let containers = WaterContainer::of(&tx, container.user_id).await?;
            scope(ctx).note_read(container.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(CreateWaterContainerPayload { container: container.into(), containers })
        })
        .await
    }

    /// Changes a glass or a bottle.
    async fn update_water_container(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateWaterContainerInput,
    ) -> Option<Result<UpdateWaterContainerPayload>> {
        nullable(async {
            let id = WaterContainerId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = water::ContainerChange {
                name: input.name,
                volume: input.volume.check("volume")?.map(|volume| volume.0),
                unit: input.unit,
                servings: input.servings,
                primary: input.primary,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let container = water::update_container(&tx, person, id, change).await?;
            let containers = WaterContainer::of(&tx, container.user_id).await?;
            scope(ctx).note_read(container.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateWaterContainerPayload { container: container.into(), containers })
        })
        .await
    }

    /// Takes a glass or a bottle away. What was drunk from it stays.
    async fn delete_water_container(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteWaterContainerPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let person = water::delete_container(&tx, person, WaterContainerId(id.0), input.expected_version).await?;
            let containers = WaterContainer::of(&tx, person).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteWaterContainerPayload { deleted_id: id, containers })
        })
        .await
    }
}
