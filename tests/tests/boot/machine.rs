//! A machine that is a directory, a metadata service and an EC2 of one answer an action, each on a loopback port.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lab::cloud::credentials::MintedCredential;
use lab::cloud::imds::{self, Directory, DirectoryError, Faults, FixedDirectory};
use lab::cloud::record::MachineRecord;
use lab::virtual_root::Image;
use node::wire::Verdict;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::ec2::Ec2;

/// Has times in it, so it is never compared as a file.
const VERDICT: &str = "run/nodeagent/verdict.json";
/// What tells of a run, and so is another after each.
const REPORTS: [&str; 2] = [VERDICT, "run/nodeagent/boot.json"];

/// A text of a case with the values that stand for the cluster's.
pub(crate) fn fill_in(template: &str) -> String {
    template
        .replace("${CLUSTER_NAME}", "demo")
        .replace(
            "${API_SERVER_ENDPOINT}",
            "https://0123456789ABCDEF0123456789ABCDEF.gr7.us-west-2.eks.amazonaws.com",
        )
        .replace(
            "${CERTIFICATE_AUTHORITY}",
            &STANDARD.encode(include_str!("../../cases/ca.crt")),
        )
        .replace("${SERVICE_CIDR}", "10.100.0.0/16")
}

/// One machine whose requests to the metadata service are counted.
#[derive(Clone, Debug)]
struct Counting {
    inner: FixedDirectory,
    requests: Arc<AtomicU64>,
}

impl Directory for Counting {
    fn machine(&self, peer: IpAddr) -> Result<Option<MachineRecord>, DirectoryError> {
        // The service asks once for each request.
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.inner.machine(peer)
    }

    fn role_credential(
        &self,
        machine: &MachineRecord,
        now: Timestamp,
    ) -> Result<Option<MintedCredential>, DirectoryError> {
        self.inner.role_credential(machine, now)
    }

    fn faults(&self, machine: &MachineRecord) -> Result<Faults, DirectoryError> {
        self.inner.faults(machine)
    }
}

pub(crate) struct Machine {
    root: tempfile::TempDir,
    endpoint: String,
    metadata: Counting,
    service: JoinHandle<std::io::Result<()>>,
    pub(crate) ec2: Ec2,
    /// Files that were there before the first run.
    laid: BTreeMap<String, Vec<u8>>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.service.abort();
    }
}

impl Machine {
    /// A machine as an AMI leaves it, with this user data.
    pub(crate) async fn new(user_data: Option<&[u8]>) -> Self {
        let record = MachineRecord {
            user_data: user_data.map(|bytes| STANDARD.encode(bytes)),
            ..MachineRecord::typical()
        };
        Self::of(record, &Image::default()).await
    }

    /// The machine that EC2 and its image make it.
    pub(crate) async fn of(record: MachineRecord, image: &Image) -> Self {
        // In memory where that can be had: each file is synced, and a busy disk would be all that the suite waits for.
        let root = tempfile::tempdir_in("/dev/shm")
            .or_else(|_| tempfile::tempdir())
            .unwrap();
        image.write(root.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let metadata = Counting {
            inner: FixedDirectory::new(record),
            requests: Arc::default(),
        };
        let service = tokio::spawn(imds::serve(listener, metadata.clone()));
        let mut machine = Self {
            root,
            endpoint,
            metadata,
            service,
            ec2: Ec2::start().await,
            laid: BTreeMap::new(),
        };
        machine.laid = machine.files();
        machine
    }

    /// From now on EC2 knows it as this.
    pub(crate) fn set_record(&self, record: MachineRecord) {
        self.metadata.inner.set_record(record);
    }

    /// From now on this goes wrong with its metadata service.
    pub(crate) fn set_faults(&self, faults: Faults) {
        self.metadata.inner.set_faults(faults);
    }

    /// How many requests its metadata service has got.
    pub(crate) fn metadata_requests(&self) -> u64 {
        self.metadata.requests.load(Ordering::Relaxed)
    }

    /// Puts a file of its image or its user there.
    pub(crate) fn lay(&mut self, path: &str, content: Vec<u8>, permissions: fs::Permissions) {
        let target = self.path(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, &content).unwrap();
        fs::set_permissions(&target, permissions).unwrap();
        self.laid.insert(path.to_owned(), content);
    }

    /// Makes it again what it was before the first run.
    pub(crate) fn reset(&self) {
        for entry in fs::read_dir(self.root.path()).unwrap() {
            fs::remove_dir_all(entry.unwrap().path()).unwrap();
        }
        for (path, content) in &self.laid {
            let target = self.path(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, content).unwrap();
        }
    }

    /// Takes a file of its image away.
    pub(crate) fn take(&mut self, path: &str) {
        fs::remove_file(self.path(path)).unwrap();
        self.laid.remove(path);
    }

    /// The program under `name`, with this machine's services and no variable but those.
    pub(crate) fn command(&self, name: &str, arguments: &[String]) -> Command {
        let mut program = program();
        if name != "nodeagent" {
            let link = self.root.path().join(format!(".{name}/{name}"));
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            if !link.exists() {
                symlink(&program, &link).unwrap();
            }
            program = link;
        }
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg("--root")
            .arg(self.root.path())
            .env_clear()
            .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &self.endpoint)
            .env("AWS_ENDPOINT_URL", self.ec2.endpoint())
            // Never the bus of the machine that the suite runs on.
            .env(
                "DBUS_SYSTEM_BUS_ADDRESS",
                format!("unix:path={}/bus", self.root.path().display()),
            )
            .stdin(Stdio::null());
        command
    }

    /// `nodeagent init`, config phase only.
    pub(crate) fn config_phase(&self) -> Command {
        let arguments = ["init", "--skip", "run", "--skip", "join"].map(str::to_owned);
        self.command("nodeagent", &arguments)
    }

    /// Runs a command to its end without holding up the services.
    pub(crate) async fn run(&self, mut command: Command) -> Output {
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }

    /// What became of the last run; `None` before one that reports.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let content = fs::read(self.path(VERDICT)).ok()?;
        Some(serde_json::from_slice(&content).unwrap())
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// Every file below the root with its content, except reports and what was there before the first run and is still
    /// the same.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.root.path(), self.root.path(), &mut files);
        files.retain(|path, content| {
            !REPORTS.contains(&path.as_str()) && self.laid.get(path) != Some(content)
        });
        files
    }
}

/// The files below a directory by their path from `root`. Links are passed over: the program makes none.
pub(crate) fn collect(root: &Path, directory: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            collect(root, &path, files);
        } else if kind.is_file() {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            files.insert(name.to_owned(), fs::read(&path).unwrap());
        }
    }
}

/// `nodeagent` from the same build as this suite.
fn program() -> PathBuf {
    lab::image::program("nodeagent").unwrap()
}

/// Folder of the checked-in cases.
pub(crate) fn cases() -> PathBuf {
    lab::cluster::repository().join("tests/cases")
}
