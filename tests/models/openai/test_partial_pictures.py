"""Keys and numbers of partial pictures."""

from models.ids import new_id
from models.openai.partial_pictures import FOLDER, partial_key, wanted_partials


def test_each_partial_picture_of_a_job_has_a_key_of_its_own_that_is_always_the_same() -> None:
    job = new_id()
    keys = [partial_key(job, index) for index in (0, 1, 0)]
    assert keys[0] == keys[2] != keys[1]
    assert all(key.startswith(FOLDER) and len(key) == len(FOLDER) + 32 for key in keys)
    assert partial_key(new_id(), 0) != keys[0]


def test_params_ask_for_three_at_most() -> None:
    given = [{"partial_images": number} for number in (0, 1, 3, 7, -1, True, "2", None)]
    assert [wanted_partials(each) for each in given] == [0, 1, 3, 3, 0, 0, 0, 0]
    assert wanted_partials(None) == wanted_partials({}) == 0
