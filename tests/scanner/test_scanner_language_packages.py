"""Packages of languages: installed metadata, lock files, archives and programs."""

import io
import json
import zipfile

import pytest

from ecr_emulator.domain.packages import Package
from tests.support.elf_programs import go_section, program, rust_section
from tests.support.image_layers import contents, layer, names, packages, tar

GO_MODULES = """\
path\texample.com/app/cmd
mod\texample.com/app\t(devel)\t
dep\tgolang.org/x/net\tv0.10.0\th1:x=
dep\tgolang.org/x/text\tv0.3.0\th1:x=
=>\tgolang.org/x/text\tv0.3.8\th1:x=
dep\texample.com/local\tv1.0.0
=>\t./local\t(devel)\t
dep\tgithub.com/docker/docker\tv20.10.7+incompatible\th1:x=
build\t-compiler=gc
"""
GO = {
    "stdlib 1.20.0",
    "golang.org/x/net 0.10.0",
    "golang.org/x/text 0.3.8",
    "github.com/docker/docker 20.10.7+incompatible",
}
CRATES = [
    {"name": "app", "version": "0.1.0", "source": "local", "root": True},
    {"name": "time", "version": "0.1.43", "source": "crates.io"},
    {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
]


def a_program(content):
    return layer(tar({"app/server": content}, mode=0o755))


def archive(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    ("path", "metadata", "found"),
    [
        ("usr/lib/a.dist-info/METADATA", "Name: Flask_Login\nVersion: 0.6.2\n", {"flask-login 0.6.2"}),
        ("usr/lib/a.egg-info/PKG-INFO", "name: six\nversion: 1.16.0\n", {"six 1.16.0"}),
        ("usr/lib/a-1.0.egg-info", "Name: six\nVersion: 1.16.0\n", {"six 1.16.0"}),
        ("usr/lib/a.egg/EGG-INFO/PKG-INFO", "Name: six\nVersion: 1.16.0\n", {"six 1.16.0"}),
        ("usr/lib/a.dist-info/METADATA", "Name: six\n\nVersion: 1.16.0\n", set()),
        ("usr/lib/a.dist-info/RECORD", "Name: six\nVersion: 1.16.0\n", set()),
    ],
)
def test_python_packages(path, metadata, found):
    assert names({path: metadata}) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("app/node_modules/lodash/package.json", {"lodash 4.17.20"}),
        ("node_modules/a/node_modules/lodash/package.json", {"lodash 4.17.20"}),
        ("node_modules/@types/lodash/package.json", {"lodash 4.17.20"}),
        ("app/package.json", set()),
        ("node_modules/lodash/test/fixtures/package.json", set()),
    ],
)
def test_installed_packages_of_npm(path, found):
    assert names({path: json.dumps({"name": "lodash", "version": "4.17.20"})}) == found


def test_lock_files_of_npm():
    new = {
        "": {"name": "app", "version": "1.0.0"},
        "node_modules/a": {"version": "1.0.0"},
        "node_modules/a/node_modules/@b/c": {"version": "2.0.0"},
        "node_modules/alias": {"name": "real", "version": "3.0.0"},
        "node_modules/test": {"version": "4.0.0", "dev": True},
        "node_modules/here": {"link": True, "resolved": "here"},
        "here": {"version": "5.0.0"},
    }
    old = {
        "a": {"version": "1.0.0", "dependencies": {"@b/c": {"version": "2.0.0"}}},
        "t": {"version": "9", "dev": True},
    }
    assert names({"app/package-lock.json": json.dumps({"packages": new})}) == {"a 1.0.0", "@b/c 2.0.0", "real 3.0.0"}
    assert names({"app/npm-shrinkwrap.json": json.dumps({"dependencies": old})}) == {"a 1.0.0", "@b/c 2.0.0"}


@pytest.mark.parametrize(("bits", "order"), [(64, "<"), (64, ">"), (32, "<"), (32, ">")])
def test_go_modules_of_programs(bits, order):
    assert names(a_program(program({".go.buildinfo": go_section("go1.20", GO_MODULES)}, bits, order))) == GO


@pytest.mark.parametrize(
    ("version", "package"),
    [("go1.22.3", "1.22.3"), ("go1.22rc1", "1.22.0-rc.1"), ("go1.25.1 X:nocoverageredesign", "1.25.1")],
)
def test_the_standard_library_of_go_has_the_version_of_go(version, package):
    assert names(a_program(program({".go.buildinfo": go_section(version, "")}))) == {f"stdlib {package}"}


def test_a_program_that_go_has_built_from_a_working_copy_has_no_modules_of_it():
    assert names(a_program(program({".go.buildinfo": go_section("devel go1.27-abc", GO_MODULES)}))) == GO - {
        "stdlib 1.20.0"
    }


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({".go.buildinfo": b"x" * 100}, "its Go build information is damaged"),
        ({".go.buildinfo": b"\xff Go buildinf:" + bytes([8, 0]) + bytes(100)}, "it was built by Go 1.17 or earlier"),
        ({".go.buildinfo": go_section("go1.20", GO_MODULES)[:60]}, "its Go build information is incomplete"),
        ({".dep-v0": b"x" * 100}, "its list of crates is damaged"),
    ],
)
def test_programs_with_damaged_lists_are_skipped(sections, reason):
    (skipped,) = contents(a_program(program(sections))).skipped
    assert skipped.startswith(f"/app/server cannot be read: {reason}")


@pytest.mark.parametrize("content", [b"#!/bin/sh\n" * 500, b"\x7fELF" + bytes(5000), program({".text": b"x"})])
def test_other_programs_have_no_packages(content):
    assert names(a_program(content)) == set()


def test_a_program_that_nobody_may_execute_is_not_read():
    assert names({"app/server": program({".go.buildinfo": go_section("go1.20", "")})}) == set()


def test_crates_of_programs():
    assert names(a_program(program({".dep-v0": rust_section(CRATES)}))) == {"time 0.1.43"}


def test_crates_of_a_lock_file():
    own, other = 'name = "app"\nversion = "0.1.0"', 'name = "time"\nversion = "0.1.43"\nsource = "registry"'
    lock = f"version = 3\n[[package]]\n{own}\n[[package]]\n{other}\n"
    assert names({"src/Cargo.lock": lock}) == {"time 0.1.43"}


def properties(group, artifact, version):
    text = f"#Generated by Maven\r\nversion={version}\r\ngroupId={group}\r\nartifactId = {artifact}\r\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text}


def manifest(**fields):
    lines = (f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return {
        "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\n"
        + "".join(lines)
        + "\r\nName: x\r\nImplementation-Version: 9\r\n"
    }


LOG4J = archive(properties("org.apache.logging.log4j", "log4j-core", "2.14.1") | manifest(Implementation_Version="2"))


@pytest.mark.parametrize(
    ("path", "jar", "found"),
    [
        ("app/log4j.jar", LOG4J, {"org.apache.logging.log4j:log4j-core 2.14.1"}),
        ("app/app.jar", archive({"BOOT-INF/lib/l.jar": LOG4J}), {"org.apache.logging.log4j:log4j-core 2.14.1"}),
        ("a.ear", archive({"b.war": archive({"c.jar": LOG4J})}), {"org.apache.logging.log4j:log4j-core 2.14.1"}),
        ("app/spring-core-5.3.17.jar", archive(manifest(Implementation_Title="x")), {":spring-core 5.3.17"}),
        ("app/x.jar", archive(manifest(Implementation_Title="y", Implementation_Version="1.0")), {":y 1.0"}),
        (
            "app/y-1.0.jar",
            archive(manifest(Implementation_Vendor_Id="org.exam\r\n ple")),
            {"org.example:y 1.0"},
        ),
        ("app/app.jar", archive({"a.class": "x"}), set()),
    ],
)
def test_artifacts_of_java_archives(path, jar, found):
    assert names({path: jar}) == found


def test_an_artifact_within_an_archive_has_both_paths():
    (artifact,) = packages({"app/app.jar": archive({"BOOT-INF/lib/l.jar": LOG4J})})
    assert artifact.path == "app/app.jar!/BOOT-INF/lib/l.jar"


GEMSPEC = """\
Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.version = "2.2.3"
  s.add_dependency "x", version = "9"
end
"""


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("usr/lib/ruby/gems/3.2.0/specifications/rack-2.2.3.gemspec", GEMSPEC, {"rack 2.2.3"}),
        ("usr/lib/ruby/gems/3.2.0/specifications/default/rack-2.2.3.gemspec", GEMSPEC, {"rack 2.2.3"}),
        ("usr/lib/ruby/gems/3.2.0/gems/rack-2.2.3/rack.gemspec", GEMSPEC, set()),
        (
            "app/Gemfile.lock",
            "GEM\n  remote: https://rubygems.org/\n  specs:\n    nokogiri (1.13.1-x86_64-linux)\n      racc (~> 1.4)\n"
            "    rack (2.2.3)\n\nDEPENDENCIES\n  rack\n",
            {"nokogiri 1.13.1", "rack 2.2.3"},
        ),
    ],
)
def test_ruby_gems(path, text, found):
    assert names({path: text}) == found


PHP = [{"name": "Symfony/http-kernel", "version": "v5.4.1"}, {"name": "x"}, "no"]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("app/composer.lock", {"packages": PHP, "packages-dev": [{"name": "a/b", "version": "1"}]}),
        ("app/vendor/composer/installed.json", {"packages": PHP, "dev": False}),
        ("app/vendor/composer/installed.json", PHP),
    ],
)
def test_php_packages(path, document):
    assert names({path: json.dumps(document)}) == {"symfony/http-kernel 5.4.1"}


def test_packages_of_net():
    libraries = {"App/1.0.0": {"type": "project"}, "Newtonsoft.Json/12.0.1": {"type": "package"}}
    lock = {"net8.0": {"Newtonsoft.Json": {"type": "Direct", "resolved": "12.0.1"}, "app": {"type": "Project"}}}
    assert names({"app/App.deps.json": json.dumps({"libraries": libraries})}) == {"Newtonsoft.Json 12.0.1"}
    assert names({"src/packages.lock.json": json.dumps({"dependencies": lock})}) == {"Newtonsoft.Json 12.0.1"}


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("node_modules/a/package.json", {"name": ["a"], "version": 1}),
        ("app/package-lock.json", {"packages": [1]}),
        ("app/package-lock.json", {"packages": {"node_modules/a": 1}}),
        ("app/composer.lock", {"packages": {"a": 1}}),
        ("app/a.deps.json", {"libraries": {"a/1": None}}),
        ("app/packages.lock.json", {"dependencies": {"a": {"b": 1}}}),
    ],
)
def test_values_of_other_types_than_expected_are_left_out(path, document):
    assert contents({path: json.dumps(document)}).packages == ()


def test_the_package_says_where_it_is():
    lower = layer({"app/Gemfile.lock": "    rack (2.2.3)"})
    assert packages(lower) == (
        Package("RubyGems", "rack", "2.2.3", "app/Gemfile.lock", manager="BUNDLER", layer=lower.digest),
    )
