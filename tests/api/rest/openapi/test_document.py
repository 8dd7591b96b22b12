"""The OpenAPI document."""

from tests.api.service import Service


async def test_the_document_has_the_schemas_and_the_security_scheme(service: Service) -> None:
    document = (await service.get("/openapi.json")).json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["paths"]["/v1/jobs"]["post"]["security"] == [{"key": []}]
    assert set(document["components"]["schemas"]["Submission"]["properties"]) >= {
        "campaign",
        "tags",
        "on_unknown",
    }
    assert (await service.get("/docs")).status_code == 200


async def test_the_servers_are_the_public_url_and_where_the_document_is(service: Service) -> None:
    document = (await service.get("/openapi.json")).json()
    assert [server["url"] for server in document["servers"]] == [service.services.settings.public_url, "."]
