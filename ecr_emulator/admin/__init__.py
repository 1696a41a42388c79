"""The emulator's own endpoints under ``/_ecr/``: what real ECR has no word for."""
