//! Steps of a decoder that panics on damaged bytes.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is in a step whose panic is caught.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
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
            None
        }
        Err(_) => None,
    }
}

/// Keeps the panics of decoders on damaged files, which are caught, from being told as if the program had failed; all
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
