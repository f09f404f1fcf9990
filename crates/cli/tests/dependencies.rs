//! Which crates the program is built from: the first build must stay short.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates that `package` needs to be built, by name.
fn needed(package: &str, features: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "-p", package, "-e", "normal,build", "--features", features])
        .args(["--prefix", "none", "-f", "{p}"])
        .current_dir(std::env::var("CARGO_MANIFEST_DIR").unwrap())
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("UTF-8");
    tree.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect()
}

#[test]
fn a_run_on_files_is_built_without_an_sql_engine_and_without_a_network() {
    let needed = needed("tracklet", "");
    assert!(needed.contains("tracklet-native"), "{needed:?}");
    let heavy: Vec<&String> = needed
        .iter()
        .filter(|name| {
            name.starts_with("datafusion")
                || name.starts_with("google-cloud-bigquery")
                || [
                    "sqlparser",
                    "snowflake-connector-rs",
                    "spark-connect",
                    "tokio-postgres",
                    "tracklet-analysis",
                    "reqwest",
                    "rustls",
                ]
                .contains(&name.as_str())
        })
        .collect();
    assert!(heavy.is_empty(), "{heavy:?}");
}

#[test]
fn the_published_features_have_the_sql_engine_and_the_clients() {
    let needed = needed("tracklet", "full");
    for name in [
        "datafusion",
        "tracklet-analysis",
        "google-cloud-bigquery-v2",
        "reqwest",
        "snowflake-connector-rs",
        "tokio-postgres",
    ] {
        assert!(needed.contains(name), "{name} is missing");
    }
}

#[test]
fn arrows_between_the_crates_point_down() {
    /// The crates by level: none needs another of its own level, or of one above.
    const LEVELS: [&[&str]; 5] = [
        &["tracklet-kernel", "tracklet-display", "tracklet-dialects"],
        &["tracklet-config"],
        &["tracklet-native", "tracklet-warehouse"],
        &["tracklet-analysis"],
        &["tracklet"],
    ];
    for (level, crates) in LEVELS.iter().enumerate() {
        for package in *crates {
            let needed = needed(package, "");
            let others = LEVELS[level..].iter().copied().flatten().filter(|other| *other != package);
            for other in others {
                assert!(!needed.contains(*other), "{package} needs {other}");
            }
        }
    }
}
