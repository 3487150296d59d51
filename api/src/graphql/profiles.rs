//! Who a person is to formulas.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{family_access::AccessType, id::UserId, profiles as rows};
use service::profiles;

use super::{
    error::Result,
    scalars::{CheckOption, CheckPatch, Date, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// Who a person is to formulas, on a day.
#[derive(Clone, SimpleObject)]
pub struct Profile {
    /// The first day of which this is true; null when nothing is known.
    valid_from: Option<Date>,
    /// Day of birth.
    born_on: Option<Date>,
    /// The sex that formulas ask for. Without one, what needs it answers with a range or not at all.
    sex: Option<Sex>,
    /// Pregnant or breastfeeding: no deficit is planned then, and BMI does not apply.
    maternity: Option<Maternity>,
    /// How much the person moves, besides what is logged as exercise.
    activity_level: Option<ActivityLevel>,
    /// How resting energy is estimated; chosen by what is known when null.
    bmr_formula: Option<BmrFormula>,
}

impl From<profiles::Profile> for Profile {
    fn from(profile: profiles::Profile) -> Self {
        Self {
            valid_from: profile.valid_from.map(Date),
            born_on: profile.born_on.map(Date),
            sex: profile.sex.map(Into::into),
            maternity: profile.maternity.map(Into::into),
            activity_level: profile.activity_level.map(Into::into),
            bmr_formula: profile.bmr_formula.map(Into::into),
        }
    }
}

/// The sex that formulas ask for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::Sex")]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

/// Being a mother, as far as nutrition is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::Maternity")]
pub enum Maternity {
    /// Pregnant.
    Pregnant,
    /// Breastfeeding.
    Breastfeeding,
}

/// How much a person moves, besides what is logged as exercise.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::ActivityLevel")]
pub enum ActivityLevel {
    /// Sits most of the day: 1.2 times resting energy.
    Sedentary,
    /// Stands and walks a little: 1.375 times.
    Light,
    /// Is on their feet for a good part of the day: 1.55 times.
    Moderate,
    /// Works with their body: 1.725 times.
    VeryActive,
    /// Works hard with their body: 1.9 times.
    ExtraActive,
}

/// How resting energy is estimated.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::BmrFormula")]
pub enum BmrFormula {
    /// Mifflin and St Jeor, 1990: weight, height, age and sex.
    MifflinStJeor,
    /// Harris and Benedict, revised by Roza and Shizgal in 1984.
    HarrisBenedict1984,
    /// Harris and Benedict, 1919.
    HarrisBenedict1919,
    /// Katch and McArdle: lean mass alone, so body fat must be known and sex need not.
    #[graphql(name = "KATCH_MCARDLE")]
    KatchMcArdle,
    /// Cunningham, 1980: lean mass alone, made with athletes.
    Cunningham,
    /// Schofield, 1985: weight, age and sex, for children and elders too.
    Schofield,
}

/// What is to change of a profile. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateProfileInput {
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// The day from which on this is true; the person's today when absent. Days before it keep what was said of them, and what was said of
    /// later days stays.
    valid_from: Option<Unchecked<Date>>,
    /// Day of birth, which holds for every day.
    born_on: MaybeUndefined<Unchecked<Date>>,
    /// The sex that formulas ask for.
    sex: MaybeUndefined<Sex>,
    /// Pregnant or breastfeeding.
    maternity: MaybeUndefined<Maternity>,
    /// How much the person moves, besides what is logged as exercise.
    activity_level: MaybeUndefined<ActivityLevel>,
    /// How resting energy is estimated; chosen by what is known when null.
    bmr_formula: MaybeUndefined<BmrFormula>,
}

/// The profile after the change.
#[derive(SimpleObject)]
pub struct UpdateProfilePayload {
    /// As of `validFrom`.
    profile: Profile,
}

/// Saying who one is.
#[derive(Default)]
pub struct ProfilesMutation;

#[Object]
impl ProfilesMutation {
    /// Changes what is known of a person from a day on. Targets, needs and reports of earlier days stay judged by what was true then.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateProfileInput,
    ) -> Option<Result<UpdateProfilePayload>> {
        nullable(async {
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = profiles::ProfileChange {
                valid_from: input.valid_from.check("validFrom")?.map(|date| date.0),
                born_on: input.born_on.check("bornOn")?.map(|date| date.map(|date| date.0)),
                sex: Option::from(input.sex).map(|sex: Option<Sex>| sex.map(Into::into)),
                maternity: Option::from(input.maternity).map(|maternity: Option<Maternity>| maternity.map(Into::into)),
                activity_level: Option::from(input.activity_level).map(|level: Option<ActivityLevel>| level.map(Into::into)),
                bmr_formula: Option::from(input.bmr_formula).map(|formula: Option<BmrFormula>| formula.map(Into::into)),
            };
            let tx = scope(ctx).write().await?;
            let profile = profiles::update(&tx, person, change).await?;
            scope(ctx).note_read(tx.viewer_or(person)?, AccessType::Checkin);
            tx.commit().await?;
            Ok(UpdateProfilePayload { profile: profile.into() })
        })
        .await
    }
}
