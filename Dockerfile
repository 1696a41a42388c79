# The emulator as a container image: docker build --tag ecr-emulator .
#
# The base may be any image with glibc and Python 3.11 or newer. PIP_INDEX_URL names another package index than pip's own.
# EXTRAS adds packages that some companions need, like cloudformation.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
ARG PIP_INDEX_URL
ARG EXTRAS=
WORKDIR /src
COPY pyproject.toml README.md ./
COPY ecr_emulator ecr_emulator
# dumb-init passes signals on: the kernel discards those of a first process that has no handler yet, as Python starts.
# Init scripts call aws and awslocal, whose newest version only says that another tool replaces it. The AWS CLI brings the
# models of all services unpacked, and reads packed ones as well.
RUN python3 -m venv /opt/ecr-emulator \
    && /opt/ecr-emulator/bin/pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}" dumb-init awscli "awscli-local<0.23" \
    && cd /opt/ecr-emulator/lib/python3*/site-packages/awscli \
    && find botocore/data -name "*.json" -exec gzip {} + \
    && rm -r examples

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="ecr-emulator" \
    org.opencontainers.image.description="A local Amazon ECR: its API, a registry for docker, and pull through cache" \
    org.opencontainers.image.version="0.1.0"
COPY --from=build /opt/ecr-emulator /opt/ecr-emulator
RUN mkdir -p /state /etc/localstack/init/ready.d && chmod 700 /state && chown 10001:10001 /state
ENV PATH=/opt/ecr-emulator/bin:$PATH \
    ECR_EMULATOR_HOST=0.0.0.0 \
    ECR_EMULATOR_DATA_DIR=/state \
    ECR_EMULATOR_TLS_DIR=/state/.tls \
    ECR_EMULATOR_INIT_SCRIPTS=/etc/localstack/init/ready.d \
    # Docker kills a container ten seconds after it asked it to stop.
    ECR_EMULATOR_SHUTDOWN_TIMEOUT=8
USER 10001:10001
# Where /tmp is not writable, Python puts temporary files here.
WORKDIR /state
VOLUME /state
EXPOSE 4566
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["ecr-emulator", "health", "--ready"]
ENTRYPOINT ["dumb-init", "--", "ecr-emulator"]
CMD ["serve"]
