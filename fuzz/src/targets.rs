//! The targets. Each takes any bytes and panics when something that must hold does not.

mod names;
mod readers;
mod settings;
mod text_times;

pub use names::event_names;
pub use readers::{compressed, csv, json_lines, parquet};
pub use settings::config;
pub use text_times::times;

/// A target by its name.
pub struct Target {
    /// As in `src/bin/` and `regressions/`.
    pub name: &'static str,
    /// Tries the target on an input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const ALL: [Target; 7] = [
    Target { name: "json_lines", run: json_lines },
    Target { name: "csv", run: csv },
    Target { name: "parquet", run: parquet },
    Target { name: "compressed", run: compressed },
    Target { name: "event_names", run: event_names },
    Target { name: "times", run: times },
    Target { name: "config", run: config },
];
