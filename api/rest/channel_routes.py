"""The addresses under which channels are looked at, stopped and opened."""

from fastapi import APIRouter

from api.rest.channels import drain_channel, get_channels, pause_channel, resume_channel
from api.rest.openapi.route_docs import answers, extra, merged, path, problems, reference

_CHANNEL = reference("ChannelDocument")


def add_channels(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/channels",
        get_channels,
        methods=["GET"],
        tags=["operations"],
        summary="Look at the channels (admin keys)",
        responses=merged(answers(200, "All channels.", reference("ChannelPageDocument")), problems(401, 403)),
        openapi_extra=extra(),
    )
    for verb, handler, body, summary in (
        ("pause", pause_channel, "Stopping", "Start no more calls on a channel (admin keys)"),
        ("drain", drain_channel, "Stopping", "The same, and show when nothing is in flight (admin keys)"),
        ("resume", resume_channel, "Resuming", "Open a channel again, whatever had closed it (admin keys)"),
    ):
        router.add_api_route(
            f"/v1/channels/{{name}}/{verb}",
            handler,
            methods=["POST"],
            tags=["operations"],
            summary=summary,
            responses=merged(answers(200, "The channel.", _CHANNEL), problems(400, 401, 403, 404, 413, 422)),
            openapi_extra=extra(
                path("name", "the channel's name"), body={"schema": reference(body)}, body_required=False
            ),
        )
