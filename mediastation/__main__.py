"""Start: the console on a terminal without arguments, commands otherwise."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command and exit with its code."""
    from mediastation.cli.app import run  # noqa: PLC0415 - imports cost time; --version need not wait

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
