"""The only room that waits: the root nursery and every lifetime below it.

    app        root nursery: start, what is listening, end
    engine     Trio's face of the workers: one task that takes their events
    sockets    listening sockets, one per worker and address
    listener   a task per listener; ending it drains its connections
    upstreams  a task per upstream; owns its HTTP/2 connections
    http2      a task per HTTP/2 connection: its stream 0
      http2_connections   all of them, and whose they are
      http2_control       frames of stream 0, judged and written by h2
      http2_tally         what became of them, counted
    request    a task per request that a Python handler answers
    reload     a new configuration, whole or not at all
    drain      signals, and how the process ends
    tasks      the live task tree, for /debug/tasks
    notice     what the process says on stderr

Nothing is imported here, so that a command pays only for what it uses.
"""
