/** A client identifier that none of the clients has: `client-1`, `client-2`, … */
export function freeName(taken: readonly string[]): string {
  for (let number = 1; ; number += 1) {
    const name = `client-${number}`;
    if (!taken.includes(name)) return name;
  }
}
