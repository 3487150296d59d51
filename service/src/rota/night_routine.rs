//! Night.
