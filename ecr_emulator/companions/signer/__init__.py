"""AWS Signer: moto's signing profiles, with which ECR signs images.

Importing this package imports nothing of moto.
https://docs.aws.amazon.com/signer/latest/api/Welcome.html
"""
