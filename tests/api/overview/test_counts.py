"""Counts of open jobs and workers, by the service and over the API."""

from api.overview.counts import read_counts
from tests.api.service import ADMIN, BOB, Service


async def test_counts_are_of_the_callers_jobs_or_of_all(service: Service) -> None:
    await service.submit()
    await service.submit()
    await service.with_key(BOB).submit()
    await service.hold()
    alice = (await service.services.authenticator.check(service.key or "")).caller
    assert alice is not None
    of_all, own = await read_counts(service.services, None), await read_counts(service.services, alice.id)
    assert (of_all.open["queued"], own.open["queued"]) == (3, 2)
    assert of_all.open["held"] == own.open["held"] == 1
    assert of_all.oldest is not None
    assert not of_all.steps.has_success
    shown = (await service.get("/v1/overview")).json()
    assert (shown["jobs"]["queued"], shown["jobs"]["held"], shown["workers"]) == (2, 1, 0)
    assert shown["oldest_waiting_at"] is not None
    assert (await service.with_key(ADMIN).get("/v1/overview")).json()["jobs"]["queued"] == 3
    assert (await service.with_key(None).get("/v1/overview")).status_code == 401
