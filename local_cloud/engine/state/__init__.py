"""What the services hold, kept on disk: every acknowledged write is there after a restart."""
