"""The client that commands call the server with."""

from api.cli.options import Connection
from api.client import DarkroomClient
from models.client_settings import load_client_settings


def open_client(connection: Connection) -> DarkroomClient:
    """Return a client for the server and key of the options or the environment."""
    settings = load_client_settings(url=connection.url, api_key=connection.key)
    return DarkroomClient(settings.url, settings.api_key.get_secret_value() if settings.api_key else None)
