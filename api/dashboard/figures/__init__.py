"""What several pages show: groups of errors, notices, summaries of jobs, charts, kept answers.

May import the services, ``worker.archive`` and ``models``.
"""
