"""Pages for the files and folders of the repository that the documents link to.

On GitHub, a link such as ``../examples/charges`` leads to the folder. On the site it leads to a
page that shows it, so that the site is complete by itself.
"""

from __future__ import annotations

import html
import os.path
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
# Files outside of docs/ that are pages of the site.
PAGES = {
    "README.md": "index",
    "SECURITY.md": "site/security-policy",
    "CHANGELOG.md": "site/changelog",
}
_log = logging.getLogger(__name__)


class LinksToRepository(SphinxTransform):
    """Lead links out of docs/ to the pages of this module, before Sphinx looks for them."""

    default_priority = 5

    def apply(self, **_: Any) -> None:
        """Replace the links of one document."""
        for node in [
            *self.document.findall(addnodes.download_reference),
            *self.document.findall(addnodes.pending_xref),
        ]:
            if node.get("reftype") != "myst":
                continue
            path, _, anchor = self._target_of(node).partition("#")
            if path.startswith("docs/"):
                if self.env.docname in PAGES.values():
                    node.replace_self(self._link_to_document(node, path, anchor))
            elif not (ROOT / path).exists():
                _log.warning("the repository has no %s", path, location=node)
            else:
                node.replace_self(self._link_to_page(node, path))

    def _target_of(self, node: nodes.Element) -> str:
        """Return the target's path from the repository's root, and its anchor."""
        target: str = node["reftarget"]
        if node.get("refdomain") == "doc":
            # Sphinx names a document outside of docs/ by its whole path.
            return os.path.relpath(Path(self.env.srcdir, f"{target}.md"), ROOT)
        # An included file's links start where that file is: at the root.
        folder = "" if self.env.docname in PAGES.values() else f"docs/{self.env.docname}/.."
        return os.path.normpath(Path(folder, target))

    def _link_to_document(self, node: nodes.Element, path: str, anchor: str) -> nodes.Element:
        attributes = {"refdoc": self.env.docname, "reftype": "myst", "refexplicit": True}
        return addnodes.pending_xref(
            "",
            *node.children,
            refdomain="doc",
            reftarget=path.removeprefix("docs/").removesuffix(".md"),
            reftargetid=anchor or None,
            **attributes,
        )

    def _link_to_page(self, node: nodes.Element, path: str) -> nodes.Element:
        page = PAGES.get(path)
        if page is None:
            page = f"repository/{path}"
            self.env.repository_pages.add(path)
        uri = self.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference("", "", *node.children, refuri=uri, internal=True)


def list_files(path: str) -> list[str]:
    """Return the committed files of a folder, as paths from the repository's root."""
    command = ["git", "ls-files", "-z", "--", path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603  # git itself
    return [name for name in done.stdout.split("\0") if name]


def make_pages(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file that is linked to, and for each folder with its files."""
    linked = sorted(app.env.repository_pages)
    folders = {path: list_files(path) for path in linked if (ROOT / path).is_dir()}
    files = {path for path in linked if path not in folders}.union(*folders.values())
    for folder, inside in folders.items():
        items = [
            f'<li><a href="{_uri(app, folder, path)}">{html.escape(path)}</a></li>'
            for path in inside
        ]
        yield _page(folder, f"<ul>{''.join(items)}</ul>")
    for path in sorted(files):
        text = (ROOT / path).read_text(encoding="utf-8")
        language = {".py": "python", ".json": "json", ".toml": "toml"}.get(Path(path).suffix)
        code = app.builder.highlighter.highlight_block(text, language or "text")
        yield _page(path, f'<div class="highlight-default notranslate">{code}</div>')


def _uri(app: Sphinx, page: str, path: str) -> str:
    return app.builder.get_relative_uri(f"repository/{page}", f"repository/{path}")


def _page(path: str, body: str) -> tuple[str, dict[str, Any], str]:
    title = html.escape(path)
    context = {"title": title, "body": f"<h1>{title}</h1>{body}"}
    return f"repository/{path}", context, "page.html"


def _start(app: Sphinx) -> None:
    # The pages are collected from all documents, so all of them are read in each build.
    app.env.repository_pages = set()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.add_transform(LinksToRepository)
    app.connect("builder-inited", _start)
    app.connect("html-collect-pages", make_pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
