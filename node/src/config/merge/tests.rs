use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A tree of JSON; each value stands on the line of its depth in document `document`.
fn node(json: &Json, document: usize) -> Node {
    let mut node = super::super::yaml::parse(&json.to_string(), document)
        .unwrap()
        .root;
    if matches!(node.value, Value::Null) {
        node.value = Value::Map(Vec::new());
    }
    node
}

fn trees(documents: &[Json]) -> Vec<Node> {
    documents
        .iter()
        .enumerate()
        .map(|(index, json)| node(json, index))
        .collect()
}

fn merged(documents: &[Json]) -> NodeConfig {
    node_config(&merge(&trees(documents)).unwrap()).unwrap()
}

#[test]
fn a_later_source_wins_and_an_empty_value_does_not() {
    let config = merged(&[
        json!({"spec": {"cluster": {"name": "a", "cidr": "10.100.0.0/16", "enableOutpost": true}, "featureGates": {"X": true}}}),
        json!({"spec": {"cluster": {"name": "b", "cidr": "", "enableOutpost": false}, "featureGates": {"X": false}}}),
    ]);
    assert_eq!(config.spec.cluster.name, "b");
    assert_eq!(config.spec.cluster.cidr, "10.100.0.0/16");
    assert_eq!(config.spec.cluster.enable_outpost, Some(false));
    assert_eq!(config.spec.feature_gates.get("X"), Some(&false));
}

#[test]
fn environment_merges_by_service_and_variable() {
    let config = merged(&[
        json!({"spec": {"instance": {"environment": {"default": {"A": "1", "B": "1"}}}}}),
        json!({"spec": {"instance": {"environment": {"default": {"B": "2"}, "kubelet": {"C": "3"}}}}}),
    ]);
    assert_eq!(
        serde_json::to_value(config.spec.instance.environment).unwrap(),
        json!({"default": {"A": "1", "B": "2"}, "kubelet": {"C": "3"}})
    );
}

#[test]
fn an_empty_list_that_overrides_nothing_is_kept() {
    let config = merged(&[
        json!({"spec": {"kubelet": {"config": {"enforceNodeAllocatable": [], "x": null}}}}),
    ]);
    assert_eq!(
        config.spec.kubelet.config.get("enforceNodeAllocatable"),
        Some(&json!([]))
    );
}

#[test]
fn false_and_zero_override_in_the_kubelets_configuration() {
    let config = merged(&[
        json!({"spec": {"kubelet": {"config": {"a": true, "b": {"c": 5, "d": 1}}}}}),
        json!({"spec": {"kubelet": {"config": {"a": false, "b": {"c": 0}}}}}),
    ]);
    assert_eq!(
        Json::Object(config.spec.kubelet.config),
        json!({"a": false, "b": {"c": 0, "d": 1}})
    );
}

#[test]
fn an_empty_value_overrides_at_a_key_of_a_map_unless_it_is_a_map() {
    let earlier = json!({"text": "a", "list": [1], "gone": 1, "map": {"a": 1}, "scalar": {"a": 1}});
    let later = json!({"text": "", "list": [], "gone": null, "map": {}, "scalar": ""});
    let expected = json!({"text": "", "list": [], "gone": null, "map": {"a": 1}, "scalar": ""});
    let config = merged(&[
        json!({"spec": {"kubelet": {"config": earlier}, "containerd": {"baseRuntimeSpec": {"below": earlier}}}}),
        json!({"spec": {"kubelet": {"config": later}, "containerd": {"baseRuntimeSpec": {"below": later}}}}),
    ]);
    assert_eq!(Json::Object(config.spec.kubelet.config), expected);
    assert_eq!(
        Json::Object(config.spec.containerd.base_runtime_spec),
        json!({"below": expected})
    );
    let config = merged(&[
        json!({"spec": {"instance": {"environment": {"default": {"A": "1", "B": "1"}}}}}),
        json!({"spec": {"instance": {"environment": {"default": {"A": ""}}}}}),
    ]);
    assert_eq!(
        serde_json::to_value(config.spec.instance.environment).unwrap(),
        json!({"default": {"A": "", "B": "1"}})
    );
}

#[test]
fn an_empty_field_overrides_nothing() {
    let spec = json!({
        "cluster": {"name": "a"},
        "instance": {"network": {"nameservers": ["10.0.0.2"]}, "localStorage": {"strategy": "RAID0"}},
        "kubelet": {"flags": ["--v=2"], "maxPodsExpression": "5", "config": {"a": 1}},
        "containerd": {"config": "a = 1"},
    });
    let empty = json!({
        "cluster": {"name": ""},
        "instance": {"network": {"nameservers": []}, "localStorage": {"strategy": ""}},
        "kubelet": {"flags": [], "maxPodsExpression": "", "config": {}},
        "containerd": {"config": ""},
    });
    let alone = merged(&[json!({"spec": spec})]);
    assert_eq!(
        merged(&[json!({"spec": spec}), json!({"spec": empty})]),
        alone
    );
}

#[test]
fn flags_are_appended_and_other_lists_replaced() {
    let config = merged(&[
        json!({"spec": {"kubelet": {"flags": ["--a"]}, "instance": {"network": {"domains": ["x", "y"]}}}}),
        json!({"spec": {"kubelet": {"flags": ["--b"]}, "instance": {"network": {"domains": ["z"]}}}}),
    ]);
    assert_eq!(config.spec.kubelet.flags, ["--a", "--b"]);
    assert_eq!(config.spec.instance.network.domains, ["z"]);
}

#[test]
fn every_value_keeps_the_place_that_it_came_from() {
    let tree = merge(&trees(&[
        json!({"spec": {"cluster": {"name": "a", "cidr": "c"}, "kubelet": {"flags": ["--a"]}}}),
        json!({"spec": {"cluster": {"name": "b"}, "kubelet": {"flags": ["--b"]}}}),
    ]))
    .unwrap();
    let document = |path: &[&str]| tree.at(path).unwrap().place.document;
    assert_eq!(document(&["spec", "cluster", "name"]), 1);
    assert_eq!(document(&["spec", "cluster", "cidr"]), 0);
    assert_eq!(document(&["spec", "kubelet", "flags", "[0]"]), 0);
    assert_eq!(document(&["spec", "kubelet", "flags", "[1]"]), 1);
}

#[test]
fn containerd_toml_merges_by_table() {
    let config = merged(&[
        json!({"spec": {"containerd": {"config": "[plugins.a]\nx = 1\ny = 2\n"}}}),
        json!({"spec": {"containerd": {"config": "[plugins.a]\ny = 3\n[plugins.b]\nz = 4\n"}}}),
    ]);
    let table = parse_toml(&config.spec.containerd.config).unwrap();
    assert_eq!(
        table,
        parse_toml("[plugins.a]\nx = 1\ny = 3\n[plugins.b]\nz = 4\n").unwrap()
    );
}

#[test]
fn bad_toml_is_named_without_its_text() {
    let conflict = merge(&trees(&[
        json!({"spec": {"containerd": {"config": "a = 1"}}}),
        json!({"spec": {"containerd": {"config": "secret"}}}),
    ]))
    .unwrap_err();
    assert_eq!(conflict.place.document, 1);
    let text = conflict.source.to_string();
    assert!(
        text.starts_with("`spec.containerd.config` is not TOML: "),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
}

/// What a document holds, whatever its places are.
fn content(node: &Node) -> Json {
    node.to_json()
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Json::from),
        (0_i64..3).prop_map(Json::from),
        "[a-c]{0,2}".prop_map(Json::from),
        prop::collection::vec("[a-c]".prop_map(Json::from), 0..3).prop_map(Json::from)
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..3)
            .prop_map(|map| Json::Object(map.into_iter().collect()))
    })
}

fn document() -> impl Strategy<Value = Node> {
    prop::collection::btree_map("[a-c]", tree(), 0..4)
        .prop_map(|map| node(&Json::Object(map.into_iter().collect()), 0))
}

/// Tables in which `x` and `y` are tables and `a`, `b` and `c` are not, as in any one format.
fn table() -> impl Strategy<Value = toml::Table> {
    let leaf = || {
        prop_oneof![
            any::<bool>().prop_map(toml::Value::from),
            (0_i64..3).prop_map(toml::Value::from),
            "[a-c]{0,2}".prop_map(toml::Value::from)
        ]
    };
    let leaves = move || {
        prop::collection::btree_map("[a-c]", leaf(), 0..3)
            .prop_map(|map| map.into_iter().collect::<toml::Table>())
    };
    leaves().prop_recursive(3, 12, 2, move |inner| {
        (leaves(), prop::collection::btree_map("[x-y]", inner, 0..3)).prop_map(
            |(mut table, tables)| {
                table.extend(
                    tables
                        .into_iter()
                        .map(|(key, inner)| (key, toml::Value::Table(inner))),
                );
                table
            },
        )
    })
}

fn over(base: &toml::Table, over: &toml::Table) -> toml::Table {
    let mut merged = base.clone();
    merge_toml(&mut merged, over.clone());
    merged
}

proptest! {
    #[test]
    fn merging_a_source_twice_changes_nothing(one in document()) {
        let once = merge([&one]).unwrap();
        let twice = merge([&one, &one]).unwrap();
        prop_assert_eq!(content(&once), content(&twice));
    }

    #[test]
    fn free_form_settings_merge_as_json_does(one in tree(), other in tree()) {
        let wrap = |value: &Json| json!({"spec": {"kubelet": {"config": {"x": value}}}});
        let mut expected = wrap(&one).as_object().unwrap().clone();
        merge_json(&mut expected, wrap(&other).as_object().unwrap());
        let found = merge(&trees(&[wrap(&one), wrap(&other)])).unwrap();
        prop_assert_eq!(content(&found), Json::Object(expected));
    }

    #[test]
    fn a_single_source_stays_as_it_is(one in document()) {
        prop_assert_eq!(content(&merge([&one]).unwrap()), content(&one));
    }

    #[test]
    fn an_empty_source_changes_nothing(one in document()) {
        let empty = node(&json!({}), 1);
        let alone = content(&merge([&one]).unwrap());
        prop_assert_eq!(content(&merge([&empty, &one]).unwrap()), alone.clone());
        prop_assert_eq!(content(&merge([&one, &empty]).unwrap()), alone);
    }

    #[test]
    fn sources_of_different_keys_merge_in_any_order(one in tree(), other in tree()) {
        let one = node(&json!({"x": one}), 0);
        let other = node(&json!({"y": other}), 1);
        prop_assert_eq!(
            content(&merge([&one, &other]).unwrap()),
            content(&merge([&other, &one]).unwrap())
        );
    }

    #[test]
    fn the_last_source_wins_wherever_it_says_something(name in "[a-z]{1,3}", earlier in "[a-z]{0,3}") {
        let wrap = |name: &str| json!({"spec": {"cluster": {"name": name}}});
        prop_assert_eq!(merged(&[wrap(&earlier), wrap(&name)]).spec.cluster.name, name);
    }

    #[test]
    fn toml_merges_are_idempotent_and_associative(a in table(), b in table(), c in table()) {
        prop_assert_eq!(over(&a, &a), a.clone());
        prop_assert_eq!(over(&over(&a, &b), &b), over(&a, &b));
        prop_assert_eq!(over(&over(&a, &b), &c), over(&a, &over(&b, &c)));
    }

    #[test]
    fn toml_that_was_merged_still_parses(a in table(), b in table()) {
        let merged = over(&a, &b);
        prop_assert_eq!(parse_toml(&merged.to_string()).unwrap(), merged);
    }
}
