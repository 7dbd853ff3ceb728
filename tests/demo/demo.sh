#!/usr/bin/env bash
# Two nodes and a pod on each, in network namespaces of this machine: ping and iperf3 between the pods over vxlan, then
# what the agents made of it. All of it real: etcd, host-local, the kernel, the two native programs.
#   demo.sh [--keep]    --keep leaves it standing, and says how to look around and how to remove it
#   demo.sh --remove    removes what --keep left
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$root/artifacts/bin
work=${TMPDIR:-/tmp}/flannel-demo
network=10.244.0.0/16
nodes=(1 2)

bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
[[ -t 1 && -z ${NO_COLOR:-} ]] || bold='' dim='' green='' red='' plain=''

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
step() { printf '  %s %-58s' "$dim·$plain" "$1"; }
done_in() { printf '%s%s%s\n' "$green" "$1" "$plain"; }
fail() {
  printf '%s\n\n%sThe demo stopped: %s%s\n' '' "$red" "$1" "$plain" >&2
  for n in "${nodes[@]}"; do
    [[ -s $work/node$n/flanneld.log ]] && { echo "--- node $n, flanneld:"; tail -n 15 "$work/node$n/flanneld.log"; } >&2
  done
  exit 1
}

underlay_of() { echo "192.0.2.$1"; }
ns() { echo "flannel-demo-$1"; }

# All in place of the shell that calls it, so that $! is the program's own number.
exec_in_ns() { local name; name=$(ns "$1"); shift; exec nsenter --net="/run/netns/$name" "$@"; }
in_ns() { (exec_in_ns "$@"); }

# A command on a node: in its network namespace, with /run and /var/lib of its own.
exec_on_node() {
  local n=$1; shift
  # shellcheck disable=SC2016  # expanded inside
  exec_in_ns "node$n" unshare --mount --propagation private bash -c '
    home=$1; shift
    mkdir -p "$home"/{run/netns,lib}
    mount --rbind /run/netns "$home/run/netns"
    mount --rbind "$home/run" /run
    mount --bind "$home/lib" /var/lib
    exec "$@"' - "$work/node$n" "$@"
}
on_node() { (exec_on_node "$@"); }

remove() {
  local pid file
  for file in "$work"/*.pid "$work"/node*/*.pid; do
    [[ -f $file ]] || continue
    pid=$(<"$file")
    if kill "$pid" 2>/dev/null; then
      tail --pid="$pid" -f /dev/null
    fi
  done
  for n in "${nodes[@]}"; do
    ip netns del "$(ns "pod$n")" 2>/dev/null || true
    ip netns del "$(ns "node$n")" 2>/dev/null || true
  done
  ip netns del "$(ns switch)" 2>/dev/null || true
  rm -rf "$work"
}

make_underlay() {
  ip netns add "$(ns switch)"
  in_ns switch ip link add br0 type bridge
  in_ns switch ip addr add 192.0.2.254/24 dev br0
  in_ns switch ip link set br0 up
  in_ns switch ip link set lo up
  for n in "${nodes[@]}"; do
    ip netns add "$(ns "node$n")"
    ip netns add "$(ns "pod$n")"
    in_ns switch ip link add "port$n" type veth peer name eth0 netns "/run/netns/$(ns "node$n")"
    in_ns switch ip link set "port$n" master br0 up
    in_ns "node$n" ip link set lo up
    in_ns "node$n" ip addr add "$(underlay_of "$n")/24" dev eth0
    in_ns "node$n" ip link set eth0 up
    in_ns "node$n" ip route add default via 192.0.2.254
    mkdir -p "$work/node$n"
  done
}

start_etcd() {
  local url=http://192.0.2.254:2379
  exec_in_ns switch etcd --data-dir "$work/etcd" --listen-client-urls "$url" --advertise-client-urls "$url" \
    --listen-peer-urls http://127.0.0.1:0 >"$work/etcd.log" 2>&1 &
  echo $! >"$work/etcd.pid"
  for _ in {1..100}; do
    in_ns switch env ETCDCTL_API=3 etcdctl --endpoints "$url" --command-timeout=1s \
      put /coreos.com/network/config \
      "{\"Network\":\"$network\",\"Backend\":{\"Type\":\"vxlan\"}}" >/dev/null 2>&1 && return
    sleep 0.1
  done
  fail "etcd did not start: $(tail -n 3 "$work/etcd.log")"
}

start_agent() {
  local n=$1
  exec_on_node "$n" "$bin/flanneld" --etcd-endpoints=http://192.0.2.254:2379 --healthz-port=8081 \
    >"$work/node$n/flanneld.log" 2>&1 &
  echo $! >"$work/node$n/flanneld.pid"
}

await_agent() {
  local n=$1
  for _ in {1..150}; do
    grep -q '^FLANNEL_MTU' "$work/node$n/run/flannel/subnet.env" 2>/dev/null && return
    kill -0 "$(<"$work/node$n/flanneld.pid")" 2>/dev/null || fail "the agent of node $n ended"
    sleep 0.1
  done
  fail "the agent of node $n wrote no subnet.env"
}

# Prints the pod's address. What a container runtime does, by hand: variables, and the network's config on stdin.
attach_pod() {
  local n=$1 result
  result=$(on_node "$n" env CNI_COMMAND=ADD CNI_CONTAINERID="demo-pod-$n" CNI_NETNS="/run/netns/$(ns "pod$n")" \
    CNI_IFNAME=eth0 CNI_PATH="$bin:/usr/lib/cni" "$bin/flannel" <<'JSON'
{"cniVersion": "1.0.0", "name": "cbr0", "type": "flannel",
 "delegate": {"hairpinMode": true, "isDefaultGateway": true, "ipMasq": false}}
JSON
  ) || fail "the plugin on node $n: $result"
  in_ns "pod$n" ip -4 -o addr show dev eth0 | awk '{sub("/.*", "", $4); print $4}'
}

throughput() {
  local from=$1 address=$2 report
  report=$(in_ns "pod$from" iperf3 --client "$address" --time 3 --format g 2>&1) || fail "iperf3: $report"
  awk '/receiver/ {print $(NF-2), $(NF-1)}' <<<"$report"
}

describe_link() { sed -E 's/^[0-9]+: ([^:]+).* mtu ([0-9]+).*ether ([^ ]+).*/\1  mtu \2  \3/'; }

show_node() {
  local n=$1
  printf '\n%snode %s%s  %s   pods %s\n' "$bold" "$n" "$plain" "$(underlay_of "$n")" \
    "$(sed -n 's/^FLANNEL_SUBNET=//p' "$work/node$n/run/flannel/subnet.env")"
  printf '  %-11s %s\n' \
    device "$(in_ns "node$n" ip -o link show flannel.1 | describe_link)" \
    route "$(in_ns "node$n" ip route show dev flannel.1)" \
    neighbour "$(in_ns "node$n" ip neigh show dev flannel.1)" \
    fdb "$(in_ns "node$n" bridge fdb show dev flannel.1)"
}

show_leases() {
  title 'Leases in etcd'
  in_ns switch env ETCDCTL_API=3 etcdctl --endpoints http://192.0.2.254:2379 get --prefix /coreos.com/network/subnets/ |
    paste - - | while IFS=$'\t' read -r key value; do
      printf '  %-18s %s\n' "${key##*/}" "$value"
    done
}

keep() {
  title 'Left standing. Look around:'
  echo "  ip netns exec $(ns pod1) ping ${pod_address[2]}"
  echo "  ip netns exec $(ns node1) ip -d link show flannel.1"
  echo "  ip netns exec $(ns node1) ip link del flannel.1     # and watch it come back"
  echo "  tail -f $work/node1/flanneld.log"
  echo "  ip netns exec $(ns node1) curl -s http://127.0.0.1:8081/readyz"
  title 'Remove it:'
  echo "  $0 --remove"
}

[[ $(id -u) == 0 ]] || { echo 'The demo makes network namespaces: run it as root.' >&2; exit 1; }
mode=${1:-}
case $mode in
  --remove) remove; exit ;;
  --keep | '') ;;
  *) echo "unknown option $mode: --keep, --remove" >&2; exit 2 ;;
esac

finish() {
  [[ $? == 0 && $mode == --keep ]] || remove
}

remove
trap finish EXIT
mkdir -p "$work"
SECONDS=0

title 'Two nodes on one wire'
step 'namespaces: a switch, two nodes, two pods'
make_underlay
done_in ok
step 'etcd, with the network config'
start_etcd
done_in "$network, vxlan"
step 'flanneld on each node, until its lease is held'
for n in "${nodes[@]}"; do start_agent "$n"; done
for n in "${nodes[@]}"; do await_agent "$n"; done
done_in ok
declare -A pod_address
for n in "${nodes[@]}"; do
  step "pod $n attached by the plugin"
  pod_address[$n]=$(attach_pod "$n")
  done_in "${pod_address[$n]}"
done

title 'Packets'
for pair in '1 2' '2 1'; do
  read -r from to <<<"$pair"
  step "ping pod $from → pod $to"
  reply=$(in_ns "pod$from" ping -c 3 -i 0.2 -W 2 "${pod_address[$to]}") || fail "no answer: $reply"
  done_in "$(awk -F'[/ ]' '/^rtt/ {print $8 " ms"}' <<<"$reply")"
done
for n in "${nodes[@]}"; do
  in_ns "pod$n" iperf3 --server --daemon --pidfile "$work/node$n/iperf3.pid" >/dev/null
done
for pair in '1 2' '2 1'; do
  read -r from to <<<"$pair"
  step "iperf3 pod $from → pod $to, 3 s"
  done_in "$(throughput "$from" "${pod_address[$to]}")"
done

show_leases
title 'What the agents made of it'
for n in "${nodes[@]}"; do show_node "$n"; done
[[ $mode != --keep ]] || keep
printf '\n%sAll of it in %s s.%s\n' "$dim" "$SECONDS" "$plain"
