//! Rules of the node's owner on a real machine: dropped in, reloaded, found, disabled, taken back; and a file that is wrong
//! harms nothing.

use lab::{
    cloud::record::MachineRecord, guard::GuardedLab, lifecycle::Lab, machine::Wanted, setup,
};
use node::wire::{OpenFinding, Status};

use super::{
    DEADLINE, layout,
    look::{status, until},
    option::{ask, says},
    user_data,
};

const CODE: &str = "user.sensor_blind";
const RULES: &str = "/etc/nodeagent/rules.d/10-sensor.yaml";
const SENSOR: &str = "apiVersion: nodectl.dev/v1alpha1
kind: RuleSet
spec:
  rules:
    - code: user.sensor_blind
      severity: warning
      title: The sensor does not see this kernel
      fix: Update the sensor on NODE
      match:
        - units: [lab-sensor]
          contains: [reduced functionality mode]
          regex: 'kernel (?<object>[0-9.]+)'
      clears: {silence: 1h}
";
const WRONG: &str = "/etc/nodeagent/rules.d/20-wrong.yaml";
const SETTINGS: &str = "/etc/nodeagent/config.d/watch.yaml";
const DISABLED: &str = "apiVersion: nodectl.dev/v1alpha1
kind: AgentConfig
spec: {watch: {disabledRules: [user.sensor_blind]}}
";

#[test]
fn rules_of_the_owner_are_reloaded_found_and_disabled() {
    let Some((cache, layout)) = layout("rules") else {
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
    let daemon = main_process(&lab, &record);

    write(&lab, &record, RULES, SENSOR);
    reload(&lab, &record);
    until(&lab, "the rule to be read", || {
        let metrics = metrics(&lab, &record);
        let is_there = metrics.contains("nodeagent_rules{origin=\"user\"} 1\n");
        is_there.then_some(()).ok_or(metrics)
    });
    sensor_says(&lab, &record, "6.12.1");
    let began = std::time::Instant::now();
    let found = until(&lab, "the finding", || {
        sensor(&status(&lab, &record)?).ok_or_else(|| "it is not open".to_owned())
    });
    println!("{CODE} after {:.1} s", began.elapsed().as_secs_f64());
    assert_eq!(found.object, "6.12.1");
    // The daemon learns who it is within seconds of the plan.
    let fix = format!("Update the sensor on {}", record.local_hostname);
    until(&lab, "the fix for this node", || {
        let found = sensor(&status(&lab, &record)?);
        let said = found.map_or_else(String::new, |found| found.fix);
        (said == fix).then_some(()).ok_or(said)
    });

    a_wrong_file_is_named_and_the_rest_goes_on(&lab, &record);

    write(&lab, &record, SETTINGS, DISABLED);
    reload(&lab, &record);
    until(&lab, "the finding to be taken back", || {
        let status = status(&lab, &record)?;
        let gone = sensor(&status).is_none();
        gone.then_some(())
            .ok_or_else(|| format!("{:?}", status.findings))
    });
    assert_eq!(
        main_process(&lab, &record),
        daemon,
        "the daemon was never restarted"
    );

    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

fn a_wrong_file_is_named_and_the_rest_goes_on(lab: &Lab, record: &MachineRecord) {
    write(lab, record, WRONG, &SENSOR.replace("severity", "severty"));
    reload(lab, record);
    let warnings = until(lab, "the wrong file to be named", || {
        let warnings = status(lab, record)?.warnings;
        let is_named = warnings.iter().any(|warning| warning.contains(WRONG));
        is_named.then_some(warnings).ok_or_else(String::new)
    });
    println!("{warnings:#?}");
    assert!(warnings[0].contains("line 6, column 7"), "{warnings:?}");
    assert!(
        warnings[0].contains("did you mean `severity`?"),
        "{warnings:?}"
    );
    assert!(sensor(&status(lab, record).unwrap()).is_some());
    let health = says(
        lab,
        record,
        &[
            "curl",
            "-s",
            "--unix-socket",
            SOCKET,
            "http://localhost/healthz?verbose",
        ],
    );
    assert!(health.contains("[+]rules ok, but "), "{health}");
    let check = ask(lab, record, &["nodeagent", "config", "check", WRONG]);
    assert_eq!(check.status.code(), Some(1), "{check:?}");
    says(lab, record, &["rm", WRONG]);
}

const SOCKET: &str = "/run/nodeagent/agent.sock";

fn metrics(lab: &Lab, record: &MachineRecord) -> String {
    says(
        lab,
        record,
        &[
            "curl",
            "-s",
            "--unix-socket",
            SOCKET,
            "http://localhost/metrics",
        ],
    )
}

fn sensor(status: &Status) -> Option<OpenFinding> {
    let mut open = status.findings.iter();
    open.find(|finding| finding.code == CODE).cloned()
}

/// A unit of the owner's writes a line to its standard output.
fn sensor_says(lab: &Lab, record: &MachineRecord, kernel: &str) {
    let line = format!("entering reduced functionality mode: kernel {kernel}");
    let unit = ["systemd-run", "--quiet", "--wait", "--unit=lab-sensor"];
    says(lab, record, &[&unit[..], &["echo", &line]].concat());
}

fn write(lab: &Lab, record: &MachineRecord, path: &str, text: &str) {
    let script = "mkdir -p \"$(dirname \"$1\")\" && printf %s \"$2\" > \"$1\"";
    says(lab, record, &["sh", "-c", script, "sh", path, text]);
}

fn reload(lab: &Lab, record: &MachineRecord) {
    says(lab, record, &["systemctl", "reload", "nodeagent"]);
}

fn main_process(lab: &Lab, record: &MachineRecord) -> String {
    let property = "--property=MainPID,NRestarts";
    says(lab, record, &["systemctl", "show", property, "nodeagent"])
}
