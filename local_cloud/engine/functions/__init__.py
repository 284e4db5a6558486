"""Lambda on LocalStack: its own control plane, and our endpoint as what runs the functions.

What functions there are, LocalStack's provider knows: those that were made by the API, and those of
the template, which are taken into it when something is asked of them that the endpoint does not
answer. Where they run is ``LAMBDA_ENDPOINT``. Written for localstack-core 4.14.
"""
