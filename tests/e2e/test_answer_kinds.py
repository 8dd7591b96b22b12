"""Answers of the kinds that relays give, through a real process: images, calls, the channel, other callers.

Each answer is one job of the first caller. All run at once, in one Darkroom on one channel.
"""

import pytest

from tests.e2e.conftest import EmbeddedOf
from tests.support.api_client import KEY, ApiClient, Job
from worker.practice.drawing.png import prompt_of

pytestmark = pytest.mark.slow(reason="tasks of the provider are polled every two seconds")

SUCCEEDED, FAILED, HELD = "succeeded", "failed", "held"
#: what the provider is to answer, as hints of a prompt, and the status in which its job ends
ENDS = {
    "words of an error, quoted in a good answer [fail quotation]": FAILED,
    "words of an error as the whole of a good answer #case:R091": HELD,
    "a submitted task [deliver task_a]": SUCCEEDED,
    "a response in the background [deliver task_o]": SUCCEEDED,
    "the record of a finished task [deliver task_record]": SUCCEEDED,
    "the record of a finished task without its image [fail finished_task]": HELD,
    "a lost upstream [fail lost_upstream]": HELD,
    "events without an empty line between them [fail joined]": SUCCEEDED,
    "drafts before the image [fail drafts]": SUCCEEDED,
    "nothing but drafts [fail only_drafts]": HELD,
}
OTHERS = [f"a flower, number {number}" for number in range(5)]
OTHER_KEY, ADMIN_KEY = "a-key-of-another-caller-for-these-tests", "a-key-of-an-admin-for-these-tests"


def prompts_of_images(client: ApiClient, job: Job) -> list[str | None]:
    return [prompt_of(image) for image in client.images(job)]


def test_each_kind_of_answer_ends_its_own_job_as_it_must_and_harms_no_other(
    darkroom_of: EmbeddedOf,
) -> None:
    darkroom = darkroom_of(delay=0.05, api_keys=f"{KEY},{OTHER_KEY}", admin_keys=ADMIN_KEY)
    other, admin = ApiClient([darkroom.url], OTHER_KEY), ApiClient([darkroom.url], ADMIN_KEY)
    darkroom.client.submit(list(ENDS), max_attempts=1)
    other.submit(OTHERS)

    jobs = {job["prompt"]: job for job in darkroom.client.wait_settled(len(ENDS), within=30).values()}
    assert {prompt: job["status"] for prompt, job in jobs.items()} == ENDS
    images = {prompt: prompts_of_images(darkroom.client, job) for prompt, job in jobs.items()}
    assert images == {prompt: [prompt] if end == SUCCEEDED else [] for prompt, end in ENDS.items()}
    other.check_images(other.wait_settled(len(OTHERS), within=30))
    assert darkroom.practice.call_counts() == dict.fromkeys((*ENDS, *OTHERS), 1)

    answer = admin.request("GET", "/v1/channels")
    assert answer is not None
    (channel,) = answer.json()["data"]
    assert (channel["state"], channel["breakers"], channel["blocked_models"]) == ("open", {}, {})
    other.submit(["a flower after all that"])
    other.check_images(other.wait_settled(len(OTHERS) + 1, within=30))
    other.close()
    admin.close()
