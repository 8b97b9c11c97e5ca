//! `lab node`: machines by name.

use std::{ffi::OsString, os::unix::process::CommandExt, time::Duration};

use super::{AddArgs, CommandError, NodeCommand, Output};
use crate::{
    cloud::record::MachineRecord, file, image::Features, lifecycle::Lab, machine::Wanted, progress,
};

/// How long a machine may take from its start to a Ready Node when somebody waits for it.
const READY_DEADLINE: Duration = Duration::from_mins(2);

pub(super) fn run(lab: &Lab, command: &NodeCommand) -> Result<u8, CommandError> {
    match command {
        NodeCommand::Add(arguments) => add(lab, arguments)?,
        NodeCommand::Rm { machines } => {
            for name in machines {
                let record = lab.machine(name)?;
                let step = progress::step(format!("{} terminated", record.name));
                lab.remove_machine(&record)?;
                step.done();
            }
        }
        NodeCommand::List { output } => list(lab, *output)?,
        NodeCommand::Shell { machine, program } => return shell(lab, machine, program),
    }
    Ok(0)
}

fn add(lab: &Lab, arguments: &AddArgs) -> Result<(), CommandError> {
    let mut wanted = Wanted {
        instance_type: arguments.instance_type.clone(),
        role: arguments.role.clone(),
        features: Features {
            containerd_2: arguments.containerd == 2,
            nodeadm: arguments.nodeadm,
            cloud_init: arguments.cloud_init,
        },
        ..Wanted::default()
    };
    if let Some(path) = &arguments.user_data {
        wanted.user_data = file::read_bytes(path)?;
    }
    let mut added = Vec::new();
    for _ in 0..arguments.count {
        let step = progress::step(format!("{} booted", wanted.instance_type));
        let record = lab.add_machine(&wanted)?;
        step.done_with(format_args!("{} {}", record.name, record.instance_id));
        progress::data(&record.name).map_err(CommandError::Output)?;
        added.push(record);
    }
    if arguments.wait {
        for record in &added {
            let step = progress::step(format!("{} Ready", record.local_hostname));
            lab.wait_ready(record, READY_DEADLINE)?;
            step.done();
        }
    }
    Ok(())
}

fn list(lab: &Lab, output: Output) -> Result<(), CommandError> {
    let records = lab.machines()?;
    if matches!(output, Output::Json) {
        let machines: Vec<_> = records
            .iter()
            .map(|record| described(lab, record))
            .collect();
        let document = serde_json::json!({
            "apiVersion": "nodectl.dev/v1alpha1",
            "kind": "LabMachineList",
            "items": machines,
        });
        return progress::data(&format_args!("{document:#}")).map_err(CommandError::Output);
    }
    let mut rows =
        vec![["NAME", "INSTANCE", "TYPE", "ADDRESS", "ROLE", "STATE"].map(str::to_owned)];
    rows.extend(records.iter().map(|record| {
        [
            record.name.clone(),
            record.instance_id.clone(),
            record.instance_type.clone(),
            record.private_ip.to_string(),
            record.role.clone().unwrap_or_default(),
            state(lab, record).to_owned(),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        progress::data(&cells.join("   ").trim_end()).map_err(CommandError::Output)?;
    }
    Ok(())
}

fn described(lab: &Lab, record: &MachineRecord) -> serde_json::Value {
    serde_json::json!({
        "name": record.name,
        "instanceId": record.instance_id,
        "instanceType": record.instance_type,
        "address": record.private_ip,
        "nodeName": record.local_hostname,
        "role": record.role,
        "console": record.console,
        "state": state(lab, record),
    })
}

fn state(lab: &Lab, record: &MachineRecord) -> &'static str {
    if lab.machine_init(record).is_some() {
        "running"
    } else {
        "stopped"
    }
}

/// Becomes a shell, or another program, in the machine; returns only when that is not possible.
fn shell(lab: &Lab, machine: &str, program: &[OsString]) -> Result<u8, CommandError> {
    let record = lab.machine(machine)?;
    let mut command = lab.enter(&record).ok_or_else(|| CommandError::NotRunning {
        name: record.name.clone(),
    })?;
    if program.is_empty() {
        command.args(["/bin/bash", "--login"]);
    } else {
        command.args(program);
    }
    Err(CommandError::Output(command.exec()))
}
