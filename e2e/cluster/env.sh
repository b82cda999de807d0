# Settings and functions shared by the scripts of this folder. To be sourced.

# Versions. coredns v1.14.7 requires the same client-go as Kubernetes 1.35.4.
KUBE_VERSION=1.35.4
COREDNS_VERSION=1.14.7

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Where built binaries are kept, keyed by version and by the module's content.
CACHE=${E2E_CACHE:-$HOME/.cache/quorate-e2e}
# Everything that a running cluster writes: certificates, etcd, logs, node state,
# volumes. Keep the path short: it holds Unix sockets (108 characters at most).
STATE=${E2E_STATE:-/tmp/quorate-e2e}

NODES=${E2E_NODES:-3}

# Networks. All of them exist only on this machine: a bridge in the root network
# namespace and one network namespace per node. None is routed to the outside.
BRIDGE=kbr0
LAN=172.29.0          # nodes: $LAN.11, $LAN.12, ...; the host is $LAN.1
POD_NET=172.28        # pods of node N: $POD_NET.N.0/24
POD_CIDR=$POD_NET.0.0/16
SVC_CIDR=172.27.0.0/20
SVC_KUBERNETES=172.27.0.1
HOST_IP=$LAN.1
API=https://$HOST_IP:6443

log() { printf '%(%H:%M:%S)T %s\n' -1 "$*" >&2; }

# A process's start time tells it from a later one with the same pid. Nothing is
# printed of a zombie: here the first process may be slow to reap.
started() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" {print $20}'; }
# alive NAME: whether the process that `up` started under that name runs; sets pid
alive() {
	local start
	read -r pid start 2>/dev/null <"$STATE/pid/$1" && [ -n "$start" ] && [ "$(started "$pid")" = "$start" ]
}
