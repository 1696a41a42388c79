"""IAM and STS: moto's, with the parts that moto lacks, and the identities that ECR takes from them."""
