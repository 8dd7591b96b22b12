"""Command line: the app, options, output and what commands share. Imports any package; nothing imports it."""
