//! The targets of type `postgres`.

use crate::TargetType;
use crate::target_keys::TargetValue::{Number, Secret, Text, Word};
use crate::target_keys::{TargetKey, key};

/// The targets of type `postgres`.
pub(crate) static TARGET: TargetType = TargetType {
    title: "PostgreSQL",
    keys: KEYS,
    needed: &["schema", "host", "user", "dbname"],
    schema: &["schema"],
    database: &[],
    feature: "postgres",
};

/// The keys of such a target, but for the common ones.
pub(crate) const KEYS: &[TargetKey] = &[
    key("host", Text, "host = \"127.0.0.1\"", "The server."),
    key("port", Number, "port = 5432", "Its port. Default: 5432, for Redshift 5439."),
    key("user", Text, "user = \"analyst\"", "Who connects."),
    key(
        "password",
        Secret,
        "password = \"{{ env_var('WAREHOUSE_PASSWORD') }}\"",
        "The password. Default: that of the environment's `PGPASSWORD`.",
    ),
    key("dbname", Text, "dbname = \"warehouse\"", "The database."),
    key(
        "sslmode",
        Word(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]),
        "sslmode = \"verify-full\"",
        "How TLS is used, in libpq's words: `disable`, `allow`, `prefer` (default), `require`, `verify-ca`, `verify-full` \
         (default with `sslrootcert = \"system\"`).",
    ),
    key(
        "sslrootcert",
        Text,
        "sslrootcert = \"root.crt\"",
        "The authorities to trust in every mode that uses TLS, a PEM file; or `system`, those of the machine, with `verify-full` \
         alone. Default: `~/.postgresql/root.crt` if it exists.",
    ),
    key("sslcert", Text, "sslcert = \"client.crt\"", "A certificate of your own, a PEM file."),
    key("sslkey", Text, "sslkey = \"client.key\"", "That certificate's key, a PEM file."),
    key("role", Text, "role = \"transformer\"", "The role to take on after connecting."),
    key(
        "search_path",
        Text,
        "search_path = \"analytics\"",
        "Schemas to look in after `pg_catalog`, with commas between, for functions in your own SQL. Whoever can create functions \
         there can run code as `user`. Default: none.",
    ),
    key(
        "keepalives_idle",
        Number,
        "keepalives_idle = 60",
        "Seconds of silence after which a connection is tested. Default: the system's.",
    ),
];
