use super::*;

fn of(code: &str, message: &str) -> Refusal {
    refusal("eks:CreateCluster", code, message)
}

#[test]
fn a_denied_call_says_who_asked_and_how_to_read_the_reason() {
    let message = "You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/dev/me is not authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-west-2:111122223333:vpc/* because no identity-based policy allows the ec2:CreateVpc action. Encoded authorization failure message: AbC-dEf_12";
    let refusal = refusal("ec2:CreateVpc", "UnauthorizedOperation", message);
    assert_eq!(
        refusal,
        Refusal::Denied {
            principal: Some("arn:aws:sts::111122223333:assumed-role/dev/me".into()),
            encoded: Some("AbC-dEf_12".into()),
        }
    );
    assert_eq!(
        hints("ec2:CreateVpc", &refusal),
        [
            "allow `ec2:CreateVpc` to `arn:aws:sts::111122223333:assumed-role/dev/me`, or choose another with `--profile` or `--role-arn`",
            "`aws sts decode-authorization-message --encoded-message AbC-dEf_12` shows which policy denies it",
        ]
    );
}

#[test]
fn a_quota_is_named_with_the_command_that_asks_for_more() {
    let refusal = of("ResourceLimitExceededException", "Cluster limit exceeded");
    assert_eq!(
        hints("eks:CreateCluster", &refusal),
        [
            "the quota \"Clusters\" is used up: `aws service-quotas request-service-quota-increase --service-code eks --quota-code L-1194D53C --desired-value N` asks for more"
        ]
    );
    assert_eq!(of("SnapshotLimitExceeded", ""), Refusal::Quota(None));
}

#[test]
fn requests_that_exceed_a_limit_are_throttled_and_no_quota() {
    assert_eq!(of("RequestLimitExceeded", ""), Refusal::Throttled);
}

#[test]
fn eks_has_one_code_for_a_name_that_is_taken_and_for_a_change_under_way() {
    let code = "ResourceInUseException";
    assert_eq!(
        of(code, "Cluster already exists with name: blue"),
        Refusal::Exists
    );
    assert_eq!(
        of(
            code,
            "Cannot delete because cluster currently has an update in progress"
        ),
        Refusal::Busy
    );
    assert_eq!(of(code, "Cluster has nodegroups attached"), Refusal::Busy);
}

#[test]
fn a_role_that_has_not_got_around_is_told_from_a_wrong_parameter() {
    let code = "InvalidParameterException";
    assert_eq!(
        of(
            code,
            "Role with arn: arn:aws:iam::111122223333:role/a, could not be assumed because it does not exist or the trusted entity is not correct"
        ),
        Refusal::NotYet
    );
    assert_eq!(
        of("ValidationError", "Invalid IamInstanceProfile: nodectl-a"),
        Refusal::NotYet
    );
    assert_eq!(of(code, "unsupported Kubernetes version"), Refusal::Other);
}

#[test]
fn what_does_not_exist_has_a_code_in_each_service() {
    for code in [
        "InvalidVpcID.NotFound",
        "InvalidLaunchTemplateName.NotFoundException",
        "NatGatewayNotFound",
        "NoSuchEntity",
        "ResourceNotFoundException",
    ] {
        assert_eq!(of(code, ""), Refusal::Gone, "{code}");
    }
    assert_eq!(
        of("ValidationError", "AutoScalingGroup name not found - null"),
        Refusal::Gone
    );
}
