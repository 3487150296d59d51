//! Who a person is to formulas, from a day on.

use sea_orm::entity::prelude::*;

use crate::id::{ProfileId, UserId};

/// Who a person is to formulas, from a day on.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "profiles")]
pub struct Model {
    /// Whose.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: UserId,
    /// Identifies the row among theirs.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ProfileId,
    /// The first day of which this is true; it is until the next row.
    pub valid_from: Date,
    /// Day of birth, the same in every row of a person.
    pub born_on: Option<Date>,
    /// The sex that formulas ask for.
    pub sex: Option<Sex>,
    /// Pregnant or breastfeeding.
    pub maternity: Option<Maternity>,
    /// How much the person moves, besides what is logged as exercise.
    pub activity_level: Option<ActivityLevel>,
    /// How resting energy is estimated.
    pub bmr_formula: Option<BmrFormula>,
    /// Who made the row.
    pub created_by: Option<UserId>,
    /// Counts the changes, from 1.
    pub version: i32,
}

/// No relations: what belongs together is read by one statement of the feature.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The sex that formulas ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Sex {
    /// Female.
    #[sea_orm(string_value = "female")]
    Female,
    /// Male.
    #[sea_orm(string_value = "male")]
    Male,
}

/// Being a mother, as far as nutrition is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Maternity {
    /// Pregnant.
    #[sea_orm(string_value = "pregnant")]
    Pregnant,
    /// Breastfeeding.
    #[sea_orm(string_value = "breastfeeding")]
    Breastfeeding,
}

/// How much a person moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum ActivityLevel {
    /// Sits most of the day.
    #[sea_orm(string_value = "sedentary")]
    Sedentary,
    /// Stands and walks a little.
    #[sea_orm(string_value = "light")]
    Light,
    /// Is on their feet for a good part of the day.
    #[sea_orm(string_value = "moderate")]
    Moderate,
    /// Works with their body.
    #[sea_orm(string_value = "very_active")]
    VeryActive,
    /// Works hard with their body.
    #[sea_orm(string_value = "extra_active")]
    ExtraActive,
}

/// How resting energy is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum BmrFormula {
    /// Mifflin and St Jeor, 1990.
    #[sea_orm(string_value = "mifflin_st_jeor")]
    MifflinStJeor,
    /// Harris and Benedict, revised by Roza and Shizgal in 1984.
    #[sea_orm(string_value = "harris_benedict_1984")]
    HarrisBenedict1984,
    /// Harris and Benedict, 1919.
    #[sea_orm(string_value = "harris_benedict_1919")]
    HarrisBenedict1919,
    /// Katch and McArdle, by lean mass.
    #[sea_orm(string_value = "katch_mcardle")]
    KatchMcArdle,
    /// Cunningham, 1980, by lean mass.
    #[sea_orm(string_value = "cunningham")]
    Cunningham,
    /// Schofield, 1985, for every age.
    #[sea_orm(string_value = "schofield")]
    Schofield,
}
