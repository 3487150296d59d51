//! Hale's own scalars, and values that a resolver checks under the name of their field.

use std::borrow::Cow;

use async_graphql::{InputType, InputValueError, InputValueResult, MaybeUndefined, Scalar, ScalarType, Value, registry};
use chrono::{NaiveDate, SecondsFormat, Utc};

use super::error::{Error, Result};

/// A calendar date, ISO 8601, from 1900-01-01 to 2100-12-31: "2026-03-29".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Date(pub NaiveDate);

/// A calendar date, ISO 8601, from 1900-01-01 to 2100-12-31: "2026-03-29".
#[Scalar(name = "Date", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339#section-5.6")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = string(&value, "a date such as \"2026-03-29\"")?;
        let date = (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        let date = date.filter(|date| (service::day::FIRST..=service::day::LAST).contains(date));
        date.map(Self).ok_or_else(|| "must be a date between 1900-01-01 and 2100-12-31, such as \"2026-03-29\"".into())
    }

    fn to_value(&self) -> Value {
        self.0.to_string().into()
    }
}

/// An instant, RFC 3339, answered in UTC: "2026-03-29T07:30:00Z".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DateTime(pub chrono::DateTime<Utc>);

/// An instant, RFC 3339, answered in UTC: "2026-03-29T07:30:00Z".
#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = string(&value, "an instant such as \"2026-03-29T07:30:00Z\"")?;
        let instant = chrono::DateTime::parse_from_rfc3339(text).map_err(|_| "must be an instant such as \"2026-03-29T07:30:00Z\"")?;
        Ok(Self(instant.to_utc()))
    }

    fn to_value(&self) -> Value {
        self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
    }
}

/// An exact decimal number, as a string without exponent or trailing zeros: "12.5". As input also an integer, never a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decimal(pub rust_decimal::Decimal);

/// An exact decimal number, as a string without exponent or trailing zeros: "12.5". As input also an integer, never a float.
#[Scalar(name = "Decimal", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6")]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        const EXPECTED: &str = "must be a decimal number without exponent, as a string such as \"12.5\" or an integer";
        let text: Cow<'_, str> = match &value {
            Value::String(text) => text.into(),
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string().into(),
            _ => return Err(EXPECTED.into()),
        };
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        if !plain || text.len() > 40 {
            return Err(EXPECTED.into());
        }
        rust_decimal::Decimal::from_str_exact(&text).map(|number| Self(number.normalize())).map_err(|_| "has too many digits".into())
    }

    fn to_value(&self) -> Value {
        self.0.normalize().to_string().into()
    }
}

/// An IANA time zone name: "Europe/Berlin".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeZone(pub chrono_tz::Tz);

/// An IANA time zone name: "Europe/Berlin".
#[Scalar(name = "TimeZone", specified_by_url = "https://www.iana.org/time-zones")]
impl ScalarType for TimeZone {
    fn parse(value: Value) -> InputValueResult<Self> {
        let zone = string(&value, "an IANA time zone such as \"Europe/Berlin\"")?.parse();
        zone.map(Self).map_err(|_| "must be an IANA time zone such as \"Europe/Berlin\"".into())
    }

    fn to_value(&self) -> Value {
        self.0.name().into()
    }
}

/// A universally unique identifier, lower-case and hyphenated: "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uuid(pub uuid::Uuid);

/// A universally unique identifier, lower-case and hyphenated: "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f".
#[Scalar(name = "UUID", specified_by_url = "https://www.rfc-editor.org/rfc/rfc9562")]
impl ScalarType for Uuid {
    fn parse(value: Value) -> InputValueResult<Self> {
        const EXPECTED: &str = "must be a hyphenated UUID such as \"0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f\"";
        let text = string(&value, "a UUID")?;
        if text.len() != 36 {
            return Err(EXPECTED.into());
        }
        uuid::Uuid::parse_str(text).map(Self).map_err(|_| EXPECTED.into())
    }

    fn to_value(&self) -> Value {
        self.0.to_string().into()
    }
}

/// Any JSON value, RFC 8259, as its client writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Json(pub serde_json::Value);

/// Any JSON value, RFC 8259, as its client writes it.
#[Scalar(name = "JSON", specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        value.into_json().map(Self).map_err(|_| "must be JSON".into())
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}

fn string<'a, T: InputType>(value: &'a Value, expected: &str) -> Result<&'a str, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(format!("must be {expected}, as a string").into()),
    }
}

/// A scalar as it was sent. async-graphql refuses a bad one without saying which field it was in; this lets it pass and the
/// resolver refuses it by name.
#[derive(Clone, Debug)]
pub struct Unchecked<S>(Result<S, String>);

impl<S> Unchecked<S> {
    /// The value, or an error that names `field`.
    pub fn check(self, field: &str) -> Result<S> {
        self.0.map_err(|message| Error::invalid(field, message))
    }
}

/// Checks a value that may be absent.
pub trait CheckOption<S> {
    /// The value if there is one, or an error that names `field`.
    fn check(self, field: &str) -> Result<Option<S>>;
}

impl<S> CheckOption<S> for Option<Unchecked<S>> {
    fn check(self, field: &str) -> Result<Option<S>> {
        self.map(|value| value.check(field)).transpose()
    }
}

impl<S> CheckPatch<S> for MaybeUndefined<Unchecked<S>> {
    fn check(self, field: &str) -> Result<Option<Option<S>>> {
        let value: Option<Option<Unchecked<S>>> = self.into();
        value.map(|value| value.check(field)).transpose()
    }
}

/// Checks a value of a patch.
pub trait CheckPatch<S> {
    /// Nothing if it is absent, no value if it is null, else the value, or an error that names `field`.
    fn check(self, field: &str) -> Result<Option<Option<S>>>;
}

impl<S: ScalarType + InputType> InputType for Unchecked<S> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <S as InputType>::type_name()
    }

    fn create_type_info(registry: &mut registry::Registry) -> String {
        <S as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let parsed = <S as ScalarType>::parse(value.unwrap_or_default());
        Ok(Self(parsed.map_err(|error| {
            let message = error.into_server_error(async_graphql::Pos::default()).message;
            message.strip_prefix(&format!("Failed to parse \"{}\": ", <S as InputType>::type_name())).unwrap_or(&message).to_owned()
        })))
    }

    fn to_value(&self) -> Value {
        self.0.as_ref().map_or(Value::Null, ScalarType::to_value)
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}
