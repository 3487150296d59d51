//! "Not yours" and "not there" cannot be told apart: the same answer, after the same statements.

use serde_json::json;

use crate::harness::{TestApp, statements::Listener};

/// What is asked for, `{person}` and `{row}` being a stranger's or nobody's.
const ASKED: &[&str] = &[
    "{ person(id: \"{person}\") { id fullName accessTypes foodDay { entries { id } } measurements { nodes { id } } goals { id } } }",
    "{ food(id: \"{row}\") { id name } }",
    "{ exercise(id: \"{row}\") { id name } }",
    "mutation { logFood(input: { foodId: \"{row}\", quantity: \"1\", unit: \"g\", mealType: \"lunch\" }) { entry { id } } }",
    "mutation { updateFood(input: { id: \"{row}\", name: \"Oats\" }) { food { id } } }",
    "mutation { deleteFood(input: { id: \"{row}\" }) { deletedId } }",
    "mutation { updateFoodEntry(input: { id: \"{row}\", personId: \"{person}\", mealType: \"lunch\" }) { entry { id } } }",
    "mutation { deleteFoodEntry(input: { id: \"{row}\", personId: \"{person}\" }) { deletedId } }",
    "mutation { deleteMeasurement(input: { id: \"{row}\", personId: \"{person}\" }) { deletedId } }",
    "mutation { updateGoal(input: { id: \"{row}\", targetValue: \"1\" }) { goal { id } } }",
    "mutation { acceptAccess(input: { id: \"{row}\" }) { access { id } } }",
    "{ household(id: \"{person}\") { id members { id } routines { id } } }",
    "mutation { renameHousehold(input: { id: \"{row}\", name: \"x\" }) { household { id } } }",
    "mutation { planRoutine(input: { householdId: \"{person}\", id: \"{row}\" }) { applied } }",
    "mutation { skipAssignment(input: { householdId: \"{person}\", id: \"{row}\" }) { assignment { id } } }",
    "mutation { acceptHouseholdInvitation(input: { id: \"{row}\" }) { household { id } } }",
    "mutation { revokeAccess(input: { id: \"{row}\" }) { access { id } } }",
];

#[tokio::test]
async fn what_is_not_yours_answers_as_what_is_not_there_after_the_same_statements() {
    let app = TestApp::with_connections(1).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let food = ann.creates_food(json!({})).await;
    let entry = ann.logs_food(&food, json!({})).await["entry"]["id"].as_str().unwrap().to_owned();
    let offer = json!({ "granteeEmail": "carla@example.org", "accessTypes": ["CALORIE"] });
    let offered =
        ann.ask("mutation($input: OfferAccessInput!) { offerAccess(input: $input) { offers { id } } }", json!({ "input": offer })).await;
    let grant = offered["offerAccess"]["offers"][0]["id"].as_str().unwrap().to_owned();
    let listener = Listener::new(&app, &ben).await;

    for asked in ASKED {
        for row in [&food, &entry, &grant] {
            let ask = |person: &str, row: &str| asked.replace("{person}", person).replace("{row}", row);
            let nobody = "01900000-0000-7000-8000-00000000000a";
            let missing = listener.hear(&ask(nobody, "01900000-0000-7000-8000-00000000000b")).await;
            let hidden = listener.hear(&ask(&ann.id, row)).await;
            assert_eq!(hidden, missing, "{asked}");
            assert!(missing.1.len() >= 3 && missing.1.last().unwrap().contains("ROLLBACK"), "{asked}: {:?}", missing.1);
        }
    }
}
