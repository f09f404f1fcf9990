//! dbt's `profiles.yml`, and what both it and `tracklet.toml` may take from the environment.

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use tracklet_dialects::Dialect;
use tracklet_dialects::target_keys::{TargetValue, target_keys};
use tracklet_display::error::{Hint, listed, nearest};

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no file.
    #[error("there is no profiles.yml in {}", folders(searched))]
    NoFile {
        /// Where it was looked for.
        searched: Vec<PathBuf>,
    },
    /// The file can't be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not what dbt reads.
    #[error("`{}`: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
        /// What helps.
        hint: Option<String>,
    },
    /// A text can't be rendered. The text itself is not printed.
    #[error("the field `{field}` of the target `{target}`: {message}")]
    Field {
        /// The target.
        target: String,
        /// The field.
        field: String,
        /// Why.
        message: String,
    },
}

fn folders(searched: &[PathBuf]) -> String {
    listed(searched.iter().map(|path| path.to_str().unwrap_or("?")))
}

impl Hint for ProfileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoFile { .. } => Some(
                "write a section [targets.NAME] into tracklet.toml, or name the folder by --profiles-dir"
                    .to_owned(),
            ),
            Self::Wrong { hint, .. } => hint.clone(),
            Self::Field { field, message, .. } if message.contains("environment") => {
                Some(format!("set it, or give `{field}` a default: {{{{ env_var('NAME', 'default') }}}}"))
            }
            Self::Unreadable { .. } | Self::Field { .. } => None,
        }
    }
}

/// The file that dbt would take: in `named`, else `DBT_PROFILES_DIR`, the working folder or `~/.dbt`.
///
/// # Errors
/// [`ProfileError::NoFile`].
pub fn find(named: Option<&Path>) -> Result<PathBuf, ProfileError> {
    let from_environment = std::env::var_os("DBT_PROFILES_DIR").filter(|folder| !folder.is_empty());
    let folders: Vec<PathBuf> = match (named, from_environment) {
        (Some(folder), _) => vec![folder.to_owned()],
        (None, Some(folder)) => vec![PathBuf::from(folder)],
        (None, None) => {
            let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".dbt"));
            [PathBuf::from(".")].into_iter().chain(home).collect()
        }
    };
    let file = folders.iter().map(|folder| folder.join("profiles.yml")).find(|file| file.is_file());
    file.ok_or(ProfileError::NoFile { searched: folders })
}

/// The fields of a target in the file: `target`, or that which the profile names. Answers its name too.
///
/// # Errors
/// [`ProfileError`], each kind but the first.
pub fn read(
    path: &Path,
    profile: Option<&str>,
    target: Option<&str>,
) -> Result<(String, Map<String, Value>), ProfileError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ProfileError::Unreadable { path: path.to_owned(), source })?;
    let wrong =
        |message: String, hint: Option<String>| ProfileError::Wrong { path: path.to_owned(), message, hint };
    // The parser's message may show a line of the file, and with it a secret: the place must do.
    let profiles: Map<String, Value> = serde_saphyr::from_str(&text).map_err(|error| {
        let place = error.location().map(|place| format!(" at line {}", place.line()));
        wrong(format!("this is not YAML with profiles{}", place.unwrap_or_default()), None)
    })?;
    let known: Vec<&str> = profiles.keys().map(String::as_str).filter(|name| *name != "config").collect();
    let has_target = |name: &&&str| {
        let outputs = profiles[**name].get("outputs").and_then(Value::as_object);
        outputs.is_some_and(|outputs| target.is_none_or(|target| outputs.contains_key(target)))
    };
    let having: Vec<&&str> = known.iter().filter(has_target).collect();
    let name = match (profile, having.as_slice()) {
        (Some(profile), _) => profile,
        (None, [only]) => **only,
        (None, []) => {
            let target = target.unwrap_or("any");
            let message = format!("no profile has the target `{target}`");
            return Err(wrong(message, Some(format!("its profiles are {}", listed(known.iter().copied())))));
        }
        (None, several) => {
            let message =
                format!("several profiles have that target: {}", listed(several.iter().map(|name| **name)));
            return Err(wrong(message, Some("name one: profile = \"NAME\" in tracklet.toml".to_owned())));
        }
    };
    let found = profiles.get(name).ok_or_else(|| {
        let near = nearest(name, known.iter().copied());
        let hint = near.map_or_else(
            || format!("its profiles are {}", listed(known.iter().copied())),
            |near| format!("did you mean `{near}`?"),
        );
        wrong(format!("there is no profile `{name}`"), Some(hint))
    })?;
    let default = match found.get("target").and_then(Value::as_str) {
        Some(template) => render(template, "target", "target")?,
        None => "default".to_owned(),
    };
    let target = target.unwrap_or(&default);
    let outputs = found.get("outputs").and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(fields) = outputs.get(target).and_then(Value::as_object) {
        return Ok((target.to_owned(), fields.clone()));
    }
    let known = outputs.keys().map(String::as_str);
    let hint = format!("its targets are {}", listed(known));
    Err(wrong(format!("the profile `{name}` has no target `{target}`"), Some(hint)))
}

/// Fills in what stands for the environment in all texts of a target.
///
/// # Errors
/// [`ProfileError::Field`].
pub fn filled(
    target: &str,
    dialect: Dialect,
    fields: &Map<String, Value>,
) -> Result<Map<String, Value>, ProfileError> {
    let mut all = Map::new();
    for (name, value) in fields {
        let known = target_keys(dialect).find(|key| key.name == name).map(|key| key.value);
        let mut value = fill(target, name, value)?;
        match (known, &value) {
            // Numbers from the environment are texts.
            (Some(TargetValue::Number), Value::String(text)) => {
                let number: u64 = text.trim().parse().map_err(|_| ProfileError::Field {
                    target: target.to_owned(),
                    field: name.clone(),
                    message: format!("`{text}` is no number"),
                })?;
                value = number.into();
            }
            // And YAML takes a password of digits for a number.
            (Some(TargetValue::Text | TargetValue::Word(_) | TargetValue::Secret), Value::Number(number)) => {
                value = number.to_string().into();
            }
            _ => {}
        }
        all.insert(name.clone(), value);
    }
    Ok(all)
}

fn fill(target: &str, field: &str, value: &Value) -> Result<Value, ProfileError> {
    Ok(match value {
        Value::String(text) => render(text, target, field)?.into(),
        Value::Array(items) => {
            items.iter().map(|item| fill(target, field, item)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Value::Object(entries) => {
            let filled = entries.iter().map(|(name, value)| Ok((name.clone(), fill(target, field, value)?)));
            Value::Object(filled.collect::<Result<_, ProfileError>>()?)
        }
        other => other.clone(),
    })
}

fn render(text: &str, target: &str, field: &str) -> Result<String, ProfileError> {
    if !text.contains("{{") && !text.contains("{%") {
        return Ok(text.to_owned());
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_function("env_var", |name: String, default: Option<String>| {
        std::env::var(&name).ok().or(default).ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("the environment has no variable {name}"))
        })
    });
    for plain in ["as_number", "as_text", "as_native", "as_bool"] {
        environment.add_filter(plain, |value: String| value);
    }
    environment.render_str(text, ()).map_err(|error| ProfileError::Field {
        target: target.to_owned(),
        field: field.to_owned(),
        // The detail can quote the template, in which a default could be a secret.
        message: match (error.kind(), error.detail()) {
            (ErrorKind::InvalidOperation, Some(detail)) => detail.to_owned(),
            (kind, _) => kind.to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{Dialect, filled, read, render};
    use serde_json::json;

    const FILE: &str = "config:\n  send_anonymous_usage_stats: false\nshop:\n  target: dev\n  outputs:\n    dev:\n      \
                        type: postgres\n      port: \"{{ env_var('NO_SUCH_PORT', '6543') | as_number }}\"\n      \
                        password: 1234\n    prod:\n      type: postgres\nother:\n  target: dev\n  outputs:\n    dev: {}\n";

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profiles.yml");
        std::fs::write(&path, FILE).unwrap();
        (folder, path)
    }

    #[test]
    fn the_profile_and_its_target_are_found() {
        let (_folder, path) = file();
        let (name, fields) = read(&path, Some("shop"), None).unwrap();
        assert_eq!(name, "dev");
        let fields = filled(&name, Dialect::Postgres, &fields).unwrap();
        assert_eq!(fields["port"], json!(6543));
        assert_eq!(fields["password"], json!("1234"));
        assert_eq!(read(&path, None, Some("prod")).unwrap().0, "prod");
    }

    #[test]
    fn what_does_not_exist_is_reported() {
        let (_folder, path) = file();
        let refusal_of = |profile, target| read(&path, profile, target).unwrap_err().to_string();
        assert!(refusal_of(Some("shopp"), None).ends_with("there is no profile `shopp`"));
        assert!(refusal_of(Some("shop"), Some("live")).ends_with("has no target `live`"));
        assert!(refusal_of(None, Some("dev")).contains("several profiles"));
    }

    #[test]
    fn a_missing_variable_is_named_and_nothing_of_the_text_is() {
        let text = "hunter2{{ env_var('NO_SUCH_VARIABLE') }}";
        let error = render(text, "pg", "password").unwrap_err().to_string();
        assert!(error.contains("the environment has no variable NO_SUCH_VARIABLE"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
