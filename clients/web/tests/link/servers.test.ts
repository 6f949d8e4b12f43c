import { beforeEach, describe, expect, it } from "vitest";
import { forgetServer, keepServer, knownServers, MOST, originOf } from "../../src/link/servers";

describe("other servers", () => {
  beforeEach(() => window.localStorage.clear());

  it("are https origins, taken from addresses and links", () => {
    expect(originOf("https://my.host:8443/#pair=pair_5e")).toBe("https://my.host:8443");
    expect(originOf("my.host:8443")).toBe("https://my.host:8443");
    for (const link of [
      "http://my.host",
      "javascript:alert(1)",
      "https://me@my.host",
      "",
      "https://",
      "data:text/html,x",
    ]) {
      expect(originOf(link)).toBe("");
    }
  });

  it("are kept once each, called anew, forgotten", () => {
    keepServer({ origin: "https://a:1", name: "A" });
    keepServer({ origin: "https://b:1", name: "B" });
    keepServer({ origin: "https://a:1", name: "Home" });
    expect(knownServers()).toEqual([
      { origin: "https://b:1", name: "B" },
      { origin: "https://a:1", name: "Home" },
    ]);
    forgetServer("https://b:1");
    expect(knownServers()).toEqual([{ origin: "https://a:1", name: "Home" }]);
  });

  it("are so many at most", () => {
    for (let index = 0; index <= MOST; index++) keepServer({ origin: `https://s${index}`, name: "" });
    expect(knownServers()).toHaveLength(MOST);
    expect(knownServers().at(-1)?.origin).toBe(`https://s${MOST}`);
  });

  it("are read with care: what was kept may be anything", () => {
    for (const kept of ["{", "7", '[7, {"origin": "javascript:alert(1)", "name": "x"}, {"name": "y"}]']) {
      window.localStorage.setItem("servers", kept);
      expect(knownServers()).toEqual([]);
    }
  });
});
