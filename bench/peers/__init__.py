"""Peers: other ways to make the same calls, on the same practice provider, with the same work per job.

``compare`` measures them; the other modules run in an environment of their own (``requirements.txt``) and
import nothing of Darkroom. Their work: call, find the picture, write it, and record the end of the job.
"""
