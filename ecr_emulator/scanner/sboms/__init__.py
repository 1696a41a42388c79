"""Software bills of materials: lists of packages that somebody has attached to an image."""
