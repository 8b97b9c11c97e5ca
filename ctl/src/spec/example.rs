//! The files in `examples/clusters`, as tests see them.

/// Name and text of each.
pub(super) const ALL: [(&str, &str); 4] = [
    (
        "existing-vpc.yaml",
        include_str!("../../../examples/clusters/existing-vpc.yaml"),
    ),
    (
        "new-vpc.yaml",
        include_str!("../../../examples/clusters/new-vpc.yaml"),
    ),
    (
        "self-managed.yaml",
        include_str!("../../../examples/clusters/self-managed.yaml"),
    ),
    (
        "pinned-ami.yaml",
        include_str!("../../../examples/clusters/pinned-ami.yaml"),
    ),
];

#[test]
fn every_example_is_right() {
    use node::config::{Document, excerpt};
    for (name, text) in ALL {
        let (cluster, problems) = super::checked(name, text, |_| super::Files::new());
        let document = Document {
            name: name.to_owned(),
            text: text.to_owned(),
        };
        let told: Vec<String> = problems
            .iter()
            .map(|problem| excerpt::render(problem, std::slice::from_ref(&document)))
            .collect();
        assert!(cluster.is_some(), "{}", told.join("\n"));
        // A t3.small has little room, and that is worth a word; nothing else is.
        let others: Vec<&String> = told
            .iter()
            .filter(|told| !told.contains("holds 11 pods"))
            .collect();
        assert!(others.is_empty(), "{others:#?}");
    }
}
