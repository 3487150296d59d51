//! JSON as clients send it: a key that is given twice is refused, for two readers would take two different values for it.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// Reads one JSON value.
///
/// # Errors
///
/// Fails when it is no JSON, or when an object has a key twice.
pub fn read(bytes: &[u8]) -> serde_json::Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = EachKeyOnce.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

struct EachKeyOnce;

impl<'de> DeserializeSeed<'de> for EachKeyOnce {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EachKeyOnce {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(EachKeyOnce)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom("a key is given twice"));
            }
            object.insert(key, entries.next_value_seed(EachKeyOnce)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_serde_json_reads_but_for_keys_given_twice() {
        for json in [
            "null",
            "true",
            "-1",
            "18446744073709551615",
            "18446744073709551616",
            "-0",
            "0.1",
            "1e300",
            r#""é\n""#,
            "[]",
            "{}",
            r#"{"a":[{"b":1},{"b":2}],"c":{"a":1}}"#,
        ] {
            assert_eq!(read(json.as_bytes()).expect(json), serde_json::from_str::<Value>(json).expect(json));
        }
        for json in ["", "[1", "1e400", "{}{}", "NaN", r#""\ud800""#, "[1,]"] {
            assert!(read(json.as_bytes()).expect_err(json).is_data() == serde_json::from_str::<Value>(json).expect_err(json).is_data());
        }
        for json in [r#"{"a":1,"a":1}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#] {
            assert!(read(json.as_bytes()).expect_err(json).is_data());
        }
    }
}
