"""What no linter knows of the files in deploy/: that they agree with each other."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
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
hold(backend["env_file"] == "secrets.env", "the compose file must demand deploy/secrets.env")
hold(services["postgres"]["env_file"] == "postgres.env", "PostgreSQL gets its password alone")
hold("/dev/shm:/dev/shm" in backend["volumes"], "the journals' memory must be the host's")
hold("--appendonly" in services["redis"]["command"], "Redis must keep revoked tokens on disk")


def settings(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


# The secrets: written once, each to whom it belongs; a rotation leaves the database alone.
with tempfile.TemporaryDirectory() as folder:
    script = Path(shutil.copy(root / "deploy/secrets.sh", folder))
    run = lambda *words: subprocess.run([script, *words], capture_output=True, text=True).returncode
    hold(run("rotate") == 1, "there is nothing to rotate yet")
    hold(run() == 0, "the secrets cannot be written")
    files = {name: Path(folder) / f"{name}.env" for name in ["secrets", "postgres"]}
    before = settings(files["secrets"])
    hold(set(settings(files["postgres"])) == {"POSTGRES_PASSWORD"}, "postgres.env has more")
    hold(settings(files["postgres"])["POSTGRES_PASSWORD"] in before["DATABASE_URL"], "two passwords")
    hold(run() == 1 and settings(files["secrets"]) == before, "secrets are overwritten")
    hold(run("rotate") == 0, "the secrets cannot be rotated")
    after = settings(files["secrets"])
    changed = {name for name in before if before[name] != after.get(name)}
    hold(changed == {"JWT_SECRET_KEY", "METRICS_TOKEN"}, f"a rotation changes {changed}")
    for path in files.values():
        hold(path.stat().st_mode & 0o777 == 0o600, f"{path.name} can be read by others")
    hold(len(list(Path(folder).iterdir())) == 3, "something is left behind")
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
