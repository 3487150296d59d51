//! What a body is made of.

use async_graphql::{Enum, SimpleObject};
use service::body_composition::{self as composition, Derived};

use super::{explanation::Explanation, scalars::Decimal};

/// What a body is made of on a day, by what was measured last until then.
#[derive(Clone, SimpleObject)]
pub struct BodyComposition {
    /// Weight by the square of the height, in kg/m².
    bmi: DerivedNumber,
    /// WHO's class of it: of adults from 20 years on who are not pregnant, else null.
    bmi_class: Option<BmiClass>,
    /// Body fat in percent by the girths of neck, waist and, for women, hips.
    navy_body_fat: DerivedNumber,
    /// What of the body is not fat, in kg: by the measured body fat, else by the girths.
    lean_mass: DerivedNumber,
    /// Lean mass by the square of the height, in kg/m².
    fat_free_mass_index: DerivedNumber,
    /// Waist by hips.
    waist_to_hip: DerivedNumber,
    /// Waist by height.
    waist_to_height: DerivedNumber,
}

/// A number that was computed, or why it cannot be.
#[derive(Clone, SimpleObject)]
pub struct DerivedNumber {
    /// The number; null when it cannot be told.
    value: Option<Decimal>,
    /// Why it cannot be told.
    reason: Option<String>,
    /// How it came about.
    explain: Option<Explanation>,
}

/// WHO's classes of BMI. Each ends where the next one begins.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "composition::BmiClass")]
pub enum BmiClass {
    /// Below 16.
    SevereThinness,
    /// From 16.
    ModerateThinness,
    /// From 17.
    MildThinness,
    /// From 18.5.
    Normal,
    /// From 25.
    Overweight,
    /// From 30.
    ObesityI,
    /// From 35.
    #[graphql(name = "OBESITY_II")]
    ObesityII,
    /// From 40.
    #[graphql(name = "OBESITY_III")]
    ObesityIII,
}

impl From<Derived> for DerivedNumber {
    fn from(derived: Derived) -> Self {
        match derived {
            Derived::Known { value, explanation } => Self { value: Some(Decimal(value)), reason: None, explain: Some(explanation.into()) },
            Derived::Unknown(why) => Self { value: None, reason: Some(why.to_owned()), explain: None },
        }
    }
}

impl From<composition::BodyComposition> for BodyComposition {
    fn from(of: composition::BodyComposition) -> Self {
        Self {
            bmi: of.bmi.into(),
            bmi_class: of.bmi_class.map(Into::into),
            navy_body_fat: of.navy_body_fat.into(),
            lean_mass: of.lean_mass.into(),
            fat_free_mass_index: of.fat_free_mass_index.into(),
            waist_to_hip: of.waist_to_hip.into(),
            waist_to_height: of.waist_to_height.into(),
        }
    }
}
