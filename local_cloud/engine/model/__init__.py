"""Models behind Bedrock's API: scripted ones, and those of servers that speak OpenAI's."""
