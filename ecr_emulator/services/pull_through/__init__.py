"""Pull through cache: fetch images from upstream registries, keep them, and check them once a day.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""
