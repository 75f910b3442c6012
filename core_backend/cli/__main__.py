"""``python -m core_backend.cli``, for where scripts are not on the path."""

import sys

from core_backend.cli import main

sys.exit(main())
