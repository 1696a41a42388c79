"""Ports: protocols that ``services`` uses and that adapters implement. Each subject has a module.

Import a port from its module.
"""
