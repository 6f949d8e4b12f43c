// @vitest-environment node
import { expect, test } from "vitest";
import { MAX_COUNT, MAX_SIZE, MAX_TOGETHER, mediaTypeOf, surplus } from "../../src/state/attaching";

test.each([
  ["a picture", ["x"], "image/png", "image/png"],
  ["a PDF", ["x"], "application/pdf", "application/pdf"],
  ["a program, which is a text", ["print(1)"], "text/x-python", "text/plain"],
  ["a text of which the browser knows nothing", ["äöü"], "", "text/plain"],
  ["a long text whose letters are cut in two", [`${"ä".repeat(40_000)}`, "x"], "", "text/plain"],
  ["a picture that the agent cannot see", [new Uint8Array([0, 1])], "image/heic", null],
  ["bytes", [new Uint8Array([1, 255])], "", null],
])("%s is sent as what it is", async (_, parts, type, sent) => {
  expect(await mediaTypeOf(new Blob(parts as BlobPart[], { type }))).toBe(sent);
});

test("of one prompt there are 16 attachments, of 5 MiB each and 10 MiB together", () => {
  const one = { size: 1 };
  const full = Array.from({ length: MAX_COUNT }, () => one);
  expect(surplus(full.slice(1), 1)).toBeNull();
  expect(surplus(full, 1)).toBe("count");
  expect(surplus([], MAX_SIZE)).toBeNull();
  expect(surplus([], MAX_SIZE + 1)).toBe("size");
  expect(surplus([], 11, 10)).toBe("size");
  expect(surplus([{ size: MAX_TOGETHER - 1 }], 1)).toBeNull();
  expect(surplus([{ size: MAX_TOGETHER - 1 }], 2)).toBe("together");
  expect(surplus([], 0)).toBe("empty");
});
