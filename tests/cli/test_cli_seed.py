"""``serve --seed`` and ``ecr-emulator seed``."""

import pytest

from tests.support.boto import client_at
from tests.support.command_line import run_here
from tests.support.processes import run, serving

WEB = '[[repositories]]\nname = "team/web"\nimages = [{ tags = ["1.0"], pushed_at = "30d" }]\n'


def names(url, account):
    return [each["repositoryName"] for each in client_at(url, account=account).describe_repositories()["repositories"]]


def test_a_server_is_filled_before_it_answers_and_again_while_it_runs(tmp_path):
    (tmp_path / "web.toml").write_text(WEB)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "worker.yaml").write_text("repositories: [{name: team/worker}]")
    arguments = ["--port", "0", "--seed", "web.toml", "--seed", "more", "--account", "123456789012"]
    with serving(tmp_path, *arguments, "--admin-token", "s3cret-of-ours") as served:
        assert names(served.url, "123456789012") == ["team/web", "team/worker"]
        to = {"AWS_ENDPOINT_URL": served.url, "ECR_EMULATOR_ADMIN_TOKEN": "s3cret-of-ours"}
        again = run_here(tmp_path, "seed", "web.toml", "more", **to)
        assert again.stdout == "0 things created, 0 changed, 3 unchanged.\n"

        other = run_here(tmp_path, "seed", "web.toml", "--account", "210987654321", **to)
        assert (other.returncode, other.stdout) == (0, "2 things created, 0 changed, 0 unchanged.\n")
        assert names(served.url, "210987654321") == ["team/web"]

        (tmp_path / "wrong.toml").write_text(WEB.replace("tags", "tag"))
        wrong = run_here(tmp_path, "seed", "wrong.toml", **to)
        assert wrong.returncode == 1
        assert (
            "wrong.toml, line 3: repositories[0].images[0].tag is no key of a seed; did you mean tags?" in wrong.stderr
        )


@pytest.mark.slow
def test_a_server_with_a_wrong_seed_does_not_start(tmp_path):
    (tmp_path / "wrong.toml").write_text('[[repositories]]\nname = "Team"\n')
    started = run(tmp_path, "serve", "--port", "0", "--seed", "wrong.toml")
    assert started.returncode == 2
    assert "wrong.toml, line 1: repositories[0]: InvalidParameterException" in started.stderr
    assert "is ready" not in started.stdout


@pytest.mark.parametrize("arguments", [["nowhere.toml"], []])
def test_a_seed_needs_a_file_and_an_emulator(tmp_path, arguments):
    done = run_here(tmp_path, "seed", *arguments, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert done.returncode in (1, 2)
    assert ("No emulator" if arguments else "Missing argument") in done.stderr
