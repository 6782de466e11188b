# make drill and make test are all that a newcomer needs; `make help` lists the rest.
NODE_MINIMUM := 20.19.0
DEPENDENCIES := node_modules/.package-lock.json
VITEST := npx --no-install vitest run --config test/vitest.config.ts

.DEFAULT_GOAL := help
.PHONY: help drill hmac-rotation-drill game-day-scorecard test test-systems test-long bench build lint types unused clean node redis python hmac-migration-advice

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' Makefile

drill: build ## rehearse a whole rotation with faults on a local practice fleet; results in drill-out/
	@node bin/rotctl.js drill --out drill-out

hmac-rotation-drill: build ## rehearse the rotation of INTERSERVICE_HMAC_SECRET on local practice gates; results in hmac-rotation-drill/
	@node bin/rotctl.js drill --runbook gate-hmac --out hmac-rotation-drill

game-day-scorecard: build ## drills of signers and of gates, with faults, within GAMEDAY_MAX_TOTAL_DURATION_S (120); score in game-day/scorecard.json
	@node bin/rotctl.js game-day --out game-day

hmac-migration-advice: build ## whether to stay on shared HMAC secrets, by seven triggers from the environment (AUTH_SERVICES, …)
	@node bin/rotctl.js advise

test: redis build ## the quick tests (needs redis-server; as root on Debian it is installed)
	@$(VITEST)

test-systems: redis python build ## tests against real systems: Redis in its modes, signers and gates that are no part of rotctl
	@$(call suite,systems)

test-long: redis build ## tests that take minutes: every fault in every phase, every crash point
	@$(call suite,long)

bench: $(DEPENDENCIES) ## costs, as ratios to what runs beside them (a few minutes, on a machine that is quiet)
	@node bench/run.mjs

build: $(DEPENDENCIES) ## bundle src/ into dist/
	@npm run --silent build

lint: $(DEPENDENCIES) ## style and formatting
	@npm run --silent lint

types: $(DEPENDENCIES) ## the type checker
	@npm run --silent types

unused: $(DEPENDENCIES) ## files, exports and packages that nothing uses
	@npm run --silent unused

clean: ## remove what make has made, but not the dependencies
	@rm -rf dist coverage drill-out hmac-rotation-drill game-day

# A folder of tests that the quick ones leave out.
define suite
if [ -z "$$(find test/$(1) -name '*.test.ts' 2>/dev/null | head -n 1)" ]; then echo 'test/$(1) has no tests'; \
else ROTCTL_TEST_SUITE=$(1) $(VITEST); fi
endef

$(DEPENDENCIES): package-lock.json | node
	@echo 'installing the locked dependencies'
	@npm ci --engine-strict --no-audit --no-fund --loglevel=error
	@touch $@

node:
	@command -v node >/dev/null || { echo 'node is not installed; rotctl needs Node $(NODE_MINIMUM) or newer' >&2; exit 1; }
	@node -e "const [have, need] = [process.versions.node, '$(NODE_MINIMUM)'].map((text) => text.split('.').map(Number)); \
	  const at = need.findIndex((part, index) => part !== have[index]); \
	  if (at === -1 || have[at] > need[at]) process.exit(0); \
	  console.error('this is Node ' + process.versions.node + '; rotctl needs Node $(NODE_MINIMUM) or newer'); process.exit(1);"

# The package would start its service and have it start at each boot; the tests start servers of their own.
redis:
	@if command -v redis-server >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo 'redis-server is not installed; install it (Debian: apt-get install redis-server), then run this again' >&2; exit 1; \
	fi; \
	echo 'installing redis-server, without starting its service'; \
	export DEBIAN_FRONTEND=noninteractive; policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; trap 'rm -f '$$policy EXIT; fi; \
	apt-get -qq update && apt-get -qq install --no-install-recommends redis-server >/dev/null || exit 1; \
	if [ -d /run/systemd/system ]; then systemctl --quiet disable redis-server; fi

# Systems that are no part of this project are written in it, with its standard library alone.
python:
	@if command -v python3 >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo 'python3 is not installed; install it (Debian: apt-get install python3), then run this again' >&2; exit 1; \
	fi; \
	echo 'installing python3'; export DEBIAN_FRONTEND=noninteractive; \
	apt-get -qq update && apt-get -qq install --no-install-recommends python3 >/dev/null
