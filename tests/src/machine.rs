//! Machines: systemd-nspawn containers with a real systemd, containerd and kubelet, each an instance in moto. This module
//! adds, lists and removes them; `machine/controller` does so for instances that others launch and terminate,
//! `machine/instance` says what a machine is from what EC2 knows of its instance, `machine/root` writes what differs between
//! two of them, `machine/user_data` fills in what they are told, `machine/boot` starts them, `machine/kernel_log` speaks
//! for their kernels.

mod boot;
pub mod controller;
mod instance;
mod kernel_log;
mod root;
mod user_data;

use std::{collections::BTreeMap, net::Ipv4Addr, path::PathBuf, process::Command};

use thiserror::Error;

pub use self::user_data::{DEFAULT as DEFAULT_USER_DATA, UserDataError};
use crate::{
    aws,
    cloud::{
        json_file::JsonFileError,
        moto::{Instance, InstanceSpec, MotoError},
        record::{self, MachineRecord},
    },
    cluster::NODE_ROLE,
    control_group::{ControlGroup, ControlGroupError},
    file::{self, FileError},
    image::{Features, Image, ImageError},
    lifecycle::Lab,
    network::{self, NetworkError},
    node_object::NodeObjectError,
    process::ProcessError,
    wait::WaitError,
};

/// Why there is no such machine.
#[derive(Debug, Error)]
pub enum MachineError {
    /// The image could not be made.
    #[error("making the machine image")]
    Image(#[from] ImageError),
    /// All addresses have been used.
    #[error("the lab has no address for another machine: `lab down`, then `lab up`")]
    Full,
    /// The host has too few inotify instances left.
    #[error(
        "this host has {free} inotify instances left of {limit} and a machine needs {needed}: end another lab, or `sysctl fs.inotify.max_user_instances=1024`"
    )]
    NoWatches {
        /// How many are left, counted up to what is needed.
        free: usize,
        /// How many a machine needs.
        needed: usize,
        /// How many a user may have.
        limit: String,
    },
    /// No machine of this name.
    #[error("lab `{lab}` has no machine `{name}`: `lab node list` shows those it has")]
    Unknown {
        /// The lab.
        lab: String,
        /// The name asked for.
        name: String,
    },
    /// The machine did not come up.
    #[error("machine `{name}` does not boot; its console, `{}`, ends with:\n{last_words}", console.display())]
    NotBooted {
        /// The machine.
        name: String,
        /// The file with its console.
        console: PathBuf,
        /// The end of its console.
        last_words: String,
        /// What was waited for.
        #[source]
        source: Box<WaitError>,
    },
    /// Its subnet has no router that the lab could be.
    #[error(
        "subnet `{subnet_id}` of `{instance_id}` has the network `{cidr}`, in which no machine can be"
    )]
    NoSubnet {
        /// The instance.
        instance_id: String,
        /// The subnet.
        subnet_id: String,
        /// Its network, as EC2 says it.
        cidr: String,
    },
    /// The user data could not be read.
    #[error(transparent)]
    UserData(#[from] UserDataError),
    /// moto did not run or end the instance.
    #[error("asking moto for an instance")]
    Moto(#[from] MotoError),
    /// Its Node could not be deleted.
    #[error(transparent)]
    NodeObject(#[from] NodeObjectError),
    /// The machine's description could not be read or written.
    #[error("keeping the description of a machine")]
    Record(#[from] JsonFileError),
    /// The lab's network could not be entered.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// A program could not be started.
    #[error("starting a machine")]
    Process(#[from] ProcessError),
    /// Its processes could not be ended.
    #[error("ending a machine")]
    ControlGroup(#[from] ControlGroupError),
    /// A file of it could not be written.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A machine that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its instance type.
    pub instance_type: String,
    /// Its role. Only [`NODE_ROLE`] has an access entry; any other one is created in IAM and is a stranger to the
    /// cluster.
    pub role: String,
    /// Its user data, with placeholders for what the cluster is.
    pub user_data: Vec<u8>,
    /// What its metadata say other than they would: values by their path below `meta-data/`.
    pub metadata: BTreeMap<String, String>,
    /// In what its image differs from the usual one.
    pub features: Features,
    /// Files that its image has beyond that: path from the root on, content.
    pub files: Vec<(&'static str, String)>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            instance_type: "m5.large".to_owned(),
            role: NODE_ROLE.to_owned(),
            user_data: DEFAULT_USER_DATA.to_vec(),
            metadata: BTreeMap::new(),
            features: Features::default(),
            files: Vec::new(),
        }
    }
}

impl Lab {
    /// Adds a machine and waits until its systemd runs; what becomes of it then is the agent's business.
    pub fn add_machine(&self, wanted: &Wanted) -> Result<MachineRecord, MachineError> {
        let record = self.create_machine(wanted)?;
        self.start_machine(&record)?;
        Ok(record)
    }

    /// Adds a machine that does not run yet, so that something can be changed before its first boot.
    pub fn create_machine(&self, wanted: &Wanted) -> Result<MachineRecord, MachineError> {
        let _held = file::lock(&self.layout.lock())?;
        let image = Image::build(self.layout.cache(), wanted.features)?;
        let user_data = self.fill_in(&wanted.user_data)?;
        let number = self.next_number()?;
        let own_address = u8::try_from(number)
            .ok()
            .filter(|number| *number <= network::LAST_MACHINE)
            .map(network::machine_address);
        let private_ip = own_address.ok_or(MachineError::Full)?;
        self.use_number(number)?;
        let instance = self.inside(|| async {
            self.run_instance(wanted, number, private_ip, user_data)
                .await
        })??;
        let record = MachineRecord {
            metadata: wanted.metadata.clone(),
            ..self.describe(&instance, number)?
        };
        self.keep(&record, number, &image, &wanted.files)?;
        Ok(record)
    }

    /// Starts the machine with all that it has written and with what its record says now, and waits until its systemd
    /// runs. One that runs is ended first, as a crash would.
    pub fn start_machine(&self, record: &MachineRecord) -> Result<(), MachineError> {
        let _held = file::lock(&self.layout.lock())?;
        let image = Image::read(&root::image(self, record))?;
        record::write(&self.layout.run(), record)?;
        self.boot(record, &image)
    }

    /// The machines of the lab, oldest first.
    pub fn machines(&self) -> Result<Vec<MachineRecord>, MachineError> {
        let mut records = record::read_all(&self.layout.run())?;
        records.sort_by_key(|record| record.private_ip);
        Ok(records)
    }

    /// The machine of this name, this instance id or this node name.
    pub fn machine(&self, name: &str) -> Result<MachineRecord, MachineError> {
        self.machines()?
            .into_iter()
            .find(|record| {
                [&record.name, &record.instance_id, &record.local_hostname]
                    .contains(&&name.to_owned())
            })
            .ok_or_else(|| MachineError::Unknown {
                lab: self.layout.name().to_owned(),
                name: name.to_owned(),
            })
    }

    /// Ends the machine, terminates its instance and removes its files and its Node.
    pub fn remove_machine(&self, record: &MachineRecord) -> Result<(), MachineError> {
        let _held = file::lock(&self.layout.lock())?;
        self.inside(|| async { aws::moto().terminate_instance(&record.instance_id).await })??;
        self.take_away(record)
    }

    /// Value of a tag of the machine's instance, as EC2 knows it.
    pub fn instance_tag(
        &self,
        record: &MachineRecord,
        key: &str,
    ) -> Result<Option<String>, MachineError> {
        let asked =
            self.inside(async || aws::moto().instance_tag(&record.instance_id, key).await)?;
        Ok(asked?)
    }

    /// The files of the machine that are not those of its image. Before it first starts they can be changed.
    pub fn machine_layer(&self, record: &MachineRecord) -> PathBuf {
        root::layer(self, record)
    }

    /// A command that runs what is appended to it inside the machine, as root; `None` when the machine does not run.
    pub fn enter(&self, record: &MachineRecord) -> Option<Command> {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--target={}", self.machine_init(record)?))
            .arg("--all")
            .args(["--", "env", "-i", "HOME=/root", "LANG=C.UTF-8"])
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .arg(format!(
                "TERM={}",
                std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned())
            ));
        Some(command)
    }

    /// The process id of the machine's PID 1 as this host sees it; none when the machine does not run.
    pub fn machine_init(&self, record: &MachineRecord) -> Option<u32> {
        let payload = self.machine_group(record).child("payload");
        payload.child("init.scope").processes().first().copied()
    }

    /// The control group of the machine's `runtime.slice`, in which the kubelet, containerd and the agent run.
    pub fn slice(&self, record: &MachineRecord) -> ControlGroup {
        let payload = self.machine_group(record).child("payload");
        payload.child("runtime.slice")
    }

    fn machine_group(&self, record: &MachineRecord) -> ControlGroup {
        self.group.child("machine").child(&record.name)
    }

    /// Writes the files of a new machine, the record last: from then on there is a machine.
    fn keep(
        &self,
        record: &MachineRecord,
        number: u16,
        image: &Image,
        files: &[(&'static str, String)],
    ) -> Result<(), MachineError> {
        root::write(self, record, number, files)?;
        image.write(&root::image(self, record))?;
        Ok(record::write(&self.layout.run(), record)?)
    }

    fn boot(&self, record: &MachineRecord, image: &Image) -> Result<(), MachineError> {
        self.inside(|| async { boot::start(self, record, image).await })?
    }

    /// Ends all that runs in the machine of a terminated instance and removes all that is kept of it, the record last: until
    /// then there is something to take away.
    fn take_away(&self, record: &MachineRecord) -> Result<(), MachineError> {
        self.inside(|| async { self.machine_group(record).remove().await })??;
        self.delete_node(record)?;
        file::remove(&self.layout.machine(&record.name))?;
        Ok(record::remove(&self.layout.run(), &record.instance_id)?)
    }

    /// The number of the next machine.
    fn next_number(&self) -> Result<u16, MachineError> {
        let path = self.next_machine();
        let number = match file::read(&path) {
            Ok(text) => text.trim().parse().map_err(|_| MachineError::Full)?,
            Err(_) if !path.exists() => 1,
            Err(error) => return Err(error.into()),
        };
        if number > network::LAST_NUMBER {
            return Err(MachineError::Full);
        }
        Ok(number)
    }

    /// No number is used twice: moto does not give back the address of every terminated instance.
    fn use_number(&self, number: u16) -> Result<(), FileError> {
        file::write(&self.next_machine(), (number + 1).to_string())
    }

    fn next_machine(&self) -> PathBuf {
        self.layout.run().join("next-machine")
    }

    async fn run_instance(
        &self,
        wanted: &Wanted,
        number: u16,
        private_ip: Ipv4Addr,
        user_data: Vec<u8>,
    ) -> Result<Instance, MotoError> {
        let moto = aws::moto();
        moto.create_instance_role(&wanted.role, &wanted.role)
            .await?;
        let tags = BTreeMap::from([
            (
                "Name".to_owned(),
                format!("{}-{}", self.cluster.name, machine_name(number)),
            ),
            (
                format!("kubernetes.io/cluster/{}", self.cluster.name),
                "owned".to_owned(),
            ),
            ("eks:cluster-name".to_owned(), self.cluster.name.clone()),
        ]);
        let instance_id = moto
            .run_instance(&InstanceSpec {
                image_id: self.cluster.image_id.clone(),
                instance_type: wanted.instance_type.clone(),
                subnet_id: self.cluster.subnet_id.clone(),
                private_ip,
                instance_profile: Some(wanted.role.clone()),
                user_data: Some(user_data),
                tags,
            })
            .await?;
        moto.instance(&instance_id).await
    }
}

fn machine_name(number: u16) -> String {
    format!("node-{number}")
}
