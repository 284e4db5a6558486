"""LocalStack plugins: the services that LocalStack 4.14.0 leaves out of its free engine."""
