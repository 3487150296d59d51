//! The objects of the first array of a JSON file, one at a time, however long the file is.

use std::io::{self, BufRead, BufReader, Read};

use serde::de::DeserializeOwned;

use super::Record;

/// Longer than any record of a catalogue: a file without an end of its first record is not read into memory.
const LONGEST_RECORD: usize = 16 << 20;

/// Opens a file that is an array, or an object whose first array holds the records.
pub(super) fn open<R: Read>(reader: R) -> io::Result<JsonRecords<R>> {
    let mut records = JsonRecords { reader: BufReader::with_capacity(64 << 10, reader), line: 1, record: 0, ended: false };
    let mut before = Vec::new();
    while let Some(byte) = records.byte()? {
        match byte {
            b'[' => return Ok(records),
            _ if before.len() < 200 => before.push(byte),
            _ => break,
        }
    }
    Err(fault("this is not a JSON file with an array of records"))
}

/// The records of an open file.
pub(super) struct JsonRecords<R> {
    reader: BufReader<R>,
    line: u64,
    record: u64,
    ended: bool,
}

impl<R: Read> JsonRecords<R> {
    /// What `parse` makes of each record. A record that is damaged, but whose end can be told, costs no other record.
    pub(super) fn parsed<T, U>(mut self, parse: impl Fn(T) -> Result<U, String>) -> impl Iterator<Item = io::Result<Record<U>>>
    where
        T: DeserializeOwned,
    {
        std::iter::from_fn(move || {
            let (line, text) = match self.next_text() {
                Ok(Some(found)) => found,
                Ok(None) => return None,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            };
            let content = serde_json::from_slice(&text).map_err(reason).and_then(&parse);
            Some(Ok(Record { line, record: self.record, content }))
        })
    }

    fn next_text(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        while !self.ended {
            match self.byte()? {
                Some(b' ' | b'\t' | b'\r' | b'\n' | b',') => {}
                Some(b']') => self.ended = true,
                Some(first) => {
                    self.record += 1;
                    let line = self.line;
                    return Ok(Some((line, self.rest_of_record(first)?)));
                }
                None => return Err(fault("the file ends before its array of records does")),
            }
        }
        Ok(None)
    }

    /// The bytes from `first` to the brace that closes the record. Finding it needs strings and braces alone, so the record may
    /// hold anything else.
    fn rest_of_record(&mut self, first: u8) -> io::Result<Vec<u8>> {
        if first != b'{' {
            return Err(fault(&format!("record {} is not an object", self.record)));
        }
        let mut text = vec![first];
        let mut depth = 1;
        let mut in_string = false;
        while depth > 0 {
            let byte = self.byte()?.ok_or_else(|| fault("the file ends inside a record"))?;
            text.push(byte);
            match byte {
                b'\\' if in_string => text.push(self.byte()?.ok_or_else(|| fault("the file ends inside a record"))?),
                b'"' => in_string = !in_string,
                b'{' if !in_string => depth += 1,
                b'}' if !in_string => depth -= 1,
                _ => {}
            }
            if text.len() > LONGEST_RECORD {
                return Err(fault(&format!("record {} is longer than {LONGEST_RECORD} bytes", self.record)));
            }
        }
        Ok(text)
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.reader.fill_buf()?.first().copied();
        if byte.is_some() {
            self.reader.consume(1);
        }
        self.line += u64::from(byte == Some(b'\n'));
        Ok(byte)
    }
}

/// What is wrong, without the place: it would be one within the record, beside the line in the file.
pub(super) fn reason(error: serde_json::Error) -> String {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    text.strip_suffix(&place).unwrap_or(&text).to_owned()
}

fn fault(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Named {
        name: String,
    }

    #[track_caller]
    fn check(text: &[u8], expected: &[&str]) {
        let describe = |record: Record<String>| match record.content {
            Ok(name) => format!("{}/{} {name}", record.line, record.record),
            Err(reason) => format!("{}/{} bad: {reason}", record.line, record.record),
        };
        let found: Vec<_> = match open(text) {
            Ok(records) => records
                .parsed(|named: Named| Ok(named.name))
                .map(|record| record.map_or_else(|error| error.to_string(), describe))
                .collect(),
            Err(error) => vec![error.to_string()],
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_an_array_and_the_first_array_of_an_object() {
        check(b"[]", &[]);
        check(b"[{\"name\":\"a\"},\n{\"name\":\"b\"}]", &["1/1 a", "2/2 b"]);
        check(b"\xEF\xBB\xBF{\"Foods\": [\n{\"name\": \"}]\\\"{\", \"x\": {\"y\": [1]}} ] }", &["2/1 }]\"{"]);
    }

    #[test]
    fn a_damaged_record_costs_no_other() {
        check(
            b"[{\"name\":\"a\"},\n{\"name\":7},\n{\"name\":\"\xE9\"},\n{nonsense},\n{\"name\":\"e\"}]",
            &[
                "1/1 a",
                "2/2 bad: invalid type: integer `7`, expected a string",
                "3/3 bad: invalid unicode code point",
                "4/4 bad: key must be a string",
                "5/5 e",
            ],
        );
    }

    #[test]
    fn a_file_that_ends_early_or_holds_something_else_is_an_error() {
        check(b"[{\"name\":\"a\"},", &["1/1 a", "the file ends before its array of records does"]);
        check(b"[{\"name\":\"a", &["the file ends inside a record"]);
        check(b"[1, 2]", &["record 1 is not an object"]);
        check(b"name;value", &["this is not a JSON file with an array of records"]);
        check(&[b' '; 500], &["this is not a JSON file with an array of records"]);
    }
}
