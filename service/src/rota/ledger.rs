//! The ledger: accounts of effort.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Assignment, Member, MemberId};

/// One effort in the ledger's units. It divides by every sum of weights up to 20, and by 100, so that shares are then exact;
/// others are rounded to a unit each, in such a way that all balances together stay 0.
pub const EFFORT: i64 = 1_163_962_800;

/// A member's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Whose.
    pub member: MemberId,
    /// Days done.
    pub days: u32,
    /// Effort done, in units of 1/[`EFFORT`].
    pub load: i64,
    /// Effort owed in all, in the same units.
    pub share: i64,
}

impl Standing {
    /// How far ahead of the share; negative for who owes. Over all members it is 0 together.
    pub fn balance(&self) -> i64 {
        self.load - self.share
    }
}

/// Every member's account as of the start of `date`, in the members' order: what was assigned before counts as done, unless it
/// is known who really did it.
pub fn standings(members: &[Member], assignments: &[Assignment], date: NaiveDate) -> Vec<Standing> {
    let _ = (members, assignments, date);
    Vec::new()
}
