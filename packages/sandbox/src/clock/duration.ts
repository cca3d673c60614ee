const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g

/** A time as text: `'500ms'`, `'90s'`, `'2h'`, `'1h30m'`, `'1.5d'`. */
export type Duration = OneUnit | `${OneUnit}${OneUnit}`
type OneUnit = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** Reads a time such as `90s`, `2h`, `1h30m` or `1.5d` as milliseconds; undefined if it is not one. */
export function readDuration(text: string): number | undefined {
  const parts = [...text.matchAll(PART)]
  if (text === '' || parts.map(([part]) => part).join('') !== text) return undefined
  const ms = parts.map(([, count, unit = '']) => Number(count) * (UNITS[unit] ?? 0))
  return Math.round(ms.reduce((sum, each) => sum + each))
}

/** Writes milliseconds in the two largest units that matter: `1h 30m`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`
  let left = Math.round(ms / 1000) * 1000
  const parts: string[] = []
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = UNITS[unit] ?? 1
    const count = Math.floor(left / size)
    left -= count * size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join(' ')
}

/** Milliseconds since 1970 as ISO 8601. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
