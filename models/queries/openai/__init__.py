"""SQL of the OpenAI-compatible surface.

May import ``models``, and of the other queries only what they share.
"""
