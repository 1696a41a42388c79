"""KMS: moto's, with the key that AWS manages for ECR, and the keys that repositories use."""
