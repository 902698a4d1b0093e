# What a newcomer and CI type. `make help` lists the targets.
CARGO ?= cargo
QT_BIN ?= target/release/quanttrade

.PHONY: help demo serve secrets build test test-debug lint bench

help:
	@echo "make demo        build, run a backtest on bundled real data, write report.html"
	@echo "make serve       build, start the service on this machine: API, first screen, paper trading"
	@echo "make secrets     write deploy/secrets.env, for the compose file"
	@echo "make test        install what the tests need, run all of them"
	@echo "make test-debug  the core's tests on an unoptimised build"
	@echo "make lint        formatting and lints, as CI checks them"
	@echo "make bench       print the measured speeds of this machine"

demo: build
	$(QT_BIN) demo

serve: build
	$(QT_BIN) serve

secrets:
	./deploy/secrets.sh

build:
	$(CARGO) build --release --locked --bin quanttrade

test:
	./scripts/test

test-debug:
	$(CARGO) test --locked -p qt-types -p qt-engine -p qt-risk -p qt-strategies -p qt-data -p qt-backtest

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

bench: build
	$(QT_BIN) bench backtest
