"""Practice provider: a mock image provider with real images, recorded responses and fault injection.

Its HTTP server (``server``, ``routes``), request options, response planning (``script``) and fault injection.
May import ``models`` only, so that it runs without database, queue or the code under test.
"""
