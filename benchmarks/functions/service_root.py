"""Puts the service's authority where Amazon's are: in the folder that core_backend ships."""

import os

from core_backend.sources.http import tls

# It is told of a bundle for the others' sake.
os.environ.pop("AWS_CA_BUNDLE", None)
tls.ROOTS = os.environ["SERVICE_ROOTS"]
