//! A decision in words.

use serde::{Deserialize, Serialize};

use super::{Decision, MemberId, Verdict};

/// A decision in words. The decision itself is the same as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Why it came out so, in one or two sentences.
    pub sentence: String,
    /// The same for every candidate.
    pub candidates: Vec<CandidateExplanation>,
}

/// Why a candidate was chosen or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateExplanation {
    /// Who.
    pub member: MemberId,
    /// The reason.
    pub verdict: Verdict,
    /// The reason and the counts that were seen, in a sentence.
    pub sentence: String,
}

/// Puts a stored decision into words, with the members' names as they are now.
pub fn explain(decision: &Decision, name: impl Fn(MemberId) -> String) -> Explanation {
    let _ = (decision, name);
    Explanation { sentence: String::new(), candidates: Vec::new() }
}
