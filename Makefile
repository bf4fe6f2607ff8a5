# DeepDist's commands. `make` alone lists them. Everything that is installed has an exact version and stays in this folder
# (.venv*, build/) or in the caches of pip and Go; nothing of it needs a HOME with anything in it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export CI ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_WARN_SCRIPT_LOCATION := 1
GO     ?= go
# The first Python ≥ 3.11 that can make virtual environments; PySpark 3.5 is happiest with 3.11.
PYTHON ?= $(shell for python in python3.11 python3.12 python3 python3.13; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$python; break; }; done)

GOFILES   := $(shell find proto psserver sidecar internal -name '*.go' -o -name '*.s' -o -name '*.html' -o -name '*.js' -o -name '*.css' 2>/dev/null)
GOSTATIC  := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w'
PROTOC_GEN_GO      := v1.36.12
PROTOC_GEN_GO_GRPC := v1.6.2
FUZZTIME  ?= 30s
PYTEST    := -m pytest -q --durations=10
# What tests run Spark with: the workers' Python is the environment's, and nothing but loopback is asked for.
SPARKENV   = PATH="$(CURDIR)/$(1)/bin:$$PATH" PYSPARK_PYTHON="$(CURDIR)/$(1)/bin/python" PYSPARK_DRIVER_PYTHON="$(CURDIR)/$(1)/bin/python" SPARK_LOCAL_IP=127.0.0.1

##@ Use
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo

build: bin/psserver bin/deepdist-sidecar .venv/.made ## both binaries (static, in bin/) and the Python package (editable, in .venv)

demo: build need-java ## train word2vec on the sample text in local Spark, then ask it a few questions (under three minutes)
	$(call SPARKENV,.venv) .venv/bin/python examples/demo.py

##@ Test
test: test-go verify-generated test-python test-cluster test-hdfs test-spark35 test-standalone test-torch test-page ## everything CI runs, 20 minutes at most

test-go: need-go ## Go tests with the race detector, house rules and go vet among them
	$(GO) test -race -timeout 10m $$($(GO) list ./... | grep -v /internal/lint)
	$(GO) test -count 1 ./internal/lint

test-python: build need-java ## Python tests and examples with PySpark 4 in local mode
	$(call SPARKENV,.venv) .venv/bin/python $(PYTEST) -m 'not cluster' --ignore python/tests/page python/tests

test-cluster: build need-java ## Python tests that need several executors (local-cluster)
	$(call SPARKENV,.venv) .venv/bin/python $(PYTEST) -m cluster --ignore python/tests/page python/tests

test-hdfs: build need-java ## text in a real HDFS of two Java processes (skipped, and said so, without mvn or Hadoop's jars)
	$(call SPARKENV,.venv) .ci/lab/hdfs.sh run .venv/bin/python $(PYTEST) python/tests/test_hdfs.py

test-spark35: build .venv-spark35/.made need-java ## Python tests, the quick start and the demo with PySpark 3.5
	$(call SPARKENV,.venv-spark35) .venv-spark35/bin/python $(PYTEST) -m 'not patient' python/tests/test_*.py python/tests/examples/test_quickstart.py python/tests/examples/test_demo.py

test-standalone: build .venv-spark35/.made need-java ## spark-submit --files bin/deepdist-sidecar on a real standalone cluster, with both PySparks
	for venv in .venv .venv-spark35; do $(call SPARKENV,$$venv) .ci/lab/standalone.sh run .ci/lab/submit.sh; done

test-torch: build need-java ## the PyTorch example, with Debian's CPU build of PyTorch (installed by `make torch`)
	if .ci/lab/torch.sh possible; then $(MAKE) --no-print-directory torch; fi
	$(call SPARKENV,.venv-torch) .ci/lab/torch.sh test

test-page: build need-java ## the page of a run, in headless Chromium
	$(call SPARKENV,.venv) .ci/lab/chromium.sh .venv/bin/python $(PYTEST) python/tests/page

fuzz: need-go ## every fuzz target for FUZZTIME (30s)
	for package in $$($(GO) list ./...); do for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
		echo "== $$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; done; done

verify-generated: build/bin/protoc-gen-go build/bin/protoc-gen-go-grpc .venv/.made ## fails if generated code differs from what its source generates
	.ci/lab/generate.sh verify

##@ Measure (JSON lines; DEEPDIST_CORPUS= names the text, DEEPDIST_EVAL= the folder of the evaluation sets)
quality: build need-java ## analogies and word similarities of DeepDist and gensim, three seeds
	@$(call SPARKENV,.venv) .venv/bin/python internal/bench/quality.py

bench-train: build need-java ## the whole job's seconds by its parts, CPU and memory of each process, from lines, lists and a path; gensim on the same file
	@$(call SPARKENV,.venv) .venv/bin/python internal/bench/train.py

bench-modes: build need-java ## every mode of word2vec beside gensim's: accuracy, and words per CPU second
	@$(call SPARKENV,.venv) .venv/bin/python internal/bench/modes.py

bench-kernel: build ## words per second of the training kernel and of gensim, by dimension and threads
	@.venv/bin/python internal/bench/kernel.py

bench-threads: build ## what a second thread costs the first: words per CPU second with two over one, five pairs
	@.venv/bin/python internal/bench/threads.py

bench-memory: build need-java ## memory of each process and bytes of spool for a million words at dim 300, beside the formula of docs/spark.md
	@$(call SPARKENV,.venv) .venv/bin/python internal/bench/memory.py

##@ Keep house
generate: build/bin/protoc-gen-go build/bin/protoc-gen-go-grpc .venv/.made ## generate the protocol's Go code and the kernels' assembly again
	.ci/lab/generate.sh

torch: .venv-torch/.made ## an environment with PyTorch (CPU) for its example; on Debian 12 as root it installs python3-torch

sample: .venv/.made ## make examples/sample again: TEXT= and TITLES= as its script says
	.venv/bin/python examples/sample/make_sample.py "$(TEXT)" "$(TITLES)"

clean: ## remove what `make` made here
	rm -rf bin build .venv .venv-spark35 .venv-torch .pytest_cache .hypothesis

bin/psserver: $(GOFILES) go.mod go.sum | need-go
	$(GOSTATIC) -o $@ ./psserver

bin/deepdist-sidecar: $(GOFILES) go.mod go.sum | need-go
	$(GOSTATIC) -o $@ ./sidecar

.venv/.made: python/requirements-spark4.txt .ci/lab/venv.sh | need-python
	.ci/lab/venv.sh "$(PYTHON)" .venv python/requirements-spark4.txt

.venv-spark35/.made: python/requirements-spark35.txt .ci/lab/venv.sh | need-python
	.ci/lab/venv.sh "$(PYTHON)" .venv-spark35 python/requirements-spark35.txt

.venv-torch/.made: python/requirements-torch.txt .ci/lab/venv.sh | need-python
	.ci/lab/torch.sh install "$(PYTHON)"

build/bin/protoc-gen-go: | need-go
	GOBIN=$(CURDIR)/build/bin $(GO) install google.golang.org/protobuf/cmd/protoc-gen-go@$(PROTOC_GEN_GO)

build/bin/protoc-gen-go-grpc: | need-go
	GOBIN=$(CURDIR)/build/bin $(GO) install google.golang.org/grpc/cmd/protoc-gen-go-grpc@$(PROTOC_GEN_GO_GRPC)

need-go:
	@command -v $(GO) >/dev/null || { echo 'make: Go is missing: install Go 1.26 or newer (go.dev/dl) and put its bin folder on PATH' >&2; exit 1; }

need-python:
	@[ -n "$(PYTHON)" ] || { echo 'make: Python is missing: install Python 3.11 or newer with its venv module (Debian: apt install python3-venv), or name one with PYTHON=' >&2; exit 1; }

need-java:
	@command -v java >/dev/null || [ -x "$${JAVA_HOME:-}/bin/java" ] || { echo 'make: Java is missing, and Spark needs it: install a Java 17 runtime (Debian: apt install openjdk-17-jre-headless) or set JAVA_HOME' >&2; exit 1; }

.PHONY: help build demo test test-go test-python test-cluster test-hdfs test-spark35 test-standalone test-torch test-page fuzz verify-generated \
	quality bench-train bench-modes bench-kernel bench-threads bench-memory generate torch sample clean need-go need-python need-java
