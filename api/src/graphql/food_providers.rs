//! Foods from others' servers: scanned, searched for, and kept.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{food_provider_settings as rows, id::FoodId};
use service::food_providers::{self, FoodProviders, Needs, Retention, Shelf, choices, failure, provider_food};

use super::{
    allergens::{self, Allergen, AllergenWarning},
    error::Result,
    foods::{CarbohydrateBasis, Food, Nutrition, NutritionBasis, Portion},
    page,
    scalars::{CheckOption, DateTime, Decimal, Unchecked, Uuid},
    scope::{boxed, nullable, scope},
};

/// What asking others' servers costs beside what is shown of their answers.
const ASKING: usize = 40;
/// As many foods as a page of all providers has about.
const MANY: i32 = 60;

/// A provider of foods.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::FoodProvider")]
pub enum FoodProviderName {
    /// Open Food Facts: packaged foods of the world by barcode, typed in by volunteers. Needs no key.
    OpenFoodFacts,
    /// USDA FoodData Central: analysed foods, and labels of the USA. Needs a key, which is free.
    FoodDataCentral,
    /// FatSecret Platform. Needs a client with a secret; what its foods contain may be shown, not stored.
    FatSecret,
}

/// A provider of foods as it is asked for the viewer.
#[derive(SimpleObject)]
pub struct FoodProvider {
    /// Which provider.
    provider: FoodProviderName,
    /// What people call it.
    title: &'static str,
    /// Whether it is asked for the viewer.
    enabled: bool,
    /// Whether this server is set up to ask it.
    available: bool,
    /// What it has to be told.
    needs: FoodProviderNeeds,
    /// With whose key it is asked.
    key: FoodProviderKey,
    /// How the viewer's own key ends, of a long one: at most four characters. The key itself is never shown.
    key_hint: Option<String>,
    /// Whether its foods may be stored here. Those of another may be shown, and are forgotten.
    storable: bool,
    /// The licence of its data, an SPDX identifier where there is one.
    licence: String,
    /// Where the licence is written down.
    licence_url: &'static str,
    /// Show this wherever its foods are shown.
    attribution: &'static str,
}

impl FoodProvider {
    /// All of them, in the viewer's order.
    pub fn all(ctx: &Context<'_>, choices: Vec<choices::Choice>) -> Vec<Self> {
        let providers = &scope(ctx).outside().food_providers;
        choices.into_iter().map(|choice| Self::of(providers, choice)).collect()
    }

    fn of(providers: &FoodProviders, choice: choices::Choice) -> Self {
        let terms = food_providers::terms(choice.provider);
        Self {
            provider: choice.provider.into(),
            title: terms.name,
            enabled: choice.enabled,
            available: providers.is_set_up(choice.provider),
            needs: terms.needs.into(),
            key: match terms.needs {
                Needs::Nothing => FoodProviderKey::NotNeeded,
                _ if choice.has_key => FoodProviderKey::Own,
                _ if providers.has_key(choice.provider) => FoodProviderKey::Operator,
                _ => FoodProviderKey::Missing,
            },
            key_hint: choice.hint,
            storable: providers.retention(choice.provider) == Retention::Everything,
            licence: providers.licence(choice.provider).to_owned(),
            licence_url: terms.licence_url,
            attribution: terms.attribution,
        }
    }
}

/// What a provider has to be told to answer.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum FoodProviderNeeds {
    /// Nothing.
    Nothing,
    /// A key.
    Key,
    /// The id of a client, as `key`, and its secret.
    ClientAndSecret,
}

impl From<Needs> for FoodProviderNeeds {
    fn from(needs: Needs) -> Self {
        match needs {
            Needs::Nothing => Self::Nothing,
            Needs::Key => Self::Key,
            Needs::ClientAndSecret => Self::ClientAndSecret,
        }
    }
}

/// With whose key a provider is asked.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum FoodProviderKey {
    /// It needs none.
    NotNeeded,
    /// With the viewer's own.
    Own,
    /// With that of whoever runs this server.
    Operator,
    /// There is none: it is not asked.
    Missing,
}

/// A food as a provider states it. Null amounts are unknown.
pub struct ProviderFood(provider_food::ProviderFood);

/// A food as a provider states it. Null amounts are unknown.
#[Object]
impl ProviderFood {
    /// Whose.
    async fn provider(&self) -> FoodProviderName {
        self.0.provider.into()
    }

    /// The provider's id: pass it to saveProviderFood.
    async fn id(&self) -> &str {
        &self.0.food.source_id
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.food.name
    }

    /// Who makes it.
    async fn brand(&self) -> Option<&str> {
        self.0.food.brand.as_deref()
    }

    /// Its barcode as GTIN-14.
    async fn barcode(&self) -> Option<&str> {
        self.0.food.barcode.as_deref()
    }

    /// What `nutrition` is per, in `servingUnit`: 100 g, 100 ml, or one serving where nobody says what that weighs.
    async fn serving_size(&self) -> Decimal {
        Decimal(self.0.food.serving_size)
    }

    /// The unit of `servingSize`.
    async fn serving_unit(&self) -> &str {
        &self.0.food.serving_unit
    }

    /// What that contains.
    async fn nutrition(&self) -> Nutrition {
        Nutrition(self.0.nutrition())
    }

    /// Named amounts: "slice" = 28 g.
    async fn portions(&self) -> Vec<Portion> {
        let portions = self.0.food.portions.iter();
        portions.map(|it| Portion { name: it.name.clone(), amount: Decimal(it.amount), unit: it.unit.to_owned() }).collect()
    }

    /// What it contains that people are allergic to; null when nobody said, empty for none.
    async fn allergens(&self) -> Option<Vec<Allergen>> {
        self.0.details.allergens.as_ref().map(|stated| stated.iter().copied().map(Into::into).collect())
    }

    /// What it may contain though it should not; null when nobody said.
    async fn traces(&self) -> Option<Vec<Allergen>> {
        self.0.details.traces.as_ref().map(|stated| stated.iter().copied().map(Into::into).collect())
    }

    /// What of it the viewer wants to be warned of, by `Preferences.allergens`. Nothing is known of foods without `allergens`.
    async fn allergen_warnings(&self, ctx: &Context<'_>) -> Result<Vec<AllergenWarning>> {
        let codes = |stated: &Option<Vec<_>>| stated.as_deref().map(entity::allergen::Allergen::to_codes);
        let (contains, traces) = (codes(&self.0.details.allergens), codes(&self.0.details.traces));
        boxed(allergens::warnings(ctx, contains.as_deref(), traces.as_deref())).await
    }

    /// From what the amounts are known.
    async fn basis(&self) -> NutritionBasis {
        self.0.food.basis.into()
    }

    /// What `nutrition.carbohydrates` includes.
    async fn carbohydrate_basis(&self) -> CarbohydrateBasis {
        self.0.food.carbohydrate_basis.into()
    }

    /// When the provider was asked.
    async fn fetched_at(&self) -> DateTime {
        DateTime(self.0.fetched_at)
    }

    /// What is to be known of the amounts before they are trusted.
    async fn remarks(&self) -> Vec<ProviderFoodRemark> {
        self.0.remarks.iter().copied().map(Into::into).collect()
    }

    /// Whether saveProviderFood may keep it.
    async fn storable(&self, ctx: &Context<'_>) -> bool {
        scope(ctx).outside().food_providers.retention(self.0.provider) == Retention::Everything
    }

    /// Show this wherever the food is shown.
    async fn attribution(&self) -> &str {
        food_providers::terms(self.0.provider).attribution
    }
}

/// Something about stated amounts that whoever uses them should know.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "provider_food::Remark")]
pub enum ProviderFoodRemark {
    /// Only kilojoules are stated: kilocalories were computed from them.
    EnergyFromKilojoules,
    /// No energy is stated: it was computed from protein, carbohydrates and fat.
    EnergyComputed,
    /// Kilocalories and kilojoules were in each other's place, and were exchanged.
    EnergySwapped,
    /// The stated energy is far from what protein, carbohydrates, fat, fibre and alcohol give.
    EnergyImplausible,
    /// The amounts are those of the prepared food, for the product as sold states none.
    Prepared,
    /// The amounts are those of a serving whose weight nobody states.
    PerServing,
    /// Something is stated that cannot be an amount, such as -7 g: it is left out, and so unknown.
    AmountsLeftOut,
}

/// What one provider said.
#[derive(SimpleObject)]
pub struct ProviderAnswer {
    /// Whose.
    provider: FoodProviderName,
    /// How many foods it has found.
    found: i32,
    /// Whether it has a further page.
    more: bool,
    /// Why it did not answer; null when it did.
    failure: Option<ProviderFailure>,
    /// In how many seconds it may be asked again, where that is known.
    retry_after: Option<i32>,
}

impl From<food_providers::ProviderAnswer> for ProviderAnswer {
    fn from(answer: food_providers::ProviderAnswer) -> Self {
        let failure = answer.outcome.as_ref().err().copied();
        let seconds = failure.and_then(failure::Failure::retry_after).map(|time| time.as_secs().max(1));
        Self {
            provider: answer.provider.into(),
            found: answer.outcome.map_or(0, |found| found.try_into().unwrap_or(i32::MAX)),
            more: answer.more,
            failure: failure.map(Into::into),
            retry_after: seconds.map(|seconds| seconds.try_into().unwrap_or(i32::MAX)),
        }
    }
}

/// Why a provider did not answer.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum ProviderFailure {
    /// This server is not set up to ask it, or the viewer has turned it off.
    Off,
    /// It needs a key, and there is none.
    NoKey,
    /// It does not accept the key.
    KeyRefused,
    /// It was asked too often.
    RateLimited,
    /// It failed several times in a row, and is left alone for a while.
    Resting,
    /// It took too long.
    TimedOut,
    /// It is not reached, or answers with an error.
    Unavailable,
    /// Its answer is not what it documents.
    Unreadable,
}

impl From<failure::Failure> for ProviderFailure {
    fn from(failure: failure::Failure) -> Self {
        match failure {
            failure::Failure::Off => Self::Off,
            failure::Failure::NoKey => Self::NoKey,
            failure::Failure::KeyRefused => Self::KeyRefused,
            failure::Failure::RateLimited { .. } => Self::RateLimited,
            failure::Failure::Resting { .. } => Self::Resting,
            failure::Failure::TimedOut => Self::TimedOut,
            failure::Failure::Unavailable => Self::Unavailable,
            failure::Failure::Unreadable => Self::Unreadable,
        }
    }
}

/// What was found at several providers.
#[derive(SimpleObject)]
pub struct ProviderFoods {
    /// The foods, those of the viewer's first provider first. Of several with one barcode only the first is there.
    foods: Vec<ProviderFood>,
    /// What each provider said that was asked: those that failed are here with the reason.
    answers: Vec<ProviderAnswer>,
}

/// A scanned barcode.
#[derive(InputObject)]
pub struct FindFoodByBarcodeInput {
    /// The digits below the bars: GTIN-8, -12, -13, -14 or UPC-E, with or without the zeros that they begin with.
    barcode: String,
}

/// What became of a barcode.
#[derive(SimpleObject)]
pub struct FindFoodByBarcodePayload {
    /// The food: the viewer's own, a relative's, or the catalogue's, to which a provider's was added just now if `answers` says that it
    /// was found.
    food: Option<Food>,
    /// The food as a provider states it whose terms let nobody store it: it can be shown, not logged.
    unstored: Option<ProviderFood>,
    /// What providers said, in the order in which they were asked; none are asked for what is known here already.
    answers: Vec<ProviderAnswer>,
    /// Whether a shop or a chain numbered this itself: it means another food elsewhere, so that no provider is asked and a food with it
    /// stays private.
    store_internal: bool,
}

/// Which food to keep, and where.
#[derive(InputObject)]
pub struct SaveProviderFoodInput {
    /// Whose.
    provider: FoodProviderName,
    /// The provider's id.
    provider_food_id: String,
    /// Where it is kept; OWN when absent.
    to: Option<FoodShelf>,
    /// The id of the food among one's own, made by the client, so that a repeated request creates nothing twice.
    id: Option<Unchecked<Uuid>>,
}

/// Where a provider's food is kept.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum FoodShelf {
    /// Among the viewer's own foods.
    Own,
    /// In the catalogue that everybody here sees. One that is there already is answered.
    Catalogue,
}

/// The food that was kept.
#[derive(SimpleObject)]
pub struct SaveProviderFoodPayload {
    /// The food.
    food: Food,
}

/// A key of one's own.
#[derive(InputObject)]
pub struct SetFoodProviderKeyInput {
    /// For which provider.
    provider: FoodProviderName,
    /// The key, or the id of the client.
    key: String,
    /// The secret of the client, where the provider needs one.
    secret: Option<String>,
}

/// Which key to forget.
#[derive(InputObject)]
pub struct RemoveFoodProviderKeyInput {
    /// For which provider.
    provider: FoodProviderName,
}

/// Whom to ask, and in which order.
#[derive(InputObject)]
pub struct UpdateFoodProvidersInput {
    /// The providers to ask first, in this order. Those that are left out follow as they were.
    providers: Vec<FoodProviderChoiceInput>,
}

/// How one provider is asked.
#[derive(InputObject)]
pub struct FoodProviderChoiceInput {
    /// Which provider.
    provider: FoodProviderName,
    /// Whether it is asked; absent keeps.
    enabled: Option<bool>,
}

/// The providers with the new key.
#[derive(SimpleObject)]
pub struct SetFoodProviderKeyPayload {
    /// All of them, in the viewer's order.
    food_providers: Vec<FoodProvider>,
}

/// The providers without the key.
#[derive(SimpleObject)]
pub struct RemoveFoodProviderKeyPayload {
    /// All of them, in the viewer's order.
    food_providers: Vec<FoodProvider>,
}

/// The providers after the change.
#[derive(SimpleObject)]
pub struct UpdateFoodProvidersPayload {
    /// All of them, in the viewer's order.
    food_providers: Vec<FoodProvider>,
}

/// Foods from elsewhere.
#[derive(Default)]
pub struct FoodProvidersQuery;

#[Object]
impl FoodProvidersQuery {
    /// Searches providers of foods, all at once and each with its own deadline; what is found is not stored. Those that fail are named in
    /// `answers`, and leave the others' foods alone. `foods` searches what is known here.
    #[graphql(complexity = "page::cost(Some(MANY), child_complexity) + ASKING")]
    async fn provider_foods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Words of the name or brand.")] search: String,
        #[graphql(desc = "Whom to ask; all that are enabled when absent.")] providers: Option<Vec<FoodProviderName>>,
        #[graphql(desc = "Which page of each, 1 to 20; 1 when absent.")] page: Option<i32>,
    ) -> Option<Result<ProviderFoods>> {
        nullable(async {
            let (scope, outside) = (scope(ctx), &scope(ctx).outside().food_providers);
            let among: Option<Vec<_>> = providers.map(|providers| providers.into_iter().map(Into::into).collect());
            let asking = food_providers::search(outside, scope.viewer()?, &search, among.as_deref(), page);
            let found = scope.outside_transactions(asking).await?;
            Ok(ProviderFoods {
                foods: found.foods.into_iter().map(ProviderFood).collect(),
                answers: found.answers.into_iter().map(Into::into).collect(),
            })
        })
        .await
    }
}

/// Keeping foods from elsewhere, and saying whom to ask.
#[derive(Default)]
pub struct FoodProvidersMutation;

#[Object]
impl FoodProvidersMutation {
    /// Finds the food with a barcode: the viewer's own, a relative's, the catalogue's, and else that of the first provider in the viewer's
    /// order that knows it, which is in the catalogue from then on, for everybody. `foodByBarcode` asks nobody.
    #[graphql(complexity = "child_complexity + ASKING")]
    async fn find_food_by_barcode(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The barcode.")] input: FindFoodByBarcodeInput,
    ) -> Option<Result<FindFoodByBarcodePayload>> {
        nullable(async {
            let (scope, outside) = (scope(ctx), &scope(ctx).outside().food_providers);
            let asking = food_providers::find_by_barcode(outside, scope.viewer()?, &input.barcode);
            let found = scope.outside_transactions(asking).await?;
            Ok(FindFoodByBarcodePayload {
                food: found.food.map(|food| Food(scope.noted(food))),
                unstored: found.unstored.map(ProviderFood),
                answers: found.answers.into_iter().map(Into::into).collect(),
                store_internal: found.store_internal,
            })
        })
        .await
    }

    /// Keeps a food as its provider states it now. FORBIDDEN where the provider's terms let nobody store it, or a key is missing or
    /// refused, and for a code that a shop numbered itself in the catalogue.
    #[graphql(complexity = "child_complexity + ASKING")]
    async fn save_provider_food(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which food, and where to.")] input: SaveProviderFoodInput,
    ) -> Option<Result<SaveProviderFoodPayload>> {
        nullable(async {
            let (scope, outside) = (scope(ctx), &scope(ctx).outside().food_providers);
            let id = input.id.check("id")?.map(|id| FoodId(id.0));
            let shelf = match input.to {
                None | Some(FoodShelf::Own) => Shelf::Own(id),
                Some(FoodShelf::Catalogue) => Shelf::Catalogue,
            };
            let asking = food_providers::fetch(outside, scope.viewer()?, input.provider.into(), &input.provider_food_id);
            let found = scope.outside_transactions(asking).await?;
            let tx = scope.write().await?;
            let food = food_providers::save(&tx, outside, found, shelf).await?;
            tx.commit().await?;
            Ok(SaveProviderFoodPayload { food: Food(food) })
        })
        .await
    }

    /// Keeps a key of the viewer's own for a provider, encrypted. It is used for the viewer alone, before that of whoever runs this server.
    async fn set_food_provider_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key.")] input: SetFoodProviderKeyInput,
    ) -> Option<Result<SetFoodProviderKeyPayload>> {
        nullable(async {
            let tx = scope(ctx).write().await?;
            let database = scope(ctx).database();
            let choices = choices::set_key(database, &tx, input.provider.into(), &input.key, input.secret.as_deref()).await?;
            tx.commit().await?;
            Ok(SetFoodProviderKeyPayload { food_providers: FoodProvider::all(ctx, choices) })
        })
        .await
    }

    /// Forgets the viewer's own key for a provider.
    async fn remove_food_provider_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RemoveFoodProviderKeyInput,
    ) -> Option<Result<RemoveFoodProviderKeyPayload>> {
        nullable(async {
            let tx = scope(ctx).write().await?;
            let choices = choices::remove_key(&tx, input.provider.into()).await?;
            tx.commit().await?;
            Ok(RemoveFoodProviderKeyPayload { food_providers: FoodProvider::all(ctx, choices) })
        })
        .await
    }

    /// Says which providers are asked for the viewer, and in which order.
    async fn update_food_providers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The order.")] input: UpdateFoodProvidersInput,
    ) -> Option<Result<UpdateFoodProvidersPayload>> {
        nullable(async {
            let wanted: Vec<_> = input.providers.into_iter().map(|choice| (choice.provider.into(), choice.enabled)).collect();
            let tx = scope(ctx).write().await?;
            let choices = choices::arrange(&tx, &wanted).await?;
            tx.commit().await?;
            Ok(UpdateFoodProvidersPayload { food_providers: FoodProvider::all(ctx, choices) })
        })
        .await
    }
}
