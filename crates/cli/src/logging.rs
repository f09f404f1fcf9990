//! What is said on stderr beside errors: warnings, and details if asked for.

use crate::arguments::{Global, LogFormat};
use indicatif::MultiProgress;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracklet_display::visible::{is_hidden, visible_lines};

/// How much is said, and what else is on the screen.
pub struct Log {
    pub format: LogFormat,
    /// Only errors are logged.
    pub quiet: bool,
    /// Every step is logged.
    pub verbose: bool,
    /// Every progress bar is one of these, so that a log line never lands in the middle of one.
    pub bars: MultiProgress,
}

impl Log {
    /// Writes `message` and a line break to stderr for people: above the bars, unless they want errors alone or JSON. A
    /// closed or full stderr is no reason to end a command.
    pub fn say(&self, message: &str) {
        if self.format == LogFormat::Text && !self.quiet {
            let message = visible_lines(message);
            let _ = self.bars.suspend(|| writeln!(anstream::stderr().lock(), "{message}"));
        }
    }
}

/// Starts the log as the global options have it.
pub fn start(global: &Global) -> Log {
    let bars = MultiProgress::new();
    let level = level(global);
    let above_bars = bars.clone();
    let writer = move || AboveBars { bars: above_bars.clone() };
    // A second start in one process would be a mistake of ours, and harmless.
    let _ = match global.log_format {
        LogFormat::Json => tracing::subscriber::set_global_default(
            tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_max_level(level)
                .with_writer(writer)
                .finish(),
        ),
        LogFormat::Text => tracing::subscriber::set_global_default(
            tracing_subscriber::fmt().event_format(Plain).with_max_level(level).with_writer(writer).finish(),
        ),
    };
    Log { format: global.log_format, quiet: global.quiet, verbose: global.verbose > 0, bars }
}

/// Machines want every step, people what needs them.
fn level(global: &Global) -> LevelFilter {
    match (global.quiet, global.log_format, global.verbose) {
        (true, _, _) => LevelFilter::ERROR,
        (_, LogFormat::Text, 0) => LevelFilter::WARN,
        (_, LogFormat::Text, 1) | (_, LogFormat::Json, 0) => LevelFilter::INFO,
        (_, LogFormat::Text, 2) | (_, LogFormat::Json, 1) => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// `warning: message`, as a compiler would say it.
struct Plain;

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let name = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        let mut message = format!("{name}: ");
        context.field_format().format_fields(Writer::new(&mut message), event)?;
        writeln!(writer, "{}", visible_lines(&message))
    }
}

/// Stderr, with the bars out of the way while something is written.
struct AboveBars {
    bars: MultiProgress,
}

impl Write for AboveBars {
    /// Never fails: a closed or full stderr must not end a command, and the subscriber would report the failure on stderr.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        // JSON has its own escapes for control characters in ASCII; the others get them here, and no message has any left.
        let text: Cow<'_, str> =
            if text.chars().any(|character| !character.is_ascii() && is_hidden(character)) {
                Cow::Owned(text.chars().map(escaped).collect())
            } else {
                text
            };
        let _ = self.bars.suspend(|| anstream::stderr().write_all(text.as_bytes()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}

/// Returns a character as it stands in JSON: as an escape if it steers a terminal and is not ASCII.
fn escaped(character: char) -> String {
    if character.is_ascii() || !is_hidden(character) {
        character.to_string()
    } else {
        format!("\\u{:04x}", u32::from(character))
    }
}
