"""The resource type ``AWS::SecretsManager::Secret``, which moto's CloudFormation lacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends
from moto.secretsmanager.utils import random_password

from ecr_emulator.companions.cloudformation.resources.names import generated_name
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack
from ecr_emulator.companions.cloudformation.templates.values import text

Properties = dict[str, Any]
_MAX_NAME = 255


def put_secret(stack: Stack, resource: Resource, properties: Properties) -> tuple[str, Properties]:
    """Create or change a secret; return its ARN and attributes. An update keeps a generated value."""
    backend: Any = secretsmanager_backends[stack.account][stack.region]
    tags = {**stack.tags, **{tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}}
    known = {"description": properties.get("Description", ""), "kms_key_id": properties.get("KmsKeyId")}
    if resource.physical_id:
        changed = properties.get("SecretString")
        value = changed if changed != resource.properties.get("SecretString") else None
        backend.update_secret(resource.physical_id, secret_string=value, **known)
        old = [tag["Key"] for tag in resource.properties.get("Tags", ()) if tag["Key"] not in tags]
        backend.untag_resource(resource.physical_id, old)
        backend.tag_resource(resource.physical_id, tags)
        return resource.physical_id, resource.attributes
    made = backend.create_secret(
        name=properties.get("Name") or generated_name(stack, resource.logical_id, _MAX_NAME),
        secret_string=_value(properties),
        secret_binary=None,
        tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        client_request_token=None,
        replica_regions=properties.get("ReplicaRegions", []),
        force_overwrite=False,
        **known,
    )
    arn = json.loads(made)["ARN"]
    return arn, {"Id": arn}


def delete_secret(stack: Stack, resource: Resource) -> None:
    """Delete a secret at once, so that another stack can have its name."""
    backend: Any = secretsmanager_backends[stack.account][stack.region]
    backend.delete_secret(resource.physical_id, None, True)


def _value(properties: Properties) -> str:
    """Return the value of a new secret: the given one, or a generated one."""
    if "SecretString" in properties:
        return str(properties["SecretString"])
    wanted = properties.get("GenerateSecretString", {})

    def is_set(name: str, default: str = "false") -> bool:
        return text(wanted.get(name, default)) == "true"

    password = random_password(
        int(wanted.get("PasswordLength", 32)),
        wanted.get("ExcludeCharacters", ""),
        is_set("ExcludeNumbers"),
        is_set("ExcludePunctuation"),
        is_set("ExcludeUppercase"),
        is_set("ExcludeLowercase"),
        is_set("IncludeSpace"),
        is_set("RequireEachIncludedType", "true"),
    )
    if "GenerateStringKey" not in wanted:
        return password
    return json.dumps({**json.loads(wanted.get("SecretStringTemplate", "{}")), wanted["GenerateStringKey"]: password})
