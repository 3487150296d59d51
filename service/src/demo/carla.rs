//! Carla, who works nights in London, thinks in pounds and miles, and trains for a half marathon.

use chrono::Weekday::{Mon, Sat, Thu, Tue};
use chrono_tz::Tz;
use entity::user_preferences::UnitsSystem;

use super::profile::{Activity, Aim, Body, Contents, Life, Meal, OwnFood, Profile, Session, Trend};

const MIDNIGHT: i64 = 24 * 60;

pub static CARLA: Profile = Profile {
    seed: 3,
    full_name: "Carla Example",
    email: "carla@demo.example",
    home: Tz::Europe__London,
    units: UnitsSystem::Imperial,
    day_starts_at: "03:00",
    aims: &[
        Aim { kind: "calorie_target", target: 2_050, target_later: Some(2_250), unit: "kcal", due_in_days: None },
        Aim { kind: "carbohydrate_target", target: 260, target_later: Some(300), unit: "g", due_in_days: None },
        Aim { kind: "fat_target", target: 75, target_later: None, unit: "g", due_in_days: None },
        Aim { kind: "weight_maintenance", target: 134, target_later: None, unit: "lb", due_in_days: None },
    ],
    foods: &[OwnFood {
        key: "carla/trail-mix",
        name: "Trail mix",
        brand: None,
        barcode: None,
        unit: "g",
        contains: Contents([5_020, 142, 388, 328, 64, 264, 1_100]),
        contains_later: None,
        portions: &[("handful", 35), ("bag", 200)],
    }],
    body: Body {
        wakes_at: 10 * 60 + 40,
        weight_unit: "lb",
        weight: Trend { from: 1_362, to: 1_345, noise: 10 },
        waist: Trend { from: 284, to: 280, noise: 2 },
        waist_unit: "in",
        body_fat: Trend { from: 243, to: 231, noise: 4 },
        resting_heart_rate: Trend { from: 58, to: 51, noise: 2 },
        takes_heart_rate: 92,
    },
    life: Life {
        meals: &[
            Meal {
                name: "breakfast",
                at: 11 * 60 + 10,
                at_weekend: 10 * 60 + 45,
                skipped: 6,
                dishes: &[
                    &[("granola", 3, "oz"), ("soy-drink", 1, "cup"), ("blueberries", 1, "handful"), ("coffee", 1, "mug")],
                    &[("bread-wholemeal", 3, "slice"), ("peanut-butter", 3, "tablespoon"), ("banana", 1, "medium"), ("tea", 1, "mug")],
                    &[("oats", 9, "tablespoon"), ("oat-drink", 1, "cup"), ("raisins", 1, "tablespoon"), ("walnuts", 1, "handful")],
                ],
                dishes_at_weekend: &[
                    &[
                        ("bread-white", 2, "slice"),
                        ("egg", 2, "large"),
                        ("mushrooms", 1, "cup"),
                        ("butter", 2, "teaspoon"),
                        ("tea", 2, "mug"),
                    ],
                    &[("bagel", 1, "bagel"), ("salmon", 2, "oz"), ("orange-juice", 1, "glass"), ("coffee", 1, "mug")],
                ],
            },
            Meal {
                name: "lunch",
                at: 15 * 60 + 30,
                at_weekend: 14 * 60 + 30,
                skipped: 10,
                dishes: &[
                    &[("tortilla", 3, "tortilla"), ("hummus", 5, "tablespoon"), ("bell-pepper", 1, "half"), ("spinach", 1, "cup")],
                    &[("quinoa", 1, "cup"), ("black-beans", 1, "cup"), ("avocado", 1, "avocado"), ("tomato", 1, "medium")],
                    &[("bulgur", 2, "cup"), ("chickpeas", 1, "cup"), ("feta", 4, "cube"), ("olive-oil", 1, "teaspoon")],
                ],
                // What Ann sends along on visits; Carla sees it in Ann's list of foods.
                dishes_at_weekend: &[
                    &[("ann/lentil-stew", 1, "bowl"), ("bread-wholemeal", 2, "slice"), ("butter", 1, "teaspoon")],
                    &[("vegetable-soup", 1, "bowl"), ("bread-white", 2, "roll"), ("cheddar", 2, "slice")],
                ],
            },
            Meal {
                name: "dinner",
                at: 20 * 60 + 30,
                at_weekend: 19 * 60 + 45,
                skipped: 5,
                dishes: &[
                    &[("tofu", 8, "oz"), ("rice-white", 2, "cup"), ("edamame", 1, "cup"), ("sunflower-oil", 1, "teaspoon")],
                    &[("pasta", 1, "plate"), ("tomato", 2, "medium"), ("mozzarella", 4, "slice"), ("olive-oil", 1, "tablespoon")],
                    &[("sweet-potato", 3, "medium"), ("kidney-beans", 1, "cup"), ("cheddar", 2, "slice"), ("cabbage", 1, "cup")],
                    &[("salmon", 6, "oz"), ("couscous", 2, "cup"), ("green-beans", 1, "cup"), ("olive-oil", 1, "teaspoon")],
                ],
                dishes_at_weekend: &[
                    &[("pizza-margherita", 4, "slice"), ("beer", 1, "pint glass")],
                    &[("fried-rice", 1, "plate"), ("shrimp", 3, "oz"), ("wine-white", 1, "glass")],
                ],
            },
            Meal {
                name: "night shift",
                at: MIDNIGHT + 60,
                at_weekend: MIDNIGHT + 20,
                skipped: 30,
                dishes: &[
                    &[("carla/trail-mix", 2, "handful"), ("tea", 1, "mug")],
                    &[("banana", 1, "large"), ("yogurt", 1, "pot")],
                    &[("biscuits", 3, "biscuit"), ("coffee", 1, "mug")],
                ],
                dishes_at_weekend: &[&[("carla/trail-mix", 1, "handful")], &[("potato-crisps", 1, "bag"), ("cola", 1, "glass")]],
            },
        ],
        training: &[
            Session { on: &[Mon], at: 17 * 60, skipped: 30, activities: &[Activity::Time { exercise: "pilates", minutes: 45 }] },
            Session {
                on: &[Tue],
                at: 17 * 60 + 30,
                skipped: 8,
                activities: &[Activity::Distance { exercise: "running-10", tenths: 35, gain: 1, unit: "mi", pace: 572, watch: Some(11) }],
            },
            Session {
                on: &[Thu],
                at: 17 * 60 + 15,
                skipped: 10,
                activities: &[
                    Activity::Distance { exercise: "running-11", tenths: 28, gain: 1, unit: "mi", pace: 530, watch: Some(12) },
                    Activity::Bodyweight { exercise: "squat-bodyweight", minutes: 8, sets: 3, reps: 15 },
                    Activity::Bodyweight { exercise: "calf-raise", minutes: 6, sets: 3, reps: 15 },
                ],
            },
            Session {
                on: &[Sat],
                at: 12 * 60 + 30,
                skipped: 6,
                activities: &[Activity::Distance { exercise: "running-8", tenths: 50, gain: 3, unit: "mi", pace: 612, watch: Some(10) }],
            },
        ],
    },
    trip: None,
    cooked: &[],
};
