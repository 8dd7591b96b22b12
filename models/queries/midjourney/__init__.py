"""SQL of Midjourney tasks: insert, find and list them, and complete those whose jobs are all done."""
