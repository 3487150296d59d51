//! What operations cost, and how much of it a caller may spend: points by the person, or by the address while nobody is signed in.
//!
//! The buckets are this process's own, so that a request costs no round trip: n servers behind a balancer allow up to n times as much.

use std::{
    collections::HashMap,
    hash::Hash,
    str::FromStr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_graphql::{ServerError, Value};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::UserId;

use super::{error::RATE_LIMITED, limits::LIMITS};

/// What each field of a mutation costs beside what is asked back.
pub const MUTATION: usize = 10;
/// How many callers are known before those whose buckets are full again are forgotten.
const FEW: usize = 1024;

/// What a caller may spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowance {
    /// Everything: nothing is counted.
    Unlimited,
    /// A bucket of points that fills again.
    Bucket {
        /// How many points it holds.
        burst: u32,
        /// How many come back each second.
        per_second: u32,
    },
}

impl FromStr for Allowance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Unlimited);
        }
        let parts = text.split_once('/').and_then(|(burst, rate)| Some((burst.parse().ok()?, rate.parse().ok()?)));
        match parts {
            Some((burst, per_second)) if burst as usize >= LIMITS.cost && (1..=1_000_000).contains(&per_second) => {
                Ok(Self::Bucket { burst, per_second })
            }
            _ => Err(format!("write POINTS/PER_SECOND such as 2000/50, with {} points or more, or off", LIMITS.cost)),
        }
    }
}

/// Who pays.
#[derive(Clone, Debug, PartialEq)]
pub enum Caller {
    /// Someone with a valid access token.
    Person(UserId),
    /// An address, while nobody is signed in.
    Address(String),
}

/// The buckets of all callers of this process.
pub struct Points {
    people: Buckets<UserId>,
    addresses: Buckets<String>,
}

/// What was paid, or why it could not be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Charge {
    /// What the operation costs.
    pub requested: usize,
    /// What is left in the bucket; `None` when nothing is counted.
    pub remaining: Option<u32>,
    /// What comes back each second; `None` when nothing is counted.
    pub per_second: Option<u32>,
    /// When there will be enough, in whole seconds; `None` when there was enough.
    pub retry_after: Option<u64>,
}

impl Points {
    /// Full buckets.
    pub fn new(per_person: Allowance, per_address: Allowance) -> Self {
        Self { people: Buckets::new(per_person), addresses: Buckets::new(per_address) }
    }

    /// Takes so many points, or none and says when there will be enough.
    pub fn take(&self, caller: &Caller, cost: usize, now: DateTime<Utc>) -> Charge {
        match caller {
            Caller::Person(person) => self.people.take(*person, cost, now),
            Caller::Address(address) => self.addresses.take(address.clone(), cost, now),
        }
    }
}

/// A bucket is the instant at which it will be full again, so one that is full need not be known.
struct Buckets<K> {
    allowance: Allowance,
    full_at: Mutex<Known<K>>,
}

struct Known<K> {
    full_at: HashMap<K, DateTime<Utc>>,
    forget_beyond: usize,
}

impl<K: Eq + Hash> Buckets<K> {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, full_at: Mutex::new(Known { full_at: HashMap::new(), forget_beyond: FEW }) }
    }

    fn take(&self, key: K, cost: usize, now: DateTime<Utc>) -> Charge {
        let Allowance::Bucket { burst, per_second } = self.allowance else {
            return Charge { requested: cost, remaining: None, per_second: None, retry_after: None };
        };
        let mut known = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if known.full_at.len() > known.forget_beyond {
            known.full_at.retain(|_, full_at| *full_at > now);
            known.forget_beyond = FEW.max(2 * known.full_at.len());
        }
        let missing = known.full_at.get(&key).map_or(0, |full_at| (*full_at - now).num_microseconds().unwrap_or(i64::MAX).max(0));
        let per_point = 1_000_000 / i64::from(per_second);
        let capacity = i64::from(burst) * per_point;
        // Nobody owes more than a bucket, unless the clock was wrong when they spent it: then it is forgotten.
        let missing = if missing > capacity { 0 } else { missing };
        let after = missing.saturating_add(i64::try_from(cost).unwrap_or(i64::MAX).saturating_mul(per_point));
        let left = |missing: i64| u32::try_from((capacity - missing).max(0) / per_point).unwrap_or(0);
        let charge = Charge { requested: cost, remaining: Some(left(missing)), per_second: Some(per_second), retry_after: None };
        if after > capacity {
            let wait = u64::try_from(after - capacity).unwrap_or(0).div_ceil(1_000_000);
            return Charge { retry_after: Some(wait.max(1)), ..charge };
        }
        known.full_at.insert(key, now + TimeDelta::microseconds(after));
        Charge { remaining: Some(left(after)), ..charge }
    }
}

/// The bill of one operation: taken from the caller's points once its cost is known, before it is executed. The first point was
/// taken when the request arrived, so that one that is refused costs something too.
pub struct Bill {
    /// Where from.
    pub points: Arc<Points>,
    /// Whose.
    pub caller: Caller,
    /// What it costs beside its fields.
    pub surcharge: usize,
    /// When.
    pub now: DateTime<Utc>,
    /// What came of it.
    pub charge: OnceLock<Charge>,
}

impl Bill {
    /// Takes the cost of the operation's fields and the surcharge.
    pub fn pay(&self, fields: usize) -> Result<(), ServerError> {
        let requested = (fields + self.surcharge).max(1);
        let charge = Charge { requested, ..self.points.take(&self.caller, requested - 1, self.now) };
        self.charge.set(charge).ok();
        charge.refused().map_or(Ok(()), Err)
    }
}

impl Charge {
    /// The error of an operation that could not be paid.
    pub fn refused(&self) -> Option<ServerError> {
        let seconds = self.retry_after?;
        let message = format!(
            "this costs {} points and {} are left: try again in {seconds} seconds",
            self.requested,
            self.remaining.unwrap_or_default()
        );
        let mut error = ServerError::new(message, None);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", RATE_LIMITED);
        extensions.set("retryAfter", seconds);
        Some(error)
    }

    /// As `extensions.cost` shows it.
    pub fn to_value(&self) -> Value {
        let mut fields = async_graphql::indexmap::IndexMap::new();
        let mut set = |name: &str, value: Option<u64>| {
            if let Some(value) = value {
                fields.insert(async_graphql::Name::new(name), Value::from(value));
            }
        };
        set("requested", Some(self.requested as u64));
        set("allowed", Some(LIMITS.cost as u64));
        set("remaining", self.remaining.map(u64::from));
        set("restoreRate", self.per_second.map(u64::from));
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).expect("a time")
    }

    fn ann() -> Caller {
        Caller::Address("ann".into())
    }

    fn points() -> Points {
        Points::new(Allowance::Unlimited, "2000/50".parse().expect("an allowance"))
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let points = points();
        assert_eq!(points.take(&ann(), 500, at(0)).remaining, Some(1_500));
        assert_eq!(points.take(&ann(), 1_500, at(0)).remaining, Some(0));
        let refused = points.take(&ann(), 1, at(0));
        assert_eq!((refused.retry_after, refused.remaining), (Some(1), Some(0)));
        assert_eq!(points.take(&ann(), 1_000, at(0)).retry_after, Some(20));
        assert_eq!(points.take(&ann(), 1_000, at(19)).retry_after, Some(1));
        assert_eq!(points.take(&ann(), 1_000, at(20)).remaining, Some(0));
        assert_eq!(points.take(&ann(), 0, at(1_000)).remaining, Some(2_000), "and no fuller than full");
    }

    #[test]
    fn one_caller_does_not_pay_for_another() {
        let points = points();
        assert_eq!(points.take(&ann(), 2_000, at(0)).remaining, Some(0));
        assert_eq!(points.take(&Caller::Address("ben".into()), 1, at(0)).remaining, Some(1_999));
        let person = Caller::Person(UserId(uuid::Uuid::nil()));
        assert_eq!(points.take(&person, 1_000_000, at(0)).retry_after, None, "people are not counted here");
    }

    #[test]
    fn what_was_spent_when_the_clock_was_wrong_is_forgotten() {
        let points = points();
        points.take(&ann(), 100, at(86_400));
        assert_eq!(points.take(&ann(), 1, at(0)).remaining, Some(1_999));
    }

    #[test]
    fn callers_whose_buckets_are_full_are_forgotten() {
        let points = points();
        for n in 0..10_000 {
            points.take(&Caller::Address(n.to_string()), 50, at(n / 100));
        }
        let known = points.addresses.full_at.lock().expect("the buckets").full_at.len();
        assert!(known <= FEW + 1, "{known}");
    }

    #[test]
    fn an_allowance_holds_the_dearest_operation() {
        assert_eq!("1000/1".parse(), Ok(Allowance::Bucket { burst: 1_000, per_second: 1 }));
        assert_eq!("off".parse(), Ok(Allowance::Unlimited));
        for text in ["", "999/50", "2000", "2000/0", "2000/-1", "2000/1000001", "x/y", "none"] {
            assert!(text.parse::<Allowance>().is_err(), "{text}");
        }
    }
}
