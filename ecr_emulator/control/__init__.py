"""The control plane: AWS JSON 1.1 over the ECR service model."""
