"""Evaluation of IAM's policy language for one request.

``request`` describes the request, ``policies`` holds the policies that apply to it, and ``evaluate`` decides. The input
is texts and values, the output a decision with its reason; this package performs no look-ups.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""
