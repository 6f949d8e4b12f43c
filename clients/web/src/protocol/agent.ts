/**
 * What the Claude CLI says (its stream-json), as far as we show it. The server passes it on untouched and has no schema of
 * it, so nothing here is taken for granted: a field that is not as expected reads as missing.
 */

export type Json = Record<string, unknown>;

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function text(of: Json, name: string): string {
  const found = of[name];
  return typeof found === "string" ? found : "";
}

export function number(of: Json, name: string): number | null {
  const found = of[name];
  return typeof found === "number" && Number.isFinite(found) ? found : null;
}

export function list(of: Json, name: string): readonly unknown[] {
  const found = of[name];
  return Array.isArray(found) ? found : [];
}

export function objects(of: Json, name: string): readonly Json[] {
  return list(of, name).filter(isJson);
}

export function object(of: Json, name: string): Json {
  const found = of[name];
  return isJson(found) ? found : {};
}
