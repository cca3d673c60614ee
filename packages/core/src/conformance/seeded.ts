/** Random numbers that a seed decides, so that a failing case can be run again (mulberry32). */
export interface Seeded {
  /** A whole number from 0 up to, but not including, the limit. */
  below(this: void, limit: number): number
  pick<Item>(this: void, items: readonly Item[]): Item
}

export function seeded(seed: number): Seeded {
  let state = seed

  function below(limit: number): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }

  function pick<Item>(items: readonly Item[]): Item {
    const item = items[below(items.length)]
    if (item === undefined) throw new Error('There is nothing to pick from.')
    return item
  }

  return { below, pick }
}
