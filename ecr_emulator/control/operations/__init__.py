"""The handlers of operations, in one module for each kind of resource. Importing a module registers its handlers."""

from importlib import import_module
from pkgutil import iter_modules

from ecr_emulator.control.handlers import HANDLERS

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["HANDLERS"]
