//! Clusters with what is in them, as the EKS API and the services beside it show them.

use http::StatusCode;
use serde_json::{Value, json};

use super::suite;
use crate::cloud::transition::Transitions;
use crate::cloud::xml;
use crate::cluster::{self, ACCOUNT_ID};

#[tokio::test]
async fn a_cluster_comes_and_goes_with_what_eks_makes_for_it() {
    let Some(suite) = suite().await else { return };
    suite.impatient();
    let wanted = suite.wanted().await;
    let made = suite.post("/clusters", wanted.clone()).await["cluster"].clone();
    assert_eq!(made["status"], "CREATING");
    assert_eq!(
        made["arn"],
        format!("arn:aws:eks:us-east-1:{ACCOUNT_ID}:cluster/blue")
    );
    let issuer = made["identity"]["oidc"]["issuer"].as_str().unwrap();
    assert!(
        issuer.starts_with("https://oidc.eks.us-east-1.amazonaws.com/id/"),
        "{issuer}"
    );
    assert_eq!(
        made["kubernetesNetworkConfig"]["serviceIpv4Cidr"],
        "172.20.0.0/16"
    );

    // The same call again is the same cluster; another one of that name is none.
    let again = suite.post("/clusters", wanted.clone()).await;
    assert_eq!(again["cluster"]["endpoint"], made["endpoint"]);
    let mut other = wanted.clone();
    other["clientRequestToken"] = json!("2");
    let message = suite.refused("POST", "/clusters", other).await;
    assert_eq!(message, "Cluster already exists with name: blue");
    let early = suite.refused("DELETE", "/clusters/blue", Value::Null).await;
    assert!(early.contains("CREATING"), "{early}");

    let active = suite
        .wait_status("/clusters/blue", "cluster", "ACTIVE")
        .await;
    let group = active["resourcesVpcConfig"]["clusterSecurityGroupId"]
        .as_str()
        .unwrap();
    let form = format!("Action=DescribeSecurityGroups&GroupId.1={group}");
    let found = suite.ec2(&form).await;
    assert!(
        found.contains("<key>aws:eks:cluster-name</key><value>blue</value>"),
        "{found}"
    );
    let subnet = active["resourcesVpcConfig"]["subnetIds"][0]
        .as_str()
        .unwrap();
    let in_use = suite
        .query("ec2", &format!("Action=DeleteSubnet&SubnetId={subnet}"))
        .await;
    assert_eq!(
        xml::text(&in_use.text(), "Code").as_deref(),
        Some("DependencyViolation")
    );
    let groups = json!({ "logGroupNamePrefix": "/aws/eks/blue" });
    let groups = suite
        .account
        .moto()
        .json("logs", "Logs_20140328.DescribeLogGroups", &groups)
        .await;
    assert_eq!(
        groups.unwrap()["logGroups"][0]["logGroupName"],
        "/aws/eks/blue/cluster"
    );
    // The creator is in.
    let entries = suite.get("/clusters/blue/access-entries").await;
    assert_eq!(
        entries["accessEntries"],
        json!([cluster::Cluster::role_arn("admin")])
    );

    suite.eks("DELETE", "/clusters/blue", Value::Null).await;
    suite.wait_gone("/clusters/blue").await;
    let found = suite.query("ec2", &form).await;
    assert_eq!(found.status, StatusCode::BAD_REQUEST);
    suite
        .ec2(&format!("Action=DeleteSubnet&SubnetId={subnet}"))
        .await;
    assert_eq!(suite.get("/clusters").await["clusters"], json!([]));
}

#[tokio::test]
async fn a_cluster_is_refused_as_eks_refuses_it() {
    let Some(suite) = suite().await else { return };
    let slow = Transitions {
        role_assumable: 600.0,
        ..Transitions::default()
    };
    suite.account.set_transitions(&slow).unwrap();
    let mut wanted = suite.wanted().await;
    let young = suite.refused("POST", "/clusters", wanted.clone()).await;
    assert!(
        young.contains("could not be assumed because it does not exist"),
        "{young}"
    );
    suite.impatient();

    let change = |pointer: &str, value: Value| {
        let mut wanted = wanted.clone();
        *wanted.pointer_mut(pointer).unwrap() = value;
        wanted
    };
    let first = wanted["resourcesVpcConfig"]["subnetIds"][0].clone();
    let node_role = suite.role("node", "ec2.amazonaws.com").await;
    for (wrong, said) in [
        (
            change("/resourcesVpcConfig/subnetIds", json!([first])),
            "at least two different AZs",
        ),
        (
            change("/resourcesVpcConfig/subnetIds", json!(["subnet-0"])),
            "subnet-0",
        ),
        (
            change("/roleArn", json!(node_role)),
            "trusted entity is not correct",
        ),
        (
            change("/version", json!("1.10")),
            "unsupported Kubernetes version",
        ),
        (change("/name", json!("-a")), "regular expression"),
    ] {
        let message = suite.refused("POST", "/clusters", wrong).await;
        assert!(message.contains(said), "{message}");
    }
    wanted["resourcesVpcConfig"]["endpointPublicAccess"] = json!(false);
    let message = suite.refused("POST", "/clusters", wanted).await;
    assert_eq!(
        message,
        "Private and public endpoint access cannot be false"
    );
    assert_eq!(suite.get("/clusters").await["clusters"], json!([]));
}

#[tokio::test]
async fn a_cluster_is_updated_one_kind_at_a_time() {
    let Some(suite) = suite().await else { return };
    suite.cluster().await;
    let config = "/clusters/blue/update-config";
    let access = json!({ "endpointPrivateAccess": true });
    let both = json!({ "resourcesVpcConfig": access, "deletionProtection": true });
    let message = suite.refused("POST", config, both).await;
    assert_eq!(message, "Only one type of update can be allowed.");

    let update = suite
        .post(config, json!({ "resourcesVpcConfig": access }))
        .await["update"]
        .clone();
    assert_eq!(
        (&update["status"], &update["type"]),
        (&json!("InProgress"), &json!("EndpointAccessUpdate"))
    );
    let message = suite
        .refused(
            "POST",
            "/clusters/blue/updates",
            json!({ "version": "1.35" }),
        )
        .await;
    assert!(message.contains("in progress"), "{message}");
    let uri = format!("/clusters/blue/updates/{}", update["id"].as_str().unwrap());
    suite.wait_status(&uri, "update", "Successful").await;
    let cluster = suite.get("/clusters/blue").await["cluster"].clone();
    assert_eq!(cluster["resourcesVpcConfig"]["endpointPrivateAccess"], true);
    assert_eq!(cluster["status"], "ACTIVE");

    let message = suite
        .refused("POST", config, json!({ "resourcesVpcConfig": access }))
        .await;
    assert!(
        message.contains("already at the desired configuration"),
        "{message}"
    );
    let message = suite
        .refused(
            "POST",
            "/clusters/blue/updates",
            json!({ "version": "1.33" }),
        )
        .await;
    assert!(
        message.contains("Unsupported Kubernetes minor version update"),
        "{message}"
    );
    suite
        .post("/clusters/blue/updates", json!({ "version": "1.35" }))
        .await;
    suite
        .wait_status("/clusters/blue", "cluster", "ACTIVE")
        .await;
    assert_eq!(
        suite.get("/clusters/blue").await["cluster"]["version"],
        "1.35"
    );
    assert_eq!(
        suite.get("/clusters/blue/updates").await["updateIds"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn add_ons_policies_identities_and_tags_of_a_cluster() {
    let Some(suite) = suite().await else { return };
    let cluster = suite.cluster().await;
    let role = suite.role("pods", "pods.eks.amazonaws.com").await;

    let wanted = json!({
        "addonName": "aws-ebs-csi-driver",
        "podIdentityAssociations": [{ "serviceAccount": "ebs-csi-controller-sa", "roleArn": role }],
    });
    suite.post("/clusters/blue/addons", wanted).await;
    let uri = "/clusters/blue/addons/aws-ebs-csi-driver";
    let addon = suite.wait_status(uri, "addon", "ACTIVE").await;
    assert_eq!(
        addon["podIdentityAssociations"].as_array().unwrap().len(),
        1
    );
    let versions = suite
        .get("/addons/supported-versions?addonName=aws-ebs-csi-driver&kubernetesVersion=1.34")
        .await;
    let newest = &versions["addons"][0]["addonVersions"][0]["addonVersion"];
    assert_ne!(*newest, addon["addonVersion"]);
    suite
        .post(&format!("{uri}/update"), json!({ "addonVersion": newest }))
        .await;
    let updated = suite.wait_status(uri, "addon", "ACTIVE").await;
    assert_eq!(updated["addonVersion"], *newest);

    let identities = "/clusters/blue/pod-identity-associations";
    let listed = suite
        .get(&format!("{identities}?namespace=kube-system"))
        .await;
    assert_eq!(
        listed["associations"][0]["serviceAccount"],
        "ebs-csi-controller-sa"
    );
    let own = json!({ "namespace": "default", "serviceAccount": "app", "roleArn": role });
    let made = suite.post(identities, own.clone()).await["association"].clone();
    assert!(
        suite
            .refused("POST", identities, own)
            .await
            .starts_with("Association already exists")
    );
    let one = format!("{identities}/{}", made["associationId"].as_str().unwrap());
    suite.eks("DELETE", &one, Value::Null).await;
    suite.eks("DELETE", uri, Value::Null).await;
    suite.wait_gone(uri).await;
    assert_eq!(suite.get(identities).await["associations"], json!([]));

    let entries = "/clusters/blue/access-entries";
    let principal = "arn:aws:iam::123456789012:role/team";
    suite
        .post(entries, json!({ "principalArn": principal }))
        .await;
    let policies =
        format!("{entries}/arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fteam/access-policies");
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    let scope = json!({ "type": "namespace", "namespaces": ["prod"] });
    suite
        .post(
            &policies,
            json!({ "policyArn": policy, "accessScope": scope }),
        )
        .await;
    let listed = suite.get(&policies).await;
    assert_eq!(listed["associatedAccessPolicies"][0]["accessScope"], scope);
    let policy = policy.replace(':', "%3A").replace('/', "%2F");
    let (status, _) = suite
        .eks("DELETE", &format!("{policies}/{policy}"), Value::Null)
        .await;
    assert_eq!(status, StatusCode::OK);

    let arn = cluster["arn"]
        .as_str()
        .unwrap()
        .replace(':', "%3A")
        .replace('/', "%2F");
    suite
        .post(&format!("/tags/{arn}"), json!({ "tags": { "a": "b" } }))
        .await;
    suite
        .eks("DELETE", &format!("/tags/{arn}?tagKeys=owner"), Value::Null)
        .await;
    assert_eq!(
        suite.get(&format!("/tags/{arn}")).await["tags"],
        json!({ "a": "b" })
    );
    let page = suite.get("/access-policies?maxResults=4").await;
    let next = page["nextToken"].as_str().unwrap();
    let rest = suite
        .get(&format!("/access-policies?maxResults=4&nextToken={next}"))
        .await;
    assert_eq!(rest["nextToken"], Value::Null);
    assert_eq!(
        suite.get("/cluster-versions?defaultOnly=true").await["clusterVersions"][0]["clusterVersion"],
        "1.34"
    );
}
