//! `exercises.json` of free-exercise-db: an array of exercises, without energy expenditure.

use std::io::{self, Read};

use serde::Deserialize;

use super::{Exercise, Records, json_records, tidy};

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
        for muscle in self.primary_muscles.iter().chain(&self.secondary_muscles).map(|muscle| tidy(muscle)) {
            if !muscle.is_empty() && !muscle_groups.contains(&muscle) {
                muscle_groups.push(muscle);
            }
        }
        let steps: Vec<_> = self.instructions.iter().map(|step| tidy(step)).filter(|step| !step.is_empty()).collect();
        Exercise {
            source: "free-exercise-db",
            source_id: tidy(&self.id),
            name: tidy(&self.name),
            category: self.category.map(|category| tidy(&category)).filter(|category| !category.is_empty()),
            muscle_groups,
            equipment: self.equipment.map(|equipment| tidy(&equipment)).filter(|equipment| !equipment.is_empty()),
            instructions: Some(steps.join("\n")).filter(|instructions| !instructions.is_empty()),
            met: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str) -> Vec<Result<Exercise, String>> {
        exercises(file.as_bytes()).expect("an array").map(|record| record.expect("readable").content).collect()
    }

    #[test]
    fn reads_an_exercise() {
        let file = r#"[{"name": "Wall  Hop", "force": "push", "equipment": "body only", "primaryMuscles": ["calves"],
            "secondaryMuscles": ["glutes", "calves"], "instructions": ["Hop.", " ", "Rest."], "category": "plyometrics", "id": "Wall_Hop"}]"#;
        let expected = Exercise {
            source: "free-exercise-db",
            source_id: "Wall_Hop".into(),
            name: "Wall Hop".into(),
            category: Some("plyometrics".into()),
            muscle_groups: vec!["calves".into(), "glutes".into()],
            equipment: Some("body only".into()),
            instructions: Some("Hop.\nRest.".into()),
            met: None,
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
