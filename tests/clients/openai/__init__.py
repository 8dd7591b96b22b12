"""Clients of the OpenAI API, replayed: relays' documented examples, LiteLLM, chat front ends, async clients.

``requests`` holds the bodies of the examples, byte for byte.
"""
