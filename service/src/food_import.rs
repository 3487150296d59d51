//! Foods and diaries from CSV files: rehearsed, then committed as rehearsed or not at all, and undone.
//!
//! A rehearsal reads the file, tells what would be added, what is there already, what was guessed and what cannot be taken, and keeps what
//! would be added. A commit adds just that in one transaction, a statement for each table, and refuses when it is no longer what a
//! rehearsal would find. The same file adds nothing twice: its lines are told from what is there by their content, and those of Hale's own
//! exports by their ids.

mod cells;
mod columns;
mod diary;
mod file;
mod foods;
mod report;
mod values;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::TimeDelta;
use chrono_tz::Tz;
use entity::{
    food_imports::{ActiveModel, Column as Imports, Entity, Model},
    id::{FoodId, FoodImportId, UserId},
    user_preferences,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder,
    QuerySelect, Statement, sea_query::LockType,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::{
    cells::Cells,
    columns::Columns,
    diary::{DiaryLine, StagedEntry},
    file::File,
    foods::StagedFood,
    report::Findings,
};
pub use self::{
    file::{MOST_BYTES, MOST_LINES},
    report::{Guess, Problem, Report, problems, report},
    values::{DateOrder, DecimalMark},
};
use crate::{
    access::Tx,
    day::Calendar,
    error::{Error, Result},
    foods::Food,
    meal_types, nutrients,
    page::{Page, PageRequest},
};
pub use entity::food_imports::{ImportKind, ImportState};

/// How long a rehearsal can be committed.
const TO_COMMIT: TimeDelta = TimeDelta::days(1);
/// How long a commit can be undone.
const TO_UNDO: TimeDelta = TimeDelta::days(90);
/// How many rehearsals of a person are kept.
const MOST_REHEARSALS: u64 = 10;
/// How many of what an undo left alone are named.
const MOST_NAMED: u64 = 100;

/// A file to rehearse.
pub struct NewImport {
    /// What it is a file of.
    pub kind: ImportKind,
    /// The file.
    pub csv: Vec<u8>,
    /// What its owner says of it.
    pub options: Options,
}

/// What the owner of a file says of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The zone of its local times; the person's when absent.
    pub time_zone: Option<Tz>,
    /// How it writes dates.
    pub date_order: Option<DateOrder>,
    /// How it writes numbers.
    pub decimal_mark: Option<DecimalMark>,
    /// Whether lines that say the same are so many entries, and not one.
    pub keep_repeated: bool,
}

/// The viewer's imports, newest first.
pub async fn list(tx: &Tx, page: &PageRequest) -> Result<Page<Model>> {
    let viewer = tx.viewer()?;
    let mut rows = Entity::find().filter(Imports::UserId.eq(viewer)).filter(Imports::KeptUntil.gt(tx.now()));
    if let Some(id) = page.key::<FoodImportId>(&("food_imports", viewer))? {
        rows = rows.filter(Imports::Id.lt(id));
    }
    let rows = rows.order_by_desc(Imports::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("food_imports", viewer), rows, |row| row.id)
}

/// A line that is to be added.
pub struct Addition {
    /// Where it begins, the header's being 1.
    pub line: u64,
    /// What it becomes, in words.
    pub description: String,
}

#[derive(FromQueryResult)]
struct StagedRow {
    place: i64,
    staged: JsonValue,
}

/// What a rehearsed import would add, in the order of the file; nothing once it was committed or undone.
pub async fn additions(tx: &Tx, import: &Model, page: &PageRequest) -> Result<Page<Addition>> {
    let after = page.key::<i64>(&("additions", import.id))?.unwrap_or_default();
    let limit = i64::try_from(page.limit()?).unwrap_or(i64::MAX);
    let statement = sql(
        "SELECT r.place, r.staged FROM food_imports i CROSS JOIN LATERAL jsonb_array_elements(i.rows) WITH ORDINALITY AS r (staged, place)
         WHERE i.user_id = $1 AND i.id = $2 AND i.state = 'rehearsed' AND r.place > $3 ORDER BY r.place LIMIT $4",
        [import.user_id.0.into(), import.id.0.into(), after.into(), limit.into()],
    );
    let rows = StagedRow::find_by_statement(statement).all(tx).await?;
    let page = page.page(&("additions", import.id), rows, |row| row.place)?;
    let addition = |row: &StagedRow| match import.kind {
        ImportKind::Foods => StagedFood::deserialize(&row.staged).map(|food| food.addition()),
        ImportKind::Diary => StagedEntry::deserialize(&row.staged).map(|entry| entry.addition()),
    };
    let items = page.items.into_iter().map(|(cursor, row)| Ok((cursor, addition(&row).map_err(Error::stored_json)?)));
    Ok(Page { items: items.collect::<Result<_>>()?, has_next: page.has_next })
}

/// Reads a file and keeps what it would add.
pub async fn rehearse(tx: &Tx, new: NewImport) -> Result<Model> {
    let person = tx.viewer()?;
    let file = File::read(&new.csv)?;
    let columns = Columns::of(&file.header, &nutrients::known_to(tx, person).await?);
    let mut findings = Findings::of(&file, &columns);
    let cells = Cells::of(&file, &columns);
    let (rows, added) = match new.kind {
        ImportKind::Foods => {
            let foods = rehearse_foods(tx, person, &cells, &new.options, &mut findings).await?;
            (stored(&foods)?, foods.len())
        }
        ImportKind::Diary => {
            let entries = rehearse_diary(tx, person, &cells, &new.options, &mut findings).await?;
            (stored(&entries)?, entries.len())
        }
    };
    let report = stored(&findings.report(file.lines.len(), added))?;
    forget_old_rehearsals(tx, person).await?;
    let id = FoodImportId(tx.new_id());
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        kind: Set(new.kind),
        state: Set(ImportState::Rehearsed),
        report: Set(report),
        kept_until: Set(tx.now() + TO_COMMIT),
        ..Default::default()
    };
    insert(tx, row, rows).await
}

fn stored(value: &impl Serialize) -> Result<JsonValue> {
    serde_json::to_value(value).map_err(|error| Error::Internal(error.into()))
}

/// The rows are no column of the entity: they are large, and nobody but the statements of this file reads them.
async fn insert(tx: &Tx, row: ActiveModel, rows: JsonValue) -> Result<Model> {
    let (person, id, kind, report, kept_until) =
        (row.user_id.unwrap(), row.id.unwrap(), row.kind.unwrap(), row.report.unwrap(), row.kept_until.unwrap());
    let statement = sql(
        "INSERT INTO food_imports (user_id, id, kind, report, rows, kept_until) VALUES ($1, $2, $3, $4, $5, $6)",
        [person.0.into(), id.0.into(), sea_orm::ActiveEnum::to_value(&kind).into(), report.into(), rows.into(), kept_until.into()],
    );
    tx.execute_raw(statement).await?;
    find(tx, person, id).await
}

async fn find(tx: &Tx, person: UserId, id: FoodImportId) -> Result<Model> {
    Entity::find_by_id((person, id)).one(tx).await?.ok_or(Error::NotFound("import"))
}

fn sql<const N: usize>(text: impl Into<String>, values: [sea_orm::Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, text, values)
}

async fn forget_old_rehearsals(tx: &Tx, person: UserId) -> Result<()> {
    let most = i64::try_from(MOST_REHEARSALS - 1).unwrap_or_default();
    let statement = sql(
        "DELETE FROM food_imports WHERE user_id = $1 AND state = 'rehearsed' AND id NOT IN (
           SELECT id FROM food_imports WHERE user_id = $1 AND state = 'rehearsed' ORDER BY id DESC LIMIT $2)",
        [person.0.into(), most.into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

async fn rehearse_foods(tx: &Tx, person: UserId, cells: &Cells<'_>, options: &Options, findings: &mut Findings) -> Result<Vec<StagedFood>> {
    let foods = foods::read(cells, options, findings, || tx.new_id())?;
    let there: HashSet<_> = foods_there(tx, person, "$2", stored(&foods)?).await?.into_iter().collect();
    for food in foods.iter().filter(|food| there.contains(&food.line)) {
        findings.duplicate(food.line, "a food of one's own has its barcode, or its name and brand");
    }
    Ok(foods.into_iter().filter(|food| !there.contains(&food.line)).collect())
}

async fn rehearse_diary(
    tx: &Tx,
    person: UserId,
    cells: &Cells<'_>,
    options: &Options,
    findings: &mut Findings,
) -> Result<Vec<StagedEntry>> {
    let calendar = Calendar::of(tx, person).await?;
    let meals = meal_types::list(tx, person).await?;
    let lines = diary::read(cells, options, &calendar, &meals, findings)?;
    let foods = foods_of(tx, person, &lines, findings).await?;
    let mut entries = Vec::new();
    let mut ids = HashSet::new();
    for line in lines {
        let (number, id) = (line.number, line.id.unwrap_or_else(|| tx.new_id()));
        if !ids.insert(id) {
            findings.duplicate(number, "a line before it has the same id");
            continue;
        }
        let food = foods.get(&Named::of(&line));
        entries.extend(findings.of_line(number, line.staged(id, food)));
    }
    diary::count_occurrences(&mut entries);
    if !options.keep_repeated {
        for entry in entries.iter().filter(|entry| entry.occurrence > 1) {
            findings.duplicate(entry.line, "a line before it says the same; keepRepeated adds both");
        }
        entries.retain(|entry| entry.occurrence == 1);
    }

    let there: HashMap<_, _> =
        entries_there(tx, person, "$2", stored(&entries)?).await?.into_iter().map(|there| (there.line, there)).collect();
    let mut new = Vec::new();
    for mut entry in entries {
        match there.get(&entry.line) {
            Some(there) if there.lives || there.same => findings.duplicate(entry.line, "it is in the diary already"),
            // An entry of this id was deleted, and comes back as another.
            Some(_) => {
                entry.id = tx.new_id();
                new.push(entry);
            }
            None => new.push(entry),
        }
    }
    Ok(new)
}

/// How a line names its food.
#[derive(PartialEq, Eq, Hash)]
struct Named {
    food: Option<FoodId>,
    barcode: Option<String>,
    words: String,
}

impl Named {
    fn of(line: &DiaryLine) -> Self {
        let words = line.brand.as_ref().map_or_else(|| line.name.clone(), |brand| format!("{} {brand}", line.name));
        Self { food: line.food, barcode: line.barcode.clone(), words }
    }
}

#[derive(FromQueryResult)]
struct FoundFood {
    place: i32,
    id: FoodId,
}

/// The foods that lines name: by id, by barcode, then by name and brand; the person's own before relatives' before the catalogue's. Of
/// several that are as near none is taken, and that is told.
async fn foods_of(tx: &Tx, person: UserId, lines: &[DiaryLine], findings: &mut Findings) -> Result<HashMap<Named, Food>> {
    const NEAREST: &str = "
        WITH named AS MATERIALIZED (
          SELECT n.place, nullif(n.food, '')::uuid AS food, nullif(n.barcode, '') AS barcode, ' ' || search.fold(n.words) || ' ' AS words
          FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS n (place, food, barcode, words)),
        found AS (
          SELECT n.place, f.id, f.owner_id, 1 AS how FROM named n JOIN food_items f ON f.id = n.food WHERE f.deleted_at IS NULL
          UNION ALL SELECT n.place, f.id, f.owner_id, 2 FROM named n JOIN food_items f ON f.barcode = n.barcode WHERE f.deleted_at IS NULL
          UNION ALL SELECT n.place, f.id, f.owner_id, 3 FROM named n JOIN food_items f ON f.search_text = n.words WHERE f.deleted_at IS NULL)
        SELECT place, id FROM (
          SELECT place, id, rank() OVER (PARTITION BY place ORDER BY how, CASE WHEN owner_id = $5 THEN 1 WHEN owner_id IS NOT NULL THEN 2 ELSE 3 END)
            AS nearness FROM found) f
        WHERE nearness = 1";
    let named: Vec<Named> = lines.iter().map(Named::of).collect::<HashSet<_>>().into_iter().collect();
    let places: Vec<i32> = (0..).take(named.len()).collect();
    let statement = sql(
        NEAREST,
        [
            places.into(),
            named.iter().map(|named| named.food.map(|food| food.to_string()).unwrap_or_default()).collect::<Vec<_>>().into(),
            named.iter().map(|named| named.barcode.clone().unwrap_or_default()).collect::<Vec<_>>().into(),
            named.iter().map(|named| named.words.clone()).collect::<Vec<_>>().into(),
            person.0.into(),
        ],
    );
    let mut found: BTreeMap<usize, Vec<FoodId>> = BTreeMap::new();
    for FoundFood { place, id } in FoundFood::find_by_statement(statement).all(tx).await? {
        found.entry(usize::try_from(place).unwrap_or_default()).or_default().push(id);
    }
    found.values_mut().for_each(|ids| {
        ids.sort_unstable();
        ids.dedup();
    });
    let ids: HashSet<_> = found.values().filter(|ids| ids.len() == 1).map(|ids| ids[0]).collect();
    let foods = crate::foods::by_ids(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    let foods: HashMap<_, _> = foods.into_iter().map(|food| (food.id, food)).collect();
    let mut of = HashMap::new();
    for (place, named) in named.into_iter().enumerate() {
        match found.get(&place).map(Vec::as_slice) {
            Some([id]) => of.extend(foods.get(id).map(|food| (named, food.clone()))),
            Some(several) => findings
                .guess(None, format!("{} is what {} foods are called: taken for none of them", values::shown(&named.words), several.len())),
            None => {}
        }
    }
    Ok(of)
}

/// An entry of a file that has a counterpart in the diary.
#[derive(FromQueryResult)]
struct ThereAlready {
    line: i64,
    /// Whether an entry of its id is there.
    lives: bool,
    /// Whether as many entries say the same as the file has up to this one.
    same: bool,
}

struct There {
    line: u64,
    lives: bool,
    same: bool,
}

/// Which of the staged entries have a counterpart. `rows` is SQL for them; where it is `$2`, they are `staged`.
async fn entries_there(tx: &Tx, person: UserId, rows: &str, staged: impl Into<sea_orm::Value>) -> Result<Vec<There>> {
    let content = |table: &str| {
        format!(
            "concat_ws(E'\\x1f', {table}.consumed_on, {table}.status, {table}.meal_type, lower({table}.food_name), lower(coalesce({table}.food_brand, '')),
               trim_scale({table}.quantity), lower({table}.unit), coalesce(trim_scale(round({table}.calories, 3))::text, '?'))"
        )
    };
    let statement = sql(
        format!(
            "WITH r AS MATERIALIZED (
               SELECT r.line, r.id, r.timed, r.occurrence, r.consumed_at, r.consumed_on, {} AS content
               FROM jsonb_to_recordset({rows}) AS r (line bigint, id uuid, timed boolean, occurrence bigint, food_name text, food_brand text,
                 quantity numeric, unit text, calories numeric, meal_type text, consumed_at timestamptz, consumed_on date, status text)),
             d AS MATERIALIZED (
               SELECT d.consumed_at, {} AS content FROM food_diary d WHERE d.user_id = $1 AND d.deleted_at IS NULL
                 AND d.consumed_on BETWEEN (SELECT min(consumed_on) FROM r) AND (SELECT max(consumed_on) FROM r)),
             on_days AS (SELECT content, count(*) AS number FROM d GROUP BY content),
             at_times AS (SELECT content, consumed_at, count(*) AS number FROM d GROUP BY content, consumed_at)
             SELECT r.line, coalesce(e.deleted_at IS NULL AND e.id IS NOT NULL, false) AS lives,
               r.occurrence <= coalesce(CASE WHEN r.timed THEN t.number ELSE o.number END, 0) AS same
             FROM r LEFT JOIN food_diary e ON e.user_id = $1 AND e.id = r.id
               LEFT JOIN on_days o ON o.content = r.content LEFT JOIN at_times t ON t.content = r.content AND t.consumed_at = r.consumed_at
             WHERE e.id IS NOT NULL OR r.occurrence <= coalesce(CASE WHEN r.timed THEN t.number ELSE o.number END, 0)",
            content("r"),
            content("d")
        ),
        [person.0.into(), staged.into()],
    );
    let there = ThereAlready::find_by_statement(statement).all(tx).await?.into_iter();
    Ok(there.map(|there| There { line: u64::try_from(there.line).unwrap_or_default(), lives: there.lives, same: there.same }).collect())
}

/// The lines of staged foods that the person has already.
async fn foods_there(tx: &Tx, person: UserId, rows: &str, staged: impl Into<sea_orm::Value>) -> Result<Vec<u64>> {
    let statement = sql(
        format!(
            "SELECT r.line FROM jsonb_to_recordset({rows}) AS r (line bigint, name text, brand text, barcode text)
             WHERE r.barcode IN (SELECT f.barcode FROM food_items f WHERE f.owner_id = $1 AND f.deleted_at IS NULL AND f.barcode IS NOT NULL)
               OR (lower(r.name), lower(coalesce(r.brand, ''))) IN (
                 SELECT lower(f.name), lower(coalesce(f.brand, '')) FROM food_items f WHERE f.owner_id = $1 AND f.deleted_at IS NULL)"
        ),
        [person.0.into(), staged.into()],
    );
    let lines = tx.query_all_raw(statement).await?.into_iter().map(|row| row.try_get_by_index::<i64>(0));
    Ok(lines.map(|line| line.map(|line| u64::try_from(line).unwrap_or_default())).collect::<Result<_, _>>()?)
}

/// The rows of an import, for the statements that compare them with what is there.
const ROWS: &str = "(SELECT i.rows FROM food_imports i WHERE i.user_id = $1 AND i.id = $2)";
/// Some of them, for the statements that commit and undo it.
const SOME_ROWS: &str =
    "(SELECT coalesce(jsonb_agg(r.value), '[]') FROM food_imports i, jsonb_array_elements(i.rows) WITH ORDINALITY AS r (value, place)
    WHERE i.user_id = $1 AND i.id = $2 AND r.place > $3 AND r.place <= $4)";
/// How many rows are written by one statement. Triggers take most of its time, and for ten thousand rows more than a statement may.
const PART: u64 = 2_000;

/// Adds what was rehearsed, all of it or nothing. What was committed before is answered as it is.
pub async fn commit(tx: &Tx, id: FoodImportId) -> Result<Model> {
    let person = tx.viewer()?;
    // A person's imports are committed one after the other: of two at once neither would see what the other adds.
    user_preferences::Entity::find().filter(user_preferences::Column::UserId.eq(person)).lock(LockType::NoKeyUpdate).one(tx).await?;
    let import = locked(tx, person, id).await?;
    match import.state {
        ImportState::Committed => return Ok(import),
        ImportState::Undone => return Err(Error::conflict("this import was undone: rehearse the file again")),
        ImportState::Rehearsed => {}
    }
    let keys: [sea_orm::Value; 2] = [person.0.into(), id.0.into()];
    let changed = match import.kind {
        ImportKind::Foods => foods_there(tx, person, ROWS, id.0).await?.len(),
        ImportKind::Diary => {
            let there = entries_there(tx, person, ROWS, id.0).await?;
            there.len() + number(tx, &format!("SELECT count(*) {OF_CHANGED_FOODS}"), keys.clone()).await?
        }
    };
    if changed > 0 {
        return Err(Error::conflict(format!(
            "something has changed since the rehearsal, which {changed} of its lines are about: rehearse the file again"
        )));
    }
    let inserts: &[&str] = match import.kind {
        ImportKind::Foods => &INSERT_FOODS,
        ImportKind::Diary => &[INSERT_ENTRIES],
    };
    in_parts(tx, &import, inserts, []).await?;
    let committed = sql(
        "UPDATE food_imports SET state = 'committed', kept_until = $3, rows = (SELECT coalesce(jsonb_agg(r -> 'id'), '[]') FROM jsonb_array_elements(rows) r)
         WHERE user_id = $1 AND id = $2",
        [person.0.into(), id.0.into(), (tx.now() + TO_UNDO).into()],
    );
    tx.execute_raw(committed).await?;
    find(tx, person, id).await
}

/// Runs statements on the rows of an import, part by part: what triggers leave for the end of the transaction is done after each part.
/// Answers how many rows were changed.
async fn in_parts<const N: usize>(tx: &Tx, import: &Model, statements: &[&str], more: [sea_orm::Value; N]) -> Result<u64> {
    let added = report(import)?.added;
    let (mut changed, mut from) = (0, 0);
    while from < added {
        let to = from + PART;
        let place = |place: u64| i64::try_from(place).unwrap_or(i64::MAX);
        let keys: [sea_orm::Value; 4] = [import.user_id.0.into(), import.id.0.into(), place(from).into(), place(to).into()];
        for statement in statements {
            let values = keys.iter().chain(&more).cloned();
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, statement.replace("{rows}", SOME_ROWS), values);
            changed += tx.execute_raw(statement).await?.rows_affected();
        }
        tx.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED").await?;
        from = to;
    }
    Ok(changed)
}

/// An import whose time is not over, locked until the transaction ends.
async fn locked(tx: &Tx, person: UserId, id: FoodImportId) -> Result<Model> {
    let import = Entity::find_by_id((person, id)).filter(Imports::KeptUntil.gt(tx.now())).lock_exclusive().one(tx).await?;
    import.ok_or(Error::NotFound("import"))
}

async fn number(tx: &Tx, text: &str, keys: [sea_orm::Value; 2]) -> Result<usize> {
    let row = tx.query_one_raw(sql(text.replace("{rows}", ROWS), keys)).await?;
    let number: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    Ok(usize::try_from(number).unwrap_or_default())
}

/// Entries whose food is gone, or is told otherwise than when their nutrition was taken from it.
const OF_CHANGED_FOODS: &str = "
    FROM jsonb_to_recordset({rows}) AS r (food_item_id uuid, nutrition_version integer)
    WHERE r.food_item_id IS NOT NULL AND NOT EXISTS (SELECT FROM food_items f WHERE f.id = r.food_item_id AND f.deleted_at IS NULL
      AND (r.nutrition_version IS NULL OR f.nutrition_version = r.nutrition_version))";

const INSERT_ENTRIES: &str = "
    INSERT INTO food_diary (user_id, id, food_item_id, nutrition_version, food_name, food_brand, quantity, unit, servings, calories, protein,
      carbohydrates, fat, fiber, sugar, sodium, nutrients, meal_type, consumed_at, time_zone, consumed_on, status, note, quick_nutrition, milliliters)
    SELECT $1, id, food_item_id, nutrition_version, food_name, food_brand, quantity, unit, servings, calories, protein,
      carbohydrates, fat, fiber, sugar, sodium, nutrients, meal_type, consumed_at, time_zone, consumed_on, status, note, quick_nutrition, milliliters
    FROM jsonb_to_recordset({rows}) AS r (id uuid, food_item_id uuid, nutrition_version integer, food_name text, food_brand text,
      quantity numeric, unit text, servings numeric, calories numeric, protein numeric, carbohydrates numeric, fat numeric, fiber numeric,
      sugar numeric, sodium numeric, nutrients jsonb, meal_type text, consumed_at timestamptz, time_zone text, consumed_on date, status text, note text,
      quick_nutrition jsonb, milliliters numeric)";

const INSERT_FOODS: [&str; 3] = [
    "INSERT INTO food_items (id, owner_id, name, brand, barcode, density, allergens, traces, source)
     SELECT id, $1, name, brand, barcode, density, allergens, traces, 'csv'
     FROM jsonb_to_recordset({rows}) AS r (id uuid, name text, brand text, barcode text, density numeric, allergens text[], traces text[])",
    "INSERT INTO nutrition_data (food_item_id, owner_id, nutrition_version, serving_size, serving_unit, calories, protein, carbohydrates, fat, fiber,
       sugar, sodium, nutrients, basis, carbohydrate_basis)
     SELECT id, $1, 1, serving_size, serving_unit, calories, protein, carbohydrates, fat, fiber, sugar, sodium, nutrients, basis, carbohydrate_basis
     FROM jsonb_to_recordset({rows}) AS r (id uuid, serving_size numeric, serving_unit text, calories numeric, protein numeric, carbohydrates numeric,
       fat numeric, fiber numeric, sugar numeric, sodium numeric, nutrients jsonb, basis text, carbohydrate_basis text)",
    "INSERT INTO food_portions (food_item_id, owner_id, position, name, amount, unit)
     SELECT r.id, $1, p.place - 1, p.portion ->> 'name', (p.portion ->> 'amount')::numeric, p.portion ->> 'unit'
     FROM jsonb_to_recordset({rows}) AS r (id uuid, portions jsonb), jsonb_array_elements(r.portions) WITH ORDINALITY AS p (portion, place)",
];

/// What an undo took out, and what it left alone.
pub struct Undone {
    /// The import.
    pub import: Model,
    /// How many rows were taken out.
    pub removed: u64,
    /// How many were left alone.
    pub kept: u64,
    /// The first of them.
    pub examples: Vec<Kept>,
}

/// Something that an undo left alone.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Kept {
    /// The id of the entry or food.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// Whether it was changed since; else it is a food that is used.
    pub changed: bool,
}

/// Takes out again what an import added, but what was changed since, and foods that an entry, a meal, a plan or the favourites name.
pub async fn undo(tx: &Tx, id: FoodImportId) -> Result<Undone> {
    let person = tx.viewer()?;
    let import = locked(tx, person, id).await?;
    if import.state != ImportState::Committed {
        return Err(Error::conflict("there is nothing to undo: this import was not committed, or was undone"));
    }
    let (table, owner, name, stays) = match import.kind {
        ImportKind::Diary => ("food_diary", "user_id", "food_name", "t.version > 1"),
        ImportKind::Foods => (
            "food_items",
            "owner_id",
            "name",
            "(t.version > 1 OR EXISTS (SELECT FROM food_diary d WHERE d.user_id = $1 AND d.food_item_id = t.id AND d.deleted_at IS NULL)
               OR EXISTS (SELECT FROM meal_ingredients i WHERE i.user_id = $1 AND i.food_item_id = t.id)
               OR EXISTS (SELECT FROM meal_plan_template_items i WHERE i.user_id = $1 AND i.food_item_id = t.id)
               OR EXISTS (SELECT FROM planned_meals p WHERE p.user_id = $1 AND p.food_item_id = t.id)
               OR EXISTS (SELECT FROM favourite_foods v WHERE v.user_id = $1 AND v.food_id = t.id))",
        ),
    };
    let added =
        format!("t.{owner} = $1 AND t.deleted_at IS NULL AND t.id IN (SELECT value::uuid FROM jsonb_array_elements_text({{rows}}))");
    let keys: [sea_orm::Value; 2] = [person.0.into(), id.0.into()];
    let kept = number(tx, &format!("SELECT count(*) FROM {table} t WHERE {added} AND {stays}"), keys.clone()).await?;
    let examples = format!(
        "SELECT t.id, t.{name} AS name, t.version > 1 AS changed FROM {table} t WHERE {added} AND {stays} ORDER BY t.{name}, t.id LIMIT {MOST_NAMED}"
    );
    let examples = Kept::find_by_statement(sql(examples.replace("{rows}", ROWS), keys)).all(tx).await?;
    let remove = format!("UPDATE {table} t SET deleted_at = $5 WHERE {added} AND NOT {stays}");
    let removed = in_parts(tx, &import, &[&remove], [tx.now().into()]).await?;
    let undone =
        sql("UPDATE food_imports SET state = 'undone', rows = '[]' WHERE user_id = $1 AND id = $2", [person.0.into(), id.0.into()]);
    tx.execute_raw(undone).await?;
    let import = find(tx, person, id).await?;
    Ok(Undone { import, removed, kept: u64::try_from(kept).unwrap_or(u64::MAX), examples })
}
