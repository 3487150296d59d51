//! A CSV file as it comes: text, delimiter, header and lines, or why it cannot be read. Nothing of it is understood here.

use crate::error::{Error, Result};

/// The most bytes of a file.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;
/// The most lines of a file, not counting its header.
pub const MOST_LINES: usize = 10_000;
/// The most columns of a file.
pub const MOST_COLUMNS: usize = 300;
/// The most characters of a cell.
const MOST_CHARACTERS: usize = 10_000;
/// The field that errors about a file name.
pub const FIELD: &str = "csv";
/// What may stand between cells, the most usual first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A file that could be read.
#[derive(Debug)]
pub struct File {
    /// What stands between its cells.
    pub delimiter: char,
    /// The titles of its columns.
    pub header: Vec<String>,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line of a file.
#[derive(Debug)]
pub struct Line {
    /// Where it begins, the header's being 1.
    pub number: u64,
    /// Its cells.
    pub cells: Vec<String>,
}

impl File {
    /// Reads a file, whole or not at all.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let text = text(bytes)?;
        // Some spreadsheets write the delimiter on a line of its own, for themselves.
        let (stated, text, skipped) = match text.lines().next().and_then(|first| first.strip_prefix("sep=")) {
            Some(rest) if rest.len() == 1 => (rest.bytes().next(), text.split_once('\n').map_or("", |(_, rest)| rest), 1),
            _ => (None, text, 0),
        };
        if text.trim().is_empty() {
            return Err(refused("is empty: send a header and lines below it"));
        }
        let delimiter = stated.unwrap_or_else(|| delimiter(text));
        if let Some(line) = unclosed_quote(text, delimiter) {
            return Err(refused(format!("has a quotation mark on line {} that is never closed", line + skipped)));
        }
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut header: Option<Vec<String>> = None;
        let mut lines = Vec::new();
        let bytes = text.as_bytes();
        let (mut counted, mut number) = (0, 1 + skipped);
        for record in reader.records() {
            let record = record.map_err(|_| refused("cannot be read as CSV"))?;
            // The reader's own number is one less where a line ends with CRLF: it has not seen the LF yet.
            let at = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(counted);
            let begin = at + bytes[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            number += u64::try_from(bytes[counted..begin].iter().filter(|byte| **byte == b'\n').count()).unwrap_or_default();
            counted = begin;
            if record.len() > MOST_COLUMNS {
                return Err(refused(format!("has {} columns on line {number}: at most {MOST_COLUMNS} are read", record.len())));
            }
            if record.iter().any(|cell| cell.chars().nth(MOST_CHARACTERS).is_some()) {
                return Err(refused(format!("has a cell of more than {MOST_CHARACTERS} characters on line {number}")));
            }
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let cells: Vec<_> = record.iter().map(|cell| cell.trim().to_owned()).collect();
            if header.is_none() {
                header = Some(cells);
            } else if lines.len() == MOST_LINES {
                return Err(refused(format!("has more than {MOST_LINES} lines: send it in parts")));
            } else {
                lines.push(Line { number, cells });
            }
        }
        let header = header.ok_or_else(|| refused("is empty: send a header and lines below it"))?;
        Ok(Self { delimiter: char::from(delimiter), header, lines })
    }
}

fn refused(reason: impl Into<String>) -> Error {
    Error::invalid(FIELD, reason)
}

fn text(bytes: &[u8]) -> Result<&str> {
    if bytes.len() > MOST_BYTES {
        return Err(refused(format!("has {} bytes: at most {MOST_BYTES} are read, so send it in parts", bytes.len())));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refused("is UTF-16: save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let line_of = |place: usize| bytes[..place].iter().filter(|byte| **byte == b'\n').count() + 1;
    let text = std::str::from_utf8(bytes)
        .map_err(|error| refused(format!("is not UTF-8 on line {}: save it as UTF-8", line_of(error.valid_up_to()))))?;
    match text.find('\0') {
        Some(place) => Err(refused(format!("has a NUL on line {}: it is no text", line_of(place)))),
        None => Ok(text),
    }
}

/// What the header has most of, outside quotation marks.
fn delimiter(text: &str) -> u8 {
    let mut counts = [0; DELIMITERS.len()];
    let mut quoted = false;
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                if let Some(place) = DELIMITERS.iter().position(|delimiter| *delimiter == byte) {
                    counts[place] += 1;
                }
            }
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    DELIMITERS.into_iter().zip(counts).find(|(_, count)| *count == most).map_or(b',', |(delimiter, _)| delimiter)
}

/// The line of a quotation mark that begins a cell and is never closed: a reader would take the rest of the file for that cell.
fn unclosed_quote(text: &str, delimiter: u8) -> Option<u64> {
    let (mut line, mut opened, mut at_start) = (1, None, true);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, opened) {
            (b'"', Some(_)) if bytes.peek() == Some(&b'"') => _ = bytes.next(),
            (b'"', Some(_)) => opened = None,
            (b'"', None) if at_start => opened = Some(line),
            _ => {}
        }
        at_start = byte == delimiter || byte == b'\n' || byte == b'\r';
        line += u64::from(byte == b'\n');
    }
    opened
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(bytes: &[u8]) -> String {
        File::read(bytes).expect_err("refused").to_string()
    }

    #[test]
    fn a_file_is_read_with_the_delimiter_of_its_header() {
        for (text, delimiter) in [("a,b\n1,2\n", ','), ("a;b\n1,5;2\n", ';'), ("a\tb\n1\t2", '\t'), ("sep=;\r\na;b\r\n1;2\r\n", ';')] {
            let file = File::read(text.as_bytes()).expect("a file");
            assert_eq!((file.delimiter, file.header.len(), file.lines.len()), (delimiter, 2, 1), "{text}");
        }
        let quoted = File::read(b"\xef\xbb\xbf\"a;b\",c\r\n\"x\r\ny\"\"\",z\r\n\r\nlast,\r\n").expect("a file");
        assert_eq!(quoted.header, ["a;b", "c"]);
        assert_eq!((quoted.lines[0].number, quoted.lines[0].cells.as_slice()), (2, &["x\r\ny\"".to_owned(), "z".to_owned()][..]));
        assert_eq!((quoted.lines[1].number, quoted.lines[1].cells[0].as_str()), (5, "last"));
    }

    #[test]
    fn what_is_no_csv_is_refused_with_the_reason() {
        for (bytes, expected) in [
            (&b""[..], "empty"),
            (b" \r\n \r\n", "empty"),
            (b"a,b\n1,\xff\n", "not UTF-8 on line 2"),
            (b"a,b\n1,\0\n", "NUL on line 2"),
            (b"\xff\xfea\0,\0", "UTF-16"),
            (b"a,b\n1,2\n3,\"4\n5,6\n", "line 3 that is never closed"),
        ] {
            let reason = reason(bytes);
            assert!(reason.contains(expected), "{reason}");
        }
        assert!(reason(&b"a,".repeat(10_000)).contains("columns on line 1"));
        assert!(reason(format!("a\n{}", "1\n".repeat(MOST_LINES + 1)).as_bytes()).contains("more than 10000 lines"));
        assert!(reason(&vec![b'a'; MOST_BYTES + 1]).contains("bytes"));
        assert!(reason(&[b"a,b\n", &vec![b'x'; 10_001][..]].concat()).contains("characters on line 2"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            _ = File::read(&bytes);
        }

        #[test]
        fn what_a_writer_wrote_is_read_as_it_was(rows in prop::collection::vec(prop::collection::vec("[a-z,;\"'\n=+-]{0,8}[a-z]", 3), 1..20)) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(["one", "two", "three"]).expect("in memory");
            for row in &rows {
                writer.write_record(row).expect("in memory");
            }
            let file = File::read(&writer.into_inner().expect("in memory")).expect("a file");
            let read: Vec<_> = file.lines.into_iter().map(|line| line.cells).collect();
            let trimmed: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect()).collect();
            prop_assert_eq!(read, trimmed);
        }
    }
}
