"""docs/durability.md: each sentence of its tables names tests that exist."""

from pathlib import Path

import pytest

from tests.support.tested_pages import read_sentences, require_tests

PAGE = Path(__file__).parents[2] / "docs" / "durability.md"


@pytest.mark.parametrize(("sentence", "tests"), read_sentences(PAGE), ids=lambda text: text[:50])
def test_each_sentence_has_tests_that_exist(sentence, tests):
    require_tests(PAGE, sentence, tests)


def test_the_page_has_many_sentences():
    assert len(read_sentences(PAGE)) > 10
