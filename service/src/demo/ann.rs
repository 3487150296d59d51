//! Ann, who loses weight slowly, cooks, bakes overnight oats, and trains at home.

use chrono::Weekday::{Fri, Mon, Sat, Sun, Thu, Wed};
use chrono_tz::Tz;
use entity::user_preferences::UnitsSystem;

use super::profile::{Activity, Aim, Body, Contents, Life, Meal, OwnFood, Profile, Session, Trend};

pub static ANN: Profile = Profile {
    seed: 1,
    full_name: "Ann Example",
    email: "ann@demo.example",
    home: Tz::Europe__Berlin,
    units: UnitsSystem::Metric,
    day_starts_at: "00:00",
    aims: &[
        Aim { kind: "calorie_target", target: 1_900, target_later: Some(1_750), unit: "kcal", due_in_days: None },
        Aim { kind: "protein_target", target: 90, target_later: Some(105), unit: "g", due_in_days: None },
        Aim { kind: "weight_loss", target: 67, target_later: None, unit: "kg", due_in_days: Some(60) },
    ],
    foods: &[
        OwnFood {
            key: "ann/overnight-oats",
            name: "Overnight oats with berries",
            brand: None,
            barcode: None,
            unit: "g",
            contains: Contents([1_240, 58, 187, 29, 31, 56, 290]),
            contains_later: None,
            portions: &[("jar", 320)],
        },
        OwnFood {
            key: "ann/lentil-stew",
            name: "Grandma's lentil stew",
            brand: None,
            barcode: None,
            unit: "g",
            contains: Contents([980, 61, 134, 21, 43, 26, 2_400]),
            contains_later: None,
            portions: &[("bowl", 350), ("ladle", 120)],
        },
        OwnFood {
            key: "ann/seeded-bread",
            name: "Seeded bread",
            brand: Some("Bäckerei Sommer"),
            barcode: None,
            unit: "g",
            contains: Contents([2_620, 96, 412, 61, 72, 28, 4_600]),
            // The bakery took out the honey and half of the salt.
            contains_later: Some(Contents([2_510, 101, 382, 63, 81, 15, 2_300])),
            portions: &[("slice", 45), ("loaf", 750)],
        },
    ],
    body: Body {
        wakes_at: 6 * 60 + 35,
        weight_unit: "kg",
        weight: Trend { from: 724, to: 689, noise: 5 },
        waist: Trend { from: 840, to: 805, noise: 5 },
        waist_unit: "cm",
        body_fat: Trend { from: 318, to: 289, noise: 4 },
        resting_heart_rate: Trend { from: 66, to: 61, noise: 3 },
        takes_heart_rate: 60,
    },
    life: Life {
        meals: &[
            Meal {
                name: "breakfast",
                at: 7 * 60 + 15,
                at_weekend: 9 * 60 + 30,
                skipped: 6,
                dishes: &[
                    &[("ann/overnight-oats", 1, "jar"), ("banana", 1, "small"), ("coffee", 1, "mug")],
                    &[("ann/seeded-bread", 2, "slice"), ("cottage-cheese", 6, "tablespoon"), ("tomato", 1, "medium"), ("coffee", 1, "mug")],
                    &[("yogurt-greek", 1, "pot"), ("muesli", 80, "g"), ("raspberries", 80, "g"), ("coffee", 1, "mug")],
                ],
                dishes_at_weekend: &[
                    &[
                        ("ann/seeded-bread", 2, "slice"),
                        ("egg", 2, "large"),
                        ("butter", 2, "teaspoon"),
                        ("orange-juice", 1, "glass"),
                        ("coffee", 2, "cup"),
                    ],
                    &[
                        ("croissant", 1, "croissant"),
                        ("jam", 1, "tablespoon"),
                        ("strawberries", 1, "cup"),
                        ("coffee", 2, "cup"),
                        ("milk-whole", 100, "ml"),
                    ],
                ],
            },
            Meal {
                name: "lunch",
                at: 12 * 60 + 30,
                at_weekend: 13 * 60 + 30,
                skipped: 10,
                dishes: &[
                    &[("ann/lentil-stew", 1, "bowl"), ("bread-rye", 2, "slice"), ("apple", 1, "large")],
                    &[
                        ("quinoa", 230, "g"),
                        ("chickpeas", 80, "g"),
                        ("feta", 50, "g"),
                        ("cucumber", 100, "g"),
                        ("olive-oil", 1, "tablespoon"),
                    ],
                    &[
                        ("bread-wholemeal", 3, "slice"),
                        ("ham", 3, "slice"),
                        ("cheddar", 2, "slice"),
                        ("carrot", 1, "carrot"),
                        ("clementine", 1, "clementine"),
                    ],
                    &[("vegetable-soup", 1, "bowl"), ("bread-rye", 2, "slice"), ("hummus", 5, "tablespoon")],
                ],
                dishes_at_weekend: &[
                    &[("ann/lentil-stew", 1, "bowl"), ("ann/seeded-bread", 1, "slice")],
                    &[
                        ("lettuce", 1, "bowl"),
                        ("tuna", 1, "tin"),
                        ("egg", 1, "large"),
                        ("olive-oil", 1, "tablespoon"),
                        ("bread-white", 1, "roll"),
                    ],
                ],
            },
            Meal {
                name: "snack",
                at: 16 * 60,
                at_weekend: 16 * 60 + 15,
                skipped: 25,
                dishes: &[
                    &[("apple", 1, "medium"), ("almonds", 1, "handful")],
                    &[("banana", 1, "medium"), ("walnuts", 1, "handful")],
                    &[("yogurt", 2, "pot"), ("blueberries", 1, "handful")],
                    &[("chocolate-dark", 4, "square"), ("tea", 1, "mug")],
                ],
                dishes_at_weekend: &[&[("biscuits", 2, "biscuit"), ("tea", 1, "mug")], &[("ice-cream", 2, "scoop")]],
            },
            Meal {
                name: "dinner",
                at: 19 * 60 + 15,
                at_weekend: 19 * 60 + 45,
                skipped: 4,
                dishes: &[
                    &[("salmon", 1, "fillet"), ("potato", 260, "g"), ("broccoli", 150, "g"), ("olive-oil", 1, "tablespoon")],
                    &[("chicken-breast", 150, "g"), ("rice-brown", 200, "g"), ("bell-pepper", 1, "pepper"), ("olive-oil", 1, "tablespoon")],
                    &[
                        ("pasta-wholewheat", 270, "g"),
                        ("tomato", 150, "g"),
                        ("parmesan", 2, "tablespoon grated"),
                        ("olive-oil", 1, "tablespoon"),
                    ],
                    &[
                        ("omelette", 1, "omelette of two eggs"),
                        ("lettuce", 1, "bowl"),
                        ("bread-rye", 2, "slice"),
                        ("avocado", 1, "avocado"),
                    ],
                    &[("tofu", 150, "g"), ("rice-white", 230, "g"), ("green-beans", 120, "g"), ("sunflower-oil", 1, "tablespoon")],
                ],
                dishes_at_weekend: &[
                    &[("pizza-margherita", 3, "slice"), ("wine-red", 1, "glass")],
                    &[("lasagne", 1, "portion"), ("lettuce", 1, "bowl"), ("wine-white", 1, "glass")],
                    &[("beef-steak", 150, "g"), ("sweet-potato", 180, "g"), ("asparagus", 6, "spear"), ("butter", 1, "teaspoon")],
                ],
            },
        ],
        training: &[
            Session {
                on: &[Mon, Fri],
                at: 17 * 60 + 45,
                skipped: 12,
                activities: &[
                    Activity::Lift { exercise: "kettlebell-swing", minutes: 12, sets: 4, reps: 15, weight: 100, gain: 5 },
                    Activity::Bodyweight { exercise: "lunge", minutes: 8, sets: 3, reps: 10 },
                    Activity::Bodyweight { exercise: "push-up", minutes: 8, sets: 3, reps: 5 },
                ],
            },
            Session { on: &[Wed], at: 18 * 60 + 30, skipped: 15, activities: &[Activity::Time { exercise: "yoga", minutes: 60 }] },
            Session {
                on: &[Thu],
                at: 17 * 60 + 30,
                skipped: 35,
                activities: &[Activity::Distance { exercise: "jogging", tenths: 32, gain: 1, unit: "km", pace: 455, watch: None }],
            },
            Session {
                on: &[Sat, Sun],
                at: 14 * 60 + 45,
                skipped: 45,
                activities: &[Activity::Distance { exercise: "walking", tenths: 55, gain: 0, unit: "km", pace: 720, watch: None }],
            },
        ],
    },
    trip: None,
    cooked: &[],
};
