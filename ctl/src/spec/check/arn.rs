//! Names and ids as AWS writes them.
//!
//! Formats: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>.

/// The parts of an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub partition: &'a str,
    pub service: &'a str,
    pub region: &'a str,
    pub account: &'a str,
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// `None` when it is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let (prefix, partition, service) = (next()?, next()?, next()?);
        let (region, account, resource) = (next()?, next()?, next()?);
        let is_right = prefix == "arn"
            && partition.starts_with("aws")
            && !service.is_empty()
            && !resource.is_empty()
            && !text.contains(char::is_whitespace);
        is_right.then_some(Self {
            partition,
            service,
            region,
            account,
            resource,
        })
    }

    fn is_of_account(&self) -> bool {
        self.account.len() == 12 && self.account.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// Why a text is not the ARN of a role; `None` when it is one. The second text says what to write.
pub(super) fn role_problem(text: &str) -> Option<(String, String)> {
    let example = "it looks like `arn:aws:iam::111122223333:role/NAME`".to_owned();
    let Some(arn) = Arn::parse(text) else {
        return Some((format!("`{text}` is not an ARN"), example));
    };
    if let Some(role) = role_of_session(&arn) {
        return Some((
            "is a session of a role and not the role".to_owned(),
            format!("write the role's own ARN, `{role}`, with its path if it has one"),
        ));
    }
    if arn.service == "iam" && arn.resource.starts_with("instance-profile/") {
        return Some((
            "is an instance profile and not a role".to_owned(),
            "name the role; `instanceProfile` takes the name of the profile".to_owned(),
        ));
    }
    let is_role = arn.service == "iam" && arn.is_of_account() && has_name(arn.resource, "role/");
    (!is_role).then(|| (format!("`{text}` is not the ARN of a role"), example))
}

/// Why a text is no principal of an access entry; `None` when it is one.
pub(super) fn principal_problem(text: &str) -> Option<(String, String)> {
    if let Some(arn) = Arn::parse(text) {
        if arn.service == "iam" && arn.is_of_account() && has_name(arn.resource, "user/") {
            return None;
        }
        if arn.service == "iam" && arn.resource == "root" {
            return Some((
                "is a whole account, which cannot have an access entry".to_owned(),
                "name a role or a user of it".to_owned(),
            ));
        }
    }
    role_problem(text).map(|(detail, help)| {
        (
            detail.replace("the ARN of a role", "the ARN of a role or user"),
            help,
        )
    })
}

/// The ARN of the role that a session is of, without its path, which a session does not say.
fn role_of_session(arn: &Arn<'_>) -> Option<String> {
    let session = arn.resource.strip_prefix("assumed-role/")?;
    let role = session.split('/').next()?;
    (arn.service == "sts")
        .then(|| format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account))
}

fn has_name(resource: &str, kind: &str) -> bool {
    resource
        .strip_prefix(kind)
        .is_some_and(|name| !name.is_empty() && !name.ends_with('/'))
}

/// Whether a text is a policy of IAM.
pub(super) fn is_policy(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| {
        arn.service == "iam"
            && has_name(arn.resource, "policy/")
            && (arn.account == "aws" || arn.is_of_account())
    })
}

/// Whether a text is a key of KMS; an alias is one too.
pub(super) fn key_of_kms(text: &str) -> Option<Arn<'_>> {
    Arn::parse(text).filter(|arn| {
        arn.service == "kms"
            && arn.is_of_account()
            && (has_name(arn.resource, "key/") || has_name(arn.resource, "alias/"))
    })
}

/// Whether a text is an id such as `subnet-0123456789abcdef0`. `kind` is what stands before the `-`.
pub(super) fn is_id(text: &str, kind: &str) -> bool {
    text.strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|id| {
            (8..=17).contains(&id.len())
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
}

/// Why a text is not such an id.
pub(super) fn id_problem(text: &str, kind: &str) -> Option<String> {
    (!is_id(text, kind))
        .then(|| format!("`{text}` is not an id such as `{kind}-0123456789abcdef0`"))
}

/// Whether a name has from 1 to `longest` letters, digits, `-` and `_`, a letter or digit first.
pub(super) fn is_name(name: &str, longest: usize) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= longest
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_from_what_people_take_for_one() {
        for right in [
            "arn:aws:iam::111122223333:role/a",
            "arn:aws-cn:iam::111122223333:role/path/to/a",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0a",
        ] {
            assert_eq!(role_problem(right), None, "{right}");
        }
        let told = |text| role_problem(text).unwrap();
        assert_eq!(told("node").0, "`node` is not an ARN");
        assert_eq!(
            told("arn:aws:sts::111122223333:assumed-role/admin/me").1,
            "write the role's own ARN, `arn:aws:iam::111122223333:role/admin`, with its path if it has one"
        );
        assert!(
            told("arn:aws:iam::111122223333:instance-profile/a")
                .0
                .contains("instance profile")
        );
        for wrong in [
            "arn:aws:iam::1111:role/a",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:user/a",
            "arn:aws:iam::111122223333:role/a b",
        ] {
            assert!(role_problem(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn users_may_enter_and_accounts_may_not() {
        assert_eq!(principal_problem("arn:aws:iam::111122223333:user/a"), None);
        assert_eq!(principal_problem("arn:aws:iam::111122223333:role/a"), None);
        let (detail, _) = principal_problem("arn:aws:iam::111122223333:root").unwrap();
        assert!(detail.contains("whole account"), "{detail}");
        let (detail, _) = principal_problem("arn:aws:iam::111122223333:group/a").unwrap();
        assert!(detail.contains("the ARN of a role or user"), "{detail}");
    }

    #[test]
    fn ids_and_names_have_their_shape() {
        assert!(is_id("ami-0123456789abcdef0", "ami") && is_id("vpc-01234567", "vpc"));
        for wrong in [
            "ami-",
            "ami-0123",
            "ami-0123456789ABCDEF0",
            "sg-01234567",
            "ami01234567",
        ] {
            assert!(!is_id(wrong, "ami"), "{wrong}");
        }
        assert!(is_name("9a-_Z", 5) && !is_name("9a-_Z", 4));
        assert!(!is_name("", 9) && !is_name("-a", 9) && !is_name("a.b", 9) && !is_name("ä", 9));
        assert!(is_policy("arn:aws:iam::aws:policy/service-role/A"));
        assert!(!is_policy("arn:aws:iam::aws:role/A") && !is_policy("A"));
    }
}
