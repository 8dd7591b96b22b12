# One image for all processes of a fleet: `darkroom serve`, `darkroom work`, `darkroom migrate`.
FROM python:3.12-slim AS build
WORKDIR /source
RUN python -m venv /opt/darkroom
COPY constraints.txt pyproject.toml README.md ./
COPY api api
COPY worker worker
COPY models models
COPY migrations migrations
RUN /opt/darkroom/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/darkroom --create-home darkroom \
 && mkdir /var/lib/darkroom/pictures \
 && chown darkroom: /var/lib/darkroom/pictures
COPY --from=build /opt/darkroom /opt/darkroom
ENV PATH=/opt/darkroom/bin:$PATH PYTHONUNBUFFERED=1
USER darkroom
WORKDIR /var/lib/darkroom
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["darkroom"]
CMD ["up", "--host", "0.0.0.0"]
