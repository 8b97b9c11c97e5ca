use super::super::agent_config::{AgentConfigDocument, AgentConfigSpec};
use super::super::node_config::NodeConfig;
use super::super::yaml;
use super::*;
use crate::generated;

/// A value that fits a kind, with every field set.
fn sample(kind: &Kind) -> serde_json::Value {
    let object = |fields: &[Field]| {
        fields
            .iter()
            .map(|field| (field.name.to_owned(), sample(&field.kind)))
            .collect()
    };
    match kind {
        Kind::Text => "text".into(),
        Kind::Flag => true.into(),
        Kind::Count | Kind::Port => 3.into(),
        Kind::Duration => "90s".into(),
        Kind::Words(words) | Kind::WordsOrList(words, _) => words[0].into(),
        Kind::List(item) => vec![sample(item)].into(),
        Kind::Map(value) => serde_json::json!({"any": sample(value)}),
        Kind::Named(fields, _) | Kind::Object(fields) => object(fields),
        Kind::FreeForm => serde_json::json!({"any": [1]}),
    }
}

fn document(definition: &Definition) -> serde_json::Value {
    let mut document = sample(&Kind::Object(definition.fields));
    document["apiVersion"] = definition.api_version.into();
    document["kind"] = definition.kind.into();
    document
}

#[test]
fn a_document_with_every_field_fits_its_own_definition() {
    for definition in ALL {
        let text = document(definition).to_string();
        let mut tree = yaml::parse(&text, 0).unwrap().root;
        assert_eq!(inspect::inspect(definition, &mut tree), [], "{text}");
    }
}

#[test]
fn the_types_hold_exactly_what_the_definition_says() {
    let text = document(&NODE_CONFIG);
    let config: NodeConfig = serde_json::from_value(text.clone()).unwrap();
    let mut back = serde_json::to_value(&config).unwrap();
    back["apiVersion"] = text["apiVersion"].clone();
    back["kind"] = text["kind"].clone();
    back["metadata"] = text["metadata"].clone();
    assert_eq!(back, text);
    // Its fields are all optional and it refuses those that it does not know.
    let config: AgentConfigDocument = serde_json::from_value(document(&AGENT_CONFIG)).unwrap();
    assert_ne!(config.spec, AgentConfigSpec::default());
}

#[test]
fn every_word_of_an_agent_config_is_understood() {
    fn words(fields: &[Field], path: &mut Vec<&'static str>) {
        for field in fields {
            path.push(field.name);
            match field.kind {
                Kind::Object(fields) => words(fields, path),
                Kind::Words(words) => {
                    for word in words {
                        let value = path.iter().rev().fold(
                            serde_json::json!(word),
                            |inner, key| serde_json::json!({ *key: inner }),
                        );
                        let mut document = value;
                        document["apiVersion"] = AGENT_CONFIG.api_version.into();
                        document["kind"] = AGENT_CONFIG.kind.into();
                        serde_json::from_value::<AgentConfigDocument>(document).unwrap();
                    }
                }
                _ => {}
            }
            path.pop();
        }
    }
    words(AGENT_CONFIG.fields, &mut Vec::new());
}

#[test]
fn a_type_that_does_not_fit_is_told_with_what_was_expected() {
    let cases = [
        ("spec: []", "`spec` is a list where a map is expected"),
        (
            "spec: {cluster: {name: 5}}",
            "`spec.cluster.name` is an integer where a string is expected; put it in quotes",
        ),
        (
            "spec: {cluster: {enableOutpost: 'true'}}",
            "`spec.cluster.enableOutpost` is a string where `true` or `false` is expected",
        ),
        (
            "spec: {kubelet: {flags: [1]}}",
            "`spec.kubelet.flags[0]` is an integer where a string is expected; put it in quotes",
        ),
        (
            "spec: {kubelet: {config: text}}",
            "`spec.kubelet.config` is a string where a map is expected",
        ),
        (
            "spec: {instance: {environment: {default: A=b}}}",
            "`spec.instance.environment.default` is a string where a map of strings is expected",
        ),
        (
            "spec: {featureGates: {FastImagePull: 'yes'}}",
            "`spec.featureGates.FastImagePull` is a string where `true` or `false` is expected",
        ),
    ];
    for (text, expected) in cases {
        let mut tree = yaml::parse(text, 0).unwrap().root;
        let problems = inspect::inspect(&NODE_CONFIG, &mut tree);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].to_string(), expected);
        assert!(problems[0].prevents_start);
    }
}

#[test]
fn wrong_words_and_numbers_of_an_agent_config_are_errors() {
    let cases = [
        (
            "spec: {maxPods: {mode: prefixdelegation}}",
            "`spec.maxPods.mode` is none of `secondaryIP`, `prefixDelegation`, `customNetworking`; did you mean `prefixDelegation`?",
        ),
        (
            "spec: {maxPods: {reservedENIs: -1}}",
            "`spec.maxPods.reservedENIs` is not a whole number that is not negative",
        ),
        (
            "spec: {serve: {tlsPort: 65536}}",
            "`spec.serve.tlsPort` is not a port from 1 to 65535",
        ),
        (
            "spec: {serve: {tlsPort: 0}}",
            "`spec.serve.tlsPort` is not a port from 1 to 65535",
        ),
        (
            "spec: {deadlines: {registered: 90}}",
            "`spec.deadlines.registered` is an integer where a duration such as `90s` or `10m` is expected; put it in quotes",
        ),
    ];
    for (text, expected) in cases {
        let mut tree = yaml::parse(text, 0).unwrap().root;
        let problems = inspect::inspect(&AGENT_CONFIG, &mut tree);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert_eq!(problems[0].to_string(), expected);
        assert!(problems[0].prevents_start);
    }
}

#[test]
fn off_without_quotes_is_the_word_and_not_the_boolean() {
    for written in ["off", "'off'", "false"] {
        let text = format!("spec: {{report: {{conditions: {written}, events: off}}}}");
        let mut tree = yaml::parse(&text, 0).unwrap().root;
        assert_eq!(inspect::inspect(&AGENT_CONFIG, &mut tree), [], "{text}");
        assert!(format!("{tree:?}").contains(r#"Text("off")"#), "{tree:?}");
    }
    let mut tree = yaml::parse("spec: {report: {conditions: on}}", 0)
        .unwrap()
        .root;
    let problems = inspect::inspect(&AGENT_CONFIG, &mut tree);
    assert_eq!(
        problems[0].to_string(),
        "`spec.report.conditions` is a boolean where one of `own`, `eks`, `off` is expected; put it in quotes"
    );
}

#[test]
fn the_checked_in_schemas_are_those_of_the_definitions() {
    for (definition, name) in [
        (&NODE_CONFIG, "node-config.schema.json"),
        (&AGENT_CONFIG, "agent-config.schema.json"),
        (&RULE_SET, "rule-set.schema.json"),
    ] {
        let mut text = serde_json::to_string_pretty(&json_schema(definition)).unwrap();
        text.push('\n');
        generated::is_current(&format!("docs/reference/{name}"), &text);
    }
}
