//! `tracklet.toml`.

use std::path::Path;
use tracklet_config::{Config, ConfigError};
use tracklet_display::error::Hint;

/// A configuration is taken, or refused at a place that is in the file.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = Path::new("tracklet.toml");
    match Config::parse(text, file) {
        Ok(config) => {
            let again = Config::parse(text, file).expect("it was taken before");
            assert_eq!(again, config);
            assert_eq!(again.fingerprint(), config.fingerprint());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_ne!(error.hint().as_deref(), Some(""));
            let ConfigError::Wrong { place, .. } = &error else {
                panic!("nothing was read from a disk: {error}")
            };
            let lines: Vec<&str> = text.split('\n').collect();
            assert!((1..=lines.len()).contains(&place.line), "line {} of {}", place.line, lines.len());
            let width = lines[place.line - 1].chars().count();
            assert!((1..=width + 1).contains(&place.column), "column {} of {width}", place.column);
        }
    }
}
