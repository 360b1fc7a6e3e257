{{/* The objects that every service has: each template is the whole object of one component. */}}

{{- define "codex-gateways.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "codex-gateways.componentName" . }}
  labels:
    {{- include "codex-gateways.labels" . | nindent 4 }}
  {{- with .values.serviceAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  selector:
    {{- include "codex-gateways.selectorLabels" . | nindent 4 }}
  ports:
    - name: http
      port: {{ .port }}
      targetPort: http
{{- end }}

{{- define "codex-gateways.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "codex-gateways.componentName" . }}
  labels:
    {{- include "codex-gateways.labels" . | nindent 4 }}
  {{- with .values.serviceAccountAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end }}

{{- define "codex-gateways.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "codex-gateways.componentName" . }}
  labels:
    {{- include "codex-gateways.labels" . | nindent 4 }}
spec:
  maxUnavailable: {{ .values.maxUnavailable }}
  # A pod that is not ready serves nobody: it does not keep a node from being drained.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "codex-gateways.selectorLabels" . | nindent 6 }}
{{- end }}

{{/* Takes kind (of what it scales) beside the component. */}}
{{- define "codex-gateways.horizontalPodAutoscaler" -}}
{{- with .values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "codex-gateways.componentName" $ }}
  labels:
    {{- include "codex-gateways.labels" $ | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: {{ $.kind }}
    name: {{ include "codex-gateways.componentName" $ }}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .targetCpuUtilization }}}
    {{- if .targetConnections }}
    - type: Pods
      pods:
        metric: {name: {{ .connectionsMetric }}}
        target: {type: AverageValue, averageValue: {{ .targetConnections | int | quote }}}
    {{- end }}
  behavior:
    # A pod that goes takes its connections along: one at a time, and not for a short lull.
    scaleDown:
      stabilizationWindowSeconds: 600
      policies:
        - {type: Pods, value: 1, periodSeconds: 120}
{{- end -}}
{{- end }}

{{- define "codex-gateways.serviceMonitor" -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "codex-gateways.componentName" . }}
  labels:
    {{- include "codex-gateways.labels" . | nindent 4 }}
    {{- with .root.Values.monitoring.serviceMonitor.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  jobLabel: app.kubernetes.io/component
  selector:
    matchLabels:
      {{- include "codex-gateways.selectorLabels" . | nindent 6 }}
  endpoints:
    - port: http
      path: /metrics
      interval: {{ .root.Values.monitoring.serviceMonitor.interval }}
{{- end }}
