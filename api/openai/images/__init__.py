"""OpenAI's images API: generations and edits, as JSON or as a form.

May import ``api.openai`` and what it imports; not ``api.openai.routes``.
"""
