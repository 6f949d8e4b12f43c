import { describe, expect, it } from "vitest";
import { directoryLink, routeOf } from "../../src/state/route";

describe("where one is", () => {
  it("is a directory, whatever stands in its name", () => {
    for (const path of ["/home/me/code", "/srv/a b/ü#?%25", "/"]) {
      expect(routeOf(directoryLink(path))).toEqual({ page: "new", path });
    }
    expect(routeOf("#/new")).toEqual({ page: "new", path: "" });
  });

  it("is the list, where the fragment says nothing that is known", () => {
    for (const fragment of ["", "#", "#/", "#/projects", "#/projects/", "#/else", "#/new/%E0%A4%A", "#pair=pair_12"]) {
      expect(["projects", "new"]).toContain(routeOf(fragment).page);
    }
    expect(routeOf("#/new/%E0%A4%A")).toEqual({ page: "new", path: "" });
  });

  it("is a project, or an event of it", () => {
    expect(routeOf("#/projects/p1")).toEqual({ page: "project", id: "p1", at: null });
    expect(routeOf("#/projects/p1/42")).toEqual({ page: "project", id: "p1", at: 42 });
    for (const odd of ["0", "-1", "1e3", "x", "9".repeat(20)]) {
      expect(routeOf(`#/projects/p1/${odd}`)).toEqual({ page: "project", id: "p1", at: null });
    }
  });

  it("is a pairing only with a whole code", () => {
    const code = `pair_${"5e".repeat(16)}`;
    expect(routeOf(`#pair=${code}&key=kJ8`)).toEqual({ page: "pair", code });
    expect(routeOf("#pair=pair_5e")).toEqual({ page: "projects" });
    expect(routeOf(`#/projects/${code}`)).toEqual({ page: "project", id: code, at: null });
  });
});
