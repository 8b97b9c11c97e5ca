//! The add-ons that there are, with two versions of each for every version of Kubernetes.

use serde_json::{Value, json};

use super::super::version;

/// Where the pods of all of them are.
pub(super) const NAMESPACE: &str = "kube-system";

/// An add-on that can be had.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    kind: &'static str,
    /// Its newest versions, without the build; kube-proxy has that of Kubernetes.
    newest: Option<[&'static str; 2]>,
    needs_permissions: bool,
}

pub(super) const ENTRIES: [Entry; 5] = [
    Entry {
        name: "vpc-cni",
        kind: "networking",
        newest: Some(["v1.20.4", "v1.20.3"]),
        needs_permissions: true,
    },
    Entry {
        name: "coredns",
        kind: "networking",
        newest: Some(["v1.12.4", "v1.12.3"]),
        needs_permissions: false,
    },
    Entry {
        name: "kube-proxy",
        kind: "networking",
        newest: None,
        needs_permissions: false,
    },
    Entry {
        name: "aws-ebs-csi-driver",
        kind: "storage",
        newest: Some(["v1.51.0", "v1.50.1"]),
        needs_permissions: true,
    },
    Entry {
        name: "eks-pod-identity-agent",
        kind: "security",
        newest: Some(["v1.3.9", "v1.3.8"]),
        needs_permissions: false,
    },
];

pub(super) fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

impl Entry {
    /// Versions for a version of Kubernetes, newest first.
    pub(super) fn versions(&self, kubernetes: &str) -> Vec<String> {
        let named = match self.newest {
            Some(versions) => versions.map(str::to_owned),
            None => [format!("v{kubernetes}.4"), format!("v{kubernetes}.3")],
        };
        named
            .map(|version| format!("{version}-eksbuild.1"))
            .to_vec()
    }

    /// The default is not always the newest, here as there.
    pub(super) fn default(&self, kubernetes: &str) -> String {
        self.versions(kubernetes).pop().unwrap_or_default()
    }

    /// As `DescribeAddonVersions` lists it, for one version of Kubernetes or for all.
    pub(super) fn show(&self, kubernetes: Option<&str>) -> Value {
        let mut listed: Vec<(String, Vec<Value>)> = Vec::new();
        for (cluster, _) in version::VERSIONS {
            if kubernetes.is_some_and(|wanted| wanted != cluster) {
                continue;
            }
            for name in self.versions(cluster) {
                let compatible = json!({
                    "clusterVersion": cluster,
                    "platformVersions": ["*"],
                    "defaultVersion": name == self.default(cluster),
                });
                match listed.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, compatibilities)) => compatibilities.push(compatible),
                    None => listed.push((name, vec![compatible])),
                }
            }
        }
        let versions: Vec<Value> = listed
            .into_iter()
            .map(|(name, compatibilities)| {
                json!({
                    "addonVersion": name,
                    "architecture": ["amd64", "arm64"],
                    "computeTypes": ["ec2", "auto", "hybrid"],
                    "compatibilities": compatibilities,
                    "requiresConfiguration": false,
                    "requiresIamPermissions": self.needs_permissions,
                })
            })
            .collect();
        json!({
            "addonName": self.name,
            "type": self.kind,
            "addonVersions": versions,
            "publisher": "eks",
            "owner": "aws",
            "defaultNamespace": NAMESPACE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_listed_once_with_what_it_fits() {
        let all = find("vpc-cni").unwrap().show(None);
        assert_eq!(all["addonVersions"].as_array().unwrap().len(), 2);
        let fits = all["addonVersions"][0]["compatibilities"]
            .as_array()
            .unwrap();
        assert_eq!(fits.len(), version::VERSIONS.len());

        let proxy = find("kube-proxy").unwrap().show(Some("1.34"));
        assert_eq!(
            proxy["addonVersions"][0]["addonVersion"],
            "v1.34.4-eksbuild.1"
        );
        let default = &proxy["addonVersions"][1]["compatibilities"][0];
        assert_eq!(default["defaultVersion"], true);
        assert!(find("unknown").is_none());
    }
}
