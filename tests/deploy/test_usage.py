"""Which secrets code uses is read from its text, and what its text does not tell is listed."""

from __future__ import annotations

from textwrap import dedent
from types import ModuleType

import pytest

from core_backend.deploy.declared import declared_names
from core_backend.deploy.usage import read_usage, sources
from core_backend.errors import ConfigurationError
from core_backend.names import SecretName

IMPORTS = """
import os
import core_backend; from core_backend import prefetch, sync_handler
from core_backend import async_handler, get_env, get_secret, get_secrets, with_secret
from secret_names import DB, STRIPE
"""

PASSED_ON = "it is passed on, and what it is asked for is not to be seen"


@pytest.fixture
def declared():
    module = ModuleType("app.secret_names")
    module.STRIPE = SecretName("stripe-api-key")
    module.DB = SecretName("database")
    module.DB_NEXT = module.DB.staged("AWSPENDING")
    return declared_names(module)


@pytest.fixture
def read(tmp_path, declared):
    def read(code, imports=IMPORTS):
        path = tmp_path / "handler.py"
        path.write_text(imports + dedent(code))
        return read_usage(sources([path]), declared)

    return read


def used(usage):
    return sorted(usage.uses)


@pytest.mark.parametrize(
    "code",
    [
        "get_secrets(get_env(STRIPE))",
        "get_secret(STRIPE)",
        "get_secret(secret=STRIPE)",
        "with_secret(STRIPE, print)",
        "core_backend.get_secret(STRIPE)",
        "core_backend.secrets.get_secret(STRIPE)",
        "get_env('stripe-api-key')",
        "get_secrets(get_env('STRIPE_API_KEY'))",
        "get_secret(core_backend.SecretName('stripe-api-key'))",
        "get_secrets(*(get_env(name) for name in [STRIPE]))",
        "get_secrets(*[get_env(name) for name in (STRIPE,)])",
        "get_secrets(*map(get_env, {STRIPE}))",
        "get_secrets(*sorted([STRIPE]))",
        "get_secret(STRIPE if os else None)",
        "get_secret(None or STRIPE)",
        "get_secret(STRIPE.field('password').staged('AWSPREVIOUS'))",
        "os.environ['STRIPE_API_KEY']",
        "helper(STRIPE)",
        "os.key = STRIPE",
        "key = STRIPE\nget_secret(key)",
        "key: str = STRIPE\nget_secret(key)",
        "if key := STRIPE:\n    get_secret(key)",
        "key, other = STRIPE, None\nget_secret(key)",
        "[key, other] = [STRIPE, STRIPE]\nget_secret(other)",
        "key, other = (STRIPE, STRIPE)[:]\nget_secret(key)",
        "keys = {'stripe': STRIPE}\nget_secret(keys['stripe'])",
        "keys = {'stripe': STRIPE}\nget_secrets(*keys.values())",
        "for key in [STRIPE]:\n    get_secret(key)",
        "key = STRIPE\ndef inner():\n    return get_secret(key)",
        "class Config:\n    key = STRIPE\n    value = get_secret(key)",
        "later = lambda: get_secret(STRIPE)",
        "list(map(get_secret, [STRIPE]))",
        "ask = core_backend.get_secret\nask(STRIPE)",
        "ask = again = get_secret\nagain(STRIPE)",
        "ask: object = get_secret\nask(STRIPE)",
        "ask: object\nask = get_secret\nask(STRIPE)",
        "if ask := get_secret:\n    ask(STRIPE)",
        "@async_handler\ndef handler(event, context): get_secret(STRIPE)",
        "{name: get_secret(name) for name in [STRIPE]}",
        "async def f():\n    async for key in [STRIPE]:\n        await get_secret(key)",
        "@async_handler(prefetch=[STRIPE])\nasync def handler(event, context): ...",
        "@sync_handler(prefetch=[STRIPE])\ndef handler(event, context): ...",
        "handler = sync_handler(app)\nprefetch(STRIPE)",
        "from secret_names import STRIPE\nget_secret(STRIPE)",
    ],
)
def test_a_secret_that_is_used(read, code):
    usage = read(code)

    assert used(usage) == ["stripe-api-key"]
    assert usage.unseen == []


@pytest.mark.parametrize(
    "imports",
    [
        "from secret_names import STRIPE as KEY",
        "from app.secret_names import STRIPE as KEY",
        "from .secret_names import STRIPE as KEY",
        "from secret_names import *; KEY = STRIPE",
        "import secret_names; KEY = secret_names.STRIPE",
        "import secret_names as s; KEY = s.STRIPE",
        "import app.secret_names; KEY = app.secret_names.STRIPE",
        "from app import secret_names; KEY = secret_names.STRIPE",
        "from . import secret_names as s; KEY = s.STRIPE",
    ],
)
@pytest.mark.parametrize(
    "ask",
    [
        "from core_backend import get_secret as ask",
        "import core_backend as cb; ask = cb.get_secret",
        "from core_backend.secrets import get_secret as ask",
        "import core_backend.secrets; ask = core_backend.secrets.get_secret",
    ],
)
def test_however_things_are_imported(read, imports, ask):
    usage = read(f"{imports}\n{ask}\nask(KEY)", imports="")

    assert used(usage) == ["stripe-api-key"]
    assert usage.unseen == []


def test_what_is_only_imported_is_not_used(read):
    assert read("import os.path\nfrom json import loads").uses == {}


def test_each_place_is_named_once_and_stages_are_the_same_secret(read):
    usage = read(
        """
        from secret_names import DB_NEXT
        get_secrets(DB, DB)
        get_secret(DB_NEXT)
        """
    )

    assert usage.uses == {"database": ["handler.py:8", "handler.py:9"]}


def test_a_variable_means_whatever_it_is_assigned(read):
    usage = read("key = STRIPE\nif os.sep:\n    key = DB\nget_secret(key)")

    assert used(usage) == ["database", "stripe-api-key"]
    assert "handler.py:9" in usage.uses["database"]
    assert usage.unseen == []


def test_a_local_name_hides_that_of_the_module(read):
    usage = read("key = STRIPE\ndef f(key):\n    return get_secret(key)")

    assert usage.uses == {"stripe-api-key": ["handler.py:6"]}
    assert usage.unseen == ["handler.py:8: get_secret(key): which secret is key?"]


@pytest.mark.parametrize(
    ("code", "unseen"),
    [
        ("def f(name): get_secret(name)", "get_secret(name): which secret is name?"),
        ("def f(*, name=1): get_secret(name)", "get_secret(name): which secret is name?"),
        ("f = lambda name: get_secret(name)", "get_secret(name): which secret is name?"),
        ("get_secret('prod/stripe')", "get_secret('prod/stripe'): which secret is 'prod/stripe'?"),
        ("get_secret(1)", "get_secret(1): which secret is 1?"),
        ("get_secret(load())", "get_secret(load()): which secret is load()?"),
        ("get_secret(load(1))", "get_secret(load(1)): which secret is load(1)?"),
        ("get_secret(os.sep + 'x')", "get_secret(os.sep + 'x'): which secret is os.sep + 'x'?"),
        (
            "get_secret(os.sep or 'stripe-api-key')",
            "get_secret(os.sep or 'stripe-api-key'): which secret is os.sep or 'stripe-api-key'?",
        ),
        ("get_secret(core_backend)", "get_secret(core_backend): which secret is core_backend?"),
        ("get_env(os.sep)", "get_env(os.sep): which secret is os.sep?"),
        (
            "get_secrets(get_env('OTHER'))",
            "get_secrets(get_env('OTHER')): which secret is get_env('OTHER')?",
        ),
        (
            "get_secrets(get_env(os.sep))",
            "get_secrets(get_env(os.sep)): which secret is get_env(os.sep)?",
        ),
        ("map(get_secret, ids)", "map(get_secret, ids): which secret is ids?"),
        (
            "get_secrets(*map(get_env, ids))",
            "get_secrets(*map(get_env, ids)): which secret is *map(get_env, ids)?",
        ),
        ("map(get_secret, ids, stages)", f"get_secret: {PASSED_ON}"),
        ("partial(get_secret, fresh=True)", f"get_secret: {PASSED_ON}"),
        ("partial(core_backend.get_secret)", f"core_backend.get_secret: {PASSED_ON}"),
        ("def f(ask=get_secret): ask(1)", f"get_secret: {PASSED_ON}"),
        ("class C:\n    ask = staticmethod(get_secret)", f"get_secret: {PASSED_ON}"),
        ("class C:\n    ask = get_secret", f"get_secret: {PASSED_ON}"),
        ("os.ask = get_secret", f"get_secret: {PASSED_ON}"),
        ("ask = get_secret\nask = print", f"get_secret: {PASSED_ON}"),
        ("ask = get_secret if os else print", f"get_secret: {PASSED_ON}"),
        (
            "import secret_names\nget_secret(secret_names.NONE)",
            "get_secret(secret_names.NONE): which secret is secret_names.NONE?",
        ),
        (
            "import secret_names\ngetattr(secret_names, 'STRIPE')",
            "getattr(secret_names, 'STRIPE'): what it finds is decided when it runs",
        ),
        (
            "import importlib\nimportlib.import_module('secret_names')",
            "importlib.import_module('secret_names'): what it finds is decided when it runs",
        ),
        (
            "get_secret('" + "x" * 100 + "')",
            "get_secret('" + "x" * 68 + "...: which secret is '" + "x" * 79 + "...?",
        ),
    ],
)
def test_what_the_text_does_not_tell_is_listed_once(read, code, unseen):
    usage = read(code)

    assert [line.split(": ", 1)[1] for line in usage.unseen] == [unseen]


@pytest.mark.parametrize(
    "code",
    [
        "get_env('LOG_LEVEL')",
        "get_env('LOG_LEVEL', default='INFO')",
        "get_env()",
        "get_secrets()",
        "@async_handler\nasync def handler(event, context): ...",
        "def get_secret(name): ...\nother(1)\n(lambda: 1)()",
    ],
)
def test_what_asks_for_no_secret_is_no_news(read, code):
    usage = read(code)

    assert usage.uses == {}
    assert usage.unseen == []


def test_a_file_that_cannot_be_read_is_listed(read):
    assert "handler.py: it is no Python that this one can read" in read("def").unseen[0]


def test_modules_beside_the_handler_that_were_not_given_are_listed(read, tmp_path):
    (tmp_path / "payments.py").write_text("")
    (tmp_path / "secret_names.py").write_text("")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").write_text("")
    (tmp_path / "shared" / "vault.py").write_text("")

    usage = read(
        """
        import payments
        from shared import vault
        from . import payments as p
        """
    )

    assert usage.unseen == [
        "handler.py:7: it imports payments, whose source was not given",
        "handler.py:8: it imports shared, whose source was not given",
        "handler.py:8: it imports shared.vault, whose source was not given",
        "handler.py:9: it imports payments, whose source was not given",
    ]


def test_a_folder_is_read_with_all_its_modules_and_without_what_is_hidden(tmp_path, declared):
    for name in ("handler.py", "shared/vault.py", ".venv/lib.py", "cdk.out/asset/handler.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("from ..shared import vault\n")
    (tmp_path / "shared" / "vault.py").write_text("from secret_names import STRIPE\nSTRIPE")

    files = sources([tmp_path, tmp_path / "handler.py"])

    assert [file.shown for file in files] == ["handler.py", "shared/vault.py"]
    assert read_usage(files, declared).uses == {"stripe-api-key": ["shared/vault.py:2"]}


def test_a_handler_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no .*nowhere"):
        sources([tmp_path / "nowhere"])
    with pytest.raises(ConfigurationError, match="no Python file was given"):
        sources([tmp_path])
