# Sluice. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# Arguments for the gateway: make run ARGS="--http-addr :9000"
ARGS ?=
# Packages under test. E2E is tested without the race detector: its tests run the
# built binary, and players that need the processor.
PACKAGES ?= ./...
E2E ?= ./cmd/e2e/...
TESTFLAGS ?=
E2EFLAGS ?=
FUZZTIME ?= 30s
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)

UI := web/ui
UI_BUILT := $(UI)/dist/app/manifest.json
UI_HARNESS := $(UI)/.harness/index.html
UI_SOURCES := $(shell find $(UI)/src -type f 2>/dev/null) $(wildcard $(UI)/*.json $(UI)/*.ts)

export CGO_ENABLED ?= 0

.PHONY: help
help: ## list the targets
	@echo "Sluice, a live video gateway: RTMPS in; HLS, low-latency HLS and DASH out."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Arguments for the gateway: make run ARGS=\"--http-addr :9000\""

.PHONY: run
run: need-run build ## install what is missing, build, and start the gateway
	exec bin/sluice run $(ARGS)

.PHONY: demo
demo: need-run build ## the same, and publish a test picture
	exec bin/sluice demo $(ARGS)

.PHONY: build
build: ui bin ## build the front end (where npm is) and bin/sluice

.PHONY: bin
bin:
	$(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/sluice ./cmd/sluice

# Without npm the gateway is built all the same: its player page is a plain
# <video> then, and says so.
.PHONY: ui
ui:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(UI_BUILT); \
	else echo "npm is missing: building without the player's front end"; fi

$(UI)/node_modules: $(UI)/package-lock.json
	cd $(UI) && npm ci --no-audit --no-fund
	@touch $@

$(UI_BUILT): $(UI)/node_modules $(UI_SOURCES)
	cd $(UI) && npm run build
	@touch $@

# The page that real players are tested and measured in; no binary contains it.
$(UI_HARNESS): $(UI)/node_modules $(wildcard $(UI)/harness/*)
	cd $(UI) && npm run build:harness
	@touch $@

.PHONY: test
test: need-test lint test-ui build $(UI_HARNESS) test-go test-e2e ## install what the tests need, and run all of them

.PHONY: test-go
test-go:
	CGO_ENABLED=1 $(GO) test -race $(TESTFLAGS) $$($(GO) list $(PACKAGES) | grep -v "/cmd/e2e")

.PHONY: test-e2e
test-e2e:
	SLUICE_STARTS=$${SLUICE_STARTS:-200} $(GO) test -timeout 25m $(E2EFLAGS) $(E2E)

.PHONY: test-ui
test-ui: $(UI)/node_modules
	cd $(UI) && npm run check && npm test

.PHONY: lint
lint: ## gofmt and go vet
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go' -not -path '*/node_modules/*')); \
	if [ -n "$$unformatted" ]; then echo "gofmt these:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(PACKAGES)

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (30s)
	FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

# Every layer of ingest, and what reads its publishers' splices, captions and certificates. Hours.
.PHONY: fuzz-ingest
fuzz-ingest: ## run each fuzz target of ingest a million times
	FUZZTIME=1000000x FUZZPARALLEL=1 nice -n 19 scripts/fuzz.sh ./ingest/... ./media/... ./storage/certificates

.PHONY: bench
bench: need-bench build $(UI_HARNESS) ## measure Sluice beside its peers
	$(GO) run ./cmd/bench $(ARGS)

.PHONY: ci
ci: ## what continuous integration runs
	.ci/run

.PHONY: clean
clean: ## remove what was built
	rm -rf bin $(UI)/dist/app $(UI)/.harness $(UI)/node_modules

.PHONY: need-run need-test need-bench
need-run need-test need-bench: need-%:
	@scripts/install-deps.sh $*
