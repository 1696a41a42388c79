"""``python -m ecr_emulator`` is the command ``ecr-emulator``."""

from ecr_emulator.cli.main import main

if __name__ == "__main__":
    main()
