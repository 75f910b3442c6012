"""A comparison of values that fails in a test is explained, and shows no value."""

from __future__ import annotations

import dataclasses
from collections import deque

import pytest
from support.projects import run_tests

from core_backend.testing import _assertions
from core_backend.values import SecretBytes, SecretText

KEY = SecretText("pl4nted-key")
DIFFER = "they differ"
HINT = "values are not shown: print str(value) where you have to see one"


@dataclasses.dataclass
class Login:
    user: str
    password: str
    note: str = dataclasses.field(default="", compare=False)


class OfAttrs:
    """What a class of attrs looks like from outside."""

    __attrs_attrs__ = (dataclasses.make_dataclass("Attribute", ["name"])("password"),)

    def __init__(self, password):
        self.password = password


class Plain:
    pass


@pytest.mark.parametrize(
    ("op", "left", "right", "summary", "differences"),
    [
        ("==", KEY, "other", "SecretText('***') == <str>", ["they differ"]),
        ("==", b"other", SecretBytes(b"pl4nted"), "<bytes> == SecretBytes(b'***')", [DIFFER]),
        (
            "==",
            KEY,
            SecretBytes(b"pl4nted"),
            "SecretText('***') == SecretBytes(b'***')",
            ["they differ: text on the left, bytes on the right"],
        ),
        ("==", KEY, None, "SecretText('***') == None",
         ["they differ: text on the left, NoneType on the right"]),
        ("!=", KEY, "pl4nted-key", "SecretText('***') != <str>", []),
        ("in", KEY, "a text", "SecretText('***') in <str>", []),
        ("not in", "4nted", KEY, "<str> not in SecretText('***')", []),
        ("not in", KEY, {KEY}, "SecretText('***') not in <set>", []),
        ("==", {"a": [KEY, 1], "b": 2}, {"a": [KEY, 2], "c": 3}, "<dict> == <dict>",
         ["['b'] is only on the left", "['c'] is only on the right", "['a'][1] differs"]),
        ("==", [KEY, "a", "b"], [KEY], "<list> == <list>",
         ["[1] is only on the left", "[2] is only on the left"]),
        ("==", deque([1]), deque([1, KEY]), "<deque> == <deque>", ["[1] is only on the right"]),
        ("==", (KEY,), [KEY], "<tuple> == <list>",
         ["they differ: tuple on the left, list on the right"]),
        ("==", {KEY}, {"other"}, "<set> == <set>", ["they differ"]),
        ("==", Login("me", KEY), Login("you", "other"), "<Login> == <Login>",
         [".user differs", ".password differs"]),
        ("==", [OfAttrs(KEY)], [OfAttrs("other")], "<list> == <list>", ["[0].password differs"]),
        ("==", list(range(30)), [*range(1, 30), KEY], "<list> == <list>",
         [*(f"[{n}] differs" for n in range(20)), "and 10 more"]),
    ],
)  # fmt: skip
def test_the_explanation_says_where_and_not_what(op, left, right, summary, differences):
    lines = _assertions.explain(op, left, right)
    assert lines is not None
    assert lines[0] == summary
    assert lines[-1] == HINT
    # The type of what the last case has in the end differs too.
    assert [line.partition(": int")[0] for line in lines[1:-1]] == differences
    assert not [line for line in lines if "4nted" in line]


@pytest.mark.parametrize("value", ["text", [1, {"a": "b"}], Login("me", "x"), Login, Plain()])
def test_comparisons_without_a_value_are_left_to_pytest(value):
    assert _assertions.explain("==", value, "other") is None


def test_containers_that_hold_themselves_are_looked_through_once():
    ring = [KEY]
    ring.append(ring)
    assert _assertions.explain("in", 1, ring) == ["<int> in <list>", HINT]
    own = {}
    own["self"] = own
    assert _assertions.explain("in", 1, own) is None


@pytest.mark.parametrize("error", [AssertionError(), AssertionError(3), ValueError("pl4nted-key")])
def test_other_errors_are_left_alone(error):
    before = error.args
    _assertions.explain("==", KEY, "other")
    _assertions.mask(error)
    assert error.args == before


FAILING = """
    from dataclasses import dataclass, field
    from unittest import TestCase

    import pytest
    from core_backend import SecretName, get_secret

    DATABASE = SecretName("database").json()

    @dataclass
    class Login:
        password: str
        api_key: str = "none"

    class Answer:
        def __init__(self, text):
            self.text = text

    @pytest.fixture
    def key(fake_secrets):
        fake_secrets["key"] = "".join(["pl4nt", "ed-key-1"])
        return get_secret("key").result()

    @pytest.fixture
    def document(fake_secrets):
        fake_secrets[DATABASE] = {"user": "".join(["pl4nt", "ed-user"]), "pin": 4711}
        return get_secret(DATABASE).result()

    def test_equal(key):
        assert key == "sk_live_0"

    def test_equal_to_a_long_text(key):
        assert key * 50 + "x" != str(key) * 50 + "x" or key == "sk_live_1" * 100

    def test_not_equal(key):
        other = str(key)
        assert key != other

    def test_not_in(key):
        answer = Answer(f"Bearer {key} is right")
        assert key not in answer.text

    def test_part_not_in(key):
        assert "ed-key" not in key

    def test_in(key):
        assert key in ["a", "b"]

    def test_lists(key):
        assert ["a", key] == ["a", "b"]

    def test_dataclasses(key):
        assert Login(key) == Login("other")

    def test_documents(document):
        assert document == {"user": "sk_live_2", "host": "sk_live_3"}

    def test_messages(key):
        assert key == "sk_live_4", f"it was {key}"

    class CaseTest(TestCase):
        @pytest.fixture(autouse=True)
        def _key(self, key):
            self.key = key

        def test_equal(self):
            self.assertEqual(self.key, "other")

        def test_dict(self):
            self.assertEqual({"a": self.key}, {"a": "other"})

        def test_in(self):
            self.assertIn(self.key, ["other"])
"""


@pytest.mark.parametrize("options", [(), ("-vv", "-n2")])
def test_no_report_shows_a_value(tmp_path, options):
    run = run_tests(tmp_path, *options, test_failing=FAILING)
    assert "13 failed" in run.output, run.output
    lines = run.output.splitlines()
    assert not [line for line in lines if "pl4nted" in line]
    explained = [line for line in lines if line.startswith(("E ", "FAILED "))]
    # A number of a document, and the other side of a comparison.
    assert not [line for line in explained if "4711" in line or "sk_live" in line]
    explanation = "\n".join(explained)
    assert "where '***' = str(SecretText('***'))" in explanation
    assert "it was ***" in explanation
    assert "['user'] differs" in explanation
    assert "['pin'] is only on the left" in explanation
    assert ".password differs" in explanation
