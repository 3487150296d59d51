//! Writing a batch: a few statements however many records it has, and none that touches what is stored like this already.

use std::{collections::HashMap, future::Future};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use serde::Serialize;
use uuid::Uuid;

use super::{Exercise, Food, amount};
use crate::{
    access::Tx,
    error::{Error, Result},
};

/// What became of a batch.
pub(super) struct Stored {
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) unchanged: u64,
}

impl Stored {
    fn of(batch: usize, added: usize, changed: usize) -> Self {
        Self { added: added as u64, changed: changed as u64, unchanged: (batch - added - changed) as u64 }
    }
}

/// What a catalogue consists of.
pub(super) trait Entry: Sized + Send + Sync {
    /// Its key in the catalogue it comes from.
    fn source_id(&self) -> &str;

    /// Itself, when the database can hold it.
    fn checked(self) -> std::result::Result<Self, String>;

    /// Makes the shared catalogue hold `batch`, in which no key is there twice.
    fn store(tx: &Tx, batch: &[Self]) -> impl Future<Output = Result<Stored>> + Send;
}

/// A food and the row it goes to.
#[derive(Serialize)]
struct Row<'a, T> {
    id: Uuid,
    nutrition_version: i32,
    fetched_at: DateTime<Utc>,
    #[serde(flatten)]
    entry: &'a T,
}

/// A food that is stored, and what of it differs.
struct Known {
    id: Uuid,
    nutrition_version: i32,
    renamed: bool,
    revalued: bool,
    reportioned: bool,
}

impl Entry for Food {
    fn source_id(&self) -> &str {
        &self.source_id
    }

    fn checked(self) -> std::result::Result<Self, String> {
        has_length("name", Some(&self.name), 255)?;
        has_length("brand", self.brand.as_ref(), 255)?;
        has_length("id", Some(&self.source_id), 255)?;
        has_length("serving unit", Some(&self.serving_unit), 50)?;
        if !amount::is_positive(self.serving_size) {
            return Err(format!("the serving size {} is out of range", self.serving_size));
        }
        Ok(self)
    }

    async fn store(tx: &Tx, batch: &[Self]) -> Result<Stored> {
        lock(tx).await?;
        let known = known(tx, batch).await?;
        let (mut added, mut changed, mut valued, mut portioned, mut stale) = (vec![], vec![], vec![], vec![], vec![]);
        for entry in batch {
            let Some(known) = known.get(&entry.source_id) else {
                let id = tx.new_id();
                for rows in [&mut added, &mut valued, &mut portioned] {
                    rows.push(Row { id, nutrition_version: 1, fetched_at: tx.now(), entry });
                }
                continue;
            };
            let nutrition_version = known.nutrition_version + i32::from(known.revalued);
            let row = || Row { id: known.id, nutrition_version, fetched_at: tx.now(), entry };
            if known.revalued {
                valued.push(row());
            }
            if known.reportioned {
                stale.push(known.id);
                portioned.push(row());
            }
            // A change of a child counts as one of the food, so that its version tells.
            if known.renamed || known.revalued || known.reportioned {
                changed.push(row());
            }
        }
        write(tx, INSERT_FOODS, &added).await?;
        write(tx, UPDATE_FOODS, &changed).await?;
        write(tx, INSERT_NUTRITION, &valued).await?;
        write(tx, DELETE_PORTIONS, &stale).await?;
        write(tx, INSERT_PORTIONS, &portioned).await?;
        Ok(Stored::of(batch.len(), added.len(), changed.len()))
    }
}

impl Entry for Exercise {
    fn source_id(&self) -> &str {
        &self.source_id
    }

    fn checked(self) -> std::result::Result<Self, String> {
        has_length("name", Some(&self.name), 255)?;
        has_length("id", Some(&self.source_id), 255)?;
        has_length("category", self.category.as_ref(), 100)?;
        has_length("equipment", self.equipment.as_ref(), 100)?;
        has_length("instructions", self.instructions.as_ref(), 20_000)?;
        if self.muscle_groups.len() > 30 {
            return Err(format!("{} muscle groups are more than 30", self.muscle_groups.len()));
        }
        Ok(self)
    }

    async fn store(tx: &Tx, batch: &[Self]) -> Result<Stored> {
        lock(tx).await?;
        let rows: Vec<_> = batch.iter().map(|entry| Row { id: tx.new_id(), nutrition_version: 0, fetched_at: tx.now(), entry }).collect();
        let written = tx.query_all_raw(statement(UPSERT_EXERCISES, &rows)?).await?;
        let written = written.iter().map(|row| row.try_get_by_index::<Uuid>(0)).collect::<std::result::Result<Vec<_>, _>>()?;
        // A row that was there keeps its own id.
        let added = rows.iter().filter(|row| written.contains(&row.id)).count();
        Ok(Stored::of(batch.len(), added, written.len() - added))
    }
}

fn has_length(what: &str, text: Option<&String>, most: usize) -> std::result::Result<(), String> {
    match text.map_or(1, |text| text.chars().count()) {
        0 => Err(format!("the {what} is empty")),
        length if length > most => Err(format!("the {what} has {length} characters, more than {most}")),
        _ => Ok(()),
    }
}

/// One import at a time, until the transaction ends: several servers may load the starter as they start.
async fn lock(tx: &Tx) -> Result<()> {
    tx.execute_raw(Statement::from_string(DbBackend::Postgres, "SELECT pg_advisory_xact_lock(hashtextextended('hale catalogue', 0))"))
        .await?;
    Ok(())
}

async fn known(tx: &Tx, batch: &[Food]) -> Result<HashMap<String, Known>> {
    let rows = tx.query_all_raw(statement(COMPARE_FOODS, batch)?).await?;
    let known = rows.iter().map(|row| {
        let known = Known {
            id: row.try_get_by_index(1)?,
            nutrition_version: row.try_get_by_index(2)?,
            renamed: row.try_get_by_index(3)?,
            revalued: row.try_get_by_index(4)?,
            reportioned: row.try_get_by_index(5)?,
        };
        Ok((row.try_get_by_index(0)?, known))
    });
    known.collect::<std::result::Result<_, DbErr>>().map_err(Error::from)
}

async fn write(tx: &Tx, sql: &str, rows: &[impl Serialize]) -> Result<()> {
    if !rows.is_empty() {
        tx.execute_raw(statement(sql, rows)?).await?;
    }
    Ok(())
}

/// A statement over a set of rows, which travel as one JSON text. Amounts are strings in it, so they arrive exactly.
fn statement(sql: &str, rows: &[impl Serialize]) -> Result<Statement> {
    let rows = serde_json::to_string(rows).map_err(|error| Error::Internal(error.into()))?;
    Ok(Statement::from_sql_and_values(DbBackend::Postgres, sql, [Value::from(rows)]))
}

const COMPARE_FOODS: &str = "
    SELECT g.source_id, f.id, f.nutrition_version,
      (f.name, f.brand, f.barcode) IS DISTINCT FROM (g.name, g.brand, g.barcode),
      (n.serving_size, n.serving_unit, n.calories, n.protein, n.carbohydrates, n.fat, n.fiber, n.sugar, n.sodium, n.nutrients,
       n.basis, n.licence, n.carbohydrate_basis)
        IS DISTINCT FROM
      (g.serving_size, g.serving_unit, g.calories, g.protein, g.carbohydrates, g.fat, g.fiber, g.sugar, g.sodium, g.nutrients,
       g.basis, g.licence, g.carbohydrate_basis),
      (SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.name, 'amount', trim_scale(p.amount)::text, 'unit', p.unit)
                                 ORDER BY p.position), '[]')
       FROM food_portions p WHERE p.food_item_id = f.id) <> g.portions
    FROM jsonb_to_recordset($1::jsonb) AS g (source text, source_id text, name text, brand text, barcode text,
      serving_size numeric, serving_unit text, calories numeric, protein numeric, carbohydrates numeric, fat numeric, fiber numeric,
      sugar numeric, sodium numeric, nutrients jsonb, basis text, licence text, carbohydrate_basis text, portions jsonb)
    JOIN food_items f ON f.source = g.source AND f.source_id = g.source_id AND f.owner_id IS NULL
    LEFT JOIN nutrition_data n ON n.food_item_id = f.id AND n.nutrition_version = f.nutrition_version";

const INSERT_FOODS: &str = "
    INSERT INTO food_items (id, source, source_id, name, brand, barcode, nutrition_version)
    SELECT g.id, g.source, g.source_id, g.name, g.brand, g.barcode, g.nutrition_version
    FROM jsonb_to_recordset($1::jsonb) AS g (id uuid, source text, source_id text, name text, brand text, barcode text,
      nutrition_version integer)";

const UPDATE_FOODS: &str = "
    UPDATE food_items f SET name = g.name, brand = g.brand, barcode = g.barcode, nutrition_version = g.nutrition_version
    FROM jsonb_to_recordset($1::jsonb) AS g (id uuid, name text, brand text, barcode text, nutrition_version integer)
    WHERE f.id = g.id";

const INSERT_NUTRITION: &str = "
    INSERT INTO nutrition_data (food_item_id, nutrition_version, serving_size, serving_unit,
      calories, protein, carbohydrates, fat, fiber, sugar, sodium, nutrients, basis, licence, carbohydrate_basis, fetched_at)
    SELECT g.id, g.nutrition_version, g.serving_size, g.serving_unit,
      g.calories, g.protein, g.carbohydrates, g.fat, g.fiber, g.sugar, g.sodium, g.nutrients, g.basis, g.licence, g.carbohydrate_basis, g.fetched_at
    FROM jsonb_to_recordset($1::jsonb) AS g (id uuid, nutrition_version integer, serving_size numeric, serving_unit text,
      calories numeric, protein numeric, carbohydrates numeric, fat numeric, fiber numeric, sugar numeric, sodium numeric, nutrients jsonb,
      basis text, licence text, carbohydrate_basis text, fetched_at timestamptz)";

const DELETE_PORTIONS: &str = "
    DELETE FROM food_portions WHERE food_item_id IN (SELECT id::uuid FROM jsonb_array_elements_text($1::jsonb) AS id)";

const INSERT_PORTIONS: &str = "
    INSERT INTO food_portions (food_item_id, position, name, amount, unit)
    SELECT g.id, p.position - 1, p.name, p.amount, p.unit
    FROM jsonb_to_recordset($1::jsonb) AS g (id uuid, portions jsonb),
      ROWS FROM (jsonb_to_recordset(g.portions) AS (name text, amount numeric, unit text)) WITH ORDINALITY AS p (name, amount, unit, position)";

const UPSERT_EXERCISES: &str = "
    INSERT INTO exercises AS e (id, source, source_id, name, category, muscle_groups, secondary_muscles, modality, force, mechanic, level,
      body_weight_fraction, equipment, instructions, met)
    SELECT g.id, g.source, g.source_id, g.name, g.category, g.muscle_groups, g.secondary_muscles, g.modality, g.force, g.mechanic, g.level,
      g.body_weight_fraction, g.equipment, g.instructions, g.met
    FROM jsonb_to_recordset($1::jsonb) AS g (id uuid, source text, source_id text, name text, category text, muscle_groups text[],
      secondary_muscles text[], modality text, force text, mechanic text, level text, body_weight_fraction numeric,
      equipment text, instructions text, met numeric)
    ON CONFLICT (source, source_id) WHERE owner_id IS NULL DO UPDATE
      SET name = excluded.name, category = excluded.category, muscle_groups = excluded.muscle_groups,
        secondary_muscles = excluded.secondary_muscles, modality = excluded.modality, force = excluded.force, mechanic = excluded.mechanic,
        level = excluded.level, body_weight_fraction = excluded.body_weight_fraction, equipment = excluded.equipment,
        instructions = excluded.instructions, met = excluded.met
      WHERE (e.name, e.category, e.muscle_groups, e.secondary_muscles, e.modality, e.force, e.mechanic, e.level, e.body_weight_fraction,
          e.equipment, e.instructions, e.met) IS DISTINCT FROM
        (excluded.name, excluded.category, excluded.muscle_groups, excluded.secondary_muscles, excluded.modality, excluded.force,
          excluded.mechanic, excluded.level, excluded.body_weight_fraction, excluded.equipment, excluded.instructions, excluded.met)
    RETURNING e.id";
