"""Seeds that are wrong: the error names the file, the line and the key, and says what would be right."""

import json
from datetime import UTC, datetime

import pytest

from ecr_emulator.seeds.documents import SCHEMA, read_seed, seed_files
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


REPOSITORY = '[[repositories]]\nname = "team/web"\n'
YAML_DATE = "# {0!r}\nrepositories:\n- name: team/web\n  images:\n  - pushed_at: {1}\n"


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
        ("seed.toml", "[[repositories]]\n", "line 1: repositories[0] lacks name"),
        ("seed.toml", "[[rules]]\n", "line 1: rules[0] lacks prefix\n"),
        ("seed.yaml", "repositories:\n", "line 1: repositories must be a list, not null"),
        ("seed.toml", "a = " + "[" * 9_000 + "]" * 9_000, "is not TOML: "),
        ("seed.yaml", "a: " + "[" * 9_000 + "]" * 9_000, "is not YAML: "),
        (
            "seed.toml",
            f"{REPOSITORY}[[repositories.images]]\npushed_at = 12:00:00\n",
            "pushed_at must be an instant like",
        ),
        ("seed.toml", REPOSITORY + REPOSITORY, "line 4: repositories[1].name stands twice: team/web"),
        (
            "seed.yaml",
            "registries:\n- account: '123456789012'\n  iam:\n    users:\n    - {name: ann}\n    - {name: ann}\n",
            "line 6: registries[0].iam.users[1].name stands twice: ann",
        ),
        (
            "seed.yaml",
            "repositories:\n- name: team/web\n  images:\n  - {tags: [a, b]}\n  - {tags: [c, b]}\n",
            "line 5: repositories[0].images[1].tags[1] stands twice: b",
        ),
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


@pytest.mark.parametrize("name", ["seed.yaml", "seed.toml"])
@pytest.mark.parametrize("text", ["", "# nothing yet\n", "\ufeff"])
def test_an_empty_file_is_an_empty_seed(seed, name, text):
    assert read_seed(seed(text, name)).content == {}


@pytest.mark.parametrize(
    ("name", "text"), [("seed.toml", REPOSITORY), ("seed.yaml", "repositories:\n- name: team/web\n")]
)
def test_a_file_of_windows_is_read(tmp_path, name, text):
    """It begins with a mark of its encoding, and its lines end with two characters."""
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_seed(tmp_path / name).content == {"repositories": [{"name": "team/web"}]}


@pytest.mark.parametrize("written", ["2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00"])
@pytest.mark.parametrize(
    ("name", "form"), [("seed.toml", "{}[[repositories.images]]\npushed_at = {}\n"), ("seed.yaml", YAML_DATE)]
)
def test_dates_may_be_dates_of_toml_and_yaml(seed, name, form, written):
    (repository,) = read_seed(seed(form.format(REPOSITORY, written), name)).content["repositories"]
    assert datetime.fromisoformat(repository["images"][0]["pushed_at"]) == datetime(2026, 1, 31, 10, tzinfo=UTC)


def test_a_folder_gives_its_visible_files_and_none_of_its_folders(tmp_path, seed):
    for name in ("b.toml", "a.yaml", ".#b.toml", "readme.md"):
        seed("", name)
    (tmp_path / "within").mkdir()
    (tmp_path / "within" / "c.toml").touch()
    assert [path.name for path in seed_files(tmp_path)] == ["a.yaml", "b.toml"]


def test_anchors_may_stand_below_keys_of_their_own(seed):
    text = "x-scanned: &scanned {scan_on_push: true}\nrepositories:\n- {<<: *scanned, name: team/web}\n"
    (repository,) = read_seed(seed(text, "seed.yaml")).content["repositories"]
    assert repository == {"name": "team/web", "scan_on_push": True}
    assert problems(seed("rule: 1\nx-rule: 1\n", "seed.yaml")) == [
        "line 1: rule is no key of a seed; did you mean rules?"
    ]


def test_yaml_may_repeat_itself_with_anchors(seed):
    text = "repositories:\n  - &web {name: team/web, scan_on_push: true}\n  - {<<: *web, name: team/worker}\n"
    content = read_seed(seed(text, "seed.yaml")).content
    assert [each["scan_on_push"] for each in content["repositories"]] == [True, True]


def test_an_alias_of_a_merged_mapping_is_one_too(seed):
    text = "x-a: &a {name: team/a, scan_on_push: true}\nx-b: &b {<<: *a, name: team/b}\nrepositories: [*b]\n"
    (repository,) = read_seed(seed(text, "seed.yaml")).content["repositories"]
    assert repository == {"name": "team/b", "scan_on_push": True}


@pytest.mark.parametrize("form", ["[{}]", "{{<<: [{}]}}"])
def test_aliases_of_aliases_cannot_fill_the_memory(seed, form):
    """Each line has ten times the values of the line before, or merges ten times the keys."""
    lines = ["x-0: &a0 {name: team/web}"]
    lines += [f"x-{at}: &a{at} " + form.format(", ".join([f"*a{at - 1}"] * 10)) for at in range(1, 30)]
    path = seed("\n".join(lines) + "\n", "seed.yaml")
    if "<<" in form:
        assert read_seed(path).content["x-29"] == {"name": "team/web"}
    else:
        (problem,) = problems(path)
        assert "its aliases repeat more than 100000 values" in problem


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
