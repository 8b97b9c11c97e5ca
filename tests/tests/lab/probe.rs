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
use node::wire::{OpenFinding, Outcome};

use super::{
    DEADLINE, layout,
    look::{status, until},
    option::says,
    user_data,
};

/// In the subnet, and nobody's.
const NO_RESOLVER: &str = "10.88.0.250";

const UNRESOLVED: &str = "cp /etc/hosts /run/hosts; grep -v $HOST /run/hosts > /etc/hosts; \
    cp -P /etc/resolv.conf /run/resolv; rm /etc/resolv.conf; echo nameserver $RESOLVER > /etc/resolv.conf";
const RESOLVED: &str =
    "cat /run/hosts > /etc/hosts; rm /etc/resolv.conf; cp -P /run/resolv /etc/resolv.conf";
/// The kernel's limit is that of the host, so that a file stands for it; the processes are real.
const NEAR: &str = "echo 300 > /run/pid_max && mount --bind /run/pid_max /proc/sys/kernel/pid_max && \
    systemd-run --quiet --unit=lab-many sh -c 'for i in $(seq 220); do sleep 900 & done; wait'";
const FAR: &str = "systemctl stop lab-many && umount /proc/sys/kernel/pid_max";

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
        until(&lab, &format!("{} to know it", record.name), || {
            let outcome = status(&lab, record)?.verdict.map(|verdict| verdict.outcome);
            (outcome == Some(Outcome::Joined))
                .then_some(())
                .ok_or_else(|| format!("{outcome:?}"))
        });
    }
    let namespace = lab.layout.network_namespace();

    // Daemons that hang: their units are active, and they say nothing.
    signal(&lab, &one, "kubelet", "SIGSTOP");
    signal(&lab, &other, "containerd", "SIGSTOP");
    // The way to the API server: its name, and the endpoint itself.
    let host = &lab.cluster.endpoint_host;
    shell(
        &lab,
        &one,
        &format!("HOST={host}; RESOLVER={NO_RESOLVER}; {UNRESOLVED}"),
    );
    network::block(&namespace, other.private_ip, 443, Block::BlackHole).unwrap();
    shell(&lab, &one, NEAR);
    let codes = [
        (&one, "kubelet.not_healthy"),
        (&other, "runtime.not_ready"),
        (&one, "network.dns_unavailable"),
        (&other, "network.api_timeout"),
        (&one, "kernel.limits_near"),
    ];
    for (record, code) in codes {
        opens(&lab, record, code);
    }

    signal(&lab, &one, "kubelet", "SIGCONT");
    signal(&lab, &other, "containerd", "SIGCONT");
    shell(&lab, &one, RESOLVED);
    network::unblock(&namespace, other.private_ip, 443, Block::BlackHole).unwrap();
    shell(&lab, &one, FAR);
    let over = jiff::Timestamp::now();
    let [mendable @ .., (crowded, limits)] = &codes;
    for (record, code) in mendable {
        clears(&lab, record, code);
    }
    // It is open until five minutes have passed in which nobody saw it.
    let finding = find(&lab, crowded, limits).unwrap();
    assert!(finding.is_none_or(|finding| finding.last_seen < over));

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
    let mut open = status(lab, record)?.findings.into_iter();
    Ok(open.find(|finding| finding.code == code))
}
