import { describe, expect, it } from "vitest";
import { brought, nameOf, systemOf } from "../../src/state/pairing";

const ORIGIN = "https://my.host:8443";
const CODE = `pair_${"5e".repeat(16)}`;
const PIXEL =
  "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36";
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
const MAC =
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
const EDGE =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
const FOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

describe("what is brought to be paired", () => {
  it("is a code, bare or in a link to this server, with spaces around it", () => {
    for (const text of [CODE, ` ${CODE}\n`, `${ORIGIN}/#pair=${CODE}&key=kJ8`, `#pair=${CODE}`]) {
      expect(brought(text, ORIGIN)).toEqual({ code: CODE });
    }
  });

  it("is for another server where its link says so: the code is not sent here", () => {
    expect(brought(`https://other:8443/#pair=${CODE}`, ORIGIN)).toEqual({ elsewhere: "https://other:8443" });
    expect(brought(`https://my.host/#pair=${CODE}`, ORIGIN)).toEqual({ elsewhere: "https://my.host" });
  });

  it("is nothing that can be read, else", () => {
    const others = [
      "",
      "pair_5e",
      ORIGIN,
      `http://my.host:8443/#pair=${CODE}`,
      `${ORIGIN}1/#pair=${CODE}`,
      `javascript:alert(1)#pair=${CODE}`,
    ];
    for (const text of others) expect(brought(text, ORIGIN)).toBe("unreadable");
  });
});

describe("a device", () => {
  it("is called by its browser and its system", () => {
    expect(nameOf(PIXEL)).toBe("Chrome on Android");
    expect(nameOf(IPHONE)).toBe("Safari on iPhone");
    expect(nameOf(MAC)).toBe("Safari on Mac");
    expect(nameOf(FOX)).toBe("Firefox on Linux");
    expect(nameOf("curl/8")).toBe("Browser");
  });

  it("trusts a certificate in the way of its system, or of Firefox on a desk", () => {
    expect(systemOf(PIXEL, 5)).toBe("android");
    expect(systemOf(IPHONE, 5)).toBe("apple");
    expect(systemOf(MAC, 0)).toBe("mac");
    expect(systemOf(MAC, 5)).toBe("apple");
    expect(systemOf(EDGE, 0)).toBe("windows");
    expect(systemOf(FOX, 0)).toBe("firefox");
    expect(systemOf("Mozilla/5.0 (X11; Linux x86_64) Chrome/140", 0)).toBe("linux");
  });
});
