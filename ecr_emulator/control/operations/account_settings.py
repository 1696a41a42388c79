"""Account settings."""

from __future__ import annotations

from typing import Any

from ecr_emulator.control.handlers import operation
from ecr_emulator.control.request import EcrRequest
from ecr_emulator.domain.account_settings import ACCOUNT_SETTINGS, AccountSetting
from ecr_emulator.errors import InvalidParameterException
from ecr_emulator.services import account_settings


@operation
def put_account_setting(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html"""
    name, value = members["name"], members["value"]
    if value not in _setting(name).values:
        raise InvalidParameterException.at("value", "Invalid account setting value")
    with request.services.store.writing() as work:
        account_settings.put_account_setting(work, request.registry, name, value)
    return {"name": name, "value": value}


@operation
def get_account_setting(request: EcrRequest, members: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAccountSetting.html"""
    name = members["name"]
    _setting(name)
    with request.services.store.reading() as work:
        return {"name": name, "value": account_settings.account_setting(work, request.registry, name)}


def _setting(name: str) -> AccountSetting:
    setting = ACCOUNT_SETTINGS.get(name)
    if setting is None:
        raise InvalidParameterException.at("name", "Invalid account setting name")
    return setting
