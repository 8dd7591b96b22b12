"""Commands about money: costs and prices. Imports the rest of ``api.cli`` and below."""
