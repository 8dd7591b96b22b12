"""How the outside talks to Darkroom."""
