{{/* Pods of a component of this release, as a peer: a dict of root and name. */}}
{{- define "codex-gateways.podPeer" -}}
- podSelector:
    matchLabels:
      {{- include "codex-gateways.selectorLabels" . | nindent 6 }}
{{- end }}

{{/* Begin of a component's policy. */}}
{{- define "codex-gateways.networkPolicyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "codex-gateways.componentName" . }}
  labels:
    {{- include "codex-gateways.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "codex-gateways.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}

{{/*
Who may call a service: the public, services of this release (callers: their names), who scrapes metrics, and the chart's test.
One port carries all of it; what a caller may do there is decided by his credentials.
*/}}
{{- define "codex-gateways.networkPolicyIngress" -}}
- ports:
    - port: http
  {{- if .root.Values.networkPolicy.publicFrom }}
  from:
    {{- toYaml .root.Values.networkPolicy.publicFrom | nindent 4 }}
    {{- with .root.Values.networkPolicy.metricsFrom }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- range append .callers "test" }}
    {{- include "codex-gateways.podPeer" (dict "root" $.root "name" .) | nindent 4 }}
    {{- end }}
  {{- end }}
{{- end }}

{{/* A call to peers on a port: a dict of port and to (a list; empty for any address). */}}
{{- define "codex-gateways.egressTo" -}}
- ports:
    - port: {{ .port }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{/* A call to another service of this release: a dict of root, name, and port (the port of the pods). */}}
{{- define "codex-gateways.egressToComponent" -}}
- ports:
    - port: {{ .port }}
  to:
    {{- include "codex-gateways.podPeer" . | nindent 4 }}
{{- end }}

{{/* Names are looked up wherever the cluster does that. */}}
{{- define "codex-gateways.egressToDns" -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
{{- end }}

{{- define "codex-gateways.egressToDatabase" -}}
{{- if .Values.postgresql.enabled -}}
{{- include "codex-gateways.egressToComponent" (dict "root" . "name" "postgresql" "port" 5432) -}}
{{- else -}}
{{- include "codex-gateways.egressTo" (dict "port" .Values.database.port "to" .Values.networkPolicy.databasePeers) -}}
{{- end -}}
{{- end }}

{{/* The collector of traces, on the port of its URL; nothing without one. */}}
{{- define "codex-gateways.egressToCollector" -}}
{{- with .Values.tracing.endpoint -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- include "codex-gateways.egressTo" (dict "port" $port "to" $.Values.tracing.networkPolicyPeers) -}}
{{- end -}}
{{- end }}

{{/* The verifier of tokens: codex-auth, or an agentserver on the port of its URL. */}}
{{- define "codex-gateways.egressToVerifier" -}}
{{- if .Values.agentserver.enabled -}}
{{- $url := urlParse .Values.agentserver.internalUrl -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- include "codex-gateways.egressTo" (dict "port" $port "to" .Values.agentserver.networkPolicyPeers) -}}
{{- else -}}
{{- include "codex-gateways.egressToComponent" (dict "root" . "name" "codex-auth" "port" 8081) -}}
{{- end -}}
{{- end }}
