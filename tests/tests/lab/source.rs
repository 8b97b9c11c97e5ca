//! Where the daemon reads log lines on a real machine: log files that appear, are rotated and emptied, and the kernel's log;
//! what is lost is counted, and nothing is when it need not be.

use std::time::{Duration, Instant};

use lab::{
    cloud::record::MachineRecord, guard::GuardedLab, lifecycle::Lab, machine::Wanted, setup,
};
use node::wire::{LogSource, SourceState};

use super::{
    DEADLINE, layout,
    look::{status, until},
    option::{ask, says},
    user_data,
};

/// A line is a finding within two seconds; asking takes a moment, too.
const DETECTION: Duration = Duration::from_secs(3);
const DIRECTORY: &str = "/var/log/aws-routed-eni";

/// Lines, each with its number, in a file that is put aside, as the VPC CNI does it, and emptied, as logrotate does it.
const ROTATE: &str = r#"
set -e
cd /var/log/aws-routed-eni
now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
number=0
lines() {
  for _ in $(seq 500); do
    number=$((number + 1))
    printf '{"level":"info","ts":"%s","msg":"line %s"}\n' "$now" "$number"
  done >> ipamd.log
}
for round in 1 2 3; do
  lines
  mv ipamd.log "ipamd-2026-01-0${round}T00-00-00.000.log"
  lines
  sleep 0.9
  lines
  [ ! -e ipamd.log.1 ] || mv ipamd.log.1 ipamd.log.2
  cp ipamd.log ipamd.log.1
  : > ipamd.log
  lines
  sleep 0.9
done
"#;
/// What it writes.
const ROTATED_LINES: u64 = 3 * 4 * 500;

#[test]
fn lines_are_read_wherever_they_are_written_and_gaps_are_counted() {
    let Some((cache, layout)) = layout("source") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let wanted = Wanted {
        user_data: user_data("eks-managed"),
        ..Wanted::default()
    };
    let record = lab.add_machine(&wanted).unwrap();
    lab.wait_ready(&record, DEADLINE).unwrap();

    // Without a VPC CNI nothing writes such a log.
    let source = source(&lab, &record, "ipamd").unwrap();
    assert_eq!(source.state, SourceState::Absent);
    a_log_file_is_followed_whatever_becomes_of_it(&lab, &record);
    the_kernel_is_heard_and_what_it_overwrote_is_counted(&lab, &record);
    a_restart_neither_loses_a_line_nor_reads_one_twice(&lab, &record);
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn a_log_file_is_followed_whatever_becomes_of_it(lab: &Lab, record: &MachineRecord) {
    says(lab, record, &["mkdir", DIRECTORY]);
    let began = Instant::now();
    says(lab, record, &["sh", "-c", &refused("subnet-1")]);
    opens(lab, record, "cni.subnet_full", began);
    let before = source(lab, record, "ipamd").unwrap().read;
    assert_eq!(before, 1);
    says(lab, record, &["sh", "-c", ROTATE]);
    let read = until_source(lab, record, "all lines", "ipamd", |source| {
        source.read >= before + ROTATED_LINES
    });
    assert_eq!(read.read, before + ROTATED_LINES, "a line was read twice");
    assert_eq!(read.gaps(), "");
}

fn the_kernel_is_heard_and_what_it_overwrote_is_counted(lab: &Lab, record: &MachineRecord) {
    let began = Instant::now();
    let message = "I/O error, dev nvme1n1, sector 20971392 op 0x1:(WRITE) flags 0x800 phys_seg 1";
    lab.kernel_says(record, message).unwrap();
    opens(lab, record, "storage.io_error", began);
    lab.kernel_says_after(record, 5, "eth0: link up").unwrap();
    let kernel = until_source(lab, record, "a gap", "kernel", |source| {
        !source.lost.is_empty()
    });
    assert_eq!(kernel.gaps(), "5 lines overrun");
    let page = String::from_utf8(ask(lab, record, &["nodeagent", "status"]).stdout).unwrap();
    assert!(
        page.contains("not read    kernel: 5 lines overrun"),
        "{page}"
    );
    let metrics = says(
        lab,
        record,
        &[
            "curl",
            "-sS",
            "--unix-socket",
            "/run/nodeagent/agent.sock",
            "http://localhost/metrics",
        ],
    );
    for line in [
        "nodeagent_lines_lost_total{source=\"kernel\",reason=\"overrun\"} 5",
        "nodeagent_source_up{source=\"kernel\"} 1",
        "nodeagent_source_up{source=\"kube-proxy\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

fn a_restart_neither_loses_a_line_nor_reads_one_twice(lab: &Lab, record: &MachineRecord) {
    says(lab, record, &["systemctl", "stop", "nodeagent"]);
    let script = format!(
        "{}; cd {DIRECTORY}; mv ipamd.log ipamd-2026-02-01T00-00-00.000.log; {}",
        refused("subnet-2"),
        refused("subnet-3")
    );
    says(lab, record, &["sh", "-c", &script]);
    lab.kernel_says_after(record, 2, "eth0: link down").unwrap();
    says(lab, record, &["systemctl", "start", "nodeagent"]);
    let file = until_source(lab, record, "what came meanwhile", "ipamd", |source| {
        source.read >= 2
    });
    assert_eq!((file.read, file.gaps().as_str()), (2, ""));
    let kernel = until_source(lab, record, "the kernel", "kernel", |source| {
        source.read > 0
    });
    assert_eq!(kernel.read, 1);
    assert_eq!(kernel.gaps(), "2 lines overrun");
    let journal = source(lab, record, "journal").unwrap();
    assert_eq!(journal.gaps(), "", "its place was found again");
    let status = status(lab, record).unwrap();
    let codes: Vec<&str> = status
        .findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect();
    assert!(codes.contains(&"storage.io_error"), "{codes:?}");
}

/// A script that has ipamd say that a subnet has no addresses left.
fn refused(subnet: &str) -> String {
    format!(
        "printf '{{\"level\":\"error\",\"ts\":\"%s\",\"caller\":\"ipamd/ipamd.go:934\",\"msg\":\"Failed to allocate a private \
         IP/Prefix addresses on ENI eni-1: InsufficientFreeAddressesInSubnet: {subnet}\"}}\\n' \
         \"$(date -u +%Y-%m-%dT%H:%M:%S.000Z)\" >> {DIRECTORY}/ipamd.log"
    )
}

/// Waits until the finding is open, and sees that it was soon.
fn opens(lab: &Lab, record: &MachineRecord, code: &str, began: Instant) {
    until(lab, code, || {
        let status = status(lab, record)?;
        let mut open = status.findings.iter();
        open.any(|finding| finding.code == code)
            .then_some(())
            .ok_or_else(|| format!("{:?}", status.findings))
    });
    let took = began.elapsed();
    println!("{code} open after {:.1} s", took.as_secs_f64());
    assert!(took < DETECTION, "{code} took {took:?}");
}

fn until_source(
    lab: &Lab,
    record: &MachineRecord,
    what: &str,
    name: &str,
    is_it: impl Fn(&LogSource) -> bool + Sync,
) -> LogSource {
    until(lab, what, || {
        let source = source(lab, record, name)?;
        if is_it(&source) {
            Ok(source)
        } else {
            Err(format!("{source:?}"))
        }
    })
}

fn source(lab: &Lab, record: &MachineRecord, name: &str) -> Result<LogSource, String> {
    let status = status(lab, record)?;
    let found = status.sources.into_iter().find(|of| of.name == name);
    found.ok_or_else(|| format!("there is no source {name}"))
}
