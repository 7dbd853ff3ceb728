#!/usr/bin/env bash
# Builds the image as a machine can that pulls nothing: from a Debian base made by debootstrap, with a Docker daemon of
# its own that lives in namespaces of its own and ends with this script. As root.
#   make.sh CONTEXT WORK NAME     CONTEXT has the Dockerfile, flannel and flanneld; the image goes to WORK/flanneld.tar
set -euo pipefail

readonly suite=bookworm
readonly packages=ca-certificates,containernetworking-plugins,iptables,libssl3

make_base() { # make_base TAR
  local tree
  if [[ -s $1 ]]; then
    return
  fi
  tree=$(mktemp -d)
  # Its mounts end with its mount namespace, and with its process namespace all that it started.
  unshare --mount --pid --fork --kill-child --mount-proc \
    debootstrap --variant=minbase --include="$packages" "$suite" "$tree"
  tar --create --numeric-owner --directory "$tree" --exclude './var/cache/apt/archives/*.deb' --file "$1.new" .
  rm -rf "$tree"
  mv "$1.new" "$1"
}

# The first process of a namespace of processes: with it dockerd, containerd and everything else ends.
build() { # build CONTEXT WORK NAME
  local context=$1 work=$2 name=$3 run base
  run=$(mktemp -d)    # short: a socket's path has 107 characters at most
  base=flanneld-base:$(sha256sum "$work/base.tar" | head -c 16)
  export DOCKER_HOST=unix://$run/docker.sock DOCKER_CONFIG=$run DOCKER_BUILDKIT=0
  dockerd --host "$DOCKER_HOST" --data-root "$work/docker" --exec-root "$run/exec" --pidfile "$run/pid" \
    --iptables=false --ip6tables=false --bridge=none \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$cgroup" &
  until "$docker" version; do
    kill -0 $! || exit 1
    sleep 0.1
  done

  if ! "$docker" image inspect "$base"; then
    "$docker" import "$work/base.tar" "$base"
  fi
  "$docker" build --force-rm --network none --build-arg BASE="$base" --tag "$name" "$context"
  "$docker" save --output "$work/flanneld.tar.new" "$name"
  "$docker" image inspect --format '{{.Size}}' "$name" >"$work/size"
  "$docker" image prune --force
  mv "$work/flanneld.tar.new" "$work/flanneld.tar"
  kill "$(cat "$run/pid")"
  wait
  rm -rf "$run"
}

remove_cgroups() {
  find /sys/fs/cgroup -depth -type d -path "/sys/fs/cgroup*/${cgroup#/}*" -exec rmdir {} + || true
}

# A client as old as the daemon, for another may refuse to talk to it.
docker=/usr/bin/docker
if [[ ${1:-} == --inside ]]; then
  cgroup=$2
  build "${@:3}"
else
  mkdir -p "$2"
  exec 9>"$2/lock"
  flock 9
  make_base "$2/base.tar"
  cgroup=/flanneld-image-$$
  trap remove_cgroups EXIT
  # A network namespace, too: nothing that dockerd does there is seen here.
  timeout --kill-after=10 600 unshare --mount --net --pid --fork --kill-child --mount-proc \
    "${BASH_SOURCE[0]}" --inside "$cgroup" "$1" "$2" "$3" 9>&-
fi
