//! The four clusters of `examples/clusters`: each is made, found as it should be, exported, and deleted to nothing.

use std::collections::BTreeMap;

use super::{Place, example, text, witness};

#[test]
fn the_four_shapes_are_made_found_again_and_deleted_to_nothing() {
    Place::with(async |place| {
        for shape in example::SHAPES {
            place.account.reset().await.unwrap();
            let document = example::document(place, shape).await;
            let before = witness::everything(place).await;
            let first = place.apply(&document).await;
            let made = witness::everything(place).await;
            println!("{shape}: {}", last_line(&first.stderr));
            assert_ne!(witness::counts(&before), witness::counts(&made));

            place.nothing_to_do(&document).await;
            let again = place.apply(&document).await;
            let said = text(&again.stderr);
            assert!(
                !said.contains("created") && !said.contains("changed"),
                "{said}"
            );
            assert_eq!(witness::everything(place).await, made);
            an_export_of_it_changes_nothing(place, &document).await;

            let deleted = place.delete(&document).await;
            assert!(
                text(&deleted.stderr).contains("looked again: nothing that nodectl made"),
                "{}",
                text(&deleted.stderr)
            );
            assert_eq!(witness::everything(place).await, before, "{shape}");
        }
    });
}

/// EKS is asked once for each thing of a cluster, and who scales a group asks about groups alone.
async fn nothing_is_asked_twice(place: &Place, cluster: &str) {
    let asked = async |code: i32, arguments: &[&str]| {
        let start = place.account.last_call();
        place.ends(code, arguments).await;
        let log = place.account.log().unwrap();
        let mut asked = BTreeMap::new();
        for call in log.into_iter().filter(|call| call.number > start) {
            *asked.entry(call.action).or_insert(0) += 1;
        }
        asked
    };
    let export = asked(0, &["export", cluster]).await;
    for action in ["DescribeCluster", "ListNodegroups", "ListAddons"] {
        assert_eq!(export.get(action), Some(&1), "{action} of {export:?}");
    }
    let scale = [
        "scale",
        "nodegroup",
        "nobody",
        "--to",
        "1",
        "--cluster",
        cluster,
    ];
    for action in asked(1, &scale).await.into_keys() {
        assert!(
            action.ends_with("Nodegroup")
                || action.ends_with("Groups")
                || action.ends_with("Nodegroups"),
            "{action}"
        );
    }
}

/// What is exported of a cluster is a document whose plan is empty.
async fn an_export_of_it_changes_nothing(place: &Place, document: &str) {
    let plan = place.plan(document).await;
    let name = plan["cluster"].as_str().unwrap();
    nothing_is_asked_twice(place, name).await;
    let exported = place.ends(0, &["export", name]).await;
    place.document("exported.yaml", &text(&exported.stdout));
    let output = place
        .run(&["plan", "--file", "exported.yaml", "--detailed-exitcode"])
        .await;
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}\n{}\n{}",
        text(&exported.stdout),
        text(&output.stdout),
        text(&output.stderr)
    );
}

fn last_line(bytes: &[u8]) -> String {
    let text = text(bytes);
    let mut lines = text.lines().filter(|line| line.contains(" created"));
    lines.next_back().unwrap_or_default().to_owned()
}
