//! What no log tells, on real machines: daemons that hang without a word, a name that resolves no more, an endpoint that
//! nobody can reach, process ids that are nearly used up. Each is found, and taken back once it is over.

use std::time::Instant;

use lab::{
    cloud::record::MachineRecord,
    guard::GuardedLab,
    lifecycle::Lab,
    machine::Wanted,
    network::{self, Block},
    setup,
};
use node::wire::{OpenFinding, Status};

use super::{
    DEADLINE, layout,
    life::until,
    option::{ask, says},
    user_data,
};

/// In the subnet, and nobody's.
const NO_RESOLVER: &str = "10.88.0.250";

#[test]
fn what_no_log_tells_is_found_and_taken_back() {
    let Some((cache, layout)) = layout("probe") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let wanted = Wanted {
        user_data: user_data("eks-managed"),
        ..Wanted::default()
    };
    let [one, other] = [(); 2].map(|()| lab.add_machine(&wanted).unwrap());
    for record in [&one, &other] {
        lab.wait_ready(record, DEADLINE).unwrap();
    }

    // Daemons that hang: their units are active, and they say nothing.
    signal(&lab, &one, "kubelet", "SIGSTOP");
    signal(&lab, &other, "containerd", "SIGSTOP");
    shell(&lab, &other, NEAR);
    opens(&lab, &one, "kubelet.not_healthy");
    opens(&lab, &other, "runtime.not_ready");
    opens(&lab, &other, "kernel.limits_near");
    signal(&lab, &one, "kubelet", "SIGCONT");
    signal(&lab, &other, "containerd", "SIGCONT");
    shell(&lab, &other, FAR);
    let freed = jiff::Timestamp::now();
    clears(&lab, &one, "kubelet.not_healthy");
    clears(&lab, &other, "runtime.not_ready");

    // The way to the API server: its name, while the kubelet's connection stands; and the endpoint itself.
    shell(
        &lab,
        &one,
        &format!(
            "cp /etc/hosts /run/hosts; grep -v {0} /run/hosts > /etc/hosts; cp -P /etc/resolv.conf /run/resolv; rm /etc/resolv.conf; echo nameserver {NO_RESOLVER} > /etc/resolv.conf",
            lab.cluster.endpoint_host
        ),
    );
    let namespace = lab.layout.network_namespace();
    network::block(&namespace, other.private_ip, 443, Block::BlackHole).unwrap();
    opens(&lab, &one, "network.dns_unavailable");
    opens(&lab, &other, "network.api_timeout");
    shell(
        &lab,
        &one,
        "cat /run/hosts > /etc/hosts; rm /etc/resolv.conf; cp -P /run/resolv /etc/resolv.conf",
    );
    network::unblock(&namespace, other.private_ip, 443, Block::BlackHole).unwrap();
    clears(&lab, &one, "network.dns_unavailable");
    clears(&lab, &other, "network.api_timeout");

    // It is open until five minutes have passed in which nobody saw it.
    if let Some(finding) = find(&lab, &other, "kernel.limits_near").unwrap() {
        assert!(finding.last_seen < freed, "{finding:?}");
    }
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn signal(lab: &Lab, record: &MachineRecord, unit: &str, signal: &str) {
    let signal = format!("--signal={signal}");
    says(
        lab,
        record,
        &["systemctl", "kill", "--kill-who=main", &signal, unit],
    );
}

/// The kernel's limit is that of the host, so that a file stands for it: a quarter more than the machine's threads.
const NEAR: &str = "threads=$(cat /proc/[0-9]*/status 2>/dev/null | awk '/^Threads:/ {n += $2} END {print n}') \
    && echo $((threads * 5 / 4)) > /run/pid_max && mount --bind /run/pid_max /proc/sys/kernel/pid_max";
const FAR: &str = "umount /proc/sys/kernel/pid_max";

fn shell(lab: &Lab, record: &MachineRecord, script: &str) {
    says(lab, record, &["sh", "-c", script]);
}

fn opens(lab: &Lab, record: &MachineRecord, code: &str) {
    let began = Instant::now();
    until(lab, &format!("{code} of {}", record.name), || {
        match find(lab, record, code)? {
            Some(finding) => {
                let seconds = began.elapsed().as_secs_f64();
                println!("{code}: {:?} after {seconds:.1} s", finding.evidence);
                Ok(())
            }
            None => Err("it is not open".to_owned()),
        }
    });
}

fn clears(lab: &Lab, record: &MachineRecord, code: &str) {
    let began = Instant::now();
    until(
        lab,
        &format!("the end of {code} of {}", record.name),
        || match find(lab, record, code)? {
            Some(finding) => Err(format!("{finding:?}")),
            None => Ok(()),
        },
    );
    println!("{code}: over after {:.1} s", began.elapsed().as_secs_f64());
}

fn find(lab: &Lab, record: &MachineRecord, code: &str) -> Result<Option<OpenFinding>, String> {
    let output = ask(lab, record, &["nodeagent", "status", "-o", "json"]);
    let status: Status =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let mut open = status.findings.into_iter();
    Ok(open.find(|finding| finding.code == code))
}
