"""What every part that stands in for AWS needs: the account, templates, HTTP, whom to answer."""
