//! A command's way to an agent and back, with its limits.

use super::*;

const ID: &str = "i-0a1b2c3d4e5f60718";

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).unwrap()
}

fn session(name: &str) -> Identity {
    Identity {
        account_id: "111122223333".to_owned(),
        arn: format!("arn:aws:sts::111122223333:assumed-role/node/{name}"),
        user_id: format!("AROA:{name}"),
    }
}

fn sent(commands: &Commands) -> Value {
    let request = json!({
        "DocumentName": DOCUMENT,
        "InstanceIds": [ID],
        "TimeoutSeconds": 30,
        "Parameters": { "commands": ["true"] },
    });
    let answer = commands
        .send(&request, |_| true, "111122223333", at(0))
        .unwrap();
    json!({ "CommandId": answer["Command"]["CommandId"], "InstanceId": ID })
}

#[test]
fn a_command_is_seen_late_fetched_once_and_ends_with_what_the_agent_replies() {
    let commands = Commands::default();
    let asked = sent(&commands);
    assert!(commands.get(&asked, at(100)).is_err());
    assert_eq!(commands.get(&asked, at(400)).unwrap()["Status"], "Pending");

    assert_eq!(commands.take("i-00000000", at(500)), Vec::<Value>::new());
    assert_eq!(commands.take(ID, at(500)).len(), 1);
    assert_eq!(commands.take(ID, at(500)), Vec::<Value>::new());
    assert_eq!(
        commands.get(&asked, at(600)).unwrap()["Status"],
        "InProgress"
    );

    let mut reply = asked.clone();
    reply["ExitStatus"] = 3.into();
    reply["Output"] = BASE64.encode("x".repeat(30_000)).into();
    assert!(commands.reply(&reply, &session("i-00000000")).is_err());
    commands.reply(&reply, &session(ID)).unwrap();
    let described = commands.get(&asked, at(700)).unwrap();
    assert_eq!(
        (&described["Status"], &described["ResponseCode"]),
        (&json!("Failed"), &json!(3))
    );
    let output = described["StandardOutputContent"].as_str().unwrap();
    assert!(output.len() == OUTPUT_CHARACTERS && output.ends_with("---Output truncated---"));
}

#[test]
fn a_command_that_nobody_fetches_is_undelivered() {
    let commands = Commands::default();
    let asked = sent(&commands);
    assert_eq!(
        commands.get(&asked, at(31_000)).unwrap()["StatusDetails"],
        "DeliveryTimedOut"
    );
    assert_eq!(commands.take(ID, at(31_000)), Vec::<Value>::new());
}

#[test]
fn only_managed_instances_and_known_documents_are_taken() {
    let commands = Commands::default();
    let request = |document: &str| {
        json!({
            "DocumentName": document,
            "InstanceIds": [ID],
            "Parameters": { "commands": ["true"] },
        })
    };
    assert!(
        commands
            .send(&request(DOCUMENT), |_| false, "1", at(0))
            .is_err()
    );
    assert!(
        commands
            .send(&request("Other"), |_| true, "1", at(0))
            .is_err()
    );
    assert!(instance(&session("somebody")).is_err());
}
