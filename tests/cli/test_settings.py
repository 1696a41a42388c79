"""The sources of settings, and the messages about wrong ones."""

from pathlib import Path

import pytest

from ecr_emulator.setting_sources import SettingsError, load
from ecr_emulator.settings import SETTINGS, Settings


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(text, name="ecr-emulator.toml"):
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def refusal(flags=None, environment=None, config=None):
    with pytest.raises(SettingsError) as refused:
        load(flags or {}, environment or {}, config)
    return str(refused.value)


def test_without_any_source_all_settings_are_the_defaults():
    loaded = load({}, {"PATH": "/bin"})
    assert loaded.settings == Settings()
    assert set(loaded.sources.values()) == {"default"}


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda setting: setting.name)
def test_the_spellings_of_a_setting_follow_from_its_name(setting):
    assert setting.flag == "--" + setting.name.replace("_", "-")
    assert setting.variable == "ECR_EMULATOR_" + setting.name.upper()
    assert setting.help.endswith(".")


EXAMPLES = {
    "host": (["127.0.0.1", "::1"], "127.0.0.1, ::1", '["127.0.0.1", "::1"]', ("127.0.0.1", "::1")),
    "port": (["0"], "0", "0", 0),
    "data_dir": (["state"], "state", '"state"', Path("state")),
    "database": (["postgresql://user@db/ecr"], "postgresql://user@db/ecr", '"postgresql://user@db/ecr"',
                 "postgresql://user@db/ecr"),
    "blobs": (["layers"], "layers", '"layers"', Path("layers")),
    "seed": (["a.toml", "seeds"], "a.toml, seeds", '["a.toml", "seeds"]', (Path("a.toml"), Path("seeds"))),
    "init_scripts": (["a.sh", "ready.d"], "a.sh,ready.d", '["a.sh", "ready.d"]', (Path("a.sh"), Path("ready.d"))),
    "account": (["123456789012"], "123456789012", '"123456789012"', "123456789012"),
    "region": (["eu-west-1"], "eu-west-1", '"eu-west-1"', "eu-west-1"),
    "uri_style": (["aws"], "aws", '"aws"', "aws"),
    "public_host": (["ecr.test:80"], "ecr.test:80", '"ecr.test:80"', "ecr.test:80"),
    "allow_host": (["ecr.corp", "*.corp"], "ecr.corp, *.corp", '["ecr.corp", "*.corp"]', ("ecr.corp", "*.corp")),
    "allow_origin": (["http://localhost:3000"], "http://localhost:3000", '"http://localhost:3000"',
                     ("http://localhost:3000",)),
    "admin_token": (["s3cret-of-ours"], "s3cret-of-ours", '"s3cret-of-ours"', "s3cret-of-ours"),
    "upstream_map": (["a=http://b", "c=http://d"], "a=http://b,c=http://d", '{ a = "http://b", c = "http://d" }',
                     {"a": "http://b", "c": "http://d"}),
    "allow_upstream": (["docker.elastic.co", "a:5000"], "docker.elastic.co, a:5000", '["docker.elastic.co", "a:5000"]',
                       ("docker.elastic.co", "a:5000")),
    "redirect_blobs": (["true"], "true", "true", True),
    "offline": (["true"], "true", "true", True),
    "negative_ttl": (["0.5"], "0.5", "0.5", 0.5),
    "import_mode": (["lazy"], "lazy", '"lazy"', "lazy"),
    "import_referrers": (["with-subject"], "with-subject", '"with-subject"', "with-subject"),
    "registry_auth": (["open"], "open", '"open"', "open"),
    "iam": (["enforce"], "enforce", '"enforce"', "enforce"),
    "any_kms_key": (["true"], "true", "true", True),
    "verify_signatures": (["true"], "true", "true", True),
    "strict": (["true"], "true", "true", True),
    "accept_sparse": (["false"], "false", "false", False),
    "tls": (["true"], "true", "true", True),
    "tls_dir": (["tls"], "tls", '"tls"', Path("tls")),
    "disk_reserve": (["0"], "0", "0", 0),
    "event_webhook": (["http://a:8080/x", "https://b"], "http://a:8080/x, https://b",
                      '["http://a:8080/x", "https://b"]', ("http://a:8080/x", "https://b")),
    "event_log_size": (["500"], "500", "500", 500),
    "log_level": (["debug"], "debug", '"debug"', "debug"),
    "log_format": (["json"], "json", '"json"', "json"),
    "vulnerabilities": (["/"], "/", '"/"', Path("/")),
    "background_delay": (["0.5"], "0.5", "0.5", 0.5),
    "shutdown_timeout": (["0.5"], "0.5", "0.5", 0.5),
    "threads": (["8"], "8", "8", 8),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_flag_variable_and_file_mean_the_same(name):
    flags, variable, toml, meant = EXAMPLES[name]
    from_flags = load({name: flags}, {})
    from_environment = load({}, {SETTINGS[name].variable: variable})
    from_file = load({}, {}, written(f"{name} = {toml}", "my.toml"))
    loaded = [from_flags, from_environment, from_file]
    assert [getattr(each.settings, name) for each in loaded] == [meant] * 3
    assert [each.sources[name] for each in loaded] == [SETTINGS[name].flag, SETTINGS[name].variable, "my.toml"]


def test_flags_win_over_the_environment_over_the_file_over_the_default():
    written("port = 1\nthreads = 1\nregion = 'eu-west-1'")
    environment = {"ECR_EMULATOR_PORT": "2", "ECR_EMULATOR_THREADS": "2"}
    loaded = load({"port": ["3"]}, environment)
    settings = loaded.settings
    assert (settings.port, settings.threads, settings.region, settings.account) == (3, 2, "eu-west-1", "0" * 12)
    assert [loaded.sources[name] for name in ("port", "threads", "region", "account")] == [
        "--port",
        "ECR_EMULATOR_THREADS",
        "ecr-emulator.toml",
        "default",
    ]


def test_the_environment_may_name_the_file_and_a_flag_may_name_another():
    one, other = written("port = 1", "one.toml"), written("port = 2", "other.toml")
    assert load({}, {"ECR_EMULATOR_CONFIG": str(one)}).settings.port == 1
    assert load({}, {"ECR_EMULATOR_CONFIG": str(one)}, other).settings.port == 2


def test_an_empty_variable_counts_as_unset():
    assert load({}, {"ECR_EMULATOR_DATA_DIR": ""}).settings.data_dir is None


def test_upstreams_may_be_a_table_or_an_array():
    table = written('[upstream_map]\n"registry-1.docker.io" = "http://127.0.0.1:5000"', "table.toml")
    array = written('upstream_map = ["registry-1.docker.io=http://127.0.0.1:5000"]', "array.toml")
    for path in (table, array):
        assert load({}, {}, path).settings.upstream_map == {"registry-1.docker.io": "http://127.0.0.1:5000"}


def test_an_unknown_key_is_refused_with_a_suggestion():
    written("prot = 4566")
    assert refusal() == "Unknown key prot in ecr-emulator.toml. Did you mean port?"


def test_an_unknown_variable_is_refused_with_a_suggestion():
    said = refusal(environment={"ECR_EMULATOR_DATADIR": "x"})
    assert said == "Unknown environment variable ECR_EMULATOR_DATADIR. Did you mean ECR_EMULATOR_DATA_DIR?"


def test_a_name_like_no_setting_is_refused_without_a_suggestion():
    assert refusal(environment={"ECR_EMULATOR_QQQQQQQQQQQQQQQ": "x"}).endswith("QQQQ.")


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('port = "4566"', "port in ecr-emulator.toml must be a whole number from 0 to 65535, not '4566'"),
        ("port = true", "port in ecr-emulator.toml must be a whole number from 0 to 65535, not true"),
        ("port = [1]", "port in ecr-emulator.toml must be a whole number from 0 to 65535, not '1'"),
        ("account = 123456789012", "account in ecr-emulator.toml must be an account: 12 digits, as text, not 12345678"),
        ("host = []", "host in ecr-emulator.toml must be an address or host name, not ''"),
        ("host = [1]", "host in ecr-emulator.toml must be an address or host name, not '1'"),
        (
            "uri_style = 'url'",
            "uri_style in ecr-emulator.toml must be one of localhost, subdomain, aws, path, not 'url'",
        ),
        (
            "upstream_map = 'docker.io'",
            "upstream_map in ecr-emulator.toml must be host=url, like registry-1.docker.io=",
        ),
    ],
)
def test_a_wrong_value_in_the_file_is_explained(toml, said):
    written(toml)
    assert refusal().startswith(said)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("port", "65536"),
        ("port", "-1"),
        ("port", "tcp://10.0.0.1:4566"),
        ("threads", "0"),
        ("account", "12345678901"),
        ("region", "Europe"),
        ("upstream_map", "docker.io=ftp://elsewhere"),
        ("allow_upstream", "https://docker.elastic.co"),
        ("allow_upstream", "docker.elastic.co/team"),
        ("allow_host", "*"),
        ("allow_host", "ecr.example.com:443"),
        ("allow_origin", "*"),
        ("allow_origin", "null"),
        ("allow_origin", "http://*.example.com"),
        ("allow_origin", "http://localhost:3000/"),
        ("allow_origin", "http://localhost:http"),
        ("public_host", "*"),
        ("public_host", "ecr.test:http"),
        ("public_host", "http://ecr.test"),
        ("shutdown_timeout", "nan"),
        ("log_level", "loud"),
    ],
)
def test_a_wrong_text_is_explained_with_its_source(name, text):
    setting = SETTINGS[name]
    expected = f"must be {setting.kind.expects}, not {text!r}"
    assert refusal(flags={name: [text]}) == f"{setting.flag} {expected}"
    assert refusal(environment={setting.variable: text}) == f"{setting.variable} {expected}"


def test_a_wrong_value_is_an_error_even_where_another_source_wins():
    assert "ECR_EMULATOR_PORT" in refusal(flags={"port": ["1"]}, environment={"ECR_EMULATOR_PORT": "x"})


def test_a_file_that_was_named_must_exist():
    assert refusal(config=Path("absent.toml")) == "There is no settings file absent.toml"


def test_a_file_that_is_not_toml_is_named():
    assert refusal(config=written("port: 1")).startswith("ecr-emulator.toml is not TOML: ")
    Path("binary.toml").write_bytes(b"\xff\xfe")
    assert refusal(config=Path("binary.toml")).startswith("binary.toml is not TOML: ")


def test_a_folder_is_no_settings_file(tmp_path):
    assert refusal(config=tmp_path).startswith(f"The settings file {tmp_path} cannot be read: ")
