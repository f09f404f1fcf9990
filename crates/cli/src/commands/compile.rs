//! `tracklet compile`

use crate::arguments::CompileArguments;
use crate::failure::{Failure, Outcome};
use crate::status::Status;
use std::fmt;
use std::io::Write as _;
use tracklet_config::Config;
use tracklet_display::error::Hint;
use tracklet_warehouse::compile;
use tracklet_warehouse::sql::Dialect;
use tracklet_warehouse::targets::Target;

pub fn compile(arguments: &CompileArguments) -> Outcome {
    let choice = &arguments.target;
    let config = Config::load_or_default(choice.config.as_deref())?;
    let target = match &arguments.dialect {
        Some(name) => {
            Target::of_dialect(Dialect::from_name(name).ok_or_else(|| Failure::new(NoDialect(name.clone())))?)
        }
        None => Target::resolve(&config, choice.target.as_deref(), choice.profiles_dir.as_deref())?,
    };
    let selection = &arguments.selection;
    let sql = match &arguments.model {
        Some(model) => compile::one(&target, &config, model)?,
        None if arguments.increment => compile::increment(&target, &config)?,
        None => compile::whole(&target, &config, &selection.select, &selection.exclude)?,
    };
    std::io::stdout().lock().write_all(sql.as_bytes())?;
    Ok(Status::Done)
}

/// No SQL of that name.
#[derive(Debug)]
struct NoDialect(String);

impl fmt::Display for NoDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no dialect `{}`", self.0)
    }
}

impl std::error::Error for NoDialect {}

impl Hint for NoDialect {
    fn hint(&self) -> Option<String> {
        Some(format!("it can be {}", Dialect::ALL.map(Dialect::name).join(", ")))
    }
}
