"""The resource type ``AWS::SecretsManager::Secret``, which moto's CloudFormation lacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
"""

from __future__ import annotations

import json
from typing import Any

from moto.moto_api._internal import mock_random
from moto.secretsmanager.models import secretsmanager_backends
from moto.secretsmanager.utils import random_password

from ecr_emulator.companions.cloudformation.resources.names import generated_name
from ecr_emulator.companions.cloudformation.stacks import Resource, Stack
from ecr_emulator.companions.cloudformation.templates.values import text

Properties = dict[str, Any]
_MAX_NAME = 255
_OF_VALUE = ("SecretString", "GenerateSecretString")


def put_secret(stack: Stack, resource: Resource, properties: Properties) -> tuple[str, Properties]:
    """Create or change a secret; return its ARN and attributes."""
    backend: Any = secretsmanager_backends[stack.account][stack.region]
    tags = {**stack.tags, **{tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}}
    if resource.physical_id:
        _change(backend, resource, properties, tags)
        return resource.physical_id, resource.attributes
    made = backend.create_secret(
        name=properties.get("Name") or generated_name(stack, resource.logical_id, _MAX_NAME),
        secret_string=_value(properties),
        secret_binary=None,
        description=properties.get("Description", ""),
        kms_key_id=properties.get("KmsKeyId"),
        tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        client_request_token=None,
        replica_regions=properties.get("ReplicaRegions", []),
        force_overwrite=False,
    )
    arn = json.loads(made)["ARN"]
    return arn, {"Id": arn}


def _change(backend: Any, resource: Resource, properties: Properties, tags: dict[str, str]) -> None:
    """Change a secret. Its value stays unless the properties that it comes from change."""
    arn, before = resource.physical_id, resource.properties
    if any(before.get(name) != properties.get(name) for name in _OF_VALUE):
        backend.update_secret(arn, secret_string=_value(properties), client_request_token=str(mock_random.uuid4()))
    secret = backend.secrets[arn]
    secret.description, secret.kms_key_id = properties.get("Description", ""), properties.get("KmsKeyId")
    backend.untag_resource(arn, [tag["Key"] for tag in before.get("Tags", ()) if tag["Key"] not in tags])
    backend.tag_resource(arn, tags)


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
