use super::*;

fn document(text: &str) -> Document {
    Document {
        name: "the user data".into(),
        text: text.into(),
    }
}

const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n";

fn warnings(text: &str) -> Vec<String> {
    let document = document(&format!("{HEAD}{text}"));
    let (source, problems) = decode(&document, 0).unwrap();
    assert!(matches!(source, Source::NodeConfig(_)));
    let documents = [document];
    problems
        .iter()
        .map(|problem| problem.told(&documents))
        .collect()
}

fn error(text: &str) -> String {
    decode(&document(text), 0).unwrap_err().to_string()
}

#[test]
fn an_unknown_field_is_named_with_its_nearest_neighbour() {
    assert_eq!(
        warnings("spec:\n  kubelet:\n    flag: []\n"),
        [
            "the user data, line 5, column 5: `spec.kubelet.flag` is not a field of NodeConfig and has no effect; did you mean `flags`?"
        ]
    );
    assert_eq!(
        warnings("spec:\n  clusters: {}\n"),
        [
            "the user data, line 4, column 3: `spec.clusters` is not a field of NodeConfig and has no effect; did you mean `cluster`?"
        ]
    );
    assert_eq!(
        warnings("spec:\n  xyz: 1\n"),
        [
            "the user data, line 4, column 3: `spec.xyz` is not a field of NodeConfig and has no effect"
        ]
    );
    assert_eq!(
        warnings("kubelet: {}\n"),
        [
            "the user data, line 3, column 1: `kubelet` is not a field of NodeConfig and has no effect; `spec.kubelet` is one, look at the indentation"
        ]
    );
}

#[test]
fn what_is_passed_through_may_hold_any_key() {
    let text = "metadata: {name: x, labels: {a: b}}\nspec:\n  kubelet: {config: {a: {b: c}}}\n  instance: {environment: {default: {A: b}}}\n  featureGates: {FastImagePull: true}\n";
    assert!(warnings(text).is_empty(), "{:?}", warnings(text));
}

#[test]
fn a_wrong_word_is_named_with_the_nearest_right_one() {
    assert_eq!(
        warnings(
            "spec:\n  instance: {localStorage: {strategy: RAID00, disabledMounts: [Containerd, podlog]}}\n  featureGates: {instanceIdNodeNames: true}\n"
        ),
        [
            "the user data, line 4, column 39: `spec.instance.localStorage.strategy` is none of `RAID0`, `RAID10`, `Mount`; did you mean `RAID0`?",
            "the user data, line 4, column 76: `spec.instance.localStorage.disabledMounts[1]` is none of `Containerd`, `PodLogs`, `SOCI`; did you mean `PodLogs`?",
            "the user data, line 5, column 18: `spec.featureGates.instanceIdNodeNames` is not a feature gate and has no effect; did you mean `InstanceIdNodeName`?"
        ]
    );
}

#[test]
fn a_wrong_header_is_named() {
    assert_eq!(
        error("apiVersion: node.eks.aws/v1alpha\nkind: NodeConfig\n"),
        "the user data, line 1, column 13: `apiVersion: node.eks.aws/v1alpha`, `kind: NodeConfig` is no configuration of a node; expected `apiVersion: node.eks.aws/v1alpha1`, `kind: NodeConfig`"
    );
    assert_eq!(
        error("apiVerson: node.eks.aws/v1alpha1\nkind: NodeConfig\n"),
        "the user data, line 1, column 1: `apiVerson` is not a field; field names are case-sensitive; did you mean `apiVersion`?"
    );
    assert_eq!(
        error("apiVersion: node.eks.aws/v1alpha1\nspec: {}\n"),
        "the user data: `kind` is missing; expected `apiVersion: node.eks.aws/v1alpha1`, `kind: NodeConfig`"
    );
    assert_eq!(
        error("apiVersion: nodectl.dev/v1\nkind: AgentConfig\n"),
        "the user data, line 1, column 13: `apiVersion: nodectl.dev/v1`, `kind: AgentConfig` is no configuration of a node; expected `apiVersion: nodectl.dev/v1alpha1`, `kind: AgentConfig`"
    );
    assert_eq!(
        error("hello\n"),
        "the user data, line 1, column 1: a string and no configuration of a node; expected `apiVersion: node.eks.aws/v1alpha1`, `kind: NodeConfig`"
    );
    assert!(error("").starts_with("the user data: an empty document and no configuration"));
}

#[test]
fn the_header_is_read_in_any_letter_case_and_nothing_else_is() {
    for (api_version, kind) in [
        ("APIVersion", "Kind"),
        ("ApiVersion", "kind"),
        ("apiVersion", "KIND"),
    ] {
        let text = format!(
            "{api_version}: node.eks.aws/v1alpha1\n{kind}: NodeConfig\nSpec: {{}}\nspec: {{cluster: {{name: a}}}}\n"
        );
        let document = document(&text);
        let (Source::NodeConfig(tree), problems) = decode(&document, 0).unwrap() else {
            panic!("not a NodeConfig")
        };
        assert_eq!(
            tree.at(&["spec", "cluster", "name"]).and_then(Node::text),
            Some("a")
        );
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let mut expected = Vec::new();
        for (written, right) in [(api_version, "apiVersion"), (kind, "kind")] {
            if written != right {
                expected.push(format!(
                    "`{written}` is read as `{right}`, but field names are case-sensitive; write `{right}`"
                ));
            }
        }
        expected.push(
            "`Spec` is not a field of NodeConfig and has no effect; did you mean `spec`?"
                .to_owned(),
        );
        assert_eq!(told, expected);
    }
}

#[test]
fn an_error_has_a_position_and_quotes_no_input() {
    assert_eq!(
        error(&format!(
            "{HEAD}spec:\n  kubelet:\n    flags: hunter2\n  instance: {{environment: {{default: {{A: 1}}}}}}\n"
        )),
        "the user data, line 5, column 12: `spec.kubelet.flags` is a string where a list of strings is expected; line 6, column 41: `spec.instance.environment.default.A` is an integer where a string is expected; put it in quotes"
    );
    let text = error("a: [hunter2\nb: 2");
    assert!(text.starts_with("the user data, line "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn null_is_as_if_the_field_were_not_there() {
    let text = format!(
        "{HEAD}spec:\n  cluster: ~\n  kubelet: {{flags: [null], maxPodsExpression: null}}\n  instance: {{environment: {{default: {{A: null}}}}}}\n"
    );
    let (source, _) = decode(&document(&text), 0).unwrap();
    let Source::NodeConfig(tree) = source else {
        panic!("not a NodeConfig")
    };
    assert_eq!(
        tree.get("spec").unwrap().to_json(),
        serde_json::json!({"kubelet": {"flags": [""]}, "instance": {"environment": {"default": {"A": ""}}}})
    );
}

#[test]
fn an_agent_config_refuses_what_it_does_not_know() {
    let text = "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec:\n  deadlines: {registered: 30s}\n";
    let (Source::AgentConfig(config, _), _) = decode(&document(text), 0).unwrap() else {
        panic!("not an AgentConfig")
    };
    assert_eq!(
        config.spec.deadlines.registered,
        Some(std::time::Duration::from_secs(30))
    );
    assert_eq!(
        error(&text.replace("registered", "registred")),
        "the user data, line 4, column 15: `spec.deadlines.registred` is not a field of AgentConfig; did you mean `registered`?"
    );
    assert_eq!(
        error(&text.replace("30s", "soon")),
        "the user data, line 4, column 27: `spec.deadlines.registered` is not a duration such as `90s` or `10m`"
    );
}
