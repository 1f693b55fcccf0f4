#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (default 30s, or executions: 1000000x)
# each, one after the other, and ends with an error if one of them found something, or
# didn't come to its end within FUZZLIMIT (default 1h).
#
#   scripts/fuzz.sh [PACKAGE…]
set -euo pipefail

time=${FUZZTIME:-30s}
limit=${FUZZLIMIT:-1h}
# Making an input that brings something new shorter takes a minute by default, during
# which little else is tried.
flags=(-fuzztime "$time" -fuzzminimizetime 2000x)
[ -z "${FUZZPARALLEL:-}" ] || flags+=(-parallel "$FUZZPARALLEL")

failed=()
packages=$(go list "${@:-./...}")
for package in $packages; do
	# go test -list prints the targets, and then a line about the package. What doesn't
	# compile ends this here.
	targets=$(go test -list '^Fuzz' "$package")
	for target in $(grep '^Fuzz' <<<"$targets" || true); do
		echo "== $package $target ($time)"
		status=0
		timeout --signal=INT --kill-after=30s "$limit" \
			go test -run '^$' -fuzz "^$target\$" "${flags[@]}" "$package" || status=$?
		case $status in
		0) ;;
		124 | 137) failed+=("$package $target: not done after $limit") ;;
		*) failed+=("$package $target: found something") ;;
		esac
	done
done
if [ ${#failed[@]} -gt 0 ]; then
	printf '%s\n' "${failed[@]}" >&2
	exit 1
fi
