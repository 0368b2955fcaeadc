# Two steps: the environment is built in one image and copied into another without build tools.
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY stageproxy ./stageproxy
RUN python -m venv /opt/stageproxy \
    && /opt/stageproxy/bin/python -m pip install --no-cache-dir '.[verdict]'

FROM ${BASE}
LABEL org.opencontainers.image.title="stageproxy" \
    org.opencontainers.image.description="PyPI as if a staged release had already been made" \
    org.opencontainers.image.licenses="Apache-2.0"
# The data directory belongs to the user the server runs as; everything else can be read-only.
RUN useradd --system --uid 8726 --home-dir /var/lib/stageproxy stageproxy \
    && install --directory --owner stageproxy --mode 0700 /var/lib/stageproxy
COPY --from=build /opt/stageproxy /opt/stageproxy
# By number: an orchestrator that refuses root has to see that it is not.
USER 8726
ENV PATH=/opt/stageproxy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STAGEPROXY_SERVER__HOST=0.0.0.0 \
    STAGEPROXY_SERVER__PORT=8726 \
    STAGEPROXY_STORAGE__DATA=/var/lib/stageproxy
VOLUME /var/lib/stageproxy
EXPOSE 8726
# Running requests have 30 seconds to end: engines that wait 10 have to be told to wait 45.
STOPSIGNAL SIGTERM
# Without the proxy that the environment may name: it cannot reach this server.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", \
    "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:8726/health/ready', timeout=4)"]
ENTRYPOINT ["stageproxy"]
CMD ["serve"]
