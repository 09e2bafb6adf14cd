"""One file for each candidate: its configuration as a template and how to find or install it.

All of them do the same work: HTTP/1.1 on both sides, X-Forwarded-For on, upstream connections kept, no access log, one
worker.
"""
