//! Recipes of one's own Mealie or Tandoor: the real clients against a server of each kind.

use std::{sync::Arc, time::Duration};

use api::config::Outside;
use serde_json::{Value, json};
use service::recipe_servers::{RecipeServers, Settings};

use crate::harness::{
    Person, TestApp,
    mealie::{self, Mealie},
    tandoor::{self, Tandoor},
    trouble::Fault,
};

const SET: &str = "mutation($input: SetRecipeServerInput!) { setRecipeServer(input: $input) { recipeServer { kind url tokenHint } } }";
const SEARCH: &str = "query($server: RecipeServerKind!, $search: String!, $page: Int) {
    providerRecipes(server: $server, search: $search, page: $page) { recipes { id name description } more } }";
const RECIPE: &str = "query($server: RecipeServerKind!, $id: String!) { providerRecipe(server: $server, id: $id) {
    id name description servings yieldText sourceUrl steps ingredients { amount unit food note text } lowerBounds
    nutrition { calories protein carbohydrates fat fiber sugar sodium } } }";

/// The server that stands in is on this machine, which the operator allows here.
async fn app(allowed: &[&str], private_networks: bool) -> TestApp {
    let hosts = allowed.iter().map(|url| url.trim_start_matches("http://").to_owned()).collect();
    let settings = Settings { hosts, private_networks, deadline: Duration::from_secs(5), rest: Duration::from_secs(600) };
    TestApp::with_providers(Outside { recipe_servers: Some(Arc::new(RecipeServers::new(settings).unwrap())), ..Outside::default() }).await
}

async fn names(person: &Person<'_>, kind: &str, url: &str, token: &str) -> Value {
    person.ask(SET, json!({ "input": { "kind": kind, "url": url, "token": token } })).await["setRecipeServer"]["recipeServer"].take()
}

async fn recipe(person: &Person<'_>, server: &str, id: &str) -> Value {
    person.ask(RECIPE, json!({ "server": server, "id": id })).await["providerRecipe"].take()
}

#[tokio::test]
async fn ann_reads_recipes_of_her_mealie_whose_amounts_are_texts() {
    let fake = Mealie::start().await;
    let app = app(&[&fake.url], true).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let server = names(&ann, "MEALIE", &format!("{}/", fake.url), mealie::TOKEN).await;
    assert_eq!(server, json!({ "kind": "MEALIE", "url": fake.url, "tokenHint": "-ann" }));
    let found = ann.ask(SEARCH, json!({ "server": "MEALIE", "search": "curry" })).await;
    assert_eq!(
        found["providerRecipes"],
        json!({ "recipes": [{ "id": mealie::CURRY, "name": "Chickpea curry", "description": "Quick" }], "more": false })
    );

    let curry = recipe(&ann, "MEALIE", mealie::CURRY).await;
    assert_eq!(
        (&curry["servings"], &curry["yieldText"], &curry["sourceUrl"]),
        (&json!("4"), &json!("bowls"), &json!("https://example.org/curry"))
    );
    assert_eq!(
        curry["nutrition"],
        json!({ "calories": "250", "protein": "12.25", "carbohydrates": "30.5", "fat": "9", "fiber": null, "sugar": "5", "sodium": "480" })
    );
    assert_eq!(curry["steps"], json!(["Fry the onions.", "Finish: Add the rest."]));
    assert_eq!(
        curry["ingredients"],
        json!([
            { "amount": "400", "unit": "gram", "food": "chickpeas", "note": "drained", "text": "400 grams chickpeas, drained" },
            { "amount": "1.5", "unit": null, "food": "onions", "note": null, "text": "1.5 onions" },
            { "amount": null, "unit": null, "food": null, "note": "salt to taste", "text": "salt to taste" }
        ])
    );
    let bread = recipe(&ann, "MEALIE", mealie::BREAD).await;
    assert_eq!((&bread["servings"], &bread["nutrition"]["calories"], &bread["steps"]), (&json!("12"), &json!(null), &json!([])));
    assert_eq!(bread["ingredients"], json!([{ "amount": "500", "unit": "g", "food": "flour", "note": null, "text": "500 g flour" }]));

    fake.renames(mealie::CURRY, "Chana masala", "chana-masala");
    assert_eq!(recipe(&ann, "MEALIE", mealie::CURRY).await["name"], "Chana masala", "the id stays");
    assert_eq!(recipe(&ann, "MEALIE", "chickpea-curry").await, json!(null));
    assert_eq!(recipe(&ann, "MEALIE", "0b5fbd8e-3c07-4b3b-9a51-1d1d0b6f7a09").await, json!(null));

    assert_eq!(ben.refused(RECIPE, json!({ "server": "MEALIE", "id": mealie::CURRY })).await.code, "NOT_FOUND", "hers is hers alone");
    let listed = ann.ask("{ viewer { recipeServers { kind url } } }", json!({})).await;
    assert_eq!(listed["viewer"]["recipeServers"], json!([{ "kind": "MEALIE", "url": fake.url }]));
    let stored: String = app.value("SELECT token FROM recipe_servers").await;
    assert!(!stored.contains("mealie-of-ann"), "{stored}");
    let remove = "mutation { removeRecipeServer(input: { kind: MEALIE }) { removedKind } }";
    assert_eq!(ann.ask(remove, json!({})).await["removeRecipeServer"]["removedKind"], "MEALIE");
    assert_eq!(ann.refused(remove, json!({})).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn tandoors_sums_are_divided_by_the_servings_and_known_by_ids_in_any_language() {
    let fake = Tandoor::start().await;
    let app = app(&[&fake.url], true).await;
    let ann = app.person("ann").await;
    names(&ann, "TANDOOR", &fake.url, tandoor::TOKEN).await;
    let found = ann.ask(SEARCH, json!({ "server": "TANDOOR", "search": "eintopf" })).await;
    assert_eq!(found["providerRecipes"]["recipes"][0]["id"], "7");
    let stew = recipe(&ann, "TANDOOR", "7").await;
    assert_eq!(
        stew["nutrition"],
        json!({ "calories": "500", "protein": "24.1", "carbohydrates": null, "fat": null, "fiber": null, "sugar": null, "sodium": "800" }),
        "salt is no sodium, and fat of which nothing is known is unknown"
    );
    assert_eq!(stew["lowerBounds"], json!(["protein"]));
    assert_eq!((&stew["servings"], &stew["yieldText"], &stew["steps"]), (&json!("4"), &json!("Teller"), &json!(["Vorbereiten: Kochen."])));
    assert_eq!(
        stew["ingredients"],
        json!([
            { "amount": "500", "unit": "g", "food": "Linsen", "note": null, "text": "500 g Linsen" },
            { "amount": null, "unit": null, "food": "Salz", "note": null, "text": "Salz" }
        ])
    );
    let cake = recipe(&ann, "TANDOOR", "8").await;
    assert_eq!(
        (&cake["nutrition"]["calories"], &cake["nutrition"]["carbohydrates"], &cake["nutrition"]["sugar"]),
        (&json!("290"), &json!("40.5"), &json!("21.5"))
    );
    let sauce = recipe(&ann, "TANDOOR", "9").await;
    assert_eq!((&sauce["servings"], &sauce["nutrition"]["calories"]), (&json!(null), &json!(null)), "a sum for nobody knows how many");
    assert_eq!(recipe(&ann, "TANDOOR", "99").await, json!(null));
    assert!(fake.trouble.requests().iter().all(|line| line.split([' ', '?']).nth(1).unwrap().ends_with('/')));
}

#[tokio::test]
async fn ann_keeps_recipes_as_meals_of_her_own_and_nothing_that_is_only_a_lower_bound() {
    const IMPORT: &str =
        "mutation($input: ImportRecipeInput!) { importRecipe(input: $input) { meal { id name servings steps source sourceUrl
        ingredients { name quantity unit note } statedNutrition { calories protein sodium } } } }";
    let (mealie, tandoor) = (Mealie::start().await, Tandoor::start().await);
    let app = app(&[&mealie.url, &tandoor.url], true).await;
    let ann = app.person("ann").await;
    names(&ann, "MEALIE", &mealie.url, mealie::TOKEN).await;
    names(&ann, "TANDOOR", &tandoor.url, tandoor::TOKEN).await;
    let imported = async |input: Value| ann.ask(IMPORT, json!({ "input": input })).await["importRecipe"]["meal"].take();
    let curry = imported(json!({ "server": "MEALIE", "recipeId": mealie::CURRY })).await;
    assert_eq!((&curry["name"], &curry["servings"], &curry["source"]), (&json!("Chickpea curry"), &json!("4"), &json!("mealie")));
    assert_eq!((&curry["sourceUrl"], &curry["steps"][0]), (&json!("https://example.org/curry"), &json!("Fry the onions.")));
    assert_eq!(curry["statedNutrition"], json!({ "calories": "250", "protein": "12.25", "sodium": "480" }));
    assert_eq!(
        curry["ingredients"],
        json!([
            { "name": "chickpeas", "quantity": "400", "unit": "gram", "note": "drained" },
            { "name": "onions", "quantity": "1.5", "unit": null, "note": null },
            { "name": "salt to taste", "quantity": null, "unit": null, "note": null }
        ])
    );
    let stew = imported(json!({ "server": "TANDOOR", "recipeId": "7" })).await;
    assert_eq!(stew["statedNutrition"], json!({ "calories": "500", "protein": null, "sodium": "800" }), "protein is at least 24.1 g");
    let again = ann.refused(IMPORT, json!({ "input": { "server": "MEALIE", "recipeId": mealie::CURRY } })).await;
    assert_eq!((again.code.as_str(), again.message.contains("imported before")), ("CONFLICT", true));
    assert_eq!(ann.refused(IMPORT, json!({ "input": { "server": "TANDOOR", "recipeId": "99" } })).await.code, "NOT_FOUND");
    assert_eq!(app.nobody().refused(IMPORT, json!({ "input": { "server": "TANDOOR", "recipeId": "7" } })).await.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_server_that_fails_is_told_by_how_it_fails() {
    let fake = Mealie::start().await;
    let app = app(&[&fake.url], true).await;
    let ann = app.person("ann").await;
    names(&ann, "MEALIE", &fake.url, "a-token-that-is-over").await;
    let search = json!({ "server": "MEALIE", "search": "curry" });
    let refused = ann.refused(SEARCH, search.clone()).await;
    assert_eq!((refused.code.as_str(), refused.message.contains("renew it")), ("FORBIDDEN", true));
    names(&ann, "MEALIE", &fake.url, mealie::TOKEN).await;
    // The token does not follow a redirect, to whatever is behind it.
    let elsewhere = Mealie::start().await;
    for (fault, code) in [
        (Fault::Elsewhere(format!("{}/api/recipes", elsewhere.url)), "PROVIDER_UNAVAILABLE"),
        (Fault::Overloaded, "PROVIDER_UNAVAILABLE"),
        (Fault::Oversized, "PROVIDER_UNAVAILABLE"),
        (Fault::Answers(200, "text/html", "<html>".into()), "PROVIDER_UNAVAILABLE"),
        (Fault::TooOften(30), "RATE_LIMITED"),
    ] {
        fake.trouble.fails("/api/recipes", fault.clone(), 1);
        assert_eq!(ann.refused(SEARCH, search.clone()).await.code, code, "{fault:?}");
    }
    assert_eq!(elsewhere.trouble.requests().len(), 0);
    assert_eq!(ann.ask(SEARCH, search).await["providerRecipes"]["recipes"][0]["id"], mealie::CURRY);
}

#[tokio::test]
async fn a_server_is_only_where_the_operator_allows() {
    let fake = Mealie::start().await;
    // Every public host, of which this machine is none.
    let app = app(&["*"], false).await;
    let ann = app.person("ann").await;
    let refused = async |url: &str| ann.refused(SET, json!({ "input": { "kind": "MEALIE", "url": url, "token": "x" } })).await;
    for url in
        [fake.url.as_str(), "http://10.0.0.1", "http://169.254.169.254/latest/meta-data", "http://[::1]", "ftp://example.org", "nonsense"]
    {
        let refusal = refused(url).await;
        assert_eq!((refusal.code.as_str(), refusal.field.as_deref()), ("BAD_USER_INPUT", Some("url")), "{url}");
    }
    // A name may be given, but what it stands for is looked at when it is asked.
    let port = fake.url.rsplit_once(':').unwrap().1;
    names(&ann, "MEALIE", &format!("http://localhost:{port}"), mealie::TOKEN).await;
    assert_eq!(ann.refused(SEARCH, json!({ "server": "MEALIE", "search": "x" })).await.code, "PROVIDER_UNAVAILABLE");
    assert_eq!(fake.trouble.requests().len(), 0);

    let closed = TestApp::with_providers(Outside::default()).await;
    let ben = closed.person("ben").await;
    let unset = ben.refused(SET, json!({ "input": { "kind": "MEALIE", "url": "https://recipes.example.org", "token": "x" } })).await;
    assert_eq!((unset.code.as_str(), unset.message.contains("HALE_RECIPE_SERVERS")), ("UNAVAILABLE", true));
    assert_eq!(closed.nobody().refused(SEARCH, json!({ "server": "MEALIE", "search": "x" })).await.code, "UNAUTHENTICATED");
}
