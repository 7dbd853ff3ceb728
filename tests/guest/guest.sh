#!/usr/bin/env bash
# A small virtual machine with Debian's own kernel, for what this machine's kernel cannot do or does otherwise. Its root
# is this machine's, over 9p and under an overlay: all that is installed here is there, and nothing written there stays.
set -euo pipefail

usage() {
  cat <<'END'
usage: guest.sh prepare CACHE                        fetch the kernel, if it is not there yet
       guest.sh run CACHE SHARED SECONDS COMMAND     boot, run a shell's COMMAND as root, power off

CACHE    a folder for the kernel (400 MB); several at once may use it
SHARED   a folder of the host that the guest writes to, as /mnt; console.log in it is what the kernel said
run ends with COMMAND's status; 124: the guest was ended after SECONDS; 125: it did not get so far.
END
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# What the guest's root needs. All else is loaded from /lib/modules on demand.
readonly boot_modules=(virtio_pci 9pnet_virtio 9p overlay)

main() {
  case ${1:-} in
    prepare) prepare "$2" ;;
    run) run "${@:2}" ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

fetch() { # the package that linux-image-amd64 stands for today, unpacked and not installed
  local package
  package=$(apt-cache depends linux-image-amd64 | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
  if [[ -z $package ]]; then
    echo "guest.sh: apt knows no kernel for linux-image-amd64" >&2
    return 1
  fi
  apt-get -o APT::Sandbox::User=root download "$package" && dpkg-deb -x ./*.deb kernel && rm ./*.deb
}

prepare() ( # made aside and renamed, so that another run finds all of it or nothing
  mkdir -p "$1"
  cd "$1"
  exec 9>lock
  flock 9
  [[ ! -e current/initramfs ]] || return 0

  temporary=$(mktemp -d ./new.XXXXXX)
  trap 'rm -rf "$temporary"' EXIT
  cd "$temporary"
  # Apt's lists may be missing, or older than what the archive has.
  fetch || { apt-get update && fetch; }
  version=$(basename kernel/lib/modules/*)
  depmod -b kernel "$version"
  mv "kernel/boot/vmlinuz-$version" vmlinuz
  initramfs "$version"
  cd ..
  rm -rf current
  mv "$temporary" current
)

initramfs() { # initramfs VERSION: what boots, to the root
  local module
  mkdir -p image/bin image/modules
  cp /bin/busybox image/bin/
  install -m 755 "$here/init" image/init
  for module in "${boot_modules[@]}"; do
    modprobe --show-depends -d kernel -S "$1" "$module"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >order
  while IFS= read -r module; do
    cp "$module" image/modules/
    basename "$module"
  done <order >image/modules/order
  (cd image && find . | cpio --quiet -o -H newc) | gzip -1 >initramfs
  rm -rf image order
}

run() {
  local cache shared seconds=$3 command=$4 status=0
  cache=$(realpath "$1") shared=$(realpath "$2")
  printf '%s\n' "$command" >"$shared/command"
  rm -f "$shared/status"

  # No acceleration: it is not to be had everywhere, and where it seems to be it may hang.
  timeout --kill-after=5 "$seconds" qemu-system-x86_64 \
    -nodefaults -no-user-config -no-reboot -display none -serial "file:$shared/console.log" \
    -machine q35,accel=tcg -cpu max -smp 2 -m 2048 \
    -kernel "$cache/current/vmlinuz" -initrd "$cache/current/initramfs" \
    -append "console=ttyS0 panic=-1 oops=panic quiet random.trust_cpu=on mitigations=off" \
    -virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
    -virtfs "local,path=${cache//,/,,}/current/kernel/lib/modules,mount_tag=modules,security_model=none,readonly=on" \
    -virtfs "local,path=${shared//,/,,},mount_tag=shared,security_model=none" \
    </dev/null &
  # shellcheck disable=SC2064 # this one
  trap "kill $! 2>/dev/null" EXIT
  wait $! || status=$?
  trap - EXIT
  if ((status == 124 || status == 137)); then
    return 124
  fi
  if ((status != 0)) || [[ ! -e $shared/status ]]; then
    return 125
  fi
  return "$(<"$shared/status")"
}

main "$@"
