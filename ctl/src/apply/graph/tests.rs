use super::*;
use crate::resource::Kind;

fn address(name: &str) -> Address {
    Address::new(Kind::Subnet, name)
}

fn plan(changes: &[(&str, Action, &[&str])]) -> Plan {
    Plan {
        cluster: "prod".into(),
        region: String::new(),
        account: String::new(),
        made_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        fingerprint: String::new(),
        changes: changes
            .iter()
            .map(|(name, action, needs)| Change {
                address: address(name),
                action: *action,
                wanted: None,
                observed: None,
                fields: Vec::new(),
                needs: needs.iter().map(|name| address(name)).collect(),
                rolls_nodes: None,
            })
            .collect(),
        warnings: Vec::new(),
    }
}

/// The steps in an order in which they can be done, as `-a` for one that removes and `+a` for one that makes.
fn in_order(plan: &Plan) -> Vec<String> {
    let nodes = nodes(plan).unwrap();
    let name = |index: usize| {
        let sign = match nodes[index].half {
            Half::Remove => '-',
            Half::Make => '+',
        };
        format!("{sign}{}", plan.changes[nodes[index].change].address.name)
    };
    order(&nodes).into_iter().map(name).collect()
}

#[test]
fn a_thing_comes_after_what_it_needs() {
    let plan = plan(&[
        ("c", Action::Create, &["b", "kept", "unknown"]),
        ("b", Action::Change, &["a"]),
        ("a", Action::Wait, &[]),
        ("kept", Action::Keep, &[]),
    ]);
    assert_eq!(in_order(&plan), ["+a", "+b", "+c"]);
}

#[test]
fn a_thing_goes_after_what_needs_it() {
    let plan = plan(&[
        ("a", Action::Delete, &["b", "changed"]),
        ("b", Action::Delete, &["c"]),
        ("c", Action::Delete, &[]),
        ("changed", Action::Change, &[]),
    ]);
    assert_eq!(in_order(&plan), ["-c", "+changed", "-b", "-a"]);
}

#[test]
fn what_is_replaced_goes_backwards_and_comes_forwards() {
    let plan = plan(&[
        ("a", Action::Replace, &["gone"]),
        ("b", Action::Replace, &["a"]),
        ("changed", Action::Change, &["a"]),
        ("gone", Action::Delete, &[]),
    ]);
    assert_eq!(
        in_order(&plan),
        ["-b", "-gone", "-a", "+a", "+b", "+changed"]
    );
}

#[test]
fn things_that_need_each_other_are_named() {
    let plan = plan(&[
        ("a", Action::Create, &["b"]),
        ("b", Action::Create, &["a"]),
        ("c", Action::Create, &[]),
    ]);
    let cycle = nodes(&plan).unwrap_err();
    assert_eq!(cycle.addresses, [address("a"), address("b")]);
    assert_eq!(
        cycle.to_string(),
        "these need each other: subnet/a, subnet/b"
    );
}

#[test]
fn the_critical_path_is_the_chain_that_took_longest() {
    let plan = plan(&[
        ("a", Action::Create, &[]),
        ("b", Action::Create, &["a"]),
        ("c", Action::Create, &["a"]),
        ("d", Action::Create, &["b", "c"]),
        ("e", Action::Create, &["d"]),
    ]);
    let nodes = nodes(&plan).unwrap();
    let took = [1, 5, 7, 2].map(|seconds| Some(Duration::from_secs(seconds)));
    let took: Vec<_> = took.into_iter().chain([None]).collect();
    assert_eq!(critical_path(&nodes, &took), [0, 2, 3]);
    assert_eq!(critical_path(&nodes, &[None; 5]), [0; 0]);
}
