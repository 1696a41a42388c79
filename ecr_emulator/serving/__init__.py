"""Servers that run a WSGI application on sockets: Granian and werkzeug's, with the same ``start`` and ``stop``."""
