"""Whether IAM policies allow a call, as AWS decides it."""
