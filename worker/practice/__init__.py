"""A built-in provider to practise on: it answers like image relays, draws real pictures, fails on request."""
