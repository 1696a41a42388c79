"""Sign in to the console: with the admin token, with an access key, or not at all; and the tokens of forms."""

import pytest

from tests.support.boto import LOOPBACK
from tests.support.console import HTML, Browser
from tests.support.iam_principals import ACCOUNT, IamAccount, allow, enforcing

TOKEN = "s3cret-of-ours"
HOME = f"/_ecr/console/{ACCOUNT}/us-east-1/"


@pytest.fixture
def guarded(with_settings):
    return Browser(with_settings(admin_token=TOKEN))


@pytest.fixture(scope="module")
def enforcing_iam():
    with enforcing() as running:
        yield running


@pytest.fixture(scope="module")
def iam(enforcing_iam):
    return IamAccount(enforcing_iam)


@pytest.fixture
def visitor(enforcing_iam):
    return Browser(enforcing_iam)


def sign_in(browser, keys, path="/_ecr/"):
    typed = {"access_key": keys.access_key, "secret_key": keys.secret, "session_token": keys.session_token or ""}
    return browser.submit(browser.open(path).form("/sign-in"), **typed)


# --- The admin token ------------------------------------------------------------------------------------------------


def test_with_an_admin_token_each_page_asks_for_it_and_leads_back(guarded):
    page = guarded.open("registries", to_account="x")
    assert (page.path, "Admin token" in page.text) == ("/_ecr/console/sign-in", True)
    assert "Access key" not in page.text
    shown = guarded.submit(page.form("/sign-in"), admin_token=TOKEN)
    assert (shown.path, "Another registry" in shown.text) == ("/_ecr/console/000000000000/us-east-1/registries", True)
    assert guarded.open().status == 200


@pytest.mark.parametrize("typed", ["", "wrong", f"{TOKEN}x", "é"])
def test_a_wrong_admin_token_is_refused(guarded, typed):
    page = guarded.submit(guarded.open("/_ecr/").form("/sign-in"), admin_token=typed)
    assert page.status == 403
    assert "This is not the token that the emulator was started with (--admin-token)." in page.text
    assert TOKEN not in page.html
    assert guarded.open().path == "/_ecr/console/sign-in"


def test_signing_out_ends_the_session(guarded):
    guarded.submit(guarded.open("/_ecr/").form("/sign-in"), admin_token=TOKEN)
    guarded.submit(guarded.open().form("/sign-out"))
    assert guarded.open().path == "/_ecr/console/sign-in"


def test_a_form_that_needs_a_sign_in_changes_nothing_without_it(guarded):
    answer = guarded.client.post("/_ecr/console/000000000000/us-east-1/clock", data={"advance": "24h"}, headers=HTML)
    assert (answer.status_code, "/_ecr/console/sign-in" in answer.headers["Location"]) == (303, True)


def test_the_session_of_another_token_is_worth_nothing(guarded, with_settings):
    guarded.submit(guarded.open("/_ecr/").form("/sign-in"), admin_token=TOKEN)
    other = Browser(with_settings(admin_token="another-token"))
    cookie = guarded.client.get_cookie("ecr_emulator_http_4566", path="/_ecr")
    other.client.set_cookie("ecr_emulator_http_4566", cookie.value, path="/_ecr")
    assert other.open().path == "/_ecr/console/sign-in"


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example/", "/_ecr/console/\\\\evil", "/_ecr/console//x\r\ny"]
)
def test_the_sign_in_leads_to_pages_of_the_console_only(guarded, there):
    form = guarded.open("/_ecr/").form("/sign-in")
    answer = guarded.client.post(
        form.action,
        data=form.values | {"admin_token": TOKEN, "next": there},
        base_url="http://localhost:4566",
        headers=HTML,
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/_ecr/")


# --- Access keys ----------------------------------------------------------------------------------------------------


def test_a_user_signs_in_and_sees_what_the_user_may_see(visitor, iam):
    page = sign_in(visitor, iam.user(allow("DescribeRepositories"), name="reader").keys)
    assert page.path == HOME
    assert f"signed in as arn:aws:iam::{ACCOUNT}:user/reader" in page.text
    assert "Repositories 0" in page.text
    assert "not authorized to perform: ecr:DescribePullThroughCacheRules" in page.text


def test_the_first_page_of_a_caller_is_about_its_own_account(visitor):
    page = visitor.submit(visitor.open("/").form("/sign-in"), access_key="210987654321")
    assert page.path == "/_ecr/console/210987654321/us-east-1/"
    assert "not authorized" not in page.text


def test_a_user_without_permissions_sees_the_sentence_of_aws(visitor, iam):
    page = sign_in(visitor, iam.user(name="nobody").keys)
    assert (
        f"User: arn:aws:iam::{ACCOUNT}:user/nobody is not authorized to perform: ecr:DescribeRepositories" in page.text
    )
    assert "Images" not in page.text


def test_a_session_of_sts_signs_in_until_it_expires(visitor, iam, enforcing_iam):
    role = iam.session(iam.role(allow("DescribeRepositories")))
    with_wrong_token = role.keys._replace(session_token="wrong")
    assert "The session token does not belong to this access key." in sign_in(visitor, with_wrong_token).text
    assert "Repositories 0" in sign_in(visitor, role.keys).text
    visitor.submit(visitor.open(HOME).form("/clock"), advance="2h")
    assert visitor.open(HOME).path == "/_ecr/console/sign-in"
    assert "The session of this access key has expired." in sign_in(visitor, role.keys).text


def test_a_deactivated_key_is_signed_out(visitor, iam):
    keys = iam.user(name="leaver").keys
    assert sign_in(visitor, keys).path == HOME
    iam.client.update_access_key(UserName="leaver", AccessKeyId=keys.access_key, Status="Inactive")
    assert visitor.open(HOME).path == "/_ecr/console/sign-in"


def test_twelve_digits_are_the_root_user_of_that_account(visitor, iam):
    page = sign_in(visitor, iam.root().keys)
    assert f"signed in as arn:aws:iam::{ACCOUNT}:root" in page.text


def test_unknown_keys_and_wrong_secrets_are_refused(visitor, iam):
    keys = iam.user(name="typist").keys
    assert "The secret access key does not belong" in sign_in(visitor, keys._replace(secret="wrong")).text
    assert "IAM and STS know no active access key" in sign_in(visitor, keys._replace(access_key="AKIAUNKNOWN")).text
    assert visitor.open(HOME).path == "/_ecr/console/sign-in"


def test_the_cookie_contains_no_secret_and_is_for_this_server_alone(visitor, iam):
    keys = iam.user(name="owner").keys
    sign_in(visitor, keys)
    cookie = visitor.client.get_cookie("ecr_emulator_http_4566", path="/_ecr")
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Strict", "/_ecr")
    assert keys.secret not in cookie.decoded_value


# --- The tokens of forms -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [None, "", "wrong", "é"])
def test_a_form_without_the_token_of_its_session_changes_nothing(browser, emulator, token):
    form = browser.open().form("/clock")
    values = {"advance": "24h"} | ({} if token is None else {"form_token": token})
    answer = browser.client.post(
        form.action, data=values, base_url="http://localhost:4566", headers=HTML, environ_base=LOOPBACK
    )
    assert answer.status_code == 403
    assert "This form is from an earlier session." in answer.text
    assert emulator.clock.ahead.total_seconds() == 0


def test_the_token_of_one_browser_is_not_that_of_another(browser, emulator):
    stolen = Browser(emulator).open().form("/clock").values["form_token"]
    browser.open()
    page = browser.submit(browser.open().form("/clock"), ("advance", "24h"), form_token=stolen)
    assert (page.status, emulator.clock.ahead.total_seconds()) == (403, 0)


def test_a_form_of_another_origin_is_refused_before_its_token_is_looked_at(browser):
    form = browser.open().form("/clock")
    headers = HTML | {"Origin": "http://localhost:3000"}
    answer = browser.client.post(form.action, data=form.values, base_url="http://localhost:4566", headers=headers)
    assert (answer.status_code, answer.mimetype) == (403, "text/plain")
    assert "--allow-origin http://localhost:3000" in answer.text


def test_with_both_settings_a_browser_signs_in_with_both():
    with enforcing(admin_token=TOKEN) as emulator:
        browser, keys = Browser(emulator), IamAccount(emulator).user(allow("DescribeRepositories"), name="both").keys
        form = browser.open("/_ecr/").form("/sign-in")
        typed = {"access_key": keys.access_key, "secret_key": keys.secret}
        assert "This is not the token" in browser.submit(form, **typed, admin_token="wrong").text
        assert "does not belong" in browser.submit(form, admin_token=TOKEN, access_key=keys.access_key).text
        assert browser.open(HOME).path == "/_ecr/console/sign-in"
        assert "Repositories 0" in browser.submit(form, **typed, admin_token=TOKEN).text


def test_where_nobody_signs_in_there_is_no_form(browser):
    page = browser.open("/_ecr/console/sign-in")
    assert (page.status, page.path) == (200, "/_ecr/console/000000000000/us-east-1/")


def test_pages_of_https_have_a_cookie_of_their_own(emulator):
    browser = Browser(emulator, "https://localhost:4566")
    browser.open()
    assert browser.client.get_cookie("ecr_emulator_https_4566", path="/_ecr").secure
