//! Access entries and what the authenticator reads of them.

use super::*;

fn node_role(path: &str) -> AccessEntryRequest {
    AccessEntryRequest {
        principal_arn: format!("arn:aws:iam::111122223333:role/{path}lab-node"),
        kind: Some(EntryKind::Ec2Linux),
        ..AccessEntryRequest::default()
    }
}

fn read_mapping(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_mapping_follows_the_entries() {
    let run = tempfile::tempdir().unwrap();
    let mapping = run.path().join("mapping.json");
    let entries = AccessEntries::open(run.path(), &mapping).unwrap();
    let empty = json!({ "mapRoles": [], "mapUsers": [], "mapAccounts": [] });
    assert_eq!(read_mapping(&mapping), empty);

    entries.create(node_role("path/of/it/")).unwrap();
    entries
        .create(AccessEntryRequest {
            principal_arn: "arn:aws:iam::111122223333:user/operator".to_owned(),
            kubernetes_groups: vec!["operators".to_owned()],
            username: Some("operator".to_owned()),
            ..AccessEntryRequest::default()
        })
        .unwrap();
    assert_eq!(
        read_mapping(&mapping),
        json!({
            "mapRoles": [{
                "rolearn": "arn:aws:iam::111122223333:role/lab-node",
                "username": "system:node:{{EC2PrivateDNSName}}",
                "groups": ["system:nodes"],
            }],
            "mapUsers": [{
                "userarn": "arn:aws:iam::111122223333:user/operator",
                "username": "operator",
                "groups": ["operators"],
            }],
            "mapAccounts": [],
        })
    );

    for principal in entries.list().unwrap() {
        entries.delete(&principal).unwrap();
    }
    assert_eq!(read_mapping(&mapping), empty);
}

#[test]
fn entries_outlive_the_program() {
    let run = tempfile::tempdir().unwrap();
    let mapping = run.path().join("mapping.json");
    let open = || AccessEntries::open(run.path(), &mapping).unwrap();
    let made = open().create(node_role("")).unwrap();
    std::fs::remove_file(&mapping).unwrap();
    assert_eq!(open().get(&made.principal_arn).unwrap(), made);
    assert_eq!(
        read_mapping(&mapping)["mapRoles"][0]["groups"][0],
        "system:nodes"
    );
}

#[test]
fn a_principal_has_one_entry() {
    let run = tempfile::tempdir().unwrap();
    let entries = AccessEntries::open(run.path(), &run.path().join("mapping.json")).unwrap();
    entries.create(node_role("")).unwrap();
    let again = entries.create(node_role("")).unwrap_err();
    assert!(matches!(again, AccessEntryError::InUse { .. }), "{again}");
    let other = entries
        .delete("arn:aws:iam::111122223333:role/other")
        .unwrap_err();
    assert!(
        matches!(other, AccessEntryError::NotFound { .. }),
        "{other}"
    );
}

#[test]
fn a_standard_role_is_named_for_its_session() {
    let request = AccessEntryRequest {
        principal_arn: "arn:aws:iam::111122223333:role/team/dev".to_owned(),
        ..AccessEntryRequest::default()
    };
    assert_eq!(
        AccessEntry::new(request, Timestamp::UNIX_EPOCH)
            .unwrap()
            .username,
        "arn:aws:sts::111122223333:assumed-role/dev/{{SessionName}}"
    );
}

#[test]
fn what_eks_refuses_is_refused() {
    let refused = |request| {
        AccessEntry::new(request, Timestamp::UNIX_EPOCH)
            .unwrap_err()
            .to_string()
    };
    let arn = "arn:aws:iam::111122223333:user/operator".to_owned();
    let no_arn = AccessEntryRequest {
        principal_arn: "lab-node".to_owned(),
        ..node_role("")
    };
    let named = AccessEntryRequest {
        username: Some("me".to_owned()),
        ..node_role("")
    };
    let user = AccessEntryRequest {
        principal_arn: arn.clone(),
        ..node_role("")
    };
    let masters = AccessEntryRequest {
        principal_arn: arn,
        kubernetes_groups: vec!["system:masters".to_owned()],
        ..AccessEntryRequest::default()
    };
    assert!(refused(no_arn).contains("format is not valid"));
    assert!(refused(named).contains("not allowed for EC2_LINUX"));
    assert!(refused(user).contains("must be a role"));
    assert!(refused(masters).contains("system:masters is invalid"));
}
