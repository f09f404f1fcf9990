//! What helps who may not do something: the statement that allows it.

use tracklet_dialects::Dialect;

/// The statement for a message of the server, which names what it refused. `user` is who connects, or the role taken on.
///
/// Servers that speak another language than English say nothing that is understood here.
pub(super) fn hint(message: &str, user: &str, database: &str) -> Option<String> {
    let quoted = |name: &str| Dialect::Postgres.quoted(name);
    let user = quoted(user);
    if let Some((_, named)) = message.split_once("must be owner of ") {
        return Some(format!(
            "the tables must belong to {user}, or to a role that {user} is in: role = \"...\" in the target; {named} does not"
        ));
    }
    let (_, what) = message.split_once("permission denied for ")?;
    let (kind, name) = what.split_once(' ')?;
    let name = name.split(';').next().unwrap_or(name).trim();
    Some(match kind {
        "database" => format!(
            "grant create on database {} to {user}; or let its owner create the schema, and grant usage, create on it",
            quoted(database)
        ),
        "schema" => format!(
            "grant usage on schema {name} to {user}; for the schema of the tables: grant usage, create",
            name = quoted(name)
        ),
        "table" | "relation" | "view" => {
            format!("grant select on {} to {user}, with its schema before the name", quoted(name))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn the_grant_is_for_what_was_refused() {
        let hint_of = |message: &str| hint(message, "ann", "shop").unwrap();
        assert!(
            hint_of("permission denied for database shop")
                .starts_with("grant create on database \"shop\" to \"ann\"")
        );
        assert!(
            hint_of("permission denied for schema s").starts_with("grant usage on schema \"s\" to \"ann\"")
        );
        assert!(
            hint_of("permission denied for table tracks")
                .starts_with("grant select on \"tracks\" to \"ann\"")
        );
        assert!(hint_of("must be owner of table x").contains("belong to \"ann\""));
        assert_eq!(hint("droit refus\u{e9}", "ann", "shop"), None);
    }
}
