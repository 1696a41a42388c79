"""Completion in bash of words with colons and at signs, at which bash splits the names of images.

The class is registered when this module is imported. https://click.palletsprojects.com/en/stable/shell-completion/
"""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class, split_arg_string

SCRIPT = """\
%(complete_func)s() {
    local kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case "$kind" in
            plain) COMPREPLY+=("$value") ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
        esac
    done < <(COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
}
complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""
"""The script takes bash 3.2, which macOS has, without the options of newer versions."""


@add_completion_class
class BashCompletion(ShellComplete):
    """Completes the whole word before the cursor, and prints of each value only the part that bash replaces."""

    name = "bash"
    source_template = SCRIPT

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._kept = 0

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the arguments before the incomplete word, and that word."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        incomplete = "" if not line or line[-1].isspace() else words.pop()
        breaks = os.environ.get("COMP_WORDBREAKS", "")
        self._kept = max((incomplete.rfind(mark) + 1 for mark in ":@" if mark in breaks), default=0)
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem) -> str:
        """Return a line with the kind of the value, and the value without what bash keeps."""
        return f"{item.type},{item.value[self._kept :]}"
