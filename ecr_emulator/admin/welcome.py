"""The text at ``/``: how to use the emulator, and the endpoints below ``/_ecr/``."""

from __future__ import annotations

WELCOME = """ECR emulator {version}

  export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION={home.region}
  export AWS_ACCESS_KEY_ID={home.id} AWS_SECRET_ACCESS_KEY=any

{url}/_ecr/                   the console, in a browser
{url}/_ecr/openapi.json       these endpoints, described for programs
{url}/_ecr/health             alive
{url}/_ecr/ready              ready
{url}/_ecr/metrics            metrics for Prometheus
{url}/_ecr/nodes              the emulators that share this one's state
{url}/_ecr/clock              GET: the time; POST {{"advance": "24h"}}: move it; set, freeze, follow_machine
{url}/_ecr/events             events that ECR would have sent to EventBridge
{url}/_ecr/access             ?principal=…&deed=pull&repository=…: may it, and which policy says so
{url}/_ecr/rules              health of pull through cache rules and their upstreams
{url}/_ecr/refresh            POST {{"image": "<repository>[:<tag>]"}}: check cached tags upstream now
{url}/_ecr/pull               POST {{"image": "<repository>:<tag>"}}: import an image into the cache
{url}/_ecr/lifecycle          POST: evaluate all lifecycle policies now
{url}/_ecr/gc                 POST {{"grace": "1h"}}: remove abandoned uploads, and layers without images
{url}/_ecr/verify             POST: read all blobs and manifests, report damage, fetch again what upstreams have
{url}/_ecr/findings/<digest>  PUT {{"findings": [...]}}: set the findings of an image's scans; * for every image
{url}/_ecr/manifests/<digest> ?repository=…: the manifest of an image, which counts as no pull
{url}/_ecr/image-dates        POST {{"repository": …, "digest": …, "pushed_at": …}}: set the dates of an image
{url}/_ecr/access-keys        POST {{"user": …, "access_key_id": …, "secret_access_key": …}}: give an IAM user a key
{url}/_ecr/faults             POST {{"fault": "throttling", "target": "PutImage"}}: let ECR fail; GET, DELETE …[/<id>]
{url}/_ecr/upstreams/<host>/faults   POST {{"fault": "unreachable"}}: let an upstream fail; PUT, GET, DELETE …[/<id>]
{url}/_ecr/upstreams/<host>/address  PUT {{"url": "http://127.0.0.1:5000"}}: ask it in place of the host; GET, DELETE
{url}/_ecr/snapshots          POST: take a snapshot; POST …/<snapshot>/restore: restore it; DELETE …/<snapshot>
{url}/_ecr/state              GET: save everything to one file; PUT: replace everything by such a file
{url}/_ecr/reset              POST: remove everything; {{"account": "123456789012"}}: the resources of one account

Each POST needs the header Content-Type: application/json.
"""
