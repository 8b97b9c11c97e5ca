use super::*;

fn now() -> Timestamp {
    "2026-01-02T12:00:00Z".parse().unwrap()
}

/// Unit, identifier, message and time of a line.
type Told = [String; 4];

fn read(line: &str, source: Option<&str>) -> Option<Told> {
    let mut reader = Reader::new(now());
    let line = reader.read(line, source)?;
    Some([
        line.unit.into_owned(),
        line.identifier.into_owned(),
        line.message.into_owned(),
        line.at.to_string(),
    ])
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared to what is read")]
fn told(unit: &str, identifier: &str, message: &str, at: &str) -> Option<Told> {
    Some([unit, identifier, message, at].map(str::to_owned))
}

#[test]
fn what_journalctl_prints_names_its_writer_and_the_line_keeps_its_own_clock() {
    assert_eq!(
        read(
            "Jan 02 03:04:05 ip-10-0-0-1 kubelet[1234]: E0102 03:04:05.500000    1234 a.go:1] \"X\"",
            None
        ),
        told(
            "kubelet.service",
            "kubelet",
            "E0102 03:04:05.500000    1234 a.go:1] \"X\"",
            "2026-01-02T03:04:05.5Z"
        )
    );
    assert_eq!(
        read(
            "2026-01-02T03:04:05+0000 host containerd[1]: time=\"bad\" msg=x",
            None
        ),
        told(
            "containerd.service",
            "containerd",
            "time=\"bad\" msg=x",
            "2026-01-02T03:04:05Z"
        )
    );
}

#[test]
fn what_the_service_manager_says_is_about_the_unit_that_it_names() {
    let at = "2026-01-02T03:04:05Z";
    let message = "kubelet.service: Main process exited, code=exited, status=1/FAILURE";
    assert_eq!(
        read(
            &format!("Jan  2 03:04:05 host systemd[1]: {message}"),
            Some("kubelet")
        ),
        told("kubelet.service", "systemd", message, at)
    );
    let now = "2026-01-02T12:00:00Z";
    assert_eq!(
        read(message, Some("kubelet")),
        told("kubelet.service", "systemd", message, now)
    );
    let started = "Started kubelet.service - Kubernetes Kubelet.";
    assert_eq!(
        read(started, Some("systemd")),
        told("kubelet.service", "systemd", started, now)
    );
}

#[test]
fn a_date_without_a_year_is_not_in_the_future() {
    assert_eq!(
        read("I1231 23:59:59.000000       1 a.go:1] \"X\"", None).unwrap()[3],
        "2025-12-31T23:59:59Z"
    );
}

#[test]
fn the_kernel_is_known_by_its_clock() {
    let expected = |at: &str| told("kernel", "kernel", "BUG: soft lockup", at);
    assert_eq!(
        read("[   12.500000] BUG: soft lockup", None),
        expected("1970-01-01T00:00:12.5Z")
    );
    assert_eq!(
        read("0,77,12500000,-;BUG: soft lockup", None),
        expected("1970-01-01T00:00:12.5Z")
    );
    assert_eq!(
        read("[Fri Jan  2 03:04:05 2026] BUG: soft lockup", None),
        expected("2026-01-02T12:00:00Z")
    );
    assert_eq!(
        read("Jan  2 03:04:05 host kernel: BUG: soft lockup", None),
        expected("2026-01-02T03:04:05Z")
    );
    assert_eq!(
        read("BUG: soft lockup", Some("dmesg")),
        expected("2026-01-02T12:00:00Z")
    );
}

#[test]
fn forms_without_a_head_have_their_usual_writer_unless_somebody_says_otherwise() {
    let logfmt = r#"time="2026-01-02T03:04:05.5Z" level=error msg="x""#;
    assert_eq!(read(logfmt, None).unwrap()[0], "containerd.service");
    assert_eq!(read(logfmt, None).unwrap()[3], "2026-01-02T03:04:05.5Z");
    let zap = r#"{"level":"error","ts":"2026-01-02T03:04:05.123Z","caller":"a.go:1","msg":"x"}"#;
    assert_eq!(
        read(zap, None),
        told("ipamd", "ipamd", zap, "2026-01-02T03:04:05.123Z")
    );
    let klog = "E0102 03:04:05.000000       1 a.go:1] x";
    assert_eq!(read(klog, None).unwrap()[0], "kubelet.service");
    assert_eq!(read(klog, Some("kube-proxy")).unwrap()[0], "kube-proxy");
    assert_eq!(read("some text", None), None);
    assert_eq!(
        read("some text", Some("amazon-ssm-agent")).unwrap()[0],
        "amazon-ssm-agent.service"
    );
}

#[test]
fn a_line_without_a_clock_has_the_time_of_the_one_before() {
    let mut reader = Reader::new(now());
    reader.read("E0102 03:04:05.000000       1 a.go:1] x", None);
    let line = reader
        .read("goroutine 1 [running]:", Some("kubelet"))
        .unwrap();
    assert_eq!(line.at.to_string(), "2026-01-02T03:04:05Z");
}

#[test]
fn entries_of_the_journal_are_read_whole() {
    let line = r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1767323045000000","MESSAGE":"x","_TRANSPORT":"kernel","SYSLOG_IDENTIFIER":"kernel"}"#;
    assert_eq!(
        read(line, None),
        told("kernel", "kernel", "x", "2026-01-02T03:04:05Z")
    );
}

#[test]
fn no_text_breaks_it() {
    for text in [
        "",
        "[",
        "[]",
        "Jan",
        "Jan é",
        "J\u{1f980}n  2 x",
        "E01",
        "{\"level\"",
        "1,2,3;",
        "2026-01-02T03:04:05",
    ] {
        for source in [None, Some("kubelet"), Some("systemd")] {
            read(text, source);
        }
    }
}

#[test]
fn a_line_of_a_container_is_taken_out_of_its_frame() {
    let message = "E0102 03:04:05.500000       1 a.go:1] \"X\"";
    assert_eq!(
        read(
            &format!("2026-01-02T04:00:00.25Z stderr F {message}"),
            Some("kube-proxy")
        ),
        told(
            "kube-proxy",
            "kube-proxy",
            message,
            "2026-01-02T04:00:00.25Z"
        )
    );
}

#[test]
fn a_line_without_a_clock_is_as_old_as_it_is_said_to_be() {
    let mut reader = Reader::since("2026-01-01T00:00:00Z".parse().unwrap(), now());
    let line = reader.read("no clock", Some("ipamd")).unwrap();
    assert_eq!(line.at.to_string(), "2026-01-01T00:00:00Z");
}
