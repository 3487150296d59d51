//! Numbers, dates and times as people's programs write them. How a file writes them is found out from all of it, and told.

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

/// What stands before the decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalMark {
    /// 1,234.5
    Point,
    /// 1.234,5
    Comma,
}

impl DecimalMark {
    /// The mark by which the numbers of a file are written, `None` when they do not tell: where both marks stand in a number the later one;
    /// else a comma, or a point, that cannot part thousands. Most numbers decide.
    pub fn of<'a>(numbers: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let (mut points, mut commas) = (0, 0);
        for number in numbers {
            let number = digits_of(number);
            match (number.rfind('.'), number.rfind(',')) {
                (Some(point), Some(comma)) if point > comma => points += 1,
                (Some(_), Some(_)) => commas += 1,
                (Some(_), None) if !is_grouped(number, '.') => points += 1,
                (None, Some(_)) if !is_grouped(number, ',') => commas += 1,
                _ => {}
            }
        }
        match points.cmp(&commas) {
            std::cmp::Ordering::Greater => Some(Self::Point),
            std::cmp::Ordering::Less => Some(Self::Comma),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// A number that is not negative; `None` for what says that it is not known.
    pub fn number(self, text: &str) -> Result<Option<Decimal>, String> {
        let text = text.trim();
        if matches!(text.to_lowercase().as_str(), "" | "-" | "--" | "—" | "n/a" | "na" | "null" | "nan" | "?") {
            return Ok(None);
        }
        let not_a_number = || Err(format!("{} is not a number", shown(text)));
        let (mark, thousands) = match self {
            Self::Point => ('.', ','),
            Self::Comma => (',', '.'),
        };
        let digits = digits_of(text);
        let (whole, fraction) = digits.split_once(mark).unwrap_or((digits, ""));
        if !whole
            .chars()
            .chain(fraction.chars())
            .all(|character| character.is_ascii_digit() || " \u{a0}\u{202f}'’".contains(character) || character == thousands)
        {
            return not_a_number();
        }
        if fraction.contains(thousands) || whole.contains(thousands) && !is_grouped(whole, thousands) {
            return not_a_number();
        }
        let plain: String = whole.chars().filter(char::is_ascii_digit).collect();
        let decimals: String = fraction.chars().filter(char::is_ascii_digit).collect();
        if plain.is_empty() && decimals.is_empty() {
            return not_a_number();
        }
        let number = format!("{}.{}", if plain.is_empty() { "0" } else { &plain }, if decimals.is_empty() { "0" } else { &decimals });
        number.parse().map(Some).map_err(|_| format!("{} has too many digits", shown(text)))
    }

    /// An amount with its unit, such as "1.5 cup" or "2 x 1 slice"; what stands alone is a number.
    pub fn amount(self, text: &str) -> Result<(Option<Decimal>, Option<String>), String> {
        let text = text.trim();
        let end =
            text.find(|character: char| !character.is_ascii_digit() && !".,'’\u{a0}\u{202f} ".contains(character)).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = unit.trim();
        if number.trim().is_empty() && !unit.is_empty() {
            return Err(format!("{} does not begin with a number", shown(text)));
        }
        // "2.00 x 1 cup, chopped" is so many of that.
        let unit = unit.strip_prefix("x ").or_else(|| unit.strip_prefix("× ")).unwrap_or(unit);
        let unit = unit.strip_prefix("1 ").or_else(|| unit.strip_prefix("1.00 ")).unwrap_or(unit).trim();
        Ok((self.number(number)?, (!unit.is_empty()).then(|| unit.to_owned())))
    }
}

fn digits_of(text: &str) -> &str {
    text.trim().strip_prefix('+').unwrap_or(text.trim())
}

/// Whether a mark parts thousands here: one to three digits, then groups of three.
fn is_grouped(text: &str, mark: char) -> bool {
    let mut groups = text.split(mark);
    let first = groups.next().unwrap_or_default();
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    (1..=3).contains(&first.len()) && digits(first) && groups.all(|group| group.len() == 3 && digits(group))
}

/// A cell as a message shows it.
pub fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("“{short}…”") } else { format!("“{short}”") }
}

/// The order of day, month and year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// 2026-03-10
    YearMonthDay,
    /// 10.03.2026
    DayMonthYear,
    /// 03/10/2026
    MonthDayYear,
}

/// What the dates of a file say of their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundOrder {
    /// Most are right in this order, more than in any other.
    Order(DateOrder),
    /// As many are right with the day first as with the month first.
    Ambiguous,
}

impl DateOrder {
    /// The order in which most of the dates are dates.
    pub fn of<'a>(dates: impl IntoIterator<Item = &'a str>) -> FoundOrder {
        let mut counts = [0; 3];
        const ORDERS: [DateOrder; 3] = [DateOrder::YearMonthDay, DateOrder::DayMonthYear, DateOrder::MonthDayYear];
        for date in dates {
            for (count, order) in counts.iter_mut().zip(ORDERS) {
                *count += i32::from(order.date(date).is_ok());
            }
        }
        let [year_first, day_first, month_first] = counts;
        match (year_first >= day_first.max(month_first), day_first.cmp(&month_first)) {
            (true, _) => FoundOrder::Order(Self::YearMonthDay),
            (_, std::cmp::Ordering::Greater) => FoundOrder::Order(Self::DayMonthYear),
            (_, std::cmp::Ordering::Less) => FoundOrder::Order(Self::MonthDayYear),
            _ => FoundOrder::Ambiguous,
        }
    }

    /// A date in this order. One whose month has a name is in no doubt.
    pub fn date(self, text: &str) -> Result<NaiveDate, String> {
        let not_a_date = || format!("{} is not a date {}", shown(text), self.example());
        // What may follow is the time of an instant, which has a column of its own.
        let day =
            text.trim().split(['T', ' ']).next().filter(|day| day.bytes().filter(u8::is_ascii_digit).count() >= 4).unwrap_or(text.trim());
        for format in ["%d %b %Y", "%b %d, %Y", "%d-%b-%Y", "%d %B %Y", "%B %d, %Y"] {
            if let Ok(date) = NaiveDate::parse_from_str(text.trim(), format) {
                return Ok(date);
            }
        }
        let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
        let [first, second, third] = parts[..] else { return Err(not_a_date()) };
        let (year, month, day) = match self {
            Self::YearMonthDay => (first, second, third),
            Self::DayMonthYear => (third, second, first),
            Self::MonthDayYear => (third, first, second),
        };
        let number = |text: &str, most: usize| {
            text.parse::<u32>().ok().filter(|_| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let year = match year.len() {
            4 => number(year, 4),
            2 if self != Self::YearMonthDay => number(year, 2).map(|year| year + 2000),
            _ => None,
        };
        let date = year.zip(number(month, 2)).zip(number(day, 2));
        date.and_then(|((year, month), day)| NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)).ok_or_else(not_a_date)
    }

    /// How a date looks in this order.
    pub fn example(self) -> &'static str {
        match self {
            Self::YearMonthDay => "such as 2026-03-29",
            Self::DayMonthYear => "such as 29.03.2026",
            Self::MonthDayYear => "such as 03/29/2026",
        }
    }
}

/// A time of day, with 24 hours or with AM and PM.
pub fn time(text: &str) -> Result<NaiveTime, String> {
    let text = text.trim().to_uppercase().replace('\u{202f}', " ");
    let formats = ["%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p", "%I:%M:%S %p", "%H.%M"];
    let found = formats.iter().find_map(|format| NaiveTime::parse_from_str(&text, format).ok());
    found.ok_or_else(|| format!("{} is not a time such as 14:30", shown(&text)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(mark: DecimalMark, text: &str) -> Result<Option<Decimal>, String> {
        mark.number(text)
    }

    #[test]
    fn numbers_are_read_by_their_mark_and_nothing_is_guessed_from_one_alone() {
        let decimal = |text: &str| Ok(Some(text.parse::<Decimal>().expect("a number")));
        for (text, point, comma) in [
            ("12", decimal("12"), decimal("12")),
            ("1.5", decimal("1.5"), Err(())),
            ("1,5", Err(()), decimal("1.5")),
            ("1,234.5", decimal("1234.5"), Err(())),
            ("1.234,5", Err(()), decimal("1234.5")),
            ("1 234.5", decimal("1234.5"), Err(())),
            ("1'234", decimal("1234"), decimal("1234")),
            (".5", decimal("0.5"), Err(())),
            ("-5", Err(()), Err(())),
            ("1e3", Err(()), Err(())),
            ("5 g", Err(()), Err(())),
            ("", Ok(None), Ok(None)),
            ("--", Ok(None), Ok(None)),
        ] {
            assert_eq!(number(DecimalMark::Point, text).map_err(|_| ()), point, "{text} with a point");
            assert_eq!(number(DecimalMark::Comma, text).map_err(|_| ()), comma, "{text} with a comma");
        }
        assert_eq!(DecimalMark::of(["1,234", "1,5", "12"]), Some(DecimalMark::Comma));
        assert_eq!(DecimalMark::of(["1,234", "1.5"]), Some(DecimalMark::Point));
        assert_eq!(DecimalMark::of(["1,234.50", "1,234"]), Some(DecimalMark::Point));
        assert_eq!(DecimalMark::of(["1,234", "12", ""]), None);
    }

    #[test]
    fn amounts_carry_their_unit() {
        let amount = |text: &str| DecimalMark::Point.amount(text).map(|(number, unit)| (number.map(|number| number.to_string()), unit));
        let expected = |number: &str, unit: Option<&str>| Ok((Some(number.to_owned()), unit.map(str::to_owned)));
        assert_eq!(amount("100.00 g"), expected("100.00", Some("g")));
        assert_eq!(amount("2.00 x 1 cup, chopped"), expected("2.00", Some("cup, chopped")));
        assert_eq!(amount("150"), expected("150.0", None));
        assert!(amount("a handful").is_err());
    }

    #[test]
    fn the_order_of_dates_is_that_of_most_of_them_or_is_not_told() {
        use FoundOrder::{Ambiguous, Order};
        assert_eq!(DateOrder::of(["2026-03-04", "2026/3/5"]), Order(DateOrder::YearMonthDay));
        assert_eq!(DateOrder::of(["03/04/2026", "03/14/2026", "03/05/2026"]), Order(DateOrder::MonthDayYear));
        assert_eq!(DateOrder::of(["03.04.2026", "14.03.2026"]), Order(DateOrder::DayMonthYear));
        assert_eq!(DateOrder::of(["03/04/2026", "05/06/2026"]), Ambiguous);
        let day = NaiveDate::from_ymd_opt(2026, 3, 4);
        assert_eq!(DateOrder::MonthDayYear.date("3/4/26").ok(), day);
        assert_eq!(DateOrder::DayMonthYear.date("4 Mar 2026").ok(), day);
        assert_eq!(DateOrder::YearMonthDay.date("2026-03-04T10:00:00Z").ok(), day);
        assert!(DateOrder::YearMonthDay.date("2026-02-30").is_err());
        assert!(DateOrder::YearMonthDay.date("04.03.2026").is_err());
    }

    #[test]
    fn times_are_read_with_and_without_halves_of_the_day() {
        let at = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0);
        assert_eq!(time("14:30").ok(), at(14, 30));
        assert_eq!(time("2:30 pm").ok(), at(14, 30));
        assert_eq!(time("12:05 AM").ok(), at(0, 5));
        assert!(time("25:00").is_err() && time("noon").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_with_a_mark_is_read_with_it(thousandths in 0i64..1_000_000_000_000) {
            let number = Decimal::new(thousandths, 3);
            prop_assert_eq!(DecimalMark::Point.number(&number.to_string()), Ok(Some(number)));
            prop_assert_eq!(DecimalMark::Comma.number(&number.to_string().replace('.', ",")), Ok(Some(number)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,30}") {
            for mark in [DecimalMark::Point, DecimalMark::Comma] {
                _ = mark.number(&text);
                _ = mark.amount(&text);
            }
            for order in [DateOrder::YearMonthDay, DateOrder::DayMonthYear, DateOrder::MonthDayYear] {
                _ = order.date(&text);
            }
            _ = time(&text);
            _ = DecimalMark::of([text.as_str()]);
        }
    }
}
