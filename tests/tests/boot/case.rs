//! The form of a case folder. What `case.toml` may hold is here, key by key; unknown keys are refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use lab::cloud::imds::Fault;
use lab::cloud::record::MachineRecord;
use lab::virtual_root::Image;
use serde::Deserialize;
use serde_json::Value;

/// `case.toml` of a case or of one of its later steps.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Case {
    /// The fact that the case shows, as a claim.
    pub(crate) about: String,
    /// The family of facts, in the words of the documentation, such as `kubelet flags`.
    pub(crate) row: String,
    /// What is run.
    pub(crate) run: Run,
    /// What EC2 and the image make the machine.
    pub(crate) machine: MachineFacts,
    /// What must be so afterwards.
    pub(crate) expect: Expect,
}

/// What is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Run {
    /// Arguments without `--root`.
    pub(crate) args: Vec<String>,
    /// `nodeagent`, or another name under which the program is called through a link.
    pub(crate) name: String,
    /// Exit code.
    pub(crate) exit: i32,
    /// Variables besides those of the services. A value may say `${ROOT}`.
    pub(crate) env: BTreeMap<String, String>,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            args: ["init", "--skip", "run", "--skip", "join"]
                .map(str::to_owned)
                .to_vec(),
            name: "nodeagent".to_owned(),
            exit: 0,
            env: BTreeMap::new(),
        }
    }
}

impl Run {
    /// Whether what is run writes configuration and a verdict.
    pub(crate) fn is_init(&self) -> bool {
        self.args.iter().any(|argument| argument == "init")
    }
}

/// What EC2 and the image make the machine. What is not said is as in [`MachineRecord::typical`] and
/// [`Image::default`]; in a later step, as in the step before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MachineFacts {
    instance_type: Option<String>,
    instance_id: Option<String>,
    region: Option<String>,
    availability_zone: Option<String>,
    local_hostname: Option<String>,
    private_ip: Option<std::net::Ipv4Addr>,
    /// IPv6 addresses of the primary interface.
    ipv6: Vec<String>,
    /// Empty for an instance without a role.
    role: Option<String>,
    /// Tags that the metadata service shows.
    tags: BTreeMap<String, String>,
    /// Values by their path below `meta-data/`.
    metadata: BTreeMap<String, String>,
    /// Version; empty when none is installed.
    kubelet: Option<String>,
    /// Version; empty when none is installed.
    containerd: Option<String>,
    cpus: Option<u32>,
    memory_gib: Option<u64>,
    /// Files of the image that this one lacks.
    pub(crate) lacks: Vec<String>,
    /// What goes wrong with the metadata service.
    pub(crate) faults: Vec<Fault>,
}

impl MachineFacts {
    /// What EC2 knows of the machine.
    pub(crate) fn record(&self, before: &MachineRecord) -> MachineRecord {
        let mut record = before.clone();
        let set = |field: &mut String, value: &Option<String>| {
            if let Some(value) = value {
                field.clone_from(value);
            }
        };
        set(&mut record.instance_type, &self.instance_type);
        set(&mut record.instance_id, &self.instance_id);
        set(&mut record.region, &self.region);
        set(&mut record.availability_zone, &self.availability_zone);
        set(&mut record.local_hostname, &self.local_hostname);
        if let Some(address) = self.private_ip {
            record.private_ip = address;
        }
        if let Some(role) = &self.role {
            record.role = Some(role.clone()).filter(|role| !role.is_empty());
            record.instance_profile.clone_from(&record.role);
        }
        if !self.ipv6.is_empty() {
            let path = format!("network/interfaces/macs/{}/ipv6s", record.mac);
            record.metadata.insert(path, self.ipv6.join("\n"));
        }
        record.metadata_tags |= !self.tags.is_empty();
        record.tags.extend(self.tags.clone());
        record.metadata.extend(self.metadata.clone());
        record
    }

    /// What the image and the kernel bring.
    pub(crate) fn image(&self) -> Image {
        let typical = Image::default();
        let version = |given: &Option<String>, typical| match given {
            Some(version) => Some(version.clone()).filter(|version| !version.is_empty()),
            None => typical,
        };
        Image {
            kubelet: version(&self.kubelet, typical.kubelet),
            containerd: version(&self.containerd, typical.containerd),
            cpus: self.cpus.unwrap_or(typical.cpus),
            memory_gib: self.memory_gib.unwrap_or(typical.memory_gib),
        }
    }
}

/// What must be so afterwards. Paths are from the root of the machine, without a slash at the front.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    /// Texts that standard error holds.
    pub(crate) stderr: Vec<String>,
    /// Texts that neither stream holds.
    pub(crate) silent_about: Vec<String>,
    /// Texts that standard output holds.
    pub(crate) stdout: Vec<String>,
    /// Values of standard output, a JSON document, by JSON pointer.
    pub(crate) stdout_json: BTreeMap<String, Value>,
    /// The warnings of the verdict, each by a text that it holds. There must be no others.
    pub(crate) warnings: Vec<String>,
    /// Code of the verdict's root cause.
    pub(crate) code: Option<String>,
    /// Files that are not there.
    pub(crate) absent: Vec<String>,
    /// No file was written, removed or touched, except the verdict.
    pub(crate) untouched: bool,
    /// Values by JSON pointer, by file. The text `(absent)` means that there is none.
    pub(crate) json: BTreeMap<String, BTreeMap<String, Value>>,
    /// The same for files of TOML.
    pub(crate) toml: BTreeMap<String, BTreeMap<String, Value>>,
    /// Lines of a text file, without the space around them.
    pub(crate) lines: BTreeMap<String, Vec<String>>,
    /// Flags of the kubelet.
    pub(crate) flags: Vec<String>,
    /// The last flags of the kubelet, in this order.
    pub(crate) last_flags: Vec<String>,
    /// Beginnings that no flag of the kubelet has.
    pub(crate) no_flags: Vec<String>,
    /// Permission bits by file, such as `0600`.
    pub(crate) modes: BTreeMap<String, String>,
    /// Actions of EC2 that were called, in their order. None unless said.
    pub(crate) ec2: Vec<String>,
    /// Most requests that the metadata service may have got.
    pub(crate) metadata_requests: Option<u64>,
}

/// One step: a folder with its `case.toml`.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) folder: PathBuf,
    pub(crate) case: Case,
}

impl Step {
    /// Reads a folder.
    fn read(folder: &Path) -> Result<Self, String> {
        let file = folder.join("case.toml");
        let text = fs::read_to_string(&file).map_err(|error| format!("case.toml: {error}"))?;
        // The tables of the two crates are the same tree; this way no crate of TOML is needed here.
        let table = node::config::merge::parse_toml(&text).map_err(|error| error.to_string())?;
        let tree = serde_json::to_value(table).map_err(|error| error.to_string())?;
        let case = serde_json::from_value(tree).map_err(|error| format!("case.toml: {error}"))?;
        Ok(Self {
            folder: folder.to_owned(),
            case,
        })
    }

    /// The whole files that are compared.
    pub(crate) fn expected(&self) -> PathBuf {
        self.folder.join("expected")
    }

    fn expects_something(&self) -> bool {
        let Expect {
            stderr,
            silent_about,
            stdout,
            stdout_json,
            warnings,
            code,
            absent,
            untouched,
            json,
            toml,
            lines,
            flags,
            last_flags,
            no_flags,
            modes,
            ec2,
            metadata_requests,
        } = &self.case.expect;
        let lists = [
            stderr,
            silent_about,
            stdout,
            warnings,
            absent,
            flags,
            last_flags,
            no_flags,
            ec2,
        ];
        lists.iter().any(|list| !list.is_empty())
            || [json, toml].iter().any(|files| !files.is_empty())
            || !stdout_json.is_empty()
            || !lines.is_empty()
            || !modes.is_empty()
            || code.is_some()
            || *untouched
            || metadata_requests.is_some()
            || self.expected().is_dir()
    }
}

/// The steps of a case: its folder, `then/` below it, `then/` below that.
pub(crate) fn steps(folder: &Path) -> Result<Vec<Step>, String> {
    let first = Step::read(folder)?;
    if !first.case.about.ends_with('.') || first.case.row.is_empty() {
        return Err("case.toml says neither `about`, a sentence, nor `row`".to_owned());
    }
    let mut steps = vec![first];
    let mut next = folder.join("then");
    while next.is_dir() {
        steps.push(Step::read(&next)?);
        next.push("then");
    }
    match steps.iter().find(|step| !step.expects_something()) {
        Some(step) => Err(format!("`{}` expects nothing", step.folder.display())),
        None => Ok(steps),
    }
}
