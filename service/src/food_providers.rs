//! Foods from others' servers: looked up by barcode, searched for, and kept where their terms let them be kept.
//!
//! A [`FoodCatalogue`] is a provider's client; [`FoodProviders`] are those that the operator has set up, asked with a key of the
//! person's or of the operator's, within limits, and remembered for a while. No transaction is held while one of them is asked.

pub mod choices;
pub mod failure;
mod fat_secret;
mod food_data_central;
mod open_food_facts;
pub mod provider_food;
pub mod quota;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
pub use entity::food_provider_settings::FoodProvider;
use entity::{
    allergen::Allergen,
    id::{FoodId, UserId},
};
use futures_util::future::join_all;
use lru::LruCache;
use reqwest::Url;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use self::{
    choices::Choice, failure::Failure, fat_secret::FatSecret, food_data_central::FoodDataCentral, open_food_facts::OpenFoodFacts,
    provider_food::ProviderFood, quota::Quota,
};
use crate::{
    access::{Database, Tx, Viewer},
    accounts,
    barcode::{self, Circulation},
    error::{Error, Result},
    foods::{self, Food},
    input,
    provider::{self, client},
};

/// A source of foods outside Hale.
#[async_trait]
pub(crate) trait FoodCatalogue: Send + Sync {
    /// The food with this GTIN-14; `None` where the provider knows none, or nothing of it.
    async fn by_barcode(&self, gtin: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure>;

    /// The food that the provider calls this.
    async fn by_id(&self, id: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure>;

    /// Foods that have to do with these words, best first; pages count from 1.
    async fn search(&self, words: &str, page: u32, asking: &Asking<'_>) -> Result<Found, Failure>;

    /// How many requests that are counted it takes to look up a barcode.
    fn requests_of_a_barcode(&self) -> u32 {
        1
    }
}

/// With what a provider is asked, when, and until when it may answer.
pub(crate) struct Asking<'a> {
    pub credential: Option<&'a Credential>,
    pub now: DateTime<Utc>,
    /// For the question as a whole, however many requests it takes.
    pub until: Instant,
}

impl Asking<'_> {
    /// How long the next request may take.
    pub fn left(&self) -> Result<Duration, Failure> {
        self.until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()).ok_or(Failure::TimedOut)
    }
}

/// A page of foods that were found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Best first.
    pub foods: Vec<ProviderFood>,
    /// Whether there is a further page.
    pub more: bool,
}

/// What a provider knows somebody by.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Credential {
    /// The key, or the client's id.
    pub key: String,
    /// The client's secret, where one is needed.
    pub secret: Option<String>,
}

/// Under which terms a provider lets its data be used.
#[derive(Debug)]
pub struct Terms {
    /// What people call it.
    pub name: &'static str,
    /// What foods of it say where they come from.
    pub source: &'static str,
    /// The licence of its data, an SPDX identifier where there is one.
    pub licence: &'static str,
    /// Where that is written down.
    pub licence_url: &'static str,
    /// What has to be shown beside its data.
    pub attribution: &'static str,
    /// What may be kept.
    pub retention: Retention,
    /// What it has to be told to answer.
    pub needs: Needs,
    /// How long an answer may be remembered without being stored.
    remembered: TimeDelta,
}

/// What may be kept of a provider's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// All of it, with its source and licence.
    Everything,
    /// Ids alone: what a food contains may be shown, never stored, neither as a food nor in a diary.
    IdsAlone,
}

/// What a provider has to be told to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// A key.
    Key,
    /// The id of a client and its secret.
    ClientAndSecret,
}

static OPEN_FOOD_FACTS: Terms = Terms {
    name: "Open Food Facts",
    source: "open-food-facts",
    licence: "ODbL-1.0",
    licence_url: "https://opendatacommons.org/licenses/odbl/1-0/",
    attribution: "Contains information from Open Food Facts (openfoodfacts.org), made available under the Open Database License (ODbL)",
    retention: Retention::Everything,
    needs: Needs::Nothing,
    remembered: TimeDelta::hours(1),
};

static FOOD_DATA_CENTRAL: Terms = Terms {
    name: "USDA FoodData Central",
    source: "usda-fdc",
    licence: "CC0-1.0",
    licence_url: "https://creativecommons.org/publicdomain/zero/1.0/",
    attribution: "U.S. Department of Agriculture, Agricultural Research Service. FoodData Central (fdc.nal.usda.gov)",
    retention: Retention::Everything,
    needs: Needs::Key,
    remembered: TimeDelta::hours(1),
};

static FAT_SECRET: Terms = Terms {
    name: "FatSecret",
    source: "fatsecret",
    licence: "FatSecret Platform API Terms of Use",
    licence_url: "https://platform.fatsecret.com/terms",
    attribution: "Powered by FatSecret Platform API (fatsecret.com)",
    retention: Retention::IdsAlone,
    needs: Needs::ClientAndSecret,
    remembered: TimeDelta::minutes(15),
};

/// The terms of a provider as it publishes them.
pub fn terms(provider: FoodProvider) -> &'static Terms {
    match provider {
        FoodProvider::OpenFoodFacts => &OPEN_FOOD_FACTS,
        FoodProvider::FoodDataCentral => &FOOD_DATA_CENTRAL,
        FoodProvider::FatSecret => &FAT_SECRET,
    }
}

/// Where providers are, by what they know this server, and how often it may ask. The addresses are configuration, never a person's
/// input; a provider without one is off.
#[derive(Clone)]
pub struct Settings {
    /// Where volunteers of Open Food Facts reach whoever runs this server: an address of mail or of a page.
    pub contact: String,
    /// `https://world.openfoodfacts.org`.
    pub open_food_facts_url: Option<String>,
    /// How often products may be read there.
    pub open_food_facts_products: Quota,
    /// How often may be searched there.
    pub open_food_facts_searches: Quota,
    /// `https://api.nal.usda.gov/fdc/v1`.
    pub fdc_url: Option<String>,
    /// The operator's key there.
    pub fdc_key: Option<String>,
    /// How often it may be asked.
    pub fdc_requests: Quota,
    /// `https://platform.fatsecret.com/rest`.
    pub fat_secret_url: Option<String>,
    /// `https://oauth.fatsecret.com/connect/token`.
    pub fat_secret_token_url: String,
    /// The operator's client there.
    pub fat_secret_client: Option<Credential>,
    /// By what the operator may store its data beyond ids; nobody may where it is absent.
    pub fat_secret_licence: Option<String>,
    /// How often it may be asked.
    pub fat_secret_requests: Quota,
    /// How long one of them may take over a question, whatever it takes to answer it.
    pub deadline: Duration,
    /// How long one that failed five times in a row is left alone.
    pub rest: Duration,
}

/// Answers by who asked what, with when they were given.
type Remembered = LruCache<(FoodProvider, Holder, Question), (DateTime<Utc>, Answer)>;

/// How long a provider may take over an answer, unless told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(3);
/// How long all providers together may take over a barcode, one after the other.
const CHAIN: Duration = Duration::from_secs(7);
/// How long one that fails is left alone.
pub const REST: Duration = provider::REST;
/// How many answers are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(2_000).expect("more than none");
/// That there is nothing is remembered for a shorter time: somebody may be adding it.
const NOTHING_REMEMBERED: TimeDelta = TimeDelta::minutes(10);
/// Pages of a search that may be asked for.
const MOST_PAGES: u32 = 20;

/// The providers of foods that are set up.
#[derive(Default)]
pub struct FoodProviders {
    providers: BTreeMap<FoodProvider, Configured>,
    /// How long each may take over a question.
    deadline: Duration,
    /// Made when there is something to remember.
    remembered: Mutex<Option<Remembered>>,
}

struct Configured {
    catalogue: Box<dyn FoodCatalogue>,
    /// The operator's own.
    credential: Option<Credential>,
    /// By what the operator may store what the provider's terms do not let anybody store.
    licence: Option<String>,
    lookups: Bucket,
    searches: Bucket,
    /// Until when it asked to be left alone by whoever has a key: nobody waits for what another's key has used up.
    limited_until: Mutex<HashMap<Holder, Instant>>,
}

/// A bucket of requests that all servers on the database share.
struct Bucket {
    name: &'static str,
    quota: Quota,
}

/// Whose key an answer was got with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Holder {
    Operator,
    Person(UserId),
}

/// What a provider is asked.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Question {
    Barcode(String),
    Id(String),
    Words(String, u32),
}

/// What it answers.
#[derive(Clone)]
enum Answer {
    Food(Option<Box<ProviderFood>>),
    Foods(Found),
}

impl FoodProviders {
    /// Those that these settings set up.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { deadline, rest, .. } = settings;
        let mut providers = BTreeMap::new();
        let bucket = |name, quota| Bucket { name, quota };
        if let Some(url) = checked_url("HALE_OPEN_FOOD_FACTS_URL", settings.open_food_facts_url)? {
            let catalogue = Box::new(OpenFoodFacts::new(client()?, url, &settings.contact, rest));
            let lookups = bucket("open_food_facts:products", settings.open_food_facts_products);
            let searches = bucket("open_food_facts:searches", settings.open_food_facts_searches);
            providers.insert(FoodProvider::OpenFoodFacts, Configured::new(catalogue, None, None, lookups, searches));
        }
        if let Some(url) = checked_url("HALE_FDC_URL", settings.fdc_url)? {
            let catalogue = Box::new(FoodDataCentral::new(client()?, url, rest));
            let credential = settings.fdc_key.map(|key| Credential { key, secret: None });
            let all = || bucket("food_data_central", settings.fdc_requests);
            providers.insert(FoodProvider::FoodDataCentral, Configured::new(catalogue, credential, None, all(), all()));
        }
        if let Some(url) = checked_url("HALE_FATSECRET_URL", settings.fat_secret_url)? {
            let token_url = checked_url("HALE_FATSECRET_TOKEN_URL", Some(settings.fat_secret_token_url))?.unwrap_or_default();
            let catalogue = Box::new(FatSecret::new(client()?, url, token_url, rest));
            let all = || bucket("fat_secret", settings.fat_secret_requests);
            let (credential, licence) = (settings.fat_secret_client, settings.fat_secret_licence);
            providers.insert(FoodProvider::FatSecret, Configured::new(catalogue, credential, licence, all(), all()));
        }
        Ok(Self { providers, deadline, remembered: Mutex::default() })
    }

    /// Whether the operator has set a provider up.
    pub fn is_set_up(&self, provider: FoodProvider) -> bool {
        self.providers.contains_key(&provider)
    }

    /// Whether the operator has a key for a provider that everybody here uses.
    pub fn has_key(&self, provider: FoodProvider) -> bool {
        self.providers.get(&provider).is_some_and(|configured| configured.credential.is_some())
    }

    /// What may be kept of a provider's data here.
    pub fn retention(&self, provider: FoodProvider) -> Retention {
        let licensed = self.providers.get(&provider).is_some_and(|configured| configured.licence.is_some());
        if licensed { Retention::Everything } else { terms(provider).retention }
    }

    /// The licence of a provider's data here.
    pub fn licence(&self, provider: FoodProvider) -> &str {
        let licence = self.providers.get(&provider).and_then(|configured| configured.licence.as_deref());
        licence.unwrap_or(terms(provider).licence)
    }

    /// Asks one provider as a person, unless the answer is remembered, or it must not be asked.
    async fn ask(&self, viewer: &Viewer, choice: &Choice, question: Question) -> Result<Answer, Failure> {
        let (database, provider) = (viewer.database(), choice.provider);
        let configured = self.providers.get(&provider).filter(|_| choice.enabled).ok_or(Failure::Off)?;
        let own = choice.credential(database, viewer.user_id()).transpose()?;
        let holder = if own.is_some() { Holder::Person(viewer.user_id()) } else { Holder::Operator };
        let credential = own.as_ref().or(configured.credential.as_ref());
        if terms(provider).needs != Needs::Nothing && credential.is_none() {
            return Err(Failure::NoKey);
        }
        let key = (provider, holder, question.clone());
        if let Some(answer) = self.remember(&key, database.now()) {
            return Ok(answer);
        }
        configured.take(database, holder, &question).await?;
        let asking = Asking { credential, now: database.now(), until: Instant::now() + self.deadline };
        let answer = match &question {
            Question::Barcode(gtin) => configured.catalogue.by_barcode(gtin, &asking).await.map(|food| Answer::Food(food.map(Box::new))),
            Question::Id(id) => configured.catalogue.by_id(id, &asking).await.map(|food| Answer::Food(food.map(Box::new))),
            Question::Words(words, page) => configured.catalogue.search(words, *page, &asking).await.map(Answer::Foods),
        };
        match &answer {
            Ok(answer) => self.keep(key, answer.clone(), database.now()),
            Err(Failure::RateLimited { retry_after }) => configured.leave_alone(holder, *retry_after),
            Err(_) => {}
        }
        answer
    }

    fn remember(&self, key: &(FoodProvider, Holder, Question), now: DateTime<Utc>) -> Option<Answer> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, answer) = remembered.as_mut()?.get(key)?;
        (*until > now).then(|| answer.clone())
    }

    fn keep(&self, key: (FoodProvider, Holder, Question), answer: Answer, now: DateTime<Utc>) {
        let for_long = terms(key.0).remembered;
        let until = now + if matches!(answer, Answer::Food(None)) { for_long.min(NOTHING_REMEMBERED) } else { for_long };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get_or_insert_with(|| LruCache::new(REMEMBERED)).put(key, (until, answer));
    }
}

impl Configured {
    fn new(
        catalogue: Box<dyn FoodCatalogue>,
        credential: Option<Credential>,
        licence: Option<String>,
        lookups: Bucket,
        searches: Bucket,
    ) -> Self {
        Self { catalogue, credential, licence, lookups, searches, limited_until: Mutex::default() }
    }

    /// Takes the requests of a question from the bucket of whose key it is asked with, which all servers on the database share.
    async fn take(&self, database: &Database, holder: Holder, question: &Question) -> Result<(), Failure> {
        let until = self.limited_until.lock().unwrap_or_else(PoisonError::into_inner).get(&holder).copied();
        if let Some(rest) = until.and_then(|until| until.checked_duration_since(Instant::now())) {
            return Err(Failure::RateLimited { retry_after: rest });
        }
        let bucket = if matches!(question, Question::Words(..)) { &self.searches } else { &self.lookups };
        let name = match holder {
            Holder::Person(person) => format!("foods:{}:{person}", bucket.name),
            Holder::Operator => format!("foods:{}", bucket.name),
        };
        let requests = if matches!(question, Question::Barcode(_)) { self.catalogue.requests_of_a_barcode() } else { 1 };
        for _ in 0..requests {
            accounts::limit(database, &name, &bucket.quota.limit()).await?;
        }
        Ok(())
    }

    fn leave_alone(&self, holder: Holder, time: Duration) {
        let (mut limited, now) = (self.limited_until.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        limited.retain(|_, until| *until > now);
        limited.insert(holder, now + time);
    }
}

fn checked_url(field: &str, url: Option<String>) -> Result<Option<String>> {
    let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
    let web = Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none());
    if !web || url.ends_with('/') {
        return Err(Error::invalid(field, "write a URL such as https://foods.example.org, without a slash at its end, or nothing"));
    }
    Ok(Some(url))
}

/// What one provider said to a question that several were asked.
#[derive(Clone, Debug)]
pub struct ProviderAnswer {
    /// Whose.
    pub provider: FoodProvider,
    /// How many foods it has found here, or why it did not answer.
    pub outcome: Result<usize, Failure>,
    /// Whether it has a further page.
    pub more: bool,
}

/// What became of a barcode.
#[derive(Debug, Default)]
pub struct Scanned {
    /// The food, in Hale.
    pub food: Option<Food>,
    /// The food as a provider states it whose terms let nobody store it.
    pub unstored: Option<ProviderFood>,
    /// What providers said that were asked, in order.
    pub answers: Vec<ProviderAnswer>,
    /// Whether the code is one that a shop numbered itself, of which nobody else is asked.
    pub store_internal: bool,
}

/// Finds the food with a barcode: the viewer's own, a relative's, the catalogue's, and else that of the first provider in the viewer's
/// order that knows it. What may be stored is in the catalogue from then on, for everybody.
pub async fn find_by_barcode(providers: &FoodProviders, viewer: &Viewer, barcode: &str) -> Result<Scanned> {
    let gtin = barcode::of_food("barcode", barcode)?;
    let tx = viewer.read().await?;
    if let Some(food) = foods::by_barcode(&tx, &gtin).await? {
        return Ok(Scanned { food: Some(food), ..Scanned::default() });
    }
    let choices = choices::all(&tx).await?;
    drop(tx);
    if barcode::circulation(&gtin) != Circulation::Public {
        return Ok(Scanned { store_internal: true, ..Scanned::default() });
    }

    let mut answers = Vec::new();
    let until = Instant::now() + CHAIN;
    for choice in choices.iter().filter(|choice| choice.enabled && providers.is_set_up(choice.provider)) {
        let asked = tokio::time::timeout_at(until, providers.ask(viewer, choice, Question::Barcode(gtin.clone()))).await;
        let outcome = asked.unwrap_or(Err(Failure::TimedOut));
        let count = |answer: &Answer| usize::from(matches!(answer, Answer::Food(Some(_))));
        answers.push(ProviderAnswer {
            provider: choice.provider,
            outcome: outcome.as_ref().map(count).map_err(|failure| *failure),
            more: false,
        });
        let Ok(Answer::Food(Some(food))) = outcome else { continue };
        if providers.retention(choice.provider) == Retention::IdsAlone {
            return Ok(Scanned { unstored: Some(*food), answers, ..Scanned::default() });
        }
        let tx = viewer.write().await?;
        let food = add_to_catalogue(&tx, providers, *food).await?;
        tx.commit().await?;
        return Ok(Scanned { food: Some(food), answers, ..Scanned::default() });
    }
    Ok(Scanned { answers, ..Scanned::default() })
}

/// What was found at several providers.
#[derive(Debug)]
pub struct Searched {
    /// The foods of the first provider in the viewer's order, then those of the next that are others by their barcodes.
    pub foods: Vec<ProviderFood>,
    /// What each provider said.
    pub answers: Vec<ProviderAnswer>,
}

/// Searches providers at once, each within its own deadline: all that are enabled, or some of them. Those that fail leave the others'
/// foods alone.
pub async fn search(
    providers: &FoodProviders,
    viewer: &Viewer,
    words: &str,
    among: Option<&[FoodProvider]>,
    page: Option<i32>,
) -> Result<Searched> {
    let words = input::line("search", words, 200)?;
    let page = input::integer("page", page.unwrap_or(1), 1..=MOST_PAGES.try_into().unwrap_or(1))?.unsigned_abs();
    let tx = viewer.read().await?;
    let choices = choices::all(&tx).await?;
    drop(tx);

    let asked: Vec<_> = choices
        .iter()
        .filter(|choice| match among {
            Some(among) => among.contains(&choice.provider),
            None => choice.enabled && providers.is_set_up(choice.provider),
        })
        .collect();
    let questions = asked.iter().map(|choice| providers.ask(viewer, choice, Question::Words(words.clone(), page)));
    let outcomes = join_all(questions).await;

    let (mut foods, mut answers, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (choice, outcome) in asked.into_iter().zip(outcomes) {
        let found = outcome.map(|answer| match answer {
            Answer::Foods(found) => found,
            Answer::Food(_) => Found::default(),
        });
        let more = found.as_ref().is_ok_and(|found| found.more);
        answers.push(ProviderAnswer {
            provider: choice.provider,
            outcome: found.as_ref().map(|found| found.foods.len()).map_err(|failure| *failure),
            more,
        });
        let others = found.unwrap_or_default().foods.into_iter();
        foods.extend(others.filter(|food| food.food.barcode.as_ref().is_none_or(|barcode| seen.insert(barcode.clone()))));
    }
    Ok(Searched { foods, answers })
}

/// Where a provider's food is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Among the viewer's own foods, under this id where the client has made one.
    Own(Option<FoodId>),
    /// In the catalogue that everybody here sees.
    Catalogue,
}

/// A food as its provider states it now, to be kept: what a client says of it counts for nothing.
pub async fn fetch(providers: &FoodProviders, viewer: &Viewer, provider: FoodProvider, id: &str) -> Result<ProviderFood> {
    let id = input::line("providerFoodId", id, 100)?;
    let Terms { name, .. } = terms(provider);
    if providers.retention(provider) == Retention::IdsAlone {
        return Err(Error::Forbidden(format!("the terms of {name} let nobody store what its foods contain")));
    }
    let tx = viewer.read().await?;
    let choices = choices::all(&tx).await?;
    drop(tx);
    let choice = choices.iter().find(|choice| choice.provider == provider).ok_or_else(|| Error::internal("an unknown provider"))?;
    match providers.ask(viewer, choice, Question::Id(id)).await {
        Ok(Answer::Food(Some(food))) => Ok(*food),
        Ok(_) => Err(Error::NotFound("food of this provider")),
        Err(failure) => Err(failure.of(name)),
    }
}

/// Keeps a food that was fetched.
pub async fn save(tx: &Tx, providers: &FoodProviders, found: ProviderFood, shelf: Shelf) -> Result<Food> {
    match shelf {
        Shelf::Own(id) => {
            let licence = providers.licence(found.provider).to_owned();
            let mut new = found.into_new(id);
            new.provenance.licence = Some(licence);
            foods::create(tx, new).await
        }
        Shelf::Catalogue => add_to_catalogue(tx, providers, found).await,
    }
}

/// A food as the door to the catalogue takes it.
#[derive(Serialize)]
struct Added<'a> {
    id: uuid::Uuid,
    fetched_at: DateTime<Utc>,
    licensed_by: &'a str,
    allergens: Option<Vec<String>>,
    traces: Option<Vec<String>>,
    #[serde(flatten)]
    food: &'a crate::catalogue::Food,
}

/// The food of the catalogue with the same barcode, or of the same provider and id; this one, where there is none yet.
async fn add_to_catalogue(tx: &Tx, providers: &FoodProviders, found: ProviderFood) -> Result<Food> {
    let codes = |allergens: &Option<Vec<Allergen>>| allergens.as_deref().map(Allergen::to_codes);
    let added = Added {
        id: tx.new_id(),
        fetched_at: found.fetched_at,
        licensed_by: providers.licence(found.provider),
        allergens: codes(&found.details.allergens),
        traces: codes(&found.details.traces),
        food: &found.food,
    };
    let json = serde_json::to_value(&added).map_err(|error| Error::Internal(error.into()))?;
    let door = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT auth.add_catalogue_food($1)", [json.into()]);
    let row = tx.query_one_raw(door).await?.ok_or_else(|| Error::internal("a door without an answer"))?;
    let id: Option<uuid::Uuid> = row.try_get_by_index(0)?;
    let refused = || Error::Forbidden("a food with a code that a shop numbered itself stays private: save it among your own".into());
    foods::find(tx, FoodId(id.ok_or_else(refused)?)).await?.ok_or_else(|| Error::internal("a food of the catalogue is not visible"))
}
