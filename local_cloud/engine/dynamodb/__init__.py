"""DynamoDB on LocalStack from moto, completed where moto answers otherwise than AWS.

In this process, where LocalStack's own default downloads a Java program.
"""
