const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const ONE = String.raw`\d+(?:\.\d+)?(?:ms|s|m|h|d)`

/** A time as text: `'500ms'`, `'90s'`, `'2h'`, `'1h30m'`, `'1.5d'`. */
export type Duration = OneUnit | `${OneUnit}${OneUnit}`
type OneUnit = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** Reads a time such as `90s`, `2h`, `1h30m` or `1.5d` as milliseconds; undefined if it is not one. */
export function readDuration(text: string): number | undefined {
  if (!new RegExp(`^(?:${ONE})+$`).test(text)) return undefined
  const parts = text.match(new RegExp(ONE, 'g')) ?? []
  return Math.round(
    parts.reduce((sum, part) => {
      const [, count, unit = ''] = /^([\d.]+)([a-z]+)$/.exec(part) ?? []
      return sum + Number(count) * (UNITS[unit] ?? 0)
    }, 0),
  )
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
