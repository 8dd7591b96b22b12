"""What is sent to a database by its driver, without SQLAlchemy's execution.

May import nothing of this project.
"""
