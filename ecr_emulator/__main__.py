"""The command ``ecr-emulator``, which is also ``python -m ecr_emulator``."""

import os
import signal
import sys


def run() -> None:
    """Run the command line."""
    if os.getpid() == 1:
        # The kernel discards SIGTERM for the first process of a container until it has a handler. A container that is
        # stopped during the imports below would be killed ten seconds later.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from ecr_emulator.cli.main import main

    main()


if __name__ == "__main__":
    run()
