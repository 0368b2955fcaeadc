# Two steps: the environment is built in one image and copied into another without build tools.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY stageproxy ./stageproxy
RUN python -m venv /opt/stageproxy \
    && /opt/stageproxy/bin/pip install --no-cache-dir .

FROM python:3.13-slim
# The data directory belongs to the user the server runs as; everything else can be read-only.
RUN useradd --system --uid 8726 --home-dir /var/lib/stageproxy stageproxy \
    && install --directory --owner stageproxy --mode 0700 /var/lib/stageproxy
COPY --from=build /opt/stageproxy /opt/stageproxy
USER stageproxy
ENV PATH=/opt/stageproxy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    STAGEPROXY_SERVER__HOST=0.0.0.0 \
    STAGEPROXY_STORAGE__DATA=/var/lib/stageproxy
VOLUME /var/lib/stageproxy
EXPOSE 8726
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-c", \
    "import urllib.request as u; u.urlopen('http://127.0.0.1:8726/health/ready', timeout=4)"]
ENTRYPOINT ["stageproxy"]
CMD ["serve"]
