//! Steps of a decoder that panics on damaged bytes.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use tracklet_display::error::is_refused_memory;

thread_local! {
    /// Whether this thread is in a step whose panic is caught.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Whether the system refused memory to a decoder on this thread.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// Notes the error of a decoder: where memory was refused, the file is not damaged.
pub(super) fn note(error: &dyn Display) {
    if is_refused_memory(error) {
        REFUSED.set(true);
    }
}

/// Whether the system refused memory to a decoder on this thread since the last call.
pub(super) fn take_refused() -> bool {
    REFUSED.take()
}

/// Runs a step of a decoder; `None` when it fails or panics.
pub(super) fn fenced<T, E: Display>(step: impl FnOnce() -> Result<T, E>) -> Option<T> {
    let outer = INSIDE.replace(true);
    let result = catch_unwind(AssertUnwindSafe(step));
    INSIDE.set(outer);
    match result {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a file can't be read on");
            note(&error);
            None
        }
        Err(_) => None,
    }
}

/// Keeps the panics of decoders on damaged files, which are caught, from being reported as if the program had failed; all
/// others go the way they went before. Once for a process.
pub fn silence_caught_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if INSIDE.get() {
                tracing::debug!("a decoder gave up: {panic}");
            } else {
                before(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_memory_is_no_damage() {
        assert_eq!(fenced(|| Err::<(), _>("Data corruption detected")), None);
        assert!(!take_refused());
        assert_eq!(fenced(|| Err::<(), _>("External: Allocation error : not enough memory")), None);
        assert!(take_refused());
        assert!(!take_refused());
    }
}
