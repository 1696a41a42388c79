"""The console as a Flask application."""

from __future__ import annotations

from flask import Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue

from ecr_emulator.console import (
    activity,
    cache_forms,  # noqa: F401 - registers its forms
    cached_tags,  # noqa: F401
    creation_templates,  # noqa: F401
    error_pages,
    image_details,  # noqa: F401 - registers its pages
    image_list,  # noqa: F401
    lifecycle,  # noqa: F401
    overview,
    permissions,  # noqa: F401
    pull_through,
    recent_requests,  # noqa: F401
    registry,
    repository_list,
    repository_settings,  # noqa: F401
    sign_in,
    static_files,
    task_list,  # noqa: F401
    text_filters,
)
from ecr_emulator.console.excerpts import clip
from ecr_emulator.console.pages import blueprint
from ecr_emulator.console.parts import ConsoleParts
from ecr_emulator.console.response_headers import add_headers
from ecr_emulator.console.sessions import PARTS, SessionCookie
from ecr_emulator.domain.names import is_digest
from ecr_emulator.request_counts import OPERATION
from ecr_emulator.version import __version__

MAX_BODY = 1024 * 1024
SECTIONS = (overview.SECTION, repository_list.SECTION, pull_through.SECTION, activity.SECTION, registry.SECTION)
"""The entries of the navigation. Each module of pages registers them on the blueprint when it is imported."""


def console_app(parts: ConsoleParts) -> Flask:
    """Return the application with all pages. It answers ``/``, ``/_ecr/`` and everything below ``/_ecr/console/``."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY
    app.secret_key = parts.services.tokens.sign(f"console {parts.admin_token or ''}")
    app.session_interface = SessionCookie()
    app.extensions[PARTS] = parts
    app.jinja_env.filters.update(text_filters.FILTERS, clip=clip)
    app.jinja_env.tests["digest"] = is_digest
    app.jinja_env.globals.update(version=__version__, sections=SECTIONS, static_url=static_files.static_url)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for path in ("/", "/_ecr", "/_ecr/", "/_ecr/console", "/_ecr/console/"):
        app.add_url_rule(path, f"start {path}", _to_overview)
    app.register_blueprint(sign_in.blueprint)
    app.register_blueprint(static_files.blueprint)
    app.register_blueprint(blueprint)
    app.before_request(_note_route)
    app.after_request(add_headers)
    error_pages.register(app)
    return app


def _to_overview() -> ResponseReturnValue:
    home = sign_in.home_of_caller()
    return redirect(url_for("console.overview", account=home.id, region=home.region))


def _note_route() -> None:
    if request.url_rule:
        request.environ[OPERATION] = f"{request.method} {request.url_rule.rule}"
