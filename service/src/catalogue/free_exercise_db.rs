//! `exercises.json` of free-exercise-db: an array of exercises, without energy expenditure, which their category stands for.

use std::io::{self, Read};

use rust_decimal::Decimal;
use serde::Deserialize;

use super::{Exercise, Records, json_records, tidy};
use crate::exercises::{self, FORCES, LEVELS, MECHANICS};

/// The exercises of the file.
pub(super) fn exercises<'a>(reader: impl Read + Send + 'a) -> io::Result<Records<'a, Exercise>> {
    Ok(Box::new(json_records::open(reader)?.parsed(|published: Published| Ok(published.read()))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    id: String,
    name: String,
    category: Option<String>,
    equipment: Option<String>,
    force: Option<String>,
    mechanic: Option<String>,
    level: Option<String>,
    #[serde(default)]
    primary_muscles: Vec<String>,
    #[serde(default)]
    secondary_muscles: Vec<String>,
    #[serde(default)]
    instructions: Vec<String>,
}

impl Published {
    fn read(self) -> Exercise {
        let mut muscle_groups = Vec::new();
        let mut add = |muscles: &[String]| {
            for muscle in muscles.iter().map(|muscle| tidy(muscle)) {
                if !muscle.is_empty() && !muscle_groups.contains(&muscle) {
                    muscle_groups.push(muscle);
                }
            }
            muscle_groups.len()
        };
        let primary = add(&self.primary_muscles);
        add(&self.secondary_muscles);
        let one_of = |word: Option<String>, words: &[&str]| word.map(|word| tidy(&word)).filter(|word| words.contains(&word.as_str()));
        let force = one_of(self.force, &FORCES);
        let category = self.category.map(|category| tidy(&category)).filter(|category| !category.is_empty());
        let equipment = self.equipment.map(|equipment| tidy(&equipment)).filter(|equipment| !equipment.is_empty());
        let name = tidy(&self.name);
        let steps: Vec<_> = self.instructions.iter().map(|step| tidy(step)).filter(|step| !step.is_empty()).collect();
        Exercise {
            source: "free-exercise-db",
            source_id: tidy(&self.id),
            secondary_muscles: muscle_groups[primary..].to_vec(),
            muscle_groups,
            modality: exercises::modality(category.as_deref(), equipment.as_deref(), force.as_deref()),
            body_weight_fraction: exercises::moved_of_the_body(&name, equipment.as_deref()),
            met: category.as_deref().and_then(met),
            name,
            category,
            equipment,
            force,
            mechanic: one_of(self.mechanic, &MECHANICS),
            level: one_of(self.level, &LEVELS),
            instructions: Some(steps.join("\n")).filter(|instructions| !instructions.is_empty()),
        }
    }
}

/// The metabolic equivalent of a category: values of the Compendium of Physical Activities (2011) for what is done in it.
fn met(category: &str) -> Option<Decimal> {
    Some(match category {
        // 02054 resistance training, multiple exercises, 8 to 15 repetitions.
        "strength" => Decimal::new(35, 1),
        // 02050 resistance training, power lifting, vigorous effort.
        "powerlifting" | "olympic weightlifting" | "strongman" => Decimal::from(6),
        // 02020 calisthenics, vigorous effort.
        "plyometrics" => Decimal::from(8),
        // 02101 stretching, mild.
        "stretching" => Decimal::new(23, 1),
        // 02010 stationary bicycle, general.
        "cardio" => Decimal::from(7),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> Vec<Result<Exercise, String>> {
        exercises(file.as_bytes()).expect("an array").map(|record| record.expect("readable").content).collect()
    }

    #[test]
    fn reads_an_exercise() {
        let file = r#"[{"name": "Wall  Hop", "force": "push", "level": "beginner", "mechanic": "odd", "equipment": "body only", "primaryMuscles": ["calves"],
            "secondaryMuscles": ["glutes", "calves"], "instructions": ["Hop.", " ", "Rest."], "category": "plyometrics", "id": "Wall_Hop"}]"#;
        let expected = Exercise {
            source: "free-exercise-db",
            source_id: "Wall_Hop".into(),
            name: "Wall Hop".into(),
            category: Some("plyometrics".into()),
            muscle_groups: vec!["calves".into(), "glutes".into()],
            secondary_muscles: vec!["glutes".into()],
            modality: "reps_only",
            force: Some("push".into()),
            mechanic: None,
            level: Some("beginner".into()),
            body_weight_fraction: None,
            equipment: Some("body only".into()),
            instructions: Some("Hop.\nRest.".into()),
            met: Some(Decimal::from(8)),
        };
        assert_eq!(read(file), [Ok(expected)]);
    }

    #[test]
    fn what_is_not_said_is_unknown() {
        let exercise = read(r#"[{"id": "a", "name": "A", "equipment": null, "instructions": []}]"#).remove(0).expect("an exercise");
        assert_eq!((exercise.equipment, exercise.instructions, exercise.category), (None, None, None));
        assert!(exercise.muscle_groups.is_empty());
    }

    #[test]
    fn a_bad_record_is_reported() {
        let records = read(r#"[{"id": "a"}, {"id": "b", "name": "B"}]"#);
        assert!(records[0].as_ref().is_err_and(|reason| reason.starts_with("missing field `name`")));
        assert!(records[1].is_ok());
    }
}
