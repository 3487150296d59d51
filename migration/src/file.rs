//! What a migration file's name and text say, without a database. The build script compiles this
//! module too, so that a bad file stops the build.

/// The first line of a file that cannot run in a transaction.
pub const NO_TRANSACTION: &str = "-- migrate: no-transaction";

/// Which way a file changes the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Applies the change.
    Up,
    /// Reverts it.
    Down,
}

/// A name of the form `YYYY_MM_DD_HH_MM_description.{up,down}.sql`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct FileName<'a> {
    /// `YYYY_MM_DD_HH_MM`, in UTC.
    pub version: &'a str,
    /// The rest, in snake_case.
    pub description: &'a str,
    /// Up or down.
    pub direction: Direction,
}

/// How long a version is: `YYYY_MM_DD_HH_MM`.
const VERSION_LENGTH: usize = 16;

impl<'a> FileName<'a> {
    /// Reads a file's name; the error says what is wrong with it.
    pub fn parse(name: &'a str) -> Result<Self, String> {
        let (stem, direction) = if let Some(stem) = name.strip_suffix(".up.sql") {
            (stem, Direction::Up)
        } else if let Some(stem) = name.strip_suffix(".down.sql") {
            (stem, Direction::Down)
        } else {
            return Err("the name must end in .up.sql or .down.sql".to_owned());
        };
        let (version, description) =
            split_stem(stem).ok_or_else(|| "the name must have the form YYYY_MM_DD_HH_MM_description.{up,down}.sql".to_owned())?;
        if !is_version(version) {
            return Err(format!("{version} is not a time YYYY_MM_DD_HH_MM"));
        }
        if !is_snake_case(description) {
            return Err(format!("the description {description} must be snake_case"));
        }
        Ok(Self { version, description, direction })
    }
}

/// Splits `YYYY_MM_DD_HH_MM_description` behind the time.
pub const fn split_stem(stem: &str) -> Option<(&str, &str)> {
    let Some((version, rest)) = stem.split_at_checked(VERSION_LENGTH) else {
        return None;
    };
    match rest.as_bytes() {
        [b'_', _, ..] => Some((version, rest.split_at(1).1)),
        _ => None,
    }
}

fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('_').collect();
    let [year, month, day, hour, minute] = parts.as_slice() else {
        return false;
    };
    let within = |part: &str, length: usize, range: std::ops::RangeInclusive<u32>| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse().is_ok_and(|value| range.contains(&value))
    };
    within(year, 4, 2000..=9999)
        && within(month, 2, 1..=12)
        && within(day, 2, 1..=31)
        && within(hour, 2, 0..=23)
        && within(minute, 2, 0..=59)
}

/// Whether a description is lower-case words of letters and digits, joined by single underscores.
pub fn is_snake_case(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.split('_').all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

/// Whether the file asks to run outside a transaction.
pub fn is_no_transaction(sql: &str) -> bool {
    sql.lines().next().is_some_and(|line| line.trim_end() == NO_TRANSACTION)
}

/// Checks a file's text: outside a transaction there is room for one statement only, for
/// PostgreSQL wraps several sent together in a transaction of its own.
pub fn check(sql: &str) -> Result<(), String> {
    if !is_no_transaction(sql) {
        return Ok(());
    }
    match statements(sql).len() {
        1 => Ok(()),
        count => Err(format!("a file without a transaction must hold exactly one statement, and this one holds {count}")),
    }
}

/// The name of the index that the file's `CREATE INDEX CONCURRENTLY` makes, if that is what it does.
pub fn concurrent_index(sql: &str) -> Option<String> {
    let statement = statements(sql).into_iter().next()?;
    let mut words = statement.split_whitespace().peekable();
    let mut expect = |wanted: &str| words.next_if(|word| word.eq_ignore_ascii_case(wanted)).is_some();
    if !expect("CREATE") {
        return None;
    }
    expect("UNIQUE");
    if !(expect("INDEX") && expect("CONCURRENTLY")) {
        return None;
    }
    if expect("IF") && !(expect("NOT") && expect("EXISTS")) {
        return None;
    }
    let name = words.next()?;
    if name.eq_ignore_ascii_case("ON") {
        return None;
    }
    Some(match name.strip_prefix('"') {
        Some(quoted) => quoted.trim_end_matches('"').replace("\"\"", "\""),
        None => name.to_lowercase(),
    })
}

/// The statements of a text, without comments. Knows quotes, dollar quotes and nested comments,
/// but not the semicolons within `BEGIN ATOMIC`.
pub fn statements(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            current.push(' ');
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            current.push(' ');
            comment_length(rest)
        } else if first == ';' {
            found.push(std::mem::take(&mut current));
            1
        } else {
            let length = match first {
                '\'' => quoted_length(rest, '\'', has_escapes(&current)),
                '"' => quoted_length(rest, '"', false),
                '$' if !ends_in_word(&current) => dollar_quoted_length(rest),
                _ => first.len_utf8(),
            };
            current.push_str(&rest[..length]);
            length
        };
        rest = &rest[length..];
    }
    found.push(current);
    found.retain(|statement| !statement.trim().is_empty());
    found
}

fn comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// A doubled quote ends one literal and starts the next, which comes to the same.
fn quoted_length(text: &str, quote: char, escapes: bool) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if escapes && character == '\\' {
            escaped = true;
        } else if character == quote {
            return at + 1;
        }
    }
    text.len()
}

fn dollar_quoted_length(text: &str) -> usize {
    let Some(end) = text[1..].find('$').map(|at| at + 2) else {
        return 1;
    };
    let tag = &text[..end];
    let is_tag = tag[1..end - 1].chars().all(|character| character.is_alphanumeric() || character == '_');
    if !is_tag || tag[1..].starts_with(|first: char| first.is_ascii_digit()) {
        return 1;
    }
    text[end..].find(tag).map_or(text.len(), |at| end + at + tag.len())
}

fn ends_in_word(text: &str) -> bool {
    text.ends_with(|last: char| last.is_alphanumeric() || last == '_')
}

/// `E'...'` alone knows backslashes.
fn has_escapes(before: &str) -> bool {
    before.strip_suffix(['e', 'E']).is_some_and(|word| !ends_in_word(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_name_is_taken_apart() {
        let name = FileName::parse("2025_11_22_04_33_food_diary.down.sql").unwrap();
        assert_eq!(name.version, "2025_11_22_04_33");
        assert_eq!(name.description, "food_diary");
        assert_eq!(name.direction, Direction::Down);
    }

    #[test]
    fn a_bad_name_is_refused() {
        for name in [
            "2025_11_22_04_33_food.sql",
            "2025_11_22_04_33.up.sql",
            "2025_11_22_04_33_.up.sql",
            "2025_13_22_04_33_food.up.sql",
            "2025_11_22_24_33_food.up.sql",
            "2025_11_22_0433_food.up.sql",
            "2025-11-22_04_33_food.up.sql",
            "2025_11_22_04_33_Food.up.sql",
            "2025_11_22_04_33_food__diary.up.sql",
            "2025_11_22_04_33_food_.up.sql",
            "2025_11_22_04_33_1food.up.sql",
            "2025_11_22_04_3ä_food.up.sql",
            "food.up.sql",
        ] {
            assert!(FileName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn statements_are_split_where_postgresql_splits_them() {
        let sql = "-- one; two\nSELECT ';', E'\\';' /* ; /* ; */ ; */;\n\
                   DO $a$ BEGIN; $b$ ; END $a$; SELECT \"a;\", $1, a$b; ;";
        let found = statements(sql);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[1].trim().ends_with("END $a$"));
    }

    #[test]
    fn no_transaction_is_the_first_line_or_nothing() {
        assert!(is_no_transaction("-- migrate: no-transaction\r\nSELECT 1"));
        assert!(!is_no_transaction("\n-- migrate: no-transaction\nSELECT 1"));
        assert!(!is_no_transaction("-- migrate: no-transactions\nSELECT 1"));
        assert!(check("-- migrate: no-transaction\nSELECT 1; -- only;\n").is_ok());
        assert!(check("-- migrate: no-transaction\nSELECT 1; SELECT 2").is_err());
        assert!(check("-- migrate: no-transaction\n").is_err());
        assert!(check("SELECT 1; SELECT 2").is_ok());
    }

    #[test]
    fn the_concurrent_index_is_named() {
        let name = |sql| concurrent_index(sql);
        assert_eq!(
            name("-- migrate: no-transaction\ncreate unique index concurrently\n if not exists Foods_Name on foods (name);"),
            Some("foods_name".to_owned())
        );
        assert_eq!(name("CREATE INDEX CONCURRENTLY \"Foods\" ON foods (name)"), Some("Foods".to_owned()));
        assert_eq!(name("CREATE INDEX CONCURRENTLY ON foods (name)"), None);
        assert_eq!(name("CREATE INDEX foods_name ON foods (name)"), None);
        assert_eq!(name("DROP INDEX CONCURRENTLY foods_name"), None);
    }
}
