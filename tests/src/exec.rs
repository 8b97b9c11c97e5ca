//! Programs that a person or a suite runs in the lab's network, as the cluster's administrator: they see the lab's names
//! in `/etc/hosts` and AWS under the address of the gateway. They end with the lab.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::{Command, Output, Stdio},
};

use thiserror::Error;

use crate::{
    aws::{self, AwsError},
    cluster::REGION,
    image,
    lifecycle::Lab,
    network,
    process::{ProcessError, Service},
};

/// Why a program could not be run in the lab.
#[derive(Debug, Error)]
pub enum ExecError {
    /// The administrator's access key could not be read.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// It could not be started.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl Lab {
    /// Runs the program on this terminal; returns its exit status, 130 if a signal ended it.
    pub fn exec<A: AsRef<OsStr>>(&self, program: &OsStr, arguments: &[A]) -> Result<u8, ExecError> {
        let status = self
            .command(program, arguments)?
            .status()
            .map_err(|source| starting(program, source))?;
        Ok(status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(130))
    }

    /// Runs the program with its output caught.
    pub fn output<A: AsRef<OsStr>>(
        &self,
        program: &OsStr,
        arguments: &[A],
    ) -> Result<Output, ExecError> {
        Ok(self
            .command(program, arguments)?
            .stdin(Stdio::null())
            .output()
            .map_err(|source| starting(program, source))?)
    }

    fn command<A: AsRef<OsStr>>(
        &self,
        program: &OsStr,
        arguments: &[A],
    ) -> Result<Command, ExecError> {
        let credential = aws::admin_credential(&self.layout)?;
        let service = Service::new(program, self.group.child("exec"))
            .args(
                arguments
                    .iter()
                    .map(|argument| OsString::from(argument.as_ref())),
            )
            .in_network(self.layout.network_namespace())
            .bind(self.layout.hosts(), "/etc/hosts")
            .env("PATH", self.path())
            .env("KUBECONFIG", self.layout.kubeconfig())
            .env("XDG_STATE_HOME", self.layout.run().join("state"))
            .env(
                "AWS_ENDPOINT_URL",
                format!("http://{}:{}", network::GATEWAY, aws::HTTP_PORT),
            )
            .env("AWS_CA_BUNDLE", self.layout.pki("aws-ca.crt"))
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", credential.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", credential.secret_access_key);
        let mut command = service.command()?;
        // Whoever calls may have an account of his own; nothing of it is for the lab.
        for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN"] {
            command.env_remove(name);
        }
        Ok(command)
    }

    /// `nodectl` and `nodeagent` of the same build come first, by name; the AWS CLI of the lab comes last.
    fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = image::program("nodectl").ok();
        let own = own.as_deref().and_then(Path::parent).map(Path::to_path_buf);
        let directories = own
            .into_iter()
            .chain(std::env::split_paths(&path))
            .chain([self.layout.cache().venv().join("bin")]);
        std::env::join_paths(directories).unwrap_or(path)
    }
}

fn starting(program: &OsStr, source: std::io::Error) -> ProcessError {
    ProcessError::Start {
        program: program.to_string_lossy().into_owned(),
        source,
    }
}
