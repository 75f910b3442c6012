"""How a function starts under Lambda's own runtime client: prepared, in time, whatever happens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.faults import AtConnect, silent
from support.secret_service import SecretService

from core_backend.sources.http.pool import _WARM as WARM
from core_backend.testing.local_lambda import LambdaInitError, LocalLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FUNCTIONS = Path(__file__).parents[1] / "functions"
# Far longer than a function may take to start here: a start that waited for it would fail.
PATIENT = {f"CORE_BACKEND_{name}": "60" for name in ("CONNECT_TIMEOUT", "READ_TIMEOUT", "TIMEOUT")}


@pytest.fixture
def service() -> Iterator[SecretService]:
    values = {name: f"pl4nted-{n}" for n, name in enumerate(("one", "two", "three"), start=1)}
    with SecretService(values) as running:
        yield running


@pytest.fixture
def deploy(service: SecretService) -> Callable[..., LocalLambda]:
    def deploy(handler: str = "starts.one", **options: Any) -> LocalLambda:
        env = {**service.environ, **options.pop("env", {})}
        return LocalLambda(handler, FUNCTIONS, env=env, **options)

    return deploy


# --- nothing is left for the first event


@pytest.mark.parametrize("handler", ["starts.first", "starts.first_sync"])
def test_the_first_event_imports_nothing(deploy: Any, handler: str) -> None:
    with deploy(handler) as function:
        assert function.invoke().payload == {"right": True, "imported": []}
    with deploy(handler, env={"CORE_BACKEND_WARM_UP": "0"}) as function:
        assert "core_backend.sources.direct" in function.invoke().payload["imported"]


def test_without_a_decorator_only_the_source_is_left_for_the_first_event(deploy: Any) -> None:
    with deploy("undecorated.handler") as function:
        payload = function.invoke().payload
    assert payload["right"]
    assert "core_backend.sources.direct" in payload["imported"]
    assert not [m for m in payload["imported"] if m.startswith(("asyncio", "core_backend._"))]


def test_connections_are_open_before_the_first_event_which_uses_them(
    deploy: Any, service: SecretService
) -> None:
    with deploy() as function:
        function.start()
        service.wait_for_open(WARM)
        assert service.calls == []
        assert function.invoke().payload["right"]
        assert service.connections == WARM


def test_none_is_opened_where_that_is_switched_off(deploy: Any, service: SecretService) -> None:
    with deploy(env={"CORE_BACKEND_WARM_UP": "0"}) as function:
        function.start()
        assert service.connections == 0
        assert function.invoke().payload["right"]


def test_each_worker_of_a_managed_instance_opens_its_own(
    deploy: Any, service: SecretService
) -> None:
    with deploy(concurrency=2) as function:
        function.start()
        service.wait_for_open(2 * WARM)
        assert function.invoke().payload["right"]


def test_what_is_prefetched_is_fetched_as_one_batch(deploy: Any, service: SecretService) -> None:
    service.put("real-key", "pl4nted-key")
    service.put("plain", "pl4nted-plain")
    env = {"API_KEY": "real-key", "CORE_BACKEND_BATCH": "1"}
    with deploy("eager.handler", env=env) as function:
        function.start()
        assert [call.operation for call in service.calls] == ["BatchGetSecretValue"]


# --- freezes and snapshots


def test_a_connection_that_ended_in_the_freezer_is_replaced(
    deploy: Any, service: SecretService
) -> None:
    with deploy() as function:
        function.start()
        service.wait_for_open(WARM)
        function.freeze()
        service.close_connections()
        assert function.invoke().payload["right"]
    assert len(service.calls) == 1


def test_a_warm_up_that_is_frozen_half_way_does_no_harm(
    deploy: Any, service: SecretService
) -> None:
    service.script(AtConnect.BLACK_HOLE)
    with deploy() as function:
        function.start()
        service.wait_for_open(1)
        function.freeze()
        service.close_connections()
        assert function.invoke().payload["right"]


def test_a_snapshot_holds_no_connection_and_each_restore_opens_new_ones(
    deploy: Any, service: SecretService
) -> None:
    with deploy(snap_start=True) as function:
        function.start()
        assert service.connections == 0
        function.restore()
        service.wait_for_open(WARM)
        assert function.invoke().payload["right"]
        assert service.connections == WARM


# --- a network, or a service, that does not answer


def test_a_network_that_swallows_everything_does_not_keep_a_function_from_starting(
    deploy: Any, service: SecretService
) -> None:
    service.always(AtConnect.BLACK_HOLE)
    with deploy(env=PATIENT) as function:
        function.start()
        service.always(None)
        service.close_connections()
        assert function.invoke().payload["right"]


def test_nor_does_a_service_that_does_not_answer_what_is_prefetched(
    deploy: Any, service: SecretService
) -> None:
    service.put("real-key", "pl4nted-key")
    service.always(silent)
    with deploy("eager.handler", env=PATIENT | {"API_KEY": "real-key"}) as function:
        function.start()
        service.wait_for_calls(1)


def test_a_hung_service_leaves_the_invocation_time_to_answer(
    deploy: Any, service: SecretService
) -> None:
    with deploy(env=PATIENT, timeout=1.5) as function:
        function.start()
        service.always(silent)
        failed = function.invoke()
        assert failed.error is not None
        assert failed.error.type == "SecretTimeoutError"
        service.always(None)
        service.close_connections()
        # The same process, and no cold start.
        again = function.invoke(timeout=30)
        assert again.payload["right"]
        assert again.init_duration is None


# --- ends and forks while the warm-up is under way


@pytest.mark.parametrize(
    ("mood", "error"), [("raises", "ZeroDivisionError"), ("exits", "Runtime.ExitError")]
)
def test_a_module_that_fails_ends_at_once_and_says_only_its_own(
    deploy: Any, service: SecretService, mood: str, error: str
) -> None:
    service.always(AtConnect.BLACK_HOLE)
    with deploy(env=PATIENT | {"MOOD": mood}) as function:
        with pytest.raises(LambdaInitError) as caught:
            function.start()
        log = "\n".join(function.log_lines)
    assert error in str(caught.value) + log
    assert "core_backend" not in log


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("first", [AtConnect.BLACK_HOLE, None])
def test_a_child_that_is_forked_meanwhile_prepares_itself(
    deploy: Any, service: SecretService, first: AtConnect | None
) -> None:
    service.script(first)
    env = {"MOOD": "forks", "PYTHONWARNINGS": "ignore::DeprecationWarning"}
    with deploy(env=env) as function:
        assert function.invoke(timeout=30).payload["right"]
