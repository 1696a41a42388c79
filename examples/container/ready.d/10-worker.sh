#!/bin/sh
# Run when the emulator answers, at each start. A repository that exists already is no reason to fail.
export AWS_ACCESS_KEY_ID=123456789012
awslocal ecr describe-repositories --repository-names team/worker >/dev/null 2>&1 \
    || awslocal ecr create-repository --repository-name team/worker --image-tag-mutability IMMUTABLE
