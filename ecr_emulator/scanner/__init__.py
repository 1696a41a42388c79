"""Scanner of images: the packages in their layers, and the known vulnerabilities of these packages."""
