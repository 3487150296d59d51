//! Hybrid logical clocks: when something was written, as far as clocks that run apart can tell, and never twice the same.
//!
//! Kulkarni et al., "Logical Physical Clocks" (2014), in Talon's text form: `{milliseconds}:{counter}:{node}`, the milliseconds
//! since 1970 in decimal and padded to 15 digits, the counter in base 36 and padded to 5. Padded texts sort as their clocks do.

use std::{
    fmt::{Display, Formatter},
    str::FromStr,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The largest counter: five digits of base 36.
pub const LAST_COUNTER: u32 = 36_u32.pow(5) - 1;
/// The last millisecond that 15 digits hold.
const LAST_MILLISECOND: i64 = 999_999_999_999_999;
const LONGEST_NODE: usize = 100;

/// How far a device's clock may be ahead of the server's before it is set back.
pub const TOLERATED_SKEW: TimeDelta = TimeDelta::minutes(5);
/// How far it may be ahead before what it says is refused.
pub const GREATEST_SKEW: TimeDelta = TimeDelta::hours(24);

/// When something was written. Clocks are ordered by time, then by counter, then by node, so two that differ are never equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Clock {
    /// Milliseconds since 1970: 0 to 999,999,999,999,999.
    pub milliseconds: i64,
    /// Tells apart what one node wrote within a millisecond, or while its wall clock stood: 0 to 60,466,175.
    pub counter: u32,
    /// Who wrote it: a device, or `hale`. 1 to 100 characters, none of them a control character; colons are allowed.
    pub node: String,
}

/// A text that is no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a clock: write milliseconds, counter in base 36 and node, such as 001700000000000:0000a:phone")]
pub struct NotAClock;

impl Clock {
    /// The clock of a write at `wall` by a node whose last clock was `last`: later than that, whatever the wall clock does.
    pub fn after(last: Option<&Self>, wall: DateTime<Utc>, node: &str) -> Self {
        let wall = wall.timestamp_millis().clamp(0, LAST_MILLISECOND);
        let (milliseconds, counter) = match last {
            Some(last) if last.milliseconds >= wall => next(last.milliseconds, last.counter),
            _ => (wall, 0),
        };
        Self { milliseconds, counter, node: node.to_owned() }
    }

    /// The clock of a node that had `last` and now sees `remote`: later than both.
    pub fn receiving(last: &Self, remote: &Self, wall: DateTime<Utc>) -> Self {
        let latest = if (remote.milliseconds, remote.counter) > (last.milliseconds, last.counter) { remote } else { last };
        Self::after(Some(latest), wall, &last.node)
    }

    /// How far it is ahead of `now`; negative when it is behind.
    pub fn ahead_of(&self, now: DateTime<Utc>) -> TimeDelta {
        TimeDelta::milliseconds(self.milliseconds - now.timestamp_millis())
    }
}

/// One step later. A counter that is used up makes the next millisecond.
fn next(milliseconds: i64, counter: u32) -> (i64, u32) {
    if counter < LAST_COUNTER { (milliseconds, counter + 1) } else { (milliseconds + 1, 0) }
}

impl Display for Clock {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        let (mut digits, mut rest) = ([b'0'; 5], self.counter);
        for digit in digits.iter_mut().rev() {
            *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize];
            rest /= 36;
        }
        write!(formatter, "{:015}:{}:{}", self.milliseconds, String::from_utf8_lossy(&digits), self.node)
    }
}

impl FromStr for Clock {
    type Err = NotAClock;

    /// Reads every width that Talon's documents show: padded to 15 or 18 digits, or not at all.
    fn from_str(text: &str) -> Result<Self, NotAClock> {
        let mut parts = text.splitn(3, ':');
        let (Some(milliseconds), Some(counter), Some(node)) = (parts.next(), parts.next(), parts.next()) else { return Err(NotAClock) };
        let all = |text: &str, digit: fn(&u8) -> bool| !text.is_empty() && text.len() <= 20 && text.as_bytes().iter().all(digit);
        if !all(milliseconds, u8::is_ascii_digit) || !all(counter, u8::is_ascii_alphanumeric) {
            return Err(NotAClock);
        }
        let milliseconds = milliseconds.parse().ok().filter(|value| *value <= LAST_MILLISECOND).ok_or(NotAClock)?;
        let counter = u32::from_str_radix(counter, 36).ok().filter(|value| *value <= LAST_COUNTER).ok_or(NotAClock)?;
        if node.is_empty() || node.chars().count() > LONGEST_NODE || node.chars().any(char::is_control) {
            return Err(NotAClock);
        }
        Ok(Self { milliseconds, counter, node: node.to_owned() })
    }
}

impl TryFrom<String> for Clock {
    type Error = NotAClock;

    fn try_from(text: String) -> Result<Self, NotAClock> {
        text.parse()
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> Self {
        clock.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clock(text: &str) -> Clock {
        text.parse().expect("a clock")
    }

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(milliseconds).expect("an instant")
    }

    #[test]
    fn texts_of_every_documented_width_are_the_same_clock() {
        let expected = Clock { milliseconds: 1_700_000_000_000, counter: 10, node: "phone".to_owned() };
        for text in ["001700000000000:0000a:phone", "000001700000000000:0000a:phone", "1700000000000:a:phone", "1700000000000:0000A:phone"]
        {
            assert_eq!(clock(text), expected, "{text}");
            assert_eq!(clock(text).to_string(), "001700000000000:0000a:phone");
        }
    }

    /// Pack, parse and compare, as Talon's sources and documents have them.
    #[test]
    fn the_vectors_of_talon_hold() {
        let packed = [
            (0, 0, "a", "000000000000000:00000:a"),
            (1_700_000_000_000, 35, "phone", "001700000000000:0000z:phone"),
            (1_700_000_000_000, 36, "phone", "001700000000000:00010:phone"),
            (1_700_000_000_000, 1295, "550e8400-e29b-41d4-a716-446655440000", "001700000000000:000zz:550e8400-e29b-41d4-a716-446655440000"),
            (LAST_MILLISECOND, LAST_COUNTER, "a:b", "999999999999999:zzzzz:a:b"),
        ];
        for (milliseconds, counter, node, text) in packed {
            let packed = Clock { milliseconds, counter, node: node.to_owned() };
            assert_eq!((packed.to_string().as_str(), &clock(text)), (text, &packed));
        }
        // Each is before the next: by time, then by counter, then by node, whatever the width.
        let ordered = [
            "1:0:a",
            "000000000000000001:0:b",
            "1:9:b",
            "000000000000001:0000a:a",
            "1:z:z",
            "1:10:a",
            "9:0:z",
            "10:0:a",
            "000001700000000000:00000:a",
            "001700000000000:00000:a:b",
            "1700000000000:0:b",
            "1700000000000:00001:a",
        ];
        let ordered: Vec<Clock> = ordered.map(clock).into();
        assert!(ordered.is_sorted_by(|one, next| one < next), "{ordered:?}");
        // As texts of different widths they would not be.
        assert!("10:0:a" < "9:0:z" && "000001700000000000:00000:a" < "1:0:a");
        let padded: Vec<String> = ordered.iter().map(Clock::to_string).collect();
        assert!(padded.is_sorted_by(|one, next| one < next), "{padded:?}");
    }

    #[test]
    fn a_node_may_hold_colons() {
        assert_eq!(clock("1:0:a:b::c").node, "a:b::c");
        assert_eq!(clock("1:0:a:b::c").to_string(), "000000000000001:00000:a:b::c");
    }

    #[test]
    fn what_is_no_clock_is_refused() {
        for text in [
            "",
            "1",
            "1:2",
            "1:2:",
            ":0:a",
            "1::a",
            "-1:0:a",
            "+1:0:a",
            "1:-1:a",
            "1:+1:a",
            "1:100000:a",
            "1:0:a\n",
            "x:0:a",
            "1000000000000000:0:a",
            " 1:0:a",
            "1:0 :a",
        ] {
            assert_eq!(text.parse::<Clock>(), Err(NotAClock), "{text:?}");
        }
    }

    #[test]
    fn the_algorithm_of_the_paper_holds() {
        let last = clock("100:5:here");
        assert_eq!(Clock::after(None, at(100), "here"), clock("100:0:here"));
        assert_eq!(Clock::after(Some(&last), at(101), "here"), clock("101:0:here"));
        assert_eq!(Clock::after(Some(&last), at(100), "here"), clock("100:6:here"));
        // The wall clock went back.
        assert_eq!(Clock::after(Some(&last), at(7), "here"), clock("100:6:here"));
        assert_eq!(Clock::receiving(&last, &clock("200:z:there"), at(50)), clock("200:10:here"));
        assert_eq!(Clock::receiving(&last, &clock("90:z:there"), at(50)), clock("100:6:here"));
        assert_eq!(Clock::receiving(&last, &clock("100:9:there"), at(50)), clock("100:a:here"));
        assert_eq!(Clock::receiving(&last, &clock("200:z:there"), at(300)), clock("300:0:here"));
        // A counter that is used up.
        assert_eq!(Clock::after(Some(&clock("100:zzzzz:here")), at(100), "here"), clock("101:0:here"));
    }

    fn any_clock() -> impl Strategy<Value = Clock> {
        let nodes = prop::sample::select(vec!["a", "b", "a:b", "Zoë", "hale"]);
        (0..=LAST_MILLISECOND, 0..=LAST_COUNTER, nodes).prop_map(|(milliseconds, counter, node)| Clock {
            milliseconds,
            counter,
            node: node.to_owned(),
        })
    }

    proptest! {
        #[test]
        fn a_text_is_its_clock_and_sorts_like_it(one in any_clock(), other in any_clock()) {
            prop_assert_eq!(&one.to_string().parse::<Clock>().expect("a clock"), &one);
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
        }

        #[test]
        fn the_next_clock_is_later_whatever_the_wall_says(last in any_clock(), remote in any_clock(), wall in 0..LAST_MILLISECOND) {
            prop_assume!(last.milliseconds < LAST_MILLISECOND && remote.milliseconds < LAST_MILLISECOND);
            let next = Clock::after(Some(&last), at(wall), &last.node);
            prop_assert!(next > last);
            let received = Clock::receiving(&last, &remote, at(wall));
            let time = |clock: &Clock| (clock.milliseconds, clock.counter);
            prop_assert!(time(&received) > time(&last) && time(&received) > time(&remote));
            prop_assert!(received.milliseconds >= wall);
        }
    }
}
