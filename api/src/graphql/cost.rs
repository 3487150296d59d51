//! What operations cost, and how much of it a caller may spend: points by the person, or by the address while nobody is signed in.
//!
//! The buckets are this process's own, so that a request costs no round trip. Each second what was spent is settled with the other
//! servers on the database: between two settlements a caller of n servers may spend up to n times as much, and pays it back after.

use std::{
    collections::HashMap,
    hash::Hash,
    str::FromStr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use async_graphql::{ServerError, Value};
use chrono::{DateTime, TimeDelta, Utc};
use entity::id::UserId;
use service::{
    access::Database,
    points::{self, Spending},
};

use super::{error::RATE_LIMITED, limits::LIMITS};

/// What each field of a mutation costs beside what is asked back.
pub const MUTATION: usize = 10;
/// Nobody owes this much beyond a bucket, unless the clock was wrong when they spent it.
const LONGEST_DEBT: TimeDelta = TimeDelta::minutes(5);
/// How many callers are settled at once.
const MOST_SETTLED: usize = 1_000;
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

    /// Tells the other servers on the database what was spent here since the last time, and hears what was spent there.
    pub async fn settle(&self, database: &Database) -> Result<(), service::error::Error> {
        self.people.settle(database, |person| format!("person:{person}")).await?;
        self.addresses.settle(database, |address| format!("address:{address}")).await
    }
}

/// The buckets of callers of one kind.
struct Buckets<K> {
    allowance: Allowance,
    known: Mutex<Known<K>>,
}

struct Known<K> {
    buckets: HashMap<K, Bucket>,
    forget_beyond: usize,
}

/// One that is full and settled need not be known.
struct Bucket {
    /// When it will be full again.
    full_at: DateTime<Utc>,
    /// What was taken since it was settled, in the time that it takes to come back.
    unsettled: TimeDelta,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    fn new(allowance: Allowance) -> Self {
        Self { allowance, known: Mutex::new(Known { buckets: HashMap::new(), forget_beyond: FEW }) }
    }

    fn known(&self) -> MutexGuard<'_, Known<K>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, key: K, cost: usize, now: DateTime<Utc>) -> Charge {
        let Allowance::Bucket { burst, per_second } = self.allowance else {
            return Charge { requested: cost, remaining: None, per_second: None, retry_after: None };
        };
        let per_point = 1_000_000 / i64::from(per_second);
        let capacity = i64::from(burst) * per_point;
        let longest = capacity.saturating_add(LONGEST_DEBT.num_microseconds().unwrap_or(i64::MAX));
        let mut known = self.known();
        if known.buckets.len() > known.forget_beyond {
            known.buckets.retain(|_, bucket| bucket.full_at > now || !bucket.unsettled.is_zero());
            known.forget_beyond = FEW.max(2 * known.buckets.len());
        }
        let missing = known.buckets.get(&key).map_or(0, |bucket| (bucket.full_at - now).num_microseconds().unwrap_or(i64::MAX).max(0));
        let missing = if missing > longest { 0 } else { missing };
        let spent = i64::try_from(cost).unwrap_or(i64::MAX).saturating_mul(per_point);
        let after = missing.saturating_add(spent);
        let left = |missing: i64| u32::try_from((capacity - missing).max(0) / per_point).unwrap_or(0);
        let charge = Charge { requested: cost, remaining: Some(left(missing)), per_second: Some(per_second), retry_after: None };
        if after > capacity {
            let wait = u64::try_from(after - capacity).unwrap_or(0).div_ceil(1_000_000);
            return Charge { retry_after: Some(wait.max(1)), ..charge };
        }
        let bucket = known.buckets.entry(key).or_insert(Bucket { full_at: now, unsettled: TimeDelta::zero() });
        bucket.full_at = now + TimeDelta::microseconds(after);
        bucket.unsettled += TimeDelta::microseconds(spent);
        Charge { remaining: Some(left(after)), ..charge }
    }

    async fn settle(&self, database: &Database, name: impl Fn(&K) -> String) -> Result<(), service::error::Error> {
        let Allowance::Bucket { burst, per_second } = self.allowance else { return Ok(()) };
        let longest = TimeDelta::microseconds(i64::from(burst) * (1_000_000 / i64::from(per_second))) + LONGEST_DEBT;
        loop {
            let (keys, spendings) = self.take_unsettled(&name);
            if spendings.is_empty() {
                return Ok(());
            }
            let settled = points::settle(database, &spendings, longest).await;
            let mut known = self.known();
            match settled {
                Ok(settled) => {
                    for (caller, until) in settled {
                        if let Some(bucket) = keys.get(&caller).and_then(|key| known.buckets.get_mut(key)) {
                            // What was spent meanwhile is not in it.
                            bucket.full_at = bucket.full_at.max(until + bucket.unsettled);
                        }
                    }
                }
                Err(error) => {
                    for Spending { caller, spent } in spendings {
                        if let Some(bucket) = keys.get(&caller).and_then(|key| known.buckets.get_mut(key)) {
                            bucket.unsettled += spent;
                        }
                    }
                    return Err(error);
                }
            }
            if keys.len() < MOST_SETTLED {
                return Ok(());
            }
        }
    }

    /// What some callers have spent since the last time, which counts as settled from now on; and who they are.
    fn take_unsettled(&self, name: impl Fn(&K) -> String) -> (HashMap<String, K>, Vec<Spending>) {
        let mut known = self.known();
        let spent = known.buckets.iter_mut().filter(|(_, bucket)| !bucket.unsettled.is_zero()).take(MOST_SETTLED);
        spent
            .map(|(key, bucket)| {
                let caller = format!("points:{}", name(key));
                ((caller.clone(), key.clone()), Spending { caller, spent: std::mem::take(&mut bucket.unsettled) })
            })
            .unzip()
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
            if n % 100 == 0 {
                points.addresses.take_unsettled(Clone::clone);
            }
        }
        let known = points.addresses.known().buckets.len();
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
