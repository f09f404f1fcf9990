//! A run watched: a bar on a terminal, log lines for machines, nothing on a pipe.

use crate::arguments::LogFormat;
use crate::logging::Log;
use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracklet_display::numbers::{duration, grouped};
use tracklet_native::observer::{Observer, Step};

/// Watches a run for the user.
pub struct Progress {
    shown: Shown,
    /// Whether the end of each step is printed.
    tells_steps: bool,
    rows: Arc<AtomicU64>,
    bytes: AtomicU64,
    running: Mutex<Option<Running>>,
}

enum Shown {
    Bars(MultiProgress),
    Lines,
    Nothing,
}

struct Running {
    step: Step,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub fn new(log: &Log) -> Self {
        let shown = match log.format {
            LogFormat::Json => Shown::Lines,
            LogFormat::Text if !log.quiet && std::io::stderr().is_terminal() => Shown::Bars(log.bars.clone()),
            LogFormat::Text => Shown::Nothing,
        };
        Self {
            shown,
            tells_steps: log.verbose && log.format == LogFormat::Text,
            rows: Arc::default(),
            bytes: AtomicU64::new(0),
            running: Mutex::default(),
        }
    }

    fn bar(&self, bars: &MultiProgress, step: Step, total: Option<u64>) -> ProgressBar {
        let template = match (total, step) {
            // This step reports its end only, so a bar would stand still.
            (Some(_), Step::Sessionize) => "{step:>10} {spinner} {len} rows",
            (Some(_), Step::Read) => {
                "{step:>10} [{bar:12}] {bytes}/{total_bytes}  {rows} rows  {rate}/s  {eta}"
            }
            (Some(_), _) => "{step:>10} [{bar:30}] {rows} rows  {rate}/s  {eta} left",
            (None, _) => "{step:>10} {spinner} {rows} rows  {rate}/s",
        };
        let (rows, rows_of_rate) = (Arc::clone(&self.rows), Arc::clone(&self.rows));
        let style = ProgressStyle::with_template(template)
            .expect("the templates above are valid")
            .progress_chars("=> ")
            .with_key("step", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
                let _ = text.write_str(step.as_str());
            })
            .with_key("rows", move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
                let _ = text.write_str(&short(rows.load(Ordering::Relaxed)));
            })
            .with_key("rate", move |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                let seconds = state.elapsed().as_secs_f64().max(0.001);
                let rate = rows_of_rate.load(Ordering::Relaxed) as f64 / seconds;
                let _ = text.write_str(&short(rate as u64));
            });
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let bar = bars.add(bar.with_style(style));
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

impl Observer for Progress {
    fn step_started(&self, step: Step, total: Option<u64>) {
        self.rows.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        let bar = match &self.shown {
            Shown::Bars(bars) => Some(self.bar(bars, step, total)),
            Shown::Lines => {
                tracing::info!(step = step.as_str(), total, "step started");
                None
            }
            Shown::Nothing => None,
        };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Running { step, since: Instant::now(), bar });
    }

    fn advanced(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if let Shown::Bars(_) = self.shown
            && let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && let Some(bar) = &running.bar
        {
            bar.inc(if running.step == Step::Read { bytes } else { rows });
        }
    }

    fn step_finished(&self, step: Step) {
        let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        if let Some(bar) = running.bar {
            bar.finish_and_clear();
        }
        let (rows, bytes) = (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        let seconds = running.since.elapsed().as_secs_f64();
        if let Shown::Lines = self.shown {
            tracing::info!(step = step.as_str(), rows, bytes, seconds, "step finished");
        } else if self.tells_steps {
            let rows = if rows > 0 { format!("{} rows in ", grouped(rows)) } else { String::new() };
            tracing::info!("{}: {rows}{}", step.as_str(), duration(seconds));
        }
    }
}

/// A spinner with the time that has passed, for a command that can't know how much work is left. Shown on a terminal
/// only, and removed when dropped.
pub struct Busy {
    bar: Option<ProgressBar>,
}

impl Busy {
    /// Starts the spinner of the command `name`.
    pub fn new(log: &Log, name: &'static str) -> Self {
        let is_shown = log.format == LogFormat::Text && !log.quiet && std::io::stderr().is_terminal();
        let bar = is_shown.then(|| {
            let style = ProgressStyle::with_template("{msg:>10} {spinner} {elapsed}");
            let bar = ProgressBar::new_spinner().with_style(style.expect("the template is valid"));
            let bar = log.bars.add(bar.with_message(name));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// `1234567` as `1.2M`: at most six characters, so that a line of progress fits 80 columns.
fn short(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..1_000_000 => format!("{:.1}k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn rows_in_a_line_of_progress_take_six_characters() {
        for (number, text) in
            [(0, "0"), (9_999, "9999"), (999_949, "999.9k"), (1_234_567, "1.2M"), (100_000_000, "100.0M")]
        {
            assert_eq!(short(number), text);
        }
        assert!((0..63).all(|power| short(1 << power).len() <= 6 || power > 39));
    }
}
