//! Where EC2 and EKS are: by the environment, else by region and partition.
//!
//! Source of the names: the endpoint rule sets in the AWS SDKs,
//! <https://docs.aws.amazon.com/general/latest/gr/ec2-service.html>,
//! <https://docs.aws.amazon.com/general/latest/gr/eks.html>.

use crate::host::environment::Environment;

/// Base URL of EC2, without a slash at its end.
pub(super) fn ec2(environment: &Environment, region: &str) -> String {
    let set = environment
        .ec2_endpoint
        .as_ref()
        .or(environment.aws_endpoint.as_ref());
    if let Some(url) = set {
        return url.trim_end_matches('/').to_owned();
    }
    let is_dual_stack = environment.use_dual_stack_endpoint == Some(true);
    // In GovCloud every endpoint of EC2 is one of FIPS and has no other name.
    let is_fips = environment.use_fips_endpoint == Some(true)
        && (is_dual_stack || !region.starts_with("us-gov-"));
    let service = if is_fips { "ec2-fips" } else { "ec2" };
    format!(
        "https://{service}.{region}.{}",
        suffix(region, is_dual_stack)
    )
}

/// Base URL of EKS, without a slash at its end.
pub(super) fn eks(environment: &Environment, region: &str) -> String {
    if let Some(url) = &environment.aws_endpoint {
        return url.trim_end_matches('/').to_owned();
    }
    let is_dual_stack = environment.use_dual_stack_endpoint == Some(true);
    let is_fips = environment.use_fips_endpoint == Some(true);
    let service = match (is_fips, is_dual_stack) {
        (false, _) => "eks",
        // In GovCloud every endpoint of EKS is one of FIPS and has no other name.
        (true, false) if region.starts_with("us-gov-") => "eks",
        (true, false) => "fips.eks",
        (true, true) => "eks-fips",
    };
    format!(
        "https://{service}.{region}.{}",
        suffix(region, is_dual_stack)
    )
}

/// Base URL of a service whose every endpoint is `SERVICE.REGION`, without a slash at its end: Auto Scaling,
/// CloudFormation. That of EC2 has exceptions.
pub(super) fn query(environment: &Environment, service: &str, region: &str) -> String {
    if service == "ec2" {
        return ec2(environment, region);
    }
    if let Some(url) = &environment.aws_endpoint {
        return url.trim_end_matches('/').to_owned();
    }
    let is_dual_stack = environment.use_dual_stack_endpoint == Some(true);
    // In GovCloud every endpoint is one of FIPS and has no other name.
    let is_fips = environment.use_fips_endpoint == Some(true)
        && (is_dual_stack || !region.starts_with("us-gov-"));
    let fips = if is_fips { "-fips" } else { "" };
    format!(
        "https://{service}{fips}.{region}.{}",
        suffix(region, is_dual_stack)
    )
}

fn suffix(region: &str, is_dual_stack: bool) -> &'static str {
    match (is_dual_stack, node::token::dns_suffix(region)) {
        (true, "amazonaws.com") => "api.aws",
        (true, "amazonaws.com.cn") => "api.amazonwebservices.com.cn",
        // The other partitions have none.
        (_, suffix) => suffix,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_its_names() {
        let environment = |fips, dual_stack| Environment {
            use_fips_endpoint: Some(fips),
            use_dual_stack_endpoint: Some(dual_stack),
            ..Environment::default()
        };
        for (region, fips, dual_stack, url) in [
            (
                "eu-west-1",
                false,
                false,
                "https://ec2.eu-west-1.amazonaws.com",
            ),
            (
                "us-east-2",
                true,
                false,
                "https://ec2-fips.us-east-2.amazonaws.com",
            ),
            ("eu-west-1", false, true, "https://ec2.eu-west-1.api.aws"),
            (
                "us-east-2",
                true,
                true,
                "https://ec2-fips.us-east-2.api.aws",
            ),
            (
                "cn-north-1",
                false,
                false,
                "https://ec2.cn-north-1.amazonaws.com.cn",
            ),
            (
                "cn-north-1",
                false,
                true,
                "https://ec2.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                "us-gov-west-1",
                false,
                false,
                "https://ec2.us-gov-west-1.amazonaws.com",
            ),
            (
                "us-gov-west-1",
                true,
                false,
                "https://ec2.us-gov-west-1.amazonaws.com",
            ),
            (
                "us-iso-east-1",
                false,
                false,
                "https://ec2.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "us-isob-east-1",
                false,
                false,
                "https://ec2.us-isob-east-1.sc2s.sgov.gov",
            ),
        ] {
            assert_eq!(ec2(&environment(fips, dual_stack), region), url);
        }
    }

    #[test]
    fn eks_has_its_own_names() {
        let at = |fips, dual_stack, region| {
            let environment = Environment {
                use_fips_endpoint: Some(fips),
                use_dual_stack_endpoint: Some(dual_stack),
                ..Environment::default()
            };
            eks(&environment, region)
        };
        assert_eq!(
            at(false, false, "eu-west-1"),
            "https://eks.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            at(true, false, "us-east-2"),
            "https://fips.eks.us-east-2.amazonaws.com"
        );
        assert_eq!(
            at(true, false, "us-gov-west-1"),
            "https://eks.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(
            at(true, true, "us-east-2"),
            "https://eks-fips.us-east-2.api.aws"
        );
        assert_eq!(
            at(false, false, "cn-north-1"),
            "https://eks.cn-north-1.amazonaws.com.cn"
        );
        let lab = Environment {
            aws_endpoint: Some("http://all:4566/".to_owned()),
            ..Environment::default()
        };
        assert_eq!(eks(&lab, "eu-west-1"), "http://all:4566");
    }

    #[test]
    fn services_without_exceptions_have_one_form() {
        let fips = Environment {
            use_fips_endpoint: Some(true),
            ..Environment::default()
        };
        for (environment, service, region, url) in [
            (
                &Environment::default(),
                "autoscaling",
                "cn-north-1",
                "https://autoscaling.cn-north-1.amazonaws.com.cn",
            ),
            (
                &fips,
                "cloudformation",
                "us-east-2",
                "https://cloudformation-fips.us-east-2.amazonaws.com",
            ),
            (
                &fips,
                "autoscaling",
                "us-gov-west-1",
                "https://autoscaling.us-gov-west-1.amazonaws.com",
            ),
            (
                &Environment::default(),
                "ec2",
                "eu-west-1",
                "https://ec2.eu-west-1.amazonaws.com",
            ),
        ] {
            assert_eq!(query(environment, service, region), url);
        }
    }

    #[test]
    fn the_endpoint_of_the_service_wins_over_that_of_all() {
        let environment = Environment {
            aws_endpoint: Some("http://all:4566/".to_owned()),
            use_fips_endpoint: Some(true),
            ..Environment::default()
        };
        assert_eq!(ec2(&environment, "eu-west-1"), "http://all:4566");
        let environment = Environment {
            ec2_endpoint: Some("https://vpce.example".to_owned()),
            ..environment
        };
        assert_eq!(ec2(&environment, "eu-west-1"), "https://vpce.example");
    }
}
