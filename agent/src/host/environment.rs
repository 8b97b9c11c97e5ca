//! The process environment, read once at the start: the variables of nodeadm and of the AWS SDKs that we honour.
//!
//! A NodeConfig can set variables for every program of the node (`spec.instance.environment.default`). They count for
//! the agent too, as if they stood in its own environment: [`Environment::with_defaults`]. The config phase keeps them
//! in [`path::ENVIRONMENT`] for the join phase and the daemon, which may have started before systemd knew them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use node::redact::Secret;

use super::path;
use super::root::{self, Root};

/// What the environment asks for. Empty variables count as not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`: base URL of IMDS.
    pub imds_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL`: base URL of every AWS service.
    pub aws_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_EC2`: base URL of EC2; wins over that of every service.
    pub ec2_endpoint: Option<String>,
    /// `AWS_USE_FIPS_ENDPOINT`: whether AWS is asked at its FIPS endpoints.
    pub use_fips_endpoint: Option<bool>,
    /// `AWS_USE_DUALSTACK_ENDPOINT`: whether AWS is asked at endpoints that have IPv6 addresses too.
    pub use_dual_stack_endpoint: Option<bool>,
    /// `AWS_MAX_ATTEMPTS`: how often a call of AWS is made at most.
    pub max_attempts: Option<u32>,
    /// `AWS_CA_BUNDLE`: PEM file with the authorities to trust for AWS.
    pub ca_bundle: Option<PathBuf>,
    /// `SSL_CERT_FILE`: PEM file with the authorities to trust for everything public.
    pub certificate_file: Option<PathBuf>,
    /// `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`.
    pub proxies: ProxyVariables,
    /// `ECR_CREDENTIAL_PROVIDER_BIN_PATH`: the image credential provider.
    pub image_credential_provider: Option<PathBuf>,
    /// `CPU_DIR`: directory of CPUs, `/sys/devices/system/cpu`.
    pub cpu_directory: Option<PathBuf>,
    /// `NODE_DIR`: directory of NUMA nodes, `/sys/devices/system/node`.
    pub node_directory: Option<PathBuf>,
}

/// The proxy variables as they stand. A proxy's URL may hold a password.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY`, else `https_proxy`: the proxy for `https://` URLs.
    pub https: Option<Secret<String>>,
    /// `HTTP_PROXY`, else `http_proxy`: the proxy for `http://` URLs.
    pub http: Option<Secret<String>>,
    /// `NO_PROXY`, else `no_proxy`: what is reached without one.
    pub no_proxy: Option<String>,
}

impl Environment {
    /// Reads variables through `variable`, which is `std::env::var_os` outside tests.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name| {
            variable(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let text = |name| {
            variable(name)
                .and_then(|value| value.into_string().ok())
                .filter(|value| !value.is_empty())
        };
        let flag = |name| text(name).map(|value| value.eq_ignore_ascii_case("true"));
        // Both spellings, the first that says something, as Go's programs on the node read them.
        let either = |upper, lower| text(upper).or_else(|| text(lower));
        Self {
            imds_endpoint: text("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            aws_endpoint: text("AWS_ENDPOINT_URL"),
            ec2_endpoint: text("AWS_ENDPOINT_URL_EC2"),
            use_fips_endpoint: flag("AWS_USE_FIPS_ENDPOINT"),
            use_dual_stack_endpoint: flag("AWS_USE_DUALSTACK_ENDPOINT"),
            max_attempts: text("AWS_MAX_ATTEMPTS").and_then(|value| value.parse().ok()),
            ca_bundle: path("AWS_CA_BUNDLE"),
            certificate_file: path("SSL_CERT_FILE"),
            proxies: ProxyVariables {
                https: either("HTTPS_PROXY", "https_proxy").map(Secret::new),
                http: either("HTTP_PROXY", "http_proxy").map(Secret::new),
                no_proxy: either("NO_PROXY", "no_proxy"),
            },
            image_credential_provider: path("ECR_CREDENTIAL_PROVIDER_BIN_PATH"),
            cpu_directory: path("CPU_DIR"),
            node_directory: path("NODE_DIR"),
        }
    }

    /// This environment with the variables of `spec.instance.environment.default` set in it: they win over the
    /// process, and one that is set to nothing there is not set.
    #[must_use]
    pub fn with_defaults(self, defaults: &BTreeMap<String, String>) -> Self {
        let set = Self::read(|name| defaults.get(name).map(OsString::from));
        let over = Over(defaults);
        Self {
            imds_endpoint: over.pick(
                &["AWS_EC2_METADATA_SERVICE_ENDPOINT"],
                set.imds_endpoint,
                self.imds_endpoint,
            ),
            aws_endpoint: over.pick(&["AWS_ENDPOINT_URL"], set.aws_endpoint, self.aws_endpoint),
            ec2_endpoint: over.pick(
                &["AWS_ENDPOINT_URL_EC2"],
                set.ec2_endpoint,
                self.ec2_endpoint,
            ),
            use_fips_endpoint: over.pick(
                &["AWS_USE_FIPS_ENDPOINT"],
                set.use_fips_endpoint,
                self.use_fips_endpoint,
            ),
            use_dual_stack_endpoint: over.pick(
                &["AWS_USE_DUALSTACK_ENDPOINT"],
                set.use_dual_stack_endpoint,
                self.use_dual_stack_endpoint,
            ),
            max_attempts: over.pick(&["AWS_MAX_ATTEMPTS"], set.max_attempts, self.max_attempts),
            ca_bundle: over.pick(&["AWS_CA_BUNDLE"], set.ca_bundle, self.ca_bundle),
            certificate_file: over.pick(
                &["SSL_CERT_FILE"],
                set.certificate_file,
                self.certificate_file,
            ),
            proxies: ProxyVariables {
                https: over.pick(
                    &["HTTPS_PROXY", "https_proxy"],
                    set.proxies.https,
                    self.proxies.https,
                ),
                http: over.pick(
                    &["HTTP_PROXY", "http_proxy"],
                    set.proxies.http,
                    self.proxies.http,
                ),
                no_proxy: over.pick(
                    &["NO_PROXY", "no_proxy"],
                    set.proxies.no_proxy,
                    self.proxies.no_proxy,
                ),
            },
            image_credential_provider: over.pick(
                &["ECR_CREDENTIAL_PROVIDER_BIN_PATH"],
                set.image_credential_provider,
                self.image_credential_provider,
            ),
            cpu_directory: over.pick(&["CPU_DIR"], set.cpu_directory, self.cpu_directory),
            node_directory: over.pick(&["NODE_DIR"], set.node_directory, self.node_directory),
        }
    }

    /// This environment with what the config phase of this boot kept; as it is when there is nothing.
    #[must_use]
    pub fn with_kept_defaults(self, root: &Root) -> Self {
        match kept(root) {
            Some(defaults) => self.with_defaults(&defaults),
            None => self,
        }
    }
}

/// Keeps the variables of `spec.instance.environment.default` until the end of this boot, for root only.
pub fn keep(root: &Root, defaults: Option<&BTreeMap<String, String>>) -> Result<(), root::Error> {
    match defaults.filter(|defaults| !defaults.is_empty()) {
        Some(defaults) => {
            let content = serde_json::to_vec(defaults).unwrap_or_default();
            root.write(path::ENVIRONMENT, &content, 0o600).map(drop)
        }
        None => root.remove(path::ENVIRONMENT).map(drop),
    }
}

fn kept(root: &Root) -> Option<BTreeMap<String, String>> {
    serde_json::from_slice(&root.read(path::ENVIRONMENT).ok().flatten()?).ok()
}

/// Which variables the configuration sets.
struct Over<'a>(&'a BTreeMap<String, String>);

impl Over<'_> {
    fn pick<T>(&self, names: &[&str], set: Option<T>, process: Option<T>) -> Option<T> {
        if names.iter().any(|name| self.0.contains_key(*name)) {
            set
        } else {
            process
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = map(variables);
        Environment::read(|name| variables.get(name).map(OsString::from))
    }

    fn map(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_configuration_wins_over_the_process() {
        let process = environment(&[
            ("HTTPS_PROXY", "http://process:1"),
            ("NO_PROXY", "process.example"),
            ("AWS_MAX_ATTEMPTS", "3"),
        ]);
        let effective = process.with_defaults(&map(&[
            ("https_proxy", "http://config:2"),
            ("AWS_MAX_ATTEMPTS", "7"),
            ("AWS_USE_FIPS_ENDPOINT", "True"),
        ]));
        assert_eq!(
            effective,
            environment(&[
                ("HTTPS_PROXY", "http://config:2"),
                ("NO_PROXY", "process.example"),
                ("AWS_MAX_ATTEMPTS", "7"),
                ("AWS_USE_FIPS_ENDPOINT", "true"),
            ])
        );
    }

    #[test]
    fn a_variable_that_the_configuration_empties_is_not_set() {
        let process = environment(&[("HTTPS_PROXY", "http://process:1")]);
        let effective = process.with_defaults(&map(&[("HTTPS_PROXY", "")]));
        assert_eq!(effective, Environment::default());
    }

    #[test]
    fn a_proxy_is_never_shown() {
        let environment = environment(&[("HTTPS_PROXY", "http://me:hunter2@proxy:3128")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }

    #[test]
    fn what_the_config_phase_keeps_is_there_until_it_keeps_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let defaults = map(&[("HTTPS_PROXY", "http://me:hunter2@proxy:3128")]);
        keep(&root, Some(&defaults)).unwrap();
        assert_eq!(
            Environment::default().with_kept_defaults(&root),
            environment(&[("HTTPS_PROXY", "http://me:hunter2@proxy:3128")])
        );
        keep(&root, None).unwrap();
        assert_eq!(
            Environment::default().with_kept_defaults(&root),
            Environment::default()
        );
    }
}
