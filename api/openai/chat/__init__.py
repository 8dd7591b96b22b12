"""OpenAI's chat completions: messages are sent on as they came, and pictures come back in the message.

May import ``api.openai`` and what it imports; not ``api.openai.routes``.
"""
