import { seeded as seededNumbers, type Seeded as Numbers } from '../src/conformance/seeded.ts'

/** Random numbers that a seed decides, so that a failing case can be run again. */
export interface Seeded extends Numbers {
  bytes(length: number): Buffer
}

export function seeded(seed: number): Seeded {
  const { below, pick } = seededNumbers(seed)
  return {
    below,
    pick,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  }
}
