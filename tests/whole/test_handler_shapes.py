"""Handlers in the shapes in which people write them, cold and warm, under Lambda's own client."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from support.secret_service import SecretService

from core_backend.testing.events import http_api_event
from core_backend.testing.local_lambda import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPES = {
    "a method": """
        from core_backend import SecretName, get_secret, sync_handler

        class Function:
            key = SecretName("stripe-key")

            @sync_handler
            def handle(self, event, context):
                return {"statusCode": 200, "body": get_secret(self.key).result()}

        handler = Function().handle
    """,
    "an async method": """
        from core_backend import SecretName, async_handler, get_secret

        class Function:
            key = SecretName("stripe-key")

            @async_handler
            async def handle(self, event, context):
                return {"statusCode": 200, "body": await get_secret(self.key)}

        handler = Function().handle
    """,
    "Mangum around FastAPI": """
        from fastapi import FastAPI
        from fastapi.responses import PlainTextResponse
        from mangum import Mangum

        from core_backend import SecretName, get_secret, sync_handler

        KEY = SecretName("stripe-key")
        app = FastAPI()

        @app.get("/", response_class=PlainTextResponse)
        async def read():
            return str(await get_secret(KEY))

        handler = sync_handler(Mangum(app, lifespan="off"))
    """,
    "an adapter around Flask": """
        from apig_wsgi import make_lambda_handler
        from flask import Flask

        from core_backend import SecretName, get_secret, sync_handler

        KEY = SecretName("stripe-key")
        app = Flask(__name__)

        @app.get("/")
        def read():
            return str(get_secret(KEY).result())

        handler = sync_handler(make_lambda_handler(app), prefetch=[KEY])
    """,
    "Chalice": """
        from chalice import Chalice, Response

        from core_backend import SecretName, get_secret, prefetch, sync_handler

        KEY = SecretName("stripe-key")
        prefetch(KEY)
        app = Chalice(app_name="reads")

        @app.route("/")
        def read():
            return Response(str(get_secret(KEY).result()))

        handler = sync_handler(app)
    """,
    "a Powertools resolver": """
        from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

        from core_backend import SecretName, get_secret, sync_handler

        KEY = SecretName("stripe-key")
        app = APIGatewayHttpResolver()

        @app.get("/")
        def read():
            return Response(200, "text/plain", str(get_secret(KEY).result()))

        handler = sync_handler(app)
    """,
    "names in an enumeration": """
        from enum import Enum

        from core_backend import get_secret, sync_handler

        class Names(str, Enum):
            STRIPE = "shop/stripe-key"

        @sync_handler(prefetch=[Names.STRIPE])
        def handler(event, context):
            return {"statusCode": 200, "body": get_secret(Names.STRIPE).result()}
    """,
    "a variable that somebody else named": """
        from core_backend import SecretName, async_handler, get_secret

        KEY = SecretName("stripe-key", env_key="STRIPE_SIGNING_SECRET_ARN")

        @async_handler
        async def handler(event, context):
            return {"statusCode": 200, "body": await get_secret(KEY)}
    """,
}

# What a REST API sends, as far as Chalice reads it.
REST_API = {
    "requestContext": {"httpMethod": "GET", "resourcePath": "/"},
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "stageVariables": None,
    "body": None,
}


@pytest.fixture(scope="module")
def service() -> Iterator[SecretService]:
    with SecretService({"shop/stripe-key": "pl4nted-1"}) as running:
        yield running


def answer(function: LocalLambda, event: Any) -> Any:
    result = function.invoke(event)
    assert result.error is None, [result.error, *function.log_lines]
    return result.payload["statusCode"], result.payload["body"]


@pytest.mark.parametrize("shape", SHAPES)
def test_it_reads_its_secret_cold_and_warm(
    service: SecretService, tmp_path: Path, shape: str
) -> None:
    (tmp_path / "shaped.py").write_text(dedent(SHAPES[shape]))
    variables = ("STRIPE_KEY", "STRIPE_SIGNING_SECRET_ARN")
    env = {**service.environ, **dict.fromkeys(variables, "shop/stripe-key")}
    event = http_api_event("GET", "/")
    if shape == "Chalice":
        event |= REST_API
    service.forget()
    with LocalLambda("shaped.handler", tmp_path, env=env) as function:
        assert [answer(function, event) for _ in range(3)] == [(200, "pl4nted-1")] * 3
    assert len(service.calls) == 1
