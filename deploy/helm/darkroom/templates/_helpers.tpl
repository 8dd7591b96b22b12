{{- define "darkroom.name" -}}
{{- ternary .Release.Name (printf "%s-darkroom" .Release.Name) (contains "darkroom" .Release.Name) | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "darkroom.selector" -}}
app.kubernetes.io/name: darkroom
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "darkroom.labels" -}}
{{ include "darkroom.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- /* A value as a variable has it: numbers in full (as text, 67108864 would be 6.7e+07), lists with commas. */ -}}
{{- define "darkroom.value" -}}
{{- if kindIs "slice" . -}}{{ join "," . }}{{- else if kindIs "string" . -}}{{ . }}{{- else -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{- /* Variables of a part: what the chart knows, then the settings, which outrank it, then files of the Secret. */ -}}
{{- define "darkroom.variables" -}}
{{- $storage := dict -}}
{{- if .root.Values.persistence.enabled -}}{{ $storage = dict "storage_url" "file:///var/lib/darkroom/pictures" }}{{- end -}}
{{- $known := dict -}}
{{- if eq .part "api" -}}{{ $known = dict "host" "0.0.0.0" "port" 8080 "connections_per_address" 0 }}{{- end -}}
{{- if eq .part "worker" -}}{{ $known = dict "metrics_host" "0.0.0.0" "metrics_port" 9100 }}{{- end -}}
{{- $settings := mergeOverwrite $known $storage .root.Values.settings -}}
{{- range $name, $value := $settings }}
- name: DARKROOM_{{ upper $name }}
  value: {{ include "darkroom.value" $value | quote }}
{{- end }}
{{- range ternary (list "database_url") .root.Values.secret.keys (eq .part "migration") }}
- name: DARKROOM_{{ upper . }}_FILE
  value: /run/secrets/darkroom/{{ . }}
{{- end }}
{{- end -}}

{{- /* Seconds: running calls get worker_grace, the shutdown 20 more at most, and 10 are to spare. */ -}}
{{- define "darkroom.workerGrace" -}}
{{- add (ceil (default 180 .Values.settings.worker_grace)) 30 -}}
{{- end -}}

{{- define "darkroom.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "darkroom.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* A pod of the API, a worker or the migration, but for what runs in it. The migration runs before the release's own
objects exist: it gets neither the ConfigMap nor the claim. */ -}}
{{- define "darkroom.pod" -}}
{{- $values := .root.Values -}}
{{- if $values.serviceAccount.name }}
serviceAccountName: {{ $values.serviceAccount.name }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false # a Service named darkroom would set DARKROOM_PORT to its address
securityContext:
  {{- include "darkroom.podSecurity" . | nindent 2 }}
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
volumes:
  - name: temporary
    emptyDir:
      sizeLimit: {{ $values.temporary.sizeLimit }}
  - name: secret
    secret:
      secretName: {{ .secretName | default $values.secret.name }}
      defaultMode: 0440
  {{- if and $values.config (ne .part "migration") }}
  - name: config
    configMap:
      name: {{ include "darkroom.name" .root }}
  {{- end }}
  {{- if and $values.persistence.enabled (ne .part "migration") }}
  - name: pictures
    persistentVolumeClaim:
      claimName: {{ $values.persistence.existingClaim | default (printf "%s-pictures" (include "darkroom.name" .root)) }}
  {{- end }}
{{- end -}}

{{- define "darkroom.container" -}}
{{- $values := .root.Values -}}
image: {{ printf "%s:%s" $values.image.repository ($values.image.tag | default .root.Chart.AppVersion) }}
imagePullPolicy: {{ $values.image.pullPolicy }}
securityContext:
  {{- include "darkroom.containerSecurity" . | nindent 2 }}
env:
  {{- include "darkroom.variables" . | trim | nindent 2 }}
volumeMounts:
  - name: temporary
    mountPath: /tmp
  - name: secret
    mountPath: /run/secrets/darkroom
    readOnly: true
  {{- if and $values.config (ne .part "migration") }}
  - name: config
    mountPath: /var/lib/darkroom/darkroom.toml
    subPath: darkroom.toml
    readOnly: true
  {{- end }}
  {{- if and $values.persistence.enabled (ne .part "migration") }}
  - name: pictures
    mountPath: /var/lib/darkroom/pictures
  {{- end }}
{{- end -}}

{{- define "darkroom.placement" -}}
{{- range $name := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $ $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What values.schema.json can't say. */ -}}
{{- define "darkroom.check" -}}
{{- $values := .Values -}}
{{- if not (or $values.persistence.enabled $values.settings.storage_url) -}}
{{- fail "settings.storage_url: set it to a bucket (s3://…), or persistence.enabled to true: pods share no folder." -}}
{{- end -}}
{{- if and $values.monitoring.enabled (not (has "metrics_key" $values.secret.keys)) (not $values.settings.metrics_public) -}}
{{- fail "monitoring.enabled: /metrics needs a key: put `metrics_key` into the Secret and into secret.keys, or set settings.metrics_public to true." -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (not $values.autoscaling.prometheusUrl) -}}
{{- fail "autoscaling.prometheusUrl: set it to where KEDA reaches Prometheus." -}}
{{- end -}}
{{- end -}}
