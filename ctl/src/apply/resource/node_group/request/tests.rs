use super::super::super::fields::of_paths;
use super::*;
use crate::resource::Scaling;

fn taint_of(key: &str, value: &str) -> resource::Taint {
    resource::Taint {
        key: key.into(),
        value: value.into(),
        effect: "NoSchedule".into(),
    }
}

fn group() -> NodeGroup {
    NodeGroup {
        cluster: "blue".into(),
        name: "workers".into(),
        role: "arn:aws:iam::111122223333:role/nodectl-blue-node".into(),
        subnets: ["subnet-a".into()].into(),
        instance_types: vec!["m7i.large".into(), "m6i.large".into()],
        ami_type: Some("AL2023_x86_64_STANDARD".into()),
        version: Some("1.34".into()),
        capacity_type: "ON_DEMAND".into(),
        scaling: Scaling {
            min: 1,
            max: 4,
            desired: None,
        },
        labels: [("tier".to_owned(), "web".to_owned())].into(),
        taints: [taint_of("dedicated", "web")].into(),
        launch_template: TemplateVersion {
            id: "lt-1".into(),
            version: "3".into(),
        },
        ..NodeGroup::default()
    }
}

#[test]
fn a_group_has_a_launch_template_and_neither_disk_nor_remote_access() {
    let request = creation(&group(), "t0").build().unwrap();
    assert_eq!(request.disk_size(), None);
    assert_eq!(request.remote_access(), None);
    let template = request.launch_template().unwrap();
    assert_eq!(
        (template.id(), template.version()),
        (Some("lt-1"), Some("3"))
    );
    assert_eq!(request.instance_types(), ["m7i.large", "m6i.large"]);
    assert_eq!(request.ami_type(), Some(&AmiTypes::Al2023X8664Standard));
    assert_eq!(request.taints()[0].effect(), Some(&TaintEffect::NoSchedule));
    assert_eq!(request.update_config(), None);
    assert_eq!(request.node_repair_config(), None);
    assert_eq!(request.client_request_token(), Some("t0"));
}

#[test]
fn an_autoscaler_finds_the_least_number_of_nodes() {
    let request = creation(&group(), "t0").build().unwrap();
    assert_eq!(request.scaling_config().unwrap().desired_size(), Some(1));
}

#[test]
fn a_group_whose_template_has_an_ami_names_neither_type_nor_version() {
    let mut wanted = group();
    (wanted.ami_type, wanted.version) = (None, None);
    let request = creation(&wanted, "t0").build().unwrap();
    assert_eq!(request.ami_type(), None);
    assert_eq!(request.version(), None);
    assert_eq!(request.release_version(), None);
    let call = version(&wanted, &of_paths(&["launchTemplate.version"])).unwrap();
    let request = call.build().unwrap();
    assert_eq!((request.version(), request.release_version()), (None, None));
    assert!(request.launch_template().is_some());
}

#[test]
fn what_changes_on_nodes_and_what_takes_new_nodes_are_two_updates() {
    let (observed, wanted) = (group(), group());
    let fields = of_paths(&["scaling.max", "launchTemplate.version"]);
    let steps = steps(&observed, &wanted, &fields);
    assert!(matches!(
        steps.as_slice(),
        [Step::Config(_), Step::Version(_)]
    ));
    assert!(super::steps(&observed, &wanted, &of_paths(&["tags.team"])).is_empty());
}

#[test]
fn the_number_of_nodes_is_left_to_the_autoscaler_within_the_bounds() {
    let (mut observed, mut wanted) = (group(), group());
    observed.scaling.desired = Some(3);
    assert_eq!(desired(&observed, &wanted), None);
    wanted.scaling.max = 2;
    assert_eq!(desired(&observed, &wanted), Some(2));
    wanted.scaling.desired = Some(1);
    assert_eq!(desired(&observed, &wanted), Some(1));
}

#[test]
fn labels_and_taints_are_set_and_taken_away_one_by_one() {
    let (mut observed, mut wanted) = (group(), group());
    observed.labels.insert("old".into(), "1".into());
    wanted.labels.insert("new".into(), "2".into());
    observed.taints.insert(taint_of("old", ""));
    wanted.taints = [taint_of("dedicated", "api")].into();
    let labels = labels(&observed, &wanted);
    assert_eq!(labels.add_or_update_labels().unwrap()["new"], "2");
    assert_eq!(labels.add_or_update_labels().unwrap().len(), 1);
    assert_eq!(labels.remove_labels(), ["old"]);
    let taints = taints(&observed, &wanted);
    let keys = |taints: &[Taint]| -> Vec<String> {
        let text =
            |taint: &Taint| format!("{}={}", taint.key().unwrap(), taint.value().unwrap_or(""));
        taints.iter().map(text).collect()
    };
    assert_eq!(keys(taints.add_or_update_taints()), ["dedicated=api"]);
    assert_eq!(keys(taints.remove_taints()), ["old="]);
}
