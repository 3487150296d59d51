//! Feasibility.
