//! What the commands about warehouses share: the target, the connection, and the lines about what happens.

use crate::arguments::LogFormat;
use crate::arguments::{Selection, TargetChoice};
use crate::failure::Failure;
use crate::logging::Log;
use std::path::{Path, PathBuf};
use tracklet_config::Config;
use tracklet_display::numbers::{grouped, size};
use tracklet_native::pipeline::Refresh;
use tracklet_warehouse::progress::{Made, Progress};
use tracklet_warehouse::targets::{Kind, Target, Warehouse};
use tracklet_warehouse::testing::{CheckResult, Severity};
use tracklet_warehouse::{Job, Stop, stoppable};

/// Where the SQL of a run is written to.
const COMPILED: &str = "target/compiled";

/// A warehouse to work on.
pub struct ChosenTarget {
    pub config: Config,
    pub target: Target,
    /// Whether a run may take the new rows alone.
    pub refresh: Refresh,
    /// Whether such a run compares source and tables first.
    pub audit: bool,
    runtime: Client,
    stop: Stop,
}

/// The runtime that clients live in. It does not wait for what a server never answers.
struct Client(Option<tokio::runtime::Runtime>);

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::ops::Deref for Client {
    type Target = tokio::runtime::Runtime;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref().expect("it is taken when it is dropped")
    }
}

impl ChosenTarget {
    /// The target that was asked for, or the only one.
    pub fn new(
        name: Option<&str>,
        config: Option<&Path>,
        profiles_dir: Option<&Path>,
    ) -> Result<Self, Failure> {
        Self::of_config(Config::load_or_default(config)?, name, profiles_dir)
    }

    /// The target of a configuration that was asked for, or its only one.
    pub fn of_config(
        config: Config,
        name: Option<&str>,
        profiles_dir: Option<&Path>,
    ) -> Result<Self, Failure> {
        let target = Target::resolve(&config, name, profiles_dir)?;
        for sentence in config.advice() {
            tracing::warn!("{sentence}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let runtime = Client(Some(runtime));
        Ok(Self { config, target, refresh: Refresh::default(), audit: false, runtime, stop: Stop::default() })
    }

    pub fn of(choice: &TargetChoice) -> Result<Self, Failure> {
        Self::new(choice.target.as_deref(), choice.config.as_deref(), choice.profiles_dir.as_deref())
    }

    /// The runtime that clients live in.
    #[cfg(feature = "analysis")]
    pub fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    /// Connects.
    pub fn connect(&self) -> Result<Box<dyn Warehouse>, tracklet_warehouse::targets::TargetError> {
        self.runtime.block_on(self.target.connect())
    }

    /// Does a piece of work; the first Ctrl-C ends it tidily, the second at once.
    pub fn work<T>(
        &self,
        warehouse: &dyn Warehouse,
        selection: Option<&Selection>,
        work: impl AsyncFnOnce(&Job<'_>) -> T,
    ) -> Result<T, Failure> {
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, self.stop.flag())?;
            signal_hook::flag::register(signal, self.stop.flag())?;
        }
        let compiled = PathBuf::from(COMPILED);
        let job = Job {
            config: &self.config,
            target: &self.target,
            warehouse,
            select: selection.map_or(&[], |selection| &selection.select),
            exclude: selection.map_or(&[], |selection| &selection.exclude),
            refresh: self.refresh,
            audit: self.audit,
            compiled: &compiled,
            stop: &self.stop,
        };
        Ok(self.runtime.block_on(stoppable(&job, work(&job))))
    }
}

/// A line on stderr for each model and failed test.
pub struct WarehouseLines<'a>(pub &'a Log);

impl WarehouseLines<'_> {
    /// Writes a line for people, unless they want none.
    pub fn say(&self, line: &str) {
        self.0.say(line);
    }
}

impl Progress for WarehouseLines<'_> {
    fn started(&self, model: &'static str) {
        tracing::debug!("making {model}");
    }

    fn made(&self, made: &Made) {
        let kind = match made.kind {
            Kind::Table => "table",
            Kind::View => "view",
        };
        if self.0.format == LogFormat::Json {
            tracing::info!(
                model = made.model,
                kind,
                rows = made.rows,
                bytes = made.bytes,
                seconds = made.seconds,
                "model made"
            );
        }
        let rows = made.rows.map_or(String::new(), |rows| format!("{} rows", grouped(rows)));
        let bytes = made.bytes.map_or(String::new(), |bytes| format!("  {} scanned", size(bytes)));
        let note = if made.is_staging { "  (for this run)" } else { "" };
        let line = format!("{:<26} {kind:<5} {rows:>18} {:>9.2} s{bytes}{note}", made.model, made.seconds);
        self.say(&line);
    }

    fn checked(&self, result: &CheckResult) {
        match (&result.failures, result.severity) {
            (Ok(0), _) => tracing::debug!("passed: {}", result.name),
            (Ok(failures), severity) => {
                let word = if severity == Severity::Warn { "WARNING" } else { "FAILED " };
                self.say(&format!("{word} {}: {} rows", result.name, grouped(*failures)));
                for line in result.shown.lines() {
                    self.say(&format!("        {line}"));
                }
                if let Some(file) = &result.stored {
                    self.say(&format!("        kept in {}", file.display()));
                }
            }
            (Err(error), _) => {
                self.say(&format!("FAILED  {}: {error}", result.name));
                let mut next = std::error::Error::source(error);
                while let Some(cause) = next {
                    self.say(&format!("        caused by: {cause}"));
                    next = cause.source();
                }
            }
        }
        if self.0.format == LogFormat::Json {
            tracing::info!(
                test = result.name,
                passed = result.passed(),
                failures = result.failures.as_ref().ok(),
                seconds = result.seconds,
                "data test"
            );
        }
    }
}
