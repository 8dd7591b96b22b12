"""Families of clients, replayed: the requests that each sends, the members it reads, and what it concludes.

One file per family, written from the protocol's contract. A change that breaks one of them breaks its users.
"""
