"""The whole cloud of a WebSocket agent on one laptop: the embedded mode and its command line."""
