//! User data of real producers: files in, files out.
//!
//! A case is a folder with `user-data` and `expected/`. Files of `expected/` are compared; with `UPDATE=1` in the
//! environment they are written instead.

use std::fs;

use super::machine::{Machine, cases, fill_in};

/// What differs between producers. The rest of a plan is snapshotted where it is made.
const COMPARED: [&str; 3] = [
    "etc/eks/kubelet/environment",
    "etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf",
    "var/lib/kubelet/kubeconfig",
];

async fn check(case: &str) {
    let folder = cases().join("producers").join(case);
    let user_data = fill_in(&fs::read_to_string(folder.join("user-data")).unwrap());
    let machine = Machine::new(Some(user_data.as_bytes())).await;
    let output = machine.run(machine.config_phase()).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let files = machine.files();
    for path in COMPARED {
        let expected = folder.join("expected").join(path);
        let made = files.get(path);
        if std::env::var_os("UPDATE").is_some() {
            if let Some(made) = made {
                fs::create_dir_all(expected.parent().unwrap()).unwrap();
                fs::write(&expected, made).unwrap();
            }
            continue;
        }
        let expected = fs::read(&expected).ok();
        let text = |bytes: Option<&Vec<u8>>| {
            bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        assert_eq!(text(made), text(expected.as_ref()), "{case}: {path}");
    }
}

#[tokio::test]
async fn user_data_of_an_eks_managed_node_group() {
    check("eks-managed").await;
}

#[tokio::test]
async fn user_data_of_eksctl() {
    check("eksctl").await;
}

#[tokio::test]
async fn user_data_of_terraform_aws_eks() {
    check("terraform-aws-eks").await;
}
