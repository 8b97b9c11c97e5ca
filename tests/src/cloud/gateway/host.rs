//! Which service of which region a host name of AWS stands for.

/// A service in a region.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HostScope {
    pub(super) service: String,
    pub(super) region: String,
}

/// `sts.us-west-2.amazonaws.com` and its kin (global, FIPS, dual-stack, `api.ecr`); `None` for any other host, such as
/// the lab's plain endpoint.
pub(super) fn scope(host: &str) -> Option<HostScope> {
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    let labels = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"]
        .iter()
        .find_map(|domain| name.strip_suffix(domain))?;
    let labels: Vec<&str> = labels
        .split('.')
        .filter(|label| !matches!(*label, "fips" | "api" | "dualstack"))
        .collect();
    let (service, region) = match labels[..] {
        // The global endpoints belong to the first region.
        [service] => (service, "us-east-1"),
        [service, region] => (service, region),
        _ => return None,
    };
    Some(HostScope {
        service: service.strip_suffix("-fips").unwrap_or(service).to_owned(),
        region: region.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(host: &str) -> Option<(String, String)> {
        scope(host).map(|scope| (scope.service, scope.region))
    }

    #[test]
    fn hosts_of_aws_name_service_and_region() {
        for (host, service, region) in [
            ("sts.us-west-2.amazonaws.com", "sts", "us-west-2"),
            ("sts.us-west-2.amazonaws.com:443", "sts", "us-west-2"),
            ("sts.amazonaws.com", "sts", "us-east-1"),
            ("sts-fips.us-east-2.amazonaws.com", "sts", "us-east-2"),
            ("fips.eks.us-east-2.amazonaws.com", "eks", "us-east-2"),
            ("eks.eu-central-1.api.aws", "eks", "eu-central-1"),
            ("ec2.cn-north-1.amazonaws.com.cn", "ec2", "cn-north-1"),
            ("api.ecr.us-west-2.amazonaws.com", "ecr", "us-west-2"),
        ] {
            assert_eq!(
                parsed(host),
                Some((service.to_owned(), region.to_owned())),
                "{host}"
            );
        }
    }

    #[test]
    fn other_hosts_name_nothing() {
        for host in [
            "10.88.0.1:4566",
            "localhost",
            "",
            "amazonaws.com",
            "a.b.c.amazonaws.com",
        ] {
            assert_eq!(parsed(host), None, "{host}");
        }
    }
}
