"""The pages, one per file, in the order of the navigation.

May import the services of ``api``, ``worker`` and ``models``, and nothing of ``api.rest``.
"""

from api.dashboard.page import Page
from api.dashboard.pages import channel, channels, job, jobs, overview, workers

PAGES: tuple[Page, ...] = tuple(module.PAGE for module in (overview, jobs, job, channels, channel, workers))
