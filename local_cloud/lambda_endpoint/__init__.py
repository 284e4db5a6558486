"""The Lambda Invoke API on one port, its functions running under AWS's own runtime client.

Stands in for ``sam local start-lambda`` where there is no Docker. Each function runs in worker
processes of ``awslambdaric`` that talk to the Lambda Runtime API served here:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""
