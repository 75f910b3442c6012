"""Which endpoint serves a secret, and what is left to the SDK. botocore's rules are the oracle."""

from __future__ import annotations

import errno
import itertools

import boto3
import botocore.session
import pytest
from botocore.endpoint_provider import EndpointProvider
from support.processes import no_descriptors

from core_backend.errors import ConfigurationError
from core_backend.sources.endpoints import Endpoint, Endpoints, is_loopback, is_secure, split_url

LAMBDA = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_CONFIG_FILE": "/nonexistent",
}
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:db-AbCdEf"
LOADER = botocore.session.get_session().get_component("data_loader")
PARTITIONS = LOADER.load_data("partitions")
RULES = EndpointProvider(
    LOADER.load_service_model("secretsmanager", "endpoint-rule-set-1"), PARTITIONS
)
REGIONS = [
    (partition["id"], region)
    for partition in PARTITIONS["partitions"]
    for region in partition["regions"]
    # The others, such as aws-global, are no Regions that a function runs in.
    if not region.endswith("global")
]


@pytest.mark.parametrize(("partition", "region"), REGIONS)
def test_every_regions_endpoints_are_those_of_botocores_rules(partition, region):
    for fips, dual_stack in itertools.product((False, True), repeat=2):
        environ = LAMBDA | {
            "AWS_REGION": region,
            "AWS_USE_FIPS_ENDPOINT": str(fips),
            "AWS_USE_DUALSTACK_ENDPOINT": str(dual_stack),
        }
        rule = RULES.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual_stack)
        endpoint, signed_for = Endpoints(environ).find("db")
        assert f"https://{endpoint.authority}" == rule.url
        assert signed_for == region
        assert Endpoints(environ).needs_sdk() is None
        arn = f"arn:{partition}:secretsmanager:{region}:123456789012:secret:db-AbCdEf"
        assert Endpoints(environ | {"AWS_REGION": "us-east-1"}).find(arn) == (endpoint, region)


class Sent(Exception):  # noqa: N818  # what has become of a request
    """A request of boto3 that is not sent."""


def intercept(request, **_):
    raise Sent(request.url)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_REGION": "cn-north-1", "AWS_USE_DUALSTACK_ENDPOINT": "TRUE"},
        {"AWS_REGION": "eusc-de-east-1", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
        # An endpoint of one's own is left as it is.
        {"AWS_ENDPOINT_URL": "https://vpce.example", "AWS_USE_FIPS_ENDPOINT": "true"},
    ],
)
def test_a_client_of_boto3_sends_its_requests_to_the_same_endpoint(monkeypatch, more):
    environ = LAMBDA | more
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("secretsmanager", environ["AWS_REGION"])
    client.meta.events.register("before-send.secretsmanager", intercept)
    with pytest.raises(Sent) as sent:
        client.get_secret_value(SecretId="db")
    endpoint, _ = Endpoints(environ).find("db")
    assert str(sent.value) == f"https://{endpoint.authority}/"


PROFILES = [
    "",
    "[default]\nregion = us-west-2\n",
    "[default]\nuse_fips_endpoint = true\n",
    "[default]\nuse_fips_endpoint = True\nuse_dualstack_endpoint=true\n",
    "[default]\nuse_fips_endpoint = false\nuse_dualstack_endpoint = yes\n",
    "[profile default]\nuse_fips_endpoint = true\n",
    '[profile "default"]\nuse_fips_endpoint = true\n',
    "[default]\nuse_fips_endpoint = true\n[profile default]\nregion = us-west-2\n",
    "[profile default]\nregion = us-west-2\n[default]\nuse_dualstack_endpoint = true\n",
    "[profile other]\nuse_fips_endpoint = true\n",
    "[sso-session default]\nuse_fips_endpoint = true\n",
    "[DEFAULT]\nuse_fips_endpoint = true\n[default]\nregion = us-west-2\n",
    "use_fips_endpoint = true\n[default]\n",
    "[default]\nuse_fips_endpoint = true\nuse_fips_endpoint = false\n",
    "[default\nuse_fips_endpoint = true\n",
    "[default]\ns3 =\n  use_fips_endpoint = true\n",
    "[default]\nca_bundle = \xff\n",
]


@pytest.mark.parametrize("content", PROFILES)
@pytest.mark.parametrize("variable", [None, "", "false", "true"])
def test_the_config_file_is_read_as_botocore_reads_it(tmp_path, monkeypatch, content, variable):
    path = tmp_path / "config"
    path.write_bytes(content.encode("latin-1"))
    environ = LAMBDA | {"AWS_CONFIG_FILE": str(path)}
    if variable is not None:
        environ["AWS_USE_FIPS_ENDPOINT"] = variable
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    session = botocore.session.Session()
    try:
        fips = session.get_config_variable("use_fips_endpoint")
        dual_stack = session.get_config_variable("use_dualstack_endpoint")
    except botocore.exceptions.ConfigParseError:
        with pytest.raises(ConfigurationError, match=r"config' cannot be parsed \(\w+Error\)"):
            Endpoints(environ)
        return
    rule = RULES.resolve_endpoint(
        Region="eu-central-1", UseFIPS=fips or False, UseDualStack=dual_stack or False
    )
    assert f"https://{Endpoints(environ).find('db')[0].authority}" == rule.url


def test_a_config_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "config"
    path.write_text("[default]\nuse_fips_endpoint = true\n")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    # Not chmod, since root reads everything.
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ConfigurationError, match=r"config' cannot be read \(PermissionError\)"):
        Endpoints(LAMBDA | {"AWS_CONFIG_FILE": str(path)})


def test_a_config_file_is_not_skipped_when_no_descriptor_is_left(tmp_path):
    path = tmp_path / "config"
    path.write_text("[default]\nuse_fips_endpoint = true\n")
    Endpoints(LAMBDA | {"AWS_CONFIG_FILE": str(path)})
    with no_descriptors(), pytest.raises(OSError, match="Too many open files"):
        Endpoints(LAMBDA | {"AWS_CONFIG_FILE": str(path)})


def test_the_config_file_is_looked_for_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    environ = {name: value for name, value in LAMBDA.items() if name != "AWS_CONFIG_FILE"}
    assert "fips" not in Endpoints(environ).find("db")[0].host
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nuse_fips_endpoint = true\n")
    assert Endpoints(environ).find("db")[0].host == "secretsmanager-fips.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("content", "more", "reason"),
    [
        ("endpoint_url = https://a.example", {}, "the AWS config file sets endpoint_url"),
        ("services = mine", {}, "the AWS config file sets services"),
        ("ca_bundle = /ca.pem", {}, "the AWS config file sets ca_bundle"),
        ("ca_bundle = /ca.pem", {"AWS_CA_BUNDLE": "/other.pem"}, None),
        ("endpoint_url = https://a.example", {"AWS_ENDPOINT_URL": "https://b.example"}, None),
        (
            "endpoint_url = https://a.example",
            {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            None,
        ),
        ("endpoint_url = https://a.example\nignore_configured_endpoint_urls = true", {}, None),
    ],
)
def test_what_else_a_config_file_sets_is_left_to_the_sdk(tmp_path, content, more, reason):
    path = tmp_path / "config"
    path.write_text(f"[default]\n{content}\n")
    environ = LAMBDA | {"AWS_CONFIG_FILE": str(path)} | more
    assert Endpoints(environ).needs_sdk() == reason


def test_the_region_of_an_arn_wins_and_suffices():
    assert Endpoints(LAMBDA).find(ARN) == Endpoints(LAMBDA | {"AWS_REGION": "us-west-2"}).find("db")
    assert Endpoints({}).find(ARN)[1] == "us-west-2"
    assert Endpoints(LAMBDA).find("db")[1] == "eu-central-1"
    assert Endpoints({"AWS_DEFAULT_REGION": "us-west-2"}).find("db")[1] == "us-west-2"


def test_without_a_region_it_says_what_to_set():
    with pytest.raises(ConfigurationError, match="set AWS_REGION"):
        Endpoints({}).find("db")
    assert "AWS_REGION" in Endpoints({}).needs_sdk()


@pytest.mark.parametrize(
    "secret_id",
    [
        "arn:aws:secretsmanager:us-west-2.evil.example/:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:evil.example#-1:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager::123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:US-west-2:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:us-west-²:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:us-iso-east-1:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:zz-east-1:123456789012:secret:db-AbCdEf",
        "arn:aws-iso:secretsmanager:us-west-2:123456789012:secret:db-AbCdEf",
        "arn:aws-cn:secretsmanager:us-west-2:123456789012:secret:db-AbCdEf",
        "arn:aws:ssm:us-west-2:123456789012:parameter/db",
        "arn:aws:secretsmanager:us-west-2",
        "arn:",
    ],
)
def test_a_hostile_arn_leads_nowhere(secret_id):
    with pytest.raises(ConfigurationError):
        Endpoints(LAMBDA).find(secret_id)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://vpce-1.example", Endpoint("vpce-1.example", 443, tls=True)),
        ("https://VPCE-1.example:8443/", Endpoint("vpce-1.example", 8443, tls=True)),
        ("http://127.0.0.1:4566", Endpoint("127.0.0.1", 4566, tls=False)),
        ("http://127.1.2.3", Endpoint("127.1.2.3", 80, tls=False)),
        ("http://localhost:4566/", Endpoint("localhost", 4566, tls=False)),
        ("http://[::1]:4566", Endpoint("::1", 4566, tls=False)),
    ],
)
def test_a_configured_endpoint_takes_the_place_of_awss(url, endpoint):
    environ = LAMBDA | {"AWS_ENDPOINT_URL": url}
    assert Endpoints(environ).custom() == endpoint
    assert Endpoints(environ).find(ARN) == (endpoint, "us-west-2")
    assert Endpoints(environ).needs_sdk() is None
    environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = "https://closer.example"
    assert Endpoints(environ).custom().host == "closer.example"
    environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "True"
    assert Endpoints(environ).custom() is None


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.1",
        "http://[fe80::1]",
    ],
)
def test_plain_http_to_elsewhere_is_refused(url):
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL .* session token"):
        Endpoints(LAMBDA | {"AWS_ENDPOINT_URL": url}).find("db")


@pytest.mark.parametrize("host", ["localstack", "172.17.0.2", "fe80::1"])
def test_plain_http_is_allowed_to_exactly_the_host_that_the_setting_names(host):
    bracketed = f"[{host}]" if ":" in host else host
    for url in (f"http://{bracketed}:4566", f"http://{bracketed.upper()}"):
        environ = LAMBDA | {"AWS_ENDPOINT_URL": url}
        endpoint, _ = Endpoints(environ, host).find("db")
        assert (endpoint.host, endpoint.tls) == (host, False)
        assert not is_secure(endpoint)
        for other in ("", "stack", f"a.{host}", f"{host}.evil.example"):
            with pytest.raises(ConfigurationError, match=f"insecure_endpoint to '{host}'"):
                Endpoints(environ, other).find("db")


@pytest.mark.parametrize(
    "url",
    [
        "example.com",
        "ftp://example.com",
        "https://",
        "https://user:pl4nted-password@example.com",
        "https://example.com:0",
        "https://example.com:65536",
        "https://example.com:https",
        "https://example.com?query",
        "https://example.com#fragment",
        "https://exa mple.com",
        "https://example.com/a\r\nb",
        "https://ex\u00e4mple.com",
        "https://example.com\n",
    ],
)
def test_what_is_no_url_is_refused_without_being_shown(url):
    environ = LAMBDA | {"AWS_ENDPOINT_URL_SECRETS_MANAGER": url}
    with pytest.raises(ConfigurationError, match="URL_SECRETS_MANAGER is not a usable URL"):
        Endpoints(environ).find("db")
    # So that the error is raised where the endpoint is used.
    assert Endpoints(environ).needs_sdk() is None


def test_a_url_is_split_into_where_and_what():
    endpoint = Endpoint("169.254.170.2", 80, tls=False)
    assert split_url("http://169.254.170.2/v2/x?id=1", "V") == (endpoint, "/v2/x?id=1")


@pytest.mark.parametrize(
    ("endpoint", "authority"),
    [
        (Endpoint("a", 443, tls=True), "a"),
        (Endpoint("a", 80, tls=False), "a"),
        (Endpoint("a", 80, tls=True), "a:80"),
        (Endpoint("::1", 443, tls=False), "[::1]:443"),
    ],
)
def test_the_host_header_has_the_port_where_it_is_not_the_usual(endpoint, authority):
    assert endpoint.authority == authority


def test_endpoints_are_the_same_where_they_lead_to_the_same():
    one = Endpoint("a", 1, tls=True)
    assert {one, Endpoint("a", 1, tls=True)} == {one}
    others = [Endpoint("b", 1, tls=True), Endpoint("a", 2, tls=True), Endpoint("a", 1, tls=False)]
    assert one not in [*others, "a"]


def test_this_machine_is_known_by_its_name():
    assert [is_loopback(host) for host in ("localhost", "127.9.9.9", "::1")] == [True] * 3
    assert [is_loopback(host) for host in ("128.0.0.1", "127.example", "")] == [False] * 3


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"AWS_PROFILE": "dev"}, "AWS_PROFILE is set"),
        ({"AWS_DEFAULT_PROFILE": "dev"}, "AWS_DEFAULT_PROFILE is set"),
        ({"AWS_ENDPOINT_URL": "https://a.example/b"}, "AWS_ENDPOINT_URL has a path"),
        ({"AWS_REGION": "zz-north-1"}, "Region 'zz-north-1' is in no partition"),
        ({"HTTPS_PROXY": "http://p"}, "HTTPS_PROXY is set, and NO_PROXY"),
        ({"https_proxy": "http://p", "NO_PROXY": "a,amazonaws.example"}, "https_proxy is set"),
        ({"https_proxy": "http://p", "NO_PROXY": ",,"}, "https_proxy is set"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials in the env"),
        (
            {
                "AWS_ACCESS_KEY_ID": "",
                "AWS_SECRET_ACCESS_KEY": "",
                "AWS_WEB_IDENTITY_TOKEN_FILE": "/token",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/x",
            },
            "AWS_WEB_IDENTITY_TOKEN_FILE is set",
        ),
    ],
)
def test_the_sdk_is_needed_for(more, reason):
    assert reason in Endpoints(LAMBDA | more).needs_sdk()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"HTTP_PROXY": "http://p"},
        {"HTTPS_PROXY": "http://p", "AWS_ENDPOINT_URL": "https://localhost:1"},
        {"HTTP_PROXY": "http://p", "AWS_ENDPOINT_URL": "http://localhost:1"},
        {"HTTPS_PROXY": "http://p", "NO_PROXY": "*"},
        {"HTTPS_PROXY": "http://p", "no_proxy": "a.example, .amazonaws.com"},
        {"HTTPS_PROXY": "http://p", "NO_PROXY": "SecretsManager.eu-central-1.amazonaws.com"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"},
        {
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
        },
        {
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost/x",
        },
        {"AWS_ENDPOINT_URL": "https://a.example/b", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    ],
)
def test_the_sdk_is_not_needed_for(more):
    assert Endpoints(LAMBDA | more).needs_sdk() is None
