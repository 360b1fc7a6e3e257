{{/* Labels and annotations of a pod: what selects it, and what the values add. No chart version, so that an upgrade restarts only what changed. */}}
{{- define "codex-gateways.podMetadata" -}}
labels:
  {{- include "codex-gateways.selectorLabels" . | nindent 2 }}
  {{- with mergeOverwrite (deepCopy .root.Values.commonLabels) .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What the pods of all services have in common, beside their containers and volumes. */}}
{{- define "codex-gateways.podSpec" -}}
serviceAccountName: {{ include "codex-gateways.componentName" . }}
automountServiceAccountToken: false
# Kubernetes would otherwise set variables such as CODEX_AUTH_PORT to what the services do not mean by them.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "codex-gateways.terminationGraceSeconds" . }}
securityContext:
  {{- include "codex-gateways.podSecurityContext" 10001 | nindent 2 }}
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- $component := . }}
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "codex-gateways.selectorLabels" $component | nindent 8 }}
  {{- end }}
{{- end }}

{{/* preStop, then the drain, which may wait once more for requests of its length, then a moment to close. */}}
{{- define "codex-gateways.terminationGraceSeconds" -}}
{{- add (int .root.Values.preStopSeconds) (mul 2 (int .values.drainTimeoutSeconds)) 15 -}}
{{- end }}

{{/* The restricted profile of the Pod Security Standards, for a user and group of that number. */}}
{{- define "codex-gateways.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "codex-gateways.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The container of a service, but for env and volumeMounts. */}}
{{- define "codex-gateways.container" -}}
name: {{ .name }}
image: {{ include "codex-gateways.image" . }}
imagePullPolicy: {{ .root.Values.images.pullPolicy }}
ports:
  - name: http
    containerPort: {{ .port }}
securityContext:
  {{- include "codex-gateways.containerSecurityContext" . | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
# It listens once the database is migrated, for which replicas wait for one another.
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  failureThreshold: 90
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 4
  failureThreshold: 2
lifecycle:
  preStop:
    sleep: {seconds: {{ int .root.Values.preStopSeconds }}}
{{- end }}

{{/* The variable that says on which addresses of the pod a service listens, by the variable's name. */}}
{{- define "codex-gateways.hostEnv" -}}
- name: {{ .variable }}
  value: {{ ternary "::" "0.0.0.0" (eq .root.Values.ipFamily "IPv6") | quote }}
{{- end }}

{{/* A variable from a key of the Secret that holds the services' secrets. */}}
{{- define "codex-gateways.secretEnv" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "codex-gateways.secretName" .root }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}

{{/* Where a service sends its traces: nothing without tracing.endpoint. */}}
{{- define "codex-gateways.tracingEnv" -}}
{{- with .Values.tracing -}}
{{- if .endpoint -}}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
- name: OTEL_TRACES_SAMPLER
  value: {{ .sampler }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .sampledRatio | quote }}
{{- if .headersSecret.name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret.name }}
      key: {{ required "tracing.headersSecret.key is needed with its name" .headersSecret.key }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The variable with a service's connection string: a dict of root, variable, and key (of database.existingSecret). */}}
{{- define "codex-gateways.databaseEnv" -}}
{{- if .root.Values.postgresql.enabled -}}
- name: POSTGRES_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "codex-gateways.componentName" (dict "root" .root "name" "postgresql") }}
      key: password
- name: {{ .variable }}
  value: postgresql://codex_gateways:$(POSTGRES_PASSWORD)@{{ include "codex-gateways.componentName" (dict "root" .root "name" "postgresql") }}:5432/codex_gateways
{{- else -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ required "database.existingSecret is needed: a Secret with the connection strings (or postgresql.enabled, for a trial)" .root.Values.database.existingSecret }}
      key: {{ .key }}
{{- end -}}
{{- end }}
