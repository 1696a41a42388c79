"""The time that clients wait for upstreams."""

CLIENT_WAIT = 20.0
"""Maximum number of seconds that a client waits for an upstream: some clients give up after 30.

The request to the upstream goes on after that, and the client's next request joins it.
"""
