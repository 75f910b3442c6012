"""Sphinx's settings for the site that ``tox run -e docs`` builds from this folder."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "site"))

project = "core_backend"
author = "the authors of core_backend"
project_copyright = author
version = release = version_of("core_backend")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "repository_pages",
    "short_references",
]
exclude_patterns = ["plots/*.md"]
suppress_warnings = ["epub.unknown_project_files"]

# A reference to something that does not exist is a warning, and tox makes warnings errors.
nitpicky = True
nitpick_ignore_regex = [
    # Variables of types: they have no documentation.
    ("py:.*", r"([\w.]+\.)?([A-Z]|[A-Z]_co|Ps)"),
    # What only this package's own code names.
    ("py:.*", r"([\w.]+\.)?(Entry|Environment|Failure|Flight|Key|Kinds|PathLike|Restore|Yields)"),
    ("py:.*", r"([\w.]+\.)?(Secret(Request|Value)|(Function|Layer|Secret)Properties)"),
    # Other packages, and Python: the site links to nothing that a build would have to download.
    ("py:.*", r"(aws_\w+|constructs|jsii|os|collections|types|typing|pydantic\w*)\..+"),
    ("py:.*", r"I?Construct|ModuleType|SecretsManagerClient|BaseSettings|FieldInfo"),
]

myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# Importing CDK starts a Node.js. Its types are not documented here.
autodoc_mock_imports = ["aws_cdk", "constructs", "jsii"]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 72
python_display_short_literal_types = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = "core_backend"
html_static_path = ["site/static"]
# Without one, browsers ask for /favicon.ico.
html_favicon = "site/static/icon.svg"
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "tango"
pygments_dark_style = "native"

# Copying leaves out prompts and the output below a command.
copybutton_exclude = ".linenos, .gp, .go"
