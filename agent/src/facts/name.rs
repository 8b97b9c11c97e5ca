//! The private DNS name of the instance, from IMDS where IMDS can be believed.

use std::net::Ipv4Addr;

/// `local-hostname` is the private DNS name only if the whole of it has the form that EC2 gives: the name made of the
/// address, or the instance id, in the region's domain. A DHCP option set with another domain (or several, separated by
/// spaces) shows there too, and then EC2 knows another name. `None`: EC2 must be asked.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html>.
pub(super) fn private_dns_name(
    local_hostname: &str,
    local_ipv4: Option<Ipv4Addr>,
    instance_id: &str,
    region: &str,
) -> Option<String> {
    let domain = if region == "us-east-1" {
        "ec2.internal".to_owned()
    } else {
        format!("{region}.compute.internal")
    };
    let ip_name = local_ipv4.map(|address| {
        let [a, b, c, d] = address.octets();
        format!("ip-{a}-{b}-{c}-{d}.{domain}")
    });
    let resource_name = format!("{instance_id}.{domain}");
    [ip_name, Some(resource_name)]
        .into_iter()
        .flatten()
        .find(|name| name == local_hostname)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(hostname: &str, region: &str) -> Option<String> {
        private_dns_name(hostname, Some(Ipv4Addr::new(10, 0, 1, 2)), "i-0abc", region)
    }

    #[test]
    fn names_that_ec2_gives_are_believed() {
        for (hostname, region) in [
            ("ip-10-0-1-2.ec2.internal", "us-east-1"),
            ("ip-10-0-1-2.eu-west-1.compute.internal", "eu-west-1"),
            ("i-0abc.eu-west-1.compute.internal", "eu-west-1"),
        ] {
            assert_eq!(name(hostname, region).as_deref(), Some(hostname));
        }
    }

    #[test]
    fn every_other_name_asks_ec2() {
        for hostname in [
            "ip-10-0-1-2.corp.example",
            "ip-10-0-1-2",
            "ip-10-0-1-3.eu-west-1.compute.internal",
            "ip-10-0-1-2.eu-west-1.compute.internal corp.example",
            "ip-10-0-1-2.ec2.internal",
            "",
        ] {
            assert_eq!(name(hostname, "eu-west-1"), None, "{hostname}");
        }
    }
}
