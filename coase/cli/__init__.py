"""The `coase` command."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    import sys

    try:
        from coase.cli.app import run
    except KeyboardInterrupt:  # the first import takes a second or two
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))
