#!/usr/bin/env bash
# Writes what Kustomize makes of base and overlays to where it is kept: after a change of either.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
readonly golden=../tests/FlannelCni.IntegrationTests/Manifests/Golden

kubectl kustomize base >kube-flannel.yml
for overlay in overlays/*/; do
  kubectl kustomize "$overlay" >"$golden/$(basename "$overlay").yml"
done
