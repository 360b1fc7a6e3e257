{{/*
Every template here that is about one service takes a "component": a dict of root (the chart's own context), name (of the service),
port, and values (the part of .Values that is the service's).
*/}}

{{/* First part of every name; leaves room for the longest suffix, which with a pod's ordinal has to fit into 63 characters. */}}
{{- define "codex-gateways.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 36 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 36 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 36 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Name of a component's objects. */}}
{{- define "codex-gateways.componentName" -}}
{{- printf "%s-%s" (include "codex-gateways.fullname" .root) .name -}}
{{- end }}

{{/* What a selector looks at. Immutable in Kubernetes: never add to it. */}}
{{- define "codex-gateways.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{/* Labels of an object. */}}
{{- define "codex-gateways.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{ include "codex-gateways.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: codex-gateways
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Image of a component, by digest when there is one. */}}
{{- define "codex-gateways.image" -}}
{{- $image := .values.image -}}
{{- $name := printf "%s/%s" (required "images.registry is needed: where the images were pushed" .root.Values.images.registry) $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end }}

{{/* Base URL of a component inside the cluster: a dict of root, name, port, and scheme. */}}
{{- define "codex-gateways.internalUrl" -}}
{{- printf "%s://%s:%d" (default "http" .scheme) (include "codex-gateways.componentName" .) (int .port) -}}
{{- end }}

{{/* Where the gateways ask about credentials: codex-auth, or an agentserver in its place. */}}
{{- define "codex-gateways.agentserverUrl" -}}
{{- if .Values.agentserver.enabled -}}
{{- required "agentserver.internalUrl is needed with agentserver.enabled" .Values.agentserver.internalUrl -}}
{{- else -}}
{{- include "codex-gateways.internalUrl" (dict "root" . "name" "codex-auth" "port" 8081) -}}
{{- end -}}
{{- end }}

{{/* Host name of a public URL. */}}
{{- define "codex-gateways.host" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .).host "" -}}
{{- end }}
