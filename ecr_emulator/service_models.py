"""botocore's loader of service models, without the work that it repeats for each session.

Each session of botocore parses the same files again, and lists the folders of all services of AWS before it makes its
first client. The loaders of this module parse a file once in a process, and look only at the services that are asked
for.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from functools import cache
from os.path import isfile
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import JSONFileLoader, Loader

OPENERS: dict[str, Any] = {".json": open, ".json.gz": gzip.open}


def service_loader(search_paths: Iterable[str]) -> Loader:
    """Return a loader of the models in these folders. All loaders share the models, which must not be changed."""
    return _ServiceLoader(list(search_paths), _SharedFiles(), include_default_search_paths=False)


class _ServiceLoader(Loader):  # type: ignore[misc]  # botocore has no types
    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Return a model, with its additions. Raises ``UnknownServiceError``, which names all services."""
        try:
            version = api_version or self.determine_latest_version(service_name, type_name)
        except DataNotFoundError:
            return super().load_service_model(service_name, type_name, api_version)
        model = self.load_data(f"{service_name}/{version}/{type_name}")
        self._extras_processor.process(model, self._find_extras(service_name, type_name, version))
        return model


class _SharedFiles(JSONFileLoader):  # type: ignore[misc]
    def load_file(self, file_path: str) -> Any:
        """Return the content of a file, named without its suffix; None if there is none."""
        for suffix in OPENERS:
            if isfile(file_path + suffix):
                return _parsed(file_path, suffix)
        return None


@cache
def _parsed(file_path: str, suffix: str) -> Any:
    with OPENERS[suffix](file_path + suffix, "rb") as file:
        return json.load(file)
