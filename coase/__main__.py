"""``python -m coase``."""

from coase.cli import main

if __name__ == "__main__":
    main()
