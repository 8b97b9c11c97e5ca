//! The AWS CLI as a witness who knows nothing of nodectl: what exists in the account, and the hand of others.

use std::{collections::BTreeMap, process::Stdio};

use lab::{cluster, layout::Cache};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{Place, text};

/// Runs `aws` and reads its answer; null when it says nothing.
pub(super) async fn aws(place: &Place, arguments: &[&str]) -> Value {
    let mut answers = all(place, &[arguments]).await;
    answers.remove(0)
}

/// Runs several commands of `aws`, in one process since it takes a second to start.
async fn all(place: &Place, commands: &[&[&str]]) -> Vec<Value> {
    let python = Cache::from_environment().unwrap().venv().join("bin/python");
    let mut child = Command::new(python)
        .arg(cluster::repository().join("tests/moto/aws.py"))
        .env_clear()
        .envs(place.account.environment())
        .env("AWS_DEFAULT_REGION", cluster::REGION)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let written = serde_json::to_vec(commands).unwrap();
    input.write_all(&written).await.unwrap();
    drop(input);
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What there is that nodectl makes, by kind, as ids or names; what an account has from the start is left out by `before`.
pub(super) async fn everything(place: &Place) -> BTreeMap<&'static str, Vec<String>> {
    const QUERIES: [(&str, &[&str]); 17] = [
        ("vpc", &["ec2", "describe-vpcs", "--query", "Vpcs[].VpcId"]),
        (
            "subnet",
            &["ec2", "describe-subnets", "--query", "Subnets[].SubnetId"],
        ),
        (
            "internet gateway",
            &[
                "ec2",
                "describe-internet-gateways",
                "--query",
                "InternetGateways[].InternetGatewayId",
            ],
        ),
        (
            "NAT gateway",
            &[
                "ec2",
                "describe-nat-gateways",
                "--query",
                "NatGateways[?State!='deleted'].NatGatewayId",
            ],
        ),
        (
            "elastic IP",
            &[
                "ec2",
                "describe-addresses",
                "--query",
                "Addresses[].AllocationId",
            ],
        ),
        (
            "route table",
            &[
                "ec2",
                "describe-route-tables",
                "--query",
                "RouteTables[].RouteTableId",
            ],
        ),
        (
            "security group",
            &[
                "ec2",
                "describe-security-groups",
                "--query",
                "SecurityGroups[].GroupId",
            ],
        ),
        (
            "launch template",
            &[
                "ec2",
                "describe-launch-templates",
                "--query",
                "LaunchTemplates[].LaunchTemplateName",
            ],
        ),
        (
            "instance",
            &[
                "ec2",
                "describe-instances",
                "--filters",
                "Name=instance-state-name,Values=pending,running,stopping,stopped",
                "--query",
                "Reservations[].Instances[].InstanceId",
            ],
        ),
        (
            "role",
            &["iam", "list-roles", "--query", "Roles[].RoleName"],
        ),
        (
            "instance profile",
            &[
                "iam",
                "list-instance-profiles",
                "--query",
                "InstanceProfiles[].InstanceProfileName",
            ],
        ),
        (
            "OIDC provider",
            &[
                "iam",
                "list-open-id-connect-providers",
                "--query",
                "OpenIDConnectProviderList[].Arn",
            ],
        ),
        ("cluster", &["eks", "list-clusters", "--query", "clusters"]),
        (
            "log group",
            &[
                "logs",
                "describe-log-groups",
                "--query",
                "logGroups[].logGroupName",
            ],
        ),
        (
            "Auto Scaling group",
            &[
                "autoscaling",
                "describe-auto-scaling-groups",
                "--query",
                "AutoScalingGroups[].AutoScalingGroupName",
            ],
        ),
        (
            "volume",
            &["ec2", "describe-volumes", "--query", "Volumes[].VolumeId"],
        ),
        (
            "network interface",
            &[
                "ec2",
                "describe-network-interfaces",
                "--query",
                "NetworkInterfaces[].NetworkInterfaceId",
            ],
        ),
    ];
    let commands = QUERIES.map(|(_, query)| query);
    let answers = all(place, &commands).await;
    let mut found = BTreeMap::new();
    for ((what, _), answer) in QUERIES.into_iter().zip(answers) {
        let mut ids: Vec<String> = serde_json::from_value(answer).unwrap_or_default();
        ids.sort();
        found.insert(what, ids);
    }
    found
}

/// How many there are of each kind.
pub(super) fn counts(
    everything: &BTreeMap<&'static str, Vec<String>>,
) -> BTreeMap<&'static str, usize> {
    everything
        .iter()
        .map(|(what, ids)| (*what, ids.len()))
        .collect()
}

/// A VPC with two public and two private subnets, as another tool would make it: ids by those of the examples.
pub(super) async fn network(place: &Place) -> Vec<(&'static str, String)> {
    async fn made(place: &Place, arguments: &[&str]) -> String {
        let answer = aws(place, arguments).await;
        answer.as_str().unwrap().to_owned()
    }
    let vpc = made(
        place,
        &[
            "ec2",
            "create-vpc",
            "--cidr-block",
            "10.20.0.0/16",
            "--query",
            "Vpc.VpcId",
        ],
    )
    .await;
    let hostnames = [
        "ec2",
        "modify-vpc-attribute",
        "--vpc-id",
        &vpc,
        "--enable-dns-hostnames",
    ];
    aws(place, &hostnames).await;
    let gateway = [
        "ec2",
        "create-internet-gateway",
        "--query",
        "InternetGateway.InternetGatewayId",
    ];
    let gateway = made(place, &gateway).await;
    let attach = [
        "ec2",
        "attach-internet-gateway",
        "--vpc-id",
        &vpc,
        "--internet-gateway-id",
        &gateway,
    ];
    aws(place, &attach).await;
    let routes = [
        "ec2",
        "create-route-table",
        "--vpc-id",
        &vpc,
        "--query",
        "RouteTable.RouteTableId",
    ];
    let routes = made(place, &routes).await;
    let route = [
        "ec2",
        "create-route",
        "--route-table-id",
        &routes,
        "--destination-cidr-block",
        "0.0.0.0/0",
        "--gateway-id",
        &gateway,
    ];
    aws(place, &route).await;
    let mut ids = vec![("vpc-0a1b2c3d4e5f60718", vpc.clone())];
    for (example, cidr, zone, is_public) in [
        ("subnet-0a1b2c3d4e5f60001", "10.20.0.0/20", "a", true),
        ("subnet-0a1b2c3d4e5f60002", "10.20.16.0/20", "b", true),
        ("subnet-0a1b2c3d4e5f60011", "10.20.32.0/20", "a", false),
        ("subnet-0a1b2c3d4e5f60012", "10.20.48.0/20", "b", false),
    ] {
        let zone = format!("{}{zone}", cluster::REGION);
        let create = [
            "ec2",
            "create-subnet",
            "--vpc-id",
            &vpc,
            "--cidr-block",
            cidr,
            "--availability-zone",
            &zone,
            "--query",
            "Subnet.SubnetId",
        ];
        let subnet = made(place, &create).await;
        if is_public {
            let associate = [
                "ec2",
                "associate-route-table",
                "--subnet-id",
                &subnet,
                "--route-table-id",
                &routes,
            ];
            aws(place, &associate).await;
        }
        ids.push((example, subnet));
    }
    ids
}

/// An AMI of the account.
pub(super) async fn image(place: &Place) -> String {
    let answer = aws(
        place,
        &[
            "ec2",
            "register-image",
            "--name",
            "amazon-eks-node-al2023-x86_64-standard-1.34-v20261101",
            "--architecture",
            "x86_64",
            "--root-device-name",
            "/dev/xvda",
            "--query",
            "ImageId",
        ],
    )
    .await;
    answer.as_str().unwrap().to_owned()
}
