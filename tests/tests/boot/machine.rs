//! A machine that is a directory and a metadata service on a loopback port.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lab::cloud::imds::{self, FixedDirectory};
use lab::cloud::record::MachineRecord;
use lab::virtual_root;
use node::wire::Verdict;
use tokio::net::TcpListener;

pub(crate) const CA: &str =
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUEXAMPLE\n-----END CERTIFICATE-----\n";

/// User data of a case with the values that stand for the cluster's.
pub(crate) fn fill_in(template: &str) -> String {
    template
        .replace("${CLUSTER_NAME}", "demo")
        .replace(
            "${API_SERVER_ENDPOINT}",
            "https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com",
        )
        .replace("${CERTIFICATE_AUTHORITY}", &STANDARD.encode(CA))
        .replace("${SERVICE_CIDR}", "10.100.0.0/16")
}

pub(crate) struct Machine {
    root: tempfile::TempDir,
    endpoint: String,
    service: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.service.abort();
    }
}

impl Machine {
    /// A machine as an AMI leaves it, with this user data.
    pub(crate) async fn new(user_data: Option<&[u8]>) -> Self {
        let root = tempfile::tempdir().unwrap();
        virtual_root::prepare(root.path()).unwrap();
        let record = MachineRecord {
            user_data: user_data.map(|bytes| STANDARD.encode(bytes)),
            ..MachineRecord::typical()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let service = tokio::spawn(imds::serve(listener, FixedDirectory::new(record)));
        Self {
            root,
            endpoint,
            service,
        }
    }

    /// `nodeagent init`, config phase only.
    pub(crate) fn config_phase(&self) -> Command {
        let mut command = Command::new(program());
        command
            .args(["init", "--skip", "run", "--skip", "join", "--root"])
            .arg(self.root.path())
            .env_clear()
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.endpoint)
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs a command to its end without holding up the metadata service.
    pub(crate) async fn run(&self, mut command: Command) -> Output {
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        serde_json::from_slice(&fs::read(self.path("run/nodeagent/verdict.json")).unwrap()).unwrap()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Every file below the root with its content, except what the AMI brings and reports with times in them.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.root.path(), self.root.path(), &mut files);
        files.retain(|path, _| {
            !virtual_root::is_prepared(path) && path != "run/nodeagent/verdict.json"
        });
        files
    }
}

fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            files.insert(name, fs::read(&path).unwrap());
        }
    }
}

/// `nodeagent` from the same build as this suite.
pub(crate) fn program() -> PathBuf {
    lab::image::program("nodeagent").unwrap()
}

/// Folder of the checked-in cases.
pub(crate) fn cases() -> PathBuf {
    lab::cluster::repository().join("tests/cases")
}
