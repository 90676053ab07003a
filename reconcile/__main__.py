"""`python -m reconcile`."""

from reconcile.machine.isolated import main

main()
