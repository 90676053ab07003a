"""`python -m reconcile`."""

from reconcile.cli import entry

entry()
