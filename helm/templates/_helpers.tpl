{{/* Names and labels. Every helper but the first three takes (dict "root" $ "component" "lesson-svc"). */}}
{{- define "olm.fullname" -}}
{{- if contains "olm" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-olm" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "olm.release" -}}
app.kubernetes.io/name: online-lesson-manager
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "olm.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "olm.name" -}}
{{ include "olm.fullname" .root }}-{{ .component }}
{{- end }}

{{- define "olm.selector" -}}
{{ include "olm.release" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "olm.labels" -}}
{{ include "olm.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "olm.image" -}}
image: {{ printf "%s/%s:%s" .root.Values.image.registry .component (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- end }}

{{/* Pods may do what Pod Security's "restricted" allows, and less. */}}
{{- define "olm.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "olm.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{- define "olm.placement" -}}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "olm.selector" . | nindent 8 }}
{{- end }}

{{/* New calls go elsewhere before SIGTERM; older clusters cannot wait without a shell. */}}
{{- define "olm.lifecycle" -}}
{{- if semverCompare ">=1.30.0-0" .root.Capabilities.KubeVersion.Version }}
lifecycle:
  preStop:
    sleep:
      seconds: 5
{{- end }}
{{- end }}

{{/* "" is liveness: it asks nobody, least of all the database. ready: the service's name. */}}
{{- define "olm.grpcProbes" -}}
startupProbe:
  grpc: {port: {{ .port }}, service: ""}
  periodSeconds: 2
  failureThreshold: 30
readinessProbe:
  grpc: {port: {{ .port }}, service: {{ .ready | quote }}}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  grpc: {port: {{ .port }}, service: ""}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}

{{/* What all four are told; prefix: LESSON … */}}
{{- define "olm.commonEnv" -}}
- {name: {{ .prefix }}_LISTEN, value: "0.0.0.0:{{ .port }}"}
- {name: {{ .prefix }}_METRICS_LISTEN, value: "0.0.0.0:{{ .metrics }}"}
- {name: {{ .prefix }}_ENVIRONMENT, value: {{ .root.Values.environment }}}
- {name: {{ .prefix }}_LOG_FORMAT, value: json}
{{- with .root.Values.log }}
- {name: {{ $.prefix }}_LOG, value: {{ . | quote }}}
{{- end }}
{{- with .root.Values.otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- with .extra }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* An environment variable that names a file of the mounted Secret: keys are read anew when it changes. */}}
{{- define "olm.secretFile" -}}
- {name: {{ .name }}_FILE, value: /run/secrets/olm/{{ .key }}}
{{- end }}

{{- define "olm.secretMount" -}}
- name: secret
  mountPath: /run/secrets/olm
  readOnly: true
{{- end }}

{{- define "olm.secretVolume" -}}
- name: secret
  secret:
    secretName: {{ .secret }}
    defaultMode: 0440
{{- end }}

{{- define "olm.lessonUrl" -}}
http://{{ include "olm.name" (dict "root" . "component" "lesson-svc") }}:50051
{{- end }}

{{- define "olm.notifyUrl" -}}
http://{{ include "olm.name" (dict "root" . "component" "notify-svc") }}:50052
{{- end }}
