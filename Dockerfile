# One image for all processes of a fleet: `darkroom serve`, `darkroom work`, `darkroom migrate`.
FROM python:3.12.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/darkroom
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY api api
COPY worker worker
COPY models models
COPY migrations migrations
COPY clients clients
# uv verifies the hashes of constraints, its own ones included; pip would refuse this folder, which has none
RUN sed -n '/^uv==/,/# via/p' constraints.txt > uv.txt \
 && pip install --no-cache-dir --disable-pip-version-check --require-hashes -r uv.txt \
 && uv pip install --no-cache --python /opt/darkroom/bin/python -c constraints.txt .
# the commit, which metrics show: docker build --build-arg REVISION=$(git rev-parse HEAD)
ARG REVISION=""
RUN echo "$REVISION" | tee /opt/darkroom/lib/python3*/site-packages/darkroom-*.dist-info/REVISION

FROM python:3.12.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/darkroom --create-home darkroom \
 && mkdir --mode=700 /var/lib/darkroom/pictures \
 && chmod 700 /var/lib/darkroom \
 && chown darkroom: /var/lib/darkroom/pictures
COPY --from=build /opt/darkroom /opt/darkroom
ENV PATH=/opt/darkroom/bin:$PATH PYTHONUNBUFFERED=1
USER darkroom
WORKDIR /var/lib/darkroom
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["darkroom"]
CMD ["up", "--host", "0.0.0.0"]
