//! One client for each service of AWS, all with one configuration. Made once a run, by the commands; observation and
//! `apply` share them.

use aws_config::retry::RetryConfig;

use super::aws::Aws;

/// How often a call is made when the service throttles it, does not answer, or has an error of its own. The waits between
/// them double, with jitter, up to 20 s: together up to a minute, which outlasts the bursts that throttling is meant for.
const ATTEMPTS: u32 = 8;

/// A client for each service.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The configuration that they were made of: region and credentials.
    pub aws: Aws,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// EKS.
    pub eks: aws_sdk_eks::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    /// EC2 Auto Scaling.
    pub autoscaling: aws_sdk_autoscaling::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// Systems Manager.
    pub ssm: aws_sdk_ssm::Client,
    /// Security Token Service.
    pub sts: aws_sdk_sts::Client,
    /// Resource Groups Tagging, which finds things of any service by their tags.
    pub tagging: aws_sdk_resourcegroupstagging::Client,
}

impl Clients {
    /// Makes the clients. Nothing is asked yet.
    pub fn new(aws: &Aws) -> Self {
        let given = aws
            .config()
            .retry_config()
            .map_or(ATTEMPTS, RetryConfig::max_attempts);
        let retry = RetryConfig::standard().with_max_attempts(given.max(ATTEMPTS));
        let config = aws
            .config()
            .clone()
            .into_builder()
            .retry_config(retry)
            .build();
        Self {
            aws: aws.clone(),
            ec2: aws_sdk_ec2::Client::new(&config),
            eks: aws_sdk_eks::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            autoscaling: aws_sdk_autoscaling::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            ssm: aws_sdk_ssm::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            tagging: aws_sdk_resourcegroupstagging::Client::new(&config),
        }
    }
}
