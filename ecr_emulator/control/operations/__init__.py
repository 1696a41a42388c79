"""One module for each kind of resource; importing them makes their functions operations."""

from importlib import import_module
from pkgutil import iter_modules

from ecr_emulator.control.handlers import HANDLERS

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["HANDLERS"]
