import type { Sight } from './story.ts'

/** One delivery to one app: what was to be seen, and what was. */
export interface Line {
  readonly app: string
  readonly title: string
  readonly expected: Sight
  readonly actual: Sight
}

export function isAsExpected({ expected, actual }: Line): boolean {
  return (
    actual.outcome === expected.outcome &&
    actual.status === expected.status &&
    actual.saw === expected.saw
  )
}

/** 0 when there are lines and every one is exactly as expected. */
export function exitStatus(lines: readonly Line[]): 0 | 1 {
  return lines.length > 0 && lines.every(isAsExpected) ? 0 : 1
}
