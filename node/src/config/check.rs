//! Whether a node can be made of a NodeConfig: what is missing or cannot be right, all at once.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::NodeConfig;

/// Something that a NodeConfig lacks or that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field, such as `spec.cluster.name`.
    pub field: &'static str,
    /// What is wrong, as a claim.
    pub detail: String,
    /// True when nodeadm would refuse it as well: the node cannot start without it. Otherwise the join is tried.
    pub prevents_start: bool,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` {}", self.field, self.detail)
    }
}

/// All problems of a merged NodeConfig, in the order of its fields.
pub fn check(config: &NodeConfig) -> Vec<Problem> {
    let cluster = &config.spec.cluster;
    let mut problems = Vec::new();
    let mut report = |field, detail: String, prevents_start| {
        problems.push(Problem {
            field,
            detail,
            prevents_start,
        });
    };
    let missing = "is missing".to_owned();
    if cluster.name.is_empty() {
        report("spec.cluster.name", missing.clone(), true);
    }
    if cluster.api_server_endpoint.is_empty() {
        report("spec.cluster.apiServerEndpoint", missing.clone(), true);
    } else if let Some(detail) = endpoint_problem(&cluster.api_server_endpoint) {
        report("spec.cluster.apiServerEndpoint", detail, false);
    }
    if cluster.certificate_authority.is_empty() {
        report("spec.cluster.certificateAuthority", missing.clone(), true);
    } else if let Err(detail) = certificate_authority(config) {
        report("spec.cluster.certificateAuthority", detail, true);
    }
    if cluster.cidr.is_empty() {
        report("spec.cluster.cidr", missing.clone(), true);
    } else if cidr_address(&cluster.cidr).is_none() {
        report(
            "spec.cluster.cidr",
            format!(
                "`{}` is not an IPv4 or IPv6 network such as `10.100.0.0/16`",
                cluster.cidr
            ),
            true,
        );
    }
    if cluster.enable_outpost == Some(true) && cluster.id.is_empty() {
        report(
            "spec.cluster.id",
            "is missing; a local cluster on an Outpost needs it".to_owned(),
            true,
        );
    }
    problems
}

fn endpoint_problem(endpoint: &str) -> Option<String> {
    let uri: Result<http::Uri, _> = endpoint.parse();
    match uri {
        Ok(uri)
            if uri.scheme_str() == Some("https")
                && uri.host().is_some_and(|host| !host.is_empty()) =>
        {
            None
        }
        _ => Some(format!(
            "`{}` is not an https URL",
            crate::redact::text(endpoint)
        )),
    }
}

/// The PEM bundle of `spec.cluster.certificateAuthority`; the error says what it is instead.
pub fn certificate_authority(config: &NodeConfig) -> Result<String, String> {
    let encoded = &config.spec.cluster.certificate_authority;
    let compact: String = encoded.split_whitespace().collect();
    let bytes = STANDARD
        .decode(&compact)
        .map_err(|error| format!("is not base64 ({error})"))?;
    let text =
        String::from_utf8(bytes).map_err(|_| "is base64 of bytes that are no PEM".to_owned())?;
    let begins = text.matches("-----BEGIN CERTIFICATE-----").count();
    let ends = text.matches("-----END CERTIFICATE-----").count();
    if begins == 0 || begins != ends {
        return Err("is base64 of text that is no PEM certificate".to_owned());
    }
    Ok(text)
}

/// Address and prefix length of a CIDR.
pub fn cidr_address(cidr: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = cidr.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let length: u8 = length.parse().ok()?;
    let maximum = if address.is_ipv4() { 32 } else { 128 };
    (length <= maximum).then_some((address, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> NodeConfig {
        let mut config = NodeConfig::default();
        config.spec.cluster.name = "prod".into();
        config.spec.cluster.api_server_endpoint =
            "https://A.gr7.eu-west-1.eks.amazonaws.com".into();
        config.spec.cluster.certificate_authority =
            STANDARD.encode("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n");
        config.spec.cluster.cidr = "10.100.0.0/16".into();
        config
    }

    fn problems(change: impl FnOnce(&mut NodeConfig)) -> Vec<String> {
        let mut config = complete();
        change(&mut config);
        check(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_complete_config_has_no_problem() {
        assert!(problems(|_| {}).is_empty());
    }

    #[test]
    fn everything_missing_is_told_at_once() {
        assert_eq!(
            problems(|config| *config = NodeConfig::default()),
            [
                "`spec.cluster.name` is missing",
                "`spec.cluster.apiServerEndpoint` is missing",
                "`spec.cluster.certificateAuthority` is missing",
                "`spec.cluster.cidr` is missing"
            ]
        );
    }

    #[test]
    fn values_that_cannot_be_right_are_told() {
        assert_eq!(
            problems(|config| config.spec.cluster.cidr = "10.0.0.0/33".into()),
            [
                "`spec.cluster.cidr` `10.0.0.0/33` is not an IPv4 or IPv6 network such as `10.100.0.0/16`"
            ]
        );
        assert_eq!(
            problems(|config| config.spec.cluster.api_server_endpoint = "10.0.0.1:443".into()),
            ["`spec.cluster.apiServerEndpoint` `10.0.0.1:443` is not an https URL"]
        );
        assert_eq!(
            problems(|config| config.spec.cluster.certificate_authority = STANDARD.encode("hello")),
            ["`spec.cluster.certificateAuthority` is base64 of text that is no PEM certificate"]
        );
    }
}
