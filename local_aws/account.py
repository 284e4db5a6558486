"""The account and the region that everything on this machine belongs to."""

ACCOUNT_ID = "000000000000"
REGION = "us-east-1"
