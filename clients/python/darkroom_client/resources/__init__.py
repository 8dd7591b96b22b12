"""What the server has: jobs, pictures, models, webhooks, as values and as operations on them.

Modules here import ``exchange``, ``documents``, ``errors`` and each other. A further resource, such as
campaigns, is one file: values, a class of operations (``Bound``), and a member of ``client.Client``.
"""
