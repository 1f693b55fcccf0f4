#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME (default 30s) each, one after
# the other, and ends with an error if one of them found something.
#
#   scripts/fuzz.sh [PACKAGE…]
set -euo pipefail

time=${FUZZTIME:-30s}
failed=()
for package in $(go list "${@:-./...}"); do
	# go test -list prints the targets, and then a line about the package.
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "== $package $target ($time)"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package" || failed+=("$package $target")
	done
done
if [ ${#failed[@]} -gt 0 ]; then
	printf 'found something: %s\n' "${failed[@]}" >&2
	exit 1
fi
