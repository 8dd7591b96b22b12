"""OpenAI's Responses API, in the background or not: each response is a job.

May import ``api.openai`` and what it imports; not ``api.openai.routes``.
"""
