"""OpenAI's webhook endpoints, over the caller's webhooks.

May import ``api.openai`` and what it imports; not ``api.openai.routes``.
"""
