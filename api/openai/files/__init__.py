"""OpenAI's Files: upload, list, read, delete.

May import ``api.openai`` and what it imports; not ``api.openai.routes``.
"""
