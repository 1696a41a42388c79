"""Who may do what: IAM's policy language, evaluated for one request.

``request`` says who asks for what, ``policies`` what applies to it, ``evaluate`` decides. What comes in is text and
values and what goes out is a decision with its reason; nothing here looks anything up.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""
