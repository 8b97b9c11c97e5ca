use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use node::config::agent_config::AgentConfigSpec;
use node::config::schema::{AGENT_SPEC, inspect, json_schema};
use node::config::yaml;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor, value};
use serde_json::{Value, json};

use super::super::*;
use super::*;

/// Learns the fields of a struct, or the words of an enum, from what its type asks a deserializer for.
struct Asked<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(value::Error::custom("neither a struct nor an enum"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(fields);
        Err(value::Error::custom("asked"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(variants);
        Err(value::Error::custom("asked"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

fn asked<'de, T: Deserialize<'de>>() -> BTreeSet<&'static str> {
    let cell = Cell::new(&[] as &[&str]);
    assert!(T::deserialize(Asked(&cell)).is_err());
    cell.get().iter().copied().collect()
}

/// The kind at a path of field names; lists are looked into.
fn at(path: &str) -> &'static Kind {
    const TOP: Kind = Kind::Object(CLUSTER.fields);
    let mut kind = &TOP;
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let (Kind::Object(fields) | Kind::List(Kind::Object(fields))) = kind else {
            panic!("`{name}` of `{path}` is below no object");
        };
        let found = fields.iter().find(|field| field.name == name);
        kind = &found.unwrap_or_else(|| panic!("no `{path}`")).kind;
    }
    kind
}

fn names(path: &str) -> BTreeSet<&'static str> {
    match at(path) {
        Kind::Object(fields) | Kind::List(Kind::Object(fields)) => {
            fields.iter().map(|field| field.name).collect()
        }
        Kind::Words(words) | Kind::List(Kind::Words(words)) => words.iter().copied().collect(),
        other => panic!("`{path}` is {other:?}"),
    }
}

/// Every path of the definition at which an object or words stand, what an AgentConfig holds aside.
fn paths(fields: &[Field], before: &str, found: &mut BTreeSet<String>) {
    for field in fields {
        let path = format!("{before}{}", field.name);
        match &field.kind {
            Kind::Object(fields) if fields.as_ptr() == AGENT_SPEC.as_ptr() => {}
            Kind::Object(fields) | Kind::List(Kind::Object(fields)) => {
                found.insert(path.clone());
                paths(fields, &format!("{path}."), found);
            }
            Kind::Words(_) | Kind::List(Kind::Words(_)) => {
                found.insert(path);
            }
            _ => {}
        }
    }
}

#[test]
fn the_types_have_exactly_the_fields_and_words_of_the_definition() {
    let types: [(&str, BTreeSet<&str>); 34] = [
        ("metadata", asked::<Metadata>()),
        ("spec", asked::<Spec>()),
        ("spec.vpc", asked::<Vpc>()),
        ("spec.vpc.subnets", asked::<Subnets>()),
        ("spec.vpc.subnets.public", asked::<SubnetChoice>()),
        ("spec.vpc.subnets.private", asked::<SubnetChoice>()),
        ("spec.vpc.nat", asked::<Nat>()),
        ("spec.endpoint", asked::<Endpoint>()),
        ("spec.logging", asked::<Logging>()),
        ("spec.logging.types", asked::<LogType>()),
        ("spec.clusterRole", asked::<RoleChoice>()),
        ("spec.access", asked::<Access>()),
        (
            "spec.access.authenticationMode",
            asked::<AuthenticationMode>(),
        ),
        ("spec.access.entries", asked::<Entry>()),
        ("spec.access.entries.policies", asked::<AccessPolicy>()),
        ("spec.addons", asked::<Addon>()),
        ("spec.addons.role", asked::<AddonRole>()),
        ("spec.addons.role.by", asked::<RoleWiring>()),
        ("spec.secretsEncryption", asked::<Encryption>()),
        ("spec.nodeRole", asked::<NodeRole>()),
        ("spec.nodeGroups", asked::<NodeGroup>()),
        ("spec.nodeGroups.kind", asked::<GroupKind>()),
        ("spec.nodeGroups.ami", asked::<Ami>()),
        ("spec.nodeGroups.scaling", asked::<Scaling>()),
        ("spec.nodeGroups.disk", asked::<Disk>()),
        ("spec.nodeGroups.taints", asked::<Taint>()),
        ("spec.nodeGroups.taints.effect", asked::<Effect>()),
        ("spec.nodeGroups.capacity", asked::<Capacity>()),
        ("spec.nodeGroups.update", asked::<Update>()),
        ("spec.nodeGroups.update.strategy", asked::<Strategy>()),
        ("spec.nodeGroups.imds", asked::<Imds>()),
        ("spec.nodeGroups.kubelet", asked::<Kubelet>()),
        ("spec.nodeGroups.userData", asked::<UserDataPart>()),
        ("spec.nodeGroups.repair", asked::<Repair>()),
    ];
    let mut expected = BTreeSet::new();
    paths(CLUSTER.fields, "", &mut expected);
    expected.remove("spec.nodeGroups.role");
    assert_eq!(names("spec.nodeGroups.role"), names("spec.nodeRole"));
    let covered: BTreeSet<String> = types.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(covered, expected);
    for (path, asked) in types {
        assert_eq!(names(path), asked, "{path}");
    }
    assert_eq!(names(""), asked::<Cluster>());
    let Kind::Object(fields) = at("spec.nodeGroups.agentConfig") else {
        panic!("it is no object")
    };
    let fields: BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
    assert_eq!(fields, asked::<AgentConfigSpec>());
}

/// Compares the stated defaults of an object with what the type's default is.
fn defaults(path: &str, default: &Value) {
    let (Kind::Object(fields) | Kind::List(Kind::Object(fields))) = at(path) else {
        panic!("`{path}` is no object")
    };
    let mut schema = json_schema(&CLUSTER);
    for name in path.split('.') {
        let below = schema["properties"][name].take();
        schema = match below.get("items") {
            Some(items) => items.clone(),
            None => below,
        };
    }
    for field in *fields {
        let stated = &schema["properties"][field.name]["default"];
        let path = format!("{path}.{}", field.name);
        match &default[field.name] {
            // What it is then, is said in words, but for the network that the type has as a constant.
            Value::Null if path == "spec.vpc.cidr" => assert_eq!(stated, Vpc::CIDR),
            Value::Null => assert_eq!(stated, &Value::Null, "{path}"),
            Value::String(text) if text.is_empty() => assert_eq!(stated, &Value::Null, "{path}"),
            Value::Array(items) if items.is_empty() => assert_eq!(stated, &Value::Null, "{path}"),
            Value::Object(_) => defaults(&path, &default[field.name]),
            value => assert_eq!(stated, value, "{path}"),
        }
    }
}

#[test]
fn stated_defaults_are_those_of_the_types() {
    let default = |value: Result<Value, serde_json::Error>| value.unwrap();
    defaults(
        "metadata",
        &default(serde_json::to_value(Metadata::default())),
    );
    defaults("spec", &default(serde_json::to_value(Spec::default())));
    let group = NodeGroup {
        update: Some(Update::default()),
        role: Some(NodeRole::default()),
        ..NodeGroup::default()
    };
    defaults("spec.nodeGroups", &default(serde_json::to_value(group)));
    let addon = Addon {
        role: Some(AddonRole::default()),
        ..Addon::default()
    };
    defaults("spec.addons", &default(serde_json::to_value(addon)));
    defaults(
        "spec.access.entries",
        &default(serde_json::to_value(Entry::default())),
    );
}

#[test]
fn a_group_is_placed_by_a_word_or_by_ids() {
    let read = |text: &str| {
        let text = format!(
            "apiVersion: nodectl.dev/v1alpha1\nkind: Cluster\nmetadata: {{}}\nspec: {{version: '1.34', nodeGroups: [{{name: a, subnets: {text}}}]}}"
        );
        let mut tree = yaml::parse(&text, 0).unwrap().root;
        let problems = inspect::inspect(&CLUSTER, &mut tree);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        (told, serde_json::from_value::<Cluster>(tree.to_json()))
    };
    for (text, meant) in [
        ("public", GroupSubnets::Public),
        ("private", GroupSubnets::Private),
        (
            "[subnet-a]",
            GroupSubnets::Ids(BTreeSet::from(["subnet-a".to_owned()])),
        ),
    ] {
        let (told, cluster) = read(text);
        assert_eq!(told, [""; 0]);
        assert_eq!(cluster.unwrap().spec.node_groups[0].subnets, Some(meant));
    }
    assert_eq!(
        read("publik").0,
        ["`spec.nodeGroups[0].subnets` is none of `public`, `private`; did you mean `public`?"]
    );
    assert_eq!(
        read("5").0,
        [
            "`spec.nodeGroups[0].subnets` is an integer where one of `public`, `private`, or a list of strings is expected"
        ]
    );
    let schema = json_schema(&CLUSTER);
    let group = &schema["properties"]["spec"]["properties"]["nodeGroups"]["items"]["properties"];
    assert_eq!(
        group["subnets"]["anyOf"],
        json!([{"enum": ["public", "private"]}, {"type": "array", "items": {"type": "string"}}])
    );
}

#[test]
fn a_field_is_said_in_whole_sentences() {
    fn docs(fields: &[Field], before: &str, found: &mut BTreeMap<String, &'static str>) {
        for field in fields {
            let path = format!("{before}{}", field.name);
            if let Kind::Object(fields) | Kind::List(Kind::Object(fields)) = &field.kind {
                docs(fields, &format!("{path}."), found);
            }
            found.insert(path, field.doc);
        }
    }
    let mut found = BTreeMap::new();
    docs(CLUSTER.fields, "", &mut found);
    for (path, doc) in found {
        assert!(doc.ends_with('.') && !doc.contains('\n'), "{path}: {doc}");
    }
}
