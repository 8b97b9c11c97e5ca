"""moto as the lab runs it: the server of moto 5.2.5 with what it gets wrong about launching instances put right.

Each function below replaces or wraps one of moto's and says how EC2 or Auto Scaling behave where moto differs. Arguments are
those of `moto_server`.
"""

import logging
import threading
from collections import Counter

import account  # noqa: F401  the rest of an account, without machines
from moto.autoscaling import models as autoscaling
from moto.autoscaling.exceptions import ValidationError
from moto.ec2.models import EC2Backend
from moto.ec2.models.launch_templates import LaunchTemplateVersion
from moto.ec2.models.instances import MetadataOptions
from moto.ec2.utils import filter_iam_instance_profiles, parse_user_data
from moto.iam.exceptions import NotFoundException
from moto.server import main

make_version = LaunchTemplateVersion.__init__
run_instances = EC2Backend.run_instances
all_reservations = EC2Backend.all_reservations
# Held while an instance is made: moto answers on a thread for each call.
launching = threading.RLock()


def version_with_readable_user_data(self, template, number, data, description):
    """User data of every version of a template can be launched, not only those of the first."""
    user_data = data.get("UserData")
    if isinstance(user_data, (str, bytes)):
        data = {**data, "UserData": parse_user_data(user_data)}
    make_version(self, template, number, data, description)


def run_instances_of_template(self, image_id, count, user_data, security_groups, **arguments):
    """Instances have the template's instance profile and metadata options, and their interface goes when they go."""
    with launching:
        template = arguments.get("launch_template")
        data = self._get_template_from_args(template).data if template else {}
        profile = data.get("IamInstanceProfile")
        # Without these moto makes a root volume beside that of the template, which stays when the instance goes.
        if data.get("BlockDeviceMappings"):
            arguments.setdefault("block_device_mappings", data["BlockDeviceMappings"])
        reservation = run_instances(self, image_id, count, user_data, security_groups, **arguments)
        for instance in reservation.instances:
            if not arguments.get("nics"):
                instance.nics[0].delete_on_termination = True
            if data.get("MetadataOptions") and not arguments.get("metadata_options"):
                instance.metadata_options = MetadataOptions(data["MetadataOptions"])
            is_named_in_the_call = arguments.get("iam_instance_profile_name") or arguments.get(
                "iam_instance_profile_arn"
            )
            if profile and not is_named_in_the_call:
                self.associate_iam_instance_profile(
                    instance.id,
                    iam_instance_profile_name=profile.get("Name"),
                    iam_instance_profile_arn=profile.get("Arn"),
                )
        return reservation


def whole_instances(self, *args, **more):
    """Nobody sees an instance before it has its instance profile."""
    with launching:
        return all_reservations(self, *args, **more)


def launch(self, count_needed, propagated_tags):
    """A group launches from the version of the template that it names, evenly into its subnets."""
    tags = {**self.instance_tags, **propagated_tags, autoscaling.ASG_NAME_TAG: self.name}
    arguments = {}
    if self.ec2_launch_template:
        version = self.ec2_launch_template.get_version(self.launch_template_version)
        check_profile(self, version.data.get("IamInstanceProfile"))
        arguments["launch_template"] = {
            "LaunchTemplateId": self.ec2_launch_template.id,
            "Version": version.number,
        }
    else:
        arguments["launch_config"] = self.launch_config
        arguments["associate_public_ip"] = self.launch_config.associate_public_ip_address
    subnets = [subnet.strip() for subnet in (self.vpc_zone_identifier or "").split(",")]
    for _ in range(count_needed):
        used = Counter(state.instance.subnet_id for state in self.instance_states)
        subnet = min(subnets, key=lambda subnet: used[subnet])
        reservation = self.autoscaling_backend.ec2_backend.run_instances(
            self.image_id,
            1,
            self.user_data,
            self.security_groups,
            instance_type=wanted_type(self),
            tags={"instance": tags},
            placement=self.availability_zones[0],
            is_instance_type_default=False,
            subnet_id=subnet or None,
            **arguments,
        )
        for instance in reservation.instances:
            instance.autoscaling_group = self
            self.instance_states.append(
                autoscaling.InstanceState(
                    instance, protected_from_scale_in=self.new_instances_protected_from_scale_in
                )
            )


def wanted_type(group):
    """The first instance type of a mixed instances policy comes before that of the template."""
    template = (group.mixed_instances_policy or {}).get("LaunchTemplate", {})
    overrides = template.get("Overrides") or [{}]
    return overrides[0].get("InstanceType") or group.instance_type


def check_profile(group, profile):
    """A group whose template names an unknown instance profile is refused."""
    if not profile:
        return
    backend = group.autoscaling_backend.ec2_backend
    name, arn = profile.get("Name"), profile.get("Arn")
    try:
        found = filter_iam_instance_profiles(
            backend.account_id,
            partition=backend.partition,
            iam_instance_profile_arn=arn,
            iam_instance_profile_name=name,
        )
    except NotFoundException:
        found = None
    if not found:
        which, value = ("name", name) if name else ("arn", arn)
        raise ValidationError(
            "You must use a valid fully-formed launch template. "
            f"Value ({value}) for parameter iamInstanceProfile.{which} is invalid. "
            f"Invalid IAM Instance Profile {which}"
        )


def template_of_instance(self):
    """An instance of a group names the version of the template that it was launched from."""
    template = self.auto_scaling_group.ec2_launch_template
    if template is None:
        return None
    tags = {tag["key"]: tag["value"] for tag in self.instance.get_tags()}
    return {
        "LaunchTemplateId": template.id,
        "LaunchTemplateName": template.name,
        "Version": tags.get("aws:ec2launchtemplate:version"),
    }


LaunchTemplateVersion.__init__ = version_with_readable_user_data
EC2Backend.run_instances = run_instances_of_template
EC2Backend.all_reservations = whole_instances
autoscaling.FakeAutoScalingGroup.replace_autoscaling_group_instances = launch
autoscaling.InstanceState.launch_template = property(template_of_instance)
# The gateway has a log of all calls, and who asks for instances each second would fill this one.
logging.getLogger("werkzeug").setLevel(logging.ERROR)

if __name__ == "__main__":
    main()
