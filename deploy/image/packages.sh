#!/bin/sh
# Run once while the image is built: what a build argument asked for, each from its maker's own Debian repository.
#   NGROK=1 TAILSCALE=1 CLOUDFLARED=1 DEBIAN_PACKAGES="ffmpeg jq"
set -eu

is_on() { [ -n "${1:-}" ] && [ "$1" != 0 ]; }

# repository NAME KEY-URL LINE: from then on apt trusts this key for this line, and for no other.
repository() {
  wanted curl
  curl -fsSL "$2" -o "/usr/share/keyrings/$1"
  echo "deb [signed-by=/usr/share/keyrings/$1] $3" >"/etc/apt/sources.list.d/$1.list"
}

wanted() {
  command -v "$1" >/dev/null && return
  apt-get install -y --no-install-recommends "$1"
  only_now="${only_now:-} $1"
}

packages=${DEBIAN_PACKAGES:-}
only_now=
apt-get update
if is_on "${NGROK:-}"; then
  repository ngrok.asc https://ngrok-agent.s3.amazonaws.com/ngrok.asc \
    "https://ngrok-agent.s3.amazonaws.com bookworm main"
  packages="$packages ngrok"
fi
if is_on "${TAILSCALE:-}"; then
  repository tailscale.gpg https://pkgs.tailscale.com/stable/debian/bookworm.noarmor.gpg \
    "https://pkgs.tailscale.com/stable/debian bookworm main"
  packages="$packages tailscale"
fi
if is_on "${CLOUDFLARED:-}"; then
  repository cloudflared.gpg https://pkg.cloudflare.com/cloudflare-main.gpg \
    "https://pkg.cloudflare.com/cloudflared any main"
  packages="$packages cloudflared"
fi
# Words of their own, each a package.
# shellcheck disable=SC2086
set -- $packages
if [ $# -gt 0 ]; then
  apt-get update
  apt-get install -y --no-install-recommends "$@"
fi
# shellcheck disable=SC2086
[ -z "$only_now" ] || apt-get purge -y --autoremove $only_now
rm -rf /var/lib/apt/lists/* /var/cache/apt/*
