"""The last lines of a program: what is wrong, and what could not be decided."""

from __future__ import annotations

from collections.abc import Sequence


def status_of(wrong: Sequence[str], undecided: Sequence[str]) -> int:
    """Print everything that is wrong, and the histories that could not be decided; return the exit status."""
    for each in (*undecided, *wrong):
        print(each)
    if undecided:
        print(f"UNDECIDED: {len(undecided)} histories have too many orders; see above. Nobody knows if they are wrong.")
    print("something is wrong" if wrong else "nothing is wrong")
    return 1 if wrong else 0
