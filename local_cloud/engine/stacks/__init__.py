"""CloudFormation types that LocalStack does not create: WebSocket APIs and Cognito.

Written for localstack-core 4.14.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
"""
