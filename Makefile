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

test: redis build ## the quick tests, or those of FILES (needs redis-server; as root on Debian it is installed)
	@$(VITEST) $(FILES)

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
else ROTCTL_TEST_SUITE=$(1) $(VITEST) $(FILES); fi
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

# What the tests against real systems need; each is installed where that can be done, and named where not.
programs: redis python nginx haproxy ansible kubectl

redis:
	@$(call need,redis-server:redis-server,redis-server)

# Systems that are no part of this project are written in it, with its standard library alone.
python:
	@$(call need,python3:python3)

nginx:
	@$(call need,nginx:nginx-light,nginx)

haproxy:
	@$(call need,haproxy:haproxy,haproxy)

# The tests start an sshd of their own on the loopback, as whoever runs them.
ansible:
	@$(call need,ansible-playbook:ansible ssh:openssh-client sshd:openssh-server,ssh)

# The real one, against a stand-in for the API of a cluster.
kubectl:
	@$(call need,kubectl:kubernetes-client)

# Installs what is missing of PROGRAM:PACKAGE…, as root on Debian, and elsewhere names it. A package may start its
# service and have it start at each boot; the services named second do neither: the tests start servers of their own.
define need
missing=; for pair in $(1); do \
  PATH="$$PATH:/usr/sbin" command -v "$${pair%:*}" >/dev/null || missing="$$missing $${pair#*:}"; \
done; \
if [ -z "$$missing" ]; then exit 0; fi; \
if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
  echo "not installed:$$missing; install it (Debian: apt-get install$$missing), then run this again" >&2; exit 1; \
fi; \
echo "installing$$missing, without starting a service"; \
export DEBIAN_FRONTEND=noninteractive; policy=/usr/sbin/policy-rc.d; \
if [ ! -e $$policy ]; then printf '#!/bin/sh\nexit 101\n' >$$policy; chmod 755 $$policy; trap 'rm -f '$$policy EXIT; fi; \
apt-get -qq -o Acquire::Retries=3 update && \
  apt-get -qq -o Acquire::Retries=3 install --no-install-recommends $$missing >/dev/null || exit 1; \
if [ -d /run/systemd/system ]; then for service in $(2); do systemctl --quiet disable $$service; done; fi
endef
