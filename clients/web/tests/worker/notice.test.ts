import { describe, expect, it } from "vitest";
import { projectOf } from "../../src/state/route";
import { noticeOf, pathOf } from "../../src/worker/notice";

const MESSAGE = {
  kind: "permission",
  project_id: "0b5c0a5e-8a3f-4f0e-9d5c-2f3f7c1f6a10",
  project_name: "app",
  seq: 7,
  title: "app: a permission is asked for",
  quiet: true,
};

describe("a push message", () => {
  it("is shown with its title, one of each project and kind", () => {
    const notice = noticeOf(MESSAGE);
    expect(notice.title).toBe("app: a permission is asked for");
    expect(notice.silent).toBe(true);
    expect(notice.tag).toBe(noticeOf({ ...MESSAGE, seq: 8 }).tag);
    expect(notice.tag).not.toBe(noticeOf({ ...MESSAGE, kind: "failed" }).tag);
  });

  it("is shown in general words where it is not as it should be", () => {
    for (const message of [null, undefined, "text", 7, [], {}, { title: 7, quiet: "yes" }]) {
      expect(noticeOf(message)).toMatchObject({ title: "Pocket Agent", silent: false, projectId: "" });
    }
  });

  it("leads to its project, and to nothing else", () => {
    expect(pathOf(MESSAGE.project_id)).toBe(`/#/projects/${MESSAGE.project_id}`);
    for (const id of ["", null, 7, "https://evil.example", "../x", "a/b", "a b", `${"a".repeat(65)}`]) {
      expect(pathOf(id)).toBe("/");
      expect(projectOf({ open: id })).toBe("");
    }
    expect(projectOf({ open: MESSAGE.project_id })).toBe(MESSAGE.project_id);
    expect(projectOf(MESSAGE.project_id)).toBe("");
  });
});
