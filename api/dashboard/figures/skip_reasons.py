"""Why bulk actions leave jobs and items, in words for translation; the codes are those of the API."""

from collections.abc import Mapping

from api.dashboard.language.locales import msgid

REASONS: Mapping[str, str] = {
    "not_found": msgid("There is no such job."),
    "not_ended": msgid("It has not ended: cancel it first."),
    "ended": msgid("It has ended."),
    "open": msgid("It is under way."),
    "already_paid": msgid("It has a picture, which was paid."),
    "may_be_paid": msgid("It is held: its last call may have been charged."),
    "leased": msgid("A worker still drops its last call; try again in a few seconds."),
    "part_of_task": msgid("It is a part of a Midjourney task, which needs it."),
    "changed": msgid("It changed meanwhile."),
    "unwritable": msgid("Its row can't be changed; the server's log says why."),
    "row_error": msgid("Its row can't be rendered: import a changed one."),
    "too_many_takes": msgid("It has as many takes as are permitted."),
    "failed": msgid("Its last take failed."),
    "no_picture": msgid("It has no picture."),
    "take_deleted": msgid("The job of its last take was deleted."),
    "prompt_erased": msgid("Its prompt was erased."),
    "prompt_error": msgid("Its prompt can't be rendered."),
}
