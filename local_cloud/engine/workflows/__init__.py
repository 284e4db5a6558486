"""Step Functions: LocalStack's interpreter, completed where it answers otherwise than AWS."""
