"""The console: pages for people, and the Step Functions API, which the engine answers."""
