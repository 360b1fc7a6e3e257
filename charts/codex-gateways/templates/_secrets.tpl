{{/* Name of the Secret that holds the services' secrets, whoever makes it. */}}
{{- define "codex-gateways.secretName" -}}
{{- default (printf "%s-secrets" (include "codex-gateways.fullname" .)) .Values.secrets.existingSecret -}}
{{- end }}

{{/*
A generated value: what the Secret has, or else a new one. A dict of existing (the data of the Secret in the cluster, encoded), key, and new.
*/}}
{{- define "codex-gateways.kept" -}}
{{ .key }}: {{ get .existing .key | default (b64enc .new) | quote }}
{{- end }}
