//! The process environment, read once at the start: the variables of nodeadm and of the AWS SDKs that we honour.

use std::path::PathBuf;

/// What the environment asks for. Empty variables count as not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`: base URL of IMDS.
    pub imds_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL`: base URL of every AWS service.
    pub aws_endpoint: Option<String>,
    /// `ECR_CREDENTIAL_PROVIDER_BIN_PATH`: the image credential provider.
    pub image_credential_provider: Option<PathBuf>,
    /// `CPU_DIR`: directory of CPUs, `/sys/devices/system/cpu`.
    pub cpu_directory: Option<PathBuf>,
    /// `NODE_DIR`: directory of NUMA nodes, `/sys/devices/system/node`.
    pub node_directory: Option<PathBuf>,
}

impl Environment {
    /// Reads variables through `variable`, which is `std::env::var_os` outside tests.
    pub fn read(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Self {
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
        Self {
            imds_endpoint: text("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            aws_endpoint: text("AWS_ENDPOINT_URL"),
            image_credential_provider: path("ECR_CREDENTIAL_PROVIDER_BIN_PATH"),
            cpu_directory: path("CPU_DIR"),
            node_directory: path("NODE_DIR"),
        }
    }
}
