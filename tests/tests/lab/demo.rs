//! `lab demo`: a cluster from one file with real kubelets, a node that says why it cannot join and then does, and nothing left.
//! The demonstration itself judges how its commands end and that its nodes become Ready.

use std::process::Command;

use lab::{image, setup};

use super::layout;

#[test]
fn a_cluster_is_applied_mended_and_deleted_with_real_nodes() {
    let Some((cache, layout)) = layout("demo") else {
        return;
    };
    setup::all(&cache).unwrap();
    let output = Command::new(image::program("lab").unwrap())
        .args(["--name", layout.name(), "demo"])
        .output()
        .unwrap();
    let (data, told) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    println!("{data}\n{told}");
    assert!(output.status.success());
    let [joined, refused, mended] = tables(&data)[..] else {
        panic!("three times `nodectl status`")
    };
    assert_eq!(words(joined), ["Ready", "Ready"]);
    assert_eq!(words(refused), ["Ready", "Ready", "NotJoined"]);
    assert!(refused.contains("join.unauthorized"));
    assert_eq!(words(mended), ["Ready", "Ready", "Ready"]);
    for said in [
        "27 created in ",
        "0 of 1 nodes are Ready; i-",
        "is NotJoined: join.unauthorized",
        "hint: i-",
        "created access-entry/node-spare",
        "27 deleted in ",
        "looked again: nothing that nodectl made for `demo` is left",
    ] {
        assert!(told.contains(said), "{said}");
    }
    // What AWS makes on its own goes with what it was made for.
    assert!(!data.contains("not touched") && !told.contains("not touched"));
}

/// What `nodectl status` printed, each time.
fn tables(data: &str) -> Vec<&str> {
    let parts = data.split("NAME  ").skip(1);
    parts
        .map(|part| {
            part.split_once("\ncluster ")
                .map_or(part, |(table, _)| table)
        })
        .collect()
}

/// The state of each row.
fn words(table: &str) -> Vec<&str> {
    let rows = table.lines().skip(1);
    rows.filter_map(|row| row.split_whitespace().nth(3))
        .collect()
}
