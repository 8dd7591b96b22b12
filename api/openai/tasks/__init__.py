"""Picture tasks, as relays answer asynchronously: submit, then poll. Each answer serves every dialect.

The dialects by their letters: S (sub2api), C (comfly), A (APIMart), E (evolink), K (kapon); their members do
not collide on any path. May import ``api.openai`` and what it imports; not ``api.openai.routes``.
"""
