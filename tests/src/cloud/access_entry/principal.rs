//! Who may have an access entry: a role or a user of IAM, by its ARN.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrincipalKind {
    Role,
    User,
}

/// A role or user by its ARN.
#[derive(Debug)]
pub(super) struct Principal<'a> {
    partition: &'a str,
    pub(super) account_id: &'a str,
    pub(super) kind: PrincipalKind,
    /// With its path, without a leading slash.
    name: &'a str,
}

impl<'a> Principal<'a> {
    pub(super) fn parse(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account_id, resource] = parts[..] else {
            return None;
        };
        let (kind, name) = match resource.split_once('/')? {
            ("role", name) => (PrincipalKind::Role, name),
            ("user", name) => (PrincipalKind::User, name),
            _ => return None,
        };
        let is_account = account_id.len() == 12 && account_id.bytes().all(|b| b.is_ascii_digit());
        (is_account && !name.is_empty()).then_some(Self {
            partition,
            account_id,
            kind,
            name,
        })
    }

    fn name_without_path(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }

    /// STS names a session's role without its path, and the authenticator looks up what STS says.
    pub(super) fn role_without_path(&self) -> String {
        let (partition, account_id) = (self.partition, self.account_id);
        format!(
            "arn:{partition}:iam::{account_id}:role/{}",
            self.name_without_path()
        )
    }

    /// The name that EKS gives when none is asked for.
    pub(super) fn username(&self) -> String {
        let (partition, account_id) = (self.partition, self.account_id);
        match self.kind {
            PrincipalKind::Role => format!(
                "arn:{partition}:sts::{account_id}:assumed-role/{}/{{{{SessionName}}}}",
                self.name_without_path()
            ),
            PrincipalKind::User => format!("arn:{partition}:iam::{account_id}:user/{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roles_and_users_are_principals() {
        for arn in [
            "lab-node",
            "arn:aws:iam::111122223333:group/operators",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::1111:role/lab-node",
            "arn:aws:sts::111122223333:assumed-role/lab-node/i-1",
        ] {
            assert!(Principal::parse(arn).is_none(), "{arn}");
        }
        let role = Principal::parse("arn:aws-cn:iam::111122223333:role/a/b").unwrap();
        assert_eq!(
            role.role_without_path(),
            "arn:aws-cn:iam::111122223333:role/b"
        );
    }
}
