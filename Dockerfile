# Two images from one file:
#
#   docker build --target coordinator -t saga-coordinator .   the wheel and nothing else: put your definitions on top (docs/deploy.md)
#   docker build --target services    -t saga-reference .     the same with the reference services and their saga, as docker-compose.yml runs it
#
# Nothing is written into the image's file system at run time, so it may be mounted read-only.

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source

# What runs, by hash. Why two environments: the build backend has no business in the image.
COPY requirements-image.lock requirements.lock ./
RUN python -m venv /opt/saga \
    && /opt/saga/bin/pip install --require-hashes --only-binary=:all: -r requirements-image.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary=:all: -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY saga saga
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/saga/bin/pip install --no-deps --no-index /wheels/*.whl \
    && /opt/saga/bin/pip uninstall --yes pip setuptools

FROM python:3.11.14-slim-bookworm AS coordinator
RUN groupadd --gid 10001 saga && useradd --uid 10001 --gid saga --no-create-home --home-dir /app --shell /usr/sbin/nologin saga
COPY --from=build /opt/saga /opt/saga
ENV PATH=/opt/saga/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SAGA_HTTP_HOST=0.0.0.0 SAGA_HTTP_PORT=8080
WORKDIR /app
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"SAGA_HTTP_PORT\"]}/readyz', timeout=4)"]
CMD ["saga", "serve"]

FROM coordinator AS services
ENV SERVICE_HTTP_HOST=0.0.0.0 SERVICE_HTTP_PORT=8080
COPY contracts contracts
COPY services services
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"SERVICE_HTTP_PORT\"]}/readyz', timeout=4)"]
CMD ["python", "-m", "services.order"]
