"""What the agent's functions share: state, events, identity, the tools' descriptions."""
