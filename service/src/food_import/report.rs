//! What is found while a file is read: what was guessed, which lines are there already, and which cannot be taken.

use entity::food_imports::Model;
use serde::{Deserialize, Serialize};

use super::{
    columns::{Column, Columns},
    file::File,
};
use crate::{
    error::{Error, Result},
    page::{Page, PageRequest},
};

/// What was found in a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Its lines.
    pub lines: u64,
    /// Those that are, or were, to be added.
    pub added: u64,
    /// Those that are there already, or twice in the file.
    pub duplicates: u64,
    /// Those that cannot be taken.
    pub rejected: u64,
    /// What the file does not say, and how it was read.
    pub guesses: Vec<Guess>,
    /// Duplicates and rejected lines, by line.
    pub problems: Vec<Problem>,
}

/// What the file does not say, and how it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// The column that it is about.
    pub column: Option<String>,
    /// What was guessed or left unread.
    pub message: String,
}

/// A line that is not added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Where it begins, the header's being 1.
    pub line: u64,
    /// Whether it is there already; else it cannot be taken.
    pub duplicate: bool,
    /// The column that it is about.
    pub column: Option<String>,
    /// Why.
    pub message: String,
}

/// What is found while a file is read.
pub struct Findings {
    titles: Vec<(Column, String)>,
    guesses: Vec<Guess>,
    problems: Vec<Problem>,
}

impl Findings {
    /// Of a file whose columns are about these.
    pub fn of(file: &File, columns: &Columns) -> Self {
        let titles = columns.columns.iter().cloned().zip(file.header.iter().cloned()).collect();
        let guesses = columns.guesses.iter().map(|(column, message)| Guess { column: Some(column.clone()), message: message.clone() });
        Self { titles, guesses: guesses.collect(), problems: Vec::new() }
    }

    /// Notes what the file does not say.
    pub fn guess(&mut self, column: Option<&str>, message: impl Into<String>) {
        self.guesses.push(Guess { column: column.map(str::to_owned), message: message.into() });
    }

    /// Notes a line that is there already.
    pub fn duplicate(&mut self, line: u64, message: impl Into<String>) {
        self.problems.push(Problem { line, duplicate: true, column: None, message: message.into() });
    }

    /// What a line comes to, or nothing when it cannot be taken, which is noted.
    pub fn of_line<T>(&mut self, line: u64, read: Result<T, (Column, String)>) -> Option<T> {
        match read {
            Ok(read) => Some(read),
            Err((column, message)) => {
                let title = self.titles.iter().find(|(known, _)| *known == column && column != Column::Ignored);
                self.problems.push(Problem { line, duplicate: false, column: title.map(|(_, title)| title.clone()), message });
                None
            }
        }
    }

    /// What was found, of a file of so many lines.
    pub fn report(mut self, lines: usize, added: usize) -> Report {
        self.problems.sort_by_key(|problem| problem.line);
        let duplicates = self.problems.iter().filter(|problem| problem.duplicate).count();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Report {
            lines: number(lines),
            added: number(added),
            duplicates: number(duplicates),
            rejected: number(self.problems.len() - duplicates),
            guesses: self.guesses,
            problems: self.problems,
        }
    }
}

/// What was found in an import's file.
pub fn report(import: &Model) -> Result<Report> {
    Report::deserialize(&import.report).map_err(Error::stored_json)
}

/// The problems of an import, by line.
pub fn problems(import: &Model, page: &PageRequest) -> Result<Page<Problem>> {
    let after = page.key::<usize>(&("problems", import.id))?;
    let from = after.map_or(0, |place| place + 1);
    let some = report(import)?.problems.into_iter().enumerate().skip(from).take(usize::try_from(page.limit()?).unwrap_or(usize::MAX));
    let page = page.page(&("problems", import.id), some.collect(), |(place, _): &(usize, Problem)| *place)?;
    Ok(Page { items: page.items.into_iter().map(|(cursor, (_, problem))| (cursor, problem)).collect(), has_next: page.has_next })
}
