//! Managed node groups and what EKS makes for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::StatusCode;
use serde_json::{Value, json};

use super::suite;
use crate::cloud::gateway::{Ailment, Ailments, Issue};
use crate::cloud::xml;

#[tokio::test]
async fn a_node_group_has_instances_of_the_users_template() {
    let Some(suite) = suite().await else { return };
    let cluster = suite.cluster().await;
    let role = suite.role("node", "ec2.amazonaws.com").await;
    let user_data = "TUlNRS1WZXJzaW9uOiAxLjAKQ29udGVudC1UeXBlOiBtdWx0aXBhcnQvbWl4ZWQ7IGJvdW5kYXJ5PSJYIgoKLS1YCkNvbnRlbnQtVHlwZTogdGV4dC94LXNoZWxsc2NyaXB0CgplY2hvIHVzZXIKLS1YLS0K";
    let form = format!(
        "Action=CreateLaunchTemplate&LaunchTemplateName=mine&LaunchTemplateData.UserData={user_data}&LaunchTemplateData.MetadataOptions.HttpTokens=required&LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit=1&LaunchTemplateData.TagSpecification.1.ResourceType=instance&LaunchTemplateData.TagSpecification.1.Tag.1.Key=team&LaunchTemplateData.TagSpecification.1.Tag.1.Value=red"
    );
    let template = xml::text(&suite.ec2(&form).await, "launchTemplateId").unwrap();
    let wanted = json!({
        "nodegroupName": "workers",
        "subnets": cluster["resourcesVpcConfig"]["subnetIds"],
        "nodeRole": role,
        "instanceTypes": ["t3.small"],
        "scalingConfig": { "minSize": 1, "maxSize": 3, "desiredSize": 2 },
        "launchTemplate": { "id": template, "version": "1" },
        "labels": { "team": "red" },
        "clientRequestToken": "1",
    });
    let uri = "/clusters/blue/node-groups";
    let mut sized = wanted.clone();
    sized["diskSize"] = json!(30);
    let message = suite.refused("POST", uri, sized).await;
    assert_eq!(
        message,
        "Disk size must be specified within the launch template."
    );

    let made = suite.post(uri, wanted.clone()).await["nodegroup"].clone();
    assert_eq!(
        suite.post(uri, wanted).await["nodegroup"]["nodegroupArn"],
        made["nodegroupArn"]
    );
    let message = suite.refused("DELETE", "/clusters/blue", Value::Null).await;
    assert_eq!(message, "Cluster has nodegroups attached");
    let uri = "/clusters/blue/node-groups/workers";
    suite.wait_status(uri, "nodegroup", "ACTIVE").await;
    let group = made["resources"]["autoScalingGroups"][0]["name"]
        .as_str()
        .unwrap();
    assert!(group.starts_with("eks-workers-"), "{group}");

    let running = "Action=DescribeInstances&Filter.1.Name=tag:kubernetes.io/cluster/blue&Filter.1.Value.1=owned&Filter.2.Name=instance-state-name&Filter.2.Value.1=running";
    let found = suite.ec2(running).await;
    let instances = xml::texts(&found, "instanceId");
    assert_eq!(instances.len(), 2, "{found}");
    assert!(
        found.contains("<key>eks:nodegroup-name</key><value>workers</value>"),
        "{found}"
    );
    assert!(
        found.contains("<key>team</key><value>red</value>"),
        "{found}"
    );
    assert_eq!(
        xml::text(&found, "instanceType").as_deref(),
        Some("t3.small")
    );
    let form = format!(
        "Action=DescribeInstanceAttribute&Attribute=userData&InstanceId={}",
        instances[0]
    );
    let found = suite.ec2(&form).await;
    let encoded = xml::text(&found, "value").unwrap();
    let decoded = BASE64.decode(encoded).unwrap();
    let user_data = String::from_utf8(decoded).unwrap();
    assert!(
        user_data.find("echo user").unwrap() < user_data.find("kind: NodeConfig").unwrap(),
        "{user_data}"
    );
    assert!(
        user_data.contains("name: blue\n") && user_data.contains(",team=red\""),
        "{user_data}"
    );
    let entries = suite.get("/clusters/blue/access-entries").await;
    assert!(
        entries["accessEntries"]
            .as_array()
            .unwrap()
            .contains(&json!(role)),
        "{entries}"
    );

    // Sizes at once, labels when the update is done.
    let change = json!({
        "scalingConfig": { "desiredSize": 3 },
        "labels": { "addOrUpdateLabels": { "a": "b" }, "removeLabels": ["team"] },
    });
    suite.post(&format!("{uri}/update-config"), change).await;
    assert_eq!(xml::texts(&suite.ec2(running).await, "instanceId").len(), 3);
    let updated = suite.wait_status(uri, "nodegroup", "ACTIVE").await;
    assert_eq!(updated["labels"], json!({ "a": "b" }));
    // Another version of the template replaces the instances.
    let form = format!(
        "Action=CreateLaunchTemplateVersion&LaunchTemplateId={template}&SourceVersion=1&LaunchTemplateData.MetadataOptions.HttpTokens=optional"
    );
    suite.ec2(&form).await;
    let change = json!({ "launchTemplate": { "id": template, "version": "2" } });
    suite.post(&format!("{uri}/update-version"), change).await;
    let now = xml::texts(&suite.ec2(running).await, "instanceId");
    assert!(now.len() == 3 && !now.contains(&instances[0]), "{now:?}");
    let updated = suite.wait_status(uri, "nodegroup", "ACTIVE").await;
    assert_eq!(updated["launchTemplate"]["version"], "2");

    suite.eks("DELETE", uri, Value::Null).await;
    assert_eq!(
        xml::texts(&suite.ec2(running).await, "instanceId"),
        Vec::<String>::new()
    );
    let in_use = suite.query("iam", "Action=DeleteRole&RoleName=node").await;
    assert_eq!(
        xml::text(&in_use.text(), "Code").as_deref(),
        Some("DeleteConflict")
    );
    suite.wait_gone(uri).await;
    assert_eq!(
        suite
            .query("iam", "Action=DeleteRole&RoleName=node")
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_node_group_that_fails_says_why() {
    let Some(suite) = suite().await else { return };
    let cluster = suite.cluster().await;
    let issue = Issue {
        code: "NodeCreationFailure".to_owned(),
        message: "Instances failed to join the kubernetes cluster".to_owned(),
        resource_ids: vec!["i-1".to_owned()],
    };
    let ailment = |fails, degraded| Ailments {
        ailments: vec![Ailment {
            cluster: "blue".to_owned(),
            of: "nodegroup/workers".to_owned(),
            issues: vec![issue.clone()],
            fails,
            degraded,
        }],
    };
    suite.account.set_ailments(&ailment(true, false)).unwrap();
    let wanted = json!({
        "nodegroupName": "workers",
        "subnets": cluster["resourcesVpcConfig"]["subnetIds"],
        "nodeRole": suite.role("node", "ec2.amazonaws.com").await,
    });
    let uri = "/clusters/blue/node-groups/workers";
    suite
        .post("/clusters/blue/node-groups", wanted.clone())
        .await;
    let failed = suite.wait_status(uri, "nodegroup", "CREATE_FAILED").await;
    assert_eq!(failed["health"]["issues"][0]["code"], "NodeCreationFailure");
    assert_eq!(failed["instanceTypes"], json!(["t3.medium"]));
    suite.eks("DELETE", uri, Value::Null).await;
    suite.wait_gone(uri).await;

    suite.account.set_ailments(&ailment(false, true)).unwrap();
    suite.post("/clusters/blue/node-groups", wanted).await;
    suite.wait_status(uri, "nodegroup", "DEGRADED").await;
    suite.account.set_ailments(&Ailments::default()).unwrap();
    suite.wait_status(uri, "nodegroup", "ACTIVE").await;
}
