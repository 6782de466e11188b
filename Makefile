# make drill and make test are all that a newcomer needs; `make help` lists the rest.
NODE_MINIMUM := 20.19.0
DEPENDENCIES := node_modules/.package-lock.json
VITEST := npx --no-install vitest run --config test/vitest.config.ts

.DEFAULT_GOAL := help
.PHONY: help drill hmac-rotation-drill mtls-rotation-drill game-day-scorecard test test-systems test-long bench build lint types unused clean node programs redis python nginx haproxy ansible kubectl hmac-migration-advice

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' Makefile

drill: build ## rehearse a whole rotation with faults on a local practice fleet; results in drill-out/
	@node bin/rotctl.js drill --out drill-out

hmac-rotation-drill: build ## rehearse the rotation of INTERSERVICE_HMAC_SECRET on local practice gates; results in hmac-rotation-drill/
	@node bin/rotctl.js drill --runbook gate-hmac --out hmac-rotation-drill

mtls-rotation-drill: build ## rehearse the rotation of certificates on local practice signers; results in mtls-rotation-drill/
	@node bin/rotctl.js drill --material mtls --out mtls-rotation-drill

game-day-scorecard: build ## drills of signers and of gates, with faults, within GAMEDAY_MAX_TOTAL_DURATION_S (120); score in game-day/scorecard.json
	@node bin/rotctl.js game-day --out game-day

hmac-migration-advice: build ## whether to stay on shared HMAC secrets, by seven triggers from the environment (AUTH_SERVICES, …)
	@node bin/rotctl.js advise

test: redis build ## the quick tests (needs redis-server; as root on Debian it is installed)
	@$(VITEST)

test-systems: programs build ## tests against real systems: Redis in its modes, ansible over ssh, kubectl against a stand-in, signers and gates that are no part of rotctl
	@$(call suite,systems)

test-long: redis python build ## tests that take minutes: every fault in every phase, every crash point
	@$(call suite,long)

bench: $(DEPENDENCIES) ## costs, as ratios to what runs beside them (a few minutes, on a machine that is quiet)
	@node bench/run.mjs

build: $(DEPENDENCIES) ## bundle src/ into dist/; not anew with BUILT=1
ifndef BUILT
	@npm run --silent build
endif

lint: $(DEPENDENCIES) ## style and formatting
	@npm run --silent lint

types: $(DEPENDENCIES) ## the type checker
	@npm run --silent types

unused: $(DEPENDENCIES) ## files, exports and packages that nothing uses
	@npm run --silent unused

clean: ## remove what make has made, but not the dependencies
	@rm -rf dist coverage drill-out hmac-rotation-drill mtls-rotation-drill game-day

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

# What the tests against real systems need; each installs its own, or says that it is missing.
programs: redis python nginx haproxy ansible kubectl

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

# As with redis: the package would start its service; the tests start a server of their own.
nginx:
	@if command -v nginx >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo 'nginx is not installed; install it (Debian: apt-get install nginx-light), then run this again' >&2; exit 1; \
	fi; \
	echo 'installing nginx, without starting its service'; \
	export DEBIAN_FRONTEND=noninteractive; policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; trap 'rm -f '$$policy EXIT; fi; \
	apt-get -qq update && apt-get -qq install --no-install-recommends nginx-light >/dev/null || exit 1; \
	if [ -d /run/systemd/system ]; then systemctl --quiet disable nginx; fi

# As with nginx.
haproxy:
	@if command -v haproxy >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo 'haproxy is not installed; install it (Debian: apt-get install haproxy), then run this again' >&2; exit 1; \
	fi; \
	echo 'installing haproxy, without starting its service'; \
	export DEBIAN_FRONTEND=noninteractive; policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; trap 'rm -f '$$policy EXIT; fi; \
	apt-get -qq update && apt-get -qq install --no-install-recommends haproxy >/dev/null || exit 1; \
	if [ -d /run/systemd/system ]; then systemctl --quiet disable haproxy; fi

# Its sshd is not started: the tests start one of their own on the loopback, as whoever runs them.
ansible:
	@missing=; command -v ansible-playbook >/dev/null || missing="$$missing ansible"; \
	command -v ssh >/dev/null || missing="$$missing openssh-client"; \
	[ -x /usr/sbin/sshd ] || missing="$$missing openssh-server"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo "not installed:$$missing; install it (Debian: apt-get install$$missing), then run this again" >&2; exit 1; \
	fi; \
	echo "installing$$missing, without starting a service"; \
	export DEBIAN_FRONTEND=noninteractive; policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; trap 'rm -f '$$policy EXIT; fi; \
	apt-get -qq update && apt-get -qq install --no-install-recommends $$missing >/dev/null || exit 1; \
	case "$$missing" in *openssh-server*) if [ -d /run/systemd/system ]; then systemctl --quiet disable ssh; fi ;; esac

# The real one, against a stand-in for the API of a cluster.
kubectl:
	@if command -v kubectl >/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	  echo 'kubectl is not installed; install it (Debian: apt-get install kubernetes-client), then run this again' >&2; exit 1; \
	fi; \
	echo 'installing kubernetes-client'; export DEBIAN_FRONTEND=noninteractive; \
	apt-get -qq update && apt-get -qq install --no-install-recommends kubernetes-client >/dev/null
