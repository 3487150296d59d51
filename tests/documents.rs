//! Which documents are valid: graphql-js and Hale judge alike, and each of them is told from the other's list where they do not.

use std::{collections::BTreeMap, path::Path};

use api::graphql::{
    documents::{Documents, Wanted},
    sdl,
};
use reqwest::header;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{Person, TestApp, graphql_js};

/// A document, what graphql-js says to it, and what Hale says where that is something else.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    rule: String,
    schema: String,
    document: String,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    valid: bool,
    /// Why Hale's verdict is the opposite.
    differs: Option<String>,
}

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql_js").join(name)).unwrap()
}

fn corpus() -> Vec<Case> {
    serde_json::from_str(&file("corpus.json")).unwrap()
}

/// Whether Hale's server takes a document for a request that it can execute, whatever comes of it.
async fn served(person: &Person<'_>, case: &Case) -> Result<(), String> {
    let body = json!({ "query": case.document, "operationName": case.operation_name, "variables": case.variables });
    let request = person.app.post("/graphql").header(header::ACCEPT, "application/graphql-response+json").json(&body);
    let response = request.send().await.unwrap();
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    let text = answer.to_string();
    match status.as_u16() {
        200 => {
            // What was taken for valid may fail in a field, and then says which.
            let errors = answer["errors"].as_array().cloned().unwrap_or_default();
            assert!(
                errors.iter().all(|error| error["path"].is_array() && error["extensions"]["code"] != "INTERNAL"),
                "{}: {text}",
                case.document
            );
            Ok(())
        }
        400 => {
            assert!(
                answer.get("data").is_none() && answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST",
                "{}: {text}",
                case.document
            );
            Err(answer["errors"][0]["message"].as_str().unwrap().to_owned())
        }
        _ => panic!("{}: {status} {text}", case.document),
    }
}

/// The same for another schema, which no server serves.
fn judged(documents: &Documents, case: &Case) -> Result<(), String> {
    let wanted = Wanted { text: Some(case.document.clone()), ..Wanted::default() };
    let operation = documents.find(&wanted).and_then(|document| {
        documents.operation(document, case.operation_name.clone(), case.variables.clone().unwrap_or_default()).map(drop)
    });
    operation.map_err(|refusal| format!("{refusal:?}"))
}

#[tokio::test]
async fn the_corpus_is_judged_as_graphql_js_judges_it() {
    let corpus = corpus();
    assert!(corpus.len() >= 150, "{} documents", corpus.len());
    let app = TestApp::new().await;
    let zoo = Documents::new(&file("zoo.graphql"), true, Vec::new(), false).unwrap();
    let mut wrong = Vec::new();
    for case in &corpus {
        let verdict = if case.schema == "zoo" { judged(&zoo, case) } else { served(&app.nobody(), case).await };
        if verdict.is_ok() != (case.valid != case.differs.is_some()) {
            wrong.push(format!("{} {:?} {:?}: {verdict:?}", case.rule, case.document, case.variables));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are judged otherwise than they are listed:\n{}", wrong.len(), corpus.len(), wrong.join("\n"));
}

#[tokio::test]
async fn graphql_js_judges_the_corpus_as_it_says() {
    let corpus = corpus();
    let schemas = BTreeMap::from([("hale", sdl()), ("zoo", file("zoo.graphql"))]);
    let input = json!({ "schemas": schemas, "documents": corpus });
    let Some(output) = graphql_js("judge.mjs", &[], &input.to_string()).await else { return };
    let verdicts: Vec<Option<String>> = serde_json::from_str(&output).unwrap();
    assert_eq!(verdicts.len(), corpus.len());
    for (case, verdict) in corpus.iter().zip(verdicts) {
        assert_eq!(verdict.is_none(), case.valid, "{} {:?} {:?}: {verdict:?}", case.rule, case.document, case.variables);
    }
}

/// Where both are to choose something, they choose the same at each run.
fn chosen(of: usize, at: usize, salt: &str) -> usize {
    let digest = Sha256::digest(format!("{salt} {at}"));
    digest.iter().take(7).fold(0, |number, byte| number * 256 + usize::from(*byte)) % of
}

/// The names, strings, numbers and punctuators of a document.
fn tokens(document: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let (mut word, mut quoted) = (false, false);
    for character in document.chars() {
        let continues = character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
        match tokens.last_mut() {
            Some(token) if quoted => token.push(character),
            Some(token) if word && continues => token.push(character),
            _ if character.is_whitespace() => {}
            _ => tokens.push(character.into()),
        }
        quoted ^= character == '"';
        word = continues || quoted;
    }
    tokens
}

/// A corpus document with a token left out, doubled, or replaced by one of another document.
fn mutations(corpus: &[Case], count: usize) -> Vec<Case> {
    // Of a subscription's one field apollo-compiler allows one mention, graphql-js several.
    let plain = |case: &&Case| {
        case.valid && case.differs.is_none() && !case.document.contains("\"\"\"") && !case.document.starts_with("subscription")
    };
    let sources: Vec<&Case> = corpus.iter().filter(plain).collect();
    let mutate = |at: usize| {
        let (case, other) = (sources[chosen(sources.len(), at, "case")], sources[chosen(sources.len(), at, "other")]);
        let (mut tokens, others) = (tokens(&case.document), tokens(&other.document));
        for round in 0..=chosen(4, at, "rounds") / 3 {
            let place = chosen(tokens.len(), at, &format!("place {round}"));
            match chosen(3, at, &format!("how {round}")) {
                0 => drop(tokens.remove(place)),
                1 => tokens.insert(place, tokens[place].clone()),
                _ => {
                    let kind = |token: &String| token.starts_with(char::is_alphabetic);
                    let alike: Vec<&String> = others.iter().filter(|other| kind(other) == kind(&tokens[place])).collect();
                    if !alike.is_empty() {
                        tokens[place] = alike[chosen(alike.len(), at, &format!("token {round}"))].clone();
                    }
                }
            }
            if tokens.is_empty() {
                break;
            }
        }
        Case { document: tokens.join(" "), ..case.clone() }
    };
    (0..count).map(mutate).collect()
}

#[tokio::test]
async fn graphql_js_and_hale_judge_mutations_alike() {
    let mutations = mutations(&corpus(), 3_000);
    let schemas = BTreeMap::from([("hale", sdl()), ("zoo", file("zoo.graphql"))]);
    let input = json!({ "schemas": schemas, "documents": mutations });
    let Some(output) = graphql_js("judge.mjs", &[], &input.to_string()).await else { return };
    let verdicts: Vec<Option<String>> = serde_json::from_str(&output).unwrap();
    let valid = verdicts.iter().filter(|verdict| verdict.is_none()).count();
    assert!(valid > 100, "of {} only {valid} are valid", verdicts.len());
    let (hale, zoo) = (
        Documents::new(&sdl(), false, Vec::new(), false).unwrap(),
        Documents::new(&file("zoo.graphql"), false, Vec::new(), false).unwrap(),
    );
    let mut wrong = Vec::new();
    for (case, theirs) in mutations.iter().zip(verdicts) {
        let ours = judged(if case.schema == "zoo" { &zoo } else { &hale }, case);
        if ours.is_ok() != theirs.is_none() {
            wrong.push(format!("{:?} {:?}: {ours:?}, but graphql-js {theirs:?}", case.document, case.variables));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are judged otherwise:\n{}", wrong.len(), mutations.len(), wrong.join("\n"));
}
