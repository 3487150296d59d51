//! The demo household: three people who share what they keep, with months of diary, training and measurements. Everything is
//! written through the features themselves, as each person, so what a visitor sees is what a user would have made.

mod ann;
mod ben;
mod carla;
mod chance;
mod plan;
mod profile;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::{NaiveDate, TimeDelta};
use entity::{
    family_access::AccessType,
    id::{ExerciseId, FoodId, UserId},
};
use rust_decimal::Decimal;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use uuid::Uuid;

use self::{
    plan::{DAYS, Day, HALF_WAY, Known},
    profile::{OwnFood, Profile},
};
use crate::{
    access::{Database, Maintenance, Tx, Viewer},
    accounts::{self, SignUp, SignedInFrom},
    day::Calendar,
    error::{Error, Result},
    exercise_diary,
    family_access::{self, Offer},
    food_diary,
    foods::{self, Details, FoodChange, NewFood, Portion, Provenance},
    goals::{self, NewGoal},
    measurements,
    people::{self, PreferencesChange},
    random::Random,
    sessions,
};

/// Someone of the demo household, and how to sign in as them. The password is nowhere else.
pub struct DemoPerson {
    /// How others see the person.
    pub full_name: String,
    /// What the person signs in with.
    pub email: String,
    /// Made at random.
    pub password: String,
}

/// Who lives in the household.
const HOUSEHOLD: [&Profile; 3] = [&ann::ANN, &ben::BEN, &carla::CARLA];

/// What sign-ups are limited by.
const CLIENT: &str = "demo";

/// Makes the demo household. For the same instant it is the same but for ids and passwords.
///
/// Refuses when the household is there already, when the starter catalogue is not, and, unless it may live `among_others`,
/// when there is any other account. `progress` is told how many days of how many are written. When it fails half-way, the
/// accounts it made are gone again.
pub async fn create(
    database: &Database,
    maintenance: &Maintenance,
    among_others: bool,
    progress: impl Fn(u64, u64) + Send + Sync,
) -> Result<Vec<DemoPerson>> {
    refuse_if_lived_in(maintenance, among_others).await?;
    let known = starter_catalogue(maintenance).await?;
    let mut made = Vec::new();
    match move_in(database, maintenance, known, &mut made, &progress).await {
        Ok(household) => Ok(household),
        Err(error) => {
            move_out(maintenance, &made).await?;
            Err(error)
        }
    }
}

/// Someone of the household who is signed in.
struct Member {
    profile: &'static Profile,
    viewer: Viewer,
    password: String,
    today: NaiveDate,
}

impl Member {
    /// The date of a day counted from the first.
    fn date(&self, number: i64) -> NaiveDate {
        self.today - TimeDelta::days(DAYS - 1 - number)
    }

    fn introduced(self) -> DemoPerson {
        DemoPerson { full_name: self.profile.full_name.to_owned(), email: self.profile.email.to_owned(), password: self.password }
    }
}

async fn refuse_if_lived_in(maintenance: &Maintenance, among_others: bool) -> Result<()> {
    let tx = maintenance.begin().await?;
    let addresses = HOUSEHOLD.map(|profile| profile.email.to_owned()).to_vec();
    let there = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT email FROM users WHERE email = ANY ($1) ORDER BY email LIMIT 1",
        [addresses.into()],
    );
    if let Some(row) = tx.query_one_raw(there).await? {
        let email: String = row.try_get_by_index(0)?;
        return Err(Error::conflict(format!("the demo household is here already: {email} has an account")));
    }
    let others = accounts::count(&tx).await?;
    if others > 0 && !among_others {
        let message = format!("this server already has accounts ({others}): say --yes to add the demo household beside them");
        return Err(Error::conflict(message));
    }
    Ok(())
}

/// The foods and exercises that the household needs, found before anything is written.
async fn starter_catalogue(maintenance: &Maintenance) -> Result<Known> {
    let tx = maintenance.begin().await?;
    let known = Known {
        foods: by_source_id(&tx, "food_items").await?.into_iter().map(|(key, id)| (key, FoodId(id))).collect(),
        exercises: by_source_id(&tx, "exercises").await?.into_iter().map(|(key, id)| (key, ExerciseId(id))).collect(),
        people: HashMap::new(),
    };
    let own: Vec<_> = HOUSEHOLD.iter().flat_map(|profile| profile.foods).map(|food| food.key).collect();
    for key in HOUSEHOLD.iter().flat_map(|profile| profile.foods_eaten()).filter(|key| !own.contains(key)) {
        known.food(key)?;
    }
    for key in HOUSEHOLD.iter().flat_map(|profile| profile.exercises_done()) {
        known.exercise(key)?;
    }
    Ok(known)
}

async fn move_in(
    database: &Database,
    maintenance: &Maintenance,
    mut known: Known,
    made: &mut Vec<UserId>,
    progress: &(impl Fn(u64, u64) + Send + Sync),
) -> Result<Vec<DemoPerson>> {
    let ann = sign_up(database, &ann::ANN, made).await?;
    let ben = sign_up(database, &ben::BEN, made).await?;
    let carla = sign_up(database, &carla::CARLA, made).await?;
    verify_addresses(maintenance).await?;
    for member in [&ann, &ben, &carla] {
        settle(member, &mut known).await?;
    }
    share(&ann, &ben, &[AccessType::Calorie], true).await?;
    share(&ann, &ben, &[AccessType::Checkin], false).await?;
    share(&ben, &ann, &[AccessType::Calorie], false).await?;
    share(&carla, &ann, &[AccessType::Reports], false).await?;
    share(&ann, &carla, &[AccessType::FoodList], false).await?;

    let (days, total) = (AtomicU64::new(0), 3 * DAYS.unsigned_abs());
    let day_written = || progress(days.fetch_add(1, Ordering::Relaxed) + 1, total);
    let diary = |member| keep_diary(database, member, &known, &day_written);
    tokio::try_join!(diary(&ann), diary(&ben), diary(&carla))?;
    for member in [&ann, &ben, &carla] {
        sign_out(member).await?;
    }
    Ok([ann, ben, carla].map(Member::introduced).into())
}

async fn move_out(maintenance: &Maintenance, made: &[UserId]) -> Result<()> {
    let ids: Vec<_> = made.iter().map(|id| id.0).collect();
    let tx = maintenance.begin().await?;
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, "DELETE FROM users WHERE id = ANY ($1)", [ids.into()])).await?;
    tx.commit().await
}

async fn sign_up(database: &Database, profile: &'static Profile, made: &mut Vec<UserId>) -> Result<Member> {
    let password = password(database.random());
    let account = SignUp {
        email: profile.email.to_owned(),
        password: password.clone(),
        full_name: Some(profile.full_name.to_owned()),
        time_zone: Some(profile.home),
    };
    let from = SignedInFrom { client: CLIENT.to_owned(), ..SignedInFrom::default() };
    let viewer = accounts::sign_up(database, account, from).await?.viewer;
    made.push(viewer.user_id());

    let tx = viewer.write().await?;
    let preferences = PreferencesChange {
        units_system: Some(profile.units),
        day_starts_at: Some(profile.day_starts_at.to_owned()),
        ..Default::default()
    };
    people::update_preferences(&tx, preferences).await?;
    let today = Calendar::of(&tx, viewer.user_id()).await?.today(tx.now());
    tx.commit().await?;
    Ok(Member { profile, viewer, password, today })
}

/// Eighty random bits in an alphabet without look-alikes, in groups that can be read out.
fn password(random: &dyn Random) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}

async fn verify_addresses(maintenance: &Maintenance) -> Result<()> {
    let tx = maintenance.begin().await?;
    for profile in HOUSEHOLD {
        accounts::verify_address(&tx, profile.email).await?;
    }
    tx.commit().await
}

/// Describes the person's own foods and sets goals, which change half-way.
async fn settle(member: &Member, known: &mut Known) -> Result<()> {
    let tx = member.viewer.write().await?;
    known.people.insert(member.profile.email, member.viewer.user_id());
    for food in member.profile.foods {
        known.foods.insert(food.key.to_owned(), foods::create(&tx, food.described()).await?.id);
    }
    for aim in member.profile.aims {
        let goal = |target: i64, from| NewGoal {
            id: None,
            kind: aim.kind.to_owned(),
            target_value: Some(Decimal::from(target)),
            target_unit: Some(aim.unit.to_owned()),
            target_date: aim.due_in_days.map(|days| member.today + TimeDelta::days(days)),
            valid_from: Some(member.date(from)),
        };
        goals::set(&tx, goal(aim.target, 0)).await?;
        if let Some(target) = aim.target_later {
            goals::set(&tx, goal(target, HALF_WAY)).await?;
        }
    }
    tx.commit().await
}

async fn share(grantor: &Member, grantee: &Member, access_types: &[AccessType], can_write: bool) -> Result<()> {
    let tx = grantor.viewer.write().await?;
    let offer = Offer { grantee_email: grantee.profile.email.to_owned(), access_types: access_types.to_vec(), can_write, expires_at: None };
    let offered = family_access::offer(&tx, offer).await?;
    tx.commit().await?;

    let tx = grantee.viewer.write().await?;
    for offer in offered {
        family_access::accept(&tx, offer.id).await?;
    }
    tx.commit().await
}

/// Writes the person's days, oldest first, as they would have.
async fn keep_diary(database: &Database, member: &Member, known: &Known, day_written: &(impl Fn() + Send + Sync)) -> Result<()> {
    for number in 0..DAYS {
        let day = Day::of(member.profile, known, number, member.date(number))?.until(database.now());
        let tx = member.viewer.write().await?;
        if number == HALF_WAY {
            change_recipes(&tx, member.profile, known).await?;
        }
        // The weight comes first: the energy of training is estimated from it.
        for measurement in day.measured {
            measurements::record(&tx, measurement).await?;
        }
        for entry in day.eaten {
            food_diary::log(&tx, entry).await?;
        }
        for entry in day.trained {
            exercise_diary::log(&tx, entry).await?;
        }
        tx.commit().await?;
        day_written();
    }
    Ok(())
}

/// Nobody holds the tokens of the session that wrote all this, so it should not be in the person's list.
async fn sign_out(member: &Member) -> Result<()> {
    let tx = member.viewer.write().await?;
    sessions::sign_out(&tx, member.viewer.session_id(), false).await?;
    tx.commit().await
}

async fn change_recipes(tx: &Tx, profile: &Profile, known: &Known) -> Result<()> {
    for (food, contains) in profile.foods.iter().filter_map(|food| Some((food, food.contains_later?))) {
        let change = FoodChange { nutrition: Some(contains.into()), ..Default::default() };
        foods::update(tx, known.food(food.key)?, change).await?;
    }
    Ok(())
}

async fn by_source_id(tx: &Tx, table: &str) -> Result<Vec<(String, Uuid)>> {
    let sql = format!("SELECT source_id, id FROM {table} WHERE source = 'hale' AND owner_id IS NULL AND deleted_at IS NULL");
    let rows = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

impl OwnFood {
    fn described(&self) -> NewFood {
        let portion =
            |(name, amount): &(&str, i64)| Portion { name: (*name).to_owned(), amount: Decimal::from(*amount), unit: self.unit.to_owned() };
        NewFood {
            id: None,
            name: self.name.to_owned(),
            brand: self.brand.map(str::to_owned),
            barcode: self.barcode.map(str::to_owned),
            serving_size: Decimal::ONE_HUNDRED,
            serving_unit: self.unit.to_owned(),
            nutrition: self.contains.into(),
            portions: self.portions.iter().map(portion).collect(),
            provenance: Provenance::default(),
            details: Details::default(),
            source: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            (0..).zip(bytes).for_each(|(number, byte)| *byte = number);
        }
    }

    /// The rows of a starter file by what they have in the first column.
    fn starter(file: &str) -> HashMap<String, String> {
        let rows = csv::Reader::from_reader(file.as_bytes()).into_records().map(|row| row.expect("a row"));
        rows.map(|row| (row[0].to_owned(), row.iter().collect::<Vec<_>>().join("; "))).collect()
    }

    #[test]
    fn the_starter_catalogue_has_what_the_household_needs() {
        let exercises = starter(include_str!("catalogue/starter_exercises.csv"));
        for exercise in HOUSEHOLD.iter().flat_map(|profile| profile.exercises_done()) {
            assert!(exercises.contains_key(exercise), "{exercise}");
        }
        let mut foods = starter(include_str!("catalogue/starter_foods.csv"));
        for own in HOUSEHOLD.iter().flat_map(|profile| profile.foods) {
            let portions: Vec<_> = own.portions.iter().map(|(name, amount)| format!("; {name}={amount} {}", own.unit)).collect();
            foods.insert(own.key.to_owned(), format!("; 100; {}{}", own.unit, portions.concat()));
        }
        for (food, _, unit) in HOUSEHOLD.iter().flat_map(|profile| profile.dishes()).flat_map(|dish| dish.iter()) {
            let row = foods.get(*food).unwrap_or_else(|| panic!("{food}"));
            let described_in = if *unit == "oz" { "; 100; g".to_owned() } else { format!("; 100; {unit}") };
            assert!(row.contains(&described_in) || row.contains(&format!("; {unit}=")), "{unit} of {food}");
        }
    }

    #[test]
    fn a_password_can_be_read_out() {
        assert_eq!(password(&Counting), "0123-4567-89ab-cdef");
    }
}
