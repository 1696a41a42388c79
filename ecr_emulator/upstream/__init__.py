"""The adapter to upstream registries: ``client.HttpUpstreams`` implements ``ports.upstream.Upstreams``."""
