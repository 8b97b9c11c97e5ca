# Two commands for a start: `make demo` and `make test`. Both install what they need and say so.

CACHE := $(or $(NODECTL_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/nodectl)
# One target directory for work, demo and CI, so that everything is built once.
export CARGO_TARGET_DIR ?= $(CACHE)/target
BIN := $(CARGO_TARGET_DIR)/debug
MUSL := x86_64-unknown-linux-musl
RELEASE := $(CARGO_TARGET_DIR)/$(MUSL)/release/nodeagent
# The lab needs root; cargo does not and is never run through sudo, so that its files stay the user's.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=PATH,HOME,CARGO_TARGET_DIR,NODECTL_CACHE,XDG_CACHE_HOME,UPDATE,FAULT)
SAY_SUDO = $(if $(SUDO),@echo 'the lab needs root: sudo runs it')
RUNNER := CARGO_TARGET_$(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')_RUNNER

.DEFAULT_GOAL := help
.PHONY: help demo test check unit suite faults bench release lab tools

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: build ## Real kubelets join a real API server on this machine; one is broken on purpose (needs root)
	$(SAY_SUDO)
	@$(SUDO) $(BIN)/lab demo

test: check unit suite ## Every check: format, lints, unit tests, the lab's suites (needs root for the lab)

check: tools ## Formatting and lints
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	@if command -v shellcheck >/dev/null; then shellcheck packer/provisioners/*.sh .ci/run; \
	  else echo 'skipped: shellcheck is not installed'; fi

# The whole workspace each time: cargo chooses the features of dependencies by what is built together, so a build of one
# package alone would compile many of them again.
unit: build ## Unit tests and cases, without root
	cargo test --locked --workspace --lib --bins --test boot
	cargo test --locked --workspace --doc

suite: build ## Real nodes in the lab (needs root)
	$(SAY_SUDO)
	@$(SUDO) $(BIN)/lab setup
	$(if $(SUDO),$(RUNNER)="$(SUDO)") cargo test --locked --workspace --test lab -- --nocapture --test-threads 1 --skip faults::every_fault

# Not part of `test`: each row waits for the agent to name its fault and, where that is lifted, to recover.
faults: build ## Every fault that a node names, seven minutes in the lab; UPDATE=1 writes docs/reference/faults.md (needs root)
	$(SAY_SUDO)
	@$(SUDO) $(BIN)/lab setup
	$(if $(SUDO),$(RUNNER)="$(SUDO)") cargo test --locked --workspace --test lab faults:: -- --nocapture --test-threads 1

bench: build release ## Time and memory of the config phase and of a token, beside their peers (needs root for nodeadm)
	$(SAY_SUDO)
	@$(SUDO) $(BIN)/lab bench --program $(RELEASE)

lab: build ## Bring the lab up and leave it running; `lab down` ends it (needs root)
	$(SAY_SUDO)
	@$(SUDO) $(BIN)/lab up

release: tools ## Static release build of nodeagent for musl, with its size
	rustup target add $(MUSL)
	@command -v musl-gcc >/dev/null || $(SUDO) apt-get install --yes --no-install-recommends musl-tools
	CC_x86_64_unknown_linux_musl=musl-gcc \
	  cargo build --locked --release --target $(MUSL) -p nodeagent
	@file=$(RELEASE); \
	  if ldd $$file 2>&1 | grep -q '=>'; then echo "$$file is not static"; exit 1; fi; \
	  printf 'nodeagent %s: static, %s bytes\n' "$$($$file version | cut -d' ' -f2)" "$$(stat -c %s $$file)"

build: tools
	cargo build --locked --workspace --all-targets

tools:
	@command -v cargo >/dev/null || { echo 'Rust is missing: install it with rustup (https://rustup.rs), then run this again'; exit 1; }
	@command -v cc >/dev/null || $(SUDO) apt-get install --yes --no-install-recommends build-essential cmake
	@command -v shellcheck >/dev/null || $(SUDO) apt-get install --yes --no-install-recommends shellcheck || echo 'skipped: no shellcheck'
	@command -v strace >/dev/null || $(SUDO) apt-get install --yes --no-install-recommends strace || echo 'skipped: no strace, so no kill at each step'
