"""The `coase` command."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    import sys

    from coase.cli.app import run

    sys.exit(run(sys.argv[1:]))
