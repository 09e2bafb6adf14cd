"""One file for each candidate: its configuration as a template and how to find or install it.

All of them do the same work: the same protocol on each side, X-Forwarded-For on, upstream connections kept, no access
log, one worker; under TLS the same certificate, TLS 1.3 only, and what the load generator leaves to choose.
"""
