//! A document of what a document made asks for nothing more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::export;
use crate::observe::choices::{Choices, ExistingSubnet};
use crate::observe::existing::{Existing, ExistingAddon, Group};
use crate::plan::change::{Action, Origin};
use crate::plan::difference;
use crate::plan::fixture::{as_observed, choices_with_image, cluster, document};
use crate::plan::wanted::wanted;
use crate::resource::{Attribute, Body, Kind, LaunchTemplate, Observed, Tags, TemplateVersion};
use crate::spec::Cluster;

/// What `existing` would find after everything of `observed` was made.
fn existing(observed: &[Observed], choices: &Choices) -> Existing {
    let mut existing = Existing {
        region: choices.region.clone(),
        vpc: choices.vpc.clone().unwrap_or_default().id,
        subnets: choices.vpc.clone().unwrap_or_default().subnets,
        ours: observed
            .iter()
            .filter(|one| one.address.kind != Kind::SubnetTags)
            .cloned()
            .collect(),
        ..Existing::default()
    };
    for one in observed {
        let id = one.outputs.get(&Attribute::Id).cloned().unwrap_or_default();
        match one.body.clone() {
            Body::Subnet(_) => {
                let subnet = ExistingSubnet {
                    is_public: one.address.name.starts_with("public-"),
                    ..ExistingSubnet::default()
                };
                existing.subnets.insert(id, subnet);
            }
            Body::SubnetTags(tags) => {
                let subnet = existing.subnets.entry(tags.subnet).or_default();
                subnet.tags.extend(tags.tags);
            }
            Body::Cluster(cluster) => {
                existing.cluster = cluster;
                existing.outputs.clone_from(&one.outputs);
            }
            Body::OidcProvider(_) => existing.has_oidc_provider = true,
            Body::Addon(addon) => existing.addons.push(ExistingAddon {
                addon,
                association: None,
            }),
            Body::PodIdentityAssociation(association) => existing.associations.push(association),
            Body::AccessEntry(entry) => existing.entries.push(entry),
            Body::NodeGroup(group) => existing.node_groups.push(Group {
                template: template(observed, &group.launch_template),
                group,
            }),
            Body::AutoScalingGroup(group) => existing.auto_scaling_groups.push(Group {
                template: template(observed, &group.launch_template),
                group,
            }),
            _ => {}
        }
    }
    existing
}

fn template(observed: &[Observed], version: &TemplateVersion) -> Option<LaunchTemplate> {
    observed.iter().find_map(|one| match &one.body {
        Body::LaunchTemplate(template)
            if one.outputs.get(&Attribute::Id).map(String::as_str) == version.id.known() =>
        {
            Some(LaunchTemplate {
                tags: Tags::new(),
                ..template.clone()
            })
        }
        _ => None,
    })
}

/// What a plan of what was exported would change, after a document was applied.
fn changes_after_export(
    cluster: &Cluster,
    choices: &Choices,
    files: &BTreeMap<String, String>,
) -> Vec<String> {
    let observed = as_observed(&wanted(cluster, choices, files));
    let export = export(&existing(&observed, choices));
    assert_eq!(export.left_out, Vec::<String>::new());
    let again = wanted(&export.cluster, choices, &BTreeMap::new());
    let origin = Origin {
        cluster: export.cluster.metadata.name.clone(),
        partition: "aws".to_owned(),
        region: choices.region.clone(),
        account: choices.account.clone(),
        made_at: "2026-11-27T18:00:00Z".parse().unwrap(),
    };
    let plan = difference::plan(&origin, &again, &observed).unwrap();
    plan.changes
        .iter()
        .filter(|change| change.action != Action::Keep)
        .map(|change| format!("{:?} {} {:?}", change.action, change.address, change.fields))
        .collect()
}

#[test]
fn what_a_user_wrote_that_looks_like_ours_is_exported() {
    const OWN_TAG: &str = "tags: {k8s.io/cluster-autoscaler/node-template/resources/x: '1'}";
    const CNI: &str = "nodeRole: {policies: ['arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy']}";
    for tags in ["autoscalerTags: true", "autoscalerTags: false"] {
        let spec = format!(
            "{CNI}\naddons: [{{name: vpc-cni, role: {{by: podIdentity}}}}]\nnodeGroups: [{{name: a, kind: selfManaged, {tags}, {OWN_TAG}}}, {{name: b, role: {{}}, ssm: false}}]"
        );
        let choices = choices_with_image("a");
        let changed = changes_after_export(&cluster(&spec), &choices, &BTreeMap::new());
        assert_eq!(changed, Vec::<String>::new(), "{tags}");
    }
}

#[test]
fn a_plan_of_what_was_exported_is_empty() {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases/plan");
    let mut cases = 0;
    for folder in fs::read_dir(all).unwrap() {
        let folder = folder.unwrap().path();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let choices: Choices = serde_json::from_str(&read("choices.json")).unwrap();
        let files = ["prepare.sh"].into_iter().filter_map(|name| {
            let text = fs::read_to_string(folder.join(name)).ok()?;
            Some((name.to_owned(), text))
        });
        let cluster = document(&read("cluster.yaml"));
        let changed = changes_after_export(&cluster, &choices, &files.collect());
        assert_eq!(changed, Vec::<String>::new(), "{}", folder.display());
        cases += 1;
    }
    assert!(cases > 3, "only {cases} cases");
}
