"""OpenAI's Batches: each is a campaign whose rows are the lines of a file.

May import ``api.campaigns``, ``api.openai`` and what they import; not ``api.openai.routes``.
"""
