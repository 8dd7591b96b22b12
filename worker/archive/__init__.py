"""Archive: raw responses of the provider, stored so that a later parser can read them again without a call.

It imports the parser (``worker.upstream``) and the object store, but no task: the API reparses, too.
"""
