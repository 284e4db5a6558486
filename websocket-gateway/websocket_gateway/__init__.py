"""An emulator of Amazon API Gateway WebSocket APIs for any SAM or CloudFormation template."""
