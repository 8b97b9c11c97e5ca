use std::fmt::Write as _;
use std::io::Write as _;

use super::*;

const NODE_CONFIG: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n";

fn mime(parts: &[(&str, &str)]) -> String {
    let mut text =
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n".to_owned();
    for (media_type, body) in parts {
        text += &["--B\nContent-Type: ", media_type, "\n\n", body, "\n"].concat();
    }
    text.push_str("--B--\n");
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn texts(bytes: &[u8]) -> Vec<String> {
    split(bytes)
        .unwrap()
        .documents
        .into_iter()
        .map(|document| document.text.trim_end().to_owned())
        .collect()
}

#[test]
fn a_plain_document_is_one_node_config() {
    assert_eq!(texts(NODE_CONFIG.as_bytes()), [NODE_CONFIG.trim_end()]);
}

#[test]
fn base64_and_gzip_are_taken_off() {
    assert_eq!(
        texts(STANDARD.encode(NODE_CONFIG).as_bytes()),
        [NODE_CONFIG.trim_end()]
    );
    assert_eq!(
        texts(&gzip(NODE_CONFIG.as_bytes())),
        [NODE_CONFIG.trim_end()]
    );
    assert_eq!(
        texts(STANDARD.encode(gzip(NODE_CONFIG.as_bytes())).as_bytes()),
        [NODE_CONFIG.trim_end()]
    );
}

#[test]
fn only_our_parts_of_a_mime_document_are_taken() {
    let text = mime(&[
        (
            "text/x-shellscript; charset=\"us-ascii\"",
            "#!/bin/sh\necho hello",
        ),
        ("application/node.eks.aws", NODE_CONFIG),
        ("application/nodectl.dev", "kind: AgentConfig"),
    ]);
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        assert_eq!(texts(text.as_bytes()).len(), 1);
        let data = split(text.as_bytes()).unwrap();
        let [settings] = &*data.agent_documents else {
            panic!("{data:?}")
        };
        assert_eq!(settings.text.trim_end(), "kind: AgentConfig");
    }
    assert_eq!(texts(text.as_bytes()), [NODE_CONFIG.trim_end()]);
}

#[test]
fn a_part_can_be_base64_gzip_or_nested() {
    let packed = STANDARD.encode(gzip(NODE_CONFIG.as_bytes()));
    assert_eq!(
        texts(mime(&[("application/node.eks.aws", &packed)]).as_bytes()),
        [NODE_CONFIG.trim_end()]
    );
    let encoded = format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: application/node.eks.aws\nContent-Transfer-Encoding: base64\n\n{}\n--B--\n",
        STANDARD.encode(NODE_CONFIG)
    );
    assert_eq!(texts(encoded.as_bytes()), [NODE_CONFIG.trim_end()]);
    let inner = mime(&[("application/node.eks.aws", NODE_CONFIG)])
        .replace("=\"B\"", "=\"C\"")
        .replace("--B", "--C");
    let outer = format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\n{inner}\n--B--\n"
    );
    assert_eq!(texts(outer.as_bytes()), [NODE_CONFIG.trim_end()]);
}

#[test]
fn what_is_there_instead_of_a_node_config_is_named() {
    let message = |bytes: &[u8]| split(bytes).unwrap_err().to_string();
    assert_eq!(message(b" \n"), "the instance has no user data");
    assert_eq!(
        message(mime(&[("text/x-shellscript", "#!/bin/sh")]).as_bytes()),
        "the user data holds no NodeConfig: part 1 is `text/x-shellscript`"
    );
    assert_eq!(
        message(b"#!/bin/bash\necho hello\n"),
        "the user data holds no NodeConfig: it is one document that begins with `#!/bin/bash`"
    );
    assert_eq!(
        message(b"#!/bin/bash\n/etc/eks/bootstrap.sh prod\n"),
        "the user data calls `/etc/eks/bootstrap.sh`, which this AMI family does not have"
    );
    assert_eq!(
        message(mime(&[("text/x-yaml", NODE_CONFIG)]).as_bytes()),
        "the user data holds no NodeConfig: part 1 (`text/x-yaml`) of the user data looks like one; its Content-Type must be `application/node.eks.aws`"
    );
}

#[test]
fn damaged_user_data_is_an_error_and_bounded() {
    let mut truncated = gzip(NODE_CONFIG.as_bytes());
    truncated.truncate(20);
    assert!(matches!(split(&truncated), Err(Error::Gzip { .. })));
    let bomb = gzip(&vec![b' '; usize::try_from(MAXIMUM_BYTES).unwrap() + 10]);
    assert_eq!(
        split(&bomb).unwrap_err().to_string(),
        "the user data unpacks to more than 1048576 bytes"
    );
    let long = " ".repeat(usize::try_from(MAXIMUM_BYTES).unwrap() + 10);
    assert_eq!(
        split(long.as_bytes()).unwrap_err().to_string(),
        "the user data is larger than 1048576 bytes"
    );
    assert!(matches!(
        split(&[0xff, 0xfe, 0x00]),
        Err(Error::NotText { position: 0, .. })
    ));
}

#[test]
fn a_transfer_encoding_is_taken_off() {
    let quoted = NODE_CONFIG
        .replace('=', "=3D")
        .replace("NodeConfig", "Node=\nConfig");
    let text = format!(
        "Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: application/node.eks.aws\nContent-Transfer-Encoding: quoted-printable\n\n{quoted}\n--B--\n"
    );
    // Quoted-printable text has the line ends of mail.
    let unpacked = texts(text.as_bytes()).concat().replace('\r', "");
    assert_eq!(unpacked, NODE_CONFIG.trim_end());
}

#[test]
fn the_whole_message_can_be_packed() {
    let text = mime(&[("application/node.eks.aws", NODE_CONFIG)]);
    let packed = STANDARD.encode(gzip(text.as_bytes()));
    assert_eq!(texts(packed.as_bytes()), [NODE_CONFIG.trim_end()]);
}

#[test]
fn a_broken_boundary_is_named() {
    let message = |text: &str| split(text.as_bytes()).unwrap_err().to_string();
    let good = mime(&[("application/node.eks.aws", NODE_CONFIG)]);
    assert_eq!(
        message(&good.replace("\"B\"", "\"==X==\"")),
        "the MIME document of the user data does not parse: no line is `--==X==`, the boundary of its Content-Type; there is a line `--B`"
    );
    assert_eq!(
        message("Content-Type: multipart/mixed; boundary=B\n\nhello\n"),
        "the MIME document of the user data does not parse: no part follows a line `--B`, the boundary of its Content-Type"
    );
    assert_eq!(
        message("Content-Type: multipart/mixed\n\n--B\n"),
        "the MIME document of the user data does not parse: its `Content-Type: multipart/…` has no boundary"
    );
    assert_eq!(
        message(&format!("\n{good}")),
        "the MIME document of the user data does not parse: `Content-Type: multipart/…` in line 3 is not part of the header, which ends at the first empty line"
    );
    assert_eq!(
        message(
            &good
                .replace("Content-Type: multipart", "  Content-Type: multipart")
                .replace("MIME-Version: 1.0\n", "")
        ),
        "the MIME document of the user data does not parse: `Content-Type: multipart/…` in line 1 is indented"
    );
}

#[test]
fn a_message_that_was_cut_off_is_told() {
    let whole = mime(&[("application/node.eks.aws", NODE_CONFIG)]);
    let cut = whole.strip_suffix("--B--\n").unwrap();
    let data = split(cut.as_bytes()).unwrap();
    assert_eq!(
        data.warnings,
        ["the MIME document of the user data does not end with `--B--` and may be cut off"]
    );
    assert!(split(whole.as_bytes()).unwrap().warnings.is_empty());
}

#[test]
fn another_part_that_looks_like_ours_is_a_warning_beside_a_right_one() {
    let data = split(
        mime(&[
            ("application/node.eks.aws", NODE_CONFIG),
            ("application/node.eks.awss", "x"),
            ("text/cloud-config", "#cloud-config\nwrite_files:\n- content: |\n    apiVersion: node.eks.aws/v1alpha1\n"),
        ])
        .as_bytes(),
    )
    .unwrap();
    assert_eq!(data.documents.len(), 1);
    assert_eq!(
        data.warnings,
        [
            "part 2 (`application/node.eks.awss`) of the user data looks like a configuration and is not read; its Content-Type must be `application/node.eks.aws`"
        ]
    );
}

#[test]
fn nesting_and_the_number_of_parts_are_bounded() {
    let mut nested = String::new();
    for level in 0..15_000 {
        write!(
            nested,
            "Content-Type: multipart/mixed; boundary=B{level}x\n\n--B{level}x\n"
        )
        .unwrap();
    }
    assert_eq!(
        split(nested.as_bytes()).unwrap_err().to_string(),
        "the MIME document of the user data does not parse: multiparts are nested deeper than 8 levels"
    );
    let many = mime(&[("text/plain", "x"); 70]);
    assert_eq!(
        split(many.as_bytes()).unwrap_err().to_string(),
        format!(
            "the user data holds no NodeConfig: {}, 6 more",
            (1..=64)
                .map(|number| format!("part {number} is `text/plain`"))
                .collect::<Vec<_>>()
                .join(", ")
        )
    );
    let ours = mime(&[("application/node.eks.aws", NODE_CONFIG); 65]);
    assert_eq!(
        split(ours.as_bytes()).unwrap_err().to_string(),
        "the MIME document of the user data has more than 64 parts of our media types"
    );
}

#[test]
fn what_is_wrong_in_the_parts_of_others_stops_nothing() {
    let own = ("application/node.eks.aws", NODE_CONFIG);
    let broken = (
        "text/x-shellscript\nContent-Transfer-Encoding: base64",
        "%%%",
    );
    let data = split(mime(&[broken, own]).as_bytes()).unwrap();
    assert_eq!((data.documents.len(), data.warnings.len()), (1, 0));
    let mut many = vec![("text/plain", "x"); 100];
    many.push(own);
    let data = split(mime(&many).as_bytes()).unwrap();
    assert_eq!(
        data.documents[0].name,
        "part 101 (`application/node.eks.aws`) of the user data"
    );
    assert!(data.warnings.is_empty());
}

#[test]
fn a_nested_multipart_that_does_not_parse_is_a_warning_beside_a_node_config() {
    let own = ("application/node.eks.aws", NODE_CONFIG);
    let cases = [
        (
            ("multipart/mixed", "--C\n\nx\n--C--"),
            "the MIME document of the user data does not parse: its `Content-Type: multipart/…` has no boundary",
        ),
        (
            ("multipart/mixed; boundary=C", "hello"),
            "the MIME document of the user data does not parse: no part follows a line `--C`, the boundary of its Content-Type",
        ),
        (
            (
                "multipart/mixed; boundary=C",
                "--C\nContent-Type: application/node.eks.aws\nContent-Transfer-Encoding: base64\n\n%%%\n--C--",
            ),
            "the MIME document of the user data does not parse: part 1 (`application/node.eks.aws`): ",
        ),
    ];
    for (nested, expected) in cases {
        let data = split(mime(&[nested, own]).as_bytes()).unwrap();
        assert_eq!(data.documents.len(), 1);
        let [warning] = &*data.warnings else {
            panic!("{:?}", data.warnings)
        };
        assert!(warning.starts_with(expected), "{warning}");
        assert!(warning.ends_with("; that part of it is not read"));
        let alone = split(mime(&[nested]).as_bytes()).unwrap_err().to_string();
        assert!(alone.starts_with(expected), "{alone}");
    }
}

#[test]
fn a_transfer_encoding_that_a_part_does_not_have_is_told() {
    let media_type = "application/node.eks.aws\nContent-Transfer-Encoding: base64";
    let data = split(mime(&[(media_type, NODE_CONFIG)]).as_bytes()).unwrap();
    assert_eq!(data.documents[0].text.trim_end(), NODE_CONFIG.trim_end());
    assert_eq!(
        data.warnings,
        [
            "part 1 (`application/node.eks.aws`) of the user data is not in the Content-Transfer-Encoding that it names, and is read as it stands"
        ]
    );
    let error = split(mime(&[(media_type, "%%%")]).as_bytes()).unwrap_err();
    assert!(
        error.to_string().starts_with(
            "the MIME document of the user data does not parse: part 1 (`application/node.eks.aws`): "
        ),
        "{error}"
    );
}

#[test]
fn a_node_config_may_begin_with_any_comment() {
    for first in [
        "#cloud-config",
        "#!yaml",
        "#!/bin/sh /etc/eks/bootstrap.sh",
        "# Content-Type: text/plain\n#\n\n# x",
    ] {
        let text = format!("{first}\n{NODE_CONFIG}");
        assert_eq!(texts(text.as_bytes()), [text.trim_end()]);
    }
    let text = format!("{NODE_CONFIG}metadata:\n  text: |\n    Content-Type: multipart/mixed\n");
    assert_eq!(texts(text.as_bytes()), [text.trim_end()]);
    let script = format!("#!/bin/sh\ncat > /x <<END\n{NODE_CONFIG}END\n");
    assert_eq!(
        split(script.as_bytes()).unwrap_err().to_string(),
        "the user data holds no NodeConfig: it is one document that begins with `#!/bin/sh`"
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_split_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        drop(split(&bytes));
    }

    #[test]
    fn any_mime_like_text_is_split_or_refused(text in "(Content-Type: multipart/mixed; boundary=B\n\n)?(--B(--)?\n|Content-Type: application/node.eks.aws\n|\n|a: b\n){0,12}") {
        drop(split(text.as_bytes()));
    }
}

#[test]
fn user_data_are_ours_alone_only_where_cloud_init_has_nothing_to_do() {
    let ours = "application/node.eks.aws";
    let alone = [
        NODE_CONFIG.to_owned(),
        mime(&[(ours, NODE_CONFIG)]),
        mime(&[(ours, NODE_CONFIG), ("application/nodectl.dev", "a: 1")]),
    ];
    for text in alone {
        assert!(is_ours_alone(text.as_bytes()), "{text}");
    }
    let shared = [
        String::new(),
        format!("#cloud-config\n{NODE_CONFIG}"),
        format!("#!/bin/sh\n{NODE_CONFIG}"),
        "#!/bin/sh\ntrue\n".to_owned(),
        mime(&[(ours, NODE_CONFIG), ("text/x-shellscript", "#!/bin/sh")]),
        mime(&[(ours, NODE_CONFIG), ("text/plain", "")]),
        mime(&[]),
    ];
    for text in shared {
        assert!(!is_ours_alone(text.as_bytes()), "{text}");
    }
}
