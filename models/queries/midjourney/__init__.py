"""midjourney."""
