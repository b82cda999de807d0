{{- define "quorate.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "quorate.operator" -}}
{{ include "quorate.fullname" . }}-operator
{{- end -}}

{{- define "quorate.selector" -}}
app.kubernetes.io/name: quorate-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "quorate.metaLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: quorate
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "quorate.labels" -}}
{{ include "quorate.selector" . }}
{{ include "quorate.metaLabels" . }}
{{- end -}}

{{- define "quorate.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "quorate.operator" .) }}
{{- else -}}
{{ required "serviceAccount.name must name an existing account when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- /* Of a dict with repository, tag, digest and global: a digest says everything that a tag could,
and the registry that all charts share stands for the one that the repository names. */ -}}
{{- define "quorate.reference" -}}
{{- $repository := .repository -}}
{{- with (.global).imageRegistry -}}
{{- $parts := splitList "/" $repository -}}
{{- if and (gt (len $parts) 1) (regexMatch "[.:]|^localhost$" (first $parts)) -}}
{{- $parts = rest $parts -}}
{{- end -}}
{{- $repository = printf "%s/%s" (trimSuffix "/" .) (join "/" $parts) -}}
{{- end -}}
{{- if .digest -}}
{{ $repository }}@{{ .digest }}
{{- else -}}
{{ $repository }}:{{ .tag }}
{{- end -}}
{{- end -}}

{{- define "quorate.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- include "quorate.reference" (dict "repository" .Values.image.repository "tag" $tag "digest" .Values.image.digest "global" .Values.global) -}}
{{- end -}}

{{- define "quorate.nodeImage" -}}
{{- $image := .Values.image -}}
{{- $node := .Values.nodeImage -}}
{{- /* A digest belongs to one repository, and a tag asked for is not to lose against it. */ -}}
{{- $digest := $node.digest -}}
{{- if not (or $node.digest $node.tag $node.repository) -}}
{{- $digest = $image.digest -}}
{{- end -}}
{{- $repository := $node.repository | default $image.repository -}}
{{- $tag := $node.tag | default $image.tag | default .Chart.AppVersion -}}
{{- include "quorate.reference" (dict "repository" $repository "tag" $tag "digest" $digest "global" .Values.global) -}}
{{- end -}}

{{- /* Of a dict with secrets, a list of {name: NAME}, and global: the names, with commas between. */ -}}
{{- define "quorate.secretNames" -}}
{{- $names := list -}}
{{- range concat .secrets ((.global).imagePullSecrets | default list) -}}
{{- $names = append $names (kindIs "string" . | ternary . (get (kindIs "map" . | ternary . dict) "name")) -}}
{{- end -}}
{{- $names | uniq | join "," -}}
{{- end -}}

{{- /* The secrets of the operator's pods, as these list them. */ -}}
{{- define "quorate.pullSecrets" -}}
{{- with include "quorate.secretNames" (dict "secrets" .Values.imagePullSecrets "global" .Values.global) -}}
imagePullSecrets:
{{- range splitList "," . }}
  - name: {{ . }}
{{- end }}
{{- end -}}
{{- end -}}

{{- /* What the operator may do to ensembles and their parts, wherever it watches. */ -}}
{{- define "quorate.rules" -}}
- apiGroups: [quorate.dev]
  resources: [coordinationensembles]
  verbs: [get, list, watch]
- apiGroups: [quorate.dev]
  resources: [coordinationensembles/status]
  verbs: [get, patch, update]
# To name an ensemble as the owner that its parts wait for. Clusters that check this
# (OwnerReferencesPermissionEnforcement) ask for it by this name; there is nothing else to it.
- apiGroups: [quorate.dev]
  resources: [coordinationensembles/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  # To patch: whose turn it is to be restarted is an annotation of that pod.
  verbs: [get, list, watch, patch, delete]
# Members that serve are evicted, so that their disruption budget is asked.
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
- apiGroups: [""]
  resources: [services, serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
# By name only: the operator never looks for secrets.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, create, patch]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  # To patch: whose they are, and with whom they go. To delete: those of members that left for good.
  verbs: [get, list, watch, patch, delete]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Why Kubernetes does not make or start a pod, for the resource's conditions.
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end -}}
