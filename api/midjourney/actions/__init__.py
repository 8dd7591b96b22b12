"""Actions: one module per way to submit a task, and what several of them share.

``button_handlers`` maps buttons to actions, ``edit`` submits edit calls, ``follow_up`` reads the parent task.
May import the rest of ``api.midjourney``, and what that may import.
"""
