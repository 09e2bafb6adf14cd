"""The admin API: handlers like any other, asked for by rules of their own listener (`gateway.config.admin_routes`).

    gateway    what the handlers may know of the running gateway, and how they get it
    health     /healthz, /readyz
    metrics    /metrics
    state      /api/v1/status, routes, upstreams, listeners, config
    actions    POST /api/v1/reload, explain
    tasks      /debug/tasks

A GET changes nothing.
"""
