//! Troubles of a node that has joined, made for real on real machines: each is named within its time, on the Node as an
//! event and where it is fatal as a condition, and all of it is taken back after the repair.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lab::{
    cloud::record::MachineRecord, guard::GuardedLab, lifecycle::Lab, machine::Wanted, setup,
};

use super::{
    DEADLINE, layout,
    life::{OWN, conditions, events, wait_conditions},
    look::{status, until, until_within},
    option::says,
    user_data,
};

const TAKEN_BACK: Duration = Duration::from_mins(7);

/// What is to be seen of a trouble.
#[derive(Clone, Copy)]
struct Sign {
    code: &'static str,
    /// Reason of its event, and of its condition.
    reason: &'static str,
    /// The condition that turns False, where the finding is fatal and has one.
    condition: Option<&'static str>,
}

/// A trouble that scripts make and take away.
struct Trouble {
    make: &'static str,
    repair: &'static str,
    sign: Sign,
}

/// A volume of the kubelet's own, as small as it takes one, and a kubelet that leaves a full disk alone: that it had to evict
/// pods is a finding of its own, for ten minutes.
const VOLUME: [(&str, &str); 3] = [
    (
        "etc/systemd/system/var-lib-kubelet.mount",
        "[Mount]\nWhat=tmpfs\nWhere=/var/lib/kubelet\nType=tmpfs\nOptions=size=1280M\n",
    ),
    (
        "etc/systemd/system/local-fs.target.d/10-volume.conf",
        "[Unit]\nRequires=var-lib-kubelet.mount\nAfter=var-lib-kubelet.mount\n",
    ),
    (
        "etc/eks/nodeadm.d/50-disk.yaml",
        "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec: {kubelet: {config: {imageGCHighThresholdPercent: 100, evictionHard: {nodefs.available: 1%, imagefs.available: 1%, memory.available: 100Mi}}}}\n",
    ),
];

/// Those that a machine has while the connections of the one before are forgotten.
const AT_ONCE: [Trouble; 2] = [
    Trouble {
        make: "fallocate --length 1240M /var/lib/kubelet/fill",
        repair: "rm /var/lib/kubelet/fill",
        sign: Sign {
            code: "storage.disk_full",
            reason: "StorageDiskFull",
            condition: None,
        },
    },
    Trouble {
        make: "mv /etc/cni/net.d/10-lab-bridge.conflist /var/tmp/",
        // containerd 1.7 sees a file that is written, not one that is moved here.
        repair: "cp /var/tmp/10-lab-bridge.conflist /etc/cni/net.d/",
        sign: Sign {
            code: "cni.not_ready",
            reason: "CniNotReady",
            condition: Some("nodectl.dev/Networking"),
        },
    },
];

/// Nobody answers, so that each packet is a connection for half a minute.
const CONNECTIONS: Trouble = Trouble {
    make: "systemd-run --quiet --unit flood perl -MSocket -e '
        socket(S, PF_INET, SOCK_DGRAM, 0);
        open(F, q(/proc/sys/net/netfilter/nf_conntrack_max));
        my $wanted = int(<F> * 0.95 / 4);
        while (1) {
            for my $host (1 .. 4) {
                my $address = inet_aton(qq(127.0.1.$host));
                send(S, q(x), 0, sockaddr_in($_, $address)) for (1 .. $wanted);
            }
            sleep 5;
        }'",
    repair: "systemctl stop flood",
    sign: Sign {
        code: "network.conntrack_full",
        reason: "NetworkConntrackFull",
        condition: None,
    },
};

const KUBELET_DIES: Trouble = Trouble {
    make: "for kill in 1 2 3; do
            until systemctl is-active --quiet kubelet; do sleep 0.2; done
            systemctl kill --signal KILL kubelet
            while systemctl is-active --quiet kubelet; do sleep 0.2; done
        done",
    repair: "until systemctl is-active --quiet kubelet; do sleep 0.2; done",
    sign: Sign {
        code: "kubelet.crash_loop",
        reason: "KubeletCrashLoop",
        condition: None,
    },
};

const GIVEN_UP: &str = "EXT4-fs (nvme1n1): Remounting filesystem read-only";
const DISK_FAILS: Sign = Sign {
    code: "storage.read_only",
    reason: "StorageReadOnly",
    condition: Some("nodectl.dev/Storage"),
};

#[test]
fn troubles_of_a_node_are_named_and_taken_back() {
    let Some((cache, layout)) = layout("trouble") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let add = |files: &[(&'static str, &str)]| {
        let files = files.iter().map(|(path, text)| (*path, (*text).to_owned()));
        let wanted = Wanted {
            user_data: user_data("eks-managed"),
            files: files.collect(),
            ..Wanted::default()
        };
        lab.add_machine(&wanted).unwrap()
    };
    let (many, dying) = (add(&VOLUME), add(&[]));
    for record in [&many, &dying] {
        lab.wait_ready(record, DEADLINE).unwrap();
        wait_conditions(&lab, record, &OWN, "True", "NoFatalFinding");
    }
    // That there are few connections again counts after five minutes.
    let first = [(&dying, KUBELET_DIES), (&many, CONNECTIONS)];
    for (record, trouble) in &first {
        says(&lab, record, &["sh", "-c", trouble.make]);
    }
    for (record, trouble) in &first {
        is_named(&lab, record, trouble.sign);
        says(&lab, record, &["sh", "-c", trouble.repair]);
    }
    for trouble in AT_ONCE {
        says(&lab, &many, &["sh", "-c", trouble.make]);
    }
    for trouble in AT_ONCE {
        is_named(&lab, &many, trouble.sign);
    }
    for trouble in AT_ONCE {
        says(&lab, &many, &["sh", "-c", trouble.repair]);
    }
    is_well(&lab, &dying);
    // What the kernel gave up on lasts until the next boot.
    lab.kernel_says(&dying, GIVEN_UP).unwrap();
    is_named(&lab, &dying, DISK_FAILS);
    lab.start_machine(&dying).unwrap();
    for record in [&dying, &many] {
        is_well(&lab, record);
    }
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn is_named(lab: &Lab, record: &MachineRecord, sign: Sign) {
    let began = Instant::now();
    let Sign {
        code,
        reason,
        condition,
    } = sign;
    until(lab, code, || {
        let open = open(lab, record)?;
        let events = events(lab, record);
        let conditions = conditions(lab, record);
        let has_event = events
            .iter()
            .any(|(of, kind)| of == reason && kind == "Warning");
        // Another fault may be the condition's reason.
        let is_false = condition.is_none_or(|name| {
            conditions
                .get(name)
                .is_some_and(|(status, _)| status == "False")
        });
        (open.contains(code) && has_event && is_false)
            .then_some(())
            .ok_or_else(|| format!("{open:?}, {events:?}, {conditions:?}"))
    });
    let seconds = began.elapsed().as_secs_f64();
    println!("{code}: open, with its event and {condition:?}, after {seconds:.1} s");
}

/// Nothing fatal and nothing to warn of is open, and the Node says so.
fn is_well(lab: &Lab, record: &MachineRecord) {
    let began = Instant::now();
    until_within(TAKEN_BACK, lab, "all taken back", || {
        let open = open(lab, record)?;
        open.is_empty()
            .then_some(())
            .ok_or_else(|| format!("{open:?}"))
    });
    wait_conditions(lab, record, &OWN, "True", "NoFatalFinding");
    lab.wait_ready(record, DEADLINE).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    println!("{}: all taken back after {seconds:.1} s", record.name);
}

/// Codes of what is open.
fn open(lab: &Lab, record: &MachineRecord) -> Result<BTreeSet<String>, String> {
    Ok(status(lab, record)?
        .findings
        .into_iter()
        .map(|finding| finding.code)
        .collect())
}
