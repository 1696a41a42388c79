"""moto's S3 with bucket policies whose conditions count.

moto applies a statement for everybody as if it had no condition. The usual denial of requests without TLS, which CDK
puts into the policy of its bucket, would therefore deny every request.
"""

from __future__ import annotations


def s3_of_aws() -> type:
    """Return the class of the backend; imports moto's."""
    from moto.s3.models import S3Backend

    from ecr_emulator.companions.s3.buckets import ConditionalBucket

    class S3OfAws(S3Backend):
        """S3 whose buckets leave out the statements that moto cannot decide."""

        __module__ = S3Backend.__module__  # moto finds the addresses of a service by the module of its backend

        def put_bucket_policy(self, bucket_name: str, policy: bytes) -> None:
            """Set the policy of a bucket."""
            super().put_bucket_policy(bucket_name, policy)
            self.get_bucket(bucket_name).__class__ = ConditionalBucket  # type: ignore[type-abstract]

    return S3OfAws
