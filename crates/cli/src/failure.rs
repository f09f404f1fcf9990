//! What stops a command, and how it is reported.

use crate::arguments::LogFormat;
use crate::logging::Log;
use crate::status::Status;
use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use tracklet_display::error::Hint;
use tracklet_display::print::{PrintError, Unprinted};
use tracklet_display::visible::visible_lines;
use tracklet_native::pipeline::RunError;
use tracklet_warehouse::WarehouseError;

/// What stops a command.
#[derive(Debug)]
pub enum Failure {
    /// Whoever read the answer has read enough: no failure to the user.
    ReaderGone,
    /// An error to be reported.
    Error(Box<dyn Hint>),
    /// Invariants that fail: the tables were made and not published.
    NotPublished(Box<dyn Hint>),
}

/// What a command returns.
pub type Outcome = Result<Status, Failure>;

impl Failure {
    pub fn new(error: impl Hint + 'static) -> Self {
        Self::Error(Box::new(error))
    }

    /// Tells the user and says how the program ends.
    pub fn report(&self, log: &Log) -> Status {
        let (error, status) = match self {
            Self::ReaderGone => return Status::Done,
            Self::Error(error) => (error, Status::CouldNotRun),
            Self::NotPublished(error) => (error, Status::NotPublished),
        };
        match log.format {
            LogFormat::Json => {
                let causes = causes(error.as_ref());
                let cause = (!causes.is_empty()).then(|| causes.join(": "));
                tracing::error!(cause, hint = error.hint(), "{error}");
            }
            LogFormat::Text => {
                let style = anstyle::AnsiColor::Red.on_default().bold();
                let text = render(error.as_ref(), error.hint().as_deref());
                let text = text.strip_prefix("error:").unwrap_or(&text);
                // Nothing is left to be done when stderr is gone too.
                let _ = write!(anstream::stderr(), "{style}error:{style:#}{text}");
            }
        }
        status
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Invariants { .. } => Self::NotPublished(Box::new(error)),
            other => Self::new(other),
        }
    }
}

impl<E: Hint + Send + Sync + 'static> From<PrintError<E>> for Failure {
    fn from(error: PrintError<E>) -> Self {
        match error {
            PrintError::Print(error) => error.into(),
            PrintError::Rows(error) => Self::new(error),
        }
    }
}

impl From<Unprinted> for Failure {
    fn from(error: Unprinted) -> Self {
        match error {
            Unprinted::Write(error) => error.into(),
            Unprinted::Value(_) => Self::new(error),
        }
    }
}

/// For writing to stdout alone: other input and output has errors that name the file.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::new(Unprinted::Write(error))
        }
    }
}

macro_rules! failures_of {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error)
            }
        })+
    };
}

failures_of!(
    tracklet_config::ConfigError,
    tracklet_native::publish::PublishError,
    tracklet_native::results::ResultsError,
    tracklet_warehouse::targets::ResolveError,
    tracklet_warehouse::targets::TargetError,
);

impl From<WarehouseError> for Failure {
    fn from(error: WarehouseError) -> Self {
        match error {
            WarehouseError::Contradictions { .. } => Self::NotPublished(Box::new(error)),
            other => Self::new(other),
        }
    }
}

/// The causes of an error, nearest first, without those that only repeat what was said.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut causes = Vec::new();
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.clone_from(&text);
            causes.push(text);
        }
        next = cause.source();
    }
    causes
}

fn render(error: &(dyn Error + 'static), hint: Option<&str>) -> String {
    let mut text = visible_lines(&format!("error: {error}\n")).into_owned();
    for cause in causes(error) {
        let _ = writeln!(text, "  caused by: {}", visible_lines(cause.trim_end()).replace('\n', "\n    "));
    }
    if let Some(hint) = hint {
        let _ = write!(text, "\n{}", visible_lines(&format!("hint: {hint}\n")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::render;
    use std::error::Error;
    use std::fmt;

    #[derive(Debug)]
    struct Nested(&'static str, Option<Box<Nested>>);

    impl fmt::Display for Nested {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Nested {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &dyn Error)
        }
    }

    #[test]
    fn causes_come_once_each_and_the_hint_stands_apart() {
        let deepest = Nested("no such file", None);
        let repeated = Nested("cannot open: no such file", Some(Box::new(deepest)));
        let error = Nested("`a.csv` has no header", Some(Box::new(repeated)));
        assert_eq!(
            render(&error, Some("look at it")),
            "error: `a.csv` has no header\n  caused by: cannot open: no such file\n\nhint: look at it\n"
        );
        assert_eq!(render(&Nested("plain", None), None), "error: plain\n");
    }
}
