"""IAM policies: what they are, what their words match, what they decide."""
