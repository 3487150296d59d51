//! Ben, who lifts, eats to grow, spends a week in New York, and sometimes cooks for Ann and logs it for her.

use chrono::Weekday::{Fri, Mon, Sat, Thu, Tue, Wed};
use chrono_tz::Tz;
use entity::user_preferences::UnitsSystem;

use super::profile::{Activity, Aim, Body, Contents, Cooked, Life, Meal, OwnFood, Profile, Session, Trend, Trip};

pub static BEN: Profile = Profile {
    seed: 2,
    full_name: "Ben Example",
    email: "ben@demo.example",
    home: Tz::Europe__Berlin,
    units: UnitsSystem::Metric,
    day_starts_at: "00:00",
    aims: &[
        Aim { kind: "calorie_target", target: 2_700, target_later: Some(2_900), unit: "kcal", due_in_days: None },
        Aim { kind: "protein_target", target: 160, target_later: Some(170), unit: "g", due_in_days: None },
        Aim { kind: "weight_gain", target: 86, target_later: None, unit: "kg", due_in_days: Some(90) },
    ],
    foods: &[OwnFood {
        key: "ben/shake",
        name: "Protein shake, chocolate",
        brand: Some("Demo Nutrition"),
        // A number for use within a shop: no product carries it.
        barcode: Some("2000000000015"),
        unit: "ml",
        contains: Contents([750, 105, 58, 12, 6, 52, 620]),
        contains_later: None,
        portions: &[("shaker", 400), ("bottle", 330)],
    }],
    body: Body {
        wakes_at: 6 * 60 + 50,
        weight_unit: "kg",
        weight: Trend { from: 824, to: 846, noise: 6 },
        waist: Trend { from: 870, to: 873, noise: 6 },
        waist_unit: "cm",
        body_fat: Trend { from: 172, to: 168, noise: 4 },
        resting_heart_rate: Trend { from: 60, to: 57, noise: 3 },
        takes_heart_rate: 45,
    },
    life: Life {
        meals: &[
            Meal {
                name: "breakfast",
                at: 7 * 60 + 20,
                at_weekend: 9 * 60 + 40,
                skipped: 5,
                dishes: &[
                    &[("oats", 90, "g"), ("milk-semi-skimmed", 250, "ml"), ("banana", 1, "medium"), ("peanut-butter", 2, "tablespoon")],
                    &[("egg", 3, "large"), ("bread-wholemeal", 3, "slice"), ("butter", 2, "teaspoon"), ("coffee", 1, "mug")],
                    &[("muesli", 100, "g"), ("yogurt-greek", 200, "g"), ("blueberries", 1, "handful"), ("coffee", 1, "mug")],
                ],
                dishes_at_weekend: &[
                    &[
                        ("egg", 3, "large"),
                        ("bacon", 4, "slice"),
                        ("bread-white", 2, "roll"),
                        ("butter", 2, "teaspoon"),
                        ("orange-juice", 1, "glass"),
                    ],
                    &[("croissant", 2, "croissant"), ("honey", 1, "tablespoon"), ("yogurt-greek", 1, "pot"), ("coffee", 2, "cup")],
                ],
            },
            Meal {
                name: "lunch",
                at: 12 * 60 + 45,
                at_weekend: 13 * 60 + 30,
                skipped: 6,
                dishes: &[
                    &[("chicken-breast", 200, "g"), ("rice-white", 280, "g"), ("broccoli", 150, "g"), ("olive-oil", 1, "tablespoon")],
                    &[("pasta", 400, "g"), ("beef-mince", 170, "g"), ("tomato", 150, "g"), ("parmesan", 3, "tablespoon grated")],
                    &[
                        ("tortilla", 2, "tortilla"),
                        ("kidney-beans", 120, "g"),
                        ("beef-mince", 120, "g"),
                        ("avocado", 1, "half"),
                        ("cheddar", 1, "slice"),
                    ],
                    &[("fried-rice", 400, "g"), ("chicken-thigh", 3, "thigh"), ("cola", 1, "glass")],
                ],
                dishes_at_weekend: &[
                    &[("bread-white", 2, "roll"), ("sausage", 2, "sausage"), ("lettuce", 1, "bowl"), ("beer", 1, "glass")],
                    &[("omelette", 2, "omelette of two eggs"), ("bread-rye", 2, "slice"), ("tomato", 1, "medium")],
                ],
            },
            Meal {
                name: "snack",
                at: 16 * 60 + 30,
                at_weekend: 16 * 60,
                skipped: 12,
                dishes: &[
                    &[("ben/shake", 1, "shaker"), ("banana", 1, "large")],
                    &[("cottage-cheese", 250, "g"), ("granola", 50, "g")],
                    &[("ben/shake", 1, "bottle"), ("peanuts", 1, "handful")],
                ],
                dishes_at_weekend: &[
                    &[("ben/shake", 1, "bottle"), ("apple", 1, "large")],
                    &[("chocolate-milk", 4, "square"), ("coffee", 1, "cup")],
                ],
            },
            Meal {
                name: "dinner",
                at: 19 * 60 + 30,
                at_weekend: 20 * 60,
                skipped: 3,
                dishes: &[
                    &[("beef-steak", 250, "g"), ("potato", 350, "g"), ("green-beans", 150, "g"), ("butter", 1, "tablespoon")],
                    &[("salmon", 180, "g"), ("rice-brown", 250, "g"), ("zucchini", 1, "cup"), ("olive-oil", 1, "tablespoon")],
                    &[("turkey-breast", 200, "g"), ("sweet-potato", 300, "g"), ("spinach", 2, "handful"), ("olive-oil", 1, "tablespoon")],
                    &[("lentils", 320, "g"), ("sausage", 2, "sausage"), ("bread-rye", 2, "slice")],
                    &[("cod", 2, "fillet"), ("couscous", 400, "g"), ("eggplant", 1, "cup"), ("olive-oil", 1, "tablespoon")],
                ],
                dishes_at_weekend: &[
                    &[("pizza-margherita", 1, "pizza"), ("beer", 2, "glass")],
                    &[("lasagne", 500, "g"), ("wine-red", 1, "glass"), ("ice-cream", 2, "scoop")],
                    &[("pork-loin", 250, "g"), ("potato", 300, "g"), ("cabbage", 1, "cup"), ("beer", 1, "glass")],
                ],
            },
        ],
        training: &[
            Session {
                on: &[Mon],
                at: 18 * 60,
                skipped: 6,
                activities: &[
                    Activity::Lift { exercise: "bench-press", minutes: 20, sets: 4, reps: 6, weight: 700, gain: 12 },
                    Activity::Lift { exercise: "overhead-press", minutes: 15, sets: 3, reps: 8, weight: 400, gain: 7 },
                    Activity::Lift { exercise: "triceps-pushdown", minutes: 10, sets: 3, reps: 12, weight: 250, gain: 7 },
                ],
            },
            Session {
                on: &[Tue],
                at: 18 * 60 + 10,
                skipped: 10,
                activities: &[
                    Activity::Lift { exercise: "squat-barbell", minutes: 25, sets: 4, reps: 6, weight: 900, gain: 16 },
                    Activity::Lift { exercise: "leg-curl", minutes: 12, sets: 3, reps: 10, weight: 350, gain: 7 },
                ],
            },
            Session {
                on: &[Thu],
                at: 18 * 60,
                skipped: 8,
                activities: &[
                    Activity::Lift { exercise: "deadlift", minutes: 25, sets: 3, reps: 5, weight: 1_100, gain: 20 },
                    Activity::Lift { exercise: "barbell-row", minutes: 15, sets: 3, reps: 8, weight: 600, gain: 9 },
                    Activity::Bodyweight { exercise: "pull-up", minutes: 12, sets: 3, reps: 6 },
                ],
            },
            Session {
                on: &[Sat],
                at: 11 * 60,
                skipped: 30,
                activities: &[Activity::Distance {
                    exercise: "cycling-moderate",
                    tenths: 180,
                    gain: 8,
                    unit: "km",
                    pace: 175,
                    watch: None,
                }],
            },
        ],
    },
    trip: Some(Trip {
        days: 75..82,
        zone: Tz::America__New_York,
        life: Life {
            meals: &[
                Meal {
                    name: "breakfast",
                    at: 8 * 60,
                    at_weekend: 9 * 60,
                    skipped: 5,
                    dishes: &[
                        &[("bagel", 1, "bagel"), ("butter", 1, "tablespoon"), ("orange-juice", 1, "glass"), ("coffee", 1, "mug")],
                        &[("egg", 3, "large"), ("bacon", 5, "slice"), ("bread-white", 2, "slice"), ("coffee", 2, "cup")],
                    ],
                    dishes_at_weekend: &[&[("bagel", 2, "bagel"), ("butter", 2, "tablespoon"), ("coffee", 2, "mug")]],
                },
                Meal {
                    name: "lunch",
                    at: 12 * 60 + 30,
                    at_weekend: 13 * 60,
                    skipped: 10,
                    dishes: &[
                        &[("pizza-margherita", 3, "slice"), ("cola", 1, "can")],
                        &[("tortilla", 2, "tortilla"), ("black-beans", 1, "cup"), ("chicken-thigh", 2, "thigh"), ("avocado", 1, "half")],
                    ],
                    dishes_at_weekend: &[&[("pizza-margherita", 4, "slice"), ("cola", 1, "can")]],
                },
                Meal {
                    name: "dinner",
                    at: 19 * 60,
                    at_weekend: 20 * 60,
                    skipped: 5,
                    dishes: &[
                        &[("beef-steak", 300, "g"), ("potato", 300, "g"), ("lettuce", 1, "bowl"), ("beer", 1, "glass")],
                        &[("shrimp", 200, "g"), ("pasta", 1, "plate"), ("olive-oil", 2, "tablespoon"), ("wine-white", 1, "glass")],
                    ],
                    dishes_at_weekend: &[&[
                        ("beef-steak", 300, "g"),
                        ("sweetcorn", 2, "ear"),
                        ("beer", 2, "glass"),
                        ("ice-cream", 3, "scoop"),
                    ]],
                },
            ],
            training: &[Session {
                on: &[Tue, Wed, Fri],
                at: 7 * 60,
                skipped: 10,
                activities: &[
                    Activity::Bodyweight { exercise: "push-up", minutes: 10, sets: 4, reps: 15 },
                    Activity::Distance { exercise: "running-10", tenths: 30, gain: 1, unit: "mi", pace: 600, watch: None },
                ],
            }],
        },
    }),
    cooked: &[
        Cooked { day: 58, at: 19 * 60, eater: "ann@demo.example", dish: &[("cod", 1, "fillet"), ("couscous", 150, "g")] },
        Cooked { day: 93, at: 19 * 60 + 5, eater: "ann@demo.example", dish: &[("turkey-breast", 120, "g")] },
        Cooked { day: 117, at: 21 * 60, eater: "ann@demo.example", dish: &[("ice-cream", 1, "scoop")] },
    ],
};
