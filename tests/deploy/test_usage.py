"""Which secrets code uses is read from its text, and what its text does not tell is listed."""

from __future__ import annotations

import re
from textwrap import dedent
from types import ModuleType

import pytest

from core_backend.deploy.declared import declared_names
from core_backend.deploy.source import Program
from core_backend.deploy.usage import read_usage
from core_backend.names import SecretName

IMPORTS = """
import os
import core_backend; from core_backend import prefetch, sync_handler
from core_backend import async_handler, get_env, get_secret, get_secrets, with_secret
from secret_names import DB, STRIPE
"""

# What the handler names is what it reaches.
HANDLER = "\n\ndef handler(event, context): return f, C, Config\n"
PASSED_ON = "it is passed on, and what is asked for with it is not followed"


@pytest.fixture
def declared():
    module = ModuleType("app.secret_names")
    module.STRIPE = SecretName("stripe-api-key")
    module.DB = SecretName("database")
    module.DB_NEXT = module.DB.staged("AWSPENDING")
    return declared_names(module)


@pytest.fixture
def read(tmp_path, declared):
    def read(code, imports=IMPORTS, handler="handler", files=()):
        modules = {"secret_names.py": "", "handler.py": imports + dedent(code) + HANDLER}
        for name, text in (modules | dict(files)).items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(text))
        return read_usage(Program(tmp_path, tmp_path, declared), "handler", handler)

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
        "key = STRIPE\nget_secret(key)",
        "key: str = STRIPE\nget_secret(key)",
        "if key := STRIPE:\n    get_secret(key)",
        "key, other = STRIPE, None\nget_secret(key)",
        "[key, other] = [STRIPE, STRIPE]\nget_secret(other)",
        "keys = {'stripe': STRIPE}\nget_secret(keys['stripe'])",
        "for key in [STRIPE]:\n    get_secret(key)",
        "key = STRIPE\ndef inner():\n    return get_secret(key)\ninner()",
        "class Config:\n    key = STRIPE\n    value = get_secret(key)",
        "later = lambda: get_secret(STRIPE)",
        "list(map(get_secret, [STRIPE]))",
        "ask = core_backend.get_secret\nask(STRIPE)",
        "ask = again = get_secret\nagain(STRIPE)",
        "ask: object = get_secret\nask(STRIPE)",
        "ask: object\nask = get_secret\nask(STRIPE)",
        "if ask := get_secret:\n    ask(STRIPE)",
        "{name: get_secret(name) for name in [STRIPE]}",
        "async def f():\n    async for key in [STRIPE]:\n        await get_secret(key)\nf()",
        "os.environ.get(STRIPE.env_key)",
        "os.getenv('STRIPE_API_KEY')",
        "handler = sync_handler(app)\nprefetch(STRIPE)",
        "NAMES = (STRIPE,)\nget_secrets(*(get_env(name) for name in NAMES))",
        "core_backend.get_envs([STRIPE])",
        "keys = {'a': STRIPE, 'b': DB}\nget_secret(keys['a'])",
        "get_secret({'a': STRIPE}['a'])",
        "key = STRIPE\nkey = key\nget_secret(key)",
        "from core_backend import get_secret as ask\nask(parse := STRIPE)",
        "import json\njson.dumps([STRIPE])\nget_secret(STRIPE)",
        "class Settings:\n    key: Annotated[str, STRIPE]\nSettings()",
        "core_backend.settings.SecretsSettingsSource(type, {'key': STRIPE})",
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


def test_a_variable_stands_for_each_name_it_is_assigned(read):
    usage = read("key = STRIPE\nif os.sep:\n    key = DB\nget_secret(key)")

    assert used(usage) == ["database", "stripe-api-key"]
    assert "handler.py:9" in usage.uses["database"]
    assert usage.unseen == []


def test_a_local_name_hides_that_of_the_module(read):
    usage = read("key = STRIPE\ndef f(key):\n    return get_secret(key)")

    assert usage.uses == {}
    assert usage.unseen == ["handler.py:8: get_secret(key): which secret is key?"]


@pytest.mark.parametrize(
    ("code", "unseen"),
    [
        ("def f(name): get_secret(name)", "get_secret(name): which secret is name?"),
        ("def f(*, name=1): get_secret(name)", "get_secret(name): which secret is name?"),
        ("f = lambda name: get_secret(name)", "get_secret(name): which secret is name?"),
        ("get_secret('prod/stripe')", "get_secret('prod/stripe'): which secret is 'prod/stripe'?"),
        ("get_secret(keys['a'])", "get_secret(keys['a']): which secret is keys['a']?"),
        (
            "get_secret({'a': DB}['b'])",
            "get_secret({'a': DB}['b']): which secret is {'a': DB}['b']?",
        ),
        (
            "get_secret(core_backend.x(DB))",
            "get_secret(core_backend.x(DB)): which secret is core_backend.x(DB)?",
        ),
        ("def load(): ...\nget_secret(load())", "get_secret(load()): which secret is load()?"),
        ("from json import key\nget_secret(key)", "get_secret(key): which secret is key?"),
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
        ("import secret_names\ngetattr(secret_names, 'X')", f"secret_names: {PASSED_ON}"),
        (
            "from elsewhere import helper\nhelper([STRIPE])",
            (
                "helper([STRIPE]): the source of elsewhere was not given, so what it asks for is "
                "not followed"
            ),
        ),
        (
            "keys = {'stripe': STRIPE}\nget_secret(keys[os.sep])",
            "get_secret(keys[os.sep]): which secret is keys[os.sep]?",
        ),
        (
            "get_env('stripe-api-kee')",
            (
                "get_env('stripe-api-kee'): which secret is 'stripe-api-kee'? Declared is the "
                "similar 'stripe-api-key'"
            ),
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
        "os.environ['HOME']\nos.environ.get(os.sep)",
        "from elsewhere import helper\nhelper(1, a=None)",
    ],
)
def test_what_asks_for_no_secret_is_no_news(read, code):
    usage = read(code)

    assert usage.uses == {}
    assert usage.unseen == []


def test_a_file_that_cannot_be_read_is_listed(read):
    usage = read("def")

    assert [line.split(":")[0] for line in usage.unseen] == ["handler.py"]
    assert "this Python cannot read it" in usage.unseen[0]
    assert usage.faults == []


class TestWhatTheHandlerReaches:
    COMMON = """
        from core_backend import get_env, get_secret
        from secret_names import DB, STRIPE

        DECLARED = STRIPE.json()

        def stripe(): return get_secret(get_env(DECLARED))
        def database(): return get_secret(get_env(DB))
        """

    @pytest.mark.parametrize(
        "code",
        [
            "from common import stripe\ndef f(): return stripe()",
            "from common import *\ndef f(): return stripe()",
            "import common\ndef f(): return common.stripe()",
            "import common as c\ndef f(): return c.stripe()",
            "def f():\n    from common import stripe\n    return stripe()",
            "from common import stripe\nclass C:\n    def method(self): return stripe()",
            "from common import stripe\napp = object()\n@app.get('/')\ndef route(): stripe()",
        ],
    )
    def test_only_what_it_names_of_a_module_that_it_imports(self, read, code):
        usage = read(code, imports="", files={"common.py": self.COMMON})

        assert usage.uses == {"stripe-api-key": ["common.py:7"]}
        assert usage.unseen == usage.faults == []

    def test_what_merely_lies_beside_it_is_not_its_own(self, read):
        usage = read("get_secret(STRIPE)", files={"webhook.py": f"{IMPORTS}get_secret(DB)"})

        assert used(usage) == ["stripe-api-key"]

    def test_a_second_handler_of_the_same_file_is_not_its_own(self, read):
        usage = read("@async_handler(prefetch=[DB])\nasync def other(event, context): ...")

        assert used(usage) == []

    def test_modules_in_packages_and_what_these_import_in_turn(self, read):
        usage = read(
            "from app import run\nrun()",
            imports="",
            files={
                "app/__init__.py": "from .inner import run",
                "app/inner.py": "from . import deep\ndef run(): return deep.ask()",
                "app/deep.py": "from core_backend import get_secret as ask_for\n"
                "from secret_names import DB\ndef ask(): return ask_for(DB)",
            },
        )

        assert usage.uses == {"database": ["app/deep.py:3"]}

    def test_what_a_module_binds_to_something_unknown_is_listed(self, read):
        usage = read(
            "from common import key\nget_secret(key)", files={"common.py": "key = object()"}
        )

        assert usage.unseen == ["handler.py:7: get_secret(key): which secret is key?"]

    def test_modules_that_import_each_other(self, read):
        usage = read(
            "from one import ask\nask()",
            files={
                "one.py": "from two import KEY\nfrom core_backend import get_secret\n"
                "def ask(): return get_secret(KEY)",
                "two.py": "import one\nfrom secret_names import DB as KEY",
            },
        )

        assert usage.uses == {"database": ["one.py:3"]}

    def test_an_import_inside_a_function_makes_all_of_the_module_its_own(self, read):
        usage = read("def f():\n    import common", imports="", files={"common.py": self.COMMON})

        assert used(usage) == ["database", "stripe-api-key"]

    def test_a_handler_that_is_imported(self, read):
        usage = read(
            "from app import main",
            handler="main",
            files={
                "app.py": f"""{IMPORTS}
async def main(event, context): await get_secret(DB)
"""
            },
        )

        assert used(usage) == ["database"]
        assert "app.py:7: the handler main is async def" in usage.faults[0]


class TestFunctionsThatHandTheirArgumentOn:
    @pytest.mark.parametrize(
        "code",
        [
            "def load(name): return get_secret(get_env(name))\nload(STRIPE)",
            "def load(name): return get_secret(get_env(name))\nload(name=STRIPE)",
            "def load(*, name=STRIPE): return get_secret(name)\nload()",
            "def load(*names): return get_secrets(*(get_env(n) for n in names))\nload(STRIPE)",
            "def deep(n): return get_secret(n)\ndef load(name): return deep(name)\nload(STRIPE)",
        ],
    )
    def test_what_their_callers_pass_is_asked_for(self, read, code):
        usage = read(code)

        assert used(usage) == ["stripe-api-key"]
        assert usage.unseen == []

    def test_a_caller_that_does_not_tell_is_listed(self, read):
        usage = read("def load(name): return get_secret(name)\nload(os.sep)\nload()")

        assert usage.unseen == [
            "handler.py:7: load(os.sep): which secret is os.sep?",
            "handler.py:8: load(): which secret is load()?",
        ]


class TestFaults:
    @pytest.mark.parametrize(
        ("code", "fault"),
        [
            (
                "@async_handler\ndef main(event, context): ...",
                "is a plain def under @async_handler",
            ),
            ("async def main(event, context): ...", "Lambda does not await it; put @async_handler"),
            (
                "@sync_handler\nasync def main(e, c): ...",
                "is async def under @sync_handler; use @async_handler",
            ),
            ("def mian(event, context): ...", "no function 'main', .* did you mean mian?"),
            ("def other(event, context): ...", "no function 'main', .* it has other, handler"),
        ],
    )
    def test_a_handler_that_lambda_cannot_call(self, read, code, fault):
        [found] = read(code, handler="main").faults

        assert re.search(fault, found)
        assert found.startswith("handler.py:")

    @pytest.mark.parametrize(
        "code",
        [
            "@async_handler\nasync def main(event, context): ...",
            "@core_backend.async_handler(prefetch=[])\nasync def main(event, context): ...",
            "import other\n@other.wrap\n@async_handler\nasync def main(event, context): ...",
            "def main(event, context): ...",
            "class main: ...",
            "@core_backend.sync_handler\ndef main(event, context): ...",
            "async def run(event, context): ...\nmain = async_handler(run)",
            "from elsewhere import main",
            "from elsewhere import *",
            "try:\n    main = 1\nexcept ValueError: ...",
        ],
    )
    def test_a_handler_that_it_can_call(self, read, code):
        usage = read(code, handler="main")

        assert usage.faults == usage.unseen == []

    def test_a_decorator_of_somebody_elses_may_do_it(self, read):
        usage = read("import other\n@other.wrap\nasync def main(e, c): ...", handler="main")

        assert usage.faults == []
        assert "handler.py:8: whether the decorators of main" in usage.unseen[0]

    @pytest.mark.parametrize(
        "code", ["from secret_names import STRIP", "import secret_names as s\nget_secret(s.STRIP)"]
    )
    def test_a_name_that_the_module_of_names_lacks(self, read, code):
        [fault] = read(code).faults

        assert re.fullmatch(
            r"handler.py:\d: secret_names has no STRIP; did you mean STRIPE\?", fault
        )

    @pytest.mark.parametrize(
        ("code", "fault"),
        [
            ("f'{get_secret(STRIPE)}'", "get_secret(STRIPE) is used as a value: it is not awaited"),
            ("key = get_secret(STRIPE)\n'a' + key", "key is used as a value: it is not awaited"),
            ("key = get_secret(STRIPE)\n'%s' % key", "key is used as a value: it is not awaited"),
            (
                "async def f():\n    key = await get_secrets(STRIPE)\n    return f'{key}'",
                "key is used as a value: it is the tuple of all values; unpack it",
            ),
        ],
    )
    def test_a_forgotten_await_and_a_batch_that_is_not_unpacked(self, read, code, fault):
        [found] = read(code).faults

        assert fault in found

    def test_a_value_that_was_awaited_is_fine(self, read):
        usage = read(
            "async def f():\n"
            "    key = await get_secret(STRIPE)\n"
            "    one, = await get_secrets(STRIPE)\n"
            "    return f'{key}{one}'"
        )

        assert usage.faults == []


def test_a_module_of_names_that_is_not_there_is_noted(tmp_path, declared):
    (tmp_path / "handler.py").write_text(
        "import app.secret_names\nfrom secret_names import STRIPE\ndef handler(e, c): ..."
    )

    usage = read_usage(Program(tmp_path, tmp_path, declared), "handler", "handler")

    assert usage.outside == {
        "app.secret_names": "handler.py:1",
        "secret_names": "handler.py:2",
    }


@pytest.mark.parametrize("call", ["[str.strip][0](STRIPE)", "os.path.basename(STRIPE)"])
def test_what_some_other_function_makes_of_a_name_is_listed(read, call):
    usage = read(f"get_secret({call})")

    assert [call in line for line in usage.unseen] == [True]
