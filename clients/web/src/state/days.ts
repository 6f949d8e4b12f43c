/** The day of a time where the person is: `2026-01-31`. */
export function dayOf(at: string): string {
  const time = new Date(at);
  const two = (number: number) => `${number}`.padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}
