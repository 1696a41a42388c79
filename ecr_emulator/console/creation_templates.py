"""The repository creation templates of a registry, with the repositories that each would match."""

from __future__ import annotations

from typing import NamedTuple

from flask.typing import ResponseReturnValue

from ecr_emulator.console.first_commands import first_template
from ecr_emulator.console.pages import ConsoleRequest, page
from ecr_emulator.console.paging import asked_place, pages_of_list
from ecr_emulator.domain.repository import Repository
from ecr_emulator.domain.template import CreationTemplate
from ecr_emulator.services.prefix_listings import repositories_of_template

PER_PAGE = 20
MOST_MATCHES = 8
"""Maximum number of repositories that are shown of a template."""


class TemplateRow(NamedTuple):
    """A template with the first repositories to which it would apply. ``has_more`` says that there are more."""

    template: CreationTemplate
    repositories: list[Repository]
    has_more: bool


@page("/pull-through/templates")
def creation_templates(console: ConsoleRequest) -> ResponseReturnValue:
    """Show the templates in order of prefix."""
    refusal = console.refusal("ecr:DescribeRepositoryCreationTemplates")
    rows: list[TemplateRow] = []
    with console.services.store.reading() as work:
        templates = [] if refusal else work.templates.all(console.registry)
        left = [each for each in templates if each.prefix > asked_place()]
        for template in left[:PER_PAGE]:
            found = repositories_of_template(work, template, templates, "", MOST_MATCHES)
            rows.append(TemplateRow(template, found.repositories, found.after is not None))
    next_place = rows[-1].template.prefix if len(left) > PER_PAGE else None
    return console.render(
        "creation_templates.html",
        refusal=refusal,
        rows=rows,
        first_commands=first_template(console),
        pages=pages_of_list("console.creation_templates", next_place),
    )
