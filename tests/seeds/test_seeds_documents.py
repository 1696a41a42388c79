"""Seeds that are wrong: the error names the file, the line and the key, and says what would be right."""

import json

import pytest

from ecr_emulator.seeds.documents import SCHEMA, read_seed
from ecr_emulator.seeds.errors import SeedError

TOML = '''account = "123456789012"

[[repositories]]
name = "team/web"
policy = """
name = "no key, but a text of several lines"
"""
tag_mutabilty = "IMMUTABLE"

[[repositories]]
name = "team/worker"

[[repositories.images]]
tags = ["1.0"]

[[repositories.images]]
layers = "three"
tags = [
  "2.0",
  3,
]
'''
YAML = """
account: 123456789012
repositories:
  - name: team/web
    images:
      - tags: [1.0]
        size: 50 MB
        pushed_at: yesterday
"""


def problems(path):
    with pytest.raises(SeedError) as wrong:
        read_seed(path)
    return [line.removeprefix(f"{path}, ") for line in str(wrong.value).splitlines()]


def test_every_wrong_key_of_toml_is_named_with_its_line(seed):
    assert problems(seed(TOML)) == [
        "line 8: repositories[0].tag_mutabilty is no key of a seed; did you mean tag_mutability?",
        'line 17: repositories[1].images[1].layers must be a number of layers, not "three"',
        "line 18: repositories[1].images[1].tags[1] must be a tag, not 3",
    ]


def test_every_wrong_key_of_yaml_is_named_with_its_line(seed):
    assert problems(seed(YAML, "seed.yaml")) == [
        "line 2: account must be 12 digits, as text, not 123456789012",
        "line 8: repositories[0].images[0].pushed_at must be an instant like 2026-01-31T12:00:00Z, or an age like 30d, "
        'not "yesterday"',
        'line 7: repositories[0].images[0].size must be a number of bytes, or one with a unit like 50MB, not "50 MB"',
        "line 6: repositories[0].images[0].tags[0] must be a tag, not 1.0",
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("seed.toml", "account = ", "is not TOML: Invalid value (at end of document)"),
        ("seed.yaml", "repositories:\n  - name: [", "line 2: this is not YAML: "),
        ("seed.yaml", "account: '1'\naccount: '2'", "line 2: this is not YAML: the key 'account' stands twice"),
        ("seed.yaml", "- a list", "line 1: the seed must be a table"),
        ("seed.yaml", "&a [*a]", "is not YAML: "),
        ("seed.json", "{}", "must have a name like *.toml or *.yaml"),
        ("seed.toml", "[[repositories]]\n", "line 1: repositories[0]: 'name' is a required property"),
    ],
)
def test_what_is_no_seed_is_refused_with_the_reason(seed, name, text, reason):
    with pytest.raises(SeedError) as wrong:
        read_seed(seed(text, name))
    assert reason in str(wrong.value)


def test_a_file_that_is_missing_or_binary_is_refused_with_the_reason(tmp_path):
    with pytest.raises(SeedError, match=r"nowhere.toml cannot be read: No such file"):
        read_seed(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SeedError, match=r"cannot be read: it is not UTF-8"):
        read_seed(tmp_path / "binary.toml")


def test_an_empty_file_is_an_empty_seed(seed):
    assert read_seed(seed("", "seed.yaml")).content == {}


def test_yaml_may_repeat_itself_with_anchors(seed):
    text = "repositories:\n  - &web {name: team/web, scan_on_push: true}\n  - {<<: *web, name: team/worker}\n"
    content = read_seed(seed(text, "seed.yaml")).content
    assert [each["scan_on_push"] for each in content["repositories"]] == [True, True]


def test_the_schema_is_one_and_says_of_every_key_what_is_right():
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA.read_text())
    Draft202012Validator.check_schema(schema)

    def undescribed(part, path):
        for key, each in part.get("properties", {}).items():
            described = each.get("description") or each.get("$ref") or each.get("type") == "array"
            yield from () if described else (f"{path}.{key}",)
            yield from undescribed(each, f"{path}.{key}")

    assert [
        *undescribed(schema, ""),
        *(u for name, part in schema["$defs"].items() for u in undescribed(part, name)),
    ] == []
