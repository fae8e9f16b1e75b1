#!/usr/bin/env bash
# base-image.sh NAME FOLDER: an image like node:bookworm-slim for a machine that reaches no image registry. Needs root, debootstrap
# and buildah.
set -euo pipefail
name=${1:?usage: base-image.sh NAME FOLDER} root=${2:?}
"$(dirname "$0")/debian-root.sh" "$root"
container=$(buildah from scratch)
buildah add --quiet "$container" "$root" / >&2
ca=/etc/ssl/certs/ca-certificates.crt
buildah config --env "NODE_EXTRA_CA_CERTS=$ca" --env "SSL_CERT_FILE=$ca" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd node "$container"
buildah commit --quiet --rm "$container" "$name" >&2
