# DeepDist's commands. `make` alone lists them. Everything that is installed has an exact version and stays in this folder
# (.venv*, build/) or in the caches of pip and Go, or of .ci/lab/docker.sh; nothing of it needs a HOME with anything in it.
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
# Without a C library, without paths and without git's state: the same source gives the same bytes wherever it is built.
GOSTATIC  := CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w'
WHEELARCHS := amd64 arm64
# The plugin's jars go into the wheels where they can be built; without mvn the wheels have none, and say so.
JARS      := $(if $(and $(wildcard scala/pom.xml),$(shell command -v mvn)),build/jars/deepdist-spark_2.12.jar build/jars/deepdist-spark_2.13.jar)
WHEELHERE := build/wheel-$(if $(filter aarch64,$(shell uname -m)),arm64,amd64)/.made
PYFILES   := $(shell find python/deepdist -name '*.py' -o -name 'py.typed') python/pyproject.toml python/hatch_build.py python/README.md LICENSE NOTICE
SCALAFILES := $(shell find scala/src -name '*.scala' 2>/dev/null)
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

wheel: $(WHEELARCHS:%=build/wheel-%/.made) ## wheels of deepdist-spark for x86-64 and arm64 with both programs inside, in build/dist

plugin: build/jars/deepdist-spark_2.12.jar build/jars/deepdist-spark_2.13.jar ## the Spark plugin's jars for both versions of Scala (in build/jars; needs mvn)

demo: build need-java ## train word2vec on the sample text in local Spark, then ask it a few questions (under three minutes)
	$(call SPARKENV,.venv) .venv/bin/python examples/demo.py

demo-scala: build plugin need-java ## word vectors in a Spark ML pipeline in Scala: compiles examples/scala and submits it to local Spark
	$(call SPARKENV,.venv) examples/scala/run.sh build/demo-scala

##@ Test
test: test-go verify-generated test-python test-cluster test-hdfs test-kerberos test-yarn test-spark35 test-plugin test-standalone test-wheel test-torch test-page docker-smoke ## everything CI runs

test-go: need-go ## Go tests with the race detector, house rules and go vet among them
	$(GO) test -race -timeout 10m $$($(GO) list ./... | grep -v /internal/lint)
	$(GO) test -count 1 ./internal/lint

test-python: build need-java ## Python tests and examples with PySpark 4 in local mode
	$(call SPARKENV,.venv) .venv/bin/python $(PYTEST) -m 'not cluster' --ignore python/tests/page --ignore python/tests/wheel python/tests

test-cluster: build build/environment.tar.gz need-java ## Python tests that need several executors (local-cluster)
	$(call SPARKENV,.venv) .venv/bin/python $(PYTEST) -m cluster --ignore python/tests/page --ignore python/tests/wheel python/tests

test-hdfs: build .venv-spark35/.made need-java ## text and models in a real HDFS, its daemons dying meanwhile (skipped, and said so, without mvn or Hadoop's jars)
	.ci/lab/hdfs.sh run $(MAKE) --no-print-directory in-hdfs

in-hdfs:
	$(GO) test -count 1 ./internal/storage
	$(call SPARKENV,.venv) .venv/bin/python $(PYTEST) python/tests/test_hdfs.py
	for venv in .venv .venv-spark35; do $(call SPARKENV,$$venv) .ci/lab/standalone.sh run .ci/lab/submit.sh placed; done

test-kerberos: build need-java ## HDFS that asks for Kerberos, with MIT's KDC (on Debian as root it installs krb5-kdc); run test-hdfs before
	for protection in authentication privacy; do PROTECTION=$$protection .ci/lab/kerberos.sh run $(GO) test -count 1 -run 'Ticket|Kerberos' ./internal/storage; done

test-yarn: build need-java ## spark-submit to a real YARN over HDFS, the driver here and in a container (skipped, and said so, without mvn or Hadoop's jars)
	$(call SPARKENV,.venv) .ci/lab/hdfs.sh run .ci/lab/yarn.sh run .ci/lab/submit.sh client cluster

test-spark35: build .venv-spark35/.made build/environment.tar.gz need-java ## Python tests, the quick start and the demo with PySpark 3.5
	$(call SPARKENV,.venv-spark35) .venv-spark35/bin/python $(PYTEST) -m 'not patient' python/tests/test_*.py python/tests/examples/test_quickstart.py python/tests/examples/test_demo.py

test-standalone: build .venv-spark35/.made build/environment.tar.gz need-java ## spark-submit to a real standalone cluster, the sidecar by each way of shipping, with both PySparks
	for venv in .venv .venv-spark35; do $(call SPARKENV,$$venv) .ci/lab/standalone.sh run .ci/lab/submit.sh; done

test-wheel: wheel build need-java ## the wheels: what they hold, pip and auditwheel on them, a training from one in a bare environment, arm64 under qemu
	.ci/lab/qemu.sh .venv/bin/python $(PYTEST) python/tests/wheel

test-plugin: build .venv-spark35/.made need-java ## the Spark plugin and the Scala API in both PySparks, Spark Connect in PySpark 4 (skipped, and said so, without mvn)
	if .ci/lab/plugin.sh possible; then $(MAKE) --no-print-directory plugin; fi
	$(call SPARKENV,.venv) .ci/lab/plugin.sh test 2.13 .venv/bin/python $(PYTEST)
	$(call SPARKENV,.venv-spark35) .ci/lab/plugin.sh test 2.12 .venv-spark35/bin/python $(PYTEST) -m 'not patient'

test-torch: build need-java ## the PyTorch example, with Debian's CPU build of PyTorch (installed by `make torch`)
	if .ci/lab/torch.sh possible; then $(MAKE) --no-print-directory torch; fi
	$(call SPARKENV,.venv-torch) .ci/lab/torch.sh test

test-page: build need-java ## the page of a run, in headless Chromium
	$(call SPARKENV,.venv) .ci/lab/chromium.sh .venv/bin/python $(PYTEST) python/tests/page

docker-smoke: ## the local cluster of docker/ for real, a worker killed halfway (skipped, and said so, where no Docker engine can be had)
	.ci/lab/docker.sh run .ci/lab/smoke.sh

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

bench-ml: build need-java ## deepdist.ml beside pyspark.ml: fit, transform and findSynonyms on the same text
	@$(call SPARKENV,.venv) .venv/bin/python internal/bench/ml.py

bench-hdfs: build need-java ## how fast text comes out of HDFS, read by the sidecars and through sc.textFile, and what that costs
	@$(call SPARKENV,.venv) .ci/lab/hdfs.sh run .venv/bin/python internal/bench/hdfs.py

bench-kernel: build ## words per second of the training kernel and of gensim, by dimension and threads
	@.venv/bin/python internal/bench/kernel.py

bench-threads: build ## what a second thread costs the first: words per CPU second with two over one, five turns
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

build/wheel-%/psserver: $(GOFILES) go.mod go.sum | need-go
	GOOS=linux GOARCH=$* $(GOSTATIC) -o $@ ./psserver

build/wheel-%/deepdist-sidecar: $(GOFILES) go.mod go.sum | need-go
	GOOS=linux GOARCH=$* $(GOSTATIC) -o $@ ./sidecar

build/licences/THIRD-PARTY.txt: go.mod go.sum .ci/lab/licences.sh | need-go
	.ci/lab/licences.sh $@

build/wheel-%/.made: build/wheel-%/psserver build/wheel-%/deepdist-sidecar build/licences/THIRD-PARTY.txt $(PYFILES) $(JARS) .venv/.made
	@[ -n "$(JARS)" ] || echo 'make: the wheel gets no jar of the Spark plugin: there is no scala/pom.xml, or no mvn (Debian: apt install maven)' >&2
	cd python && DEEPDIST_PROGRAMS=$(CURDIR)/build/wheel-$* ../.venv/bin/python -m hatchling build -t wheel -d ../build/dist
	touch $@

build/environment.tar.gz: $(WHEELHERE) .ci/lab/environment.sh
	.ci/lab/environment.sh "$(PYTHON)" $@

# Scala 2.12 is that of PySpark 3.5, 2.13 that of Spark 4.
build/jars/deepdist-spark_%.jar: scala/pom.xml $(SCALAFILES) | need-mvn
	mvn -q -B -f scala/pom.xml -P scala-$* package

.venv/.made: python/requirements-spark4.txt python/pyproject.toml .ci/lab/venv.sh | need-python
	.ci/lab/venv.sh "$(PYTHON)" .venv python/requirements-spark4.txt

.venv-spark35/.made: python/requirements-spark35.txt python/pyproject.toml .ci/lab/venv.sh | need-python
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

need-mvn:
	@command -v mvn >/dev/null || { echo 'make: mvn is missing, which builds the Spark plugin: install Maven 3.8 or newer (Debian: apt install maven)' >&2; exit 1; }

.PRECIOUS: build/wheel-%/psserver build/wheel-%/deepdist-sidecar
# What the list of commands shows are no files.
.PHONY: $(shell awk -F: '/^[a-z0-9-]+:.*\#\# / {print $$1}' $(firstword $(MAKEFILE_LIST))) need-go need-python need-java need-mvn in-hdfs
