//! The targets. Each takes any bytes and panics when something that must hold does not.

mod names;
mod readers;
mod settings;
mod text_times;

use tracklet_config::FORMATS;

/// Tries a target on an input.
pub type Trial = Box<dyn Fn(&[u8]) + Send + Sync>;

/// A target by its name.
pub struct Target {
    /// The name, as in `regressions/`.
    pub name: &'static str,
    /// Tries the target on an input.
    pub run: Trial,
}

/// Every target: one for each input format, by the format's name, and those for other texts.
pub fn all() -> Vec<Target> {
    type Other = (&'static str, fn(&[u8]));
    let of_formats = FORMATS.into_iter().map(|(name, _)| Target { name, run: readers::of(name) });
    let others: [Other; 4] = [
        ("compressed", readers::compressed),
        ("event_names", names::event_names),
        ("times", text_times::times),
        ("config", settings::config),
    ];
    of_formats.chain(others.map(|(name, run)| Target { name, run: Box::new(run) })).collect()
}
