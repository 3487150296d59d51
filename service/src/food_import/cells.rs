//! The cells of a file by what their columns are about, in the form that the whole file has.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{
    Options,
    columns::{Column, Columns, KILOJOULES, NutrientColumn},
    file::File,
    report::Findings,
    values::{DateOrder, DecimalMark, FoundOrder},
};
use crate::{
    error::{Error, Result},
    nutrition_targets::{ENERGY, MACRONUTRIENTS},
};

/// A file and what its columns are about.
pub struct Cells<'a> {
    file: &'a File,
    columns: &'a Columns,
}

/// How a file writes what may be written in several ways.
pub struct Form {
    /// Its dates.
    pub dates: DateOrder,
    /// Its numbers.
    pub numbers: DecimalMark,
    /// What its energy is divided by.
    energy_divisor: Decimal,
}

/// A column of amounts is of kJ when, in the middle of all lines, it holds more than twice the kcal that its macronutrients come to.
const TOO_MUCH_ENERGY: Decimal = Decimal::from_parts(25, 0, 0, false, 1);

impl<'a> Cells<'a> {
    /// The cells of a file.
    pub fn of(file: &'a File, columns: &'a Columns) -> Self {
        Self { file, columns }
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.file.lines.len()
    }

    /// Where a line begins.
    pub fn number(&self, place: usize) -> u64 {
        self.file.lines[place].number
    }

    /// Whether there is such a column.
    pub fn has(&self, column: &Column) -> bool {
        self.columns.has(column)
    }

    /// Whether there is a column of amounts of a nutrient.
    pub fn has_nutrients(&self) -> bool {
        self.columns.has_nutrients()
    }

    /// That a line has as many cells as the header: of another it cannot be told what is what.
    pub fn complete(&self, place: usize) -> Result<(), (Column, String)> {
        let (cells, titles) = (self.file.lines[place].cells.len(), self.file.header.len());
        if cells == titles { Ok(()) } else { Err((Column::Ignored, format!("has {cells} cells where the header has {titles}"))) }
    }

    /// What a cell says; `None` when it is empty or there is no such column. What an export did to keep a spreadsheet from taking it for
    /// a formula is undone.
    pub fn text(&self, place: usize, column: &Column) -> Option<&'a str> {
        let at = self.columns.columns.iter().position(|other| other == column)?;
        let cell = self.file.lines[place].cells.get(at)?;
        let cell = crate::food_export::as_it_was(cell);
        (!cell.is_empty()).then_some(cell)
    }

    /// An amount and its unit, from a column of each or from one of both.
    pub fn amount(
        &self,
        place: usize,
        form: &Form,
        amount: &Column,
        unit: &Column,
    ) -> Result<(Option<Decimal>, Option<String>), (Column, String)> {
        let Some(text) = self.text(place, amount) else { return Ok((None, self.text(place, unit).map(str::to_owned))) };
        let (number, suffix) = form.numbers.amount(text).map_err(|reason| (amount.clone(), reason))?;
        match (suffix, self.text(place, unit)) {
            (Some(suffix), Some(unit)) if suffix != unit => Err((amount.clone(), format!("says {suffix} where the unit is {unit}"))),
            (suffix, unit) => Ok((number, unit.map(str::to_owned).or(suffix))),
        }
    }

    /// The amounts of nutrients that a line states, by code, none more than `most`.
    pub fn nutrients(&self, place: usize, form: &Form, most: Decimal) -> Result<BTreeMap<String, Decimal>, (Column, String)> {
        let mut amounts = BTreeMap::new();
        for (at, column) in self.columns.columns.iter().enumerate() {
            let Column::Nutrient(nutrient) = column else { continue };
            let refused = |reason: String| (column.clone(), reason);
            let cell = self.file.lines[place].cells.get(at).map_or("", String::as_str);
            let Some(number) = form.numbers.number(cell).map_err(refused)? else { continue };
            let amount = form.converted(nutrient, number).filter(|amount| *amount <= most);
            let amount = amount.ok_or_else(|| refused(format!("{number} is more than can be")))?;
            amounts.insert(nutrient.key.clone(), amount);
        }
        Ok(amounts)
    }

    /// How the file writes dates and numbers, as its owner says or as most of its cells tell.
    pub fn form(&self, options: &Options, findings: &mut Findings) -> Result<Form> {
        if self.file.delimiter != ',' {
            let name = if self.file.delimiter == '\t' { "a tab".to_owned() } else { self.file.delimiter.to_string() };
            findings.guess(None, format!("cells are parted by {name}"));
        }
        let lines = || 0..self.count();
        let in_column = |column: &Column| lines().filter_map(|place| self.text(place, column)).collect::<Vec<_>>();
        let dates = in_column(&Column::Date);
        let dates = match (options.date_order, DateOrder::of(dates.iter().copied())) {
            (Some(order), _) => order,
            (None, FoundOrder::Order(order)) => {
                if order != DateOrder::YearMonthDay {
                    findings.guess(Some("Date"), format!("dates are written {}, since most of them are dates then", order.example()));
                }
                order
            }
            (None, FoundOrder::Ambiguous) => {
                return Err(Error::invalid(
                    "dateOrder",
                    "it cannot be told from the file whether the day or the month comes first: say which",
                ));
            }
        };
        let nutrients = |place: usize| {
            let cells = self.columns.columns.iter().zip(&self.file.lines[place].cells);
            cells
                .filter(|(column, _)| matches!(column, Column::Nutrient(_) | Column::Quantity | Column::ServingSize))
                .map(|(_, cell)| cell.as_str())
        };
        let quantities = |cell: &'a str| {
            cell.split(|character: char| !character.is_ascii_digit() && !".,".contains(character)).next().unwrap_or_default()
        };
        let numbers = match (options.decimal_mark, DecimalMark::of(lines().flat_map(nutrients).map(quantities))) {
            (Some(mark), _) => mark,
            (None, Some(mark)) => {
                if mark == DecimalMark::Comma {
                    findings.guess(None, "a comma stands before the decimals, since most of the numbers say so");
                }
                mark
            }
            (None, None) => DecimalMark::Point,
        };
        let mut form = Form { dates, numbers, energy_divisor: Decimal::ONE };
        if self.is_in_kilojoules(&form) {
            findings.guess(
                None,
                "energy is more than twice what its protein, carbohydrates and fat come to: taken for kJ, and divided by 4.184",
            );
            form.energy_divisor = KILOJOULES;
        }
        Ok(form)
    }

    /// Whether energy whose title says no unit must be in kJ.
    fn is_in_kilojoules(&self, form: &Form) -> bool {
        if !self.columns.columns.iter().any(|column| matches!(column, Column::Nutrient(nutrient) if is_of_unsaid_energy(nutrient))) {
            return false;
        }
        let mut ratios: Vec<Decimal> = (0..self.count())
            .filter_map(|place| {
                let amounts = self.nutrients(place, form, Decimal::MAX).ok()?;
                let [protein, carbohydrates, fat] = MACRONUTRIENTS.map(|code| amounts.get(code).copied());
                let told = Decimal::from(4) * (protein? + carbohydrates?) + Decimal::from(9) * fat?;
                amounts.get(ENERGY)?.checked_div(told)
            })
            .collect();
        ratios.sort_unstable();
        ratios.get(ratios.len() / 2).is_some_and(|middle| *middle > TOO_MUCH_ENERGY)
    }
}

impl Form {
    fn converted(&self, nutrient: &NutrientColumn, number: Decimal) -> Option<Decimal> {
        let divisor = if is_of_unsaid_energy(nutrient) { self.energy_divisor } else { nutrient.divisor };
        number.checked_mul(nutrient.factor)?.checked_div(divisor)
    }
}

fn is_of_unsaid_energy(nutrient: &NutrientColumn) -> bool {
    nutrient.key == ENERGY && !nutrient.unit_is_said
}
