#!/usr/bin/env bash
# Installs what a make target needs and this machine lacks: by apt where that is
# possible (Debian or Ubuntu, as root), else it says exactly what to install.
#
#   scripts/install-deps.sh run|test|bench
set -euo pipefail

# "program:package", or "=package" for one that has no program of its own.
case "${1:-}" in
run)   wants=(ffmpeg:ffmpeg) ;;
test)  wants=(ffmpeg:ffmpeg ffprobe:ffmpeg chromium:chromium gst-launch-1.0:gstreamer1.0-tools gcc:gcc certutil:libnss3-tools pebble:pebble rtmpdump:rtmpdump pgrep:procps
              nginx:nginx =libnginx-mod-rtmp =libnginx-mod-http-js varnishd:varnish caddy:caddy
              =gstreamer1.0-plugins-good =gstreamer1.0-plugins-bad =gstreamer1.0-plugins-ugly =libc6-dev =fonts-dejavu-core) ;;
bench) wants=(ffmpeg:ffmpeg chromium:chromium wrk:wrk nginx:nginx =libnginx-mod-rtmp =libnginx-mod-stream) ;;
*)     echo "usage: $0 run|test|bench" >&2; exit 2 ;;
esac
optional=$([ "$1" = run ] && echo yes || echo no)

for tool in go; do
	command -v "$tool" >/dev/null || { echo "$tool is missing: see https://go.dev/doc/install" >&2; exit 1; }
done
if [ "$1" != run ] && ! command -v npm >/dev/null; then
	echo "npm is missing: install Node.js 20 or later" >&2
	exit 1
fi

has() { # PROGRAM:PACKAGE or =PACKAGE
	case "$1" in
	=*) ! command -v dpkg-query >/dev/null || [ "$(dpkg-query -W -f '${Status}' "${1#=}" 2>/dev/null)" = "install ok installed" ] ;;
	*)  command -v "${1%%:*}" >/dev/null || [ -x "/usr/sbin/${1%%:*}" ] ;;
	esac
}

missing=()
for want in "${wants[@]}"; do
	has "$want" || missing+=("$(sed 's/^.*[:=]//' <<<"$want")")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
	echo "installing: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	# As it comes with a fresh image, the list of packages is empty or old.
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
	exit 0
fi

if command -v apt-get >/dev/null; then
	echo "missing; install with:" >&2
	echo "  sudo apt-get install ${missing[*]}" >&2
else
	echo "missing; install what your system calls these Debian packages: ${missing[*]}" >&2
fi
# The gateway runs without ffmpeg, but offers no ladder then; the demo doesn't run.
[ "$optional" = yes ] && exit 0
exit 1
