//! What is counted: per worker, by the worker alone, read by Trio without asking it.
//!
//! Theory: each cell has one writer, so counting is a load and a store without a locked instruction; readers see each
//! cell whole. Cells live in append-only lists that are never moved, so a scrape takes no lock and costs the workers
//! nothing. Series are bounded: past the bound they are counted together under the name `(other)`.

pub mod cells;
pub mod histogram;
pub mod ledger;
pub mod line;
pub mod log;
pub mod totals;
