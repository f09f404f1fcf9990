//! Ctrl-C during a run on files: says what became of the tables, and ends the program.

use crate::arguments::LogFormat;
use crate::logging::Log;
use indicatif::MultiProgress;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use tracklet_native::observer::{Observer, Step};

/// Nothing has been shown to readers.
const WORKING: u8 = 0;
/// The new tables are being shown to readers.
const PUBLISHING: u8 = 1;
/// Readers see the new tables.
const PUBLISHED: u8 = 2;

/// Watches a run for a signal that ends it, until dropped.
///
/// Before the tables are published, SIGINT and SIGTERM end the program at once with the exit code that shells give
/// (130 and 143), and the message says that nothing was published. While they are published the first signal waits for
/// the end of that step; a second one does not.
pub struct Interruptible<'a> {
    observer: &'a dyn Observer,
    stage: Arc<AtomicU8>,
    handle: Handle,
}

impl<'a> Interruptible<'a> {
    /// Starts to watch; every step of the run is passed on to `observer`.
    ///
    /// # Errors
    /// The system refuses the signal handler or the thread.
    pub fn new(observer: &'a dyn Observer, log: &Log) -> io::Result<Self> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let handle = signals.handle();
        let stage = Arc::new(AtomicU8::new(WORKING));
        let (seen, bars, format) = (Arc::clone(&stage), log.bars.clone(), log.format);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let mut waits = true;
            for signal in &mut signals {
                match seen.load(Ordering::SeqCst) {
                    WORKING => say(&bars, format, "interrupted: nothing was published"),
                    PUBLISHING if waits => {
                        waits = false;
                        say(
                            &bars,
                            format,
                            "interrupted: the tables are being published, which takes a moment",
                        );
                        continue;
                    }
                    PUBLISHING => say(
                        &bars,
                        format,
                        "interrupted: `tracklet snapshots` shows whether the tables are published",
                    ),
                    _ => say(&bars, format, "interrupted: the new tables are published"),
                }
                std::process::exit(128 + signal);
            }
        })?;
        Ok(Self { observer, stage, handle })
    }
}

impl Observer for Interruptible<'_> {
    fn step_started(&self, step: Step, total: Option<u64>) {
        if step == Step::Publish {
            self.stage.store(PUBLISHING, Ordering::SeqCst);
        }
        self.observer.step_started(step, total);
    }

    fn advanced(&self, rows: u64, bytes: u64) {
        self.observer.advanced(rows, bytes);
    }

    fn step_finished(&self, step: Step) {
        if step == Step::Publish {
            self.stage.store(PUBLISHED, Ordering::SeqCst);
        }
        self.observer.step_finished(step);
    }
}

impl Drop for Interruptible<'_> {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Writes one line to stderr, below no bar.
fn say(bars: &MultiProgress, format: LogFormat, message: &str) {
    match format {
        LogFormat::Json => tracing::warn!("{message}"),
        LogFormat::Text => {
            // The program ends whether or not anyone reads this.
            let _ = bars.clear();
            let _ = writeln!(io::stderr(), "{message}");
        }
    }
}
