#!/usr/bin/env bash
# The one entry to this repository, for people and for CI: see usage.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly root=$PWD
readonly artifacts=$root/artifacts
readonly logs=$artifacts/logs
readonly native=$artifacts/native
readonly bin=$artifacts/bin # the two executables; bin/PROJECT/release is the SDK's

# What the tests and the demo run for real, and what NativeAOT links with.
readonly packages=(
  binutils busybox-static ca-certificates conntrack containerd containernetworking-plugins cpio debootstrap docker.io
  etcd-client etcd-server file gcc iperf3 iproute2 iptables iputils-ping jq kmod libc6-dev nftables qemu-system-x86 runc
  shellcheck strace tcpdump util-linux zlib1g-dev
)

# While this file says 101, installing a package starts no service.
readonly policy=/usr/sbin/policy-rc.d

# Bytes that a published executable may have.
declare -Ar budgets=([flannel]=4000000 [flanneld]=13000000)
readonly image_budget=36000000

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en
# No build node outlives its build; on a CI machine the compiler's server does not either.
export MSBUILDDISABLENODEREUSE=1
if [[ -n ${CI:-} ]]; then
  export UseSharedCompilation=false
fi

usage() {
  cat <<'END'
usage: ./build.sh VERB

  setup                            install what tests and demo need (Debian packages, as root), restore NuGet packages
  build                            publish artifacts/bin/flannel and artifacts/bin/flanneld for this machine
  image [BASE]                     artifacts/image/flanneld.tar, from a Debian base made here, as root; or by the Docker
                                   daemon of this machine from BASE, such as debian:bookworm-slim
  test                             all of: lint, gates on the published executables, unit, integration, e2e, guest
  test unit|integration|e2e [...]  one test project; options go to its runner, e.g. --filter-class '*VxlanTests'
  test guest                       those tests that are marked for it, in a virtual machine with Debian's own kernel
  lint                             format and style of C# and shell
  demo                             a cluster of three nodes on this machine, as root
  bench NAME                       one benchmark
  clean                            remove artifacts/
  help                             this text

Logs are in artifacts/logs.
END
}

main() {
  local verb=${1:-help}
  shift || true
  case $verb in
    setup) setup ;;
    build) build ;;
    image) image "$@" ;;
    test) run_tests "$@" ;;
    lint) lint ;;
    demo) demo "$@" ;;
    bench) bench "$@" ;;
    clean) rm -rf "$artifacts" ;;
    help | -h | --help) usage ;;
    *)
      usage >&2
      exit 2
      ;;
  esac
}

say() { # a line of progress: seconds since the start, what is done
  printf '[%4d s] %s\n' "$SECONDS" "$*"
}

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

run() { # run NAME COMMAND...: its output goes to a log, whose end is shown if it fails
  local log=$logs/$1.log
  shift
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    fail "failed: $* (whole log: ${log#"$root"/})"
  fi
}

dotnet_run() { # dotnet_run NAME ARGUMENTS...: one dotnet at a time in this checkout
  local name=$1
  shift
  run "$name" flock --close "$artifacts/.lock" dotnet "$@"
}

# --- setup

setup() {
  install_packages
  restore
}

install_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null; then
    say "setup: not a Debian system; these packages' programs are needed: ${packages[*]}"
    return
  fi
  for package in "${packages[@]}"; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
      missing+=("$package")
    fi
  done
  if ((${#missing[@]} == 0)); then
    return
  fi

  say "setup: installing ${missing[*]}"
  mkdir -p "$logs"
  if ((EUID != 0)); then
    fail "not root; install them with: sudo apt-get install ${missing[*]}"
  fi
  # A package may start its service (etcd-server does); the tests start their own.
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  run apt-update apt-get update
  run apt-install env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${missing[@]}"
  if [[ -n $(trap -p EXIT) ]]; then
    rm -f "$policy"
    trap - EXIT
  fi
}

require_dotnet() { # sets sdk and rid
  if ! sdk=$(dotnet --version 2>/dev/null) || [[ $sdk != 10.* ]]; then
    fail "the .NET 10 SDK is missing (dotnet --version said '${sdk:-nothing}'):" \
      "install the package dotnet-sdk-10.0, or see https://learn.microsoft.com/dotnet/core/install/linux"
  fi
  case $(uname -m) in
    x86_64) rid=linux-x64 ;;
    aarch64) rid=linux-arm64 ;;
    *) fail "no NativeAOT for $(uname -m)" ;;
  esac
  mkdir -p "$logs"
}

restore() {
  require_dotnet
  say "restore"
  dotnet_run restore restore FlannelCni.sln
}

# --- build

build() {
  require_dotnet
  local stamp
  framework=$(cat "$native/framework-$sdk" 2>/dev/null || true)
  if [[ -z $framework ]]; then
    choose_framework
  fi

  stamp="$sdk $framework $(find shared cni-plugin agent ./*.props global.json .editorconfig BannedSymbols.txt \
    -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)"
  if [[ -x $bin/flannel && -x $bin/flanneld && $(cat "$native/stamp" 2>/dev/null) == "$stamp" ]]; then
    say "build: flannel and flanneld are up to date ($framework)"
    return
  fi
  publish cni-plugin FlannelCni.Plugin flannel
  publish agent FlannelCni.Agent flanneld
  echo "$stamp" >"$native/stamp"
}

# NativeAOT's runtime pack for net10.0 is not to be had everywhere; net9.0's is. See docs/decisions/0002.
choose_framework() { # sets framework
  framework=net10.0
  say "build: is NativeAOT's runtime pack for $framework to be had?"
  local log=$logs/probe.log
  if ! native_dotnet restore agent >"$log" 2>&1; then
    grep -qE 'NU110[1-3]:.*(NativeAOT|ILCompiler)' "$log" || {
      tail -n 40 "$log" >&2
      fail "restore of agent failed (whole log: ${log#"$root"/})"
    }
    framework=net9.0
    say "build: no, so the executables are published as $framework"
  fi
  mkdir -p "$native"
  echo "$framework" >"$native/framework-$sdk"
}

native_dotnet() { # native_dotnet VERB FOLDER: with folders of its own, so that it and `dotnet build` never meet
  flock --close "$artifacts/.lock" dotnet "$1" "$2" -r "$rid" \
    -p:FlannelNative=true -p:FlannelTargetFramework="$framework" -p:ArtifactsPath="$native/$framework" "${@:3}"
}

publish() { # publish FOLDER PROJECT EXECUTABLE
  say "build: $3 ($framework, $rid)"
  run "publish-$3" native_dotnet publish "$1" -c Release
  install -D -m 755 "$native/$framework/publish/$2/release_$rid/$3" "$bin/$3"
}

# --- image

image() { # image [BASE]
  local folder=$artifacts/image base=${1:-} context name stamp size
  context=$folder/context
  name=localhost/flanneld:$(sed -nE 's|.*<VersionPrefix>(.*)</VersionPrefix>.*|\1|p' Directory.Build.props)
  build
  install -D -m 755 -t "$context" "$bin/flannel" "$bin/flanneld" manifests/image/collect.sh
  install -m 644 manifests/image/Dockerfile "$context"

  stamp="$name $base $(cat manifests/image/make.sh "$context"/* | sha256sum)"
  if [[ -s $folder/flanneld.tar && $(cat "$folder/stamp" 2>/dev/null) == "$stamp" ]]; then
    say "image: $name is up to date"
  elif [[ -n $base ]]; then
    say "image: $name from $base"
    run image docker build --build-arg BASE="$base" --tag "$name" "$context"
    docker save --output "$folder/flanneld.tar" "$name"
    docker image inspect --format '{{.Size}}' "$name" >"$folder/size"
  else
    install_packages
    ((EUID == 0)) || fail "a base of its own needs root; or name one: ./build.sh image debian:bookworm-slim"
    say "image: $name"
    run image manifests/image/make.sh "$context" "$folder" "$name"
  fi
  echo "$stamp" >"$folder/stamp"

  size=$(cat "$folder/size")
  say "image: the image has $size bytes of $image_budget"
  ((size <= image_budget)) || fail "the image is larger than its budget"
}

# --- lint

lint() {
  restore
  say "lint: shell"
  local scripts=()
  mapfile -t scripts < <(own_files '*.sh' '.ci/*')
  bash -n "${scripts[@]}"
  if command -v shellcheck >/dev/null; then
    shellcheck "${scripts[@]}"
  fi

  say "lint: 120 columns"
  if own_files '*.cs' '*.sh' '.ci/*' | LC_ALL=C.UTF-8 xargs -d '\n' grep -nE '^.{121}'; then
    fail "longer than 120 columns"
  fi

  say "lint: dotnet format"
  dotnet_run format-whitespace format whitespace --folder --verify-no-changes --exclude "$artifacts"
  dotnet_run format-style format style FlannelCni.sln --no-restore --verify-no-changes
}

own_files() { # those of the repository, and new ones
  git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r path; do
    [[ ! -e $path ]] || printf '%s\n' "$path"
  done
}

# --- test

passed=0 failed=0 skipped=0

# Which have tests that are marked for the guest: see tests/FlannelCni.TestKit/KernelTrait.cs.
readonly guest_kinds=(integration e2e)

run_tests() {
  local kind
  case ${1:-all} in
    all)
      install_packages
      lint
      build
      gates
      image
      say "test: building all projects"
      dotnet_run build build FlannelCni.sln -c Release --no-restore
      run_project unit
      run_project integration
      run_project e2e
      run_guest
      ;;
    guest)
      install_packages
      build
      for kind in "${guest_kinds[@]}"; do
        say "test: building $kind"
        dotnet_run build build "tests/$(project_of "$kind")" -c Release
      done
      run_guest
      ;;
    unit | integration | e2e)
      if [[ $1 == e2e ]]; then
        image
      fi
      require_dotnet
      say "test: building $1"
      dotnet_run build build "tests/$(project_of "$1")" -c Release
      run_project "$@"
      ;;
    *)
      usage >&2
      exit 2
      ;;
  esac

  local summary="$passed passed, $failed failed"
  if ((skipped > 0)); then
    summary+=", $skipped skipped"
  fi
  say "done"
  echo "$summary"
  ((failed == 0))
}

gates() { # what a published executable must be
  say "gates: size and linkage"
  local name size
  for name in "${!budgets[@]}"; do
    size=$(stat -c %s "$bin/$name")
    say "gates: $name has $size bytes of ${budgets[$name]}"
    ((size <= budgets[$name])) || fail "$name is larger than its budget"
  done
  if ! LC_ALL=C readelf --dynamic "$bin/flannel" | grep -q 'no dynamic section'; then
    fail "flannel is not statically linked"
  fi
}

project_of() {
  case $1 in
    unit) echo FlannelCni.UnitTests ;;
    integration) echo FlannelCni.IntegrationTests ;;
    e2e) echo FlannelCni.EndToEndTests ;;
  esac
}

readonly guest_seconds=600 # after which the guest counts as hung

seconds_for() { # after which a test project counts as hung
  case $1 in
    unit) echo 120 ;;
    integration) echo 600 ;;
    e2e) echo 1800 ;;
  esac
}

readonly runner_options=(--no-ansi --no-progress --output Detailed)

without_passed() {
  sed --unbuffered -E '/^passed |^ +at (System|Xunit)\./d'
}

run_project() { # run_project KIND [RUNNER OPTIONS]: shows all but what passed, adds to the counts
  local kind=$1 project limit log runner status=0
  shift
  project=$(project_of "$kind")
  limit=$(seconds_for "$kind")
  log=$logs/test-$kind.log
  say "test: $kind"

  # Its output goes to a file, not a pipe: a process that a test left behind would keep a pipe open for ever.
  : >"$log"
  timeout --kill-after=10 "$limit" "$bin/$project/release/$project" \
    "${runner_options[@]}" --filter-not-trait Kernel=guest "$@" >"$log" 2>&1 </dev/null &
  runner=$!
  # shellcheck disable=SC2064 # this runner
  trap "kill -- -$runner 2>/dev/null" EXIT
  tail --lines=+1 --follow --sleep-interval=0.2 --pid="$runner" "$log" | without_passed
  wait "$runner" || status=$?
  if kill -- "-$runner" 2>/dev/null; then # timeout leads a process group of its own
    say "test: $kind left processes behind; ended them"
  fi
  trap - EXIT
  count "$kind" "$log" "$status" "$limit"
}

run_guest() {
  local guest=tests/guest/guest.sh shared kind log status=0 runner_status
  if [[ $(uname -m) != x86_64 ]] || ! command -v apt-get >/dev/null; then
    say "test: no guest: its kernel is Debian's, for x86_64"
    return
  fi
  say "test: guest"
  run guest-kernel "$guest" prepare "$artifacts/guest"
  mkdir -p "$artifacts/guest"
  shared=$(mktemp -d "$artifacts/guest/run.XXXXXX")
  "$guest" run "$artifacts/guest" "$shared" "$guest_seconds" "$(guest_command)" 2>"$shared/qemu.log" || status=$?
  cat "$shared/qemu.log" "$shared/console.log" >"$logs/guest-console.log"

  for kind in "${guest_kinds[@]}"; do
    log=$logs/test-guest-$kind.log
    cat "$shared/$kind.log" >"$log" 2>/dev/null || : >"$log"
    without_passed <"$log"
    runner_status=$(cat "$shared/$kind.status" 2>/dev/null || echo "$status")
    count "guest-$kind" "$log" "$runner_status" "$guest_seconds"
  done
  rm -rf "$shared"
  if ((status != 0)); then
    say "test: guest: what its kernel said last (whole log: artifacts/logs/guest-console.log):"
    tail -n 40 "$logs/guest-console.log"
  fi
}

guest_command() { # runs in the guest, where this checkout has the path it has here
  local kind project
  cat <<'END'
export CI=1 FLANNEL_GUEST=1 DOTNET_TieredPGO=0 TESTINGPLATFORM_TELEMETRY_OPTOUT=1
cd /
failures=0
END
  for kind in "${guest_kinds[@]}"; do
    project=$(project_of "$kind")
    printf '%q ' "$bin/$project/release/$project" "${runner_options[@]}" --filter-trait Kernel=guest Kernel=both
    echo ">/mnt/$kind.log 2>&1; status=\$?; echo \$status >/mnt/$kind.status; failures=\$((failures | status))"
  done
  echo "exit \$((failures != 0))"
}

count() { # count KIND LOG STATUS SECONDS
  local kind=$1 log=$2 status=$3 p f s
  if grep -q '^Test run summary:' "$log"; then
    p=$(number succeeded "$log") f=$(number failed "$log") s=$(number skipped "$log")
    if ((status != 0 && f == 0 && !(status == 8 && s > 0))); then # 8: none ran, which skipping them all is, too
      say "test: $kind counted no failure but ended with $status"
      f=1
    fi
  else
    p=$(grep -c '^passed ' "$log") || true
    f=$(grep -c '^failed ' "$log") || true
    s=$(grep -c '^skipped ' "$log") || true
    f=$((f + 1))
    if ((status == 124 || status == 137)); then
      say "test: $kind was ended after $4 s; still running then:"
      grep '^\[Long Running Test\]' "$log" | sed 's/, Elapsed:.*//' | sort | uniq || true
    else
      say "test: $kind died with $status before its summary"
    fi
  fi
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

number() { # number WORD LOG: of the runner's summary
  awk -v word="$1:" '
    /^Test run summary:/ { in_summary = 1 }
    in_summary && $1 == word { n = $2 }
    END { print n + 0 }' "$2"
}

# --- demo, bench

demo() {
  [[ -x tests/demo/demo.sh ]] || fail "there is no tests/demo/demo.sh"
  install_packages
  build
  exec tests/demo/demo.sh "$@"
}

bench() {
  (($# > 0)) || fail "which benchmark? ./build.sh bench NAME"
  install_packages
  build
  dotnet_run build-bench build tests/FlannelCni.Benchmarks -c Release
  exec "$bin/FlannelCni.Benchmarks/release/FlannelCni.Benchmarks" "$@"
}

main "$@"
