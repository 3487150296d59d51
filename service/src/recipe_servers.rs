//! Recipes from a person's own server, Mealie or Tandoor, read with a token of theirs.
//!
//! The address is a person's input, so the operator says which hosts it may be: otherwise anybody could have Hale knock at doors that
//! only Hale stands before. Redirects are never followed, and addresses of private networks are refused unless the operator lets them be.

mod amounts;
mod mealie;
mod tandoor;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
pub use entity::recipe_servers::{Model as RecipeServer, RecipeServerKind};
use entity::{
    id::{MealId, UserId},
    recipe_servers::{ActiveModel, Column, Entity},
};
use lru::LruCache;
use reqwest::{
    Client, RequestBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
};
use rust_decimal::Decimal;
use sea_orm::{ActiveEnum, ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::OnConflict};

use self::{mealie::Mealie, tandoor::Tandoor};
use crate::{
    access::{Database, Tx, Viewer},
    error::{Error, Result},
    food_providers::{
        choices::{hint, secret_text},
        failure::Failure,
    },
    foods::Source,
    input,
    meals::{self, NewIngredient, NewMeal},
    nutrition::{Headline, Nutrition},
    provider::{self, Answer, Provider},
    sealing,
};

/// A recipe as a server states it. What it does not state is unknown.
#[derive(Clone, Debug, Default)]
pub struct ProviderRecipe {
    /// The server's id, which stays when the recipe is renamed.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// How many servings it makes.
    pub servings: Option<Decimal>,
    /// How its yield is written, such as "1 loaf".
    pub yield_text: Option<String>,
    /// Where it comes from.
    pub source_url: Option<String>,
    /// What to do, in order.
    pub steps: Vec<String>,
    /// What goes in.
    pub ingredients: Vec<ProviderIngredient>,
    /// What a serving contains, as far as it is stated.
    pub nutrition: Headline,
    /// Names of those of `nutrition` that are lower bounds: of some ingredient the server does not know them.
    pub lower_bounds: Vec<&'static str>,
}

impl ProviderRecipe {
    /// What a serving contains.
    pub fn per_serving(&self) -> Result<Nutrition> {
        self.nutrition.clone().checked()
    }

    /// The recipe as a meal of somebody's own: its ingredients in words, and what a serving contains as the server states it. What is a
    /// lower bound there is unknown here, and what is too long for a meal is shortened.
    fn into_meal(self, kind: RecipeServerKind, id: Option<MealId>) -> NewMeal {
        let Headline { mut calories, mut protein, mut carbohydrates, mut fat, mut fiber, mut sugar, mut sodium, .. } = self.nutrition;
        for (name, amount) in [
            ("calories", &mut calories),
            ("protein", &mut protein),
            ("carbohydrates", &mut carbohydrates),
            ("fat", &mut fat),
            ("fiber", &mut fiber),
            ("sugar", &mut sugar),
            ("sodium", &mut sodium),
        ] {
            if self.lower_bounds.contains(&name) {
                *amount = None;
            }
        }
        let stated = Headline { calories, protein, carbohydrates, fat, fiber, sugar, sodium, nutrients: None };
        let known = [calories, protein, carbohydrates, fat, fiber, sugar, sodium].iter().any(Option::is_some);
        let web = |url: &String| Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) && url.chars().count() <= 2_000;
        NewMeal {
            id,
            name: shortened(&self.name, 255).unwrap_or_else(|| "Recipe".to_owned()),
            description: self.description.and_then(|text| shortened(&text, 10_000)),
            servings: self.servings,
            steps: self.steps.iter().filter_map(|step| shortened(step, 5_000)).take(meals::MOST_STEPS).collect(),
            source: Some(Source { name: ActiveEnum::to_value(&kind), id: Some(self.id) }),
            source_url: self.source_url.filter(web),
            stated_nutrition: (known && self.servings.is_some()).then_some(stated),
            ingredients: self
                .ingredients
                .into_iter()
                .filter_map(ProviderIngredient::into_ingredient)
                .take(meals::MOST_INGREDIENTS)
                .collect(),
            ..NewMeal::default()
        }
    }
}

impl ProviderIngredient {
    /// In words: of which food it is, its owner may say later.
    fn into_ingredient(self) -> Option<NewIngredient> {
        let told_apart = self.food.as_deref().and_then(|food| shortened(food, 255));
        match told_apart {
            Some(name) => Some(NewIngredient {
                name: Some(name),
                quantity: self.amount,
                unit: self.amount.and_then(|_| shortened(self.unit.as_deref()?, 100)),
                note: self.note.and_then(|note| shortened(&note, 255)),
                ..NewIngredient::default()
            }),
            None => Some(NewIngredient { name: Some(shortened(&self.text, 255)?), ..NewIngredient::default() }),
        }
    }
}

fn shortened(text: &str, most: usize) -> Option<String> {
    Some(text.chars().take(most).collect::<String>().trim().to_owned()).filter(|text| !text.is_empty())
}

/// What goes into a recipe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProviderIngredient {
    /// How much, where a number says it.
    pub amount: Option<Decimal>,
    /// Of which unit, as the server calls it.
    pub unit: Option<String>,
    /// Of what, where that is told apart.
    pub food: Option<String>,
    /// What is to be known of it.
    pub note: Option<String>,
    /// The whole of it as people read it.
    pub text: String,
}

/// A recipe in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct RecipeSummary {
    /// The server's id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
}

/// A page of recipes.
#[derive(Clone, Debug, Default)]
pub struct FoundRecipes {
    /// In the server's order.
    pub recipes: Vec<RecipeSummary>,
    /// Whether there is a further page.
    pub more: bool,
}

/// A collection of recipes outside Hale.
#[async_trait]
trait RecipeBook: Send + Sync {
    /// Recipes that have to do with these words; pages count from 1.
    async fn search(&self, words: &str, page: u32) -> Result<FoundRecipes, Failure>;

    /// The recipe that the server calls this; `None` where there is none.
    async fn recipe(&self, id: &str) -> Result<Option<ProviderRecipe>, Failure>;
}

/// Which servers people may name.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Hosts, each perhaps with a port, such as recipes.example.org or 10.0.0.5:9000; "*" for all that are public.
    pub hosts: Vec<String>,
    /// Whether they may be in private networks.
    pub private_networks: bool,
    /// How long one may take over an answer.
    pub deadline: Duration,
    /// How long one that failed five times in a row is left alone.
    pub rest: Duration,
}

/// How long a server may take, unless told otherwise.
pub const DEADLINE: Duration = Duration::from_secs(5);
const PAGE: u32 = 20;
const MOST_PAGES: u32 = 100;
/// How many servers are known by how they fared.
const KNOWN: NonZeroUsize = NonZeroUsize::new(200).expect("more than none");

/// What is told where the operator has allowed no host.
pub const NOT_CONFIGURED: Error =
    Error::NotConfigured("this server reads no recipes elsewhere: its operator says where it may, by HALE_RECIPE_SERVERS");

/// Where recipes may be read.
pub struct RecipeServers {
    settings: Settings,
    client: Client,
    /// Each server fails for itself.
    known: Mutex<LruCache<(RecipeServerKind, String), Arc<Provider>>>,
}

impl RecipeServers {
    /// Those that these settings allow.
    pub fn new(settings: Settings) -> Result<Self> {
        for host in settings.hosts.iter().filter(|host| *host != "*") {
            let plain =
                Url::parse(&format!("http://{host}")).is_ok_and(|url| url.path() == "/" && url.query().is_none() && !host.ends_with('/'));
            if !plain || host.contains('@') {
                return Err(Error::invalid("HALE_RECIPE_SERVERS", "write hosts such as recipes.example.org or 10.0.0.5:9000, or *"));
            }
        }
        let resolver = Guard { private_networks: settings.private_networks };
        let client = provider::builder()?.dns_resolver(Arc::new(resolver)).no_proxy().build();
        let client = client.map_err(|error| Error::Internal(error.into()))?;
        Ok(Self { settings, client, known: Mutex::new(LruCache::new(KNOWN)) })
    }

    /// An address that people may name, without a slash at its end.
    fn allowed(&self, url: &str) -> Result<String> {
        let refused = |message: &str| Error::invalid("url", message);
        let url =
            Url::parse(&input::line("url", url, 500)?).map_err(|_| refused("not a URL: write one such as https://recipes.example.org"))?;
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return Err(refused("write a URL such as https://recipes.example.org"));
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("write the address alone, without a name, a password or what follows ? or #"));
        }
        let with_port = url.port().map_or(host.to_owned(), |port| format!("{host}:{port}"));
        // A host alone stands for its usual port.
        if !self.settings.hosts.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(&with_port)) {
            return Err(refused("this host is not among those that the operator allows by HALE_RECIPE_SERVERS"));
        }
        // Names are looked at when they are resolved, each time anew.
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if !self.settings.private_networks && literal.is_ok_and(|address| !is_public(address)) {
            return Err(refused("this address is of a private network, which the operator does not allow"));
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    /// The client of a server.
    fn book(&self, server: Opened) -> Box<dyn RecipeBook> {
        let name = match server.kind {
            RecipeServerKind::Mealie => "Mealie",
            RecipeServerKind::Tandoor => "Tandoor",
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of = || Arc::new(Provider::over(name, self.client.clone(), self.settings.rest));
        let provider = known.get_or_insert((server.kind, server.url.clone()), of).clone();
        let session = Session { provider, url: server.url, token: server.token, deadline: self.settings.deadline };
        match server.kind {
            RecipeServerKind::Mealie => Box::new(Mealie(session)),
            RecipeServerKind::Tandoor => Box::new(Tandoor(session)),
        }
    }
}

/// A server with a token that opens it.
struct Opened {
    kind: RecipeServerKind,
    url: String,
    token: String,
}

/// Requests to one server in somebody's name.
struct Session {
    provider: Arc<Provider>,
    url: String,
    token: String,
    deadline: Duration,
}

impl Session {
    /// What is answered at `path`; `None` where it says that there is no such thing. A redirect is no answer: the token stays here.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Answer>, Failure> {
        let request: RequestBuilder = self.provider.client().get(format!("{}{path}", self.url)).query(query);
        let answer = self.provider.send(request.bearer_auth(&self.token).timeout(self.deadline)).await?;
        match answer.status {
            200..=299 => Ok(Some(answer)),
            401 | 403 => Err(Failure::KeyRefused),
            404 => Ok(None),
            429 => Err(Failure::limited(&answer)),
            _ => Err(Failure::Unavailable),
        }
    }
}

/// Resolves names to public addresses alone: what a name stands for may change between one look and the next.
struct Guard {
    private_networks: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let private_networks = self.private_networks;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| private_networks || is_public(address.ip())).collect();
            if allowed.is_empty() {
                return Err("the name stands for no address that is allowed".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one that everybody reaches: none of this machine, of a private or a shared network, of a link, of a test or of
/// many at once, nor an IPv6 address in which such a one is wrapped.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let special = match (first, second, third) {
        // This network, private, shared (carriers'), reserved and multicast.
        (0 | 10 | 127 | 224..=255, ..) | (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Protocol assignments, relays, benchmarks and documentation.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = address.segments();
    let wrapped = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // NAT64 and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => wrapped(high, low),
        // Teredo and other assignments of protocols, and documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is all that remains.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// The viewer's servers.
pub async fn all(tx: &Tx) -> Result<Vec<RecipeServer>> {
    Ok(Entity::find().filter(Column::UserId.eq(tx.viewer()?)).order_by_asc(Column::Kind).all(tx).await?)
}

/// Names the viewer's server of a kind, with a token that is sealed for this person and address.
pub async fn set(
    database: &Database,
    servers: &RecipeServers,
    tx: &Tx,
    kind: RecipeServerKind,
    url: &str,
    token: &str,
) -> Result<RecipeServer> {
    let url = servers.allowed(url)?;
    // Mealie's tokens are long.
    let token = secret_text("token", token)?;
    let person = tx.viewer()?;
    let row = ActiveModel {
        user_id: Set(person),
        kind: Set(kind),
        token: Set(sealing::seal(database.keys(), database.random(), &context(person, kind, &url), &token)?),
        url: Set(url),
        hint: Set(hint(&token)),
    };
    let again = OnConflict::columns([Column::UserId, Column::Kind]).update_columns([Column::Url, Column::Token, Column::Hint]).to_owned();
    Ok(Entity::insert(row).on_conflict(again).exec_with_returning(tx).await?)
}

/// Forgets the viewer's server of a kind, and its token.
pub async fn remove(tx: &Tx, kind: RecipeServerKind) -> Result<()> {
    let own = Entity::delete_many().filter(Column::UserId.eq(tx.viewer()?)).filter(Column::Kind.eq(kind));
    if own.exec(tx).await?.rows_affected == 0 { Err(UNKNOWN) } else { Ok(()) }
}

const UNKNOWN: Error = Error::NotFound("recipe server of this kind");

/// Searches the viewer's server of a kind.
pub async fn search(
    servers: &RecipeServers,
    viewer: &Viewer,
    kind: RecipeServerKind,
    words: &str,
    page: Option<i32>,
) -> Result<FoundRecipes> {
    let words = input::line("search", words, 200)?;
    let page = input::integer("page", page.unwrap_or(1), 1..=MOST_PAGES.try_into().unwrap_or(1))?.unsigned_abs();
    let (name, book) = open(servers, viewer, kind).await?;
    book.search(&words, page).await.map_err(|failure| failure.of(name))
}

/// A recipe of the viewer's server of a kind; `None` where it has none of this id.
pub async fn recipe(servers: &RecipeServers, viewer: &Viewer, kind: RecipeServerKind, id: &str) -> Result<Option<ProviderRecipe>> {
    let id = input::line("id", id, 100)?;
    let (name, book) = open(servers, viewer, kind).await?;
    book.recipe(&id).await.map_err(|failure| failure.of(name))
}

/// Keeps a recipe that was read as a meal of the viewer's own.
pub async fn import(tx: &Tx, kind: RecipeServerKind, recipe: ProviderRecipe, id: Option<MealId>) -> Result<entity::meals::Model> {
    meals::create(tx, recipe.into_meal(kind, id)).await
}

/// What the viewer's server is called, and its client. The operator may have changed their mind since it was named.
async fn open(servers: &RecipeServers, viewer: &Viewer, kind: RecipeServerKind) -> Result<(&'static str, Box<dyn RecipeBook>)> {
    let tx = viewer.read().await?;
    let server = all(&tx).await?.into_iter().find(|server| server.kind == kind).ok_or(UNKNOWN)?;
    drop(tx);
    let url = servers.allowed(&server.url)?;
    let name = match kind {
        RecipeServerKind::Mealie => "Mealie",
        RecipeServerKind::Tandoor => "Tandoor",
    };
    let token = sealing::open(viewer.database().keys(), &context(viewer.user_id(), kind, &url), &server.token);
    let token = token.map_err(|_| Failure::KeyRefused.of(name))?;
    Ok((name, servers.book(Opened { kind, url, token })))
}

/// What a token is sealed for: it opens for no other person or address.
fn context(person: UserId, kind: RecipeServerKind, url: &str) -> String {
    format!("recipe server {} {person} {url}", ActiveEnum::to_value(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(hosts: &[&str], private_networks: bool) -> RecipeServers {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        RecipeServers::new(Settings { hosts, private_networks, ..Settings::default() }).expect("settings")
    }

    #[test]
    fn only_what_the_operator_allows_is_read() {
        let listed = servers(&["recipes.example.org", "10.0.0.5:9000"], false);
        assert_eq!(listed.allowed("https://Recipes.example.org/").expect("listed"), "https://recipes.example.org");
        assert_eq!(listed.allowed("https://recipes.example.org/mealie/").expect("listed"), "https://recipes.example.org/mealie");
        for refused in [
            "https://elsewhere.example.org",
            "https://recipes.example.org:8443",
            "https://recipes.example.org.evil.example",
            "https://recipes.example.org@evil.example",
            "https://ann:secret@recipes.example.org",
            "https://recipes.example.org?x=1",
            "file:///etc/passwd",
            "recipes.example.org",
            // Listed, but of a private network.
            "http://10.0.0.5:9000",
        ] {
            assert!(matches!(listed.allowed(refused), Err(Error::Invalid { .. })), "{refused}");
        }
        assert!(servers(&["10.0.0.5:9000"], true).allowed("http://10.0.0.5:9000").is_ok());
        assert!(servers(&[], false).allowed("https://recipes.example.org").is_err());
        let all = servers(&["*"], false);
        assert!(all.allowed("https://recipes.example.org").is_ok());
        for refused in ["http://127.0.0.1", "http://[::1]:9000", "http://169.254.169.254/latest", "http://2130706433", "http://0x7f.1"] {
            assert!(all.allowed(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn settings_that_are_no_hosts_are_refused() {
        for host in ["https://recipes.example.org", "recipes.example.org/", "recipes.example.org/x", "ann@recipes.example.org", ""] {
            let settings = Settings { hosts: vec![host.to_owned()], ..Settings::default() };
            assert!(RecipeServers::new(settings).is_err(), "{host}");
        }
    }

    #[test]
    fn addresses_that_not_everybody_reaches_are_told_apart() {
        for public in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"] {
            assert!(is_public(public.parse().expect(public)), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(private.parse().expect(private)), "{private}");
        }
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_machine_is_not_resolved() {
        let name = || "localhost".parse::<Name>().expect("a name");
        assert!(Guard { private_networks: false }.resolve(name()).await.is_err());
        assert!(Guard { private_networks: true }.resolve(name()).await.is_ok());
    }
}
