"""A fake context has what the real one has, and its time counts down."""

from __future__ import annotations

from awslambdaric.lambda_context import LambdaContext

from core_backend.testing.clock import FakeClock
from core_backend.testing.context import FakeContext


def test_it_has_every_public_attribute_of_the_runtime_clients():
    real = LambdaContext("id", None, None, 0)
    missing = {name for name in vars(real) if not name.startswith("_")} - set(vars(FakeContext()))
    assert not missing


def test_its_remaining_time_counts_down_to_nothing():
    clock = FakeClock()
    context = FakeContext(timeout=3.0, monotonic=clock.monotonic)
    assert context.get_remaining_time_in_millis() == 3000
    clock.advance(2.5)
    assert context.get_remaining_time_in_millis() == 500
    clock.advance(10)
    assert context.get_remaining_time_in_millis() == 0


def test_its_time_counts_down_by_itself():
    left = FakeContext(timeout=100).get_remaining_time_in_millis()
    assert 0 < left <= 100_000


def test_its_names_fit_together():
    context = FakeContext(function_name="charge", region="eu-west-1", memory_limit_in_mb=512)
    assert context.function_name == "charge"
    assert context.invoked_function_arn == ("arn:aws:lambda:eu-west-1:123456789012:function:charge")
    assert context.log_group_name == "/aws/lambda/charge"
    assert context.memory_limit_in_mb == "512"


def test_each_invocation_has_an_id_of_its_own():
    assert FakeContext().aws_request_id != FakeContext().aws_request_id
