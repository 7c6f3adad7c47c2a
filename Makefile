STACK ?= dev
ARGS ?=
OUT ?=
BASE ?=

# The recipes take names from the environment: there each is one word, whatever it contains.
export STACK OUT FAULT BASE VIEW FORMAT

pulumi := ./scripts/pulumi.sh
run := node scripts/run.cjs
# What is about several stacks is about all of them, unless one was asked for.
stacks := $(if $(filter file,$(origin STACK)),,"--stack=$$STACK")
# Not npx, which would fetch a package of the name where the tool is missing.
bin := ./node_modules/.bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-netns up down preview refresh cancel verify status drill validate predict diff rehearse pr-comment render diagram test test-differential lint format bench bench-docker bench-kind update-golden

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  STACK=dev chooses the stack: dev, leaf-spine, calico-metallb-vrf, ibgp-frr and pod-gateway are in network"
	@echo "  namespaces, single-frr in Docker (needs pulumi, docker, kind)"
	@echo "  validate, diff, rehearse and pr-comment are about all stacks, unless STACK names one"
	@echo "  ARGS=... is passed on, e.g. make preview ARGS=--diff"

setup: ## Install what is missing: npm packages, and as root the routing daemons (none for Docker)
	@./scripts/setup.sh

setup-netns:
	@./scripts/setup.sh --netns

up: setup ## Build the lab, or change it, and verify it
	@$(pulumi) describe
	@$(pulumi) ensure "$$STACK"
	@$(pulumi) up "--stack=$$STACK" --yes --skip-preview --refresh $(ARGS)
	@echo
	@echo "next     make status, make verify, make down    (make help shows all)"

down: setup ## Remove the lab and all that belongs to it
	@$(pulumi) ensure "$$STACK"
	@$(pulumi) destroy "--stack=$$STACK" --yes --skip-preview $(ARGS)

preview: setup ## Show what up would change
	@$(pulumi) ensure "$$STACK"
	@$(pulumi) preview "--stack=$$STACK" --refresh $(ARGS)

refresh: setup ## Compare the running lab with the recorded one
	@$(pulumi) refresh "--stack=$$STACK" --yes --skip-preview $(ARGS)

cancel: setup ## Release the lock that a killed run left behind
	@$(pulumi) cancel "--stack=$$STACK" --yes $(ARGS)

verify: setup ## Run the lab's checks again (ARGS="--json" or "--junit FILE")
	@$(run) verify "--stack=$$STACK" $(ARGS)

status: setup ## Show the running lab: processes or containers, sessions, how to get in
	@$(run) status "--stack=$$STACK" $(ARGS)

drill: setup ## Take a fault, measure it, repair the lab (FAULT=link:leaf0-spine0, node:…, session:…, daemon:…, pod:…)
	@$(run) drill "--stack=$$STACK" "--fault=$$FAULT" $(ARGS)

validate: setup ## Ask the rules and the policies about every stack, without an engine (STACK=one; ARGS="--json")
	@$(run) validate $(stacks) $(ARGS)

predict: setup ## Say what the stack's lab settles on, without building it (ARGS="--json", "--only failures", "--from A --to B")
	@$(run) predict "--stack=$$STACK" $(ARGS)

diff: setup ## Say what a change does to the network: BASE=<git revision>, else against what is deployed (ARGS="--verbose")
	@$(run) diff $(stacks) "--base=$$BASE" $(ARGS)

rehearse: setup-netns ## Bring every stack's lab up in network namespaces, verify it, remove it (STACK=one; ARGS="--json")
	@$(run) rehearse $(stacks) $(ARGS)

pr-comment: setup-netns ## Write the comment of a pull request: rules, rehearsals and differences (BASE=main, OUT=comment.md)
	@$(run) pr-comment $(stacks) "--base=$$BASE" "--out=$$OUT" $(ARGS)

render: setup ## Write all configurations of the stack's lab, without building it (OUT=folder; else print them)
	@$(run) render "--stack=$$STACK" "--out=$$OUT" $(ARGS)

diagram: setup ## Draw the stack's lab (VIEW=overview|physical|bgp|vrf, FORMAT=mermaid|svg|dot, OUT=file; ARGS=--deployed)
	@$(run) diagram "--stack=$$STACK" "--view=$$VIEW" "--format=$$FORMAT" "--out=$$OUT" $(ARGS)

test: lint ## Check style and types, run all tests
	@./scripts/setup.sh frr-pythontools
	@$(bin)/vitest run $(ARGS)

test-differential: setup ## Compare predictions of random labs with real FRR (CASES=200; SEED=7 repeats one and prints it)
	@CASES="$${CASES:-200}" $(bin)/vitest run tests/differential $(ARGS)

lint: setup ## Check style and types
	@$(bin)/biome check --error-on-warnings .
	@$(bin)/tsc

format: setup ## Format the sources
	@$(bin)/biome check --write .

bench: setup ## Measure the embedded runtime beside a plain script
	@node -r ./scripts/register.cjs bench/main.ts $(ARGS)

bench-docker: setup ## Measure containers and links beside containerlab, with the published CLI
	@node -r ./scripts/register.cjs bench/docker/main.ts $(ARGS)

bench-kind: setup ## Measure a lab on kind beside a plain script, with the published CLI
	@node -r ./scripts/register.cjs bench/kind/main.ts $(ARGS)

update-golden: setup ## Write the golden files anew; read the difference before you commit it
	@UPDATE_GOLDEN=1 $(bin)/vitest run tests/lab tests/stacks tests/render tests/review tests/policy tests/engine tests/verify tests/components tests/commands
