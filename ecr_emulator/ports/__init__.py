"""What the middle needs from outside, one module for each subject.

Import a port from its module.
"""
