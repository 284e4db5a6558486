"""A small model that runs here: fetched once, and served as OpenAI's chat completions are."""
