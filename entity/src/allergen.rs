//! What labels must name because people are allergic to it.

/// The fourteen of Annex II of Regulation (EU) 1169/2011; those of the USA are among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allergen {
    /// Cereals with gluten: wheat, rye, barley, oats.
    Gluten,
    /// Prawns, crabs, lobsters.
    Crustaceans,
    /// Eggs.
    Eggs,
    /// Fish.
    Fish,
    /// Peanuts.
    Peanuts,
    /// Soybeans.
    Soybeans,
    /// Milk, lactose included.
    Milk,
    /// Almonds, hazelnuts, walnuts and other tree nuts.
    Nuts,
    /// Celery.
    Celery,
    /// Mustard.
    Mustard,
    /// Sesame seeds.
    Sesame,
    /// Sulphur dioxide and sulphites.
    Sulphites,
    /// Lupin.
    Lupin,
    /// Mussels, snails, squid.
    Molluscs,
}

impl Allergen {
    /// All of them, with the codes that they are stored by.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Gluten, "gluten"),
        (Self::Crustaceans, "crustaceans"),
        (Self::Eggs, "eggs"),
        (Self::Fish, "fish"),
        (Self::Peanuts, "peanuts"),
        (Self::Soybeans, "soybeans"),
        (Self::Milk, "milk"),
        (Self::Nuts, "nuts"),
        (Self::Celery, "celery"),
        (Self::Mustard, "mustard"),
        (Self::Sesame, "sesame"),
        (Self::Sulphites, "sulphites"),
        (Self::Lupin, "lupin"),
        (Self::Molluscs, "molluscs"),
    ];

    /// The code it is stored by.
    pub fn code(self) -> &'static str {
        Self::ALL.iter().find(|(allergen, _)| *allergen == self).map_or("", |(_, code)| code)
    }

    /// Those that stored codes mean.
    pub fn of_codes(codes: &[String]) -> Vec<Self> {
        Self::ALL.iter().filter(|(_, code)| codes.iter().any(|stored| stored == code)).map(|(allergen, _)| *allergen).collect()
    }

    /// The codes of a list, each once and in one order.
    pub fn to_codes(allergens: &[Self]) -> Vec<String> {
        Self::ALL.iter().filter(|(allergen, _)| allergens.contains(allergen)).map(|(_, code)| (*code).to_owned()).collect()
    }
}
