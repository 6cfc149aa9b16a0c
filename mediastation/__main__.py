"""Start: the console on a terminal without arguments, commands otherwise."""

from __future__ import annotations

import sys


def main() -> None:
    """Run one command and exit with its code."""
    try:
        from mediastation.cli.app import run  # noqa: PLC0415 - imports cost time; --version need not wait

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        # While the imports above last, nobody else takes it; nothing is done yet.
        sys.exit(130)


if __name__ == "__main__":
    main()
