//! How things are said to people: errors with hints, text that can't turn a terminal, rows as tables, CSV and JSON lines.

pub mod error;
pub mod numbers;
pub mod print;
pub mod visible;
