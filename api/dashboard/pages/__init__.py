"""The pages, one per file, in the order of the navigation.

May import the services of ``api``, ``worker`` and ``models``, and nothing of ``api.rest``.
"""

from api.dashboard.page import Page
from api.dashboard.pages import (
    audit,
    channel,
    channels,
    costs,
    errors,
    health,
    job,
    jobs,
    keys,
    overview,
    settings,
    webhooks,
    workers,
)
from api.dashboard.pages.actions import action, actions, new_action
from api.dashboard.pages.campaigns import campaign, campaign_list, new_campaign, review
from api.dashboard.pages.pictures import compare, pictures

PAGES: tuple[Page, ...] = tuple(
    module.PAGE
    for module in (
        *(overview, jobs, job, campaign_list, new_campaign, campaign, review, pictures, compare, errors),
        *(actions, new_action, action),  # new before one: its path matches both
        *(channels, channel, workers, health),
        *(costs, keys, webhooks, audit, settings),
    )
)
