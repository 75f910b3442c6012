"""Where a secret is asked for, and what is left to the SDK."""

from __future__ import annotations

import boto3
import pytest

from core_backend.errors import ConfigurationError
from core_backend.sources.endpoints import (
    Endpoint,
    configured_endpoint,
    endpoint_for,
    is_loopback,
    needs_sdk,
    split_url,
)

LAMBDA = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:db-AbCdEf"


def known_regions():
    session = boto3.session.Session()
    return [
        (partition, region)
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("secretsmanager", partition_name=partition)
        if "fips" not in region
    ]


@pytest.mark.parametrize(("partition", "region"), known_regions())
def test_it_knows_botocores_regions_and_their_hosts(partition, region):
    environ = LAMBDA | {"AWS_REGION": region}
    if partition not in {"aws", "aws-cn", "aws-us-gov"}:
        assert region in needs_sdk(environ)
        with pytest.raises(ConfigurationError, match=region):
            endpoint_for("db", environ)
        return
    client = boto3.client(
        "secretsmanager", region, aws_access_key_id="a", aws_secret_access_key="b"
    )
    endpoint, signed_for = endpoint_for("db", environ)
    assert client.meta.endpoint_url == f"https://{endpoint.authority}"
    assert signed_for == region
    assert needs_sdk(environ) is None
    arn = f"arn:{partition}:secretsmanager:{region}:123456789012:secret:db-AbCdEf"
    assert endpoint_for(arn, LAMBDA) == (endpoint, region)


def test_the_region_of_an_arn_wins_and_suffices():
    assert endpoint_for(ARN, LAMBDA) == endpoint_for("db", LAMBDA | {"AWS_REGION": "us-west-2"})
    assert endpoint_for(ARN, {})[1] == "us-west-2"
    assert endpoint_for("db", LAMBDA)[1] == "eu-central-1"
    assert endpoint_for("db", {"AWS_DEFAULT_REGION": "us-west-2"})[1] == "us-west-2"


def test_without_a_region_it_says_what_to_set():
    with pytest.raises(ConfigurationError, match="set AWS_REGION"):
        endpoint_for("db", {})
    assert "AWS_REGION" in needs_sdk({})


@pytest.mark.parametrize(
    "secret_id",
    [
        "arn:aws:secretsmanager:us-west-2.evil.example/:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:evil.example#-1:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager::123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:US-west-2:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:us-west-²:123456789012:secret:db-AbCdEf",
        "arn:aws:secretsmanager:us-iso-east-1:123456789012:secret:db-AbCdEf",
        "arn:aws-iso:secretsmanager:us-west-2:123456789012:secret:db-AbCdEf",
        "arn:aws-cn:secretsmanager:us-west-2:123456789012:secret:db-AbCdEf",
        "arn:aws:ssm:us-west-2:123456789012:parameter/db",
        "arn:aws:secretsmanager:us-west-2",
        "arn:",
    ],
)
def test_a_hostile_arn_leads_nowhere(secret_id):
    with pytest.raises(ConfigurationError):
        endpoint_for(secret_id, LAMBDA)


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
    assert configured_endpoint(environ) == endpoint
    assert endpoint_for(ARN, environ) == (endpoint, "us-west-2")
    assert needs_sdk(environ) is None
    environ["AWS_ENDPOINT_URL_SECRETS_MANAGER"] = "https://closer.example"
    assert configured_endpoint(environ).host == "closer.example"
    environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "True"
    assert configured_endpoint(environ) is None


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
        endpoint_for("db", LAMBDA | {"AWS_ENDPOINT_URL": url})


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
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL_SECRETS_MANAGER is no URL"):
        endpoint_for("db", environ)
    # So that the error is raised where the endpoint is used.
    assert needs_sdk(environ) is None


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
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "AWS_USE_FIPS_ENDPOINT is set"),
        ({"AWS_USE_DUALSTACK_ENDPOINT": "TRUE"}, "AWS_USE_DUALSTACK_ENDPOINT is set"),
        ({"AWS_ENDPOINT_URL": "https://a.example/b"}, "AWS_ENDPOINT_URL has a path"),
        ({"AWS_REGION": "eusc-de-east-1"}, "Region 'eusc-de-east-1' is in no partition"),
        ({"AWS_REGION": "us-iso-east-1"}, "Region 'us-iso-east-1' is in no partition"),
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
    assert needs_sdk(LAMBDA | more).startswith(reason) or reason in needs_sdk(LAMBDA | more)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"AWS_USE_FIPS_ENDPOINT": "false", "AWS_USE_DUALSTACK_ENDPOINT": ""},
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
    assert needs_sdk(LAMBDA | more) is None
