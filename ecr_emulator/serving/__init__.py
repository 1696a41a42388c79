"""Running a WSGI application on sockets. Two servers with the same ``start`` and ``stop``: Granian and werkzeug's."""
