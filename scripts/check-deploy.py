"""What no linter knows of the files in deploy/: that they agree with each other."""

import json
import re
import sys
from pathlib import Path

import yaml

root = Path(__file__).resolve().parent.parent
faults = []


def hold(truth, words):
    if not truth:
        faults.append(words)


compose = yaml.safe_load((root / "deploy/compose.yaml").read_text())
services = compose["services"]
backend = services["quanttrade-backend"]
dockerfile = (root / "deploy/Dockerfile").read_text()
port = re.search(r"PORT=(\d+)", dockerfile)[1]
hold(backend["environment"]["PORT"] == port, "compose and Dockerfile name other ports")
hold(f"EXPOSE {port}" in dockerfile, "the Dockerfile exposes another port")
label = "traefik.http.services.quanttrade.loadbalancer.server.port"
hold(backend["labels"][label] == port, "the reverse proxy goes to another port")
hold("env_file" in backend, "the compose file must demand deploy/secrets.env")
for name, service in services.items():
    for key, value in (service.get("environment") or {}).items():
        is_secret = re.search("SECRET|PASSWORD|TOKEN|KEY", key)
        hold(not is_secret, f"{name}: {key} must come from secrets.env, not {value!r}")
hold(re.search(r"^USER (?!0)\d+", dockerfile, re.M), "the image must not run as root")
hold("HEALTHCHECK" in dockerfile, "the image needs a health probe")

# Every series that a rule or the dashboard reads is one that the service says it has.
dashboard = json.loads((root / "deploy/grafana/quanttrade.json").read_text())
rules = yaml.safe_load((root / "deploy/prometheus/rules.yaml").read_text())
recorded = {rule["record"] for group in rules["groups"] for rule in group["rules"] if "record" in rule}
asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
documented = set(re.findall(r"`(quanttrade_\w+)", (root / "docs/OPERATIONS.md").read_text()))
for expression in asked:
    for name in re.findall(r"\bquanttrade[:_][\w:]+", expression):
        base = re.sub("_bucket$", "", name)
        hold(base in documented or name in recorded, f"{name} is no series of docs/OPERATIONS.md")
runbook = (root / "docs/RUNBOOK.md").read_text()
anchors = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
           for head in re.findall(r"^#+ (.+)$", runbook, re.M)}
for group in rules["groups"]:
    for rule in group["rules"]:
        if "alert" in rule:
            anchor = rule["annotations"]["runbook"].split("#")[1]
            hold(anchor in anchors, f"{rule['alert']}: the runbook has no {anchor}")

for fault in faults:
    print(fault, file=sys.stderr)
sys.exit(1 if faults else 0)
