# Recipes of Tagcast. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# What is not Debian's is kept here, out of the way of the user's own tools.
TOOLS := .tools
VENV := $(TOOLS)/venv
# There only where the machine's Node is too old. Every recipe, and what it starts, takes it first.
export PATH := $(CURDIR)/$(TOOLS)/node/bin:$(PATH)
MACHETE := $(TOOLS)/bin/cargo-machete
DENY := $(TOOLS)/bin/cargo-deny
FUZZ := $(TOOLS)/bin/cargo-fuzz
FUZZ_SECONDS ?= 60
SCHEMATHESIS_SECONDS ?= 60

##@ Running

.PHONY: build
build: compiler web ## build the gateway, with its dashboard, for use: target/release/tagcast
	cargo build --release --locked --bin tagcast

.PHONY: run
run: compiler web ## build and start the gateway on 127.0.0.1:8080
	cargo run --release --bin tagcast -- serve

.PHONY: demo
demo: packages web ## the same with a real registry and images that come, move and go
	cargo build --release --bin tagcast
	loadtest/demo/run

##@ Working

.PHONY: test
test: test-tools web ## install what the tests need, and run them all
	cargo test --workspace --locked
	$(MAKE) test-web

.PHONY: test-web
test-web: packages browser web ## the client library and the dashboard, in Debian's Chromium, against the real gateway
	cargo build --locked --bin tagcast
	npm --prefix web test
	npm --prefix web run e2e

.PHONY: screenshots
screenshots: packages browser web ## every view of the dashboard, in both themes and three widths, into .tools/screenshots
	cargo build --locked --bin tagcast
	mkdir -p $(TOOLS)/screenshots
	TAGCAST_SCREENSHOTS=$(CURDIR)/$(TOOLS)/screenshots npm --prefix web run e2e screenshots

.PHONY: check
check: compiler $(MACHETE) web ## formatting, types, lints, documentation, unused dependencies
	npm --prefix web run check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps --document-private-items --locked
	$(MACHETE)

.PHONY: deny
deny: $(DENY) ## licences and origins of the dependencies
	$(DENY) --locked check licenses bans sources

.PHONY: fmt
fmt: web/node_modules/.stamp ## format the sources
	cargo fmt --all
	npm --prefix web run format

.PHONY: bench
bench: compiler ## the small benches
	cargo bench --workspace --locked

.PHONY: autobahn
autobahn: compiler python ## the WebSocket conformance suite, against an echo on the path of every connection; AUTOBAHN_CASES='12.*'
	cargo build --release --locked --features echo --bin tagcast
	tests/autobahn/run $(TOOLS) target/release/tagcast $(AUTOBAHN_CASES)

.PHONY: schemathesis
schemathesis: test-tools ## requests made from /openapi.json, right and wrong ones, a minute with readers and one without; SCHEMATHESIS_SECONDS=60
	cargo build --locked --bin tagcast
	tests/schemathesis/run $(VENV) target/debug/tagcast $(SCHEMATHESIS_SECONDS)

.PHONY: nightly
nightly: test-tools ## what takes too long for every change: 10,000 histories, 1,000 kills, damage in every file, the suites, fuzzing
	PROPTEST_CASES=10000 cargo test --locked --lib -- catalog window
	TAGCAST_LIVES=300 cargo test --locked --test it -- simulated --nocapture
	TAGCAST_KILLS=1000 cargo test --locked --test it -- faults::kills --nocapture
	TAGCAST_KILLS=200 cargo test --locked --test it -- triggers::kills
	TAGCAST_RESTARTS=5 cargo test --locked --test it -- wire::returns --nocapture
	TAGCAST_FLIPS=200 cargo test --locked --test it -- faults::damage --nocapture
	TAGCAST_SILENT_SOCKETS=20000 cargo test --locked --test it -- strangers::descriptors --nocapture
	TAGCAST_WHOLE_ATTACKS=1 cargo test --locked --test it -- strangers::memory --nocapture --test-threads 1
	TAGCAST_PROXY_PAUSES=5,60,75,90,120 cargo test --locked --test it -- wire::proxies::a_pause
	$(MAKE) autobahn
	$(MAKE) schemathesis SCHEMATHESIS_SECONDS=300
	$(MAKE) fuzz
	$(MAKE) fresh

.PHONY: fresh
fresh: ## make run and make test on a clean Debian 12 and 13, made by debootstrap; as root
	@.ci/debian-packages debootstrap=debootstrap git=git curl=curl
	for suite in bookworm trixie; do tests/fresh/run $$suite; done

.PHONY: fuzz
fuzz: compiler python $(FUZZ) ## what reads bodies, filters, records, ids, messages and frames of clients, settings, and targets; FUZZ_SECONDS=60 for each
	for kind in $$(cargo run --quiet --bin tagcast -- source kinds); do \
	  mkdir -p $(TOOLS)/corpus/$$kind; seeds=; \
	  if [ -d tests/fixtures/webhooks/$$kind ]; then seeds=tests/fixtures/webhooks/$$kind; fi; \
	  echo "== $$kind"; \
	  TAGCAST_FUZZ_KIND=$$kind PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo +nightly fuzz run --fuzz-dir tests/fuzz adapter \
	    $(TOOLS)/corpus/$$kind $$seeds -- -max_total_time=$(FUZZ_SECONDS) -timeout=1 -rss_limit_mb=2048 -max_len=65536 -verbosity=0; \
	done
	for target in filter_expression filter_shorthand filter_event log_record position client_message client_frames settings \
	  target_url target_headers proxy_header; do \
	  mkdir -p $(TOOLS)/corpus/$$target; seeds=; \
	  if [ -d tests/fuzz/corpus/$$target ]; then seeds=tests/fuzz/corpus/$$target; fi; \
	  if [ -f tests/fuzz/corpus/$$target.jsonl ]; then \
	    seeds=$(TOOLS)/corpus/seeds/$$target; tests/fuzz/unpack tests/fuzz/corpus/$$target.jsonl "$$seeds"; \
	  fi; \
	  echo "== $$target"; \
	  PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" cargo +nightly fuzz run --fuzz-dir tests/fuzz $$target \
	    $(TOOLS)/corpus/$$target $$seeds -- -max_total_time=$(FUZZ_SECONDS) -timeout=1 -malloc_limit_mb=1 -max_len=2048 -verbosity=0; \
	done

.PHONY: clean
clean: ## remove what was built and installed here; the gateway's ./data stays
	cargo clean
	rm -rf $(TOOLS) tests/clients/node_modules web/node_modules web/dist web/client/dist

##@ Load

LOADTEST := target/release/loadtest
# Where measurements keep the gateway's data; /dev/shm takes the disk out of the figures.
BENCH_TMP ?= /tmp

.PHONY: loadtest
loadtest: compiler # gateway, harness and bare sender, as they are measured
	cargo build --release --locked --bin tagcast
	cargo build --release --locked --package loadtest

.PHONY: bench-bars
bench-bars: loadtest ## fan-out beside a sender that does nothing but write; about 15 minutes
	TMPDIR=$(BENCH_TMP) $(LOADTEST) bars --keep

.PHONY: bench-peers
bench-peers: loadtest peers ## the same load on servers that a user might pick instead; about 5 minutes
	TMPDIR=$(BENCH_TMP) $(LOADTEST) peers --keep

##@ Tools

.PHONY: test-tools
test-tools: packages browser $(VENV)/.stamp tests/clients/node_modules/.stamp ## registry, skopeo, proxies, browser and WebSocket clients for the tests

.PHONY: compiler
compiler: # Rust links with it, and two crates build C; cargo trusts the machine's certificates
	@.ci/debian-packages cc=build-essential /etc/ssl/certs/ca-certificates.crt=ca-certificates

.PHONY: python
python: # for scripts of the suites
	@.ci/debian-packages python3=python3

.PHONY: packages
packages: compiler node # what is there already costs a few lookups, so no stamp that could be wrong
	@.ci/debian-packages docker-registry=docker-registry skopeo=skopeo curl=curl jq=jq /usr/bin/kill=procps \
	  python3:ensurepip=python3-venv /usr/sbin/nginx=nginx /usr/sbin/haproxy=haproxy caddy=caddy

.PHONY: peers
peers: test-tools ## nchan, Mosquitto and NATS from Debian; Node and its ws are there for the tests
	@.ci/debian-packages /usr/sbin/nginx=nginx /usr/lib/nginx/modules/ngx_nchan_module.so=libnginx-mod-nchan \
	  /usr/sbin/mosquitto=mosquitto /usr/sbin/nats-server=nats-server ss=iproute2

.PHONY: browser
browser: # for the tests of the dashboard
	@.ci/debian-packages chromium=chromium

.PHONY: node
node: # all that the dashboard is built with
	@.ci/node/install $(TOOLS)/node

.PHONY: web
web: web/dist/index.html ## build the dashboard, which the gateway holds in itself

web/dist/index.html: web/node_modules/.stamp web/index.html web/vite.config.ts \
  $(shell find web/src web/client/src -type f)
	npm --prefix web run build

web/node_modules/.stamp: web/package.json web/client/package.json web/package-lock.json | node
	npm ci --prefix web --no-audit --no-fund
	@touch $@

$(VENV)/.stamp: tests/clients/requirements.txt | packages
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

tests/clients/node_modules/.stamp: tests/clients/package.json tests/clients/package-lock.json | packages
	npm ci --prefix tests/clients --no-audit --no-fund
	@touch $@

$(MACHETE): | compiler
	cargo install --locked --root $(TOOLS) cargo-machete

$(FUZZ): | compiler
	cargo install --locked --root $(TOOLS) cargo-fuzz

$(DENY): | compiler
	cargo install --locked --root $(TOOLS) cargo-deny

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
