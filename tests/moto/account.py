"""What moto does otherwise than AWS, beside launching instances: things in use are not deleted, NAT gateways take their
time, the images of EKS are there.

Imported by `server.py`. Each function says what AWS does. What is a matter of the EKS API, of signatures or of repeated
calls is the gateway's.
"""

import datetime
import hashlib
import json
import os
import time
import uuid

from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.amis import Ami
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend, Zone
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend
from moto.ssm.models import Parameter, SimpleSystemManagerBackend

# Local zones in which this account has opted in.
LOCAL_ZONES = {"us-east-1": "us-east-1-bos-1a", "us-west-2": "us-west-2-lax-1a"}
VERSIONS = ["1.30", "1.31", "1.32", "1.33", "1.34", "1.35"]
RELEASED = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
KINDS = {"x86_64/standard": "x86_64", "arm64/standard": "arm64", "x86_64/nvidia": "x86_64"}


def seconds(name):
    """A duration of the file that `Transitions` writes; a NAT gateway takes a moment where there is none."""
    try:
        with open(os.environ["LAB_TRANSITIONS"], encoding="utf-8") as file:
            return float(json.load(file).get(name, 0.2))
    except (KeyError, OSError, ValueError):
        return 0.2


def in_use(kind, identifier):
    return DependencyViolationError(
        f"The {kind} '{identifier}' has dependencies and cannot be deleted."
    )


def replace(owner, name):
    """Decorator: puts a function in the place of a method, which it gets as its first argument."""

    def put(function):
        before = getattr(owner, name)
        setattr(owner, name, lambda self, *args, **more: function(before, self, *args, **more))
        return function

    return put


class AutoScalingError(ServiceException):
    """An error of Auto Scaling with a code of its own."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# A name is taken once, and a group with instances is deleted only by force.
@replace(AutoScalingResponse, "create_auto_scaling_group")
def create_auto_scaling_group(before, self):
    name = self._get_param("AutoScalingGroupName")
    if name in self.autoscaling_backend.autoscaling_groups:
        raise AutoScalingError(
            "AlreadyExists",
            "AutoScalingGroup by this name already exists - "
            f"A group with the name {name} already exists",
        )
    return before(self)


@replace(AutoScalingResponse, "delete_auto_scaling_group")
def delete_auto_scaling_group(before, self):
    group = self.autoscaling_backend.autoscaling_groups.get(self._get_param("AutoScalingGroupName"))
    if group and group.instance_states and not self._get_bool_param("ForceDelete"):
        raise AutoScalingError(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
            "instance request(s) still in the group.",
        )
    return before(self)


# An update that says nothing of the launch template leaves it, also that of a mixed instances policy.
@replace(FakeAutoScalingGroup, "update")
def update(before, self, *args, mixed_instances_policy=None, **more):
    if not more.get("launch_template") and not mixed_instances_policy:
        mixed_instances_policy = self.mixed_instances_policy
    before(self, *args, mixed_instances_policy=mixed_instances_policy, **more)


# A group with a mixed instances policy has its launch template there and nowhere else.
template_of_group = FakeAutoScalingGroup.launch_template.fget
FakeAutoScalingGroup.launch_template = property(
    lambda self: None if self.mixed_instances_policy else template_of_group(self)
)


# Instance refresh takes its time. Once it has succeeded, the group has the configuration that was desired, and instances that
# are not of it have given way to new ones.
def start_instance_refresh(self):
    group = self.autoscaling_backend.describe_auto_scaling_groups(
        [self._get_param("AutoScalingGroupName")]
    )[0]
    refreshes = group.__dict__.setdefault("refreshes", [])
    if refreshes and refreshes[0]["Status"] == "InProgress":
        raise AutoScalingError(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
        )
    desired = self._get_param("DesiredConfiguration", {})
    preferences = self._get_param("Preferences", {})
    refresh = {
        "InstanceRefreshId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "Status": "InProgress",
        "PercentageComplete": 0,
        "StartTime": datetime.datetime.now(datetime.timezone.utc),
        "InstancesToUpdate": len(group.instance_states),
    }
    if desired:
        refresh["DesiredConfiguration"] = desired
    if preferences:
        refresh["Preferences"] = preferences
    refreshes.insert(0, refresh)
    return ActionResult({"InstanceRefreshId": refresh["InstanceRefreshId"]})


def describe_instance_refreshes(self):
    group = self.autoscaling_backend.describe_auto_scaling_groups(
        [self._get_param("AutoScalingGroupName")]
    )[0]
    return ActionResult({"InstanceRefreshes": group.__dict__.get("refreshes", [])})


@replace(AutoScalingBackend, "describe_auto_scaling_groups")
def describe_auto_scaling_groups(before, self, *args, **more):
    groups = before(self, *args, **more)
    now = datetime.datetime.now(datetime.timezone.utc)
    took = datetime.timedelta(seconds=seconds("instance_refresh"))
    for group in groups:
        refreshes = group.__dict__.get("refreshes")
        if refreshes and refreshes[0]["Status"] == "InProgress":
            if now >= refreshes[0]["StartTime"] + took:
                succeed(group, refreshes[0])
    return groups


def succeed(group, refresh):
    refresh.update(Status="Successful", PercentageComplete=100, InstancesToUpdate=0)
    desired = refresh.get("DesiredConfiguration", {})
    template, policy = desired.get("LaunchTemplate"), desired.get("MixedInstancesPolicy")
    if template or policy:
        group.update(
            availability_zones=[],
            desired_capacity=None,
            max_size=None,
            min_size=None,
            launch_config_name=None,
            launch_template=template or {},
            vpc_zone_identifier=None,
            health_check_period=None,
            health_check_type=None,
            mixed_instances_policy=policy,
        )
    skips = refresh.get("Preferences", {}).get("SkipMatching")
    for state in list(group.instance_states):
        if not (skips and is_of(state, group)):
            group.autoscaling_backend.terminate_instance(state.instance.id, False)


def is_of(state, group):
    """Whether an instance was launched from what the group launches from."""
    template = state.launch_template or {}
    policy = (group.mixed_instances_policy or {}).get("LaunchTemplate", {})
    types = [override.get("InstanceType") for override in policy.get("Overrides", [])]
    return (
        template.get("LaunchTemplateId") == group.ec2_launch_template.id
        and str(template.get("Version")) == str(group.launch_template_version)
        and (not types or state.instance_type in types)
    )


AutoScalingResponse.start_instance_refresh = start_instance_refresh
AutoScalingResponse.describe_instance_refreshes = describe_instance_refreshes


# A NAT gateway takes its time to come and to go; only then are its interface and its address free.
def nat_state(self):
    now = time.time()
    deleted = self.__dict__.get("deleted")
    if deleted is not None:
        if now < deleted + seconds("nat_gateway_delete"):
            return "deleting"
        if not self.__dict__.get("is_freed"):
            self.is_freed = True
            for address in self.address_set:
                if address.get("publicIp"):
                    self.ec2_backend.disassociate_address(address=address["publicIp"])
            self.ec2_backend.enis.pop(self._eni.id, None)
        return "deleted"
    is_young = now < self._created_at.timestamp() + seconds("nat_gateway_create")
    return "pending" if is_young else "available"


NatGateway.state = property(nat_state, lambda self, state: None)


# The interface of a NAT gateway names it; one that is refused leaves none.
@replace(NatGatewayBackend, "create_nat_gateway")
def create_nat_gateway(before, self, *args, **more):
    known = set(self.enis)
    try:
        gateway = before(self, *args, **more)
        gateway._eni.description = f"Interface for NAT Gateway {gateway.id}"
        return gateway
    except Exception:
        for interface in set(self.enis) - known:
            self.enis.pop(interface)
        raise


@replace(NatGatewayBackend, "delete_nat_gateway")
def delete_nat_gateway(_before, self, nat_gateway_id):
    gateway = self.nat_gateways.get(nat_gateway_id)
    if gateway is None:
        raise EC2ClientError(
            "NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found"
        )
    gateway.__dict__.setdefault("deleted", time.time())
    return gateway


def interfaces(backend):
    """All interfaces, after those of NAT gateways that are gone have been freed."""
    for gateway in list(backend.nat_gateways.values()):
        gateway.state  # noqa: B018
    return list(backend.enis.values())


# What is in use is not deleted.
@replace(EC2Backend, "delete_subnet")
def delete_subnet(before, self, subnet_id):
    if any(eni.subnet.id == subnet_id for eni in interfaces(self)):
        raise in_use("subnet", subnet_id)
    return before(self, subnet_id)


@replace(EC2Backend, "delete_security_group")
def delete_security_group(before, self, name=None, group_id=None):
    group = self.get_security_group_by_name_or_id(group_id or name)
    if group is not None:
        groups = [known for eni in interfaces(self) for known in eni.group_set]
        sources = [
            (rule.source_group or {}).get("GroupId")
            for vpc in self.groups.values()
            for other in vpc.values()
            if other.id != group.id
            for rule in [*other.ingress_rules, *other.egress_rules]
        ]
        if any(known.id == group.id for known in groups) or group.id in sources:
            raise DependencyViolationError(f"resource {group.id} has a dependent object")
    return before(self, name, group_id)


@replace(EC2Backend, "release_address")
def release_address(before, self, address=None, allocation_id=None):
    interfaces(self)
    addresses = (
        self.address_by_allocation([allocation_id])
        if allocation_id
        else self.address_by_ip([address])
    )
    if addresses and addresses[0].association_id:
        raise EC2ClientError(
            "InvalidIPAddress.InUse", f"Address {addresses[0].public_ip} is in use."
        )
    return before(self, address, allocation_id)


@replace(EC2Backend, "detach_internet_gateway")
def detach_internet_gateway(before, self, internet_gateway_id, vpc_id):
    interfaces(self)
    mapped = [address for address in self.addresses if address.eni and address.association_id]
    if any(address.eni.subnet.vpc_id == vpc_id for address in mapped):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        )
    return before(self, internet_gateway_id, vpc_id)


@replace(EC2Backend, "delete_vpc")
def delete_vpc(before, self, vpc_id):
    groups = [group for group in self.groups.get(vpc_id, {}).values() if group.name != "default"]
    gateways = [gateway for gateway in self.internet_gateways.values() if gateway.vpc]
    if groups or any(gateway.vpc.id == vpc_id for gateway in gateways):
        raise in_use("vpc", vpc_id)
    return before(self, vpc_id)


# Zones say whether one must opt in; local zones are listed with the others once one has.
@replace(IAMBackend, "remove_role_from_instance_profile")
def remove_role_from_instance_profile(before, self, profile_name, role_name):
    """A role that is not in the profile, such as after a repeated call, is an answer and no error of the service."""
    roles = [role.name for role in self.get_instance_profile(profile_name).roles]
    if role_name not in roles:
        raise NotFoundException(f"Role {role_name} in InstanceProfile {profile_name} cannot be found.")
    return before(self, profile_name, role_name)


Zone.opt_in_status = "opt-in-not-required"


@replace(RegionsAndZonesBackend, "describe_availability_zones")
def describe_availability_zones(before, self, filters=None, *args, **more):
    filters = dict(filters or {})
    statuses = filters.pop("opt-in-status", None)
    zones = list(before(self, filters, *args, **more))
    name = LOCAL_ZONES.get(self.region_name)
    # Subnets of its own for each region are looked for by one who knows no local zones.
    if name and not args and "zone_names" in more and not filters:
        local = Zone(
            name=name, region_name=self.region_name, zone_id=name, zone_type="local-zone"
        )
        local.opt_in_status = "opted-in"
        zones.append(local)
    return [zone for zone in zones if not statuses or zone.opt_in_status in statuses]


# The images of EKS and the public parameters that name them.
def image(region, version, kind):
    digest = hashlib.sha256(f"{region}/{version}/{kind}".encode()).hexdigest()
    arch, variant = kind.split("/")
    return f"ami-{digest[:17]}", f"amazon-eks-node-al2023-{arch}-{variant}-{version}-v20261101"


@replace(EC2Backend, "describe_images")
def describe_images(before, self, *args, **more):
    if not getattr(self, "has_images_of_eks", False):
        self.has_images_of_eks = True
        for version in VERSIONS:
            for kind, arch in KINDS.items():
                ami_id, name = image(self.region_name, version, kind)
                self.amis[ami_id] = Ami(
                    self,
                    ami_id,
                    name=name,
                    description=f"EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: {version})",
                    owner_id="602401143452",
                    owner_alias="amazon",
                    public=True,
                    virtualization_type="hvm",
                    architecture=arch,
                    state="available",
                    image_type="machine",
                    root_device_name="/dev/xvda",
                    root_device_type="ebs",
                    creation_date=RELEASED,
                )
    return before(self, *args, **more)


@replace(SimpleSystemManagerBackend, "__init__")
def with_parameters_of_eks(before, self, region_name, account_id):
    before(self, region_name, account_id)
    for version in VERSIONS:
        for kind in KINDS:
            ami_id, name = image(region_name, version, kind)
            prefix = f"/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/{kind}/recommended"
            values = {
                "image_id": ami_id,
                "image_name": name,
                "release_version": f"{version}.4-20261101",
            }
            values = {f"{prefix}/{leaf}": value for leaf, value in values.items()}
            values[prefix] = json.dumps(
                {"image_id": ami_id, "image_name": name, "release_version": f"{version}.4-20261101"}
            )
            for path, value in values.items():
                self._parameters[path] = [
                    Parameter(
                        account_id=account_id,
                        name=path,
                        value=value,
                        parameter_type="String",
                        description="",
                        allowed_pattern=None,
                        keyid=None,
                        last_modified_date=RELEASED,
                        version=1,
                        data_type="text",
                    )
                ]
