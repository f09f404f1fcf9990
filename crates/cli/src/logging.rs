//! What is said on stderr beside errors: warnings, and details if asked for.

use crate::arguments::Global;
use indicatif::MultiProgress;
use std::fmt;
use std::io::{self, Write};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is said, and what else is on the screen.
pub struct Log {
    pub format: LogFormat,
    /// Errors alone are to be told.
    pub quiet: bool,
    /// Every step is to be told.
    pub verbose: bool,
    /// Every progress bar is one of these, so that a log line never lands in the middle of one.
    pub bars: MultiProgress,
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
        write!(writer, "{name}: ")?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// Stderr, with the bars out of the way while something is written.
struct AboveBars {
    bars: MultiProgress,
}

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| anstream::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
