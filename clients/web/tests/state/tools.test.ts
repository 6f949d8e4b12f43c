import { describe, expect, it } from "vitest";
import type { Result } from "../../src/state/findings";
import { outcomeOf } from "../../src/state/outcome";
import { headlineOf } from "../../src/state/tools";

const ROOT = "/home/ada/app";

function result(text: string, details: Result["details"] = {}, isError = false): Result {
  return { at: "2026-01-31T12:00:01Z", isError, text, images: [], details };
}

describe("the headline of a call", () => {
  it.each([
    ["Bash", { command: "make \\\n test" }, "Bash", "make test"],
    ["Bash", { command: "a\nb" }, "Bash", "a …"],
    ["Read", { file_path: `${ROOT}/src/app.py`, offset: 10, limit: 41 }, "Read", "src/app.py (lines 10–50)"],
    ["Read", { file_path: `${ROOT}/src/app.py`, offset: 7 }, "Read", "src/app.py (from line 7)"],
    ["Read", { file_path: "/etc/hosts", limit: 1 }, "Read", "/etc/hosts (line 1)"],
    ["Read", { file_path: "/home/ada/application/x" }, "Read", "/home/ada/application/x"],
    ["MultiEdit", { file_path: `${ROOT}/a.py` }, "Edit", "a.py"],
    ["NotebookEdit", { notebook_path: `${ROOT}/n.ipynb`, cell_id: 3 }, "Edit", "n.ipynb (cell 3)"],
    ["Grep", { pattern: "x", path: `${ROOT}/src`, glob: "*.ts" }, "Grep", '"x" in src (*.ts)'],
    ["Grep", { pattern: "x", path: ROOT }, "Grep", '"x"'],
    ["Task", { subagent_type: "Explore", description: "look" }, "Task", "Explore: look"],
    ["AskUserQuestion", { questions: [{ question: "A?" }, { question: "B?" }] }, "Question", "A? (+1)"],
    ["mcp__git__log", { path: `${ROOT}/x`, n: 3 }, "git · log", "x"],
    ["Unheard", { depth: 3 }, "Unheard", "depth: 3"],
    ["constructor", {}, "constructor", ""],
  ])("tells of %s %j what a person wants to know", (name, input, title, subject) => {
    expect(headlineOf(name, input, ROOT)).toEqual({ title, subject });
  });

  it("is one harmless line, whatever the agent gave", () => {
    const { subject } = headlineOf("Bash", { command: `\u001b[2J\u202e${"x".repeat(5000)}` }, ROOT);
    expect(subject).toMatch(/^␛\[2J\ufffdx+ …$/);
    expect(subject.length).toBeLessThanOrEqual(500);
  });
});

describe("the outcome of a call", () => {
  it.each([
    ["Bash", result("x", { stdout: "a\nb\n", stderr: "" }), "2 lines"],
    ["Bash", result("(Bash completed with no output)"), "no output"],
    ["Bash", result("Exit code 3\nboom", {}, true), "exit 3"],
    ["Bash", result("", { backgroundTaskId: "b1" }), "in the background"],
    ["Read", result("", { file: { numLines: 1200 } }), "1,200 lines"],
    ["Grep", result("", { mode: "files_with_matches", numFiles: 1 }), "1 file"],
    ["Grep", result("", { mode: "count", numMatches: 2 }), "2 matches"],
    ["Edit", result("ok", { structuredPatch: [{ lines: [" a", "-b", "+c", "+d"] }] }), "+2 −1"],
    ["Write", result("ok", { type: "create" }), "2 lines"],
    ["WebFetch", result("", { code: 200, bytes: 2048 }), "200 · 2.0 KB"],
    ["Read", result("<tool_use_error>File does not exist.</tool_use_error>", {}, true), "File does not exist."],
    ["AskUserQuestion", result("", { answers: { "A?": "x", "B?": ["y", "z"] } }), "x · y, z"],
  ])("of %s is told in a few words: %#", (name, found, told) => {
    expect(outcomeOf(name, { content: "1\n2\n" }, found, false, 0)).toBe(told);
  });

  it("is the reason where a person said no, and nothing where they gave none", () => {
    expect(outcomeOf("Bash", {}, result("Use make.", {}, true), true, 0)).toBe("Use make.");
    expect(outcomeOf("Bash", {}, result("The person said no.", {}, true), true, 0)).toBe("");
  });
});
