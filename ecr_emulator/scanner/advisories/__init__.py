"""Advisories in the format of OSV: read from a folder, indexed, and matched with packages.

https://ossf.github.io/osv-schema/
"""
