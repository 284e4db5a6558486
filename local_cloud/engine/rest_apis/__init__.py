"""API Gateway's REST APIs: LocalStack's, which here ask who calls before they answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html
"""
