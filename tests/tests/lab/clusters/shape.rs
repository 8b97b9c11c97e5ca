//! The four clusters of `examples/clusters`: each is made, found as it should be, exported, and deleted to nothing.

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

/// What is exported of a cluster is a document whose plan is empty.
async fn an_export_of_it_changes_nothing(place: &Place, document: &str) {
    let plan = place.plan(document).await;
    let name = plan["cluster"].as_str().unwrap();
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
