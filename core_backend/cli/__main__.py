"""``python -m core_backend.cli``: the command, where its script is not on the path."""

import sys

from core_backend.cli import main

sys.exit(main())
