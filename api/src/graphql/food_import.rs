//! Foods and diaries from CSV files: rehearsed, committed and undone.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use base64::{Engine, prelude::BASE64_STANDARD};
use entity::{food_imports as rows, id::FoodImportId};
use service::{
    food_import::{self as imports, DecimalMark as Mark, NewImport, Options},
    page::PageRequest,
};

use super::{
    error::{Error, Result},
    page::Connection,
    scalars::{CheckOption, DateTime, TimeZone, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A CSV file: what was found in it, and what has become of it.
#[derive(Clone)]
pub struct FoodImport {
    row: rows::Model,
    report: imports::Report,
}

impl FoodImport {
    /// An import with what was found.
    pub fn of(row: rows::Model) -> Result<Self> {
        let report = imports::report(&row)?;
        Ok(Self { row, report })
    }
}

/// A CSV file: what was found in it, and what has become of it.
#[Object]
impl FoodImport {
    /// Identifies the import.
    async fn id(&self) -> Uuid {
        Uuid(self.row.id.0)
    }

    /// What it is a file of.
    async fn kind(&self) -> ImportKind {
        self.row.kind.into()
    }

    /// What has become of it.
    async fn state(&self) -> ImportState {
        self.row.state.into()
    }

    /// Until when it can be committed: a day; and once it is, until when it can be undone: 90 days. Then it is forgotten.
    async fn kept_until(&self) -> DateTime {
        DateTime(self.row.kept_until)
    }

    /// How many lines the file has, not counting the header and empty ones.
    async fn lines(&self) -> i32 {
        count(self.report.lines)
    }

    /// How many lines are to be added, or were.
    async fn added(&self) -> i32 {
        count(self.report.added)
    }

    /// How many lines say what is there already, or what another line says.
    async fn duplicates(&self) -> i32 {
        count(self.report.duplicates)
    }

    /// How many lines cannot be taken.
    async fn rejected(&self) -> i32 {
        count(self.report.rejected)
    }

    /// What the file does not say, and how it was read: to be looked at before it is committed.
    async fn guesses(&self) -> Vec<ImportGuess> {
        let guess = |guess: &imports::Guess| ImportGuess { column: guess.column.clone(), message: guess.message.clone() };
        self.report.guesses.iter().map(guess).collect()
    }

    /// The lines that are to be added, in the order of the file; none once it is committed or undone.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn additions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Result<Connection<ImportAddition>> {
        let continued = after.is_some();
        let page = imports::additions(&*scope(ctx).read().await?, &self.row, &PageRequest { first, after }).await?;
        Ok(Connection::new(page, continued, ImportAddition::from))
    }

    /// The lines that are not added, and why, in the order of the file.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn problems(
        &self,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Result<Connection<ImportProblem>> {
        let continued = after.is_some();
        let page = imports::problems(&self.row, &PageRequest { first, after })?;
        Ok(Connection::new(page, continued, ImportProblem::from))
    }
}

fn count(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What a file does not say, and how it was read.
#[derive(SimpleObject)]
pub struct ImportGuess {
    /// The title of the column that it is about; null when it is about the file.
    column: Option<String>,
    /// What was guessed, converted or left unread.
    message: String,
}

/// A line that is to be added.
#[derive(Clone, SimpleObject)]
pub struct ImportAddition {
    /// Where it begins in the file, the header's being 1.
    line: i32,
    /// What it becomes: day, amount, name and meal of an entry; name and serving of a food.
    description: String,
}

impl From<imports::Addition> for ImportAddition {
    fn from(addition: imports::Addition) -> Self {
        Self { line: count(addition.line), description: addition.description }
    }
}

/// A line that is not added.
#[derive(Clone, SimpleObject)]
pub struct ImportProblem {
    /// Where it begins in the file, the header's being 1.
    line: i32,
    /// Why it is not added.
    kind: ImportProblemKind,
    /// The title of the column that it is about, if it is about one.
    column: Option<String>,
    /// What is wrong, or where it is already.
    message: String,
}

impl From<imports::Problem> for ImportProblem {
    fn from(problem: imports::Problem) -> Self {
        Self {
            line: count(problem.line),
            kind: if problem.duplicate { ImportProblemKind::Duplicate } else { ImportProblemKind::Rejected },
            column: problem.column,
            message: problem.message,
        }
    }
}

/// Why a line is not added.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum ImportProblemKind {
    /// It is there already, or another line of the file says the same.
    Duplicate,
    /// It cannot be taken.
    Rejected,
}

/// What a file is of.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::ImportKind")]
pub enum ImportKind {
    /// Foods of one's own.
    Foods,
    /// Entries of the viewer's diary.
    Diary,
}

/// What has become of a file.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::ImportState")]
pub enum ImportState {
    /// It was read, and nothing was added yet.
    Rehearsed,
    /// What it said was added.
    Committed,
    /// What was added was taken out again.
    Undone,
}

/// How a file writes dates.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "imports::DateOrder")]
pub enum DateOrder {
    /// 2026-03-29
    YearMonthDay,
    /// 29.03.2026
    DayMonthYear,
    /// 03/29/2026
    MonthDayYear,
}

/// How a file writes decimals.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Mark")]
pub enum DecimalMark {
    /// 1,234.5
    Point,
    /// 1.234,5
    Comma,
}

/// A CSV file to read. What it does not say is guessed from all of it, and told in `guesses`.
#[derive(InputObject)]
pub struct RehearseImportInput {
    /// What it is a file of. Columns are known by their titles, in Hale's own exports (/export/food-diary.csv and /export/foods.csv) and
    /// in those of common programs.
    kind: ImportKind,
    /// The file as text; either this or `csvBase64`. At most 10000 lines; the request, at most 2 MiB.
    csv: Option<String>,
    /// The bytes of the file in base64, UTF-8 with or without a byte order mark.
    csv_base64: Option<String>,
    /// The zone of its local times; the viewer's when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// How it writes dates, where that cannot be told from most of them.
    date_order: Option<DateOrder>,
    /// How it writes decimals, where that cannot be told from most of them.
    decimal_mark: Option<DecimalMark>,
    /// Whether lines of a diary that say the same are so many entries; otherwise the second is a duplicate.
    #[graphql(default)]
    keep_repeated: bool,
}

/// Which import.
#[derive(InputObject)]
pub struct ImportInput {
    /// Which import.
    id: Unchecked<Uuid>,
}

/// What was found; nothing was added.
#[derive(SimpleObject)]
pub struct RehearseImportPayload {
    /// The import.
    import: FoodImport,
}

/// What was added.
#[derive(SimpleObject)]
pub struct CommitImportPayload {
    /// The import.
    import: FoodImport,
}

/// What was taken out, and what stays.
#[derive(SimpleObject)]
pub struct UndoImportPayload {
    /// The import.
    import: FoodImport,
    /// How many entries or foods were taken out.
    removed: i32,
    /// How many stay.
    kept: i32,
    /// The first hundred of those that stay.
    kept_examples: Vec<KeptByUndo>,
}

/// What an undo left alone.
#[derive(SimpleObject)]
pub struct KeptByUndo {
    /// The id of the entry or the food.
    id: Uuid,
    /// What it is called.
    name: String,
    /// Why it stays.
    reason: KeptReason,
}

/// Why an undo left something alone.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum KeptReason {
    /// It was changed since it was imported.
    Changed,
    /// It is a food that an entry, a meal, a plan or the favourites name.
    Used,
}

impl From<imports::Kept> for KeptByUndo {
    fn from(kept: imports::Kept) -> Self {
        let reason = if kept.changed { KeptReason::Changed } else { KeptReason::Used };
        Self { id: Uuid(kept.id), name: kept.name, reason }
    }
}

/// Importing.
#[derive(Default)]
pub struct FoodImportMutation;

#[Object]
impl FoodImportMutation {
    /// Reads a CSV file of foods or of the viewer's diary and tells what would be added, what is there already, what was guessed and what
    /// cannot be taken. Nothing is added until `commitImport`.
    async fn rehearse_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: RehearseImportInput,
    ) -> Option<Result<RehearseImportPayload>> {
        nullable(async {
            let options = Options {
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                date_order: input.date_order.map(Into::into),
                decimal_mark: input.decimal_mark.map(Into::into),
                keep_repeated: input.keep_repeated,
            };
            let csv = match (input.csv, input.csv_base64) {
                (Some(text), None) => text.into_bytes(),
                (None, Some(encoded)) => BASE64_STANDARD
                    .decode(encoded.trim())
                    .map_err(|_| Error::invalid("csvBase64", "is not base64 (RFC 4648, with padding)"))?,
                _ => return Err(Error::invalid("csv", "must be there, or csvBase64, and not both")),
            };
            let tx = scope(ctx).write().await?;
            let row = imports::rehearse(&tx, NewImport { kind: input.kind.into(), csv, options }).await?;
            tx.commit().await?;
            Ok(RehearseImportPayload { import: FoodImport::of(row)? })
        })
        .await
    }

    /// Adds what was rehearsed, all of it or nothing. CONFLICT when something has changed since, so that a rehearsal would find otherwise.
    /// What is committed already is answered as it is.
    async fn commit_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which import.")] input: ImportInput,
    ) -> Option<Result<CommitImportPayload>> {
        nullable(async {
            let id = FoodImportId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let row = imports::commit(&tx, id).await?;
            tx.commit().await?;
            Ok(CommitImportPayload { import: FoodImport::of(row)? })
        })
        .await
    }

    /// Takes out again what an import added, but what was changed since, and foods that an entry of the diary names.
    async fn undo_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which import.")] input: ImportInput,
    ) -> Option<Result<UndoImportPayload>> {
        nullable(async {
            let id = FoodImportId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let undone = imports::undo(&tx, id).await?;
            tx.commit().await?;
            Ok(UndoImportPayload {
                import: FoodImport::of(undone.import)?,
                removed: count(undone.removed),
                kept: count(undone.kept),
                kept_examples: undone.examples.into_iter().map(KeptByUndo::from).collect(),
            })
        })
        .await
    }
}
