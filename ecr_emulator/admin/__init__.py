"""The emulator's own endpoints under ``/_ecr/``, which Amazon ECR does not have."""
