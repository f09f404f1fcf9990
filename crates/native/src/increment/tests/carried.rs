//! Columns that tracks carry, where they are not those of the base snapshot.

use super::histories::carried_columns;
use super::history::{DAY, World, assert_is_rebuilt, assert_same, file, small, track};
use tracklet_kernel::oracle::{OracleRow, Value};
use tracklet_kernel::registry::{CarriedSpec, CarriedType};
use tracklet_kernel::rules::Rules;

fn carrying(columns: &[CarriedSpec]) -> Rules {
    Rules { carried: columns.to_vec(), ..Rules::default() }
}

/// Tracks with a plan and a revenue, the first delivered twice.
fn rows(name: &str) -> Vec<OracleRow> {
    let row = |day: i64| OracleRow {
        carried: vec![Value::Text("pro".to_owned()), Value::Number(i128::from(day) * 1_500_000)],
        ..track(&format!("{name}{day}"), name, "", day * DAY)
    };
    (0..4).map(row).chain([row(0)]).collect()
}

// Tracks of the base snapshot had its columns, and new tracks had others.
#[test]
fn a_column_that_the_base_snapshot_does_not_have_is_null_in_its_rows() {
    let [plan, revenue] = carried_columns();
    let both = [plan.clone(), revenue.clone()];
    for (before, after, kept) in [
        (&both[..1], &both[..], [true, false]),
        (&both[..], &both[1..], [false, true]),
        (&both[..0], &both[..], [false, false]),
    ] {
        let mut world = World::new(carrying(before), small(1));
        let mut files = vec![file("a.json", rows("a"))];
        world.run(&files).unwrap();
        world.rules = carrying(after);
        files.push(file("b.json", rows("b")));
        let manifest = world.run(&files).unwrap().unwrap();
        assert!(manifest.checks.iter().all(|check| check.passed));

        // As if the first file had only what was kept of it.
        for row in &mut files[0].rows {
            for (value, _) in row.carried.iter_mut().zip(kept).filter(|(_, kept)| !kept) {
                *value = Value::Null;
            }
        }
        assert_same(&world.tables(), &world.rebuilt(&files).tables());
    }
}

#[test]
fn a_column_that_changes_its_type_is_read_as_the_new_one() {
    let mut world = World::new(carrying(&carried_columns()), small(1));
    let mut files = vec![file("a.json", rows("a"))];
    world.run(&files).unwrap();
    // The texts of the plan are no numbers.
    world.rules = carrying(&[CarriedSpec::new("plan", CarriedType::Number)]);
    files.push(file("b.json", rows("b")));
    let manifest = world.run(&files).unwrap().unwrap();
    assert_is_rebuilt(&world, &manifest, &files);
}
