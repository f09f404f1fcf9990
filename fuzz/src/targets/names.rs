//! Event names in every convention.

use tracklet_kernel::event_name::EventNames;

/// A name's spelling is made of what its convention allows, and is its own spelling.
pub fn event_names(bytes: &[u8]) {
    let original = String::from_utf8_lossy(bytes);
    for convention in [EventNames::RudderStack, EventNames::RudderStackDivided] {
        let Some(name) = convention.normalise(&original) else { continue };
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(allowed), "{name:?}");
        assert!(!name.starts_with(|first: char| first.is_ascii_digit()), "{name:?}");
        assert_eq!(convention.normalise(&name).as_ref(), Some(&name), "a warehouse's name stays as it is");
        let letters = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
        };
        assert_eq!(letters(&name), letters(&original), "no letter is lost");
    }
    if let Some(name) = EventNames::Blendo.normalise(&original) {
        assert_eq!(name.trim(), name);
    }
    // Segment's names are known for the letters alone.
    if let Some(name) = EventNames::Segment.normalise(&original) {
        assert!(!name.is_empty());
    }
    assert_eq!(EventNames::Raw.normalise(&original).unwrap_or_default(), original);
}
