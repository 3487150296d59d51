//! Faults that are planted on purpose: a proof that sees none of them proves nothing.

/// A mistake that a sync system makes, in its server or in its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A number is taken when a transaction begins to write, not when it becomes visible.
    IdentityNumbers,
    /// The counter moves for what is then refused.
    NumberBeforeValidation,
    /// A device goes on from where an event was, not from where it had read to.
    CursorMovedByStream,
    /// A page is cut first and filtered then, so that it ends early.
    ShortPage,
    /// A page begins with the row that the last one ended with.
    FromInsteadOfAfter,
    /// Clocks of the same time are the same, whoever wrote them.
    NoTieBreak,
    /// What came before is not known again.
    NoDedupe,
    /// Deleting and bringing back are not compared by their clocks.
    DeleteWithoutClock,
    /// Who asks for more than a page gets less, and is not told.
    ClampedLimit,
    /// A device forgets its clock when it crashes.
    ClockNotPersisted,
    /// Tombstones go when they are old, whoever has not seen them.
    CollectedByTime,
    /// A restored backup goes on with the history that it does not have.
    EpochIgnored,
    /// A device has one cursor for all the people whom it follows.
    SharedCursor,
    /// A device reads when it is told to, and never otherwise.
    OnlyWokenUp,
    /// What a checksum is made of is written in two ways.
    ChecksumNotCanonical,
    /// An answer clears the queue, with what was written since the question.
    QueueCleared,
    /// What cannot be is refused and not kept.
    RejectionDropped,
    /// The first mutation that cannot be ends its batch, which is tried again.
    PoisonedBatch,
    /// A relative whose access was revoked still reads.
    GrantRemembered,
    /// A relative goes on from where it was, whatever was shared with it since.
    SharedUnseen,
    /// Columns that belong together are merged one by one.
    TornGroup,
    /// A counter that is used up begins again within the same millisecond.
    CounterWraps,
}

use Planted::*;

/// All of them; the first fifteen are those that every design is held to.
pub const PLANTED: [Planted; 22] = [
    IdentityNumbers,
    NumberBeforeValidation,
    CursorMovedByStream,
    ShortPage,
    FromInsteadOfAfter,
    NoTieBreak,
    NoDedupe,
    DeleteWithoutClock,
    ClampedLimit,
    ChecksumNotCanonical,
    ClockNotPersisted,
    CollectedByTime,
    EpochIgnored,
    SharedCursor,
    OnlyWokenUp,
    QueueCleared,
    RejectionDropped,
    PoisonedBatch,
    GrantRemembered,
    SharedUnseen,
    TornGroup,
    CounterWraps,
];
