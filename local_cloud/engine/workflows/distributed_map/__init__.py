"""Map states in distributed mode: items from S3, batches, child executions, map runs.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""
