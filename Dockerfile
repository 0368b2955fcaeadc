# Two stages: build the environment in one image, and copy it into another without build tools.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY stageproxy ./stageproxy
RUN python -m venv /opt/stageproxy \
    && /opt/stageproxy/bin/python -m pip install --no-cache-dir '.[postgres,s3,speedups,verdict]'

FROM ${BASE}
LABEL org.opencontainers.image.title="stageproxy" \
    org.opencontainers.image.description="PyPI as if a staged release had already been made" \
    org.opencontainers.image.licenses="Apache-2.0"
# The data directory belongs to the server's user; everything else can be read-only.
RUN useradd --system --uid 8726 --home-dir /var/lib/stageproxy stageproxy \
    && install --directory --owner stageproxy --mode 0700 /var/lib/stageproxy
COPY --from=build /opt/stageproxy /opt/stageproxy
# A number, so that an orchestrator that refuses root can tell that this user is not root.
USER 8726
ENV PATH=/opt/stageproxy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STAGEPROXY_SERVER__HOST=0.0.0.0 \
    STAGEPROXY_SERVER__PORT=8726 \
    STAGEPROXY_STORAGE__DATA=/var/lib/stageproxy
VOLUME /var/lib/stageproxy
EXPOSE 8726
# Running requests have 30 seconds to finish: set the stop timeout of the engine to 45 seconds.
STOPSIGNAL SIGTERM
# Ignore a proxy in the environment: it cannot reach this server.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", \
    "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:8726/health/ready', timeout=4)"]
ENTRYPOINT ["stageproxy"]
CMD ["serve"]
