#!/bin/bash
# Asks the gateway in this container whether it serves. bash speaks TCP by
# itself, so the image needs no HTTP client.
#
#   healthcheck.sh [PORT]
set -eu
port=${1:-${SLUICE_HTTP_ADDR:-:8080}}
exec 3<>"/dev/tcp/127.0.0.1/${port##*:}"
printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]
