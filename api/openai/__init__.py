"""The OpenAI-compatible API: its official SDK, and clients of relays, work with another base address only.

Each request is made of ordinary jobs (``surface = "openai"``). Handlers raise ``Problem`` or ``JobFailed``;
``routes`` turns both into OpenAI's error object. May import what the surfaces share, and no other surface.
"""
