//! Foods: search, barcodes, and one's own.

use std::collections::HashMap;

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject, dataloader::Loader};
use entity::{family_access::AccessType, id::FoodId, nutrition_data};
use service::{food_search, foods, nutrition, page::PageRequest, plausibility};

use super::{
    allergens::{self, Allergen, AllergenWarning},
    error::{Error, Result},
    favourite_foods::Favourite,
    nutrients::{self, DailyValueStandard, NutrientAmount, NutrientAmountInput},
    page::Connection,
    scalars::{CheckOption, CheckPatch, DateTime, Decimal, Unchecked, Uuid},
    scope::{RequestScope, Rows, boxed, loaders, nullable, scope},
};

/// A food of the shared catalogue, one's own, or one that a relative shares.
#[derive(Clone)]
pub struct Food(pub foods::Food);

/// A food of the shared catalogue, one's own, or one that a relative shares.
#[Object]
impl Food {
    /// Identifies the food.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Who makes it.
    async fn brand(&self) -> Option<&str> {
        self.0.brand.as_deref()
    }

    /// Its barcode as GTIN-14.
    async fn barcode(&self) -> Option<&str> {
        self.0.barcode.as_deref()
    }

    /// How many g a ml weighs, by which mass and volume convert; null when nobody said.
    async fn density(&self) -> Option<Decimal> {
        self.0.density.map(Decimal)
    }

    /// What it contains that people are allergic to; null when nobody said, empty for none.
    async fn allergens(&self) -> Option<Vec<Allergen>> {
        self.0.allergens.as_deref().map(allergens::shown)
    }

    /// What it may contain though it should not; null when nobody said.
    async fn traces(&self) -> Option<Vec<Allergen>> {
        self.0.traces.as_deref().map(allergens::shown)
    }

    /// What of it the viewer wants to be warned of, by `Preferences.allergens`. Nothing is known of foods without `allergens`.
    async fn allergen_warnings(&self, ctx: &Context<'_>) -> Result<Vec<AllergenWarning>> {
        boxed(allergens::warnings(ctx, self.0.allergens.as_deref(), self.0.traces.as_deref())).await
    }

    /// Whether it is a favourite of the viewer's.
    async fn favourite(&self, ctx: &Context<'_>) -> Result<bool> {
        boxed(async { Ok(loaders(ctx).load_one(Favourite(self.0.id)).await?.is_some()) }).await
    }

    /// What is hardly right about its nutrition, and what may be. Hale changes nothing of it.
    async fn warnings(&self) -> Vec<NutritionWarning> {
        let food = &self.0;
        let serving = (food.serving_size, food.serving_unit.as_str());
        let found = plausibility::warnings(&food.nutrition, food.provenance.carbohydrate_basis, serving, food.density);
        found.into_iter().map(NutritionWarning::from).collect()
    }

    /// Where it comes from: user, hale, usda-sr, …
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// What `nutrition` is per, in `servingUnit`.
    async fn serving_size(&self) -> Decimal {
        Decimal(self.0.serving_size)
    }

    /// The unit of `servingSize`.
    async fn serving_unit(&self) -> &str {
        &self.0.serving_unit
    }

    /// What a serving contains.
    async fn nutrition(&self) -> Nutrition {
        Nutrition(self.0.nutrition.clone())
    }

    /// How `nutrition` came to be known.
    async fn provenance(&self) -> Provenance {
        let foods::Provenance { basis, licence, fetched_at, .. } = self.0.provenance.clone();
        Provenance { basis: basis.into(), licence, fetched_at: fetched_at.map(DateTime), source_id: self.0.source_id.clone() }
    }

    /// The carbohydrates of a serving by both conventions.
    async fn carbohydrates(&self) -> Carbohydrates {
        let told = self.0.nutrition.carbohydrates_by(self.0.provenance.carbohydrate_basis);
        Carbohydrates {
            basis: told.basis.map(Into::into),
            total: told.total.map(Decimal),
            available: told.available.map(Decimal),
            net: told.net.map(Decimal),
        }
    }

    /// Named amounts that can be logged: "slice" = 28 g.
    async fn portions(&self) -> Vec<Portion> {
        self.0
            .portions
            .0
            .iter()
            .map(|portion| Portion { name: portion.name.clone(), amount: Decimal(portion.amount), unit: portion.unit.clone() })
            .collect()
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// A named amount of a food: "slice" = 28 g.
#[derive(SimpleObject)]
pub struct Portion {
    /// What it is called; can be written as the unit when logging.
    pub name: String,
    /// How much it is.
    pub amount: Decimal,
    /// The unit of `amount`.
    pub unit: String,
}

/// Something about a food's nutrition that is hardly right.
#[derive(SimpleObject)]
pub struct NutritionWarning {
    /// The field of `CreateFoodInput` that it is about.
    field: String,
    /// What kind of mistake it looks like.
    code: NutritionWarningCode,
    /// What does not fit, and what may be right.
    message: String,
}

/// What kind of mistake it looks like.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "plausibility::Code")]
pub enum NutritionWarningCode {
    /// The energy is not that of what is in it. Alcohol, polyols and fibre explain some of these.
    EnergyMismatch,
    /// The energy seems to be in kJ.
    KilojoulesForKilocalories,
    /// A part is more than what it is a part of.
    PartOverWhole,
    /// There is more in it than it weighs.
    OverWeight,
    /// An amount in g seems to be in mg.
    MilligramsForGrams,
}

impl From<plausibility::Warning> for NutritionWarning {
    fn from(warning: plausibility::Warning) -> Self {
        Self { field: warning.field.to_owned(), code: warning.code.into(), message: warning.message }
    }
}

/// What share of the energy of macros each of them has, in whole percent; together 100.
#[derive(SimpleObject)]
pub struct EnergyPercentages {
    /// Of protein.
    protein: u32,
    /// Of carbohydrates.
    carbohydrates: u32,
    /// Of fat.
    fat: u32,
}

/// How a food's nutrition came to be known.
#[derive(SimpleObject)]
pub struct Provenance {
    /// From what.
    basis: NutritionBasis,
    /// The terms of the source, an SPDX identifier where there is one.
    licence: Option<String>,
    /// When it was taken over from the source; null for what somebody typed.
    fetched_at: Option<DateTime>,
    /// The food's id at its `source`.
    source_id: Option<String>,
}

/// From what a food's nutrition is known.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "nutrition_data::Basis")]
pub enum NutritionBasis {
    /// It was measured in a laboratory.
    Analysed,
    /// It is printed on the package.
    Label,
    /// It was calculated, or taken from something alike.
    Estimated,
    /// A person typed it and did not say from what.
    User,
}

/// What an amount of carbohydrates includes.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "nutrition_data::CarbohydrateBasis")]
pub enum CarbohydrateBasis {
    /// Fibre too, as on labels in the USA.
    Total,
    /// No fibre, as on labels in the EU.
    Available,
}

/// Carbohydrates of a serving by the conventions of labels. Null: what is known does not say, as when the fibre is unknown.
#[derive(SimpleObject)]
pub struct Carbohydrates {
    /// What `nutrition.carbohydrates` includes; null when nobody said.
    basis: Option<CarbohydrateBasis>,
    /// With fibre, in g.
    total: Option<Decimal>,
    /// Without fibre, in g.
    available: Option<Decimal>,
    /// Without fibre and erythritol, in g.
    net: Option<Decimal>,
}

/// What a food or an amount of it contains. Null: the source does not say.
pub struct Nutrition(pub nutrition::Nutrition);

/// What a food or an amount of it contains. Null: the source does not say.
#[Object]
impl Nutrition {
    /// Energy in kcal.
    async fn calories(&self) -> Option<Decimal> {
        self.0.calories.map(Decimal)
    }

    /// Protein in g.
    async fn protein(&self) -> Option<Decimal> {
        self.0.protein.map(Decimal)
    }

    /// Carbohydrates in g.
    async fn carbohydrates(&self) -> Option<Decimal> {
        self.0.carbohydrates.map(Decimal)
    }

    /// Fat in g.
    async fn fat(&self) -> Option<Decimal> {
        self.0.fat.map(Decimal)
    }

    /// Fibre in g.
    async fn fiber(&self) -> Option<Decimal> {
        self.0.fiber.map(Decimal)
    }

    /// Sugars in g.
    async fn sugar(&self) -> Option<Decimal> {
        self.0.sugar.map(Decimal)
    }

    /// Sodium in mg.
    async fn sodium(&self) -> Option<Decimal> {
        self.0.sodium.map(Decimal)
    }

    /// Salt in g: 2.5 times the sodium.
    async fn salt(&self) -> Option<Decimal> {
        self.0.salt().map(Decimal)
    }

    /// What share of the energy of macros each of them has, by 4, 4 and 9 kcal per g; null unless all three are known.
    async fn energy_percentages(&self) -> Option<EnergyPercentages> {
        let [protein, carbohydrates, fat] = self.0.energy_percentages()?;
        Some(EnergyPercentages { protein, carbohydrates, fat })
    }

    /// All that is known of nutrients without a field of their own, in order of display.
    async fn nutrients(&self, ctx: &Context<'_>) -> Result<Vec<NutrientAmount>> {
        boxed(NutrientAmount::further(ctx, &self.0)).await
    }

    /// How much of a day's recommended amount of a nutrient this is, in percent with two decimals; null where the amount is not known
    /// or nothing is recommended.
    async fn daily_value_percent(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code of any nutrient, such as NA or CA.")] code: String,
        #[graphql(desc = "By whose recommendation.")] standard: DailyValueStandard,
    ) -> Option<Result<Decimal>> {
        NutrientAmount::daily_share(ctx, &self.0, code, standard).await.transpose()
    }

    /// Any nutrient, in the unit that the catalogue of nutrients gives it.
    async fn nutrient(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its code: an INFOODS tag name such as CA or VITC, or one that somebody defined, such as X_CREATINE.")]
        code: String,
    ) -> Option<Result<Decimal>> {
        let keys = boxed(nutrients::keys_of(ctx, &code, std::iter::once(&self.0))).await;
        keys.map(|keys| keys.iter().find_map(|key| self.0.nutrient(key)).map(Decimal)).transpose()
    }
}

/// Sums of what is known.
#[derive(SimpleObject)]
pub struct NutritionTotals {
    /// Energy in kcal.
    calories: Decimal,
    /// Protein in g.
    protein: Decimal,
    /// Carbohydrates in g.
    carbohydrates: Decimal,
    /// Fat in g.
    fat: Decimal,
    /// Fibre in g.
    fiber: Decimal,
    /// Sugars in g.
    sugar: Decimal,
    /// Sodium in mg.
    sodium: Decimal,
    /// The names of those above that at least one entry does not state: their sum is a lower bound.
    unknown: Vec<String>,
}

impl From<nutrition::Totals> for NutritionTotals {
    fn from(totals: nutrition::Totals) -> Self {
        Self {
            calories: Decimal(totals.calories),
            protein: Decimal(totals.protein),
            carbohydrates: Decimal(totals.carbohydrates),
            fat: Decimal(totals.fat),
            fiber: Decimal(totals.fiber),
            sugar: Decimal(totals.sugar),
            sodium: Decimal(totals.sodium),
            unknown: totals.unknown,
        }
    }
}

/// What a serving contains. Leave out what is not known: it is not zero.
#[derive(InputObject)]
pub struct NutritionInput {
    /// Energy in kcal.
    calories: Option<Unchecked<Decimal>>,
    /// Protein in g.
    protein: Option<Unchecked<Decimal>>,
    /// Carbohydrates in g.
    carbohydrates: Option<Unchecked<Decimal>>,
    /// Fat in g.
    fat: Option<Unchecked<Decimal>>,
    /// Fibre in g.
    fiber: Option<Unchecked<Decimal>>,
    /// Sugars in g.
    sugar: Option<Unchecked<Decimal>>,
    /// Sodium in mg.
    sodium: Option<Unchecked<Decimal>>,
    /// Nutrients without a field of their own, each once. When a food is changed, those that it has are kept if this is absent.
    nutrients: Option<Vec<NutrientAmountInput>>,
}

impl TryFrom<NutritionInput> for nutrition::Headline {
    type Error = Error;

    fn try_from(input: NutritionInput) -> Result<Self> {
        let amount = |field: &str, value: Option<Unchecked<Decimal>>| {
            Ok::<_, Error>(value.check(&format!("nutrition.{field}"))?.map(|value| value.0))
        };
        Ok(Self {
            calories: amount("calories", input.calories)?,
            protein: amount("protein", input.protein)?,
            carbohydrates: amount("carbohydrates", input.carbohydrates)?,
            fat: amount("fat", input.fat)?,
            fiber: amount("fiber", input.fiber)?,
            sugar: amount("sugar", input.sugar)?,
            sodium: amount("sodium", input.sodium)?,
            nutrients: input.nutrients.map(NutrientAmountInput::check).transpose()?,
        })
    }
}

/// A named amount of a food. It may not be named like a unit of mass or energy.
#[derive(InputObject)]
pub struct PortionInput {
    /// What it is called.
    name: String,
    /// How much it is.
    amount: Unchecked<Decimal>,
    /// The unit of `amount`, of the same kind as the food's serving unit.
    unit: String,
}

fn portions(inputs: Vec<PortionInput>) -> Result<Vec<foods::Portion>> {
    let portion = |(position, input): (usize, PortionInput)| {
        Ok(foods::Portion { name: input.name, amount: input.amount.check(&format!("portions[{position}].amount"))?.0, unit: input.unit })
    };
    inputs.into_iter().enumerate().map(portion).collect()
}

/// A food of one's own.
#[derive(InputObject)]
pub struct CreateFoodInput {
    /// Made by the client, so that a repeated request creates nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: String,
    /// Who makes it.
    brand: Option<String>,
    /// GTIN-8, -12, -13, -14 or UPC-E.
    barcode: Option<String>,
    /// What `nutrition` is per: 100 in most cases.
    serving_size: Unchecked<Decimal>,
    /// The unit of `servingSize`: g, ml, piece, serving, …
    serving_unit: String,
    /// What a serving contains.
    nutrition: NutritionInput,
    /// From what `nutrition` is known; USER when absent.
    basis: Option<NutritionBasis>,
    /// What its carbohydrates include.
    carbohydrate_basis: Option<CarbohydrateBasis>,
    /// The terms of where it was taken from.
    licence: Option<String>,
    /// How many g a ml weighs: 0.92 for oil.
    density: Option<Unchecked<Decimal>>,
    /// What it contains that people are allergic to; an empty list for none, nothing when that is not known.
    allergens: Option<Vec<Allergen>>,
    /// What it may contain though it should not.
    traces: Option<Vec<Allergen>>,
    /// Named amounts.
    portions: Option<Vec<PortionInput>>,
}

/// What is to change of a food of one's own. Absent keeps.
#[derive(InputObject)]
pub struct UpdateFoodInput {
    /// Which food.
    id: Unchecked<Uuid>,
    /// What it is called.
    name: Option<String>,
    /// Who makes it; null clears it.
    brand: MaybeUndefined<String>,
    /// Its barcode; null clears it.
    barcode: MaybeUndefined<String>,
    /// What `nutrition` is per.
    serving_size: Option<Unchecked<Decimal>>,
    /// The unit of `servingSize`.
    serving_unit: Option<String>,
    /// Replaces all of these; what is left out is not known, but for `nutrients`, which are kept when absent.
    nutrition: Option<NutritionInput>,
    /// From what it is known; USER when absent and the amounts are others.
    basis: Option<NutritionBasis>,
    /// What its carbohydrates include; null when that is not known.
    carbohydrate_basis: MaybeUndefined<CarbohydrateBasis>,
    /// The terms of where it was taken from; null clears them.
    licence: MaybeUndefined<String>,
    /// How many g a ml weighs; null clears it.
    density: MaybeUndefined<Unchecked<Decimal>>,
    /// What it contains that people are allergic to; null when that is not known.
    allergens: MaybeUndefined<Vec<Allergen>>,
    /// What it may contain though it should not; null when that is not known.
    traces: MaybeUndefined<Vec<Allergen>>,
    /// Replaces all portions.
    portions: Option<Vec<PortionInput>>,
    /// Refuse with CONFLICT when the food is at another version.
    expected_version: Option<i32>,
}

/// What to delete.
#[derive(InputObject)]
pub struct DeleteInput {
    /// Which one.
    pub id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    pub person_id: Option<Unchecked<Uuid>>,
    /// Refuse with CONFLICT when it is at another version.
    pub expected_version: Option<i32>,
}

/// The food that was made.
#[derive(SimpleObject)]
pub struct CreateFoodPayload {
    /// The food.
    food: Food,
}

/// The food after the change.
#[derive(SimpleObject)]
pub struct UpdateFoodPayload {
    /// The food.
    food: Food,
}

/// The food that was deleted.
#[derive(SimpleObject)]
pub struct DeleteFoodPayload {
    /// Its id.
    deleted_id: Uuid,
}

impl Loader<FoodId> for Rows {
    type Value = foods::Food;
    type Error = Error;

    async fn load(&self, ids: &[FoodId]) -> Result<HashMap<FoodId, foods::Food>> {
        let foods = foods::by_references(&*self.0.read().await?, ids).await?;
        Ok(foods.into_iter().map(|(reference, food)| (reference, self.0.noted(food))).collect())
    }
}

impl RequestScope {
    /// The food, which goes into its owner's access log when somebody else shares it.
    pub fn noted(&self, food: foods::Food) -> foods::Food {
        if let Some(owner) = food.owner_id {
            self.note_read(owner, AccessType::FoodList);
        }
        food
    }
}

/// Which foods are looked through.
#[derive(InputObject)]
pub struct FoodFilter {
    /// Whose; everybody's that the viewer sees when absent or empty.
    whose: Option<Vec<FoodOwnership>>,
    /// Only the viewer's favourites.
    #[graphql(default)]
    favourites: bool,
    /// Only from these sources, such as user or usda-sr; from all when absent or empty.
    sources: Option<Vec<String>>,
    /// Only those with a barcode.
    #[graphql(default)]
    has_barcode: bool,
}

/// Whose foods.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "food_search::Whose")]
pub enum FoodOwnership {
    /// The viewer's own.
    Own,
    /// Those that relatives share.
    Family,
    /// The shared catalogue's.
    Catalogue,
}

impl From<FoodFilter> for food_search::Filter {
    fn from(filter: FoodFilter) -> Self {
        Self {
            whose: filter.whose.unwrap_or_default().into_iter().map(Into::into).collect(),
            favourites: filter.favourites,
            sources: filter.sources.unwrap_or_default(),
            with_barcode: filter.has_barcode,
        }
    }
}

/// Finding foods.
#[derive(Default)]
pub struct FoodsQuery;

#[Object]
impl FoodsQuery {
    /// A food of the shared catalogue, one's own, or one that a relative shares; null for any other.
    async fn food(&self, ctx: &Context<'_>, #[graphql(desc = "Which food.")] id: Unchecked<Uuid>) -> Option<Result<Food>> {
        boxed(async {
            Ok::<_, Error>(
                foods::find(&*scope(ctx).read().await?, FoodId(id.check("id")?.0)).await?.map(|food| Food(scope(ctx).noted(food))),
            )
        })
        .await
        .transpose()
    }

    /// Foods whose name or brand holds every word, or whose barcode it is: one list, best match first, what is one's own and often eaten
    /// before others. Spelling mistakes are forgiven. Of words that very many foods of the catalogue share those with the plainest names
    /// are found; one word more finds the others.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn foods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Words of the name or brand, in any order, or the digits of a barcode.")] search: String,
        #[graphql(desc = "Which foods; all that the viewer sees when absent.")] filter: Option<FoodFilter>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Food>>> {
        nullable(async {
            let continued = after.is_some();
            let filter = filter.map(Into::into).unwrap_or_default();
            let page = food_search::search(&*scope(ctx).read().await?, &search, &filter, &PageRequest { first, after }).await?;
            Ok(Connection::new(page, continued, |food| Food(scope(ctx).noted(food))))
        })
        .await
    }

    /// The food with this barcode: one's own before a relative's before the catalogue's. GTIN-8, -12, -13, -14 and UPC-E of one
    /// product are the same.
    async fn food_by_barcode(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The digits below the bars.")] barcode: String,
    ) -> Option<Result<Food>> {
        async { Ok::<_, Error>(foods::by_barcode(&*scope(ctx).read().await?, &barcode).await?.map(|food| Food(scope(ctx).noted(food)))) }
            .await
            .transpose()
    }
}

/// Foods of one's own.
#[derive(Default)]
pub struct FoodsMutation;

#[Object]
impl FoodsMutation {
    /// Adds a food that only the viewer sees, and those with whom the viewer shares FOOD_LIST.
    async fn create_food(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The food.")] input: CreateFoodInput,
    ) -> Option<Result<CreateFoodPayload>> {
        nullable(async {
            let new = foods::NewFood {
                id: input.id.check("id")?.map(|id| FoodId(id.0)),
                name: input.name,
                brand: input.brand,
                barcode: input.barcode,
                serving_size: input.serving_size.check("servingSize")?.0,
                serving_unit: input.serving_unit,
                nutrition: input.nutrition.try_into()?,
                portions: portions(input.portions.unwrap_or_default())?,
                provenance: foods::Provenance {
                    basis: input.basis.map(Into::into).unwrap_or_default(),
                    licence: input.licence,
                    fetched_at: None,
                    carbohydrate_basis: input.carbohydrate_basis.map(Into::into),
                },
                details: foods::Details {
                    density: input.density.check("density")?.map(|density| density.0),
                    allergens: input.allergens.map(allergens::taken),
                    traces: input.traces.map(allergens::taken),
                },
                source: None,
            };
            let tx = scope(ctx).write().await?;
            let food = foods::create(&tx, new).await?;
            tx.commit().await?;
            Ok(CreateFoodPayload { food: Food(food) })
        })
        .await
    }

    /// Changes a food of one's own. Days that were logged keep what they had.
    async fn update_food(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateFoodInput,
    ) -> Option<Result<UpdateFoodPayload>> {
        nullable(async {
            let id = FoodId(input.id.check("id")?.0);
            let change = foods::FoodChange {
                name: input.name,
                brand: input.brand.into(),
                barcode: input.barcode.into(),
                serving_size: input.serving_size.check("servingSize")?.map(|size| size.0),
                serving_unit: input.serving_unit,
                nutrition: input.nutrition.map(TryInto::try_into).transpose()?,
                provenance: foods::ProvenanceChange {
                    basis: input.basis.map(Into::into),
                    licence: input.licence.into(),
                    fetched_at: None,
                    carbohydrate_basis: Option::<Option<_>>::from(input.carbohydrate_basis).map(|basis| basis.map(Into::into)),
                },
                details: foods::DetailsChange {
                    density: input.density.check("density")?.map(|density| density.map(|density| density.0)),
                    allergens: Option::<Option<_>>::from(input.allergens).map(|given| given.map(allergens::taken)),
                    traces: Option::<Option<_>>::from(input.traces).map(|given| given.map(allergens::taken)),
                },
                portions: input.portions.map(portions).transpose()?,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let food = foods::update(&tx, id, change).await?;
            tx.commit().await?;
            Ok(UpdateFoodPayload { food: Food(food) })
        })
        .await
    }

    /// Deletes a food of one's own. Days that were logged keep what they had.
    async fn delete_food(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which food.")] input: DeleteInput,
    ) -> Option<Result<DeleteFoodPayload>> {
        nullable(async {
            let id = FoodId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let deleted = foods::delete(&tx, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteFoodPayload { deleted_id: Uuid(deleted.0) })
        })
        .await
    }
}
