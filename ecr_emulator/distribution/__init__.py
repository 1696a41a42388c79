"""The data plane: the OCI distribution API, with ECR's authentication and ECR's errors.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""
