//! What is in a noot: activities, in the one form that everybody computes the same checksum of (RFC 8785, the JSON
//! Canonicalization Scheme).

use sea_orm::JsonValue;
use serde_json::Number;
use sha2::{Digest, Sha256};

use crate::error::Error;

/// The most bytes of a noot in canonical form.
pub const MOST_BYTES: usize = 256 * 1024;
/// The most activities of a noot.
pub const MOST_ACTIVITIES: usize = 500;
/// How deep arrays and objects may lie in each other within an activity.
const MOST_NESTING: usize = 64;
/// How many characters a number that has an exponent may take without one, as PostgreSQL writes it.
const DIGITS_OF_EXPONENT: usize = 330;

/// The activities of a noot that can be stored, and their checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `{"activities":[…]}`, canonical.
    pub json: String,
    /// SHA-256 of `json`, in hex.
    pub checksum: String,
}

/// Why a noot was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// What kind of reason it is.
    pub code: RejectionCode,
    /// Where in the noot: `activities[3].baseProperties.encrypted`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// What kinds of reasons there are not to take a noot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionCode {
    /// The checksum is not that of the activities.
    ChecksumMismatch,
    /// Something in it cannot be accepted.
    BadUserInput,
    /// It is too large.
    LimitExceeded,
    /// Its version is too far ahead of the stored one.
    VersionTooHigh,
}

impl Rejection {
    pub(super) fn new(code: RejectionCode, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, field: field.into(), message: message.into() }
    }

    fn bad(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(RejectionCode::BadUserInput, field, message)
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::invalid(rejection.field, rejection.message)
    }
}

impl Content {
    /// The content that these activities make: each an object with `activityType`, `properties` and `baseProperties`. What is in
    /// the properties is its client's business. Encrypted ones may be a text as well.
    pub fn of(activities: &JsonValue) -> Result<Self, Rejection> {
        let JsonValue::Array(listed) = activities else {
            return Err(Rejection::bad("activities", "must be a list of activities"));
        };
        if listed.len() > MOST_ACTIVITIES {
            let message = format!("a noot holds at most {MOST_ACTIVITIES} activities, this one has {}", listed.len());
            return Err(Rejection::new(RejectionCode::LimitExceeded, "activities", message));
        }
        let mut expanded = 0;
        for (place, activity) in listed.iter().enumerate() {
            let path = format!("activities[{place}]");
            check_envelope(&path, activity)?;
            expanded += check_value(&path, activity, 0)?;
        }
        let written = serde_json_canonicalizer::to_string(activities).map_err(|error| Rejection::bad("activities", error.to_string()))?;
        let json = format!("{{\"activities\":{written}}}");
        if json.len() + expanded > MOST_BYTES {
            let message = format!("a noot has at most {MOST_BYTES} bytes, this one has {}", json.len() + expanded);
            return Err(Rejection::new(RejectionCode::LimitExceeded, "activities", message));
        }
        let checksum = Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { json, checksum })
    }

    /// As it is stored.
    pub(crate) fn data(&self) -> Result<JsonValue, Error> {
        serde_json::from_str(&self.json).map_err(Error::stored_json)
    }

    /// The same, if this is its checksum.
    pub fn checked(activities: &JsonValue, checksum: &str) -> Result<Self, Rejection> {
        let content = Self::of(activities)?;
        if !content.checksum.eq_ignore_ascii_case(checksum) {
            let message = format!(
                "the activities as they arrived have the checksum {}: it is the SHA-256, in hex, of {{\"activities\":[…]}} as RFC 8785 writes it",
                content.checksum
            );
            return Err(Rejection::new(RejectionCode::ChecksumMismatch, "checksum", message));
        }
        Ok(content)
    }
}

/// The three parts that every activity has. Whoever reads encrypted ones has the key; here they are a text or an object.
fn check_envelope(path: &str, activity: &JsonValue) -> Result<(), Rejection> {
    let JsonValue::Object(parts) = activity else {
        return Err(Rejection::bad(path, "must be an object with activityType, properties and baseProperties"));
    };
    let short_text =
        |value: &JsonValue, most: usize| value.as_str().is_some_and(|text| !text.trim().is_empty() && text.chars().count() <= most);
    if !parts.get("activityType").is_some_and(|name| short_text(name, 100)) {
        return Err(Rejection::bad(format!("{path}.activityType"), "must be a text of 1 to 100 characters, such as \"todo\""));
    }
    if !parts.get("id").is_none_or(|id| short_text(id, 100)) {
        return Err(Rejection::bad(format!("{path}.id"), "must be a text of 1 to 100 characters, where there is one"));
    }
    let encrypted = match parts.get("baseProperties") {
        None => false,
        Some(JsonValue::Object(base)) => {
            if !base.get("syncPriority").is_none_or(|priority| short_text(priority, 50)) {
                return Err(Rejection::bad(format!("{path}.baseProperties.syncPriority"), "must be a text such as \"normal\""));
            }
            match base.get("encrypted") {
                None => false,
                Some(JsonValue::Bool(encrypted)) => *encrypted,
                Some(_) => return Err(Rejection::bad(format!("{path}.baseProperties.encrypted"), "must be true or false")),
            }
        }
        Some(_) => return Err(Rejection::bad(format!("{path}.baseProperties"), "must be an object")),
    };
    match parts.get("properties") {
        Some(JsonValue::Object(_)) => Ok(()),
        Some(JsonValue::String(_)) if encrypted => Ok(()),
        _ if encrypted => Err(Rejection::bad(format!("{path}.properties"), "must be an object or a text when they are encrypted")),
        _ => Err(Rejection::bad(format!("{path}.properties"), "must be an object")),
    }
}

/// Refuses what has no canonical form or cannot be stored, and answers how many bytes it takes beyond its canonical form.
fn check_value(path: &str, value: &JsonValue, depth: usize) -> Result<usize, Rejection> {
    if depth > MOST_NESTING {
        return Err(Rejection::bad(path, format!("must not be nested deeper than {MOST_NESTING} levels")));
    }
    match value {
        JsonValue::Null | JsonValue::Bool(_) => Ok(0),
        JsonValue::Number(number) => check_number(path, number),
        JsonValue::String(text) => check_text(path, text).map(|()| 0),
        JsonValue::Array(items) => items.iter().try_fold(0, |bytes, item| Ok(bytes + check_value(path, item, depth + 1)?)),
        JsonValue::Object(fields) => fields.iter().try_fold(0, |bytes, (name, value)| {
            check_text(path, name)?;
            Ok(bytes + check_value(path, value, depth + 1)?)
        }),
    }
}

/// RFC 8785 knows numbers as doubles: an integer that no double holds would be another number for every other reader.
fn check_number(path: &str, number: &Number) -> Result<usize, Rejection> {
    let inexact = || Rejection::bad(path, format!("the number {number} is too large for a double to hold exactly: write it as a text"));
    let double = number.as_f64().filter(|double| double.is_finite()).ok_or_else(inexact)?;
    if !number.is_f64() {
        // 1152921504606847000 is what JavaScript writes for 2^60, though it means 1152921504606846976.
        let whole = number.as_i128().is_some_and(|whole| double as i128 == whole);
        let written = || serde_json_canonicalizer::to_string(number).is_ok_and(|written| written == number.to_string());
        return if whole || written() { Ok(0) } else { Err(inexact()) };
    }
    let with_exponent = double != 0.0 && !(1e-6..1e21).contains(&double.abs());
    Ok(if with_exponent { DIGITS_OF_EXPONENT } else { 0 })
}

fn check_text(path: &str, text: &str) -> Result<(), Rejection> {
    if text.contains('\0') { Err(Rejection::bad(path, "must not contain the character U+0000")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parsed(json: &str) -> JsonValue {
        serde_json::from_str(json).expect("JSON")
    }

    fn canonical(json: &str) -> String {
        serde_json_canonicalizer::to_string(&parsed(json)).expect("a canonical form")
    }

    fn todo(properties: JsonValue) -> JsonValue {
        json!([{ "activityType": "todo", "properties": properties, "baseProperties": { "encrypted": false, "syncPriority": "normal" } }])
    }

    /// The examples of RFC 8785, sections 3.2.2 and 3.2.3.
    #[test]
    fn the_examples_of_the_rfc_come_out_as_it_says() {
        let json = r#"{ "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false] }"#;
        let expected =
            r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(canonical(json), expected);
        let json = r#"{ "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis" }"#;
        let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\
            \"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
        assert_eq!(canonical(json), expected);
    }

    /// RFC 8785, appendix B: IEEE 754 bits and how they are written.
    #[test]
    fn the_numbers_of_the_rfc_come_out_as_it_says() {
        for (bits, expected) in [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let number = f64::from_bits(bits);
            let written = serde_json_canonicalizer::to_string(&number).expect("finite");
            assert_eq!(written, expected, "{bits:x}");
            // It comes back as the same double, whichever way it takes.
            assert_eq!(canonical(&written), written);
            assert_eq!(parsed(&written).as_f64(), Some(number));
        }
    }

    #[test]
    fn a_checksum_does_not_depend_on_order_space_or_spelling() {
        let one = Content::of(&parsed(
            r#"[{"activityType":"todo","properties":{"title":"Buy groceries","completed":false,"n":1.50},"baseProperties":{"encrypted":false}}]"#,
        ));
        let other = Content::of(&parsed(
            r#"[ {"baseProperties" : {"encrypted":false}, "properties":{"n":15e-1,"completed":false,"title":"Buy \u0067roceries"}, "activityType":"todo"} ]"#,
        ));
        assert_eq!(one, other);
        // As sha256sum and Node's crypto have it.
        assert_eq!(
            Content::of(&json!([])).expect("nothing is fine").checksum,
            "6d8bee8bada36a121d48cb57f3fb2739efdff9046cc30610b196a08bf4464b24"
        );
    }

    #[test]
    fn what_has_no_canonical_form_is_refused_with_its_place() {
        for (properties, message) in [
            (r#"{"n":9007199254740993}"#, "the number 9007199254740993 is too large for a double to hold exactly: write it as a text"),
            (r#"{"n":-9007199254740993}"#, "the number -9007199254740993 is too large for a double to hold exactly: write it as a text"),
            (
                r#"{"n":18446744073709551615}"#,
                "the number 18446744073709551615 is too large for a double to hold exactly: write it as a text",
            ),
            (r#"{"t":"a\u0000b"}"#, "must not contain the character U+0000"),
            (r#"{"a\u0000b":1}"#, "must not contain the character U+0000"),
        ] {
            let refused = Content::of(&todo(parsed(properties))).expect_err(properties);
            assert_eq!((refused.code, refused.field.as_str()), (RejectionCode::BadUserInput, "activities[0]"));
            assert_eq!(refused.message, message);
        }
        for exact in
            ["9007199254740992", "-9007199254740992", "1152921504606846976", "1152921504606847000", "1e300", "-0", "18446744073709551616"]
        {
            Content::of(&todo(parsed(&format!(r#"{{"n":{exact}}}"#)))).expect(exact);
        }
        let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
        assert!(Content::of(&todo(json!({ "deep": deep }))).expect_err("too deep").message.contains("64 levels"));
    }

    #[test]
    fn an_activity_has_its_three_parts_and_encrypted_ones_are_not_looked_into() {
        let refused = |activity: JsonValue| Content::of(&json!([activity])).expect_err("refused").field;
        assert_eq!(refused(json!("todo")), "activities[0]");
        assert_eq!(refused(json!({ "properties": {} })), "activities[0].activityType");
        assert_eq!(refused(json!({ "activityType": " ", "properties": {} })), "activities[0].activityType");
        assert_eq!(refused(json!({ "activityType": "todo" })), "activities[0].properties");
        assert_eq!(refused(json!({ "activityType": "todo", "properties": "secret" })), "activities[0].properties");
        assert_eq!(refused(json!({ "activityType": "todo", "properties": {}, "baseProperties": [] })), "activities[0].baseProperties");
        let base = json!({ "encrypted": "yes" });
        assert_eq!(
            refused(json!({ "activityType": "todo", "properties": {}, "baseProperties": base })),
            "activities[0].baseProperties.encrypted"
        );
        let base = json!({ "syncPriority": 1 });
        assert_eq!(
            refused(json!({ "activityType": "todo", "properties": {}, "baseProperties": base })),
            "activities[0].baseProperties.syncPriority"
        );
        for properties in [json!("q83vEjRW…"), json!({ "iv": "AAAA", "ciphertext": "BBBB", "title": 7 })] {
            let encrypted = json!([{ "activityType": "todo", "properties": properties, "baseProperties": { "encrypted": true } }]);
            Content::of(&encrypted).expect("opaque");
        }
        assert_eq!(Content::of(&json!({})).expect_err("no list").field, "activities");
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let one = todo(json!({}))[0].clone();
        Content::of(&json!(vec![one.clone(); 500])).expect("as many as may be");
        let refused = Content::of(&json!(vec![one; 501])).expect_err("one too many");
        assert_eq!(refused.message, "a noot holds at most 500 activities, this one has 501");
        let refused = Content::of(&todo(json!({ "text": "x".repeat(300 * 1024) }))).expect_err("too large");
        assert_eq!(refused.code, RejectionCode::LimitExceeded);
        // PostgreSQL writes 1e300 with all its digits.
        let refused = Content::of(&todo(json!({ "numbers": vec![1e300; 1000] }))).expect_err("too large once it is stored");
        assert_eq!(refused.code, RejectionCode::LimitExceeded);
    }

    fn any_json() -> impl Strategy<Value = JsonValue> {
        let leaf = prop_oneof![
            Just(JsonValue::Null),
            any::<bool>().prop_map(JsonValue::from),
            (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(JsonValue::from),
            any::<f64>().prop_filter("finite", |double| double.is_finite()).prop_map(JsonValue::from),
            "[^\0]{0,12}".prop_map(JsonValue::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(JsonValue::from),
                prop::collection::btree_map("[^\0]{0,6}", inner, 0..5).prop_map(|fields| JsonValue::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whoever reads a noot and computes the checksum again gets the same one.
        #[test]
        fn what_was_read_back_has_the_same_checksum(value in any_json()) {
            let content = Content::of(&todo(json!({ "value": value }))).expect("storable");
            let read = parsed(&content.json);
            let again = Content::checked(&read["activities"], &content.checksum).expect("the same checksum");
            prop_assert_eq!(&again, &content);
        }
    }
}
