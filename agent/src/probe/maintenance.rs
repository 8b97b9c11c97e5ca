//! Has EC2 scheduled something for this instance?
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_scheduled_events.html>

use node::finding;
use serde::Deserialize;

use super::reading::{Open, Reading};
use crate::host::imds::Imds;

const SCHEDULED: &str = "/latest/meta-data/events/maintenance/scheduled";
/// Events that are looked at.
const EVENTS: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    code: String,
    #[serde(rename = "EventId")]
    id: String,
    #[serde(default)]
    not_before: String,
    #[serde(default)]
    state: String,
}

impl Event {
    fn is_ahead(&self) -> bool {
        !matches!(self.state.as_str(), "completed" | "canceled")
    }
}

/// Looks. Nothing where nobody answers.
pub async fn look(imds: &Imds, open: &Open) -> Vec<Reading> {
    match imds.text(SCHEDULED).await {
        Ok(document) => judge(document.as_deref(), open),
        Err(_) => Vec::new(),
    }
}

fn judge(document: Option<&str>, open: &Open) -> Vec<Reading> {
    let finding = &finding::AWS_MAINTENANCE;
    let Ok(events) = serde_json::from_str::<Vec<Event>>(document.unwrap_or("[]")) else {
        return Vec::new();
    };
    let ahead: Vec<&Event> = events
        .iter()
        .filter(|event| event.is_ahead())
        .take(EVENTS)
        .collect();
    let is_over = |object: &&str| !ahead.iter().any(|event| event.id == *object);
    let over = open.objects(finding).filter(is_over);
    let over = over.map(|object| Reading::passed(finding, object));
    let told = ahead.iter().map(|event| {
        let (code, time) = (&event.code, &event.not_before);
        Reading::failed(
            finding,
            &event.id,
            format!("EC2 scheduled {code}, not before {time}"),
        )
    });
    over.chain(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"[{
        "NotBefore" : "21 Jan 2019 09:00:43 GMT", "Code" : "system-reboot", "Description" : "scheduled reboot",
        "EventId" : "instance-event-0d59937288b749b32", "NotAfter" : "21 Jan 2019 09:17:23 GMT", "State" : "active"
    }]"#;
    const ID: &str = "instance-event-0d59937288b749b32";

    fn told(document: Option<&str>, open: &Open) -> Vec<(String, Option<String>)> {
        let readings = judge(document, open).into_iter();
        readings
            .map(|reading| (reading.object, reading.failure))
            .collect()
    }

    #[test]
    fn an_event_is_told_until_it_is_gone() {
        let (nothing, open) = (Open::default(), Open::one(&finding::AWS_MAINTENANCE, ID));
        let event = (
            ID.to_owned(),
            Some("EC2 scheduled system-reboot, not before 21 Jan 2019 09:00:43 GMT".to_owned()),
        );
        let event = [event];
        assert_eq!(told(Some(EVENT), &nothing), event);
        assert_eq!(told(Some(EVENT), &open), event);
        let over = [(ID.to_owned(), None)];
        for document in [
            Some("[]"),
            None,
            Some(&*EVENT.replace("active", "completed")),
            Some(&*EVENT.replace("active", "canceled")),
        ] {
            assert_eq!(told(document, &nothing), []);
            assert_eq!(told(document, &open), over, "{document:?}");
        }
        assert_eq!(told(Some("<html>"), &open), []);
    }
}
