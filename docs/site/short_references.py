"""References by the last part of a name: ``ConfigurationError`` for the whole path.

Docstrings name a class as a reader of the code knows it, and annotations by the module that
defines it. The reference has each under the module that it is imported from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Return a link to the one object of the reference with this last part, if there is one."""
    if node.get("refdomain") != "py":
        return None
    domain = env.domains.python_domain
    last = node["reftarget"].rpartition(".")[2]
    names = [name for name in domain.objects if name.rpartition(".")[2] == last]
    if len(names) != 1:
        return None
    node["reftarget"] = names[0]
    return domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], names[0], node, content
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
