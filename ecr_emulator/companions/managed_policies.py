"""AWS's own managed policies in the IAM companion.

moto has their text, and leaves them out unless it is told otherwise: reading them takes 0.2 s for each account.
"""

from __future__ import annotations


def load_aws_policies() -> None:
    """Have every account find AWS's managed policies in IAM, so that they can be attached; imports moto.

    Like all that moto knows, this is for the whole process.
    """
    from moto.core.config import default_user_config
    from moto.iam.models import iam_backends

    default_user_config.setdefault("iam", {})["load_aws_managed_policies"] = True
    for partitions in list(iam_backends.values()):
        for iam in list(partitions.values()):
            if not iam.aws_managed_policies:
                iam.aws_managed_policies = iam._init_aws_policies()
                iam.managed_policies |= iam._init_managed_policies()
