#!/bin/sh
# Runs inside the build of the image: gathers the programs, and of the base exactly what they load.
#   collect.sh install            the packages that are missing
#   collect.sh collect FOLDER     the image's file system
set -eu

packages="ca-certificates containernetworking-plugins iptables libssl3"

install_packages() {
  missing=
  for package in $packages; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
  done
  if [ -n "$missing" ]; then
    apt-get update
    # shellcheck disable=SC2086 # several
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
  fi
}

add() { # add FILE [AS]: with the libraries it names
  mkdir -p "$image$(dirname "${2:-$1}")"
  cp -L "$1" "$image${2:-$1}"
  # "libm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x...)", "/lib64/ld-linux-x86-64.so.2 (0x...)"
  { ldd "$1" 2>/dev/null || true; } | sed -nE 's|^(.* => )?[[:space:]]*(/[^ ]+) \(0x.*|\2|p' |
    while read -r library; do
      if [ ! -e "$image$library" ]; then
        mkdir -p "$image$(dirname "$library")"
        cp -L "$library" "$image$library"
      fi
    done
}

collect() {
  image=$1
  mkdir -p "$image"

  add /flanneld /opt/bin/flanneld
  # TLS loads these by name when it is first used.
  for library in libssl.so.3 libcrypto.so.3; do
    add "$(ldconfig -p | sed -nE "s/^[[:space:]]*$library .* => //p" | head -n 1)"
  done
  add /etc/ssl/certs/ca-certificates.crt
  echo 'hosts: files dns' >/nsswitch.conf
  add /nsswitch.conf /etc/nsswitch.conf

  # Installed on the node by `flanneld install-cni`; not where the node's own folder gets mounted.
  add /flannel /usr/lib/cni/flannel
  for plugin in host-local portmap loopback; do
    add /usr/lib/cni/$plugin
  done

  # Both variants, as the host's decides; with all their matches and targets, as they list everybody's rules.
  for variant in nft legacy; do
    add /usr/sbin/xtables-$variant-multi
    for name in iptables ip6tables; do
      for verb in "" -save -restore; do
        ln -s xtables-$variant-multi "$image/usr/sbin/$name-$variant$verb"
      done
    done
  done
  for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s xtables-nft-multi "$image/usr/sbin/$name"
  done
  for extension in /usr/lib/*-linux-gnu/xtables/lib[ix][pt]*.so; do
    add "$extension"
  done

  # Folders that the node's are mounted on.
  mkdir -p "$image/etc/cni/net.d" "$image/etc/kube-flannel" "$image/opt/cni/bin" "$image/run/flannel" \
    "$image/var/lib/flannel" "$image/proc" "$image/sys" "$image/dev" "$image/tmp"
}

case $1 in
  install) install_packages ;;
  collect) collect "$2" ;;
esac
