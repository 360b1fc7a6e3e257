{{/*
What the world may reach of a service. The internal API, /metrics and the health pages are left out: they are for the cluster.
One "<type> <path>" a line; a path that is a Prefix stands for everything below it too.
*/}}
{{- define "codex-gateways.publicPaths" -}}
{{- if eq .name "codex-auth" -}}
{{- $base := (urlParse .values.publicUrl).path | trimSuffix "/" -}}
Exact {{ default "/" $base }}
{{- range list "/.well-known" "/account" "/agent-identities" "/api/account" "/api/accounts" "/api/admin" "/api/audit" "/api/codex" "/api/me" "/api/sessions" "/api/workspaces" "/assets" "/backend-api" "/codex" "/deviceauth" "/login" "/logout" "/oauth" "/v1/agent" }}
Prefix {{ $base }}{{ . }}
{{- end }}
{{- if $base }}
Exact /.well-known/oauth-authorization-server{{ $base }}
Exact /.well-known/openid-configuration{{ $base }}
{{- end }}
{{- else if eq .name "codex-exec-gateway" -}}
Prefix /bridge
Prefix /cloud
Prefix /codex-exec
{{- else if eq .name "codex-app-gateway" -}}
Exact /
Exact /codex-app/ws
{{- end -}}
{{- end }}

{{- define "codex-gateways.ingress" -}}
{{- $host := include "codex-gateways.host" .values.publicUrl -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "codex-gateways.componentName" . }}
  labels:
    {{- include "codex-gateways.labels" . | nindent 4 }}
  {{- with .values.ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .values.ingress.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .values.ingress.tlsSecretName }}
  tls:
    - hosts: [{{ $host | quote }}]
      secretName: {{ . }}
  {{- end }}
  rules:
    - host: {{ $host | quote }}
      http:
        paths:
          {{- range splitList "\n" (include "codex-gateways.publicPaths" .) }}
          {{- $words := splitList " " . }}
          - path: {{ index $words 1 }}
            pathType: {{ index $words 0 }}
            backend:
              service:
                name: {{ include "codex-gateways.componentName" $ }}
                port: {name: http}
          {{- end }}
{{- end }}

{{/*
Takes requestTimeout beside the component: 0s, which is no limit, where a WebSocket is one request of hours. A rule may have 8 matches, and
a route 16 rules.
*/}}
{{- define "codex-gateways.httpRoute" -}}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {{ include "codex-gateways.componentName" . }}
  labels:
    {{- include "codex-gateways.labels" . | nindent 4 }}
  {{- with .values.httpRoute.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  parentRefs:
    {{- toYaml .values.httpRoute.parentRefs | nindent 4 }}
  hostnames:
    - {{ include "codex-gateways.host" .values.publicUrl | quote }}
  rules:
    {{- range chunk 8 (splitList "\n" (include "codex-gateways.publicPaths" .)) }}
    - matches:
        {{- range . }}
        {{- $words := splitList " " . }}
        - path:
            type: {{ eq (index $words 0) "Exact" | ternary "Exact" "PathPrefix" }}
            value: {{ index $words 1 }}
        {{- end }}
      timeouts: {request: {{ $.requestTimeout }}}
      backendRefs:
        - name: {{ include "codex-gateways.componentName" $ }}
          port: {{ $.port }}
    {{- end }}
{{- end }}
